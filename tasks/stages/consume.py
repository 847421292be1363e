"""One entry through its consumer: claim → gather → plan → perform → settle; or, at any point, park, refuse or bury.
The entry of a shop goes through its shop task instead."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from consumers.case import Case, Done, Plan
from consumers.consumer import Consumer
from consumers.roster import consumer
from pipeline.calls.failures import TimeUp
from pipeline.kill_points import reach
from pipeline.ledger import concerns, effects, entries, reference_books, returns
from pipeline.ledger.codec import action_from_json, to_json
from pipeline.ledger.effects import EffectRow
from pipeline.ledger.entries import Claim
from pipeline.ledger.letters import dead
from pipeline.parts import Parts, ShopParts, on_behalf
from schemas.effects import STANDING, EffectState
from schemas.money import Money
from tasks import outages as system_outages
from tasks.batches import advance
from tasks.books.books import LedgerBooks
from tasks.books.plan_anew import plan_anew_if_outdated
from tasks.effects import ledger_store, write_outages
from tasks.effects.perform import Performer, waits_for_person
from tasks.effects.protocol import Timing
from tasks.effects.providers import provider_for
from tasks.failures import MOST_STARTS, TakenOverError
from tasks.stages import failing, settle
from tasks.stages.shop_tasks import WORK

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Work:
    """One claimed entry with everything needed to work on it."""

    parts: Parts
    shop: ShopParts
    consumer: Consumer
    claim: Claim
    case: Case


def run(parts: Parts, entry_id: int) -> str:
    """Work on this entry if it is due. Gives the exit taken, or "not due"; never raises for a failure it can name."""
    intervals = parts.settings.intervals
    parts.taken_up(entry_id)
    with parts.ledger.write() as conn:
        claimed = entries.claim(conn, entry_id, parts.clock(), timedelta(seconds=intervals.lease))
    if claimed is None:
        return "not due"
    reach("entry.claimed")
    if claimed.starts > MOST_STARTS:
        return failing.bury_poison(parts, claimed)
    started = parts.clock()
    with on_behalf(return_id=claimed.return_id, entry_id=claimed.entry_id):
        exit_, reason = _work_or_fail(parts, claimed)
    reach("entry.released")
    seconds = (parts.clock() - started).total_seconds()
    log.info(
        "consumed",
        consumer=claimed.consumer,
        shop=claimed.shop,
        subject=claimed.subject,
        exit=exit_,
        reason=reason,
        seconds=round(seconds, 3),
    )
    return exit_


def _work_or_fail(parts: Parts, claimed: Claim) -> tuple[str, str]:
    try:
        if claimed.consumer in WORK:
            return WORK[claimed.consumer](parts, claimed)
        system_outages.check(parts, claimed.shop, "cin7")
        write_outages.check(parts, claimed)
        exit_, reason = _work(parts, claimed)
    except TakenOverError:
        return failing.LOST
    except Exception as error:
        return failing.fail(parts, claimed, error)
    except TimeUp as limit:
        failing.fail(parts, claimed, limit)
        raise
    system_outages.worked(parts, claimed.shop, "cin7")
    return exit_, reason


def _work(parts: Parts, claimed: Claim) -> tuple[str, str]:
    work = Work(parts, parts.shop(claimed.shop), consumer(claimed.consumer), claimed, load_case(parts, claimed))
    # The fence is part of the name: a worker that comes back late must not let go of its successor's sale.
    holder = f"entry:{claimed.entry_id}:{claimed.fence}"
    books = LedgerBooks(parts, work.shop, claimed.return_id, holder, claimed.lease_until)
    try:
        facts = work.consumer.gather(work.case, work.shop.terms, books)
        reach("entry.gathered")
        plan = work.consumer.plan(work.case, facts, work.shop.terms, parts.clock())
        _keep_plan(work, plan)
        reach("entry.planned")
        _perform_all(work, books)
        reach("entry.performed")
        return _settle(work, plan)
    finally:
        books.release()


def load_case(parts: Parts, claimed: Claim) -> Case:
    """The return with its effects. An effect planned but never sent does not count: it is planned anew from today's
    facts."""
    if claimed.return_id is None:
        raise LookupError(f"entry {claimed.entry_id} belongs to no return")
    with parts.ledger.read() as conn:
        row = returns.by_id(conn, claimed.return_id)
        done = effects.of_return(conn, claimed.return_id)
        accepted = concerns.accepted(conn, claimed.return_id)
    told = returns.told(row)
    if told is None:
        raise LookupError(f"RMA {row['rma_id']} has not been read yet")
    seen = tuple(done_of(e) for e in done if not (e["state"] == EffectState.PLANNED and e["sends"] == 0))
    return Case(claimed.shop, told, seen, accepted, row["opened_at"])


def done_of(row: Any) -> Done:
    """An effect of the ledger as a decision may see it."""
    gross = Money(row["gross"], row["currency"]) if row["gross"] is not None else None
    return Done(
        key=row["key"],
        kind=row["kind"],
        state=EffectState(row["state"]),
        units=tuple(row["action"].get("units", ())),
        reference=row["reference"],
        number=row["number"],
        gross=gross,
        details=dict(row["progress"] or {}),
        action=action_from_json(row["action"]),
        confirmed_at=row["confirmed_at"],
    )


def plan_as_json(plan: Plan) -> dict[str, Any]:
    """The plan as anyone may read it later."""
    return {
        "actions": [{"do": type(action).__name__, **to_json(action)} for action in plan.actions],
        "waits": [{"reason": w.reason, "look_again_seconds": w.look_again.total_seconds()} for w in plan.waits],
        "refusal": plan.refusal,
        "exceptions": [to_json(c) for c in plan.all_concerns()],
        "remarks": list(plan.remarks),
    }


def _keep_plan(work: Work, plan: Plan) -> None:
    now, claimed = work.parts.clock(), work.claim
    with work.parts.ledger.write() as conn:
        if not entries.keep_plan(conn, claimed, plan_as_json(plan) | {"at": now.isoformat()}):
            raise TakenOverError
        wanted = {action.key for action in plan.actions}
        for old in effects.of_entry(conn, claimed.entry_id, (EffectState.PLANNED,)):
            if old.key not in wanted:
                effects.withdraw(conn, old.effect_id, now, "no longer wanted by the facts")
        ids = [effects.plan(conn, claimed.entry_id, claimed.shop, claimed.return_id, a, now) for a in plan.actions]
        advance.hold(conn, claimed, work.case, work.shop.terms, plan, ids, now)
        for alias in plan.aliases:
            reference_books.propose_alias(conn, claimed.shop, alias.portal_sku, alias.cin7_sku, alias.product_id, now)


def _perform_all(work: Work, books: LedgerBooks) -> None:
    with work.parts.ledger.read() as conn:
        waiting = effects.of_entry(conn, work.claim.entry_id)
    for row in waiting:
        _hold_on(work, books)
        _perform(work, row, books)


def _hold_on(work: Work, books: LedgerBooks) -> None:
    """Gathering may have waited long for the quota: entry and sale stay ours for the time of one more effect."""
    until = work.parts.clock() + timedelta(seconds=work.parts.settings.intervals.lease)
    with work.parts.ledger.write() as conn:
        if not entries.renew(conn, work.claim, until):
            raise TakenOverError
    books.renew(until)


def _perform(work: Work, row: EffectRow, books: LedgerBooks) -> None:
    provider = provider_for(work.parts, row, books.sale)
    store, outages = ledger_store.LedgerStore(work.parts), write_outages.WriteOutages(work.parts)
    performer = Performer(store, provider, timing_of(work.parts), work.parts.clock, outages)
    with on_behalf(effect_id=row.effect_id):
        done = performer.perform(row.effect_id)
    if done is not None and done.state == EffectState.REJECTED:
        plan_anew_if_outdated(work.parts, done, books)


def timing_of(parts: Parts) -> Timing:
    """The waits of the effect protocol, from the settings."""
    i = parts.settings.intervals
    return Timing(
        lease=timedelta(seconds=i.lease),
        write_deadline=timedelta(seconds=i.write_deadline),
        quiet=timedelta(seconds=i.quiet_period + i.quota_patience),
        lookup_waits=tuple(timedelta(seconds=s) for s in i.lookup_waits),
    )


def _settle(work: Work, plan: Plan) -> tuple[str, str]:
    now, claimed = work.parts.clock(), work.claim
    owners = work.shop.terms.owners
    with work.parts.ledger.write() as conn:
        rows = effects.of_entry(conn, claimed.entry_id, STANDING)
        exit_, reason, due = settle.given_up(conn, claimed, rows, _exit(plan, rows, now))
        if not entries.release(conn, claimed, exit_, now, reason=reason, due_at=due):
            return failing.LOST
        raised = plan.all_concerns() + tuple(c for row in rows for c in settle.concerns_of(row, work.case))
        told = concerns.told_by_others(conn, claimed.return_id, claimed.consumer)
        raised = tuple(concern for concern in raised if not settle.told_already(concern, told))
        concerns.sync(
            conn,
            claimed.shop,
            claimed.consumer,
            claimed.subject,
            raised,
            now,
            return_id=claimed.return_id,
            owners=owners,
        )
        buried = [row for row in rows if waits_for_person(row)]
        for row in buried:
            dead.bury(conn, settle.letter_of(row, claimed, work.case), now)
        dead.resolve_entry(conn, claimed.entry_id, now, left=exit_ in {entries.SETTLED, entries.REFUSED})
        siblings = _wake_siblings(conn, claimed, now)
    if buried:
        reach("dead.buried")
        work.parts.show_dead(claimed.consumer, claimed.entry_id, claimed.subject)
    for entry_id, name in siblings:
        work.parts.hint_entry(entry_id, name)
    return exit_, reason


def _wake_siblings(conn: sa.Connection, claimed: Claim, now: datetime) -> list[tuple[int, str]]:
    """What one consumer confirmed may be what another one of the same return waits for."""
    # A worker that died after its confirmation woke nobody: its successor does.
    since = claimed.started_at if claimed.starts == 1 else claimed.started_at - timedelta(days=1)
    if claimed.return_id is None or not effects.confirmed_since(conn, claimed.entry_id, since):
        return []
    return entries.wake_others(conn, claimed.return_id, claimed.entry_id, now)


def _exit(plan: Plan, rows: list[EffectRow], now: datetime) -> tuple[str, str, datetime | None]:
    """Which of the four exits, why, and when again. What waits for a person never holds up what the machine can still
    do."""
    buried = [row for row in rows if waits_for_person(row)]
    pending = [row for row in rows if row.state.live and row not in buried]
    reasons = [row.why or "waiting to be sent" for row in pending] + [wait.reason for wait in plan.waits]
    dues = [_next_look(row, now) for row in pending] + [now + wait.look_again for wait in plan.waits]
    said = "; ".join(dict.fromkeys([*reasons, *(row.why for row in buried)]))
    if dues:
        return entries.PARKED, said, min(dues)
    if buried:
        return entries.BURIED, said, None
    if plan.refusal and not any(row.state == EffectState.CONFIRMED for row in rows):
        return entries.REFUSED, plan.refusal, None
    return entries.SETTLED, "; ".join(plan.remarks), None


def _next_look(row: EffectRow, now: datetime) -> datetime:
    """When this effect can be gone on with: not before the lease of a worker that still holds it ends."""
    due = row.due_at or now + advance.LOOK_AGAIN
    return max(due, row.lease_until) if row.lease_until is not None else due
