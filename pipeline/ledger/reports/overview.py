"""What is waiting, where, since when and why: the whole ledger at one glance."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from pipeline.ledger import concerns, cursors, effects, entries
from pipeline.ledger.letters import dead, letters
from pipeline.ledger.letters.letters import Filter
from pipeline.ledger.schema import all as t
from schemas.effects import EffectState

_E, _F, _R, _C = t.entries.c, t.effects.c, t.returns.c, t.cursors.c
_UNDONE = (entries.OPEN, entries.PARKED, entries.BURIED)
#: A poll that was brought forward is dated back to this year.
_LONG_AGO = 2000
#: How many uncertain effects are named one by one.
_NAMED = 50
_NUMBERED = re.compile(r"[^\s:;,]*\d[^\s:;,]*")


def overview(conn: sa.Connection, now: datetime) -> dict[str, Any]:
    """Plain data for people and programs; changes nothing."""
    return {
        "returns": _returns(conn, now),
        "entries": _entry_states(conn),
        "waiting": _waiting(conn),
        "effects": _effect_states(conn),
        "uncertain": _uncertain(conn),
        "dead_letters": _dead(conn),
        "exceptions": _exceptions(conn, now),
        "lanes_stopped": _lanes(conn, now),
        "polls": _polls(conn),
    }


def _returns(conn: sa.Connection, now: datetime) -> dict[str, Any]:
    total, to_read, oldest = conn.execute(
        sa.select(
            sa.func.count(),
            sa.func.count(sa.case((_R.due_at <= now, 1))),
            sa.func.min(sa.case((_R.due_at <= now, _R.due_at))),
        )
    ).one()
    troubled = conn.execute(
        sa.select(_R.shop, _R.rma_id, _R.trouble, _R.failures, _R.due_at)
        .where(_R.trouble != "")
        .order_by(_R.due_at)
        .limit(_NAMED)
    ).mappings()
    return {"known": total, "to_read": to_read, "oldest_due": oldest, "not_read": [dict(row) for row in troubled]}


def _entry_states(conn: sa.Connection) -> list[dict[str, Any]]:
    query = sa.select(_E.consumer, _E.state, sa.func.count().label("count")).group_by(_E.consumer, _E.state)
    return [dict(row) for row in conn.execute(query.order_by(_E.consumer, _E.state)).mappings()]


def _waiting(conn: sa.Connection) -> list[dict[str, Any]]:
    query = (
        sa.select(
            _E.consumer,
            _E.state,
            _E.reason,
            sa.func.count().label("count"),
            sa.func.min(_E.since).label("since"),
            sa.func.min(_E.due_at).label("next"),
        )
        .where(_E.state.in_(_UNDONE) | _E.due_at.is_not(None))
        .group_by(_E.consumer, _E.state, _E.reason)
        .order_by(_E.consumer, sa.desc("count"))
    )
    return _folded([dict(row) for row in conn.execute(query).mappings()])


def _folded(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row for a cause: reasons that differ in a number or a name with digits only are the same one."""
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in rows:
        key = (row["consumer"], row["state"], _NUMBERED.sub("…", row["reason"]))
        first = found.setdefault(key, row)
        if first is not row:
            times = [one["next"] for one in (first, row) if one["next"] is not None]
            first.update(
                reason=key[2],
                count=first["count"] + row["count"],
                since=min(first["since"], row["since"]),
                next=min(times, default=None),
            )
    return sorted(found.values(), key=lambda row: (row["consumer"], -row["count"]))


def _effect_states(conn: sa.Connection) -> list[dict[str, Any]]:
    counted = sorted(effects.by_state(conn).items())
    return [{"kind": kind, "state": state, "count": count} for (kind, state), count in counted]


def _uncertain(conn: sa.Connection) -> list[dict[str, Any]]:
    query = (
        sa.select(_F.id, _F.key, _F.marker, _F.why, _F.sent_at, _F.due_at, _F.sends, _R.rma_id)
        .join(t.returns, _R.id == _F.return_id, isouter=True)
        .where(_F.state == EffectState.UNCERTAIN)
        .order_by(_F.sent_at)
        .limit(_NAMED)
    )
    return [dict(row) | {"waits_for_person": row["due_at"] is None} for row in conn.execute(query).mappings()]


def _dead(conn: sa.Connection) -> list[dict[str, Any]]:
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in letters.find(conn, Filter(states=(dead.OPEN, dead.REQUEUED))):
        groups.setdefault((row["queue"], row["state"]), []).append(row)
    return [
        {
            "queue": queue,
            "state": state,
            "count": len(rows),
            "money": letters.money_of(rows),
            "oldest": min(row["buried_at"] for row in rows),
        }
        for (queue, state), rows in sorted(groups.items())
    ]


def _exceptions(conn: sa.Connection, now: datetime) -> list[dict[str, Any]]:
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for row in concerns.open_rows(conn):
        groups.setdefault(row["owner"], []).append(row)
    return [
        {
            "owner": owner,
            "count": len(rows),
            "snoozed": sum(1 for row in rows if row["snoozed_until"] and row["snoozed_until"] > now),
            "money": letters.money_of(rows),
            "oldest": min(row["opened_at"] for row in rows),
        }
        for owner, rows in sorted(groups.items())
    ]


def _lanes(conn: sa.Connection, now: datetime) -> list[dict[str, Any]]:
    query = sa.select(_C.shop, _C.name, _C.value, _C.lease_until).where(
        _C.name.startswith("lane:") & (_C.lease_until > now)
    )
    return [
        {"shop": shop, "system": name.removeprefix("lane:"), "until": until, "why": value.partition("|")[2]}
        for shop, name, value, until in conn.execute(query)
    ]


def _polls(conn: sa.Connection) -> list[dict[str, Any]]:
    """When each poll was last begun. Positions of polls carry a value, and lanes a prefix: neither is a poll."""
    query = (
        sa.select(_C.shop, _C.name, _C.at, _C.lease_until)
        .where(
            _C.value.in_(("", cursors.ASKED))
            & sa.not_(_C.name.startswith("lane:"))
            & sa.not_(_C.name.startswith("failures:"))
        )
        .order_by(_C.shop, _C.name)
    )
    return [
        {"shop": shop, "poll": name, "last": at if at.year > _LONG_AGO else None, "running": lease is not None}
        for shop, name, at, lease in conn.execute(query)
    ]
