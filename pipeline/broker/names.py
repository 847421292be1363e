"""Names on the wire: tasks and queues. Messages in flight must find them, so they never change."""

from __future__ import annotations

from collections.abc import Iterable

INTAKE = "intake"
SWEEP = "sweep"
DEAD = ".dead"

ADMIT = "tasks.intake.admit"
REFRESH = "tasks.intake.refresh"
TICK = "tasks.sweep.tick"
#: The stage that works on one entry.
CONSUME = "tasks.consume.run"


def queue_names(consumers: Iterable[str]) -> tuple[str, ...]:
    """Every queue: the stages' own, one per consumer, and a dead-letter queue beside each."""
    live = (INTAKE, SWEEP, *consumers)
    return (*live, *(dead_queue(name) for name in live))


def dead_queue(name: str) -> str:
    """The dead-letter queue of a queue."""
    return f"{name}{DEAD}"
