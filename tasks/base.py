"""What every Celery task shares: the parts of this process, log context, and the promise that a message carries nothing
but ids."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import structlog
from celery import Task
from celery.exceptions import SoftTimeLimitExceeded

from consumers.roster import ROSTER
from pipeline.failures import TimeUp
from pipeline.parts import Parts
from pipeline.settings import load

_parts: dict[int, Parts] = {}


def parts() -> Parts:
    """The parts of this process: built once, and again in a forked child."""
    pid = os.getpid()
    if pid not in _parts:
        _parts.clear()
        _parts[pid] = Parts(load(), consumers=tuple(c.name for c in ROSTER))
    return _parts[pid]


@contextmanager
def time_limited() -> Iterator[None]:
    """The soft time limit inside raises TimeUp, which no `except Exception` swallows; outside it is Celery's again.

    Celery's own is an Exception: whatever forgives failures on the way (the broker, a transport, a library) would
    forgive it too, and the task would run on into the hard limit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGUSR1, _time_is_up)
    try:
        yield
    except TimeUp:
        raise SoftTimeLimitExceeded from None
    finally:
        signal.signal(signal.SIGUSR1, before)


def _time_is_up(_number: int, _frame: object) -> NoReturn:
    raise TimeUp


class StageTask(Task[Any, Any]):
    """One stage. Tolerates keywords it does not know, so that old workers can meet new messages."""

    abstract = True
    stage: Callable[..., Any]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the stage with log context bound for the time of the run."""
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(task=self.name, task_id=self.request.id)
        try:
            with time_limited():
                return super().__call__(*args, **kwargs)
        finally:
            structlog.contextvars.clear_contextvars()
