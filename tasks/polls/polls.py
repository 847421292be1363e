"""What each poll asks and what follows. They make webhooks optional: a return, a refund, a sale or a note that nobody
announced is found here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog

from pipeline.broker.names import REFRESH
from pipeline.calls.failures import IncompleteSweep
from pipeline.calls.quota import Priority
from pipeline.kill_points import reach
from pipeline.ledger import concerns, cursors, entries, journal, returns
from pipeline.ledger import sales as known_sales
from pipeline.ledger.schema import all as t
from pipeline.parts import Parts
from schemas.cin7 import sales as cin7_sales
from schemas.concerns import Concern, ConcernType
from schemas.go_live import EARLIEST_ZONE
from schemas.misfits import Misfit, left_out
from schemas.returngo import rmas as rma_lists
from schemas.returns import CANCELED, DONE, OPEN_STATUSES, REJECTED
from schemas.sales import SaleRow
from tasks.books.books import REFERENCE_BOOKS, LedgerBooks
from tasks.polls.finding import Found, Listed, Pace, find, first_look

log = structlog.get_logger()
#: `lastUpdated` does not follow receipts or refunds (measured by integrators), so the open set is read whole and
#: compared.
WATCHED = OPEN_STATUSES
ENDED = (DONE, CANCELED, REJECTED)
#: Where the status sweep stands; it moves only when every open return was read.
ENDED_SINCE = "returngo:ended"
#: The go-live date with which the ended returns were last listed.
ENDED_GO_LIVE = "returngo:ended-go-live"
#: Where a reading of the sale list was broken off: since, begun, next page.
SALES_PLACE = "cin7:sales-place"
_WHOLE = "whole"
#: Since when the next reading of either list asks: the last one's begin less the overlap.
SALES_SINCE, NOTES_SINCE = "cin7:sales-since", "cin7:notes-since"
#: Cursors overlap by this much: rows are touched in storms with one and the same millisecond (measured by integrators).
OVERLAP = timedelta(minutes=10)
FIRST_LOOK_BACK = timedelta(days=60)


def open_returns(parts: Parts, shop: str) -> None:
    """Compare every open return's status with ours; nudge the changed, the new, those that left the open set unseen,
    and those that nobody told us of until they had ended."""
    client, began = parts.shop(shop).returngo, parts.clock()
    since = _ended_since(parts, shop)
    seen = {s.rma_id: s for page in client.summaries(WATCHED) for s in page}
    ended = {s.rma_id: s for page in client.summaries(ENDED, updated_since=since) for s in page}
    reach("sweep.polled")
    now = parts.clock()
    # Compared outside the writing transaction: with many returns this takes long, and one nudge too many does no harm.
    with parts.ledger.read() as conn:
        known = _statuses(conn, shop)
        found = _found(parts, conn, shop, Listed(seen, ended, known))
        place = returns.never_read(conn, shop)
    pace = Pace(now, place, parts.settings.shop(shop).returngo.daily_limit)
    with parts.ledger.write() as conn:
        for rma in found.at_once:
            returns.nudge(conn, shop, rma, now)
        for number, rma in enumerate(found.in_turn):
            returns.nudge(conn, shop, rma, now, pace.due(number))
        cursors.set_cursor(conn, shop, ENDED_SINCE, (began - OVERLAP).isoformat(), now)
        cursors.set_cursor(conn, shop, ENDED_GO_LIVE, str(parts.shop(shop).terms.go_live), now)
    if found.at_once or found.in_turn:
        log.info("found by the sweep", shop=shop, returns=len(found.at_once) + len(found.in_turn))
        parts.hint(REFRESH, "intake")


def _found(parts: Parts, conn: sa.Connection, shop: str, listed: Listed) -> Found:
    # Until the company's zone is known, nothing that may be live anywhere is taken for older.
    zone = cursors.company_zone(conn, shop) or EARLIEST_ZONE
    odd = [rma_lists.bare_rma_id(misfit.text("rmaId")) for misfit in left_out(rma_lists.RMA_LIST)]
    found = find(listed, parts.shop(shop).terms.go_live, zone, odd)
    return found.without(_already_nudged(conn, shop))


def _ended_since(parts: Parts, shop: str) -> datetime:
    """Since when ended returns are listed. Before the first look, and when the go-live date was changed, from the
    go-live day on: returns that ended meanwhile may be live now, and none of them changes any more."""
    terms, now = parts.shop(shop).terms, parts.clock()
    with parts.ledger.read() as conn:
        kept, told = cursors.cursor(conn, shop, ENDED_SINCE), cursors.cursor(conn, shop, ENDED_GO_LIVE)
    if kept and (told == str(terms.go_live) or terms.go_live is None):
        return datetime.fromisoformat(kept)
    return first_look(terms.go_live, now, now - FIRST_LOOK_BACK)


def _statuses(conn: sa.Connection, shop: str) -> dict[str, str]:
    r = t.returns.c
    return {str(rma): str(status) for rma, status in conn.execute(sa.select(r.rma_id, r.status).where(r.shop == shop))}


def _already_nudged(conn: sa.Connection, shop: str) -> set[str]:
    """Returns that wait to be read anyway: a second nudge would only cut short the wait after a failure. One that was
    given up does not wait: it is read when ReturnGO lists it."""
    r = t.returns.c
    query = sa.select(r.rma_id).where((r.shop == shop) & (r.nudges > r.nudges_read) & r.due_at.is_not(None))
    return {str(rma) for rma in conn.execute(query).scalars()}


def _since(parts: Parts, shop: str, name: str) -> datetime:
    with parts.ledger.read() as conn:
        kept = cursors.cursor(conn, shop, name)
    return datetime.fromisoformat(kept) if kept else parts.clock() - FIRST_LOOK_BACK


def transactions(parts: Parts, shop: str) -> None:
    """Money that moved without a webhook: rows carry no RMA, so they are joined through their units."""
    since, began = _since(parts, shop, "returngo:money"), parts.clock()
    rows: dict[str, tuple[str, Iterable[str]]] = {
        row.transaction_id: (row.status, row.unit_ids)
        for row in parts.shop(shop).returngo.transactions(updated_since=since)
    }
    # Of a row that does not fit, the units are enough: the reading of its return says what is wrong.
    rows |= {f"unread {n}": ("", _units(odd)) for n, odd in enumerate(left_out(rma_lists.TRANSACTION_LIST))}
    reach("sweep.polled")
    now = parts.clock()
    with parts.ledger.write() as conn:
        touched = _returns_of(conn, shop, rows)
        behind = [rma for rma, statuses in touched.items() if _behind(conn, shop, rma, statuses)]
        for rma in behind:
            returns.nudge(conn, shop, rma, now)
        cursors.set_cursor(conn, shop, "returngo:money", (began - OVERLAP).isoformat(), now)
    if behind:
        parts.hint(REFRESH, "intake")


def _units(odd: Misfit) -> list[str]:
    told = odd.row.get("returnItemIds") if isinstance(odd.row, dict) else None
    return [str(one) for one in told if isinstance(one, str | int)] if isinstance(told, list) else []


def _returns_of(
    conn: sa.Connection, shop: str, rows: Mapping[str, tuple[str, Iterable[str]]]
) -> dict[str, dict[str, str]]:
    """The returns that these transactions (id → status, units) are about: RMA → transaction id → status."""
    owners = _owners(conn, shop, sorted({unit for _, units in rows.values() for unit in units}))
    found: dict[str, dict[str, str]] = {}
    for transaction_id, (status, units) in rows.items():
        for rma in {rma for unit in units for rma in owners.get(unit, ())}:
            found.setdefault(rma, {})[transaction_id] = status
    return dict(sorted(found.items()))


def _owners(conn: sa.Connection, shop: str, wanted: list[str]) -> dict[str, set[str]]:
    """Unit → RMAs. The units are asked first and the shop last: the other way round every return would be walked."""
    u, found = t.units.c, dict[str, set[str]]()
    for start in range(0, len(wanted), 400):
        units = conn.execute(
            sa.select(u.returned_item_id, u.return_id).where(u.returned_item_id.in_(wanted[start : start + 400]))
        ).all()
        mine = (t.returns.c.shop == shop) & t.returns.c.id.in_({return_id for _, return_id in units})
        rmas = {
            row.id: str(row.rma_id) for row in conn.execute(sa.select(t.returns.c.id, t.returns.c.rma_id).where(mine))
        }
        for unit, return_id in units:
            if return_id in rmas:
                found.setdefault(str(unit), set()).add(rmas[return_id])
    return found


def _behind(conn: sa.Connection, shop: str, rma_id: str, statuses: Mapping[str, str]) -> bool:
    """Whether what we last read of this return differs from the transaction list, a new transaction included."""
    for row in returns.find(conn, rma_id, shop):
        told = returns.told(row)
        if told is None:
            return True
        ours = {x.transaction_id: x.status for x in told.transactions}
        if any(ours.get(name) != status for name, status in statuses.items()):
            return True
    return False


def reference_books(parts: Parts, shop: str) -> None:
    """Read locations, tax rules, accounts and the company's settings, so that no return has to."""
    books = LedgerBooks(parts, parts.shop(shop), None, "sweep")
    for book in REFERENCE_BOOKS:
        books.refresh(book)


