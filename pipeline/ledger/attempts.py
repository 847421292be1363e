"""Every HTTP attempt to a provider: what was sent, what was answered, for whom; and how many calls a return cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from pipeline.ledger import tables as t

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
