"""Every HTTP attempt to a provider: what was sent, what was answered, for whom; and how many calls a return cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from pipeline.ledger import tables as t


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
