"""One supervised process: started in its own group, noticed when it dies, started again after a growing pause."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from pipeline.running.die_with_parent import die_with_parent
from pipeline.running.roles import Role

SHORTEST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
STEADY_SECONDS = 30.0
LOG_LIMIT_BYTES = 20_000_000


class Child:
    """A role and the process that plays it. Times are seconds on a monotonic clock, given by the caller."""

    def __init__(self, role: Role, env: Mapping[str, str], log: Path | None) -> None:
        self.role = role
        self.port = role.port
        self.restarts = 0
        self.due = 0.0
        self._env = {**env, **role.env}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._pause = SHORTEST_PAUSE

    @property
    def pid(self) -> int:
        """The process id, 0 while it is down."""
        return self._process.pid if self._process is not None else 0

    @property
    def url(self) -> str:
        """Where the role listens; "" if it does not, or not yet."""
        return self.role.address.format(port=self.port) if self.role.address and self.ready() else ""

    def start(self, now: float) -> None:
        """Starts the process. On Linux it is told to end when the thread that started it dies."""
        if self.role.port_file is not None:
            self.role.port_file.unlink(missing_ok=True)
        with self._output() as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own commands
                [part.replace("{port}", str(self.port)) for part in self.role.command],
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT if output else None,
                process_group=0,  # a Ctrl-C on the terminal reaches only the supervisor, which stops the rest in order
                preexec_fn=die_with_parent(),  # noqa: PLW1509 - two system calls, no Python locks
            )
        self._started = now

    def ready(self) -> bool:
        """Whether the process runs and, if it listens, has said where."""
        if self._process is None or self._process.poll() is not None:
            return False
        if self.role.port_file is None:
            return True
        with contextlib.suppress(FileNotFoundError, ValueError):
            self.port = int(self.role.port_file.read_text())
            return True
        return False

    def died(self, now: float) -> int | None:
        """Returns the exit code once, when the process is found dead; a restart is then due after the pause."""
        if self._process is None or (code := self._process.poll()) is None:
            return None
        self._clear_group()
        self._process = None
        if now - self._started > STEADY_SECONDS:
            self._pause = SHORTEST_PAUSE
        self.due = now + self._pause
        self._pause = min(LONGEST_PAUSE, self._pause * 2)
        return code

    def restart_if_due(self, now: float) -> bool:
        """Starts the process again when it is down and its pause is over."""
        if self._process is not None or now < self.due:
            return False
        self.restarts += 1
        self.start(now)
        return True

    def ask_to_stop(self) -> None:
        """SIGTERM to the process itself; a Celery worker then finishes its task and ends its pool."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def gone(self) -> bool:
        """Whether the process has ended; what is left of its group is then cleared away."""
        if self._process is None:
            return True
        if self._process.poll() is None:
            return False
        self._clear_group()
        self._process = None
        return True

    def kill(self) -> None:
        """SIGKILL to the whole group."""
        if self._process is not None:
            self._clear_group()
            self._process.wait()
            self._process = None

    def trim_log(self) -> None:
        """Moves a log that has grown too long aside; the process goes on writing at the start of the file."""
        if self._log is not None and self._log.exists() and self._log.stat().st_size > LOG_LIMIT_BYTES:
            self._log.with_suffix(".log.1").write_bytes(self._log.read_bytes())
            os.truncate(self._log, 0)

    def last_words(self, lines: int = 3) -> str:
        """The end of the role's log."""
        if self._log is None or not self._log.exists():
            return ""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:])

    def _clear_group(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _output(self) -> contextlib.AbstractContextManager[IO[bytes] | None]:
        return contextlib.nullcontext() if self._log is None else self._log.open("ab")
