"""A sale that the ledger remembers and Cin7 has voided, deleted or given to another order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.calls.failures import NotFound
from pipeline.calls.quota import Priority
from pipeline.ledger import concerns, cursors
from pipeline.parts import Parts, ShopParts
from schemas.concerns import Concern, ConcernType
from schemas.sales import VOIDED, Sale


def standing(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The rows of the sale index that are not voided; where all are, the one that was touched last: an order may be
    voided and imported again more than once."""
    alive = [row for row in rows if row["status"] != VOIDED]
    dated = [row for row in rows if row["updated"] is not None]
    if alive or not dated:
        return alive or list(rows)
    return [max(dated, key=lambda row: row["updated"])]


def let_go(
    parts: Parts, shop: str, order_name: str, sale_id: str, sale: Sale | None, *, anothers: bool
) -> list[Mapping[str, Any]]:
    """Forget a sale that is the order's no more. Gives our notes on it: then nothing is forgotten. On another order's
    sale (`anothers`) only notes of this order speak; the other order may have its own."""
    with parts.ledger.write() as conn:
        notes = cursors.notes_on(conn, shop, sale_id, order_name if anothers else "")
        if not notes:
            cursors.forget_sale(conn, shop, order_name)
            cursors.correct_sale_row(conn, shop, sale_id, sale)
    return notes


def drop_lost(parts: Parts, shop: ShopParts, concern: Concern, dropped: set[str]) -> bool:
    """Whether some of the sales that leave a choice are voided or gone by now, beside those `dropped` before: no list
    ever shows a deletion, so each is read before a person is asked."""
    before = len(dropped)
    for sale_id in {sale_id for sale_id in concern.details.get("sales", "").split(", ") if sale_id} - dropped:
        try:
            sale = shop.cin7.sale(sale_id, priority=Priority.MONEY)
        except NotFound:
            sale = None
        if sale is None or sale.voided:
            dropped.add(sale_id)
            with parts.ledger.write() as conn:
                cursors.correct_sale_row(conn, shop.name, sale_id, sale)
    return len(dropped) > before


def settled_outside(parts: Parts, return_id: int | None) -> bool:
    """Whether a person settled the return outside its voided sale, and accepted that."""
    if return_id is None:
        return False
    with parts.ledger.read() as conn:
        return ConcernType.SALE_VOIDED in concerns.accepted(conn, return_id)


def with_our_notes(
    order_name: str, sale: Sale | None, notes: Sequence[Mapping[str, Any]], return_id: int | None
) -> Sale | Concern:
    """What a person must settle, because a credit note of ours is or was on the sale. A voided sale speaks for
    itself."""
    if sale is not None and sale.voided:
        return sale
    numbers = ", ".join(dict.fromkeys(str(note["name"]) for note in notes))
    if sale is not None:
        return Concern(
            ConcernType.ORDER_NOT_FOUND,
            f"Order {order_name} was credited by {numbers} on sale {sale.order_number}, which now carries the name "
            f"{sale.customer_reference or '(none)'}.",
            f"Put {order_name} back into the sale's Customer Reference, or credit the rest by hand.",
            details={"sale": sale.sale_id},
        )
    ours = any(note["return_id"] == return_id for note in notes)
    return Concern(
        ConcernType.CN_DRIFT if ours else ConcernType.ORDER_NOT_FOUND,
        f"The sale of order {order_name} is no longer in Cin7, and credit note {numbers} went with it.",
        "Find out who deleted the sale and why; credit what is due by hand. Nothing more is posted for this order.",
    )


def unreadable(order_name: str, sale_id: str) -> Concern:
    """Cin7 lists a sale and denies it when it is read."""
    return Concern(
        ConcernType.ORDER_NOT_FOUND,
        f"Cin7 lists a sale for order {order_name}, but has none when it is read (ID {sale_id}).",
        "Open the sale in Cin7; this continues by itself once it can be read.",
    )
