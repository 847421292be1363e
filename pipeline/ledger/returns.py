"""Returns and their units: what ReturnGO told us last, when to read it again, and the five facts of every unit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from pipeline.ledger.codec import from_json, to_json
from pipeline.ledger.schema import all as t
from pipeline.ledger.store import insert_once, upsert
from schemas.money import Money
from schemas.returns import SUCCESS, Return, Unit

_R = t.returns.c


@dataclass(frozen=True, slots=True)
class Reading:
    """The right to read one RMA; `nudges` is what the reading will have answered."""

    return_id: int
    shop: str
    rma_id: str
    fence: int
    nudges: int
    failures: int
    #: Somebody says that something happened; False when it is only its turn.
    nudged: bool = True
    #: ReturnGO answered for this number before; False for one that only a sender or a list has named.
    known: bool = False


def nudge(conn: sa.Connection, shop: str, rma_id: str, now: datetime, due_at: datetime | None = None) -> int:
    """Something happened to this RMA: open it if it is new and read it at least once after this moment, at `due_at` if
    that can wait. Gives the return's id."""
    insert_once(conn, t.returns, shop=shop, rma_id=rma_id, opened_at=now)
    where = (_R.shop == shop) & (_R.rma_id == rma_id)
    conn.execute(t.returns.update().where(where).values(nudges=_R.nudges + 1, due_at=due_at or now))
    return int(conn.execute(sa.select(_R.id).where(where)).scalar_one())


def claim_reading(conn: sa.Connection, now: datetime, lease: timedelta) -> Reading | None:
    """Take the return that has waited longest to be read, or None."""
    free = sa.or_(_R.lease_until.is_(None), _R.lease_until <= now)
    row = (
        conn.execute(
            sa.select(t.returns)
            .where((_R.due_at <= now) & free)
            .order_by(_R.due_at)
            .limit(1)
            # On PostgreSQL a second reader takes the next one; SQLite lets one writer in at a time anyway.
            .with_for_update(skip_locked=True)
        )
        .mappings()
        .first()
    )
    if row is None:
        return None
    taken = conn.execute(
        t.returns.update()
        .where((_R.id == row["id"]) & (_R.fence == row["fence"]))
        .values(fence=row["fence"] + 1, lease_until=now + lease)
    )
    if taken.rowcount != 1:
        return None
    return Reading(
        row["id"],
        row["shop"],
        row["rma_id"],
        row["fence"] + 1,
        row["nudges"],
        row["failures"],
        row["nudges"] > row["nudges_read"],
        row["read_at"] is not None,
    )


def to_be_read(conn: sa.Connection, shop: str) -> int:
    """How many returns of this shop are read again in turn."""
    query = sa.select(sa.func.count()).where(_R.due_at.is_not(None) & (_R.shop == shop))
    return int(conn.execute(query).scalar_one())


def never_read(conn: sa.Connection, shop: str) -> int:
    """How many returns of this shop wait for their first reading."""
    query = sa.select(sa.func.count()).where(_R.due_at.is_not(None) & _R.read_at.is_(None) & (_R.shop == shop))
    return int(conn.execute(query).scalar_one())


def put_back(
    conn: sa.Connection, reading: Reading, due_at: datetime, trouble: str, *, failed: bool, for_good: bool = False
) -> None:
    """Not read this time: say why and when again. With `for_good` a number that was never read waits for its next nudge
    instead; one that came meanwhile counts."""
    again = sa.case((_R.nudges > reading.nudges, _R.due_at), (_R.read_at.is_not(None), due_at), else_=None)
    conn.execute(
        t.returns.update()
        .where((_R.id == reading.return_id) & (_R.fence == reading.fence))
        .values(
            lease_until=None,
            due_at=again if for_good else due_at,
            trouble=trouble,
            failures=reading.failures + (1 if failed else 0),
        )
    )


def keep_reading(
    conn: sa.Connection,
    reading: Reading,
    told: Return,
    raw: Mapping[str, Any],
    now: datetime,
    next_due: datetime | None,
) -> bool:
    """Store what ReturnGO said and the facts of each unit. A nudge that came during the reading makes it due again at
    once."""
    newer = _R.nudges > reading.nudges
    changed = conn.execute(
        t.returns.update()
        .where((_R.id == reading.return_id) & (_R.fence == reading.fence))
        .values(
            order_name=told.order_name,
            order_id=told.order_id,
            status=told.status,
            told=to_json(told),
            raw=dict(raw),
            read_at=now,
            nudges_read=reading.nudges,
            lease_until=None,
            failures=0,
            trouble="",
            due_at=sa.case((newer, now), else_=next_due),
        )
    )
    if changed.rowcount != 1:
        return False
    for unit in told.units:
        _keep_unit(conn, reading.return_id, told, unit, now)
    return True


