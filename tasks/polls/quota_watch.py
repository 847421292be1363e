"""Who uses up the calls? A refusal inside our own limit means that somebody else uses the key: we wait and say so."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa

from pipeline.calls.quota import DailyQuota, Quota, QuotaUnavailable, Usage
from pipeline.ledger import concerns
from pipeline.ledger.schema import all as t
from pipeline.ledger.store import upsert
from pipeline.parts import Parts
from schemas.concerns import Concern, ConcernType

#: The exception closes after so many windows without another such refusal.
QUIET_WINDOWS = 5
_CURSOR = "quota:foreign"
_RAISED_BY = "quota"


class Strangers(NamedTuple):
    """Refusals inside our own limit so far, whether the exception about them is open, and when the last one was."""

    refusals: int
    told: bool
    at: datetime


def watch(parts: Parts, shop: str) -> None:
    """Open and close RATE_BUDGET_EXHAUSTED for the shop's Cin7 key and its ReturnGO day. Makes no call."""
    clients = parts.shop(shop)
    try:
        cin7, day = clients.cin7_quota.usage(), clients.returngo_quota.usage()
    except QuotaUnavailable:
        return
    now = parts.clock()
    with parts.ledger.read() as conn:
        before = _known(conn, shop, now)
        told_day = _is_open(conn, shop, "returngo")
    after = _next(before, cin7, now, clients.cin7_quota.window)
    spent = day.used >= clients.returngo_quota.limit - clients.returngo_quota.reserve
    if after == before and spent == told_day:
        return
    with parts.ledger.write() as conn:
        value = f"{after.refusals}|{'told' if after.told else ''}"
        upsert(conn, t.cursors, {"shop": shop, "name": _CURSOR}, {"value": value, "at": after.at})
        _tell(conn, shop, "cin7", _of_strangers(after, cin7, clients.cin7_quota) if after.told else None, now)
        _tell(conn, shop, "returngo", _of_the_day(day, clients.returngo_quota) if spent else None, now)


def _known(conn: sa.Connection, shop: str, now: datetime) -> Strangers:
    c = t.cursors.c
    row = conn.execute(sa.select(c.value, c.at).where((c.shop == shop) & (c.name == _CURSOR))).one_or_none()
    if row is None:
        return Strangers(0, False, now)
    count, _, told = row[0].partition("|")
    return Strangers(int(count or 0), bool(told), row[1])


def _next(before: Strangers, usage: Usage, now: datetime, window: float) -> Strangers:
    if usage.foreign > before.refusals:
        return Strangers(usage.foreign, True, now)
    if usage.foreign < before.refusals:
        # Redis was flushed: counting starts again, and what was told is told until it has been quiet.
        return before._replace(refusals=usage.foreign)
    if before.told and now - before.at > timedelta(seconds=QUIET_WINDOWS * window):
        return before._replace(told=False)
    return before


def _is_open(conn: sa.Connection, shop: str, subject: str) -> bool:
    rows = concerns.open_rows(conn, shop=shop, type_=ConcernType.RATE_BUDGET_EXHAUSTED.value)
    return any((row["raised_by"], row["subject"]) == (_RAISED_BY, subject) for row in rows)


def _tell(conn: sa.Connection, shop: str, subject: str, concern: Concern | None, now: datetime) -> None:
    concerns.sync(conn, shop, _RAISED_BY, subject, [concern] if concern else [], now)


def _of_strangers(strangers: Strangers, usage: Usage, quota: Quota) -> Concern:
    word = "call" if strangers.refusals == 1 else "calls"
    cause = (
        f"Cin7 refused {strangers.refusals} {word} for its limit although we had used at most {usage.limit} of "
        f"{quota.limit} in {quota.window:g} s: somebody else uses our application key."
    )
    step = "Give the other program a key of its own, or lower `cin7.limit` by what it needs. We wait as long as told."
    return Concern(ConcernType.RATE_BUDGET_EXHAUSTED, cause, step)


def _of_the_day(day: Usage, quota: DailyQuota) -> Concern:
    cause = (
        f"{day.used} of today's {quota.limit} ReturnGO calls are used; the rest is kept for money until midnight UTC."
    )
    step = "Raise `intervals.returngo_poll`, or ask ReturnGO for more calls a day. Everything goes on at midnight UTC."
    return Concern(ConcernType.RATE_BUDGET_EXHAUSTED, cause, step)
