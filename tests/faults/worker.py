"""A worker that may be killed: the stages in Celery's order, without Celery's weight.

`python -m tests.faults.worker` is the nursery: it has everything imported and forks a worker for each line it is told.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import structlog
from redis.exceptions import RedisError

from console.cli import main as command_line
from consumers.roster import NAMES
from pipeline.ledger import entries
from pipeline.parts import Parts
from pipeline.settings.load import load
from tasks.stages import consume, intake, reading, sweep
from tests.faults.metadata import tell

_PAUSE = 0.05
_SWEEP_EVERY = 0.3


def work(parts: Parts) -> None:
    """Round after round, until killed. A broker that is away is waited for, as Celery does."""
    swept = 0.0
    while True:
        try:
            if intake.admit(parts):
                reading.read_due(parts)
            reading.read_due(parts)
            _consume_due(parts)
            if time.monotonic() - swept > _SWEEP_EVERY:
                swept = time.monotonic()
                sweep.tick(parts)
        except (RedisError, OSError) as error:
            tell(f"waiting: {error!r}")
        time.sleep(_PAUSE)


def _consume_due(parts: Parts) -> None:
    with parts.ledger.read() as conn:
        due = [e for name in NAMES for e in entries.due(conn, name, parts.clock(), 20)]
    for entry_id in due:
        consume.run(parts, entry_id)


def _die_with_parent() -> None:
    """A worker never outlives the nursery, whatever happens to the test."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _child(told: dict[str, Any]) -> None:
    _die_with_parent()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(told["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.environ.update(told["env"])
    if told.get("command"):
        command_line(told["command"], prog_name="returnline")
        return
    settings = load(Path(told["config"]), Path(told["data"]))
    work(Parts(settings, consumers=NAMES))


def nursery() -> None:
    """Fork a worker for each line of standard input; answer with its process id."""
    _die_with_parent()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    structlog.configure(cache_logger_on_first_use=False)
    for line in sys.stdin:
        told = json.loads(line)
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                _child(told)
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    nursery()
