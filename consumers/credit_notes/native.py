"""Where Cin7's own channel makes the credit notes: accept the note it made for the same units, else wait for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from consumers.case import Case, Done, Plan
from consumers.credit_notes.entitlement import Figures
from consumers.credit_notes.matter import Matter
from consumers.credit_notes.placing import match
from consumers.credit_notes.remaining import OUR_MARK, figures
from consumers.shared.gate import UnitStanding
from consumers.shared.line_total_rule import TotalRule, four, sum_of
from consumers.shared.posting_day import signature
from consumers.shared.refunds_told import in_currency, paid_out
from consumers.shared.sku_match import SkuMatch
from consumers.shared.waits import HOUR, Held, waits_of
from schemas.actions import AdoptCreditNote, business_key, marker
from schemas.effects import EffectState
from schemas.money import Money
from schemas.returns import Unit
from schemas.sales import AUTHORISED, CreditNote, Sale

_OVER = frozenset({EffectState.WITHDRAWN, EffectState.REJECTED})


def ours(note: CreditNote, case: Case) -> bool:
    """Whether Returnline made the note, or this return already adopted it."""
    return bool(OUR_MARK.search(note.memo)) or any(_traces(effect, note) for effect in case.effects)


def _traces(effect: Done, note: CreditNote) -> bool:
    if effect.kind != "credit" or effect.state in _OVER:
        return False
    if marker(effect.key) in note.memo:
        return True
    if effect.number:
        return effect.number == note.number
    return bool(effect.reference) and effect.reference == note.task_id


def foreign(sale: Sale, case: Case, claimed: frozenset[str]) -> list[CreditNote]:
    """The counted notes nobody here answers for. `claimed` are numbers or task ids that other returns adopted."""
    return [note for note in sale.notes() if stranger(note, case, claimed)]


def stranger(note: CreditNote, case: Case, claimed: frozenset[str]) -> bool:
    """Whether nobody here answers for the note: neither made by Returnline nor adopted."""
    return not ours(note, case) and not {note.number, note.task_id} & claimed


def orphans(sale: Sale, case: Case) -> list[CreditNote]:
    """Counted notes that our memo ties to this return although no live effect knows them (a lost answer)."""
    mine = f"{signature(case.ret)} "
    return [
        note
        for note in sale.notes()
        if OUR_MARK.search(note.memo) and mine in f"{note.memo} " and not any(_traces(e, note) for e in case.effects)
    ]


def vanished(sale: Sale, case: Case) -> list[Done]:
    """Confirmed effects whose note the sale no longer shows, not even voided: a stale answer, or it was deleted."""
    return [
        effect
        for effect in case.effects
        if effect.kind == "credit" and effect.confirmed and not any(_traces(effect, note) for note in sale.credit_notes)
    ]


def in_flight(case: Case) -> list[Done]:
    """Credit effects that may or may not have reached Cin7 yet. What a person discarded is waited for no longer."""
    return [e for e in case.effects if e.kind == "credit" and e.state.live]


def credits_product(note: CreditNote, product_id: str) -> bool:
    """Whether the note credits pieces of this product."""
    return any(line.product_id == product_id and line.quantity > 0 for line in note.lines)


def adopt(matter: Matter, units: Sequence[UnitStanding]) -> Plan:
    """Adopt what the channel already credited; the other units wait quietly for its note."""
    by_product: dict[str, list[Unit]] = {}
    held: list[Held] = []
    aliases = []
    for standing in units:
        found = match(standing.unit, matter)
        if isinstance(found, SkuMatch):
            by_product.setdefault(found.product_id, []).append(standing.unit)
            aliases += [found.proposal] if found.proposal else []
        else:
            held.append(found)
    notes = foreign(matter.sale, matter.case, matter.facts.claimed)
    actions = _adoptions(matter.case, matter.sale, by_product, notes, matter.rule)
    actions = actions or _lump(matter, [unit for group in by_product.values() for unit in group], notes)
    taken = {unit for action in actions for unit in action.units}
    open_units = [unit for group in by_product.values() for unit in group if unit.returned_item_id not in taken]
    held += [Held(unit, "waiting for the credit note that Cin7's own channel makes", HOUR) for unit in open_units]
    return Plan(actions=actions, waits=waits_of(held), aliases=tuple(sorted(set(aliases), key=lambda a: a.portal_sku)))


def _lump(matter: Matter, units: Sequence[Unit], notes: Iterable[CreditNote]) -> tuple[AdoptCreditNote, ...]:
    """The channel's note without lines that credits just what ReturnGO refunded for these units."""
    ids = frozenset(unit.returned_item_id for unit in units)
    paid = paid_out(matter.case.ret, ids)
    amount = in_currency(paid.transactions, matter.sale.currency) if paid and paid.units == ids else None
    slack = matter.terms.amount_tolerance
    for note in notes:
        if amount is None or note.lines or note.status != AUTHORISED or abs(note.total.amount - amount) > slack:
            continue
        return (_adopted(matter.case, matter.sale, note, tuple(sorted(ids))),)
    return ()


