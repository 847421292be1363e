"""Fees, shipping and adjustments put on the planned credit notes, or the reason why the notes must wait."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal

from consumers.credit_notes.assembling import above_invoice, discount_of
from consumers.credit_notes.charges import (
    Fee,
    Unchargeable,
    charge_amount,
    charges_gross,
    charges_left,
    discounts_left,
    fees_due,
    given_back,
    line_gross,
    mapped_charges,
    summed_by_kind,
)
from consumers.credit_notes.known_parts import goods_of_price, prices_of
from consumers.credit_notes.matter import Matter, Placed
from consumers.credit_notes.prices import prices_credited
from consumers.credit_notes.refund_reading import Mismatch, Reading, Refunded, read_refund
from consumers.credit_notes.remaining import left_over
from consumers.shared.line_total_rule import HUNDRED, extended, sum_of
from consumers.shared.refunds_told import PaidOut, in_currency, paid_out
from schemas.actions import NoteExtra, PostCreditNote
from schemas.concerns import ConcernType
from schemas.money import Money
from schemas.sales import Charge, CreditNote, DocumentLine, Invoice

#: What /me says where the tax is worked out over the document's total, not row by row (Cin7 blueprint).
OVER_TOTAL = "total"


def document_tax(matter: Matter, lines: Sequence[DocumentLine], charges: Sequence[Charge]) -> Decimal | None:
    """The tax of a document by rule over its total, to the coin; None where a rule is not known."""
    amounts: dict[str, Decimal] = {}
    for line in lines:
        amounts[line.tax_rule] = amounts.get(line.tax_rule, Decimal(0)) + extended(line, matter.rule)
    for charge in charges:
        amounts[charge.tax_rule] = amounts.get(charge.tax_rule, Decimal(0)) + charge_amount(charge, matter)
    tax = Decimal(0)
    for name, amount in amounts.items():
        rule = matter.facts.tax_rules.get(name)
        if rule is None:
            return None
        base = HUNDRED + rule.percent if matter.sale.tax_inclusive else HUNDRED
        tax += (amount * rule.percent / base).quantize(matter.coin, ROUND_HALF_UP)
    return tax


def on_basis(matter: Matter, note: PostCreditNote) -> PostCreditNote | Decimal:
    """The note with the totals Cin7 will show, or by how much too far the two ways of rounding are apart.

    The invoice is the evidence: only where its own tax follows the rule is the note expected to.
    """
    if matter.tenant.tax_calculation.strip().casefold() != OVER_TOTAL:
        return note
    invoice = next(one for one in matter.sale.invoices if one.number == note.invoice_number)
    told = document_tax(matter, invoice.lines, invoice.charges)
    wanted = document_tax(matter, note.lines, note.charges)
    if told is None or wanted is None or told != invoice.tax.amount:
        return note
    apart = wanted - note.tax.amount
    if abs(apart) > matter.terms.amount_tolerance and not matter.accepted(ConcernType.TAX_VARIANCE):
        return apart
    tax = matter.money(wanted)
    if matter.sale.tax_inclusive:
        return replace(note, tax=tax, net=note.gross - tax)
    return replace(note, tax=tax, gross=note.net + tax)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What stops the notes; `units` empty means all of them."""

    kind: ConcernType
    cause: str
    next_step: str
    details: dict[str, str] = field(default_factory=dict)
    units: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Work:
    """One plan's notes with their units while the extras are put on."""

    matter: Matter
    notes: list[PostCreditNote]
    placed: list[Placed]
    remarks: list[str]

    def note_of(self, units: frozenset[str]) -> int:
        """The largest note that holds any of these units (of all, where none is named)."""
        fits = [n for n, note in enumerate(self.notes) if not units or units & set(note.units)]
        return max(fits, key=lambda n: (self.notes[n].gross.amount, -n))


def with_extras(
    matter: Matter, notes: Sequence[PostCreditNote], placed: Sequence[Placed], counted: Sequence[CreditNote]
) -> tuple[list[PostCreditNote], list[str]] | Trouble:
    """The notes with their charges and a remark on each that a person should see, or what stops them.

    `counted` are the notes already on the sale: shipping they gave back is not given again.
    """
    work = _Work(matter, list(notes), list(placed), [])
    fees = fees_due(matter, work.placed)
    paid = paid_out(matter.case.ret, frozenset(one.unit.returned_item_id for one in work.placed))
    named = paid.units if paid else frozenset()
    reading = _reading(work, paid, fees, counted)
    if isinstance(reading, Mismatch):
        return Trouble(ConcernType.AMOUNT_MISMATCH, reading.cause, reading.next_step, reading.details, named)
    trouble = (
        _prices(work, paid)
        or _put_fees(work, fees, reading, named)
        or _put_charges(work, reading)
        or _put_adjustment(work, reading, named)
    )
    trouble = trouble or _too_little(work) or _too_much(work, counted) or _on_basis(work)
    return trouble or (work.notes, [*work.remarks, *reading.remarks])


