"""What is remembered so that it need not be asked again: sales of orders, reference books, cursors, aliases, and who
writes to which sale."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import sqlalchemy as sa

from pipeline.ledger.reference_books import reference_book
from pipeline.ledger.sales import _S
from pipeline.ledger.schema import all as t
from pipeline.ledger.store import insert_once
from schemas.effects import EffectState
from schemas.go_live import zone_named
from schemas.sales import Sale

#: The value of a poll's cursor that a hint asked to look earlier.
ASKED = "asked"
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def sales_by_id(conn: sa.Connection, shop: str, sale_ids: Iterable[str]) -> list[Mapping[str, Any]]:
    """These sales as indexed."""
    mine = (_S.shop == shop) & _S.sale_id.in_(tuple(sale_ids))
    return [dict(r) for r in conn.execute(sa.select(t.sales).where(mine)).mappings()]


def forget_sale(conn: sa.Connection, shop: str, order_name: str) -> None:
    """Untie an order from the sale that was found for it."""
    c = t.sale_of_order.c
    conn.execute(t.sale_of_order.delete().where((c.shop == shop) & (c.order_name == order_name)))


def correct_sale_row(conn: sa.Connection, shop: str, sale_id: str, sale: Sale | None) -> None:
    """Bring the index up to what was just read of one sale; None takes it out. The next list is still news."""
    mine = (_S.shop == shop) & (_S.sale_id == sale_id)
    if sale is None:
        conn.execute(t.sales.delete().where(mine))
        return
    names = {"order_number": sale.order_number, "customer_reference": sale.customer_reference}
    names |= {"external_id": sale.external_id} if sale.external_id else {}
    conn.execute(t.sales.update().where(mine).values(status=sale.status, **names))


def notes_on(conn: sa.Connection, shop: str, sale_id: str, order_name: str = "") -> list[Mapping[str, Any]]:
    """Credit notes of ours, or taken for ours, that are or may be on this sale: `name`, `return_id`. With `order_name`
    only those of this order's returns."""
    c = t.effects.c
    mine = (c.shop == shop) & (c.sale_id == sale_id)
    if order_name:
        r = t.returns.c
        mine &= c.return_id.in_(sa.select(r.id).where((r.shop == shop) & (r.order_name == order_name)))
    asked = (c.number, c.marker, c.return_id, c.kind, c.state, c.progress)
    rows = conn.execute(sa.select(*asked).where(mine)).all()
    there = [row for row in rows if row.kind == "credit" and row.state != EffectState.WITHDRAWN and _may_stand(row)]
    return [{"name": row.number or row.marker, "return_id": row.return_id} for row in there]


def _may_stand(row: Any) -> bool:
    return row.state in {EffectState.CONFIRMED, EffectState.SENDING, EffectState.UNCERTAIN} or "task_id" in (
        row.progress or {}
    )


def tied_orders(conn: sa.Connection, shops: Iterable[str], sale_ids: Iterable[str]) -> dict[str, str]:
    """Which of these sales the returns of these shops already belong to, and the order in words."""
    r = t.returns.c
    mine = r.shop.in_(tuple(shops)) & r.sale_id.in_(tuple(sale_ids))
    rows = conn.execute(sa.select(r.sale_id, r.order_name, r.shop).where(mine).order_by(r.id.desc()))
    return {str(sale_id): f"{order_name} of shop {shop}" for sale_id, order_name, shop in rows}


def company_zone(conn: sa.Connection, shop: str) -> tzinfo | None:
    """The company's time zone as `/me` last said it; None before it was asked."""
    kept = reference_book(conn, shop, "me")
    return zone_named(str(kept[0].get("time_zone") or "")) if kept else None


def cursor(conn: sa.Connection, shop: str, name: str) -> str:
    """Where a poll stands; empty before the first."""
    c = t.cursors.c
    return conn.execute(sa.select(c.value).where((c.shop == shop) & (c.name == name))).scalar_one_or_none() or ""


def claim_cursor(conn: sa.Connection, shop: str, name: str, now: datetime, every: timedelta, lease: timedelta) -> bool:
    """Take a poll that is due; of two sweepers one gets it. The interval counts from the last taking."""
    c = t.cursors.c
    insert_once(conn, t.cursors, shop=shop, name=name, value="", at=now - every - timedelta(seconds=1))
    free = c.lease_until.is_(None) | (c.lease_until <= now)
    asked = (c.value == ASKED) & (c.at <= now - every / 2)
    mine = (c.shop == shop) & (c.name == name) & ((c.at <= now - every) | asked) & free
    value = sa.case((c.value == ASKED, ""), else_=c.value)
    return (
        conn.execute(t.cursors.update().where(mine).values(at=now, lease_until=now + lease, value=value)).rowcount == 1
    )


def ask_cursor(conn: sa.Connection, shop: str, name: str) -> None:
    """Something unnamed happened: look as soon as half the interval is over, so that a stream of such hints cannot use
    up the day's calls. For polls that keep no place of their own."""
    c = t.cursors.c
    if not insert_once(conn, t.cursors, shop=shop, name=name, value=ASKED, at=_LONG_AGO):
        conn.execute(t.cursors.update().where((c.shop == shop) & (c.name == name)).values(value=ASKED))


def expire_cursor(conn: sa.Connection, shop: str, name: str) -> None:
    """Make a poll due at once."""
    c = t.cursors.c
    insert_once(conn, t.cursors, shop=shop, name=name, value="", at=_LONG_AGO)
    conn.execute(t.cursors.update().where((c.shop == shop) & (c.name == name)).values(at=_LONG_AGO))


def backdate_cursor(conn: sa.Connection, shop: str, name: str, at: datetime) -> None:
    """Say when a poll was last made, so that it is due earlier than a whole interval from now."""
    c = t.cursors.c
    conn.execute(t.cursors.update().where((c.shop == shop) & (c.name == name)).values(at=at))


def returns_due(conn: sa.Connection, now: datetime) -> bool:
    """Whether a return is due to be read and nobody is reading it."""
    r = t.returns.c
    free = r.lease_until.is_(None) | (r.lease_until <= now)
    return conn.execute(sa.select(r.id).where((r.due_at <= now) & free).limit(1)).first() is not None


def set_cursor(conn: sa.Connection, shop: str, name: str, value: str | None, now: datetime) -> None:
    """Finish a poll: keep its new position (None keeps the old one) and let it go."""
    c = t.cursors.c
    values: dict[str, Any] = {"lease_until": None} | ({"value": value} if value is not None else {})
    done = conn.execute(t.cursors.update().where((c.shop == shop) & (c.name == name)).values(**values))
    if done.rowcount == 0:
        insert_once(conn, t.cursors, shop=shop, name=name, value=value or "", at=now)
