"""Lists that do not fit their schema, as polls meet them: a row that had to be left out, or an answer that is no list.

One exception for each poll, whatever the number of rows; it closes by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from pipeline.ledger import concerns, cursors
from pipeline.ledger.schema import all as t
from pipeline.parts import Parts
from schemas.concerns import Concern, ConcernType
from schemas.misfits import Misfit
from tasks.failures import MOST_UNFIT

RAISED_BY = "polls"
#: These lists name only what changed lately: that an odd row is gone from them does not mean that it fits now.
PARTIAL = frozenset({"returngo:transactions", "cin7:sales", "cin7:notes"})
QUIET = timedelta(days=1)
EXAMPLES = 3
_X = t.exceptions.c


def rows_of(poll: str) -> str:
    """The subject of the exception about rows that this poll left out."""
    return f"{poll} rows"


def arrived(parts: Parts, shop: str, poll: str, left_out: Sequence[Misfit]) -> None:
    """The poll is made: its answers fit, but for these rows."""
    now = parts.clock()
    with parts.ledger.read() as conn:
        opened = _open(conn, shop, poll)
        tries = cursors.cursor(conn, shop, _tries(poll))
    if not (left_out or opened or tries):
        return
    gone_at = opened.get(rows_of(poll))
    stays = poll in PARTIAL and gone_at is not None and now - gone_at < QUIET
    with parts.ledger.write() as conn:
        cursors.set_cursor(conn, shop, _tries(poll), "", now)
        concerns.close(conn, shop, RAISED_BY, poll, now)
        if left_out:
            concerns.raise_(conn, shop, RAISED_BY, rows_of(poll), _rows(left_out), now)
        elif not stays:
            concerns.close(conn, shop, RAISED_BY, rows_of(poll), now)


def failed(parts: Parts, shop: str, poll: str, why: str, fields: Mapping[str, str]) -> None:
    """The answer does not fit at all. After a few times in a row a person must know; the poll goes on trying."""
    now = parts.clock()
    with parts.ledger.write() as conn:
        tries = int(cursors.cursor(conn, shop, _tries(poll)) or 0) + 1
        cursors.set_cursor(conn, shop, _tries(poll), str(tries), now)
        if tries >= MOST_UNFIT:
            step = "An engineer must teach the schema this answer; it is asked for again by itself."
            details = {"tries": str(tries), "fields": ", ".join(sorted(fields)[:20])}
            concern = Concern(ConcernType.SCHEMA_INVALID, f"{poll} gets nowhere: {why}", step, details=details)
            concerns.raise_(conn, shop, RAISED_BY, poll, concern, now)


def _tries(poll: str) -> str:
    return f"unfit:{poll}"


def _open(conn: sa.Connection, shop: str, poll: str) -> dict[str, datetime]:
    """The subjects of this poll's open exceptions, and when each was last seen to be true."""
    mine = (_X.shop == shop) & (_X.raised_by == RAISED_BY) & (_X.state == concerns.OPEN)
    query = sa.select(_X.subject, _X.seen_at).where(mine & _X.subject.in_((poll, rows_of(poll))))
    return {str(subject): seen for subject, seen in conn.execute(query)}


def _rows(left_out: Sequence[Misfit]) -> Concern:
    names = [_name(misfit) for misfit in left_out]
    more = f"; and {len(names) - EXAMPLES} more" if len(names) > EXAMPLES else ""
    what = "A row" if len(names) == 1 else f"{len(names)} rows"
    return Concern(
        ConcernType.SCHEMA_INVALID,
        f"{what} of {left_out[0].what} could not be read; the rest was: {'; '.join(names[:EXAMPLES])}{more}",
        "An engineer must teach the schema these rows; the list is read again by itself.",
        details={"count": str(len(names))},
    )


def _name(misfit: Misfit) -> str:
    told = misfit.text("rmaId", "id", "SaleID", "SKU", "Name", "Code") or "no id"
    return f"{told[:60]} ({'; '.join(f'{path}: {why}' for path, why in list(misfit.errors.items())[:3])})"
