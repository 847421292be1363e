"""The refunds consumer: money out becomes a payment on its credit note, ReturnGO is told when it may pay, and what
stays open ages into exceptions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from consumers.case import Case, Plan, Wait
from consumers.consumer import Books
from consumers.refunds.ageing import gaps, waits_of_gaps
from consumers.refunds.facts import RefundFacts, sale_id_of
from consumers.refunds.payments import Recording, accounts_asked, notes_of, payable
from consumers.refunds.release import plan_release, sales_asked
from consumers.shared.go_live import held_back
from consumers.shared.unknown_words import money_wait
from schemas.concerns import Concern
from schemas.money import total
from schemas.returns import Return
from schemas.terms import Terms

__all__ = ["RefundFacts", "gather", "hears", "plan"]


def hears(ret: Return, terms: Terms) -> bool:
    """Whether the return concerns this consumer: always, for every return can be paid too early, too late or never."""
    return bool(ret.rma_id)


def gather(case: Case, terms: Terms, books: Books) -> RefundFacts:
    """Ask the books. A sale, the only answer that costs a call, is read only where a payment or a release hangs on
    it."""
    tenant = books.tenant()
    facts = RefundFacts(tenant=tenant)
    if held_back(case, terms, tenant) is not None:
        return facts
    owed = {sale_id_of(credit) for t in payable(case, terms) for credit in notes_of(case, t)}
    asked = sorted(sale_id for sale_id in owed | sales_asked(case, terms) if sale_id)
    read = {sale_id: books.read_sale(sale_id) for sale_id in asked}
    return RefundFacts(
        tenant=tenant,
        sales={sale_id: sale for sale_id, sale in read.items() if sale is not None},
        accounts={code: books.account(code) for code in sorted(accounts_asked(case, terms))},
    )


def plan(case: Case, facts: RefundFacts, terms: Terms, now: datetime) -> Plan:
    """The payments and releases to make now, and the gaps that are open.

    Pure: the same arguments give the same plan. `now` must be aware.
    """
    early = held_back(case, terms, facts.tenant)
    if early is not None:
        return early
    if facts.tenant is None:
        return Plan(refusal="the company's settings could not be read")
    made = Recording(case, facts, terms, facts.tenant, now).all()
    told = plan_release(case, facts, terms)
    aged = waits_of_gaps(gaps(case, terms, now), terms, now)
    unclear = money_wait(case)
    aged = [unclear, *aged] if unclear else aged
    return Plan(
        actions=(*made.actions, *told.actions),
        waits=tuple(_one_of_each((*made.waits, *told.waits, *aged))),
        remarks=tuple(dict.fromkeys((*made.remarks, *told.remarks))),
    )


def _one_of_each(waits: Iterable[Wait]) -> list[Wait]:
    """One exception of each type: the ledger keeps one for a return, and a second would hide the first."""
    found: list[Wait] = []
    for wait in waits:
        place = next(
            (n for n, w in enumerate(found) if wait.concern and w.concern and _same(w.concern, wait.concern)), None
        )
        if place is None:
            found.append(wait)
        else:
            found[place] = _both(found[place], wait)
    return found


def _same(one: Concern, other: Concern) -> bool:
    return one.kind == other.kind


def _both(one: Wait, other: Wait) -> Wait:
    a, b = one.concern, other.concern
    if a is None or b is None:
        return one
    money = [m for m in (a.money, b.money) if m is not None]
    summed = total(money, money[0].currency) if money and len({m.currency for m in money}) == 1 else None
    cause = "; ".join(dict.fromkeys((a.cause, b.cause)))
    both = Concern(a.kind, cause, a.next_step, summed, tuple(sorted({*a.units, *b.units})), {**b.details, **a.details})
    return Wait(cause, min(one.look_again, other.look_again), both)
