"""Read the returns that were nudged, once per burst and at least once after the last nudge, and wake the consumers that
want to know."""

from __future__ import annotations

import time
from datetime import timedelta

import sqlalchemy as sa
import structlog

from consumers.roster import ROSTER
from pipeline.calls.failures import AnotherDocument, CredentialsRejected, NotFound, Rejected, TimeUp, UnfitAnswer, away
from pipeline.calls.quota import Priority
from pipeline.kill_points import reach
from pipeline.ledger import audit, concerns, entries, returns, strangers
from pipeline.ledger.codec import to_json
from pipeline.ledger.letters import dead
from pipeline.ledger.returns import Reading
from pipeline.parts import Parts, ShopParts, on_behalf
from schemas.concerns import Concern, ConcernType
from schemas.json.fields import SchemaInvalidError
from schemas.returns import KNOWN_STATUSES, OPEN_STATUSES, Return
from tasks import outages
from tasks.failures import MOST_FAILURES, Reaction, consequence

log = structlog.get_logger()
#: One message drains returns for at most this long, so that the worker can be stopped and the inbox gets its turn.
DRAIN_SECONDS = 30.0


def read_due(parts: Parts, limit: int = 200) -> int:
    """Read every return that is due, oldest first. Gives how many were read."""
    ends = time.monotonic() + DRAIN_SECONDS
    read = 0
    while read < limit and time.monotonic() < ends:
        with parts.ledger.write() as conn:
            reading = returns.claim_reading(conn, parts.clock(), timedelta(seconds=parts.settings.intervals.lease))
        if reading is None:
            break
        reach("reading.claimed")
        read_one(parts, reading)
        read += 1
    return read


def read_one(parts: Parts, reading: Reading) -> None:
    """Read one return and route it; a failure puts it back with a reason and a time."""
    if reading.shop not in parts.settings.shops:
        _put_back(parts, reading, 3600.0, f"the settings know no shop {reading.shop}", failed=True)
        return
    shop = parts.shop(reading.shop)
    with on_behalf(return_id=reading.return_id):
        try:
            outages.check(parts, reading.shop, "returngo")
            # Reading in turn leaves the day's last calls to what was nudged.
            priority = Priority.MONEY if reading.nudged else Priority.BULK
            told, raw = shop.returngo.return_(reading.rma_id, priority=priority)
            reach("reading.read")
            woken = _keep(parts, shop, reading, told, raw)
        except Exception as error:
            _fail(parts, reading, error)
            return
        except TimeUp as limit:
            _fail(parts, reading, limit)
            raise
    outages.worked(parts, reading.shop, "returngo")
    reach("reading.stored")
    for entry_id, name in woken:
        parts.hint_entry(entry_id, name)


def _keep(
    parts: Parts, shop: ShopParts, reading: Reading, told: Return, raw: dict[str, object]
) -> list[tuple[int, str]]:
    now = parts.clock()
    # An ended return is looked at again only when something nudges it; the status sweep does that on a reopening. One
    # without its creation date is held for want of it.
    again = told.status in OPEN_STATUSES or told.status not in KNOWN_STATUSES or told.created_at is None
    woken: list[tuple[int, str]] = []
    with parts.ledger.write() as conn:
        next_due = now + _turn(conn, parts, reading.shop) if again else None
        quiet = not reading.nudged and returns.by_id(conn, reading.return_id)["told"] == to_json(told)
        if not returns.keep_reading(conn, reading, told, raw, now, next_due):
            return []
        concerns.close(conn, reading.shop, "reading", reading.rma_id, now)
        dead.resolve_reading(conn, reading.return_id, now)
        if not reading.known and strangers.told_unknown(conn, reading.shop):
            strangers.tell_unknown(conn, reading.shop, now)
        # A reading in turn that shows nothing new wakes nobody: each wake may cost a call to Cin7.
        for consumer in () if quiet else ROSTER:
            if consumer.hears(told, shop.terms):
                entry_id = entries.wake(conn, reading.shop, consumer.name, reading.rma_id, reading.return_id, now)
                woken.append((entry_id, consumer.name))
    log.info(
        "read",
        shop=reading.shop,
        rma=reading.rma_id,
        status=told.status,
        units=len(told.units),
        routed=[name for _, name in woken],
    )
    return woken


