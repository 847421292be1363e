"""Batches: a business day's credit notes that finance looks at and lets go together.

open (takes notes) → preparing (each is planned once more) → prepared → released → posting → closed. An item is held,
then released; it leaves as posted, failed, dropped or moved, and always with a reason. A held effect stays PLANNED with
no due time, so nothing sends it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from pipeline.ledger import concerns
from pipeline.ledger.codec import action_to_json
from pipeline.ledger.entries import BURIED
from pipeline.ledger.schema import all as t
from pipeline.ledger.store import insert_once
from schemas.actions import PostCreditNote
from schemas.effects import EffectState
from schemas.money import Money

OPEN, PREPARING, PREPARED, RELEASED, POSTING, CLOSED = "open", "preparing", "prepared", "released", "posting", "closed"
HELD, GOES, POSTED, FAILED, DROPPED, MOVED = "held", "released", "posted", "failed", "dropped", "moved"
LIVE = (HELD, GOES)
DAILY, ALONE = "daily", "alone"
#: Outcomes of a closed batch.
WHOLE, PARTIAL, EMPTY = "posted", "partial", "empty"
#: Who raised the exceptions about late events.
RAISED_BY = "batches"
_B, _I, _F = t.batches.c, t.batch_items.c, t.effects.c


@dataclass(frozen=True, slots=True)
class Place:
    """The batch an item belongs to: its day, when it stops taking items (UTC), and how much it takes (base
    currency)."""

    shop: str
    day: date
    cut_off_at: datetime
    zone: str
    base_currency: str
    max_count: int
    max_amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One planned credit note. `ready_day` is the business day on which it became ready, None where nothing says so."""

    effect_id: int
    entry_id: int
    return_id: int
    rma_id: str
    content: str
    action: PostCreditNote
    base_gross: Money
    ready_at: datetime | None = None
    ready_day: date | None = None


# -- taking in


def hold(conn: sa.Connection, item: Item, place: Place, now: datetime) -> Mapping[str, Any] | None:
    """Put the note just planned into its batch, or refresh it there. None where it was released as it is: it goes.

    A released note that is not what finance saw does not go: it moves to the open batch.
    """
    live = _live(conn, item.effect_id)
    if live is not None:
        # Finance may be letting go this very batch: what it saw must not change under its hands.
        lock(conn, live["batch_id"])
        live = _live(conn, item.effect_id)
    if live is not None and live["state"] == GOES:
        if live["content"] == item.content:
            change_item(conn, live["id"], now, checked_at=now)
            return None
        leave(conn, live["id"], MOVED, f"changed after release: now {item.action.gross} gross, or other goods", now)
        live = None
    if live is None:
        item_id = _put(conn, item, open_batch(conn, place, now), now)
    else:
        item_id = int(live["id"])
        figures = _figures(item)
        change_item(conn, item_id, now, checked_at=now, ready_at=item.ready_at, **figures)
    row = item_with_batch(conn, item_id)
    why = f"in batch {row['batch_id']} of {row['business_day']}, which finance releases"
    # One that was refused and requeued may have been sent: `reconcile_first` remembers it, and like any other held one
    # it is planned anew at every look.
    waiting = (_F.id == item.effect_id) & (_F.state == EffectState.PLANNED)
    conn.execute(t.effects.update().where(waiting).values(due_at=None, why=why, sends=0))
    return row


def open_batch(conn: sa.Connection, place: Place, now: datetime) -> int:
    """The batch of this day that still takes items; the next part of the day where the last one is full or shut."""
    mine = (_B.shop == place.shop) & (_B.business_day == place.day) & (_B.kind == DAILY)
    part = 1
    for row in conn.execute(sa.select(t.batches).where(mine).order_by(_B.part).with_for_update()).mappings():
        if row["state"] == OPEN and not full(conn, row["id"], place):
            return int(row["id"])
        part = int(row["part"]) + 1
    return make(conn, place, DAILY, part, now)


def make(conn: sa.Connection, place: Place, kind: str, part: int, now: datetime) -> int:
    """A new batch, or the one that somebody made meanwhile. Gives its number."""
    key = {"shop": place.shop, "business_day": place.day, "kind": kind, "part": part}
    more = {"zone": place.zone, "base_currency": place.base_currency, "cut_off_at": place.cut_off_at}
    insert_once(conn, t.batches, **key, **more, state=OPEN, opened_at=now)
    found = [_B[name] == value for name, value in key.items()]
    return int(conn.execute(sa.select(_B.id).where(*found)).scalar_one())


def full(conn: sa.Connection, batch_id: int, place: Place) -> bool:
    """Whether the batch holds as many notes, or as much money, as it may."""
    amounts = [row["base_gross"] for row in items(conn, batch_id, LIVE)]
    much = place.max_amount is not None and sum(amounts, Decimal(0)) >= place.max_amount
    return len(amounts) >= place.max_count or much


