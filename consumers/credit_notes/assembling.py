"""One credit note from the units of one invoice: lines, restock, totals, and a last look at what the invoice holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import ROUND_DOWN, Decimal
from itertools import groupby

from consumers.credit_notes.charges import charge_gross, charges_gross, line_gross
from consumers.credit_notes.checks import credited_tax_rule
from consumers.credit_notes.entitlement import Figures, note_lines
from consumers.credit_notes.matter import Matter, Placed, hold
from consumers.credit_notes.placing import line_share
from consumers.credit_notes.remaining import note_name, settling_step
from consumers.shared.findings import seen_of
from consumers.shared.goods_value import cost_of
from consumers.shared.line_total_rule import sum_of
from consumers.shared.posting_day import memo, posting_day
from consumers.shared.waits import Held
from schemas.actions import PostCreditNote, UnitGoods, business_key
from schemas.concerns import ConcernType
from schemas.money import FOUR_PLACES
from schemas.sales import ZERO_GUID, Charge, CreditNote, DocumentLine, Invoice, StockLine
from schemas.terms import NoteStyle

Part = tuple[list[Placed], Figures]


def _parts(matter: Matter, group: Sequence[Placed]) -> list[Part]:
    ordered = sorted(group, key=lambda one: (one.sold.position, one.unit.returned_item_id))
    lines = [list(units) for _, units in groupby(ordered, key=lambda one: one.sold.position)]
    return [(units, line_share(units, matter)) for units in lines]


def _credited(matter: Matter, units: Sequence[Placed], share: Figures) -> tuple[DocumentLine, ...]:
    source = units[0].sold.line
    named = replace(
        source,
        tax_rule=credited_tax_rule(source.tax_rule, matter) or source.tax_rule,
        comment=f"RMA {matter.case.ret.rma_id}",
    )
    return note_lines(named, share, matter.rule)


def assemble(matter: Matter, group: Sequence[Placed], restock: Sequence[StockLine]) -> PostCreditNote:
    """The note that credits these units of one invoice. Its sums are those of its lines, in the sale's currency."""
    parts = _parts(matter, group)
    sale, ret, invoice = matter.sale, matter.case.ret, group[0].sold.invoice
    ids = tuple(sorted(one.unit.returned_item_id for one in group))
    key = business_key(matter.case.shop, ret.rma_id, "credit", ids)
    day = posting_day(matter.tenant, matter.now)
    whole = Figures(
        Decimal(len(ids)),
        sum_of(share.extended for _, share in parts),
        sum_of(share.tax for _, share in parts),
    )
    return PostCreditNote(
        key=key,
        sale_id=sale.sale_id,
        units=ids,
        task_id=sale.sale_id if sale.simple else ZERO_GUID,
        simple=sale.simple,
        invoice_number=invoice.number,
        memo=memo(key, ret, day),
        noted_on=day.noted_on,
        rate=invoice.rate,
        lines=tuple(line for units, share in parts for line in _credited(matter, units, share)),
        charges=(),
        restock=tuple(restock),
        net=matter.money(whole.net(sale.tax_inclusive)),
        tax=matter.money(whole.tax),
        gross=matter.money(whole.gross(sale.tax_inclusive)),
        tax_inclusive=sale.tax_inclusive,
        goods=tuple(sorted(_goods(matter, parts), key=lambda goods: goods.unit)),
        direct=matter.terms.style is NoteStyle.DIRECT,
    )


def above_invoice(
    matter: Matter, group: Sequence[Placed], note: PostCreditNote, notes: Sequence[CreditNote], *, final: bool
) -> list[Held]:
    """Hold everything where the note would lift the credits of its invoice above the invoice, charges included.

    Until it is `final` a discount of the invoice may still come off it.
    """
    invoice = group[0].sold.invoice
    against, left = _against(matter, invoice, notes), room(matter, invoice, notes)
    # Documents may round their totals to the coin while their lines keep four places.
    slack = matter.coin * (len(against) + 1)
    discount = Decimal(0) if final else discount_of(matter, invoice)
    if _of_invoice(note.lines, note.charges, invoice, matter) <= left + slack - discount:
        return []
    names = ", ".join(note_name(n) for n in against) or "no note"
    cause = (
        f"invoice {invoice.number} has {matter.money(left)} left to credit, this return needs {note.gross} ({names})"
    )
    named = [note_name(n) for n in against]
    step = settling_step(named, matter.sale, matter.facts.claimed, "credit the rest by hand")
    return [hold(one, matter, ConcernType.OVER_CREDIT, cause, step, notes=names) for one in group]


def discount_of(matter: Matter, invoice: Invoice) -> Decimal:
    """What charges below zero take off the invoice, gross: a figure below zero, or nothing."""
    return sum_of(min(charge_gross(charge, matter), Decimal(0)) for charge in invoice.charges)


def _against(matter: Matter, invoice: Invoice, notes: Sequence[CreditNote]) -> list[CreditNote]:
    sole = len([one for one in matter.sale.invoices if one.creditable]) == 1
    return [n for n in notes if n.invoice_number == invoice.number or (sole and not n.invoice_number)]


def room(matter: Matter, invoice: Invoice, notes: Sequence[CreditNote]) -> Decimal:
    """What the invoice has left to credit beside these notes, gross."""
    return invoice.total.amount - sum_of(taken_by(n, invoice, matter) for n in _against(matter, invoice, notes))


def taken_by(note: CreditNote, invoice: Invoice, matter: Matter) -> Decimal:
    """What a note takes from its invoice, gross: its lines and the invoice's own charges given back.

    Fees kept and goodwill are beside the invoice. A note that shows neither lines nor charges takes its total.
    """
    if not note.lines and not note.charges:
        return note.total.amount
    # A lump sum without lines is money given back, whatever its charge is called.
    if not note.lines:
        return charges_gross(note.charges, matter)
    return _of_invoice(note.lines, note.charges, invoice, matter)


def _of_invoice(lines: Sequence[DocumentLine], charges: Sequence[Charge], invoice: Invoice, matter: Matter) -> Decimal:
    own = {charge.description.strip().casefold() for charge in invoice.charges}
    back = [charge for charge in charges if charge.description.strip().casefold() in own]
    return sum_of(line_gross(line, matter) for line in lines) + charges_gross(back, matter)


def _goods(matter: Matter, parts: Sequence[Part]) -> Iterator[UnitGoods]:
    """What each unit gets; the last one of a line takes the odd 0.0001."""
    for units, share in parts:
        left = share.gross(matter.sale.tax_inclusive)
        each = (left / len(units)).quantize(FOUR_PLACES, ROUND_DOWN)
        for number, one in enumerate(units, start=1):
            gross = left if number == len(units) else each
            left -= gross
            place = one.destination.name if one.destination else ""
            yield UnitGoods(
                one.unit.returned_item_id,
                matter.money(gross),
                one.fate,
                place,
                parts=one.parts,
                cost=cost_of(matter.sale, one.parts),
                seen=seen_of(one.unit),
            )
