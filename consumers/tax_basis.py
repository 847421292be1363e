"""Tax over the whole document: where the company rounds once per note, the note is expected to say so too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal

from consumers.charging import charge_amount
from consumers.line_total_rule import HUNDRED, extended
from consumers.matter import Matter
from schemas.actions import PostCreditNote
from schemas.concerns import ConcernType
from schemas.sales import Charge, DocumentLine

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
    if abs(apart) > matter.terms.amount_tolerance and not matter.waived(ConcernType.TAX_VARIANCE):
        return apart
    tax = matter.money(wanted)
    if matter.sale.tax_inclusive:
        return replace(note, tax=tax, net=note.gross - tax)
    return replace(note, tax=tax, gross=note.net + tax)
