"""Entries: one return (or other subject) waiting for one consumer. Claims are conditional updates; nobody holds a
database lock while working."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from pipeline.ledger.schema import all as t
from pipeline.ledger.store import insert_once

OPEN, PARKED, SETTLED, REFUSED, BURIED = "open", "parked", "settled", "refused", "buried"
_E = t.entries.c
_WORD = re.compile(r"\w[\w.\-]*")
#: So many words are asked for in one statement.
_MOST_WORDS = 400


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on one entry until the lease ends; every later write names the fence."""

    entry_id: int
    shop: str
    consumer: str
    subject: str
    return_id: int | None
    fence: int
    starts: int
    failures: int
    wakes: int
    started_at: datetime
    lease_until: datetime


def wake(conn: sa.Connection, shop: str, consumer: str, subject: str, return_id: int | None, now: datetime) -> int:
    """Make the entry due now, opening it where there is none.

    An entry buried for its own failures stays buried until it is requeued, and one that a person discarded stays
    refused; one that only holds a buried effect goes on with the rest.
    """
    insert_once(
        conn,
        t.entries,
        shop=shop,
        consumer=consumer,
        subject=subject,
        return_id=return_id,
        state=OPEN,
        due_at=now,
        wakes=0,
        opened_at=now,
        since=now,
    )
    where = (_E.shop == shop) & (_E.consumer == consumer) & (_E.subject == subject)
    stays = _E.state.in_((BURIED, REFUSED)) & (_E.failures > 0)
    conn.execute(
        t.entries.update()
        .where(where)
        .values(
            wakes=_E.wakes + 1,
            due_at=sa.case((stays, sa.null()), else_=now),
            state=sa.case((stays, _E.state), (_E.state == PARKED, PARKED), else_=OPEN),
        )
    )
    return int(conn.execute(sa.select(_E.id).where(where)).scalar_one())


def claim(conn: sa.Connection, entry_id: int, now: datetime, lease: timedelta) -> Claim | None:
    """Take the entry if it is due and nobody else has it; the start is counted here, before any other code runs."""
    row = conn.execute(sa.select(t.entries).where(_E.id == entry_id)).mappings().one_or_none()
    if row is None or row["due_at"] is None or row["due_at"] > now:
        return None
    if row["lease_until"] is not None and row["lease_until"] > now:
        return None
    taken = conn.execute(
        t.entries.update()
        .where((_E.id == entry_id) & (_E.fence == row["fence"]))
        .values(fence=row["fence"] + 1, starts=row["starts"] + 1, lease_until=now + lease)
    )
    if taken.rowcount != 1:
        return None
    return Claim(
        entry_id=entry_id,
        shop=row["shop"],
        consumer=row["consumer"],
        subject=row["subject"],
        return_id=row["return_id"],
        fence=row["fence"] + 1,
        starts=row["starts"] + 1,
        failures=row["failures"],
        wakes=row["wakes"],
        started_at=now,
        lease_until=now + lease,
    )


def release(
    conn: sa.Connection,
    claimed: Claim,
    state: str,
    now: datetime,
    *,
    reason: str = "",
    due_at: datetime | None = None,
    failed: bool | None = False,
) -> bool:
    """Leave the entry by one of its exits. A wake that came meanwhile makes it due again at once. False when the claim
    was lost to another worker. `failed` None says nothing about the work: its failures stay counted as they are."""
    woken = _E.wakes > claimed.wakes
    # Buried for a waiting effect, the entry still hears a wake: somebody may have requeued another effect meanwhile.
    buried = state == BURIED and bool(failed)
    failures = claimed.failures if failed is None else claimed.failures + 1 if failed else 0
    changed = conn.execute(
        t.entries.update()
        .where((_E.id == claimed.entry_id) & (_E.fence == claimed.fence))
        .values(
            state=state if buried else sa.case((woken, OPEN if state != PARKED else PARKED), else_=state),
            due_at=None if buried else sa.case((woken, now), else_=due_at),
            reason=reason,
            lease_until=None,
            starts=0,
            failures=failures,
            wakes_seen=claimed.wakes,
            since=sa.case((_E.state == state, _E.since), else_=now),
        )
    )
    return changed.rowcount == 1


def reopen(conn: sa.Connection, entry_id: int, now: datetime) -> bool:
    """Make a buried entry due again. False when it was not buried: a second operator changes nothing."""
    changed = conn.execute(
        t.entries.update()
        .where((_E.id == entry_id) & (_E.state == BURIED))
        .values(state=OPEN, due_at=now, wakes=_E.wakes + 1, starts=0, failures=0, reason="", since=now)
    )
    return changed.rowcount == 1


def keep_plan(conn: sa.Connection, claimed: Claim, plan: dict[str, Any]) -> bool:
    """Store what was planned, so that anyone can be told why. False when the claim was lost to another worker."""
    mine = (_E.id == claimed.entry_id) & (_E.fence == claimed.fence)
    return conn.execute(t.entries.update().where(mine).values(plan=plan)).rowcount == 1