def _keep_unit(conn: sa.Connection, return_id: int, told: Return, unit: Unit, now: datetime) -> None:
    key = {"return_id": return_id, "returned_item_id": unit.returned_item_id}
    facts: dict[str, Any] = {
        "sku": unit.sku,
        "reason": unit.reason,
        "resolution": unit.resolution,
        "currency": unit.paid.currency,
        "paid": unit.gross.amount,
        "inspected_at": unit.inspection.at if unit.inspection else None,
        "inspection": _inspection_word(unit),
        **refund_fact(told, unit),
    }
    upsert(conn, t.units, key, facts)
    if told.received(unit):
        where = (t.units.c.return_id == return_id) & (t.units.c.returned_item_id == unit.returned_item_id)
        first = where & t.units.c.received_at.is_(None)
        conn.execute(t.units.update().where(first).values(received_at=told.received_at or now))


def _inspection_word(unit: Unit) -> str:
    if unit.inspection is None:
        return ""
    if not unit.inspection.returned:
        return "not returned"
    return "restockable" if unit.inspection.restockable else "not restockable"


def refund_fact(told: Return, unit: Unit) -> dict[str, Any]:
    """When and how much money went out for this unit: only `Success` counts; one transaction for several units is
    shared by price."""
    parts: list[Money] = []
    when: datetime | None = None
    for transaction in told.transactions:
        out = transaction.status == SUCCESS and transaction.gives_back
        if not out or unit.returned_item_id not in transaction.unit_ids:
            continue
        parts.append(_share(told, unit, transaction.amount, transaction.unit_ids))
        when = transaction.updated_at or transaction.created_at or when
    if not parts:
        return {"refunded_at": None, "refunded": None}
    return {"refunded_at": when, "refunded": sum((p.amount for p in parts), start=parts[0].amount * 0)}


def _share(told: Return, unit: Unit, amount: Money, unit_ids: Iterable[str]) -> Money:
    among = [u for u in told.units if u.returned_item_id in set(unit_ids)]
    whole = sum((u.gross.amount for u in among), start=unit.gross.amount * 0)
    if not whole:
        return amount * (1 if among and among[0] is unit else 0)
    return (amount * (unit.gross.amount / whole)).quantized()


def by_id(conn: sa.Connection, return_id: int) -> Mapping[str, Any]:
    """The row of a return. Raises NoResultFound."""
    return dict(conn.execute(sa.select(t.returns).where(_R.id == return_id)).mappings().one())


def find(conn: sa.Connection, rma_id: str, shop: str = "") -> list[Mapping[str, Any]]:
    """Returns with this RMA number, in one shop or in all."""
    query = sa.select(t.returns).where(_R.rma_id == rma_id)
    if shop:
        query = query.where(_R.shop == shop)
    return [dict(r) for r in conn.execute(query).mappings()]


def told(row: Mapping[str, Any]) -> Return | None:
    """What ReturnGO said last, as a value; None before the first reading."""
    return from_json(Return, row["told"]) if row["told"] else None


def units_of(conn: sa.Connection, return_id: int) -> list[Mapping[str, Any]]:
    """The units with their facts."""
    query = sa.select(t.units).where(t.units.c.return_id == return_id).order_by(t.units.c.id)
    return [dict(r) for r in conn.execute(query).mappings()]


def set_unit_facts(conn: sa.Connection, return_id: int, unit_ids: Iterable[str], **facts: Any) -> None:
    """Write facts for some units, e.g. credited_at and credit_note."""
    ids = tuple(unit_ids)
    if ids:
        where = (t.units.c.return_id == return_id) & t.units.c.returned_item_id.in_(ids)
        conn.execute(t.units.update().where(where).values(**facts))


def set_sale(conn: sa.Connection, return_id: int, sale_id: str) -> None:
    """Remember which sale this return belongs to."""
    conn.execute(t.returns.update().where(_R.id == return_id).values(sale_id=sale_id))
