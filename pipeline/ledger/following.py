"""What follows from a delivery that was understood: returns to read, entries to wake, polls to bring forward."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from pipeline.ledger import availability, cursors, entries, returns, sales
from schemas import hooks
from schemas.hooks import Nudge

_LONGEST_SKU = 120


@dataclass(slots=True)
class Followed:
    """What must be hinted at after the commit: how many returns are due to be read, and which entries woke."""

    returns: int = 0
    woken: list[tuple[int, str]] = field(default_factory=list)


def subject_of(nudge: Nudge) -> str:
    """The delivery's subject, e.g. `rma:1042` or `sale:<id>`."""
    word = {hooks.RETURN: "rma", hooks.SALE: "sale"}.get(nudge.kind)
    if word and nudge.ids:
        return f"{word}:{','.join(nudge.ids)}"[:120]
    return f"order:{nudge.order_number}"[:120] if nudge.order_number else nudge.kind


def follow(conn: sa.Connection, shop: str, nudge: Nudge, now: datetime) -> Followed:
    """Do in the ledger what the nudge asks for."""
    done = Followed()
    if nudge.kind == hooks.RETURN and nudge.ids:
        for rma_id in nudge.ids:
            returns.nudge(conn, shop, rma_id, now)
        done.returns = len(nudge.ids)
    elif nudge.kind == hooks.SALE:
        done.woken = _wake_sale(conn, shop, nudge, now)
    elif nudge.kind == hooks.STOCK:
        # No product has such a SKU, and not every database would take it.
        skus = [row.sku for row in nudge.rows if len(row.sku) <= _LONGEST_SKU and row.sku.isprintable()]
        done.woken = [availability.touch(conn, shop, skus, now)]
    else:
        # No RMA id in it: the shop's open returns and transactions are swept instead.
        cursors.ask_cursor(conn, shop, "returngo:open")
        cursors.ask_cursor(conn, shop, "returngo:transactions")
    return done


def _wake_sale(conn: sa.Connection, shop: str, nudge: Nudge, now: datetime) -> list[tuple[int, str]]:
    sale_ids = list(nudge.ids)
    if nudge.order_number:
        sale_ids += [str(row["sale_id"]) for row in sales.sales_named(conn, shop, [nudge.order_number])]
    return [woken for sale_id in dict.fromkeys(sale_ids) for woken in entries.wake_sale(conn, shop, sale_id, now)]