def sales(parts: Parts, shop: str) -> None:
    """Index the sales that were touched: finding an order's sale then costs nothing, and whoever waits for one of them
    wakes."""
    since, started, page = _sales_place(parts, shop)
    woken: list[tuple[int, str]] = []
    try:
        for rows in parts.shop(shop).cin7.sale_rows(since, priority=Priority.BULK, first_page=page):
            reach("sweep.polled")
            woken.extend(_index(parts, shop, rows))
            page += 1
            _keep_place(parts, shop, f"{since.isoformat()}|{started.isoformat()}|{page}")
    except IncompleteSweep:
        _keep_place(parts, shop, _WHOLE)
        raise
    with parts.ledger.write() as conn:
        cursors.set_cursor(conn, shop, SALES_SINCE, (started - OVERLAP).isoformat(), started)
        cursors.set_cursor(conn, shop, SALES_PLACE, _WHOLE, started)
    for entry_id, consumer in woken:
        parts.hint_entry(entry_id, consumer)


def _sales_place(parts: Parts, shop: str) -> tuple[datetime, datetime, int]:
    """Since when, begun when, from which page. A list longer than the quota lets through in one go is gone on with, or
    a shop with many sales would read its first pages for ever."""
    with parts.ledger.read() as conn:
        kept = cursors.cursor(conn, shop, SALES_PLACE)
    if "|" not in kept:
        return _since(parts, shop, SALES_SINCE), parts.clock(), 1
    since, started, page = kept.split("|")
    return datetime.fromisoformat(since), datetime.fromisoformat(started), int(page)