def _turn(conn: sa.Connection, parts: Parts, shop: str) -> timedelta:
    """How long until the return's turn comes again; many open returns take turns more slowly, so that they never use
    more than a quarter of the day's calls."""
    calls = parts.settings.shop(shop).returngo.daily_limit / 4
    slowly = timedelta(days=returns.to_be_read(conn, shop) / calls)
    return max(timedelta(seconds=parts.settings.intervals.rotation), slowly)


def _put_back(
    parts: Parts, reading: Reading, seconds: float, why: str, *, failed: bool, for_good: bool = False
) -> None:
    due_at = parts.clock() + timedelta(seconds=seconds)
    with parts.ledger.write() as conn:
        returns.put_back(conn, reading, due_at, why, failed=failed, for_good=for_good)


def _fail(parts: Parts, reading: Reading, error: Exception | TimeUp) -> None:
    with parts.ledger.read() as conn:
        unanswered = audit.unanswered(conn, reading.return_id)
    what = consequence(error, reading.failures, parts.settings.intervals, reading.rma_id, unanswered)
    why = f"{type(error).__name__}: {error}"
    if isinstance(error, CredentialsRejected):
        outages.stop(parts, reading.shop, "returngo", what.seconds, ConcernType.CREDENTIALS_REJECTED, str(error))
    elif away(error):
        outages.failed(parts, reading.shop, "returngo", str(error))
    # Anyone who knows a webhook's address can name numbers: those that ReturnGO refuses must neither cost calls for
    # ever nor be told one by one.
    refused = isinstance(error, NotFound | Rejected | AnotherDocument)
    if reading.known and isinstance(error, NotFound):
        cause = f"ReturnGO no longer knows RMA {reading.rma_id}."
        _raise(parts, reading, ConcernType.ORDER_NOT_FOUND, cause, "See in ReturnGO what became of it.")
    elif (reading.known or not refused) and (
        isinstance(error, SchemaInvalidError) or what.tell or what.reaction is Reaction.BURY
    ):
        _bury(parts, reading, error)
    for_good = refused and reading.failures + 1 >= MOST_FAILURES
    seconds = what.seconds or parts.settings.intervals.park_max
    _put_back(parts, reading, seconds, why, failed=what.counts, for_good=for_good)
    if refused and not reading.known:
        with parts.ledger.write() as conn:
            strangers.tell_unknown(conn, reading.shop, parts.clock(), reading.rma_id)
    log.warning("not read", shop=reading.shop, rma=reading.rma_id, why=why, again_in=round(what.seconds, 1))


def _raise(parts: Parts, reading: Reading, kind: ConcernType, cause: str, next_step: str) -> None:
    now = parts.clock()
    with parts.ledger.write() as conn:
        concern = Concern(kind, cause, next_step)
        concerns.raise_(conn, reading.shop, "reading", reading.rma_id, concern, now, return_id=reading.return_id)


def _bury(parts: Parts, reading: Reading, error: Exception | TimeUp) -> None:
    """Waiting does not cure this: a person must see it; the return is tried again meanwhile."""
    unreadable = isinstance(error, SchemaInvalidError | UnfitAnswer)
    fields = error.errors if isinstance(error, SchemaInvalidError) else getattr(error, "fields", {})
    kind = ConcernType.SCHEMA_INVALID if unreadable else ConcernType.POISON_TASK
    letter = dead.Letter(
        shop=reading.shop,
        queue="intake",
        stage="read",
        kind=kind,
        reason=f"{type(error).__name__}: {error}",
        subject=reading.rma_id,
        return_id=reading.return_id,
        evidence={"fields": dict(fields)} if unreadable else {},
    )
    with parts.ledger.write() as conn:
        dead.bury(conn, letter, parts.clock())
    cause = f"RMA {reading.rma_id} cannot be read: {error}"
    step = "An engineer must teach the schema this answer" if unreadable else "An engineer must look at the logs"
    _raise(parts, reading, kind, cause, f"{step}; it is read again by itself.")
