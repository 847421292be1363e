"""The picture of sellable stock in the ledger: what Cin7 said last, and what the target was told last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from pipeline.ledger import cursors, entries
from pipeline.ledger.schema import all as t
from pipeline.ledger.store import upsert_all

CONSUMER = "stock-availability"
_A, _T, _S, _E = t.availability.c, t.availability_touched.c, t.availability_sent.c, t.entries.c
_SWEPT = "availability:swept"
#: How long what was sent is kept, for the oversell window.
KEPT = timedelta(days=14)
_CHUNK = 400


def subject(shop: str) -> str:
    """The subject of a shop's one entry."""
    return f"stock:{shop}"


def wake(conn: sa.Connection, shop: str, now: datetime) -> tuple[int, str]:
    """Have the shop's figures looked at; any number of wakes is one piece of work. Gives (entry id, consumer)."""
    return entries.wake(conn, shop, CONSUMER, subject(shop), None, now), CONSUMER


def touch(conn: sa.Connection, shop: str, skus: Iterable[str], now: datetime) -> tuple[int, str]:
    """A webhook named these SKUs: remember since when, and wake the shop's entry."""
    for sku in sorted({sku for sku in skus if sku}):
        mine = (_T.shop == shop) & (_T.sku == sku)
        if conn.execute(t.availability_touched.update().where(mine).values(again_at=now)).rowcount == 0:
            conn.execute(t.availability_touched.insert().values(shop=shop, sku=sku, touched_at=now, again_at=now))
    return wake(conn, shop, now)


def touched(conn: sa.Connection, shop: str) -> dict[str, datetime]:
    """The SKUs that were named and not read since, with the moment they were first named."""
    rows = conn.execute(sa.select(_T.sku, _T.touched_at).where(_T.shop == shop).order_by(_T.sku))
    return {str(sku): at for sku, at in rows}


def read_again(conn: sa.Connection, shop: str, looked_at: datetime, skus: Sequence[str] | None = None) -> None:
    """Forget what was named before this look began (all of it, or these SKUs)."""
    done = (_T.shop == shop) & (_T.again_at <= looked_at)
    if skus is None:
        conn.execute(t.availability_touched.delete().where(done))
    else:
        for part in _parts(skus):
            conn.execute(t.availability_touched.delete().where(done & _T.sku.in_(part)))


def rows(conn: sa.Connection, shop: str, skus: Iterable[str] | None = None) -> list[Mapping[str, Any]]:
    """The picture: all of it, or these SKUs."""
    query = sa.select(t.availability).where(_A.shop == shop).order_by(_A.sku)
    if skus is None:
        return [dict(row) for row in conn.execute(query).mappings()]
    return [dict(r) for part in _parts(list(skus)) for r in conn.execute(query.where(_A.sku.in_(part))).mappings()]


def keep(conn: sa.Connection, shop: str, seen: Iterable[Mapping[str, Any]]) -> None:
    """Write what a look changed; rows carry sku, available, seen_at, changed_at, first_zero_at and version."""
    names = ("available", "seen_at", "changed_at", "first_zero_at", "version")
    values = [{"shop": shop, "sku": row["sku"], **{name: row[name] for name in names}} for row in seen]
    upsert_all(conn, t.availability, ("shop", "sku"), names, values)


def swept_at(conn: sa.Connection, shop: str) -> datetime | None:
    """When the last complete sweep began; None before the first."""
    value = cursors.cursor(conn, shop, _SWEPT)
    return datetime.fromisoformat(value) if value else None


def set_swept(conn: sa.Connection, shop: str, began: datetime, now: datetime) -> None:
    """A complete sweep that began then is in the picture."""
    cursors.set_cursor(conn, shop, _SWEPT, began.isoformat(), now)


def _different(target: str) -> sa.ColumnElement[bool]:
    return sa.or_(_A.published.is_(None), _A.published != _A.available, _A.published_to != target)


