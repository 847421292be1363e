"""What reached us: one row for each delivery that was answered 202, whatever became of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from pipeline.ledger.schema import all as t
from pipeline.ledger.store import insert_once

ADMITTED, UNREADABLE = "admitted", "unreadable"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One accepted HTTP request, as the inbox kept it."""

    delivery_id: str
    shop: str
    source: str
    topic: str
    received_at: datetime
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    sender_id: str | None = None


def admit(conn: sa.Connection, delivery: Delivery, outcome: str, subject: str, now: datetime, error: str = "") -> bool:
    """Write the delivery down once, under its own id. False when it is known: then nothing else may follow from it.

    The ingress derives the id from the sender's event id and the bytes where there is one, so a replay has the same id.
    """
    return insert_once(
        conn,
        t.deliveries,
        id=delivery.delivery_id,
        shop=delivery.shop,
        source=delivery.source,
        # Cut to what the columns hold: PostgreSQL refuses what SQLite takes.
        topic=delivery.topic[:80],
        sender_id=delivery.sender_id and delivery.sender_id[:200],
        received_at=delivery.received_at,
        admitted_at=now,
        outcome=outcome,
        subject=subject,
        error=error,
        headers=delivery.headers,
        body=delivery.body,
    )


def counts(conn: sa.Connection) -> dict[str, int]:
    """How many deliveries ended in which outcome."""
    rows = conn.execute(sa.select(t.deliveries.c.outcome, sa.func.count()).group_by(t.deliveries.c.outcome))
    return {str(outcome): int(count) for outcome, count in rows}


def latest(
    conn: sa.Connection,
    limit: int,
    *,
    shop: str = "",
    outcome: str = "",
    subject: str = "",
    since: datetime | None = None,
) -> list[dict[str, Any]]:
    """The deliveries received last, newest first, without bodies and headers; `subject` is the beginning of one."""
    d = t.deliveries.c
    columns = (d.id, d.shop, d.source, d.topic, d.received_at, d.admitted_at, d.outcome, d.subject, d.error)
    query = sa.select(*columns).order_by(d.received_at.desc(), d.id).limit(limit)
    for column, wanted in ((d.shop, shop), (d.outcome, outcome)):
        if wanted:
            query = query.where(column == wanted)
    if subject:
        query = query.where(d.subject.startswith(subject, autoescape=True))
    if since is not None:
        query = query.where(d.received_at >= since)
    return [dict(row) for row in conn.execute(query).mappings()]