def _adopted(case: Case, sale: Sale, note: CreditNote, ids: tuple[str, ...]) -> AdoptCreditNote:
    return AdoptCreditNote(
        key=business_key(case.shop, case.ret.rma_id, "credit", ids),
        sale_id=sale.sale_id,
        units=ids,
        task_id=note.task_id,
        number=note.number,
        net=note.total_before_tax,
        tax=note.tax,
        gross=note.total,
    )


@dataclass(slots=True)
class _Offer:
    """What a foreign note still offers: pieces per product, and the worth of one piece."""

    note: CreditNote
    pieces: dict[str, Decimal]
    each: dict[str, Figures]


def _adoptions(
    case: Case, sale: Sale, units: Mapping[str, list[Unit]], notes: Iterable[CreditNote], rule: TotalRule
) -> tuple[AdoptCreditNote, ...]:
    """One adoption per authorised foreign note that credits some of the units (given by product id)."""
    waiting = {product: sorted(group, key=lambda u: u.returned_item_id) for product, group in units.items()}
    found = []
    for note in sorted(notes, key=lambda n: (n.number, n.task_id)):
        if note.status != AUTHORISED:
            continue
        offer = _offer(note, rule)
        taken: dict[str, list[Unit]] = {}
        for product, pieces in offer.pieces.items():
            count = min(int(pieces), len(waiting.get(product, [])))
            if count:
                taken[product], waiting[product] = waiting[product][:count], waiting[product][count:]
        if taken:
            found.append(_adopt(case, sale, offer, taken))
    return tuple(found)


def _offer(note: CreditNote, rule: TotalRule) -> _Offer:
    pieces: dict[str, Decimal] = {}
    worth: dict[str, Figures] = {}
    for line in note.lines:
        pieces[line.product_id] = pieces.get(line.product_id, Decimal(0)) + line.quantity
        part, before = figures(line, rule), worth.get(line.product_id, Figures(Decimal(0), Decimal(0), Decimal(0)))
        worth[line.product_id] = Figures(
            pieces[line.product_id], before.extended + part.extended, before.tax + part.tax
        )
    return _Offer(note, pieces, worth)


def _adopt(case: Case, sale: Sale, offer: _Offer, taken: Mapping[str, list[Unit]]) -> AdoptCreditNote:
    ids = tuple(sorted(unit.returned_item_id for group in taken.values() for unit in group))
    note = offer.note
    if all(len(taken.get(product, [])) == pieces for product, pieces in offer.pieces.items()):
        net, tax, gross = note.total_before_tax, note.tax, note.total
    else:
        ratio = {p: Decimal(len(group)) / offer.pieces[p] for p, group in taken.items()}
        extended = sum_of(four(offer.each[p].extended * r) for p, r in ratio.items())
        part = Figures(Decimal(len(ids)), extended, sum_of(four(offer.each[p].tax * r) for p, r in ratio.items()))
        net, tax, gross = (
            Money(amount, sale.currency)
            for amount in (part.net(sale.tax_inclusive), part.tax, part.gross(sale.tax_inclusive))
        )
    return replace(_adopted(case, sale, note, ids), net=net, tax=tax, gross=gross)
