"""The Celery application with its stages registered: `celery -A tasks worker`."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import structlog
from celery import Celery, Task, signals
from celery.exceptions import SoftTimeLimitExceeded

from consumers.roster import NAMES
from pipeline import log
from pipeline.broker import names
from pipeline.broker.app import celery_app
from pipeline.broker.names import CONSUME, SWEEP
from pipeline.calls.failures import TimeUp
from pipeline.parts import Parts
from pipeline.running.address import redis_url
from pipeline.settings.load import load
from pipeline.settings.values import Settings
from tasks.stages import consume, intake, reading, sweep, unknown_messages

_parts: dict[int, Parts] = {}


def parts() -> Parts:
    """The parts of this process: built once, and again in a forked child."""
    pid = os.getpid()
    if pid not in _parts:
        _parts.clear()
        _parts[pid] = Parts(load(), consumers=NAMES)
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


def make_app(settings: Settings | None = None) -> Celery:
    """The application for these settings (by default those of the environment), with every stage registered by name."""
    settings = settings or load()
    app = celery_app(settings, NAMES, url=redis_url(settings))
    _register(app)
    unknown_messages.watch(settings)
    every = settings.intervals.sweep
    app.conf.beat_schedule = {
        # An unread tick is worthless after the next one: without an expiry a stopped worker would wake to a heap of
        # them.
        "sweep": {"task": names.TICK, "schedule": every, "options": {"queue": SWEEP, "expires": max(every * 2, 2.0)}},
    }
    signals.setup_logging.connect(lambda **_: log.for_role(settings, "worker"), weak=False)
    return app


def _register(app: Celery) -> None:
    def stage(name: str) -> Callable[[Callable[..., None]], Any]:
        wrap: Callable[[Callable[..., None]], Any] = app.task(name=name, base=StageTask, ignore_result=True)
        return wrap

    @stage(names.ADMIT)
    def admit(**_: Any) -> None:
        if intake.admit(parts()):
            reading.read_due(parts())

    @stage(names.REFRESH)
    def refresh(**_: Any) -> None:
        reading.read_due(parts())

    @stage(CONSUME)
    def run(entry_id: int, **_: Any) -> None:
        consume.run(parts(), entry_id)

    @stage(names.TICK)
    def tick(**_: Any) -> None:
        sweep.tick(parts())
