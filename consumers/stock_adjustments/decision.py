"""The stock-adjustments consumer: after the credit, goods go where the warehouse's findings send them, each step once.

Never a second credit: a later finding makes a transfer or a write-off, goods that come late an adjustment.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from consumers.case import Case, Plan, Wait
from consumers.shared.gate import goods_received
from consumers.shared.go_live import held_back
from consumers.shared.unknown_words import strange_restock
from consumers.shared.waits import HOUR, LONG, QUARTER, Held, concern_of, waits_of
from consumers.stock_adjustments.arrivals import Arrivals, arrivals_of, held_by_trouble
from consumers.stock_adjustments.concerns import goods_concerns
from consumers.stock_adjustments.documents import Desk, documents_of, value_checks
from consumers.stock_adjustments.facts import GoodsFacts, gather
from consumers.stock_adjustments.moves import moves_of
from consumers.stock_adjustments.whereabouts import State, Whereabouts, whereabouts
from schemas.concerns import Concern, ConcernType
from schemas.returns import DONE, ENDED_STATUSES, Return
from schemas.terms import Terms

__all__ = ["GoodsFacts", "gather", "hears", "plan"]

#: One document may call for the next: a transfer for its write-off, a restock value for a person.
NEXT = timedelta(seconds=30)


def hears(ret: Return, terms: Terms) -> bool:
    """Whether the return concerns this consumer: whenever it has goods."""
    return bool(ret.rma_id and ret.units)


def plan(case: Case, facts: GoodsFacts, terms: Terms, now: datetime) -> Plan:
    """The stock documents to make now, the units that wait with their reasons, and what a person must know.

    Pure: the same arguments give the same plan. `now` must be aware.
    """
    early = held_back(case, terms, facts.tenant)
    if early is not None:
        return early
    log = whereabouts(case, facts.sale)
    currency = facts.tenant.currency if facts.tenant else ""
    told = goods_concerns(case, log, terms, currency or "XXX")
    if all(one.state is State.UNCREDITED for one in log):
        return Plan(concerns=told, remarks=("nothing of this return is credited yet",))
    if case.ret.status in ENDED_STATUSES or facts.tenant is None:
        return Plan(concerns=told, remarks=("the return has ended: its goods are left as they are",))
    desk = Desk(case, facts, terms, now, facts.tenant)
    came = arrivals_of(case, log, facts, terms)
    moving = moves_of(case, log, terms, facts.locations)
    held = [*moving.held, *came.held, *held_by_trouble(case, log, facts), *_quiet(case, log)]
    made = documents_of(desk, moving.moves, came.found)
    actions = (*made.actions, *value_checks(desk))
    look_back = (Wait("what was just done is looked at once more", NEXT),) if actions else ()
    return Plan(
        actions=actions,
        waits=waits_of([*held, *made.held]) + look_back,
        concerns=told + _claims(case, came),
        remarks=tuple(dict.fromkeys([*moving.remarks, *came.remarks])),
    )


def _quiet(case: Case, log: Sequence[Whereabouts]) -> list[Held]:
    """What waits without an exception of its own (the credit note says what is wrong, or the effect does), and a
    restock that is neither posted nor open in words we know."""
    found = [
        strange_restock(one.unit, case) or Held(one.unit, "the credit note's restock is not posted yet", HOUR)
        for one in log
        if one.state is State.OPEN
    ]
    away = [one for one in log if one.state is State.AWAITED and not goods_received(case.ret, one.unit)]
    if case.ret.status != DONE:
        found += [Held(one.unit, "the goods are not here yet", LONG) for one in away]
    moving = [one for one in log if one.busy and not one.stuck]
    return found + [Held(one.unit, "an earlier move of the goods is not finished", QUARTER) for one in moving]


def _claims(case: Case, came: Arrivals) -> tuple[Concern, ...]:
    """Supplier's goods that came back to us after the credit."""
    kind = ConcernType.DROPSHIP_CLAIM
    if not came.claims or kind in case.accepted:
        return ()
    cause = "a supplier's goods came back to us after their credit: nothing comes into our stock"
    step = "send them on and claim the credit from the supplier, then accept this"
    return (concern_of(kind, [Held(one.unit, cause, HOUR, kind, step) for one in came.claims]),)
