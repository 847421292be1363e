"""Fees, shipping and adjustments put on the planned credit notes, or the reason why the notes must wait."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from consumers.charging import Unchargeable, charges_gross, mapped_charges
from consumers.fees import Fee, fees_due, summed_by_kind
from consumers.line_total_rule import sum_of
from consumers.matter import Matter, Placed
from consumers.payouts import PaidOut, paid_out
from consumers.settlement import Mismatch, Reading, read_refund
from consumers.shipping import given_back, shipping_left
from consumers.tax_basis import on_basis
from schemas.actions import NoteExtra, PostCreditNote
from schemas.concerns import ConcernType
from schemas.money import Money
from schemas.sales import Charge, CreditNote


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
    reading = _reading(work, paid, fees, counted)
    if isinstance(reading, Mismatch):
        named = paid.units if paid else frozenset()
        return Trouble(ConcernType.AMOUNT_MISMATCH, reading.cause, reading.next_step, reading.details, named)
    named = paid.units if paid else frozenset()
    trouble = (
        _put_fees(work, fees, reading, named) or _put_shipping(work, reading) or _put_adjustment(work, reading, named)
    )
    return trouble or _too_little(work) or _on_basis(work) or (work.notes, [*work.remarks, *reading.remarks])


def _reading(
    work: _Work, paid: PaidOut | None, fees: Sequence[Fee], counted: Sequence[CreditNote]
) -> Reading | Mismatch:
    if paid is None:
        return Reading()
    numbers = {note.invoice_number for note in work.notes}
    invoices = [invoice for invoice in work.matter.sale.invoices if invoice.number in numbers]
    units = [one for one in work.placed if one.unit.returned_item_id in paid.units]
    owed = [fee for fee in fees if not fee.unit or fee.unit in paid.units]
    return read_refund(work.matter, units, paid, owed, shipping_left(work.matter, invoices, counted))


def _put_fees(work: _Work, fees: Sequence[Fee], reading: Reading, named: frozenset[str]) -> Trouble | None:
    for number, note in enumerate(work.notes):
        own = [fee for fee in fees if fee.unit in note.units or (not fee.unit and number == work.note_of(named))]
        kept = [fee for fee in own if reading.fees_kept or (fee.unit and fee.unit not in named)]
        let_go = [fee.kind for fee in own if fee not in kept]
        for kind, amount in summed_by_kind(kept).items():
            trouble = _put(work, number, "fees", kind, -amount, f"fee:{kind}")
            if trouble is not None:
                return trouble
        for kind in dict.fromkeys(let_go):
            _note_extra(work, number, NoteExtra(f"fee:{kind}", _zero(work), _zero(work), "let go by the refund", False))
    return None


def _put_shipping(work: _Work, reading: Reading) -> Trouble | None:
    left = reading.shipping
    if left is None or not reading.shipping_gross:
        return None
    number = next(n for n, note in enumerate(work.notes) if note.invoice_number == left.invoice_number)
    charge = given_back(work.matter, left, reading.shipping_gross)
    if charge is None:
        cause = f"tax rule {left.source.tax_rule!r} of the shipping charge is not active in Cin7"
        step = f"name a successor for {left.source.tax_rule!r} in the shop's settings, or activate the rule in Cin7"
        return Trouble(ConcernType.TAX_RULE_UNKNOWN, cause, step, units=frozenset(work.notes[number].units))
    _charge(work, number, (charge,), "shipping", "")
    return None


def _put_adjustment(work: _Work, reading: Reading, named: frozenset[str]) -> Trouble | None:
    if not reading.adjustment:
        return None
    return _put(work, work.note_of(named), "adjustments", reading.adjustment, reading.rest, reading.adjustment)


def _put(work: _Work, number: int, table: str, name: str, gross: Decimal, kind: str) -> Trouble | None:
    matter, note = work.matter, work.notes[number]
    amount = matter.money(gross).quantized().amount
    charges = mapped_charges(matter, table, name, amount, note.lines)
    if isinstance(charges, Unchargeable):
        if matter.waived(ConcernType.FEE_UNMAPPED):
            work.remarks.append(f"{charges.cause}; posted without it, as a person decided")
            return None
        return Trouble(ConcernType.FEE_UNMAPPED, charges.cause, charges.next_step, units=frozenset(note.units))
    if gross < 0 and not matter.terms.negative_charges:
        _withhold(work, number, charges, kind)
        return None
    _charge(work, number, charges, kind, "")
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
            step = "compare the tax of the invoice in Cin7; waive this to post the invoice's shares"
            return Trouble(ConcernType.TAX_VARIANCE, cause, step, units=frozenset(note.units))
        if abs(found.tax - note.tax).amount >= work.matter.coin:
            work.remarks.append(f"tax is rounded over the document: {found.tax} instead of {note.tax}")
        work.notes[number] = found
    return None


def _too_little(work: _Work) -> Trouble | None:
    for note in work.notes:
        left = note.gross - (note.fees_withheld or _zero(work))
        if left.amount < 0:
            cause = f"the fees are {abs(left)} more than the credit of their items"
            step = "correct the fees in ReturnGO; a note below zero is never posted"
            return Trouble(ConcernType.AMOUNT_MISMATCH, cause, step, units=frozenset(note.units))
    return None
