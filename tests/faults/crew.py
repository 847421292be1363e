"""Real Celery workers on one installation, for the faults that only real processes can have."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.waiting import BOUND, until

ROOT = Path(__file__).resolve().parents[2]
#: Small enough for a test; the rules between the intervals still hold.
INTERVALS = """
sweep = 0.3
returngo_poll = 2.0
transactions_poll = 2.0
sales_poll = 5.0
notes_poll = 5.0
lookup_waits = [0.2, 0.4, 0.8]
quiet_period = 3.2
lease = 3.2
park_max = 60
quota_patience = 1.0
"""
QUICK: dict[str, Any] = {"intervals": INTERVALS, "write_deadline": 1.5, "read_deadline": 1.5}


@dataclass
class Worker:
    """One Celery worker: a parent process and its forked children."""

    process: subprocess.Popen[bytes]
    log_path: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def alive(self) -> bool:
        return self.process.poll() is None

    def ready(self) -> bool:
        return " ready." in self.log()

    def freeze(self) -> None:
        """Stop the whole group, so that nothing it reads from now on is ever handled."""
        os.killpg(self.pid, signal.SIGSTOP)

    def kill(self) -> None:
        """SIGKILL for the parent and its children, as a power cut."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait(BOUND)

    def stop(self) -> None:
        """Ask it to stop; after a while it is made to."""
        if self.alive():
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGCONT)
            self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()


@contextmanager
def celery_worker(
    folder: Path,
    redis_url: str,
    *options: str,
    name: str = "worker",
    app: str = "tasks",
    env: dict[str, str] | None = None,
    wait: bool = True,
) -> Iterator[Worker]:
    """`celery worker` on the installation in `folder` (returnline.toml and data/); stopped by its pid at the end."""
    command = [sys.executable, "-m", "celery", "-A", app, "worker", "--loglevel", "INFO", "-n", f"{name}@test"]
    command += ["--without-gossip", "--without-mingle", *(options or ("-P", "solo"))]
    told = {"REDIS_URL": redis_url, "RETURNLINE_CONFIG": str(folder / "returnline.toml")}
    told |= {"RETURNLINE_DATA": str(folder / "data"), **(env or {})}
    path = folder / f"{name}.log"
    with path.open("wb") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **told}, stdout=log, stderr=log, process_group=0
        )
        worker = Worker(process, path)
        try:
            if wait:
                until("the worker is ready", worker.ready, log=worker.log)
            yield worker
        finally:
            worker.stop()
