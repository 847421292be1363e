"""Lanes: all calls to one system of one shop ("cin7"), or its writes of one kind ("cin7:credit"), for these can be down
alone. A lane stops at refused credentials or an outage, and one exception says so instead of thousands."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from pipeline.ledger import concerns
from pipeline.ledger.schema import all as t
from pipeline.ledger.store import upsert
from pipeline.parts import Parts
from schemas.concerns import Concern, ConcernType
from tasks.failures import SystemStoppedError

_FIRST_STOP = 5.0
_LONGEST_STOP = 300.0
#: Each test of a stopped write lane is one write of one return; the others may wait no longer than this after it.
_LONGEST_WRITE_STOP = 120.0
_TOLERATED, _TOLERATED_ALONE = 4, 2
#: In place of who failed, when it was more than one.
_MANY = "*"
#: How a call to a system that is well can end: done, or a readable no.
_ANSWERED = frozenset({"ok", "rejected", "not_found"})


def _name(system: str) -> str:
    return f"lane:{system}"


def check(parts: Parts, shop: str, system: str) -> None:
    """Raises SystemStoppedError while the system is stopped. After that, whoever comes first tests it with a call."""
    c = t.cursors.c
    with parts.ledger.read() as conn:
        row = conn.execute(
            sa.select(c.lease_until, c.value).where((c.shop == shop) & (c.name == _name(system)))
        ).one_or_none()
    now = parts.clock()
    parts.latest.pop((shop, system), None)
    if row is not None and row[0] is not None and row[0] > now:
        raise SystemStoppedError(
            system, (row[0] - now).total_seconds(), f"{system} is stopped: {row[1].partition('|')[2]}"
        )


def take_turn(parts: Parts, shop: str, lane: str, seconds: float) -> None:
    """As `check`, but only one caller at a time tests a stopped lane; its turn lasts so many seconds, or until it tells
    what its call met."""
    c = t.cursors.c
    mine = (c.shop == shop) & (c.name == _name(lane))
    with parts.ledger.read() as conn:
        row = conn.execute(sa.select(c.lease_until, c.value).where(mine)).one_or_none()
    if row is None or row[0] is None:
        return
    now, why = parts.clock(), f"{lane} is stopped: {row[1].partition('|')[2]}"
    if row[0] > now:
        raise SystemStoppedError(lane, (row[0] - now).total_seconds(), why)
    with parts.ledger.write() as conn:
        mine &= c.lease_until == row[0]
        took = conn.execute(t.cursors.update().where(mine).values(lease_until=now + timedelta(seconds=seconds)))
    if took.rowcount != 1:
        raise SystemStoppedError(lane, _FIRST_STOP, why)


def stopped(parts: Parts, shop: str, lane: str) -> float:
    """Seconds until the lane may be tested; 0.0 where it is open."""
    c = t.cursors.c
    with parts.ledger.read() as conn:
        until = conn.execute(
            sa.select(c.lease_until).where((c.shop == shop) & (c.name == _name(lane)))
        ).scalar_one_or_none()
    return max((until - parts.clock()).total_seconds(), 0.0) if until is not None else 0.0


def stop(parts: Parts, shop: str, system: str, seconds: float, kind: ConcernType, why: str) -> None:
    """Stop the lane for so many seconds (0: only tell) and raise the one exception about it."""
    now = parts.clock()
    fix = (
        "Check the keys in the settings; `returnline doctor` tests them. Work goes on after a call that succeeds."
        if kind is ConcernType.CREDENTIALS_REJECTED
        else "Nothing to do unless it lasts: everything waits and goes on by itself."
    )
    with parts.ledger.write() as conn:
        key = {"shop": shop, "name": _name(system)}
        upsert(
            conn,
            t.cursors,
            key,
            {
                "value": f"stopped|{why[:150]}",
                "at": now,
                "lease_until": now + timedelta(seconds=seconds) if seconds else None,
            },
        )
        concern = Concern(kind, f"{_what(conn, shop, system)} for {shop}: {why}", fix)
        concerns.raise_(conn, shop, "lanes", _subject(system), concern, now)


def failed(parts: Parts, shop: str, system: str, why: str, who: str = "") -> None:
    """One more call found the system away; after a few in a row the lane stops for a growing time.

    `who` made the call. Where one alone fails, this is told, but the others go on: it may be a document that the system
    cannot take.
    """
    now = parts.clock()
    with parts.ledger.write() as conn:
        count, before = _failures(conn, shop, system)
        count, alone = count + 1, bool(who) and before in ("", who)
        value = f"{count}|{who if alone else _MANY}"
        upsert(conn, t.cursors, {"shop": shop, "name": f"failures:{system}"}, {"value": value, "at": now})
    if alone and count >= _TOLERATED_ALONE:
        stop(parts, shop, system, 0.0, ConcernType.TARGET_DOWN, f"{why} (each time for one and the same return)")
    elif not alone and count >= _TOLERATED:
        longest = _LONGEST_WRITE_STOP if ":" in system else _LONGEST_STOP
        seconds = min(longest, _FIRST_STOP * 2 ** min(count - _TOLERATED, 8))
        stop(parts, shop, system, seconds, ConcernType.TARGET_DOWN, why)


def worked(parts: Parts, shop: str, system: str) -> None:
    """The work is done: where its latest call since `check` was answered, the lane is open and its exceptions close.

    Work that needed no call, or whose last call failed, says nothing about the system.
    """
    if parts.latest.get((shop, system)) in _ANSWERED:
        answered(parts, shop, system)


def answered(parts: Parts, shop: str, system: str) -> None:
    """A call was answered: the lane is open, and the exception closes when nothing of its system is stopped."""
    with parts.ledger.read() as conn:
        troubled = _failures(conn, shop, system)[0] > 0 or _stopped(conn, shop, system)
    if not troubled:
        return
    now = parts.clock()
    with parts.ledger.write() as conn:
        upsert(conn, t.cursors, {"shop": shop, "name": f"failures:{system}"}, {"value": "0", "at": now})
        upsert(conn, t.cursors, {"shop": shop, "name": _name(system)}, {"value": "", "at": now, "lease_until": None})
        if ":" not in system or not _stopped_kinds(conn, shop, system):
            concerns.close(conn, shop, "lanes", _subject(system), now)


def _subject(lane: str) -> str:
    """Whatever kinds of writes are down, it is one outage and one exception."""
    system, _, kind = lane.partition(":")
    return f"{system} writes" if kind else system


def _what(conn: sa.Connection, shop: str, lane: str) -> str:
    system, _, kind = lane.partition(":")
    return f"{system} takes no writes ({', '.join(_stopped_kinds(conn, shop, lane))})" if kind else system


def _stopped_kinds(conn: sa.Connection, shop: str, lane: str) -> list[str]:
    c, prefix = t.cursors.c, _name(lane.partition(":")[0]) + ":"
    rows = conn.execute(
        sa.select(c.name).where((c.shop == shop) & c.name.startswith(prefix) & (c.value != "")).order_by(c.name)
    )
    return [str(name).removeprefix(prefix) for name in rows.scalars()]


def _failures(conn: sa.Connection, shop: str, system: str) -> tuple[int, str]:
    """How many in a row, and who: one, or many."""
    c = t.cursors.c
    value = conn.execute(
        sa.select(c.value).where((c.shop == shop) & (c.name == f"failures:{system}"))
    ).scalar_one_or_none()
    count, _, who = (value or "0").partition("|")
    return int(count), who


def _stopped(conn: sa.Connection, shop: str, system: str) -> bool:
    c = t.cursors.c
    value = conn.execute(sa.select(c.value).where((c.shop == shop) & (c.name == _name(system)))).scalar_one_or_none()
    return bool(value)
