"""Every consumer, one line each."""

from __future__ import annotations

from consumers import credit_notes, exchange_orders, refunds, stock_adjustments, stock_availability
from consumers.case import Consumer

ROSTER: tuple[Consumer, ...] = (
    Consumer("credit-notes", credit_notes.hears, credit_notes.gather, credit_notes.plan),
    Consumer("stock-adjustments", stock_adjustments.hears, stock_adjustments.gather, stock_adjustments.plan),
    Consumer("refunds", refunds.hears, refunds.gather, refunds.plan),
    Consumer("exchange-orders", exchange_orders.hears, exchange_orders.gather, exchange_orders.plan),
    Consumer("stock-availability", stock_availability.hears, stock_availability.gather, stock_availability.plan),
)


def consumer(name: str) -> Consumer:
    """The consumer of this name. Raises KeyError with the known names."""
    for entry in ROSTER:
        if entry.name == name:
            return entry
    raise KeyError(f"no consumer named {name!r}; the roster has {', '.join(c.name for c in ROSTER)}")
