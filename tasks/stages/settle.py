"""What an effect leaves behind: the facts of its units, the exceptions it raises, the dead letter it becomes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from consumers.case import Case
from pipeline.ledger import effects, entries
from pipeline.ledger.effects import EffectRow
from pipeline.ledger.entries import Claim
from pipeline.ledger.letters import dead
from schemas.concerns import Concern, ConcernType
from schemas.effects import EffectState
from tasks.effects.ledger_store import restock_left_open
from tasks.effects.perform import waits_for_person


def concerns_of(row: EffectRow, case: Case) -> tuple[Concern, ...]:
    """What a person must know about this effect."""
    action, system = row.action, row.action.system.called
    if row.state == EffectState.UNCERTAIN and row.due_at is None:
        text = f"{system} may or may not hold the document of {row.key}: {row.why}."
        step = (
            f"Look for {row.action.marker} in {system}, then `returnline requeue --rma {case.ret.rma_id} --yes`: "
            "it looks first and adopts what is there."
        )
        return (Concern(ConcernType.WRITE_UNCERTAIN, text, step, action.money, action.units),)
    if row.state == EffectState.REJECTED:
        step = f"Mend the cause named here, then `returnline requeue --rma {case.ret.rma_id} --yes`."
        text = f"{system} refused: {row.why}"
        return (Concern(ConcernType.WRITE_REJECTED, text, step, action.money, action.units),)
    if row.state == EffectState.CONFIRMED and row.progress.get("differences"):
        text = f"The authorised document differs from what was sent: {row.progress['differences']}."
        return (
            Concern(ConcernType.CN_DRIFT, text, "Compare it in Cin7 and correct by hand.", action.money, action.units),
        )
    if row.state == EffectState.CONFIRMED and restock_left_open(row) and not _restock_seen(row, case):
        text = "The credit note is authorised, but Cin7 shows its restock as DRAFT: the goods are not back in stock."
        step = (
            "Authorise the restock of this credit note in Cin7 (this tenant does not post it together with the money)."
        )
        return (Concern(ConcernType.NOT_STOCKED_AGED, text, step, action.money, action.units),)
    return ()


#: What more than one consumer sees, each from its own document.
_SEEN_BY_MANY = frozenset({ConcernType.CN_DRIFT, ConcernType.REFUNDED_NOT_RECEIVED})


def told_already(concern: Concern, told: Sequence[tuple[str, frozenset[str]]]) -> bool:
    """Whether another stage has the same exception open for the same units (type, units): one cause, one exception."""
    if concern.kind not in _SEEN_BY_MANY:
        return False
    return any(kind == concern.kind and (not units or units >= set(concern.units)) for kind, units in told)


def _restock_seen(row: EffectRow, case: Case) -> bool:
    """Whether a later look at the sale saw the goods of this note in stock."""
    looks = (e for e in case.effects if e.kind == "value" and e.confirmed)
    return any(set(look.units) & set(row.action.units) for look in looks)


def given_up(
    conn: sa.Connection, claimed: Claim, rows: list[EffectRow], leaving: tuple[str, str, datetime | None]
) -> tuple[str, str, datetime | None]:
    """Where nothing came of the entry but effects that a person discarded, it is refused for their reason."""
    if leaving[0] != entries.SETTLED or any(row.state == EffectState.CONFIRMED for row in rows):
        return leaving
    discarded = effects.of_entry(conn, claimed.entry_id, (EffectState.DISCARDED,))
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
        kind=ConcernType.WRITE_UNCERTAIN if row.state == EffectState.UNCERTAIN else ConcernType.WRITE_REJECTED,
        reason=row.why,
        subject=case.ret.rma_id,
        entry_id=claimed.entry_id,
        effect_id=row.effect_id,
        return_id=claimed.return_id,
        money=row.action.money,
        evidence={
            "key": row.key,
            "marker": row.action.marker,
            "sends": row.sends,
            "lookups": row.lookups,
            "progress": dict(row.progress),
        },
    )
