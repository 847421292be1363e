"""Exceptions in the ledger: opened once, refreshed while true, closed by themselves when the facts become right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from pipeline.ledger.schema import all as t
from pipeline.ledger.store import insert_once
from schemas.concerns import Concern, ConcernType, owner_of

OPEN, CLOSED = "open", "closed"
#: Who a close is written down for when no person did it.
BY_FACTS = "facts became right"
_X = t.exceptions.c


def _values(concern: Concern, owners: Mapping[str, str], now: datetime) -> dict[str, Any]:
    return {
        "owner": owners.get(concern.kind.value) or owner_of(concern.kind).value,
        "cause": concern.cause,
        "next_step": concern.next_step,
        "money": concern.money.amount if concern.money else None,
        "currency": concern.money.currency if concern.money else "",
        "units": list(concern.units),
        "details": dict(concern.details),
        "seen_at": now,
    }


def raise_(
    conn: sa.Connection,
    shop: str,
    raised_by: str,
    subject: str,
    concern: Concern,
    now: datetime,
    *,
    return_id: int | None = None,
    owners: Mapping[str, str] | None = None,
) -> bool:
    """Open the exception, or refresh it where it is open already. True when it is new."""
    values = _values(concern, owners or {}, now)
    key = {"shop": shop, "type": concern.kind.value, "raised_by": raised_by, "subject": subject}
    new = insert_once(conn, t.exceptions, **key, state=OPEN, opened_at=now, return_id=return_id, **values)
    if not new:
        same = (
            (_X.shop == shop) & (_X.type == concern.kind.value) & (_X.raised_by == raised_by) & (_X.subject == subject)
        )
        conn.execute(t.exceptions.update().where(same & (_X.state == OPEN)).values(**values))
    return new


def close(
    conn: sa.Connection,
    shop: str,
    raised_by: str,
    subject: str,
    now: datetime,
    *,
    but: Iterable[ConcernType] = (),
    by: str = BY_FACTS,
) -> int:
    """Close what this stage raised about this subject, except the types that still hold. Gives how many closed."""
    mine = (_X.shop == shop) & (_X.raised_by == raised_by) & (_X.subject == subject) & (_X.state == OPEN)
    still = tuple(kind.value for kind in but)
    if still:
        mine = mine & _X.type.not_in(still)
    done = conn.execute(t.exceptions.update().where(mine).values(state=CLOSED, closed_at=now, closed_by=by[:80]))
    return int(done.rowcount)


def sync(
    conn: sa.Connection,
    shop: str,
    raised_by: str,
    subject: str,
    concerns: Iterable[Concern],
    now: datetime,
    *,
    return_id: int | None = None,
    owners: Mapping[str, str] | None = None,
) -> None:
    """Make the open exceptions of this stage and subject exactly these: new ones open, the rest close."""
    current = tuple(concerns)
    for concern in current:
        raise_(conn, shop, raised_by, subject, concern, now, return_id=return_id, owners=owners)
    close(conn, shop, raised_by, subject, now, but=[c.kind for c in current])


def told_by_others(
    conn: sa.Connection, return_id: int | None, raised_by: str
) -> tuple[tuple[str, frozenset[str]], ...]:
    """What other stages have open for this return: type and units."""
    if return_id is None:
        return ()
    mine = (_X.return_id == return_id) & (_X.state == OPEN) & (_X.raised_by != raised_by)
    rows = conn.execute(sa.select(_X.type, _X.units).where(mine))
    return tuple((str(kind), frozenset(map(str, units or ()))) for kind, units in rows)


def open_rows(
    conn: sa.Connection,
    *,
    shop: str = "",
    type_: str = "",
    owner: str = "",
    rma: str = "",
    awake_at: datetime | None = None,
) -> list[Mapping[str, Any]]:
    """Open exceptions with their RMA, oldest first; with `awake_at` those snoozed beyond that moment are left out."""
    query = (
        sa.select(t.exceptions, t.returns.c.rma_id, t.returns.c.order_name)
        .join(t.returns, t.returns.c.id == _X.return_id, isouter=True)
        .where(_X.state == OPEN)
        .order_by(_X.opened_at, _X.id)
    )
    if awake_at is not None:
        query = query.where(_X.snoozed_until.is_(None) | (_X.snoozed_until <= awake_at))
    if rma:
        query = query.where((t.returns.c.rma_id == rma) | (_X.subject == rma))
    for column, wanted in ((_X.shop, shop), (_X.type, type_), (_X.owner, owner)):
        if wanted:
            query = query.where(column == wanted)
    return [dict(r) for r in conn.execute(query).mappings()]


def one(conn: sa.Connection, exception_id: int) -> Mapping[str, Any] | None:
    """One exception with its RMA, open or closed; None where there is none."""
    query = (
        sa.select(t.exceptions, t.returns.c.rma_id, t.returns.c.order_name)
        .join(t.returns, t.returns.c.id == _X.return_id, isouter=True)
        .where(_X.id == exception_id)
    )
    row = conn.execute(query).mappings().one_or_none()
    return dict(row) if row else None


def assign(conn: sa.Connection, exception_id: int, assignee: str) -> bool:
    """Name who looks after an open exception. False when it is not open."""
    return _change_open(conn, exception_id, assignee=assignee[:80])


def snooze(conn: sa.Connection, exception_id: int, until: datetime, note: str = "") -> bool:
    """Hide an open exception until then; one that is raised again after it closed is a new one and not hidden."""
    return _change_open(conn, exception_id, snoozed_until=until, **({"note": note} if note else {}))


def resolve(conn: sa.Connection, exception_id: int, by: str, reason: str, now: datetime) -> bool:
    """A person says it is dealt with. While the facts still say otherwise, the next look raises it anew."""
    return _change_open(conn, exception_id, state=CLOSED, closed_at=now, closed_by=by[:80], note=reason)


def _change_open(conn: sa.Connection, exception_id: int, **values: Any) -> bool:
    mine = (_X.id == exception_id) & (_X.state == OPEN)
    return conn.execute(t.exceptions.update().where(mine).values(**values)).rowcount == 1


def accepted(conn: sa.Connection, return_id: int) -> frozenset[ConcernType]:
    """The exception types that a person accepted for this return."""
    rows = conn.execute(sa.select(t.waivers.c.type).where(t.waivers.c.return_id == return_id)).scalars()
    return frozenset(ConcernType(value) for value in rows)


def accept(conn: sa.Connection, return_id: int, kind: ConcernType, reason: str, by: str, now: datetime) -> bool:
    """Accept one exception type for one return, with a reason. False when it was accepted before."""
    return insert_once(conn, t.waivers, return_id=return_id, type=kind.value, reason=reason, by=by, at=now)
