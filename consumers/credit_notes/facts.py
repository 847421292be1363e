"""What the credit-notes decision needs to know, and what can be decided before Cin7 is asked for the sale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from consumers.case import Case, Plan, Wait
from consumers.consumer import Books
from consumers.credit_notes.refund_gap import unexplained
from consumers.shared.dispositions import location_names
from consumers.shared.gate import Standing, UnitStanding, standing_of
from consumers.shared.go_live import held_back
from consumers.shared.refunds_told import any_fee, disputed, succeeded
from consumers.shared.waits import HOUR, LONG, SOON, summed
from schemas.concerns import Concern, ConcernType
from schemas.effects import EffectState
from schemas.returns import ENDED_STATUSES, KNOWN_STATUSES, PENDING
from schemas.sales import Account, Location, Sale, TaxRule, Tenant
from schemas.terms import EffectOwner, Terms


@dataclass(frozen=True, slots=True)
class CreditFacts:
    """Everything asked of the books. `sale` is None where it was not needed, or where `trouble` says why there is none.

    `learned_rule` is the company's line-total rule ("plain" or "plus_tax") as learned from other sales;
    `claimed` the numbers or task ids of this sale's notes that other returns already adopted.
    """

    sale: Sale | None = None
    trouble: Concern | None = None
    tenant: Tenant | None = None
    locations: Mapping[str, Location | None] = field(default_factory=dict)
    tax_rules: Mapping[str, TaxRule | None] = field(default_factory=dict)
    accounts: Mapping[str, Account | None] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    learned_rule: str = ""
    claimed: frozenset[str] = frozenset()


def standings(case: Case, terms: Terms) -> list[UnitStanding]:
    """Every unit that no credit effect covers yet, in a stable order."""
    covered = case.covered("credit")
    units = sorted(case.ret.units, key=lambda unit: unit.returned_item_id)
    return [standing_of(case.ret, u, terms.gate) for u in units if u.returned_item_id not in covered]


def settled(found: Sequence[UnitStanding]) -> bool:
    """Whether every unit has its answer: credited, or looked for and not found."""
    return all(s.standing is Standing.DECLINED for s in found)


def gather(case: Case, terms: Terms, books: Books) -> CreditFacts:
    """Ask the books. The sale, the only answer that costs a call, is asked only where a decision hangs on it."""
    tenant = books.tenant()
    if verdict(case, terms, tenant) is not None or not _sale_matters(case, terms):
        return CreditFacts(tenant=tenant)
    answer = books.sale_of(case.ret.order_name, case.ret.order_id)
    if isinstance(answer, Concern):
        return CreditFacts(trouble=answer, tenant=tenant)
    return CreditFacts(
        sale=answer,
        tenant=tenant,
        locations={name: books.location(name) for name in location_names(terms)},
        tax_rules=_tax_rules(answer, terms, books),
        accounts=_accounts(case, terms, books),
        aliases=_aliases(case, terms, books),
        learned_rule=books.learned_rule(),
        claimed=books.claimed_notes(answer.sale_id),
    )


def _sale_matters(case: Case, terms: Terms) -> bool:
    found = standings(case, terms)
    if settled(found):
        loose = unexplained(case, terms)
        return loose is not None and loose.gap.amount > 0
    if terms.credit_note_owner is EffectOwner.NATIVE:
        return bool(found)
    return any(s.standing is Standing.READY for s in found)


def _tax_rules(sale: Sale, terms: Terms, books: Books) -> dict[str, TaxRule | None]:
    names = {line.tax_rule for invoice in sale.invoices for line in invoice.lines}
    names |= {charge.tax_rule for invoice in sale.invoices for charge in invoice.charges}
    names |= {rule.tax_rule for rule in (*terms.fees.values(), *terms.adjustments.values())}
    names |= {terms.tax_successors[name] for name in names if name in terms.tax_successors}
    return {name: books.tax_rule(name) for name in sorted(names) if name}


def _accounts(case: Case, terms: Terms, books: Books) -> dict[str, Account | None]:
    """The accounts of mapped charges, asked only where the return may need one."""
    if not any_fee(case.ret) and not succeeded(case.ret):
        return {}
    rules = (*terms.fees.values(), *terms.adjustments.values())
    return {code: books.account(code) for code in sorted({rule.account for rule in rules})}


def _aliases(case: Case, terms: Terms, books: Books) -> dict[str, str]:
    known = {unit.sku: books.alias(unit.sku) for unit in case.ret.units if unit.sku}
    return {**{sku: alias for sku, alias in known.items() if alias}, **terms.sku_aliases}


def verdict(case: Case, terms: Terms, tenant: Tenant | None) -> Plan | None:
    """The plan that needs no sale: refusals, and waits for ReturnGO itself. None where the sale decides."""
    ret = case.ret
    early = held_back(case, terms, tenant)
    if early is not None:
        return _told(case, early)
    if terms.credit_note_owner is EffectOwner.NOBODY:
        return Plan(refusal="credit notes are switched off for this shop (owner: nobody)")
    if ret.status not in KNOWN_STATUSES:
        return _unknown_status(case)
    if ret.status in ENDED_STATUSES:
        return _ended(case)
    if ret.status == PENDING:
        return Plan(waits=(Wait("the return is not approved yet", LONG),))
    if not ret.units and not succeeded(ret):
        return Plan(refusal="the return names no units and nothing was refunded")
    return _charged_back(case)


def _charged_back(case: Case) -> Plan | None:
    """A chargeback beside the return freezes it: the shopper could get the money twice."""
    rows = disputed(case.ret)
    if not rows or ConcernType.CHARGEBACK_CONFLICT in case.accepted:
        return None
    names = ", ".join(row.reference or row.transaction_id for row in rows)
    concern = Concern(
        ConcernType.CHARGEBACK_CONFLICT,
        cause=f"the bank charged back money of this order ({names}) while return {case.ret.rma_id} is open",
        next_step="answer the chargeback or the return, not both; accept this to credit the return",
        money=summed(row.amount for row in rows),
        units=tuple(sorted(unit.returned_item_id for unit in case.ret.units)),
    )
    return Plan(waits=(Wait(concern.cause, LONG, concern),))


def _told(case: Case, early: Plan) -> Plan:
    """The exception of a return that is held for want of a creation date; its fellow consumers wait with it."""
    if not early.waits:
        return early
    concern = Concern(
        ConcernType.SCHEMA_INVALID,
        cause=early.waits[0].reason,
        next_step="open the return in ReturnGO; it is read again by itself and goes on once it has its date",
        money=summed(unit.gross for unit in case.ret.units),
        units=tuple(sorted(unit.returned_item_id for unit in case.ret.units)),
    )
    return Plan(waits=tuple(replace(wait, concern=concern) for wait in early.waits))


def _unknown_status(case: Case) -> Plan:
    status = case.ret.status
    concern = Concern(
        ConcernType.UNKNOWN_STATUS,
        cause=f"ReturnGO status {status!r} is not one we know",
        next_step="ask engineering to teach Returnline the new status; nothing is posted meanwhile",
        money=summed(unit.gross for unit in case.ret.units),
        units=tuple(sorted(unit.returned_item_id for unit in case.ret.units)),
    )
    return Plan(waits=(Wait(concern.cause, HOUR, concern),))


def _ended(case: Case) -> Plan:
    effects = [effect for effect in case.effects if effect.kind == "credit"]
    posted = [effect for effect in effects if effect.confirmed]
    if any(effect.state in {EffectState.SENDING, EffectState.UNCERTAIN} for effect in effects):
        return Plan(waits=(Wait("the return has ended, but a credit note may already be on its way", SOON),))
    if not posted:
        return Plan(refusal=f"the return is {case.ret.status} and nothing was credited")
    if ConcernType.CANCELLED_AFTER_CREDIT in case.accepted:
        return Plan(remarks=("the return ended after its credit note; accepted by a person",))
    names = ", ".join(effect.number or effect.reference or "(no number)" for effect in posted)
    concern = Concern(
        ConcernType.CANCELLED_AFTER_CREDIT,
        cause=f"the return is {case.ret.status}, but credit note {names} is posted",
        next_step="reopen the return in ReturnGO, or void the note in Cin7 if it is unpaid and its period is open",
        money=summed(effect.gross for effect in posted if effect.gross is not None),
        units=tuple(sorted({unit for effect in posted for unit in effect.units})),
    )
    return Plan(concerns=(concern,))
