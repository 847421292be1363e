"""On the clock: repair lost hints, expired leases and forgotten deliveries; poll what webhooks may have missed. Every
step is idempotent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog

from consumers.roster import NAMES
from pipeline.broker import names
from pipeline.calls.failures import CredentialsRejected, UnfitAnswer, WireError, away
from pipeline.calls.quota import QuotaUnavailable, QuotaWait
from pipeline.kill_points import reach
from pipeline.ledger import cursors, effects, entries, strangers
from pipeline.parts import Parts
from schemas.concerns import ConcernType
from schemas.json.fields import SchemaInvalidError
from schemas.misfits import leaving_out
from tasks import outages
from tasks.availability import availability
from tasks.batches import advance
from tasks.failures import CREDENTIALS_PAUSE, NotYetError, SystemStoppedError
from tasks.polls import broker_age, drafts, drift, gap_watch, polls, quota_watch, unfit_lists

log = structlog.get_logger()
#: Hints sent for one consumer in one tick; an entry whose hint is outstanding gets no second one.
HINTS = 100


class Poll(NamedTuple):
    """One thing to look at on the clock: its cursor's name, the system it asks, seconds between two looks, and the look
    itself."""

    name: str
    system: str
    every: float
    look: Callable[[Parts, str], None]


def tick(parts: Parts) -> None:
    """One round: first what costs no call, then the polls that are due."""
    broker_age.watch(parts)
    repair(parts)
    repaired = parts.clock()
    _apart(advance.advance, parts)
    for shop in parts.settings.shops:
        quota_watch.watch(parts, shop)
        for poll in polls_of(parts):
            run_poll(parts, shop, poll)
            # A poll may wait long for its slots; what is due for money must not wait with it.
            if parts.clock() - repaired >= timedelta(seconds=parts.settings.intervals.sweep):
                repair(parts)
                repaired = parts.clock()


def _apart(step: Callable[[Parts], None], parts: Parts) -> None:
    """A step that fails for a reason of its own is told, and must not keep the others from their turn."""
    try:
        step(parts)
    except (ValueError, TypeError, LookupError, ArithmeticError) as error:
        log.exception("step failed", step=step.__name__, why=type(error).__name__)


def repair(parts: Parts) -> None:
    """Bring back what was lost on the way: entries in the inbox, expired effects, entries and returns that are due."""
    now = parts.clock()
    depth = parts.inbox.depth()
    if depth.waiting or depth.pending:
        parts.hint(names.ADMIT, "intake")
    with parts.ledger.write() as conn:
        for _effect_id, entry_id in effects.expired(conn, now):
            entries.make_due(conn, entry_id, now)
    with parts.ledger.read() as conn:
        returns_due = cursors.returns_due(conn, now)
        due = {name: entries.due(conn, name, now, HINTS) for name in NAMES}
    if returns_due:
        parts.hint(names.REFRESH, "intake")
    for name, ids in due.items():
        for entry_id in ids:
            parts.hint_entry(entry_id, name)


def polls_of(parts: Parts) -> tuple[Poll, ...]:
    """The polls in the order of their worth; each makes a webhook optional."""
    i = parts.settings.intervals
    return (
        Poll("returngo:open", "returngo", i.returngo_poll, polls.open_returns),
        Poll("returngo:transactions", "returngo", i.transactions_poll, polls.transactions),
        Poll("cin7:reference", "cin7", i.reference_refresh, polls.reference_books),
        Poll("cin7:sales", "cin7", i.sales_poll, polls.sales),
        Poll("cin7:drafts", "cin7", i.drafts_poll, drafts.drafts),
        Poll("cin7:notes", "cin7", i.notes_poll, polls.credit_notes),
        Poll("cin7:journal", "cin7", i.notes_poll, polls.journal_lines),
        Poll(advance.POLL, "cin7", i.notes_poll, advance.verify),
        Poll(drift.POLL, "cin7", i.notes_poll, drift.look),
        Poll(gap_watch.POLL, "ledger", i.reference_refresh, gap_watch.look),
        Poll("ledger:strangers", "ledger", i.reference_refresh, strangers_gone),
        Poll("cin7:webhooks", "cin7", i.webhook_watchdog, polls.cin7_webhooks),
        Poll(availability.POLL, "cin7", i.availability_min, availability.look),
    )


def strangers_gone(parts: Parts, shop: str) -> None:
    """Close what senders caused and have stopped causing. Costs no call."""
    with parts.ledger.write() as conn:
        strangers.refresh(conn, shop, parts.clock())


def run_poll(parts: Parts, shop: str, poll: Poll) -> None:
    """Make this poll if it is due and nobody else is making it; whatever goes wrong, the next one is tried on time."""
    now = parts.clock()
    with parts.ledger.write() as conn:
        lease = timedelta(seconds=parts.settings.intervals.lease)
        if not cursors.claim_cursor(conn, shop, poll.name, now, timedelta(seconds=poll.every), lease):
            return
    try:
        outages.check(parts, shop, poll.system)
        with leaving_out() as misfits:
            poll.look(parts, shop)
        reach("sweep.stored")
        unfit_lists.arrived(parts, shop, poll.name, misfits)
        outages.worked(parts, shop, poll.system)
    except NotYetError as early:
        _again(parts, shop, poll, early.seconds, now)
    except (SystemStoppedError, QuotaWait, QuotaUnavailable) as wait:
        _again(parts, shop, poll, getattr(wait, "seconds", 5.0), now)
        log.info("poll waits", shop=shop, poll=poll.name, why=str(wait))
    except CredentialsRejected as refused:
        outages.stop(parts, shop, poll.system, CREDENTIALS_PAUSE, ConcernType.CREDENTIALS_REJECTED, str(refused))
    except (WireError, SchemaInvalidError) as error:
        if away(error):
            outages.failed(parts, shop, poll.system, str(error))
        if isinstance(error, UnfitAnswer | SchemaInvalidError):
            fields = error.fields if isinstance(error, UnfitAnswer) else error.errors
            unfit_lists.failed(parts, shop, poll.name, str(error), fields)
        _again(parts, shop, poll, min(poll.every, 30.0), now)
        log.warning("poll failed", shop=shop, poll=poll.name, why=f"{type(error).__name__}: {error}")
    finally:
        with parts.ledger.write() as conn:
            cursors.set_cursor(conn, shop, poll.name, None, parts.clock())


def _again(parts: Parts, shop: str, poll: Poll, seconds: float, now: datetime) -> None:
    """Not waited for a whole interval: the poll is due again after `seconds`."""
    with parts.ledger.write() as conn:
        cursors.backdate_cursor(conn, shop, poll.name, now - timedelta(seconds=max(poll.every - seconds, 0.0)))