def _keep_place(parts: Parts, shop: str, place: str) -> None:
    with parts.ledger.write() as conn:
        cursors.set_cursor(conn, shop, SALES_PLACE, place, parts.clock())


def listed_at(conn: sa.Connection, shop: str) -> datetime | None:
    """When the reading of the last whole list of touched sales or notes began; None before the first."""
    kept = [cursors.cursor(conn, shop, name) for name in (SALES_SINCE, NOTES_SINCE)]
    return max((datetime.fromisoformat(since) + OVERLAP for since in kept if since), default=None)


def _index(parts: Parts, shop: str, page: Iterable[SaleRow]) -> list[tuple[int, str]]:
    now = parts.clock()
    woken: list[tuple[int, str]] = []
    texts: set[str] = set()
    with parts.ledger.write() as conn:
        for row in page:
            names = known_sales.keep_sale_row(conn, shop, row, now)
            if names is not None:
                woken.extend(entries.wake_sale(conn, shop, row.sale_id, now))
                texts |= names
        woken.extend(entries.wake_orders(conn, shop, texts, now))
        # Whoever waits for a sale whose row does not fit reads it whole, and is told if that does not fit either.
        for odd in left_out(cin7_sales.SALE_LIST):
            woken.extend(entries.wake_sale(conn, shop, odd.text("SaleID").lower(), now))
    return list(dict.fromkeys(woken))


def credit_notes(parts: Parts, shop: str) -> None:
    """Sales whose notes changed: those that hold one of our notes are looked at again, so that drift and foreign notes
    are seen."""
    since = _since(parts, shop, NOTES_SINCE)
    started = parts.clock()
    rows = [row for page in parts.shop(shop).cin7.credit_note_rows(since, priority=Priority.BULK) for row in page]
    reach("sweep.polled")
    # Whichever list shows a change first must wake who waits for it: the other one will see nothing new.
    woken = _index(parts, shop, rows)
    with parts.ledger.write() as conn:
        cursors.set_cursor(conn, shop, NOTES_SINCE, (started - OVERLAP).isoformat(), started)
    for entry_id, consumer in woken:
        parts.hint_entry(entry_id, consumer)


def journal_lines(parts: Parts, shop: str) -> None:
    """The journal of the days whose restock values wait: a thousand lines a call, and no call where none waits."""
    with parts.ledger.read() as conn:
        days = journal.days_wanted(conn, shop)
    if days is None:
        return
    lines = parts.shop(shop).cin7.transactions(*days, priority=Priority.BULK)
    reach("sweep.polled")
    now = parts.clock()
    with parts.ledger.write() as conn:
        journal.keep(conn, shop, lines, now)
        woken = journal.wake_waiting(conn, shop, now)
    for entry_id, consumer in woken:
        parts.hint_entry(entry_id, consumer)


def cin7_webhooks(parts: Parts, shop: str) -> None:
    """Cin7 switches a webhook off after six failures and tells nobody (Cin7 blueprint); polling covers the gap."""
    hooks = [hook for hook in parts.shop(shop).cin7.webhooks(priority=Priority.BULK) if "/hooks/cin7/" in hook.url]
    off = sorted(hook.kind for hook in hooks if not hook.active)
    now = parts.clock()
    with parts.ledger.write() as conn:
        if not off:
            concerns.close(conn, shop, "watchdog", "cin7 webhooks", now)
            return
        concern = Concern(
            ConcernType.WEBHOOK_INACTIVE,
            f"Cin7 switched off {len(off)} of our webhooks: {', '.join(off)}. Polling goes on meanwhile.",
            "Set them active again in Cin7 (Integrations, Webhooks); `returnline doctor` shows the addresses.",
        )
        concerns.raise_(conn, shop, "watchdog", "cin7 webhooks", concern, now)