def _reading(
    work: _Work, paid: PaidOut | None, fees: Sequence[Fee], counted: Sequence[CreditNote]
) -> Reading | Mismatch:
    if paid is None:
        return Reading()
    matter = work.matter
    invoices = _invoices(work)
    asked = Refunded(
        [one for one in work.placed if one.unit.returned_item_id in paid.units],
        paid,
        [fee for fee in fees if not fee.unit or fee.unit in paid.units],
        charges_left(matter, invoices, counted),
        discounts_left(matter, invoices, counted, lambda number: _part_of_goods(work, number, counted)),
        lambda gap: goods_of_price(matter, counted, work.placed, gap, matter.coin),
    )
    return read_refund(matter, asked)


def _invoices(work: _Work) -> list[Invoice]:
    numbers = {note.invoice_number for note in work.notes}
    return [invoice for invoice in work.matter.sale.invoices if invoice.number in numbers]


def _part_of_goods(work: _Work, number: str, counted: Sequence[CreditNote]) -> Decimal:
    matter = work.matter
    lines = [one for one in left_over(matter.sale, counted, matter.rule) if one.invoice.number == number]
    left = sum_of(one.left.gross(matter.sale.tax_inclusive) for one in lines)
    back = [line for note in work.notes if note.invoice_number == number for line in note.lines]
    return sum_of(line_gross(line, matter) for line in back) / left if left > 0 else Decimal(0)


def _prices(work: _Work, paid: PaidOut | None) -> Trouble | None:
    """The portal's prices beside the invoice, over the whole return: each may be near and their sum far away.

    A refund in the sale's currency was compared itself.
    """
    matter = work.matter
    compared = paid.units if paid and in_currency(paid.transactions, matter.sale.currency) is not None else frozenset()
    placed = [one for one in work.placed if one.unit.returned_item_id not in compared]
    now = prices_of(placed, matter)
    if abs(now.difference) < matter.coin:
        return None
    cause = f"the portal's prices of these {now.pieces} items come to {matter.money(now.difference)} beside the invoice"
    whole = now + prices_credited(matter.case, matter.sale.currency)
    if not (whole.within(matter.terms, matter.sale.currency) or matter.accepted(ConcernType.AMOUNT_MISMATCH)):
        step = "find out which figures are right; accept this to credit the invoice's shares"
        units = frozenset(one.unit.returned_item_id for one in placed)
        return Trouble(ConcernType.AMOUNT_MISMATCH, cause, step, {"difference": str(whole.difference)}, units)
    work.remarks.append(f"{cause}; the invoice's shares are credited")
    return None


def _put_fees(work: _Work, fees: Sequence[Fee], reading: Reading, named: frozenset[str]) -> Trouble | None:
    for number, note in enumerate(work.notes):
        own = [fee for fee in fees if fee.unit in note.units or (not fee.unit and number == work.note_of(named))]
        kept = [fee for fee in own if fee.kind not in reading.let_go or (fee.unit and fee.unit not in named)]
        let_go = [fee.kind for fee in own if fee not in kept]
        for kind, amount in summed_by_kind(kept).items():
            trouble = _put(work, number, "fees", kind, -amount, f"fee:{kind}")
            if trouble is not None:
                return trouble
        for kind in dict.fromkeys(let_go):
            _note_extra(work, number, NoteExtra(f"fee:{kind}", _zero(work), _zero(work), "let go by the refund", False))
    return None


def _put_charges(work: _Work, reading: Reading) -> Trouble | None:
    for left, gross in reading.given:
        number = next(n for n, note in enumerate(work.notes) if note.invoice_number == left.invoice_number)
        charge = given_back(work.matter, left, gross)
        if charge is None:
            rule, name = left.source.tax_rule, left.source.description
            cause = f"tax rule {rule!r} of the charge {name!r} is not active in Cin7"
            step = f"name a successor for {rule!r} in the shop's settings, or activate the rule in Cin7"
            return Trouble(ConcernType.TAX_RULE_UNKNOWN, cause, step, units=frozenset(work.notes[number].units))
        _put_charge(work, number, (charge,), "shipping" if gross > 0 else "discount")
    return None


