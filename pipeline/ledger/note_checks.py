"""Which sales have credit notes of ours to be read back, and when each was last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from pipeline.ledger.concerns import OPEN
from pipeline.ledger.effects import TAKEN_BACK, EffectRow, of_row
from pipeline.ledger.schema import all as t
from pipeline.ledger.store import upsert
from schemas.effects import EffectState
from schemas.sales import AUTHORISED

_F, _S, _N, _X, _R = t.effects.c, t.sales.c, t.note_checks.c, t.exceptions.c, t.returns.c
#: Notes older than this are finance's closed history.
LOOK_BACK = timedelta(days=120)
#: Lists keep two places where documents keep four.
_ROUNDING = Decimal("0.01")
#: Our own write touches the sale too: where Cin7 dates a touch within this of our confirmation, its figures decide
#: whether it was only ours.
OWN_TOUCH = timedelta(minutes=2)
#: Every note is verified once, this long after it was confirmed: by the bulk list, or by a read where that differs.
FIRST_CHECK = timedelta(days=1)
#: A sale with an open finding is read again this often, so that the finding closes by itself.
AGAIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Kept:
    """A confirmed note as the ledger keeps it."""

    effect: EffectRow
    rma: str
    number: str
    reference: str
    gross: Any
    currency: str
    digest: str
    ours: bool
    confirmed_at: datetime


def due(
    conn: sa.Connection, shop: str, raised_by: str, now: datetime, limit: int, listed: datetime | None = None
) -> list[tuple[str, datetime | None]]:
    """Sales to read back, the longest unseen first: (sale id, how new the index says it is).

    `listed` is when the reading of the last whole list began: of what we posted before, its figures tell.
    """
    last = sa.func.max(_F.confirmed_at).label("last")
    # Each note has its first check; a later note of the sale does not put that off.
    ripe = sa.func.max(sa.case((_F.confirmed_at <= now - FIRST_CHECK, _F.confirmed_at))).label("ripe")
    mine = (_F.shop == shop) & (_F.kind == "credit") & (_F.state == EffectState.CONFIRMED) & (_F.sale_id != "")
    notes = sa.select(_F.sale_id, last, ripe).where(mine & (_F.confirmed_at >= now - LOOK_BACK)).group_by(_F.sale_id)
    grouped = notes.subquery()
    same_sale = (_S.shop == shop) & (_S.sale_id == grouped.c.sale_id)
    same_check = (_N.shop == shop) & (_N.sale_id == grouped.c.sale_id)
    query = (
        sa.select(
            grouped.c.sale_id,
            grouped.c.last,
            grouped.c.ripe,
            _S.updated,
            _S.credited,
            _S.credit_note_status,
            _N.updated.label("seen"),
            _N.checked_at,
        )
        .select_from(grouped.outerjoin(t.sales, same_sale).outerjoin(t.note_checks, same_check))
        .order_by(_N.checked_at.nulls_first(), grouped.c.last)
    )
    troubled = _troubled(conn, shop, raised_by)
    found = [
        (str(r["sale_id"]), r["updated"])
        for r in map(dict, conn.execute(query).mappings())
        if _is_due(conn, shop, r, troubled, now, listed)
    ]
    return found[:limit]


def _troubled(conn: sa.Connection, shop: str, raised_by: str) -> set[str]:
    query = (
        sa.select(_F.sale_id)
        .join(t.exceptions, _X.return_id == _F.return_id)
        .where((_X.shop == shop) & (_X.raised_by == raised_by) & (_X.state == OPEN))
    )
    return {str(sale_id) for sale_id in conn.execute(query).scalars()}


def _is_due(
    conn: sa.Connection, shop: str, row: Mapping[str, Any], troubled: set[str], now: datetime, listed: datetime | None
) -> bool:
    last, updated, checked, ripe = row["last"], row["updated"], row["checked_at"], row["ripe"]
    if checked is not None and row["sale_id"] in troubled and checked <= now - AGAIN:
        return True
    if ripe is not None and (checked is None or checked < ripe + FIRST_CHECK):
        return not _vouched_for(conn, shop, row)
    if updated is None or (row["seen"] is not None and updated <= row["seen"]):
        return False
    if updated > last + OWN_TOUCH:
        return True
    return listed is not None and listed >= last and _shown_otherwise(conn, shop, row)


def _vouched_for(conn: sa.Connection, shop: str, row: Mapping[str, Any]) -> bool:
    """Whether the bulk list, read after our posting and before anybody touched the sale again, shows just what we
    credited: then the note costs no read of its own."""
    touched = row["updated"] is None or not row["last"] - OWN_TOUCH <= row["updated"] <= row["last"] + OWN_TOUCH
    if touched or row["checked_at"] is not None or row["credit_note_status"] != AUTHORISED or row["credited"] is None:
        return False
    return _agrees(conn, shop, row)


def _shown_otherwise(conn: sa.Connection, shop: str, row: Mapping[str, Any]) -> bool:
    """Whether the list's figures say that more than our own posting happened: another status, another sum."""
    if row["credit_note_status"] != AUTHORISED:
        return bool(row["credit_note_status"])
    # An authorised note and nothing credited: a list that does not tell what was credited.
    return bool(row["credited"]) and not _agrees(conn, shop, row)


