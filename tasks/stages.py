"""The Celery application with its stages registered: `celery -A tasks worker`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from celery import Celery, signals

from consumers.roster import ROSTER
from pipeline import log
from pipeline.broker import SWEEP, celery_app
from pipeline.parts import CONSUME
from pipeline.settings import Settings, load
from tasks import consume, intake, reading, strays, sweep
from tasks.base import StageTask, parts


def make_app(settings: Settings | None = None) -> Celery:
    """The application for these settings (by default those of the environment), with every stage registered by name."""
    settings = settings or load()
    app = celery_app(settings, [c.name for c in ROSTER])
    _register(app)
    strays.watch(settings)
    every = settings.intervals.sweep
    app.conf.beat_schedule = {
        # An unread tick is worthless after the next one: without an expiry a stopped worker would wake to a heap of
        # them.
        "sweep": {"task": sweep.TICK, "schedule": every, "options": {"queue": SWEEP, "expires": max(every * 2, 2.0)}},
    }
    signals.setup_logging.connect(lambda **_: log.for_role(settings, "worker"), weak=False)
    return app


def _register(app: Celery) -> None:
    def stage(name: str) -> Callable[[Callable[..., None]], Any]:
        wrap: Callable[[Callable[..., None]], Any] = app.task(name=name, base=StageTask, ignore_result=True)
        return wrap

    @stage(intake.ADMIT)
    def admit(**_: Any) -> None:
        if intake.admit(parts()):
            reading.read_due(parts())

    @stage(intake.REFRESH)
    def refresh(**_: Any) -> None:
        reading.read_due(parts())

    @stage(CONSUME)
    def run(entry_id: int, **_: Any) -> None:
        consume.run(parts(), entry_id)

    @stage(sweep.TICK)
    def tick(**_: Any) -> None:
        sweep.tick(parts())
