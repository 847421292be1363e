"""Batch posting on the clock: hold planned notes, prepare at the cut-off, release small batches, post, read back,
close."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
import structlog

from consumers.case import Case, Plan
from consumers.shared.business_day import base_gross, business_day, content, ready_since
from consumers.shared.posting_day import zone_of
from pipeline.calls.failures import NotFound
from pipeline.calls.quota import Priority
from pipeline.ledger import concerns, effects, entries, reference_books
from pipeline.ledger.batches import batches, releasing, reporting
from pipeline.ledger.batches.batches import CLOSED, POSTING, PREPARED, PREPARING, RELEASED, Item, Place
from pipeline.ledger.codec import from_json
from pipeline.ledger.entries import Claim
from pipeline.ledger.schema import all as t
from pipeline.parts import Parts
from schemas.actions import PostCreditNote
from schemas.concerns import Concern, ConcernType
from schemas.sales import AUTHORISED, SaleRow, Tenant
from schemas.terms import Posting, Terms

log = structlog.get_logger()
#: A held note is planned anew at least this often; a change of its return or its sale wakes it at once.
LOOK_AGAIN = timedelta(hours=12)
#: What cannot be planned once more in this time stays behind in the next batch.
PREPARE_WITHIN = timedelta(hours=2)
#: The credit-note list may lag behind a post; after this the batch closes with the note named as not read back.
VERIFY_WITHIN = timedelta(hours=6)
OVERLAP = timedelta(minutes=10)
#: The poll that reads posted notes back.
POLL = "cin7:batches"
AUTOMATIC = "returnline"


# -- while an entry is planned


def hold(
    conn: sa.Connection,
    claimed: Claim,
    case: Case,
    terms: Terms,
    plan: Plan,
    planned: Iterable[int | None],
    now: datetime,
) -> None:
    """Put the credit notes among the effects just `planned` into their batches, in the transaction that plans them."""
    if claimed.return_id is None:
        return
    said = [plan.refusal, *(wait.reason for wait in plan.waits)]
    batches.withdrawn(conn, claimed.entry_id, "; ".join(dict.fromkeys(word for word in said if word)), now)
    if terms.posting is not Posting.BATCH:
        return
    for effect_id in planned:
        action = effects.get(conn, effect_id).action if effect_id is not None else None
        if effect_id is not None and isinstance(action, PostCreditNote):
            place, item = _item(conn, claimed, case, terms, effect_id, action, now)
            kept = batches.hold(conn, item, place, now)
            if kept is not None and kept["late"]:
                _say_late(conn, claimed, kept, action, now)


def _item(
    conn: sa.Connection,
    claimed: Claim,
    case: Case,
    terms: Terms,
    effect_id: int,
    action: PostCreditNote,
    now: datetime,
) -> tuple[Place, Item]:
    place = _place(conn, claimed.shop, terms, now)
    zone, ready = _zone(conn, claimed.shop), ready_since(case.ret, action.units, terms.gate)
    item = Item(
        effect_id,
        claimed.entry_id,
        claimed.return_id or 0,
        case.ret.rma_id,
        content(action),
        action,
        base_gross(action, place.base_currency or action.gross.currency),
        ready,
        business_day(ready, terms.batch.cut_off, zone).day if ready else None,
    )
    return place, item


def _place(conn: sa.Connection, shop: str, terms: Terms, now: datetime) -> Place:
    """The batch that is open now. Without a reading of the company's settings its day is UTC's, and no amount limit can
    be compared."""
    tenant, zone, limits = _tenant(conn, shop), _zone(conn, shop), terms.batch
    day = business_day(now, limits.cut_off, zone)
    base = tenant.currency if tenant else ""
    return Place(shop, day.day, day.cut_off_at, str(zone), base, limits.max_count, limits.max_amount)


def _zone(conn: sa.Connection, shop: str) -> tzinfo:
    return zone_of(_tenant(conn, shop))


def _tenant(conn: sa.Connection, shop: str) -> Tenant | None:
    kept = reference_books.reference_book(conn, shop, "me")
    return from_json(Tenant, kept[0]) if kept else None


def _say_late(
    conn: sa.Connection, claimed: Claim, item: Mapping[str, Any], action: PostCreditNote, now: datetime
) -> None:
    text = (
        f"RMA {item['rma_id']} was ready on {item['ready_at']:%Y-%m-%d}, but the batch of that day takes nothing more: "
        f"its credit note is in batch {item['batch_id']} of {item['business_day']}."
    )
    step = f"Decide whether {item['business_day']} is the right period, then release batch {item['batch_id']}."
    concern = Concern(ConcernType.BATCH_LATE_EVENT, text, step, action.gross, action.units)
    concerns.raise_(conn, claimed.shop, batches.RAISED_BY, item["rma_id"], concern, now, return_id=claimed.return_id)


# -- on the clock


def advance(parts: Parts) -> None:
    """Take every unfinished batch as far as it will go now. Asks nobody: posting is the consumers' work."""
    with parts.ledger.read() as conn:
        shops = parts.settings.shops
        unfinished = [row for row in batches.rows(conn, unfinished=True) if row["shop"] in shops]
        astray = [shop for shop in shops if batches.found_later(conn, shop)]
    for shop in astray:
        with parts.ledger.write() as conn:
            now = parts.clock()
            for item in batches.found_later(conn, shop):
                batches.take_found(conn, item, _place(conn, shop, shops[shop].terms, now), now)
    for row in unfinished:
        _advance(parts, row["id"], shops[row["shop"]].terms)