def _figures(item: Item) -> dict[str, Any]:
    return {
        "content": item.content,
        "action": action_to_json(item.action),
        "currency": item.action.gross.currency,
        "gross": item.action.gross.amount,
        "base_gross": item.base_gross.amount,
    }


def _put(conn: sa.Connection, item: Item, batch_id: int, now: datetime) -> int:
    batch = one(conn, batch_id)
    before = sa.select(sa.func.max(_I.id)).where(_I.effect_id == item.effect_id)
    row = conn.execute(
        t.batch_items.insert().values(
            batch_id=batch_id,
            effect_id=item.effect_id,
            entry_id=item.entry_id,
            return_id=item.return_id,
            rma_id=item.rma_id,
            state=HELD,
            **_figures(item),
            ready_at=item.ready_at,
            late=_is_late(conn, batch, item.ready_day),
            previous_id=conn.execute(before).scalar_one(),
            added_at=now,
            checked_at=now,
            changed_at=now,
        )
    )
    key = row.inserted_primary_key
    return int(key[0]) if key else 0


def _is_late(conn: sa.Connection, batch: Mapping[str, Any], ready_day: date | None) -> bool:
    """Whether the note belongs to a day whose batch no longer takes anything."""
    if ready_day is None or ready_day >= batch["business_day"]:
        return False
    shut = (_B.shop == batch["shop"]) & (_B.kind == DAILY) & (_B.business_day >= ready_day) & (_B.state != OPEN)
    earlier = shut & (_B.business_day < batch["business_day"])
    return conn.execute(sa.select(_B.id).where(earlier).limit(1)).first() is not None


# -- leaving


def leave(conn: sa.Connection, item_id: int, state: str, reason: str, now: datetime, **more: Any) -> None:
    """The item leaves its batch as posted, failed, dropped or moved; what was said about it being late is over."""
    row = item_with_batch(conn, item_id)
    concerns.close(conn, row["shop"], RAISED_BY, row["rma_id"], now)
    change_item(conn, item_id, now, state=state, reason=reason, **more)


def reconcile(conn: sa.Connection, batch_id: int, now: datetime) -> None:
    """Follow what became of each effect: what is posted, refused, withdrawn or given up leaves with its reason."""
    for row in _with_effects(conn, _I.batch_id == batch_id):
        gone = _fate(row)
        if gone is not None:
            leave(conn, row["id"], *gone, now)


def withdrawn(conn: sa.Connection, entry_id: int, why: str, now: datetime) -> None:
    """Drop the entry's items whose effect the newest plan no longer wants."""
    for row in _with_effects(conn, _I.entry_id == entry_id):
        if row["effect_state"] == EffectState.WITHDRAWN:
            leave(conn, row["id"], DROPPED, why or row["effect_why"], now)


def found_later(conn: sa.Connection, shop: str) -> list[Mapping[str, Any]]:
    """Items that failed and whose note turned out to be posted."""
    later = t.batch_items.alias()
    again = sa.select(later.c.id).where((later.c.effect_id == _I.effect_id) & (later.c.id > _I.id)).exists()
    query = (
        sa.select(t.batch_items, _B.state.label("batch_state"))
        .join(t.batches, _B.id == _I.batch_id)
        .join(t.effects, _F.id == _I.effect_id)
        .where((_B.shop == shop) & (_I.state == FAILED) & (_F.state == EffectState.CONFIRMED) & sa.not_(again))
    )
    return [dict(row) for row in conn.execute(query).mappings()]


def take_found(conn: sa.Connection, item: Mapping[str, Any], place: Place, now: datetime) -> None:
    """A note found later stands in the open batch, late and linked to where it failed; or is posted after all where its
    batch is not closed yet."""
    if item["batch_state"] != CLOSED:
        leave(conn, item["id"], POSTED, "found later", now)
        return
    kept = {name: value for name, value in item.items() if name not in {"id", "batch_state"}}
    fresh = {"batch_id": open_batch(conn, place, now), "state": POSTED, "late": True, "verified": True}
    link = {"previous_id": item["id"], "reason": f"found later; failed in batch {item['batch_id']}"}
    moments = {"added_at": now, "checked_at": now, "changed_at": now}
    conn.execute(t.batch_items.insert().values(**{**kept, **fresh, **link, **moments}))


def _with_effects(conn: sa.Connection, where: sa.ColumnElement[bool]) -> list[Mapping[str, Any]]:
    query = (
        sa.select(
            t.batch_items,
            _F.state.label("effect_state"),
            _F.why.label("effect_why"),
            _F.due_at.label("effect_due"),
            _F.number,
            t.entries.c.state.label("entry_state"),
            t.entries.c.reason.label("entry_reason"),
        )
        .join(t.effects, _F.id == _I.effect_id)
        .join(t.entries, t.entries.c.id == _I.entry_id)
        .where(where & _I.state.in_(LIVE))
        .order_by(_I.id)
    )
    return [dict(row) for row in conn.execute(query).mappings()]


