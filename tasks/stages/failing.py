"""When an entry does not go well: parked to be tried again, or buried as a dead letter; nothing is lost either way."""

from __future__ import annotations

import traceback
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from pipeline.calls.failures import CredentialsRejected, TimeUp, UnfitAnswer, away
from pipeline.kill_points import reach
from pipeline.ledger import audit, concerns, entries
from pipeline.ledger.entries import Claim
from pipeline.ledger.letters import dead
from pipeline.parts import Parts
from schemas.concerns import Concern, ConcernType
from tasks import outages as system_outages
from tasks.failures import Consequence, Reaction, consequence

log = structlog.get_logger()
#: The exit of a worker whose lease ended while it worked: another one has the entry, and what it finds counts.
LOST = ("lost", "the lease ended and another worker took the entry over")


def fail(parts: Parts, claimed: Claim, error: Exception | TimeUp) -> tuple[str, str]:
    """Park the entry, or bury it where trying again cannot help; tell the system's outage. Gives exit and reason."""
    with parts.ledger.read() as conn:
        unanswered = audit.unanswered(conn, claimed.return_id)
    what = consequence(error, claimed.failures, parts.settings.intervals, claimed.subject, unanswered)
    why = f"{type(error).__name__}: {error}"
    if what.reaction is Reaction.STOP_SYSTEM and isinstance(error, CredentialsRejected):
        system_outages.stop(parts, claimed.shop, "cin7", what.seconds, ConcernType.CREDENTIALS_REJECTED, str(error))
    elif away(error):
        system_outages.failed(parts, claimed.shop, "cin7", str(error))
    if what.reaction is Reaction.BURY:
        return _bury(parts, claimed, what, why, traceback.format_exc(limit=8))
    due = parts.clock() + timedelta(seconds=what.seconds)
    failed = True if what.counts else None
    if what.counts or away(error) or isinstance(error, TimeUp):
        log.warning("failed for now", consumer=claimed.consumer, subject=claimed.subject, why=why, counts=what.counts)
    with parts.ledger.write() as conn:
        mine = entries.release(conn, claimed, entries.PARKED, parts.clock(), reason=why, due_at=due, failed=failed)
        if mine and what.tell and isinstance(error, UnfitAnswer):
            step = "An engineer must teach the schema this answer; it is tried again by itself."
            concern = Concern(ConcernType.SCHEMA_INVALID, why, step)
            _tell(conn, claimed, concern, {"fields": error.fields}, parts.clock())
    return entries.PARKED, why


def _tell(conn: sa.Connection, claimed: Claim, concern: Concern, evidence: dict[str, Any], now: datetime) -> None:
    """The entry's dead letter and its exception; both are over once the entry went through its consumer."""
    letter = dead.Letter(
        shop=claimed.shop,
        queue=claimed.consumer,
        stage="consume",
        kind=concern.kind,
        reason=concern.cause,
        subject=claimed.subject,
        entry_id=claimed.entry_id,
        return_id=claimed.return_id,
        evidence=evidence | {"starts": claimed.starts, "failures": claimed.failures + 1},
    )
    dead.bury(conn, letter, now)
    concerns.raise_(conn, claimed.shop, claimed.consumer, claimed.subject, concern, now, return_id=claimed.return_id)


def _bury(parts: Parts, claimed: Claim, what: Consequence, why: str, evidence: str) -> tuple[str, str]:
    concern = Concern(
        what.concern or ConcernType.POISON_TASK,
        why,
        f"See `returnline explain {claimed.subject}`; once mended: `returnline requeue --rma {claimed.subject} --yes`.",
    )
    now = parts.clock()
    with parts.ledger.write() as conn:
        if not entries.release(conn, claimed, entries.BURIED, now, reason=why, failed=True):
            return LOST
        _tell(conn, claimed, concern, {"traceback": evidence}, now)
    reach("dead.buried")
    parts.show_dead(claimed.consumer, claimed.entry_id, claimed.subject)
    return entries.BURIED, why


def bury_poison(parts: Parts, claimed: Claim) -> str:
    """Take an entry out of the way that never finished its starts. Gives the exit."""
    why = f"started {claimed.starts - 1} times and never finished: it may be killing its worker"
    exit_, _ = _bury(
        parts, claimed, Consequence(Reaction.BURY, 0.0, counts=True, concern=ConcernType.POISON_TASK), why, ""
    )
    log.error("quarantined", consumer=claimed.consumer, subject=claimed.subject, starts=claimed.starts)
    return exit_
