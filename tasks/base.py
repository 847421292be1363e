"""What every Celery task shares: the parts of this process, log context, and the promise that a message carries nothing
but ids."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import structlog
from celery import Task

from consumers.roster import ROSTER
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


class StageTask(Task[Any, Any]):
    """One stage. Tolerates keywords it does not know, so that old workers can meet new messages."""

    abstract = True
    stage: Callable[..., Any]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the stage with log context bound for the time of the run."""
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(task=self.name, task_id=self.request.id)
        try:
            return super().__call__(*args, **kwargs)
        finally:
            structlog.contextvars.clear_contextvars()
