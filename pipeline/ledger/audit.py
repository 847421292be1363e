"""Who did what by hand, when, and to how much: one row for each act, never changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from pipeline.ledger.schema import all as t

#: The outcomes of calls that a system in an outage leaves behind.
NOBODY_ANSWERED = frozenset({"not_sent", "unavailable", "uncertain", "no_answer"})


@dataclass(frozen=True, slots=True)
class Attempt:
    """One HTTP attempt. `sent` and `answered` are excerpts without secrets or personal data; `seconds` is wall time."""

    at: datetime
    shop: str
    system: str
    lane: str
    method: str
    path: str
    status: int | None
    outcome: str
    seconds: float
    sent: str = ""
    answered: str = ""
    return_id: int | None = None
    entry_id: int | None = None
    effect_id: int | None = None
    worker: str = ""


def keep(conn: sa.Connection, attempt: Attempt) -> None:
    """Write one attempt down."""
    row = {name: getattr(attempt, name) for name in Attempt.__slots__}
    conn.execute(t.attempts.insert().values(**row))


def unanswered(conn: sa.Connection, return_id: int | None) -> int:
    """How many of the last calls for this return met a system that was away, at most a dozen: by this its waits grow,
    without any try of its own being used up."""
    if return_id is None:
        return 0
    a = t.attempts.c
    last = sa.select(a.outcome).where(a.return_id == return_id).order_by(a.id.desc()).limit(12)
    return sum(outcome in NOBODY_ANSWERED for outcome in conn.execute(last).scalars())


def write(conn: sa.Connection, who: str, did: str, details: Mapping[str, Any], now: datetime) -> None:
    """Write the act down, in the transaction of the act itself. `details` must be plain JSON data."""
    conn.execute(t.audit.insert().values(at=now, who=who[:80], did=did[:60], details=dict(details)))


def rows(conn: sa.Connection, *, did: str = "", limit: int = 200) -> list[Mapping[str, Any]]:
    """The latest acts, newest first; `did` is the beginning of what was done, e.g. "dead."."""
    query = sa.select(t.audit).order_by(t.audit.c.id.desc()).limit(limit)
    if did:
        query = query.where(t.audit.c.did.startswith(did, autoescape=True))
    return [dict(row) for row in conn.execute(query).mappings()]
