"""One credit note from the units of one invoice: lines, restock, totals, and a last look at what the invoice holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import ROUND_DOWN, Decimal
from itertools import groupby

from consumers.charging import charges_gross, line_gross
from consumers.entitlement import Figures, note_lines
from consumers.findings import seen_of
from consumers.goods_value import cost_of
from consumers.holds import Held
from consumers.line_total_rule import sum_of
from consumers.matter import Matter, Placed, hold
from consumers.placing import line_share
from consumers.posting_day import memo, posting_day
from consumers.remaining import note_name
from consumers.unit_checks import credited_tax_rule
from schemas.actions import PostCreditNote, UnitGoods, business_key
from schemas.concerns import ConcernType
from schemas.merchant import NoteStyle
from schemas.money import FOUR_PLACES
from schemas.sales import ZERO_GUID, CreditNote, DocumentLine, Invoice, StockLine

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
    matter: Matter, group: Sequence[Placed], note: PostCreditNote, notes: Sequence[CreditNote]
) -> list[Held]:
    """Hold everything where the note would lift the credits of its invoice above the invoice, charges included."""
    invoice = group[0].sold.invoice
    sole = len([one for one in matter.sale.invoices if one.creditable]) == 1
    against = [n for n in notes if n.invoice_number == invoice.number or (sole and not n.invoice_number)]
    left = invoice.total.amount - sum_of(taken_by(n, invoice, matter) for n in against)
    # Documents may round their totals to the coin while their lines keep four places.
    slack = matter.coin * (len(against) + 1)
    if note.gross.amount <= left + slack:
        return []
    names = ", ".join(note_name(n) for n in against) or "no note"
    cause = (
        f"invoice {invoice.number} has {matter.money(left)} left to credit, this return needs {note.gross} ({names})"
    )
    step = "find out which of the notes named is wrong, or credit the rest by hand"
    return [hold(one, matter, ConcernType.OVER_CREDIT, cause, step, notes=names) for one in group]


def taken_by(note: CreditNote, invoice: Invoice, matter: Matter) -> Decimal:
    """What a note takes from its invoice, gross: its lines and the invoice's own charges given back.

    Fees kept and goodwill are beside the invoice. A note that shows neither lines nor charges takes its total.
    """
    if not note.lines and not note.charges:
        return note.total.amount
    own = {charge.description.strip().casefold() for charge in invoice.charges}
    back = [charge for charge in note.charges if charge.description.strip().casefold() in own]
    # A lump sum without lines is money given back, whatever its charge is called.
    back = back if note.lines else list(note.charges)
    return sum_of(line_gross(line, matter) for line in note.lines) + charges_gross(back, matter)


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