def renew(conn: sa.Connection, claimed: Claim, until: datetime) -> bool:
    """Hold the entry until then. False when the claim was lost to another worker."""
    mine = (_E.id == claimed.entry_id) & (_E.fence == claimed.fence)
    return conn.execute(t.entries.update().where(mine).values(lease_until=until)).rowcount == 1


def due(conn: sa.Connection, consumer: str, now: datetime, limit: int) -> list[int]:
    """Entries of this consumer that should be worked on and that nobody holds, oldest first."""
    free = sa.or_(_E.lease_until.is_(None), _E.lease_until <= now)
    query = (
        sa.select(_E.id).where((_E.consumer == consumer) & (_E.due_at <= now) & free).order_by(_E.due_at).limit(limit)
    )
    return [int(row) for row in conn.execute(query).scalars()]


def wake_sale(conn: sa.Connection, shop: str, sale_id: str, now: datetime) -> list[tuple[int, str]]:
    """Wake every open or parked entry whose return belongs to this sale; says which (entry id, consumer)."""
    rows = conn.execute(
        sa.select(_E.id, _E.consumer)
        .join(t.returns, t.returns.c.id == _E.return_id)
        .where((t.returns.c.shop == shop) & (t.returns.c.sale_id == sale_id) & _E.state.in_((OPEN, PARKED)))
    ).all()
    for entry_id, _ in rows:
        make_due(conn, int(entry_id), now)
    return [(int(entry_id), str(consumer)) for entry_id, consumer in rows]


def wake_others(conn: sa.Connection, return_id: int, entry_id: int, now: datetime) -> list[tuple[int, str]]:
    """Wake the return's other entries; says which (entry id, consumer)."""
    rows = conn.execute(
        sa.select(_E.id, _E.consumer).where((_E.return_id == return_id) & (_E.id != entry_id) & (_E.state != BURIED))
    ).all()
    for other, _ in rows:
        make_due(conn, int(other), now)
    return [(int(other), str(consumer)) for other, consumer in rows]


def wake_return(conn: sa.Connection, return_id: int, now: datetime) -> list[tuple[int, str]]:
    """Wake every entry of this return but the buried and discarded; says which (entry id, consumer)."""
    return wake_others(conn, return_id, 0, now)


def wake_orders(conn: sa.Connection, shop: str, texts: Iterable[str], now: datetime) -> list[tuple[int, str]]:
    """Wake whoever may find its sale now: returns whose order is named in one of these texts (theirs may have been
    replaced), and returns whose order has one of them as its id. Says which (entry id, consumer)."""
    words = sorted({word for text in texts for word in (text.strip(), *_WORD.findall(text)) if word})
    rows: dict[int, str] = {}
    for start in range(0, len(words), _MOST_WORDS):
        part = words[start : start + _MOST_WORDS]
        bare = {word.lstrip("#").lower() for word in part}
        r = t.returns.c
        named = sa.func.lower(r.order_name).in_(sorted(bare | {f"#{name}" for name in bare}))
        found = conn.execute(
            sa.select(_E.id, _E.consumer)
            .join(t.returns, r.id == _E.return_id)
            .where((r.shop == shop) & (named | r.order_id.in_(part)) & _E.state.in_((OPEN, PARKED)))
        )
        rows |= {int(entry_id): str(consumer) for entry_id, consumer in found}
    for entry_id in rows:
        make_due(conn, entry_id, now)
    return list(rows.items())


def make_due(conn: sa.Connection, entry_id: int, now: datetime) -> None:
    """Have an entry looked at now, whatever it waits for; a buried or discarded one stays where it is."""
    again = sa.case((_E.state.in_((SETTLED, REFUSED)), OPEN), else_=_E.state)
    discarded = (_E.state == REFUSED) & (_E.failures > 0)
    conn.execute(
        t.entries.update()
        .where((_E.id == entry_id) & (_E.state != BURIED) & sa.not_(discarded))
        .values(due_at=now, wakes=_E.wakes + 1, state=again)
    )


def discard(conn: sa.Connection, entry_id: int, now: datetime, why: str) -> bool:
    """A person gives up an entry that is buried, or that fails again and again: it leaves as refused, and no wake
    brings it back (failures stay counted)."""
    given_up = (_E.state == BURIED) | ((_E.state == PARKED) & (_E.failures > 0))
    changed = conn.execute(
        t.entries.update()
        .where((_E.id == entry_id) & given_up)
        .values(
            state=REFUSED,
            due_at=None,
            lease_until=None,
            reason=why,
            since=now,
            failures=sa.case((_E.failures > 0, _E.failures), else_=1),
        )
    )
    return changed.rowcount == 1


def by_state(conn: sa.Connection) -> dict[tuple[str, str], int]:
    """How many entries each consumer has in each state."""
    rows = conn.execute(sa.select(_E.consumer, _E.state, sa.func.count()).group_by(_E.consumer, _E.state))
    return {(str(consumer), str(state)): int(count) for consumer, state, count in rows}
