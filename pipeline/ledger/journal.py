"""What Cin7's journal says of each credit note. It is read in bulk, a thousand lines a call, so that no note costs a
call of its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal

import sqlalchemy as sa

from pipeline.ledger import entries
from pipeline.ledger.schema import all as t
from pipeline.ledger.store import upsert
from schemas.cin7.stock import JournalLine
from schemas.effects import LIVE, EffectState

_F = t.effects.c
_WAITING = (_F.kind == "value") & _F.state.in_(LIVE)


def days_wanted(conn: sa.Connection, shop: str) -> tuple[date, date] | None:
    """The days of the notes whose restock value is still to be checked; None where there is nothing to ask."""
    query = sa.select(_F.action).where((_F.shop == shop) & _WAITING)
    days = sorted(str(action["noted_on"]) for action in conn.execute(query).scalars() if action.get("noted_on"))
    return (date.fromisoformat(days[0]), date.fromisoformat(days[-1])) if days else None


def keep(conn: sa.Connection, shop: str, lines: Iterable[JournalLine], now: datetime) -> int:
    """Add up the debits of each credit note (reference "INV-…/CR-…"). Only whole days add up to the truth."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        _, slash, number = line.reference.partition("/")
        if slash and number.strip():
            sums[number.strip()] += line.amount
    for number, debits in sums.items():
        upsert(conn, t.journal_notes, {"shop": shop, "number": number}, {"debits": debits, "read_at": now})
    return len(sums)


def debits_of(conn: sa.Connection, shop: str, number: str) -> Decimal | None:
    """The sum of one credit note's debits in base currency; None while no journal showed it."""
    c = t.journal_notes.c
    return conn.execute(sa.select(c.debits).where((c.shop == shop) & (c.number == number))).scalar_one_or_none()


def wake_waiting(conn: sa.Connection, shop: str, now: datetime) -> list[tuple[int, str]]:
    """Make the value checks due that waited for the journal; says which (entry id, consumer)."""
    rows = conn.execute(
        sa.select(_F.id, t.entries.c.id, t.entries.c.consumer)
        .join(t.entries, t.entries.c.id == _F.entry_id)
        .where((_F.shop == shop) & _WAITING)
    ).all()
    for effect_id, entry_id, _ in rows:
        conn.execute(
            t.effects.update().where((_F.id == effect_id) & (_F.state == EffectState.PLANNED)).values(due_at=now)
        )
        entries.make_due(conn, int(entry_id), now)
    return [(int(entry_id), str(consumer)) for _, entry_id, consumer in rows]
