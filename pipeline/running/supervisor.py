"""`returnline up`: starts every role, restarts one that dies, stops all of them in order, leaves nothing behind."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import time
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from types import FrameType

from pipeline.running import valkey
from pipeline.running.child import Child
from pipeline.running.roles import Role, child_environment, run_folder
from pipeline.settings.values import Settings

LOOK_SECONDS = 0.1
TRIM_SECONDS = 60.0
SERVER_PAUSE_SECONDS = 5.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class AlreadyRunningError(RuntimeError):
    """Another supervisor runs on the same data folder."""


class Supervisor:
    """Keeps the roles of one data folder alive. Start it from the main thread: its children die with that thread.

    `say` receives one line per thing worth telling. `ephemeral` has the embedded server die with us;
    `stream` sends the roles' logs to our own output and not to `DATA/log`.
    """

    def __init__(
        self,
        settings: Settings,
        roles: Sequence[Role],
        *,
        say: Callable[[str], None] = lambda _line: None,
        ephemeral: bool = False,
        stream: bool = False,
        migrate: Callable[[Settings], None] | None = None,
    ) -> None:
        self.settings = settings
        self.redis_url = settings.redis_url
        self._roles = roles
        self._say = say
        self._ephemeral = ephemeral
        self._stream = stream
        self._migrate = migrate or _migrate_ledger
        self._server: valkey.Embedded | None = None
        self._children: list[Child] = []
        self._announced: dict[str, str] = {}
        self._asked = 0
        self._lock = -1
        self._trimmed = 0.0
        self._server_due = 0.0

    def start(self) -> None:
        """Takes the data folder, starts the embedded server if it is wanted, migrates the ledger, starts the roles.

        Raises AlreadyRunningError, EmbeddedServerError, and whatever the ledger's migration raises.
        """
        self._take_folder()
        try:
            self._start_server()
            self._migrate(self.settings)
            env = child_environment(self.settings, self.redis_url)
            self._children = [Child(role, env, self._log_of(role)) for role in self._roles]
            for child in self._children:
                child.start(time.monotonic())
        except BaseException:
            self.stop()
            raise
        self._tell()

    def ready(self) -> bool:
        """Whether every role runs and every address is known."""
        return bool(self._children) and all(child.ready() for child in self._children)

    def look(self) -> None:
        """One round: notices the dead, restarts those that are due, tells new addresses."""
        now = time.monotonic()
        self._look_at_server(now)
        for child in self._children:
            if (code := child.died(now)) is not None:
                pause = child.due - now
                self._say(
                    f"{child.role.name}: ended ({_ending(code)}), again in {pause:.1f} s\n{child.last_words()}".rstrip()
                )
            child.restart_if_due(now)
        if now - self._trimmed > TRIM_SECONDS:
            self._trimmed = now
            for child in self._children:
                child.trim_log()
        self._tell()

    def run(self) -> None:
        """Starts the roles, looks after them until SIGINT, SIGTERM or SIGHUP, stops them; a second signal kills."""
        earlier = {number: signal.signal(number, self._on_signal) for number in STOP_SIGNALS}
        try:
            self.start()
            while not self._asked:
                self.look()
                time.sleep(LOOK_SECONDS)
        finally:
            self.stop()
            for number, previous in earlier.items():
                signal.signal(number, previous)

    def stop(self) -> None:
        """Stops the roles stage by stage (the ingress first), the embedded server last. Safe to call twice."""
        for _, stage in groupby(sorted(self._children, key=_stage), key=_stage):
            self._stop_together(list(stage))
        self._children = []
        if self._server is not None:
            self._say("valkey: stopping")
            self._server.stop()
            self._server = None
        if self._lock >= 0:
            self._roles_file().unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = -1

    def _stop_together(self, stage: list[Child]) -> None:
        for child in stage:
            self._say(f"{child.role.name}: stopping")
            child.ask_to_stop()
        limit = time.monotonic() + max(child.role.grace for child in stage)
        staying = list(stage)
        while staying and time.monotonic() < limit and self._asked <= 1:
            time.sleep(LOOK_SECONDS / 2)
            staying = [child for child in staying if not child.gone()]
        for child in staying:
            self._say(f"{child.role.name}: did not stop in time, killed")
            child.kill()

    def _start_server(self) -> None:
        if self.settings.redis_url:
            return
        folder = valkey.folder_of(self.settings.data_dir)
        self._server = valkey.start(folder, follow=self._ephemeral)
        self.redis_url = self._server.url

    def _look_at_server(self, now: float) -> None:
        if self._server is None or self._server.alive() or now < self._server_due:
            return
        self._say("valkey: ended, starting it again")
        folder = valkey.folder_of(self.settings.data_dir)
        try:
            # The same port and password: every role finds it again by itself.
            self._server = valkey.start(folder, port=self._server.port, follow=self._ephemeral)
        except valkey.EmbeddedServerError as error:
            self._server_due = time.monotonic() + SERVER_PAUSE_SECONDS
            self._say(f"valkey: {error}")

    def _take_folder(self) -> None:
        folder = run_folder(self.settings.data_dir)
        for needed in (self.settings.data_dir, folder, self.settings.data_dir / "log"):
            needed.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(folder / "supervisor.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise AlreadyRunningError(
                f"{self.settings.data_dir}: already up; `returnline down` stops it, or use another --data"
            ) from None
        os.truncate(lock, 0)
        os.write(lock, str(os.getpid()).encode())
        self._lock = lock

    def _tell(self) -> None:
        rows = self._rows()
        for row in rows:
            state = f"{row['url'] or 'running'}  pid {row['pid']}" if row["pid"] else "down"
            if self._announced.get(str(row["role"])) != state:
                self._announced[str(row["role"])] = state
                self._say(f"{row['role']}: {state}")
        _write_whole(
            self._roles_file(), json.dumps({"ready": self.ready(), "supervisor": os.getpid(), "roles": rows}, indent=1)
        )

    def _rows(self) -> list[dict[str, object]]:
        rows: list[dict[str, object]] = []
        if self._server is not None:
            url = valkey.server_url(self._server.port, "")
            rows.append({"role": "valkey", "pid": self._server.pid, "url": url, "restarts": 0})
        rows += [{"role": c.role.name, "pid": c.pid, "url": c.url, "restarts": c.restarts} for c in self._children]
        return rows

    def _roles_file(self) -> Path:
        return run_folder(self.settings.data_dir) / "roles.json"

    def _log_of(self, role: Role) -> Path | None:
        return None if self._stream else self.settings.data_dir / "log" / f"{role.name.replace(' ', '-')}.log"

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._asked += 1


def bring_down(data_dir: Path, grace: float = 120.0) -> bool:
    """Stops the supervisor of this folder, or an embedded server left behind without one. Returns whether anything ran.

    Raises TimeoutError when the supervisor is still there after `grace` seconds.
    """
    pid = running_supervisor(data_dir)
    if pid:
        os.kill(pid, signal.SIGTERM)
        limit = time.monotonic() + grace
        while running_supervisor(data_dir):
            if time.monotonic() > limit:
                raise TimeoutError(
                    f"the supervisor (pid {pid}) is still stopping after {grace:.0f} s; look at {data_dir}/log"
                )
            time.sleep(LOOK_SECONDS)
    server = valkey.adopt(valkey.folder_of(data_dir))
    if server is not None:
        server.stop()
    return bool(pid or server)


def running_supervisor(data_dir: Path) -> int:
    """The process id of the supervisor that holds this folder, 0 if none. The lock decides, not the number."""
    with contextlib.suppress(FileNotFoundError), (run_folder(data_dir) / "supervisor.lock").open("r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(lock.read() or 0)
    return 0


def _migrate_ledger(settings: Settings) -> None:
    from pipeline.ledger import migrate

    migrate(settings)


def _stage(child: Child) -> int:
    return child.role.stage


def _ending(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _write_whole(path: Path, text: str) -> None:
    if path.exists() and path.read_text() == text:
        return
    part = path.with_name(f".{path.name}")
    part.write_text(text)
    part.replace(path)
