"""The draft patrol: every draft order in Cin7 is listed whole on the clock, for old drafts show in no list of recent
changes (measured by integrators)."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog

from consumers.exchange_orders.obstacles import TIMERS
from consumers.shared.order_names import exchanges_of, names_of, said, says_exchange
from pipeline.calls.quota import Priority
from pipeline.kill_points import reach
from pipeline.ledger import concerns, entries, sales
from pipeline.parts import Parts
from schemas.cin7 import sales as cin7_sales
from schemas.concerns import Concern, ConcernType
from schemas.misfits import left_out
from schemas.returns import Return
from schemas.sales import DRAFT
from schemas.terms import ExchangeReason

log = structlog.get_logger()
CONSUMER = "exchange-orders"
#: Who raises the exception about drafts of no return, and under which subject.
PATROL, UNKNOWN = "draft-patrol", "exchange drafts"


def drafts(parts: Parts, shop: str) -> None:
    """Index every draft order, and wake the exchanges whose order came into Draft, changed there or left it.

    An incomplete list raises before anything is concluded from what it does not name.
    """
    rows = [row for page in parts.shop(shop).cin7.sale_rows(order_status=DRAFT, priority=Priority.BULK) for row in page]
    reach("sweep.polled")
    now = parts.clock()
    with parts.ledger.write() as conn:
        touched = [row for row in rows if sales.keep_sale_row(conn, shop, row, now) is not None]
        texts = [(row.order_number, row.customer_reference, row.external_id) for row in touched]
        odd = [misfit.text("SaleID").lower() for misfit in left_out(cin7_sales.SALE_LIST)]
        # A draft whose row does not fit has not left; while one has no id, nobody can say which it is.
        texts += [] if "" in odd else _left(conn, shop, {*odd, *(row.sale_id for row in rows)})
        _unknown_drafts(conn, parts, shop, now)
        woken = _wake(conn, parts, shop, texts, now)
    for entry_id in woken:
        parts.hint_entry(entry_id, CONSUMER)
    log.info("drafts looked at", shop=shop, drafts=len(rows), touched=len(texts), woken=len(woken))


def _left(conn: sa.Connection, shop: str, listed: set[str]) -> list[tuple[str, str, str]]:
    """Drafts of the last patrol that are none any more."""
    gone = [row for row in sales.known_drafts(conn, shop) if row["sale_id"] not in listed]
    for row in gone:
        sales.left_draft(conn, shop, row["sale_id"])
    return [(row["order_number"], row["customer_reference"], row["external_id"]) for row in gone]


def _unknown_drafts(conn: sa.Connection, parts: Parts, shop: str, now: datetime) -> None:
    """Drafts that call themselves exchanges and belong to no return that was ever heard of."""
    terms = parts.shop(shop).terms
    hours = terms.exchange_timers.get(ExchangeReason.RELEASE, TIMERS[ExchangeReason.RELEASE])
    company, raised = parts.settings.same_company(shop), []
    for row in sales.known_drafts(conn, shop):
        reference = str(row["customer_reference"])
        old = now - row["first_seen"] >= timedelta(hours=hours)
        if (
            old
            and says_exchange(reference, terms.exchange_marker)
            and not sales.all_known(conn, company, said(reference, terms.exchange_marker))
        ):
            raised.append(row["order_number"])
    if not raised:
        concerns.close(conn, shop, PATROL, UNKNOWN, now)
        return
    concern = Concern(
        ConcernType.EXCHANGE_DRAFT_STUCK,
        f"{len(raised)} draft orders in Cin7 are marked as exchanges, but belong to no known return: "
        f"{', '.join(sorted(raised))}.",
        "Let the Customer Reference of each hold the marker and the order's name or RMA number, and nothing else. One "
        "that another shop or channel made stays as it is.",
    )
    concerns.raise_(conn, shop, PATROL, UNKNOWN, concern, now, owners=terms.owners)


def _wake(conn: sa.Connection, parts: Parts, shop: str, texts: list[tuple[str, str, str]], now: datetime) -> list[int]:
    if not texts:
        return []
    marker = parts.shop(shop).terms.exchange_marker
    woken = [i for i, told in sales.watched(conn, shop, CONSUMER) if _concerns(told, texts, marker)]
    for entry_id in woken:
        entries.make_due(conn, entry_id, now)
    return woken


def _concerns(told: Return, texts: list[tuple[str, str, str]], marker: str) -> bool:
    names = [names_of(told, order, marker) for order in exchanges_of(told)]
    return any(one.fit(*text) for one in names for text in texts)