def _advance(parts: Parts, batch_id: int, terms: Terms) -> None:
    now = parts.clock()
    with parts.ledger.write() as conn:
        batch = batches.lock(conn, batch_id)
        batches.reconcile(conn, batch_id, now)
        woken = _STEPS[batch["state"]](conn, batch, terms, now)
        for entry_id in woken:
            entries.make_due(conn, entry_id, now)
        after = batches.one(conn, batch_id)["state"]
    if after != batch["state"]:
        log.info("batch moved on", batch=batch_id, shop=batch["shop"], state=after)


def _when_open(conn: sa.Connection, batch: Mapping[str, Any], terms: Terms, now: datetime) -> list[int]:
    limits = terms.batch
    place = Place(batch["shop"], batch["business_day"], now, "", "", limits.max_count, limits.max_amount)
    if now < batch["cut_off_at"] and not batches.full(conn, batch["id"], place):
        return []
    return batches.shut(conn, batch["id"], now)


def _when_preparing(conn: sa.Connection, batch: Mapping[str, Any], _: Terms, now: datetime) -> list[int]:
    held = batches.items(conn, batch["id"], batches.LIVE)
    unchecked = [item for item in held if item["checked_at"] < batch["preparing_at"]]
    if unchecked and now < batch["preparing_at"] + PREPARE_WITHIN:
        return []
    for item in unchecked:
        # The next plan of the entry puts it into the batch that is open then.
        batches.leave(conn, item["id"], batches.MOVED, "could not be planned once more in time", now)
    batches.step(conn, batch["id"], (PREPARING,), state=PREPARED, prepared_at=now)
    return [item["entry_id"] for item in unchecked]


def _when_prepared(conn: sa.Connection, batch: Mapping[str, Any], terms: Terms, now: datetime) -> list[int]:
    held = batches.items(conn, batch["id"], batches.LIVE)
    if not held:
        reporting.close(conn, batch["id"], now)
        return []
    limit = terms.batch.auto_release_below
    worth = sum((item["base_gross"] for item in held), Decimal(0))
    if limit is not None and worth < limit:
        releasing.release(conn, batch["id"], batches.code(conn, batch["id"]), AUTOMATIC, now)
    return []


def _when_released(conn: sa.Connection, batch: Mapping[str, Any], _: Terms, now: datetime) -> list[int]:
    batches.step(conn, batch["id"], (RELEASED,), state=POSTING, posting_at=now)
    return [item["entry_id"] for item in batches.items(conn, batch["id"], batches.LIVE)]


def _when_posting(conn: sa.Connection, batch: Mapping[str, Any], _: Terms, now: datetime) -> list[int]:
    found = batches.items(conn, batch["id"])
    if any(item["state"] in batches.LIVE for item in found):
        return []
    unread = [item for item in found if item["state"] == batches.POSTED and not item["verified"]]
    if not unread:
        reporting.close(conn, batch["id"], now)
        return []
    if now < max(item["changed_at"] for item in unread) + VERIFY_WITHIN:
        return []
    reporting.close(conn, batch["id"], now)
    return [item["entry_id"] for item in unread]


_STEPS = {
    batches.OPEN: _when_open,
    PREPARING: _when_preparing,
    PREPARED: _when_prepared,
    RELEASED: _when_released,
    POSTING: _when_posting,
    CLOSED: lambda *_: [],
}


# -- reading back


def verify(parts: Parts, shop: str) -> None:
    """Read back what batches posted: the credit-note list first, and the sale itself where the list does not name our
    note."""
    with parts.ledger.read() as conn:
        due = _unread(conn, shop)
    if not due:
        return
    since = min(row["posting_at"] for row in due) - OVERLAP
    client = parts.shop(shop).cin7
    listed = {row.sale_id: row for page in client.credit_note_rows(since, priority=Priority.BULK) for row in page}
    seen = [row for row in due if _named(listed.get(row["sale_id"]), row) or _in_sale(parts, shop, row)]
    with parts.ledger.write() as conn:
        for row in seen:
            batches.mark_verified(conn, row["id"], parts.clock())


def _unread(conn: sa.Connection, shop: str) -> list[Mapping[str, Any]]:
    i, b, f = t.batch_items.c, t.batches.c, t.effects.c
    query = (
        sa.select(t.batch_items, b.posting_at, f.sale_id, f.reference, f.number)
        .join(t.batches, b.id == i.batch_id)
        .join(t.effects, f.id == i.effect_id)
        .where((b.shop == shop) & (b.state == POSTING) & (i.state == batches.POSTED) & i.verified.is_(False))
    )
    return [dict(row) for row in conn.execute(query).mappings()]


def _named(row: SaleRow | None, item: Mapping[str, Any]) -> bool:
    """Whether the list, one row for each sale, happens to name this note as authorised."""
    if row is None or not item["number"]:
        return False
    return row.credit_note_number == item["number"] and row.credit_note_status == AUTHORISED


def _in_sale(parts: Parts, shop: str, item: Mapping[str, Any]) -> bool:
    try:
        notes = parts.shop(shop).cin7.credit_notes(item["sale_id"], item["currency"], priority=Priority.BULK)
    except NotFound:
        return False
    mine = [note for note in notes if note.number == item["number"] or note.task_id == item["reference"]]
    return any(note.status == AUTHORISED for note in mine)
