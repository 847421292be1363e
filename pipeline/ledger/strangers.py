"""What a sender alone can cause: RMA numbers that ReturnGO does not know, and bodies that nobody can read.

Whoever holds a webhook's token can make as many of them as they like, so there is one exception for each cause, with a
count and examples. It closes by itself: when what it counts is dealt with, or a day after the last of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from pipeline.ledger import concerns
from pipeline.ledger.schema import all as t
from schemas.concerns import Concern, ConcernType

READING, INTAKE = "reading", "intake"
UNKNOWN = "unknown RMAs"
#: How ReturnGO refuses a number, as a reading writes it down.
REFUSALS = ("NotFound", "Rejected", "AnotherDocument")
QUIET = timedelta(days=1)
EXAMPLES = 5
_R, _D, _X = t.returns.c, t.dead_letters.c, t.exceptions.c


def unreadable(source: str) -> str:
    """The subject of the exception about this source's unreadable deliveries."""
    return f"unreadable:{source}"


def tell_unknown(conn: sa.Connection, shop: str, now: datetime, refused: str = "") -> None:
    """Make the exception about RMA numbers that only senders know say how it stands now; `refused` is one that ReturnGO
    refused just now. It counts those that are still tried, and those first named since a day before it opened."""
    opened_at, _ = _open(conn, shop).get(UNKNOWN, (now, now))
    never = _R.read_at.is_(None) & sa.or_(*(_R.trouble.startswith(name) for name in REFUSALS))
    lately = _R.due_at.is_not(None) | (_R.opened_at > opened_at - QUIET) | (_R.rma_id == refused)
    count, examples = _some(conn, _R.rma_id, _R.id, (_R.shop == shop) & never & lately)
    concern = Concern(
        ConcernType.ORDER_NOT_FOUND,
        f"ReturnGO does not know {_numbers(count)} that webhooks named: {_listed(examples, count)}.",
        "Check the sender of these webhooks; exchange its token if it is not ReturnGO. They are not read for ever.",
        details={"count": str(count), "examples": ", ".join(examples)},
    )
    concerns.sync(conn, shop, READING, UNKNOWN, [concern] if count else [], now)


def tell_unreadable(conn: sa.Connection, shop: str, source: str, now: datetime, by: str = "") -> None:
    """Make the exception about this source's unreadable deliveries say how it stands; `by` is who dealt with one."""
    d = t.deliveries.c
    mine = (_D.shop == shop) & (_D.stage == "admit") & _D.state.in_(("open", "requeued")) & (_D.buried_at > now - QUIET)
    mine &= _D.delivery_id.in_(sa.select(d.id).where((d.source == source) & (d.outcome == "unreadable")))
    count, letters = _some(conn, _D.id, _D.id, mine)
    if not count:
        concerns.close(conn, shop, INTAKE, unreadable(source), now, by=by or concerns.BY_FACTS)
        return
    why = conn.execute(sa.select(_D.reason).where(_D.id == int(letters[0]))).scalar_one()
    what = "A delivery" if count == 1 else f"{count} deliveries"
    concern = Concern(
        ConcernType.SCHEMA_INVALID,
        f"{what} from {source} could not be read; the latest: {why}",
        f"`returnline dead show {letters[0]}` has the original bytes; the sweep reads the returns meanwhile.",
        details={"count": str(count), "examples": ", ".join(letters)},
    )
    concerns.raise_(conn, shop, INTAKE, unreadable(source), concern, now)


def refresh(conn: sa.Connection, shop: str, now: datetime) -> None:
    """Close what has been quiet for a day."""
    for subject, (_, seen_at) in _open(conn, shop).items():
        if subject != UNKNOWN:
            tell_unreadable(conn, shop, subject.removeprefix("unreadable:"), now)
        elif seen_at <= now - QUIET:
            concerns.close(conn, shop, READING, UNKNOWN, now)
    _close_single_ones(conn, shop, now)


def told_unknown(conn: sa.Connection, shop: str) -> bool:
    """Whether the exception about unknown numbers is open."""
    return UNKNOWN in _open(conn, shop)


def _open(conn: sa.Connection, shop: str) -> dict[str, tuple[datetime, datetime]]:
    """The subjects of the open exceptions of this kind, with when each opened and when it was last told."""
    ours = (_X.subject == UNKNOWN) | _X.subject.startswith("unreadable:")
    query = sa.select(_X.subject, _X.opened_at, _X.seen_at)
    rows = conn.execute(query.where((_X.shop == shop) & (_X.state == concerns.OPEN) & ours))
    return {str(subject): (opened_at, seen_at) for subject, opened_at, seen_at in rows}


def _close_single_ones(conn: sa.Connection, shop: str, now: datetime) -> None:
    """Earlier versions opened one exception for each number and each delivery."""
    never = sa.select(_R.id).where((_R.shop == shop) & _R.read_at.is_(None))
    numbers = (_X.raised_by == READING) & (_X.type == ConcernType.ORDER_NOT_FOUND.value) & _X.return_id.in_(never)
    deliveries = (_X.raised_by == INTAKE) & _X.subject.startswith("delivery:")
    single = (_X.shop == shop) & (_X.state == concerns.OPEN) & (numbers | deliveries)
    values = {"state": concerns.CLOSED, "closed_at": now, "closed_by": "told in one exception"}
    conn.execute(t.exceptions.update().where(single).values(**values))


def _some(conn: sa.Connection, column: Any, order: Any, where: Any) -> tuple[int, list[str]]:
    count = int(conn.execute(sa.select(sa.func.count(order)).where(where)).scalar_one())
    latest = conn.execute(sa.select(column).where(where).order_by(order.desc()).limit(EXAMPLES)).scalars()
    return count, [str(one) for one in latest]


def _numbers(count: int) -> str:
    return "an RMA number" if count == 1 else f"{count} RMA numbers"


def _listed(examples: Sequence[str], count: int) -> str:
    more = count - len(examples)
    return ", ".join(examples) + (f" and {more} more" if more > 0 else "")
