"""Who did what by hand, when, and to how much: one row for each act, never changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from pipeline.ledger import tables as t


def write(conn: sa.Connection, who: str, did: str, details: Mapping[str, Any], now: datetime) -> None:
    """Write the act down, in the transaction of the act itself. `details` must be plain JSON data."""
    conn.execute(t.audit.insert().values(at=now, who=who[:80], did=did[:60], details=dict(details)))


def rows(conn: sa.Connection, *, did: str = "", limit: int = 200) -> list[Mapping[str, Any]]:
    """The latest acts, newest first; `did` is the beginning of what was done, e.g. "dead."."""
    query = sa.select(t.audit).order_by(t.audit.c.id.desc()).limit(limit)
    if did:
        query = query.where(t.audit.c.did.startswith(did, autoescape=True))
    return [dict(row) for row in conn.execute(query).mappings()]
