"""What an effect leaves behind: the facts of its units, the exceptions it raises, the dead letter it becomes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from consumers.case import Case
from pipeline.ledger import dead, effects, entries, returns
from pipeline.ledger.effects import CONFIRMED, REJECTED, UNCERTAIN, EffectRow, Outcome
from pipeline.ledger.entries import Claim
from pipeline.parts import Parts
from schemas.actions import (
    AdjustStock,
    AdoptCreditNote,
    CommentOnReturn,
    PostCreditNote,
    ReceiveShipment,
    RecordRefund,
    TransferStock,
    UnitGoods,
    VerifyRestock,
    WriteOffStock,
)
from schemas.concerns import Concern, ConcernType
from schemas.money import Money
from schemas.sales import restock_open
from tasks.perform import waits_for_person

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
    if row.state != CONFIRMED or row.return_id is None:
        return
    action = row.action
    if isinstance(action, PostCreditNote):
        number = effects.number_of(conn, row.effect_id)
        for goods in action.goods:
            facts: dict[str, Any] = {"credited_at": now, "credited": goods.gross.amount, "credit_note": number}
            returns.set_unit_facts(conn, row.return_id, [goods.unit], **facts, **_goods_facts(row, goods, now))
    if isinstance(action, WriteOffStock | TransferStock | AdjustStock):
        for goods in action.goods:
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
    if isinstance(row.action, WriteOffStock):
        where = goods.parts[0].restock_location if goods.parts else ""
        return {"stocked_at": now, "stocked_as": "written_off", "stocked_where": where}
    return {"stocked_at": now, "stocked_as": goods.disposition, "stocked_where": goods.location}


def money_of(row: EffectRow) -> Money | None:
    """The money an effect moves, as far as its action says."""
    gross = getattr(row.action, "gross", None) or getattr(row.action, "amount", None)
    gross = gross or getattr(row.action, "order_total", None)
    return gross if isinstance(gross, Money) else None


def concerns_of(row: EffectRow, case: Case) -> tuple[Concern, ...]:
    """What a person must know about this effect."""
    if row.state == UNCERTAIN and row.due_at is None:
        text = f"{_system(row)} may or may not hold the document of {row.key}: {row.why}."
        step = (
            f"Look for {row.action.marker} in {_system(row)}, then `returnline requeue --rma {case.ret.rma_id} --yes`: "
            "it looks first and adopts what is there."
        )
        return (Concern(ConcernType.WRITE_UNCERTAIN, text, step, money_of(row), row.action.units),)
    if row.state == REJECTED:
        step = f"Mend the cause named here, then `returnline requeue --rma {case.ret.rma_id} --yes`."
        text = f"{_system(row)} refused: {row.why}"
        return (Concern(ConcernType.WRITE_REJECTED, text, step, money_of(row), row.action.units),)
    if row.state == CONFIRMED and row.progress.get("differences"):
        text = f"The authorised document differs from what was sent: {row.progress['differences']}."
        return (
            Concern(
                ConcernType.CN_DRIFT, text, "Compare it in Cin7 and correct by hand.", money_of(row), row.action.units
            ),
        )
    if row.state == CONFIRMED and restock_left_open(row) and not _restock_seen(row, case):
        text = "The credit note is authorised, but Cin7 shows its restock as DRAFT: the goods are not back in stock."
        step = (
            "Authorise the restock of this credit note in Cin7 (this tenant does not post it together with the money)."
        )
        return (Concern(ConcernType.NOT_STOCKED_AGED, text, step, money_of(row), row.action.units),)
    return ()


#: What more than one consumer sees, each from its own document.
_SEEN_BY_MANY = frozenset({ConcernType.CN_DRIFT, ConcernType.REFUNDED_NOT_RECEIVED})


def told_already(concern: Concern, told: Sequence[tuple[str, frozenset[str]]]) -> bool:
    """Whether another stage has the same exception open for the same units (type, units): one cause, one exception."""
    if concern.kind not in _SEEN_BY_MANY:
        return False
    return any(kind == concern.kind and (not units or units >= set(concern.units)) for kind, units in told)


def _system(row: EffectRow) -> str:
    """Where the effect's document would be."""
    return "ReturnGO" if isinstance(row.action, CommentOnReturn | ReceiveShipment) else "Cin7"


def _restock_seen(row: EffectRow, case: Case) -> bool:
    """Whether a later look at the sale saw the goods of this note in stock."""
    looks = (e for e in case.effects if e.kind == "value" and e.confirmed)
    return any(set(look.units) & set(row.action.units) for look in looks)


def restock_left_open(row: EffectRow) -> bool:
    """Whether the tenant posts restock apart from the money (the references leave this open, so the answer of the write
    decides)."""
    wants = isinstance(row.action, PostCreditNote) and bool(row.action.restock)
    return wants and restock_open(row.progress.get("restock_status", ""))


def given_up(
    conn: sa.Connection, claimed: Claim, rows: list[EffectRow], leaving: tuple[str, str, datetime | None]
) -> tuple[str, str, datetime | None]:
    """Where nothing came of the entry but effects that a person discarded, it is refused for their reason."""
    if leaving[0] != entries.SETTLED or any(row.state == CONFIRMED for row in rows):
        return leaving
    discarded = effects.of_entry(conn, claimed.entry_id, (effects.DISCARDED,))
    if not discarded:
        return leaving
    return entries.REFUSED, "; ".join(dict.fromkeys(row.why for row in discarded)), None


def letter_of(row: EffectRow, claimed: Claim, case: Case) -> dead.Letter:
    """The dead letter of an effect that waits for a person."""
    if not waits_for_person(row):
        raise ValueError(f"effect {row.effect_id} does not wait for a person")
    return dead.Letter(
        shop=row.shop,
        queue=claimed.consumer,
        stage="perform",
        kind=ConcernType.WRITE_UNCERTAIN if row.state == UNCERTAIN else ConcernType.WRITE_REJECTED,
        reason=row.why,
        subject=case.ret.rma_id,
        entry_id=claimed.entry_id,
        effect_id=row.effect_id,
        return_id=claimed.return_id,
        money=money_of(row),
        evidence={
            "key": row.key,
            "marker": row.action.marker,
            "sends": row.sends,
            "lookups": row.lookups,
            "progress": dict(row.progress),
        },
    )