def due(conn: sa.Connection, shop: str, target: str, retry_before: datetime, limit: int) -> list[Mapping[str, Any]]:
    """Figures that differ from what this target was told: falls first, then what has waited longest. A SKU the target
    could not take is left alone until `retry_before` has passed its last try."""
    free = sa.or_(_A.trouble == "", _A.tried_at <= retry_before)
    fell = sa.case((_A.available < _A.published, 0), else_=1)
    query = (
        sa.select(t.availability)
        .where((_A.shop == shop) & _A.available.is_not(None) & _different(target) & free)
        .order_by(fell, _A.changed_at, _A.sku)
        .limit(limit)
    )
    return [dict(row) for row in conn.execute(query).mappings()]


def published(
    conn: sa.Connection, shop: str, target: str, told: Sequence[Mapping[str, Any]], now: datetime, *, sent: bool
) -> None:
    """The target shows these figures now. `sent` is False where it showed them already.

    A figure that changed meanwhile stays due, and a fall to zero that a second sweep must confirm is counted on.
    """
    if not told:
        return
    newest = (_A.version == sa.bindparam("of_version")) & _A.first_zero_at.is_(None)
    update = (
        t.availability.update()
        .where((_A.shop == shop) & (_A.sku == sa.bindparam("of_sku")))
        .values(
            published=sa.bindparam("figure"),
            published_at=now,
            published_to=target,
            trouble="",
            tried_at=None,
            changed_at=sa.case((newest, sa.null()), else_=_A.changed_at),
        )
    )
    conn.execute(update, [{"of_sku": r["sku"], "of_version": r["version"], "figure": r["available"]} for r in told])
    if sent:
        conn.execute(t.availability_sent.insert(), [_sent(shop, target, row, now) for row in told])


def _sent(shop: str, target: str, row: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    return {
        "shop": shop,
        "sku": row["sku"],
        "target": target,
        "before": row["published"] if row["published_to"] == target else None,
        "after": row["available"],
        "changed_at": row["changed_at"] or now,
        "at": now,
    }


def refused(conn: sa.Connection, shop: str, sku: str, trouble: str, now: datetime) -> None:
    """The target cannot take this SKU, and why (one word)."""
    mine = (_A.shop == shop) & (_A.sku == sku)
    conn.execute(t.availability.update().where(mine).values(trouble=trouble, tried_at=now))


def troubles(conn: sa.Connection, shop: str) -> dict[str, str]:
    """Every SKU that the target cannot take, with the reason's word."""
    query = sa.select(_A.sku, _A.trouble).where((_A.shop == shop) & (_A.trouble != ""))
    return {str(sku): str(trouble) for sku, trouble in conn.execute(query)}


def forget_troubles(conn: sa.Connection, shop: str) -> None:
    """No target, no trouble with it."""
    conn.execute(t.availability.update().where(_A.shop == shop).values(trouble="", tried_at=None))


def in_doubt(conn: sa.Connection, shop: str) -> bool:
    """Whether a fall to zero waits for its second sweep, or a named SKU has not been read again."""
    doubt = sa.select(_A.sku).where((_A.shop == shop) & _A.first_zero_at.is_not(None)).limit(1)
    named = sa.select(_T.sku).where(_T.shop == shop).limit(1)
    return conn.execute(doubt).first() is not None or conn.execute(named).first() is not None


def money_waits(conn: sa.Connection, shop: str, now: datetime) -> bool:
    """Whether a return of this shop is due to be worked on or to be read: its calls come first."""
    work = sa.select(_E.id).where((_E.shop == shop) & (_E.consumer != CONSUMER) & (_E.due_at <= now)).limit(1)
    r = t.returns.c
    reads = sa.select(r.id).where((r.shop == shop) & (r.due_at <= now)).limit(1)
    return conn.execute(work).first() is not None or conn.execute(reads).first() is not None


def trim(conn: sa.Connection, shop: str, now: datetime) -> None:
    """Drop what was sent longer ago than `KEPT`."""
    conn.execute(t.availability_sent.delete().where((_S.shop == shop) & (_S.at < now - KEPT)))


def _parts(skus: Sequence[str]) -> Iterable[list[str]]:
    return (list(skus[start : start + _CHUNK]) for start in range(0, len(skus), _CHUNK))