def _agrees(conn: sa.Connection, shop: str, row: Mapping[str, Any]) -> bool:
    mine = (
        (_F.shop == shop) & (_F.sale_id == row["sale_id"]) & (_F.kind == "credit") & (_F.state == EffectState.CONFIRMED)
    )
    ours = sum((gross for gross in conn.execute(sa.select(_F.gross).where(mine)).scalars() if gross), Decimal(0))
    return bool(abs(ours - Decimal(row["credited"])) <= _ROUNDING)


def seen(conn: sa.Connection, shop: str, sale_id: str, updated: datetime | None, now: datetime) -> None:
    """This sale was compared, as new as the index said it is."""
    upsert(conn, t.note_checks, {"shop": shop, "sale_id": sale_id}, {"updated": updated, "checked_at": now})


def confirmed_notes(conn: sa.Connection, shop: str, sale_id: str) -> list[Kept]:
    """Every confirmed note of the sale, ours and adopted, in the order of confirmation."""
    mine = (_F.shop == shop) & (_F.sale_id == sale_id) & (_F.kind == "credit") & (_F.state == EffectState.CONFIRMED)
    query = (
        sa.select(t.effects, _R.rma_id)
        .join(t.returns, _R.id == _F.return_id)
        .where(mine)
        .order_by(_F.confirmed_at, _F.id)
    )
    return [_kept(dict(row)) for row in conn.execute(query).mappings()]


def _kept(row: Mapping[str, Any]) -> Kept:
    return Kept(
        effect=of_row(row),
        rma=row["rma_id"],
        number=row["number"],
        reference=row["reference"],
        gross=row["gross"],
        currency=row["currency"],
        digest=row["digest"],
        ours=row["source"] == "ours",
        confirmed_at=row["confirmed_at"],
    )


def first_digest(conn: sa.Connection, effect_id: int, digest: str) -> None:
    """What an adopted note looked like when it was first read back."""
    conn.execute(t.effects.update().where((_F.id == effect_id) & (_F.digest == "")).values(digest=digest))


def keep_standing(conn: sa.Connection, effect: EffectRow, taken_back: str) -> bool:
    """Write down that the note was taken back in Cin7 (its status there, or "gone"), or that it stands ("").
    True when that is new."""
    known = effect.progress.get(TAKEN_BACK, "")
    if known == taken_back:
        return False
    progress = {name: value for name, value in effect.progress.items() if name != TAKEN_BACK}
    progress |= {TAKEN_BACK: taken_back} if taken_back else {}
    conn.execute(t.effects.update().where(_F.id == effect.effect_id).values(progress=progress))
    return True


def told_elsewhere(conn: sa.Connection, return_id: int, raised_by: str) -> frozenset[str]:
    """Exception types that somebody else has open for this return already."""
    query = sa.select(_X.type).where((_X.return_id == return_id) & (_X.state == OPEN) & (_X.raised_by != raised_by))
    return frozenset(str(kind) for kind in conn.execute(query).scalars())
