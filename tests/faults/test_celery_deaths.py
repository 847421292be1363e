"""The same deaths under real Celery: a prefork child killed inside a task, a worker killed, the broker flushed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from consumers.roster import NAMES
from tests.faults.killing import Cell, Recovery
from tests.faults.metadata import fault
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]
QUEUES = ",".join(["intake", "sweep", *NAMES])
CellMaker = Callable[[str, Recovery], Cell]


@contextmanager
def celery_worker(cell: Cell, *, armed: bool) -> Iterator[int]:
    """One prefork worker with a beat of its own, for every queue; stopped with its children by its process group."""
    command = [sys.executable, "-m", "celery", "-A", "tasks", "worker", "-Q", QUEUES, "-P", "prefork", "-c", "1"]
    beat = ["-B", "-s", str(cell.folder / "beat"), "--without-gossip", "--without-mingle"]
    with (cell.folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [*command, *beat, "-n", f"{cell.prefix[:-1]}@local"],
            cwd=ROOT,
            env=os.environ | cell.environment(armed=armed),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield process.pid
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@fault("F21 F22 F31", "SIGKILL of the prefork child inside a task", "nothing: the worker goes on, one credit note")
@pytest.mark.parametrize("point", ["entry.claimed", "effect.sending", "effect.answered"])
def test_a_child_killed_inside_a_task_leaves_one_note(point: str, make_cell: CellMaker) -> None:
    cell = make_cell(point, Recovery.RESTART)
    cell.arrive()
    with celery_worker(cell, armed=True):
        until(f"{point} is reached", cell.died.exists, log=cell.log)
        until("all is well", cell.well, log=cell.log)


@fault(
    "F20 F23 F28",
    "SIGKILL of the whole worker with a task in hand, then FLUSHALL of the broker, then a new worker",
    "nothing: what was admitted is in the ledger, and the sweep brings it back",
)
def test_a_flushed_broker_is_boring_once_the_return_is_admitted(make_cell: CellMaker) -> None:
    cell = make_cell("reading.claimed", Recovery.RESTART)
    cell.arrive()
    with celery_worker(cell, armed=True):
        until("the child died", cell.died.exists, log=cell.log)
    cell.bench.redis.flushall()
    with celery_worker(cell, armed=False):
        until("all is well", cell.well, log=cell.log)
