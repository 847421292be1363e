"""Every consumer, one line each."""

from __future__ import annotations

from consumers import credit_notes, stock_availability
from consumers.case import Consumer

ROSTER: tuple[Consumer, ...] = (
    Consumer("credit-notes", credit_notes.hears, credit_notes.gather, credit_notes.plan),
    Consumer("stock-availability", stock_availability.hears, stock_availability.gather, stock_availability.plan),
)


def consumer(name: str) -> Consumer:
    """The consumer of this name. Raises KeyError with the known names."""
    for entry in ROSTER:
        if entry.name == name:
            return entry
    raise KeyError(f"no consumer named {name!r}; the roster has {', '.join(c.name for c in ROSTER)}")
