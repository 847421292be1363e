"""Lanes: all calls to one system of one shop. A lane stops at refused credentials or an outage, and one exception says
so instead of thousands."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from pipeline.ledger import concerns
from pipeline.ledger import tables as t
from pipeline.ledger.store import upsert
from pipeline.parts import Parts
from schemas.concerns import Concern, ConcernType
from tasks.failures import LaneStoppedError

_FIRST_STOP = 5.0
_LONGEST_STOP = 300.0
_TOLERATED = 4
#: How a call to a system that is well can end: done, or a readable no.
_ANSWERED = frozenset({"ok", "rejected", "not_found"})


def _name(system: str) -> str:
    return f"lane:{system}"


def check(parts: Parts, shop: str, system: str) -> None:
    """Raises LaneStoppedError while the lane is stopped. After that, whoever comes first tests it with its own call."""
    c = t.cursors.c
    with parts.ledger.read() as conn:
        row = conn.execute(
            sa.select(c.lease_until, c.value).where((c.shop == shop) & (c.name == _name(system)))
        ).one_or_none()
    now = parts.clock()
    parts.latest.pop((shop, system), None)
    if row is not None and row[0] is not None and row[0] > now:
        raise LaneStoppedError(
            system, (row[0] - now).total_seconds(), f"{system} is stopped: {row[1].partition('|')[2]}"
        )


def stop(parts: Parts, shop: str, system: str, seconds: float, kind: ConcernType, why: str) -> None:
    """Stop the lane for so many seconds and raise the one exception about it."""
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
            {"value": f"stopped|{why[:150]}", "at": now, "lease_until": now + timedelta(seconds=seconds)},
        )
        concern = Concern(kind, f"{system} for {shop}: {why}", fix)
        concerns.raise_(conn, shop, "lanes", system, concern, now)


def failed(parts: Parts, shop: str, system: str, why: str) -> None:
    """One more call found the system away; after a few in a row the lane stops for a growing time."""
    now = parts.clock()
    with parts.ledger.write() as conn:
        count = _failures(conn, shop, system) + 1
        upsert(conn, t.cursors, {"shop": shop, "name": f"failures:{system}"}, {"value": str(count), "at": now})
    if count >= _TOLERATED:
        seconds = min(_LONGEST_STOP, _FIRST_STOP * 2 ** min(count - _TOLERATED, 8))
        stop(parts, shop, system, seconds, ConcernType.TARGET_DOWN, why)


def worked(parts: Parts, shop: str, system: str) -> None:
    """The work is done: where its latest call since `check` was answered, the lane is open and its exceptions close.

    Work that needed no call, or whose last call failed, says nothing about the system.
    """
    if parts.latest.get((shop, system)) not in _ANSWERED:
        return
    with parts.ledger.read() as conn:
        troubled = _failures(conn, shop, system) > 0 or _stopped(conn, shop, system)
    if not troubled:
        return
    now = parts.clock()
    with parts.ledger.write() as conn:
        upsert(conn, t.cursors, {"shop": shop, "name": f"failures:{system}"}, {"value": "0", "at": now})
        upsert(conn, t.cursors, {"shop": shop, "name": _name(system)}, {"value": "", "at": now, "lease_until": None})
        concerns.close(conn, shop, "lanes", system, now)


def _failures(conn: sa.Connection, shop: str, system: str) -> int:
    c = t.cursors.c
    value = conn.execute(
        sa.select(c.value).where((c.shop == shop) & (c.name == f"failures:{system}"))
    ).scalar_one_or_none()
    return int(value or 0)


def _stopped(conn: sa.Connection, shop: str, system: str) -> bool:
    c = t.cursors.c
    value = conn.execute(sa.select(c.value).where((c.shop == shop) & (c.name == _name(system)))).scalar_one_or_none()
    return bool(value)
