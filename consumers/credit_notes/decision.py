"""The credit-notes consumer: a return becomes the right credit notes in Cin7 Core, each once, or says why it waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from consumers.case import Case, Plan, Wait
from consumers.credit_notes.checks import DIVIDE
from consumers.credit_notes.drafting import Draft, draft, one_note_only
from consumers.credit_notes.facts import CreditFacts, gather, settled, standings, verdict
from consumers.credit_notes.matter import Matter
from consumers.credit_notes.native import adopt, in_flight, orphans, stranger, vanished
from consumers.credit_notes.refund_gap import income_to_post, let_be, unexplained, without_note
from consumers.credit_notes.refunds_without_items import settle_loose
from consumers.credit_notes.remaining import note_name
from consumers.shared.findings import unidentified
from consumers.shared.gate import Standing, UnitStanding, refunded
from consumers.shared.line_total_rule import TotalConflict, evidence, learn, tax_rounding
from consumers.shared.posting_day import posting_day
from consumers.shared.unknown_words import sale_held, strange_parcel
from consumers.shared.waits import HOUR, LONG, SOON, Held, waits_of
from schemas.concerns import Concern, ConcernType
from schemas.returns import DONE, Return, Unit
from schemas.sales import Tenant
from schemas.terms import EffectOwner, Terms

__all__ = ["CreditFacts", "gather", "hears", "plan"]


def hears(ret: Return, terms: Terms) -> bool:
    """Whether the return concerns this consumer: always, be it only to say why nothing follows from it."""
    return bool(ret.rma_id)


def plan(case: Case, facts: CreditFacts, terms: Terms, now: datetime) -> Plan:
    """The credit notes to post now, and the units that wait with their reasons.

    Pure: the same arguments give the same plan. `now` must be aware.
    """
    early = verdict(case, terms, facts.tenant)
    if early is not None:
        return early
    found = standings(case, terms)
    native = terms.credit_note_owner is EffectOwner.NATIVE
    wanted = found if native else [s for s in found if s.standing is Standing.READY]
    later = [] if native else [_later(s, case) for s in found if s.standing is Standing.WAITING]
    if wanted:
        planned = _with_sale(case, facts, terms, now, wanted, later)
    else:
        planned = _loose(case, facts, terms, now) if settled(found) else Plan(waits=waits_of(later))
    beside = _missing(found, case) + income_to_post(case, planned.actions)
    return replace(planned, concerns=planned.concerns + beside)


def _loose(case: Case, facts: CreditFacts, terms: Terms, now: datetime) -> Plan:
    """Every item has its answer: does the money agree?"""
    found = unexplained(case, terms)
    if found is None:
        return Plan()
    mute = without_note(case, terms, found)
    if mute is not None:
        return mute
    if facts.trouble is not None:
        return let_be(found) if found.small else Plan(waits=(Wait(facts.trouble.cause, HOUR, facts.trouble),))
    if facts.sale is None or facts.tenant is None:
        return Plan(waits=(Wait("the sale was not read yet", SOON),))
    return settle_loose(_learned(Matter(case, facts.sale, facts, facts.tenant, terms, now)), found)


def _later(standing: UnitStanding, case: Case) -> Held:
    """The quiet wait for a gate, loud only where ReturnGO has closed the return and will not speak again by itself."""
    unit, ret, kind = standing.unit, case.ret, ConcernType.REFUNDED_NOT_RECEIVED
    odd = None if standing.goods else strange_parcel(ret, unit, case)
    if odd is not None:
        return odd
    if ret.status != DONE or not refunded(ret, unit) or kind in case.accepted:
        return Held(unit, standing.reason, HOUR)
    cause = f"the return is done and the shopper refunded, but {standing.reason}"
    step = "record the receipt or inspection in ReturnGO (possible on a finished return), or claim the goods"
    return Held(unit, cause, LONG, kind, step)


def _missing(found: Sequence[UnitStanding], case: Case) -> tuple[Concern, ...]:
    if ConcernType.QTY_MISMATCH in case.accepted:
        return ()
    step = "look for the goods, or settle it with the shopper; nothing is restocked for these units"
    held = [
        Held(s.unit, "inspected, but not in the parcel", HOUR, ConcernType.QTY_MISMATCH, step)
        for s in found
        if s.missing and not unidentified(s.unit)
    ]
    return tuple(wait.concern for wait in waits_of(held) if wait.concern)


def _with_sale(
    case: Case, facts: CreditFacts, terms: Terms, now: datetime, wanted: Sequence[UnitStanding], later: Sequence[Held]
) -> Plan:
    if facts.trouble is not None:
        return Plan(waits=(Wait(facts.trouble.cause, HOUR, facts.trouble), *waits_of(later)))
    if facts.sale is None or facts.tenant is None:
        return Plan(waits=(Wait("the sale was not read yet", SOON), *waits_of(later)))
    matter = _learned(Matter(case, facts.sale, facts, facts.tenant, terms, now))
    if matter.sale.voided and matter.accepted(ConcernType.SALE_VOIDED):
        return Plan(refusal=f"sale {matter.sale.order_number} is voided; a person settled the return outside it")
    blocked = [_blocked(standing, matter) for standing in wanted]
    if any(blocked):
        return Plan(waits=waits_of([*(held for held in blocked if held), *later]))
    if terms.credit_note_owner is EffectOwner.NATIVE:
        return adopt(matter, wanted)
    return _planned(matter, one_note_only(matter, _beside_own(matter, wanted), later), later)


def _learned(matter: Matter) -> Matter:
    rule = learn(matter.sale, matter.facts.learned_rule)
    if isinstance(rule, TotalConflict):
        return replace(matter, conflict=rule)
    rounding = tax_rounding(matter.sale, matter.facts.tax_rules, rule)
    return replace(matter, rule=rule, tax_rounding=rounding)


def _blocked(standing: UnitStanding, matter: Matter) -> Held | None:
    """What stops every unit of the sale alike."""
    unit, sale, case = standing.unit, matter.sale, matter.case
    if sale.voided:
        cause = f"sale {sale.order_number} is voided in Cin7, so it takes no credit note{_our_notes(matter)}"
        step = "settle it by a credit in Cin7 that is not tied to the sale, then accept this"
        return Held(unit, cause, HOUR, ConcernType.SALE_VOIDED, step)
    if matter.undivided:
        return Held(unit, matter.undivided, HOUR, ConcernType.CONSOLIDATED_SALE_AMBIGUOUS, DIVIDE)
    unclear = sale_held(sale, case, unit)
    if unclear is not None or matter.terms.credit_note_owner is EffectOwner.NATIVE:
        return unclear
    if in_flight(case):
        return Held(unit, "an earlier credit note of this return is still on its way", SOON)
    gone = vanished(sale, case)
    if gone and not matter.accepted(ConcernType.CN_DRIFT):
        names = ", ".join(effect.number or effect.reference for effect in gone)
        cause = f"credit note {names} of this return is no longer on sale {sale.order_number}"
        return Held(
            unit, cause, HOUR, ConcernType.CN_DRIFT, "find out who removed it in Cin7; nothing more is posted meanwhile"
        )
    return _conflicting(unit, matter)


def _our_notes(matter: Matter) -> str:
    mine = [
        note for note in matter.sale.credit_notes if note.real and not stranger(note, matter.case, matter.facts.claimed)
    ]
    return f"; {', '.join(note_name(note) for note in mine)} was on it" if mine else ""


def _conflicting(unit: Unit, matter: Matter) -> Held | None:
    conflict = matter.conflict
    if conflict is None:
        return None
    cause = (
        f"invoice line {conflict.line.sku} says Total {conflict.line.total.amount}, where quantity, price and discount "
        f"give {conflict.plain} (with tax {conflict.plus_tax}), so what a Total means here is not known"
    )
    step = "correct the invoice line in Cin7, or make this credit note by hand"
    return Held(unit, cause, HOUR, ConcernType.AMOUNT_MISMATCH, step, details=evidence(conflict))


def _beside_own(matter: Matter, ready: Sequence[UnitStanding]) -> Draft:
    """Plan as if our own note of no known effect were not there: the same key comes out, and the engine adopts it."""
    counted = matter.sale.notes()
    lost = orphans(matter.sale, matter.case)
    if not lost:
        return draft(matter, ready, counted)
    planned = draft(matter, ready, [note for note in counted if note not in lost])
    known = [note for note in lost if any(action.marker in note.memo for action in planned.notes)]
    if len(known) == len(lost):
        return planned
    return draft(matter, ready, [note for note in counted if note not in known])


def _planned(matter: Matter, planned: Draft, later: Sequence[Held]) -> Plan:
    remarks = [*planned.remarks, *_date_remark(matter.tenant, matter.now)] if planned.notes else planned.remarks
    proposals = {one.proposal for one in planned.placed if one.proposal}
    return Plan(
        actions=tuple(planned.notes),
        waits=waits_of([*planned.held, *later]),
        remarks=tuple(dict.fromkeys(remarks)),
        aliases=tuple(sorted(proposals, key=lambda proposal: proposal.portal_sku)),
    )


def _date_remark(tenant: Tenant, now: datetime) -> list[str]:
    day = posting_day(tenant, now)
    if day.true_day is None:
        return []
    return [f"dated {day.noted_on} instead of {day.true_day}: the books are locked until {tenant.lock_date}"]