def _put_charge(work: _Work, number: int, charges: tuple[Charge, ...], kind: str) -> None:
    """On the note; where it is below zero and Cin7 takes no such charge, kept from the refund payment instead."""
    if charges_gross(charges, work.matter) < 0 and not work.matter.terms.negative_charges:
        _withhold(work, number, charges, kind)
    else:
        _charge(work, number, charges, kind, "")


def _put_adjustment(work: _Work, reading: Reading, named: frozenset[str]) -> Trouble | None:
    if not reading.adjustment:
        return None
    return _put(work, work.note_of(named), "adjustments", reading.adjustment, reading.rest, reading.adjustment)


def _put(work: _Work, number: int, table: str, name: str, gross: Decimal, kind: str) -> Trouble | None:
    matter, note = work.matter, work.notes[number]
    amount = matter.money(gross).quantized().amount
    charges = mapped_charges(matter, table, name, amount, note.lines)
    if isinstance(charges, Unchargeable):
        if matter.accepted(ConcernType.FEE_UNMAPPED):
            work.remarks.append(f"{charges.cause}; posted without it, as a person decided")
            return None
        return Trouble(ConcernType.FEE_UNMAPPED, charges.cause, charges.next_step, units=frozenset(note.units))
    _put_charge(work, number, charges, kind)
    return None


def _charge(work: _Work, number: int, charges: tuple[Charge, ...], kind: str, reason: str) -> None:
    note = work.notes[number]
    tax = sum_of(charge.tax.amount for charge in charges)
    gross = charges_gross(charges, work.matter)
    money = work.matter.money
    work.notes[number] = replace(
        note,
        charges=(*note.charges, *charges),
        net=note.net + money(gross - tax),
        tax=note.tax + money(tax),
        gross=note.gross + money(gross),
        extras=(*note.extras, NoteExtra(kind, money(gross), money(tax), reason)),
    )


def _withhold(work: _Work, number: int, charges: tuple[Charge, ...], kind: str) -> None:
    """Cin7 takes no negative charge: the note stays whole, and the refund payment keeps the fee."""
    note, money = work.notes[number], work.matter.money
    kept = money(-charges_gross(charges, work.matter))
    tax = money(sum_of(charge.tax.amount for charge in charges))
    reason = f"account {charges[0].account}, {charges[0].tax_rule}"
    work.notes[number] = replace(
        note,
        fees_withheld=kept + (note.fees_withheld or money(Decimal(0))),
        extras=(*note.extras, NoteExtra(kind, -kept, tax, reason, on_note=False)),
    )
    what = kind.removeprefix("fee:").replace("_", " ")
    work.remarks.append(f"{kept} of {what} is kept from the refund; post it as income ({reason}) beside the note")


def _note_extra(work: _Work, number: int, extra: NoteExtra) -> None:
    note = work.notes[number]
    work.notes[number] = replace(note, extras=(*note.extras, extra))


def _zero(work: _Work) -> Money:
    return work.matter.money(Decimal(0))


def _on_basis(work: _Work) -> Trouble | None:
    for number, note in enumerate(work.notes):
        found = on_basis(work.matter, note)
        if isinstance(found, Decimal):
            cause = f"row by row the tax is {note.tax}, over the whole document {work.matter.money(found)} more"
            step = "compare the tax of the invoice in Cin7; accept this to post the invoice's shares"
            return Trouble(ConcernType.TAX_VARIANCE, cause, step, units=frozenset(note.units))
        if abs(found.tax - note.tax).amount >= work.matter.coin:
            work.remarks.append(f"tax is rounded over the document: {found.tax} instead of {note.tax}")
        work.notes[number] = found
    return None


def _too_much(work: _Work, counted: Sequence[CreditNote]) -> Trouble | None:
    """Goods credited in full beside a discount of the invoice that the refund did not take off again."""
    for note in work.notes:
        group = [one for one in work.placed if one.unit.returned_item_id in note.units]
        if not discount_of(work.matter, group[0].sold.invoice):
            continue
        for held in above_invoice(work.matter, group, note, counted, final=True):
            step, units = held.next_step, frozenset(note.units)
            return Trouble(ConcernType.OVER_CREDIT, held.reason, step, held.details, units)
    return None


def _too_little(work: _Work) -> Trouble | None:
    for note in work.notes:
        left = note.gross - (note.fees_withheld or _zero(work))
        if left.amount < 0:
            cause = f"the fees are {abs(left)} more than the credit of their items"
            step = "correct the fees in ReturnGO; a note below zero is never posted"
            return Trouble(ConcernType.AMOUNT_MISMATCH, cause, step, units=frozenset(note.units))
    return None
