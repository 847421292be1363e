"""What an effect leaves in the ledger, and the facts that later decisions need of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from pipeline.ledger import effects, returns
from pipeline.ledger.effects import EffectRow
from pipeline.parts import Parts
from schemas.actions import (
    AdoptCreditNote,
    GoodsEnd,
    PostCreditNote,
    RecordRefund,
    UnitGoods,
    VerifyRestock,
)
from schemas.effects import EffectState, Outcome
from schemas.sales import restock_open

#: Goods that never come back on a shelf: kept by the shopper, or a service and the like.
_NOTHING_TO_STOCK = frozenset({"keep", "not_stock", "drop_ship"})


class LedgerStore:
    """The effect protocol's store: every change is one committed transaction."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def claim(self, effect_id: int, now: datetime, lease: timedelta) -> EffectRow | None:
        """Take a due effect under a new fence."""
        with self._parts.ledger.write() as conn:
            return effects.claim(conn, effect_id, now, lease)

    def change(self, row: EffectRow, now: datetime, **values: Any) -> EffectRow | None:
        """Move it on, if this worker still holds it."""
        with self._parts.ledger.write() as conn:
            return effects.change(conn, row, now, **values)

    def confirm(self, row: EffectRow, outcome: Outcome, now: datetime) -> EffectRow | None:
        """Write the outcome, once, together with the facts of its units."""
        with self._parts.ledger.write() as conn:
            done = effects.confirm(conn, row, outcome, now)
            if done is not None:
                keep_facts(conn, done, now)
            return done


def keep_facts(conn: sa.Connection, row: EffectRow, now: datetime) -> None:
    """Write what a confirmed effect means for each of its units."""
    if row.state != EffectState.CONFIRMED or row.return_id is None:
        return
    action = row.action
    if isinstance(action, PostCreditNote):
        number = effects.number_of(conn, row.effect_id)
        for goods in action.goods:
            facts: dict[str, Any] = {"credited_at": now, "credited": goods.gross.amount, "credit_note": number}
            returns.set_unit_facts(conn, row.return_id, [goods.unit], **facts, **_goods_facts(row, goods, now))
    if action.goods_end:
        for goods in getattr(action, "goods", ()):
            returns.set_unit_facts(conn, row.return_id, [goods.unit], **_moved_facts(row, goods, now))
    if isinstance(action, VerifyRestock):
        # A restock that the tenant posted later than its money: this reading is what saw it.
        stocked = {u["returned_item_id"] for u in returns.units_of(conn, row.return_id) if u["stocked_at"]}
        for goods in (one for one in action.goods if one.unit not in stocked):
            returns.set_unit_facts(conn, row.return_id, [goods.unit], **_moved_facts(row, goods, now))
    if isinstance(action, RecordRefund):
        # When and how much the shopper got stays ReturnGO's word; ours is only where Cin7 shows it.
        paid = {"refund_payment": row.progress.get("payment_id", "")}
        returns.set_unit_facts(conn, row.return_id, action.settles, **paid)
    returns.set_unit_facts(conn, row.return_id, getattr(action, "released", ()), exchange_released_at=now)
    if isinstance(action, AdoptCreditNote):
        share = (action.gross * (Decimal(1) / max(len(action.units), 1))).quantized().amount
        facts = {"credited_at": now, "credited": share, "credit_note": action.number}
        returns.set_unit_facts(conn, row.return_id, action.units, **facts)


def _goods_facts(row: EffectRow, goods: UnitGoods, now: datetime) -> dict[str, Any]:
    """Where the unit's goods are. A restock that the tenant posts apart from the money has not happened yet."""
    if goods.location and not restock_left_open(row):
        return {"stocked_at": now, "stocked_as": goods.disposition, "stocked_where": goods.location}
    if goods.disposition in _NOTHING_TO_STOCK:
        return {"stocked_at": now, "stocked_as": goods.disposition}
    return {}


def _moved_facts(row: EffectRow, goods: UnitGoods, now: datetime) -> dict[str, Any]:
    """Where the unit's goods are after a stock document."""
    if row.action.goods_end is GoodsEnd.GONE:
        where = goods.parts[0].restock_location if goods.parts else ""
        return {"stocked_at": now, "stocked_as": "written_off", "stocked_where": where}
    return {"stocked_at": now, "stocked_as": goods.disposition, "stocked_where": goods.location}


def restock_left_open(row: EffectRow) -> bool:
    """Whether the tenant posts restock apart from the money (the references leave this open, so the answer of the write
    decides)."""
    wants = isinstance(row.action, PostCreditNote) and bool(row.action.restock)
    return wants and restock_open(row.progress.get("restock_status", ""))
