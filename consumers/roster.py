"""Who works: every consumer of returns and every task of a shop, one line each."""

from __future__ import annotations

from consumers import stock_availability
from consumers.consumer import Consumer, ShopTask
from consumers.credit_notes import decision as credit_notes
from consumers.exchange_orders import decision as exchange_orders
from consumers.refunds import decision as refunds
from consumers.stock_adjustments import decision as stock_adjustments

ROSTER: tuple[Consumer, ...] = (
    Consumer("credit-notes", credit_notes.hears, credit_notes.gather, credit_notes.plan),
    Consumer("stock-adjustments", stock_adjustments.hears, stock_adjustments.gather, stock_adjustments.plan),
    Consumer("refunds", refunds.hears, refunds.gather, refunds.plan),
    Consumer("exchange-orders", exchange_orders.hears, exchange_orders.gather, exchange_orders.plan),
)

SHOP_TASKS: tuple[ShopTask, ...] = (ShopTask(stock_availability.NAME),)

#: The names of both kinds: each has a queue, a worker and a dead-letter queue of this name.
NAMES = (*(entry.name for entry in ROSTER), *(task.name for task in SHOP_TASKS))


def consumer(name: str) -> Consumer:
    """The consumer of this name. Raises KeyError with the known names."""
    for entry in ROSTER:
        if entry.name == name:
            return entry
    raise KeyError(f"no consumer named {name!r}; the roster has {', '.join(entry.name for entry in ROSTER)}")