def _fate(row: Mapping[str, Any]) -> tuple[str, str] | None:
    """As what the item leaves, and why; None while it stays."""
    state, why = row["effect_state"], row["effect_why"]
    buried = row["entry_state"] == BURIED
    if state == EffectState.CONFIRMED:
        return (POSTED, "") if row["state"] == GOES else (DROPPED, f"posted outside the batch as {row['number']}")
    if state == EffectState.WITHDRAWN:
        return DROPPED, why
    if state == EffectState.DISCARDED:
        return DROPPED, f"given up: {why}"
    if state == EffectState.REJECTED:
        return FAILED, f"refused: {why}"
    if state == EffectState.UNCERTAIN and row["effect_due"] is None:
        return FAILED, f"nobody knows whether it was posted: {why}"
    if buried and state == EffectState.PLANNED:
        return (FAILED if row["state"] == GOES else DROPPED), f"buried: {row['entry_reason']}"
    return None


# -- steps of a batch


def shut(conn: sa.Connection, batch_id: int, now: datetime) -> list[int]:
    """Take nothing more in and have every item planned once more. Gives the entries to wake."""
    if not step(conn, batch_id, (OPEN,), state=PREPARING, preparing_at=now):
        return []
    return [row["entry_id"] for row in items(conn, batch_id, LIVE)]


def lock(conn: sa.Connection, batch_id: int) -> Mapping[str, Any]:
    """The batch, and nobody else changes it until this transaction ends. Raises NoResultFound."""
    return dict(conn.execute(sa.select(t.batches).where(_B.id == batch_id).with_for_update()).mappings().one())


def step(conn: sa.Connection, batch_id: int, before: Sequence[str], **values: Any) -> bool:
    """Move the batch on, if it is in one of these states. False when somebody else did."""
    mine = (_B.id == batch_id) & _B.state.in_(tuple(before))
    return conn.execute(t.batches.update().where(mine).values(**values)).rowcount == 1


def code(conn: sa.Connection, batch_id: int) -> str:
    """What a person says to release exactly what they saw: it changes with every item and every amount."""
    told = [(row["effect_id"], row["content"]) for row in items(conn, batch_id, LIVE)]
    return hashlib.blake2b(repr(told).encode(), digest_size=4).hexdigest()


# -- reading


def one(conn: sa.Connection, batch_id: int) -> Mapping[str, Any]:
    """One batch. Raises NoResultFound."""
    return dict(conn.execute(sa.select(t.batches).where(_B.id == batch_id)).mappings().one())


def rows(conn: sa.Connection, shop: str = "", *, unfinished: bool = False) -> list[Mapping[str, Any]]:
    """Batches without their CSV, oldest first."""
    query = sa.select(*(column for column in t.batches.c if column.name != "csv")).order_by(_B.id)
    if shop:
        query = query.where(_B.shop == shop)
    if unfinished:
        query = query.where(_B.state != CLOSED)
    return [dict(row) for row in conn.execute(query).mappings()]


def items(conn: sa.Connection, batch_id: int, states: Sequence[str] = ()) -> list[Mapping[str, Any]]:
    """The batch's items in the order they came."""
    query = sa.select(t.batch_items).where(_I.batch_id == batch_id).order_by(_I.id)
    if states:
        query = query.where(_I.state.in_(tuple(states)))
    return [dict(row) for row in conn.execute(query).mappings()]


def item_with_batch(conn: sa.Connection, item_id: int) -> Mapping[str, Any]:
    """One item with the shop and day of its batch. Raises NoResultFound."""
    query = sa.select(t.batch_items, _B.shop, _B.business_day).join(t.batches, _B.id == _I.batch_id)
    return dict(conn.execute(query.where(_I.id == item_id)).mappings().one())


def gross_by_currency(found: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What the items credit in all, by currency."""
    sums: dict[str, Decimal] = {}
    for row in found:
        sums[row["currency"]] = sums.get(row["currency"], Decimal(0)) + row["gross"]
    return {name: format(Money(amount, name).to_minor().amount, "f") for name, amount in sorted(sums.items())}


def _live(conn: sa.Connection, effect_id: int) -> Mapping[str, Any] | None:
    query = sa.select(t.batch_items).where((_I.effect_id == effect_id) & _I.state.in_(LIVE))
    row = conn.execute(query).mappings().one_or_none()
    return dict(row) if row else None


def change_item(conn: sa.Connection, item_id: int, now: datetime, **values: Any) -> None:
    """Write some columns of an item."""
    conn.execute(t.batch_items.update().where(_I.id == item_id).values(changed_at=now, **values))


def mark_verified(conn: sa.Connection, item_id: int, now: datetime) -> None:
    """The note was read back from Cin7."""
    change_item(conn, item_id, now, verified=True)
