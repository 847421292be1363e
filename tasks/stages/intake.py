"""Admit deliveries: read them, write them down once, open or refresh their returns; then read the returns that were
nudged."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from datetime import datetime

import sqlalchemy as sa
import structlog

from pipeline.broker.names import ADMIT, REFRESH
from pipeline.inbox import InboxEntry
from pipeline.kill_points import reach
from pipeline.ledger import cursors, deliveries, following, strangers
from pipeline.ledger.deliveries import Delivery
from pipeline.ledger.letters import dead
from pipeline.parts import Parts
from schemas.concerns import ConcernType
from schemas.hooks import Nudge, read_hook
from schemas.json.fields import SchemaInvalidError
from schemas.json.outline import outline
from schemas.json.privacy import masked_mail

log = structlog.get_logger()
BATCH = 64
#: Seconds of admitting before the readings get their turn.
DRAIN_SECONDS = 30.0
#: The sender's own event id, where there is one.
_SENDER_ID = ("webhook-id", "x-event-id")
#: What one delivery may do to a whole batch: a value that the database or its driver refuses to take.
_UNFIT = (sa.exc.StatementError, ValueError, TypeError, ArithmeticError, LookupError)


@dataclass(frozen=True, slots=True)
class Read:
    """One delivery with what it means, or with why it cannot be read."""

    delivery: Delivery
    nudge: Nudge | None
    problem: str = ""


@dataclass(slots=True)
class Admitted:
    """What a round of admitting did, and what must be hinted at after the commit."""

    count: int = 0
    returns: int = 0
    unreadable: int = 0
    woken: list[tuple[int, str]] = field(default_factory=list)


def admit(parts: Parts) -> int:
    """Empty the inbox into the ledger, batch by batch. Gives the number of deliveries admitted.

    A flood is admitted in turns, so that the readings between them, and the task's time limit, are kept.
    """
    parts.inbox.clear_hint()
    ends = time.monotonic() + DRAIN_SECONDS
    total = 0
    while batch := parts.inbox.take(BATCH, parts.worker):
        reach("intake.taken")
        done = _admit_batch(parts, batch)
        reach("intake.admitted")
        parts.inbox.done(batch)
        reach("intake.acknowledged")
        total += done.count
        _hint(parts, done)
        if time.monotonic() > ends:
            parts.hint(ADMIT, "intake")
            break
    return total


def _hint(parts: Parts, done: Admitted) -> None:
    if done.returns:
        parts.hint(REFRESH, "intake")
    # A fire-hose of stock webhooks wakes one entry many times in a batch; one hint is enough.
    for entry_id, consumer in dict.fromkeys(done.woken):
        parts.hint_entry(entry_id, consumer)


def _admit_batch(parts: Parts, batch: list[InboxEntry]) -> Admitted:
    read = [_read(entry) for entry in batch]
    try:
        done = _write(parts, read)
    except _UNFIT as unfit:
        if _ledger_is_away(unfit):
            raise
        done = _one_by_one(parts, read)
    log.info("admitted", deliveries=done.count, returns=done.returns, unreadable=done.unreadable)
    return done


def _write(parts: Parts, read: list[Read]) -> Admitted:
    done = Admitted()
    with parts.ledger.write() as conn:
        for one in read:
            _admit_one(conn, one, parts.clock(), done)
        for shop, source in sorted({(r.delivery.shop, r.delivery.source) for r in read if r.nudge is None}):
            strangers.tell_unreadable(conn, shop, source, parts.clock())
    return done


def _ledger_is_away(error: Exception) -> bool:
    return isinstance(error, sa.exc.DBAPIError) and not isinstance(error, sa.exc.DataError)


def _one_by_one(parts: Parts, read: list[Read]) -> Admitted:
    """Something in this batch does not fit into the ledger: that one is buried, and its neighbours go on."""
    done = Admitted()
    for one in read:
        try:
            part = _write(parts, [one])
        except _UNFIT as unfit:
            if _ledger_is_away(unfit):
                raise
            part = _write(
                parts, [replace(one, nudge=None, problem=f"it does not fit the ledger: {type(unfit).__name__}")]
            )
        done.count += part.count
        done.returns += part.returns
        done.unreadable += part.unreadable
        done.woken.extend(part.woken)
    return done


def _read(entry: InboxEntry) -> Read:
    sender_id = next((entry.headers[name][:200] for name in _SENDER_ID if entry.headers.get(name)), None)
    delivery = Delivery(
        entry.delivery_id,
        entry.shop,
        entry.source,
        entry.topic,
        entry.received_at,
        entry.body,
        {name: masked_mail(value) for name, value in entry.headers.items()},
        sender_id,
    )
    try:
        return Read(delivery, read_hook(entry.source, entry.topic, entry.body))
    except (SchemaInvalidError, ValueError) as invalid:
        return Read(delivery, None, str(invalid))


def _admit_one(conn: sa.Connection, read: Read, now: datetime, done: Admitted) -> None:
    if read.nudge is None:
        _bury_unreadable(conn, read, now)
        done.count += 1
        done.unreadable += 1
        return
    subject = following.subject_of(read.nudge)
    # The nudge has been taken out of it: what else a sender put there may name a shopper.
    kept = replace(read.delivery, body=outline(read.delivery.body))
    new = deliveries.admit(conn, kept, deliveries.ADMITTED, subject, now)
    done.count += 1
    if new:
        followed = following.follow(conn, read.delivery.shop, read.nudge, now)
        done.returns += followed.returns
        done.woken.extend(followed.woken)


def _bury_unreadable(conn: sa.Connection, read: Read, now: datetime) -> None:
    delivery = read.delivery
    if not deliveries.admit(conn, delivery, deliveries.UNREADABLE, "", now, read.problem):
        return
    letter = dead.Letter(
        shop=delivery.shop,
        queue="intake",
        stage="admit",
        kind=ConcernType.SCHEMA_INVALID,
        reason=read.problem,
        subject=f"delivery:{delivery.delivery_id}",
        delivery_id=delivery.delivery_id,
        body=delivery.body,
        headers=delivery.headers,
        evidence={"source": delivery.source, "topic": delivery.topic},
    )
    dead.bury(conn, letter, now)
    # Whatever it was about is found by reading the shop's open returns.
    if delivery.source == "returngo":
        cursors.ask_cursor(conn, delivery.shop, "returngo:open")
