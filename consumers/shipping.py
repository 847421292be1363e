"""Shipping given back: never more than the invoice charged, over every note of every return of the order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from consumers.charging import charge_amount, charge_gross, priced
from consumers.line_total_rule import sum_of
from consumers.matter import Matter
from consumers.unit_checks import credited_tax_rule
from schemas.merchant import ShippingRefund
from schemas.money import FOUR_PLACES
from schemas.sales import Charge, CreditNote, Invoice


@dataclass(frozen=True, slots=True)
class ShippingLeft:
    """What may still be given back of one invoice's charge; `amount` as extended on this sale, `gross` with tax."""

    invoice_number: str
    source: Charge
    amount: Decimal
    tax: Decimal
    gross: Decimal


def shipping_left(matter: Matter, invoices: Iterable[Invoice], notes: Sequence[CreditNote]) -> list[ShippingLeft]:
    """The creditable rest of every charge that counts as shipping, by invoice."""
    if matter.terms.shipping_refunds is ShippingRefund.NEVER or matter.consolidated:
        return []
    only = matter.terms.adjustments.get("shipping")
    found = (
        _left(matter, invoice, charges, notes)
        for invoice in invoices
        for charges in _by_name(invoice.charges, matter)
        if only is None or _same(charges[0], only.description)
    )
    return [left for left in found if left.gross > 0]


def _by_name(charges: Iterable[Charge], matter: Matter) -> list[list[Charge]]:
    named: dict[str, list[Charge]] = {}
    for charge in charges:
        if charge_gross(charge, matter) > 0:
            named.setdefault(charge.description.strip().casefold(), []).append(charge)
    return list(named.values())


def _same(charge: Charge, description: str) -> bool:
    return charge.description.strip().casefold() == description.strip().casefold()


def _left(matter: Matter, invoice: Invoice, charges: Sequence[Charge], notes: Sequence[CreditNote]) -> ShippingLeft:
    sole = len([one for one in matter.sale.invoices if one.creditable]) == 1
    given = [
        back
        for note in notes
        if note.invoice_number == invoice.number or (sole and not note.invoice_number)
        for back in note.charges
        if _same(back, charges[0].description)
    ]
    amount = _sum(charge_amount, charges, matter) - _sum(charge_amount, given, matter)
    tax = sum_of(charge.tax.amount for charge in charges) - sum_of(back.tax.amount for back in given)
    gross = _sum(charge_gross, charges, matter) - _sum(charge_gross, given, matter)
    return ShippingLeft(invoice.number, charges[0], amount, tax, gross)


def _sum(of: Callable[[Charge, Matter], Decimal], charges: Iterable[Charge], matter: Matter) -> Decimal:
    return sum_of(of(charge, matter) for charge in charges)


def given_back(matter: Matter, left: ShippingLeft, gross: Decimal) -> Charge | None:
    """The charge line that gives back `gross` of it, the whole rest to the last 0.0001; None without a usable rule."""
    tax_rule = credited_tax_rule(left.source.tax_rule, matter)
    if tax_rule is None:
        return None
    comment = f"RMA {matter.case.ret.rma_id} shipping"
    source = replace(left.source, tax_rule=tax_rule, comment=comment)
    if gross >= left.gross:
        return priced(matter, source, left.amount, left.tax)
    tax = (left.tax * gross / left.gross).quantize(FOUR_PLACES)
    return priced(matter, source, gross if matter.sale.tax_inclusive else gross - tax, tax)
