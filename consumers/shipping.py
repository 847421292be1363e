"""Charges given back: never more than the invoice charged, over every note of every return of the order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import combinations

from consumers.charging import charge_amount, charge_gross, priced
from consumers.line_total_rule import sum_of
from consumers.matter import Matter
from consumers.unit_checks import credited_tax_rule
from schemas.merchant import ShippingRefund
from schemas.money import FOUR_PLACES
from schemas.sales import Charge, CreditNote, Invoice

#: Of more charges of one name than this only the whole is offered.
_FEW = 4
#: The key of the merchant's adjustments that names the shipping charge.
SHIPPING = "shipping"


@dataclass(frozen=True, slots=True)
class ChargeLeft:
    """What may still be given back of one invoice's charge; `amount` as extended on this sale, `gross` with tax, below
    zero for a discount.

    `portions` are the gross amounts of it that the invoice shows by themselves, the whole rest first. `named`: the
    settings say that this is the shipping.
    """

    invoice_number: str
    source: Charge
    amount: Decimal
    tax: Decimal
    gross: Decimal
    portions: tuple[Decimal, ...]
    named: bool = False


def charges_left(matter: Matter, invoices: Iterable[Invoice], notes: Sequence[CreditNote]) -> list[ChargeLeft]:
    """The creditable rest of every charge that may count as shipping, by invoice, those that the settings name first.

    None where the merchant forbids it, or where the sale holds several orders: then nobody knows whose charge it is.
    """
    if matter.terms.shipping_refunds is ShippingRefund.NEVER or matter.consolidated:
        return []
    found = [left for left in _by_invoice(matter, invoices, notes) if left.gross > 0]
    return sorted(found, key=lambda left: not left.named)


def discounts_left(
    matter: Matter, invoices: Iterable[Invoice], notes: Sequence[CreditNote], goods: Callable[[str], Decimal]
) -> list[ChargeLeft]:
    """The rest of every charge below zero, with its share of the goods that come back; `goods` tells which part of an
    invoice's goods not credited yet that is."""
    if matter.consolidated:
        return []
    found = [left for left in _by_invoice(matter, invoices, notes) if left.gross < 0]
    shares = [(left, (left.gross * goods(left.invoice_number)).quantize(FOUR_PLACES)) for left in found]
    return [replace(left, portions=tuple(dict.fromkeys((left.gross, share)))) for left, share in shares if share]


def _by_invoice(matter: Matter, invoices: Iterable[Invoice], notes: Sequence[CreditNote]) -> list[ChargeLeft]:
    return [
        _left(matter, invoice, charges, notes) for invoice in invoices for charges in _by_name(invoice.charges, matter)
    ]


def _by_name(charges: Iterable[Charge], matter: Matter) -> list[list[Charge]]:
    named: dict[tuple[str, bool], list[Charge]] = {}
    for charge in charges:
        gross = charge_gross(charge, matter)
        if gross:
            named.setdefault((charge.description.strip().casefold(), gross > 0), []).append(charge)
    return list(named.values())


def _same(charge: Charge, description: str) -> bool:
    return charge.description.strip().casefold() == description.strip().casefold()


def _left(matter: Matter, invoice: Invoice, charges: Sequence[Charge], notes: Sequence[CreditNote]) -> ChargeLeft:
    sole = len([one for one in matter.sale.invoices if one.creditable]) == 1
    below = charge_gross(charges[0], matter) < 0
    given = [
        back
        for note in notes
        if note.invoice_number == invoice.number or (sole and not note.invoice_number)
        for back in note.charges
        if _same(back, charges[0].description) and (charge_gross(back, matter) < 0) == below
    ]
    amount = _sum(charge_amount, charges, matter) - _sum(charge_amount, given, matter)
    tax = sum_of(charge.tax.amount for charge in charges) - sum_of(back.tax.amount for back in given)
    gross = _sum(charge_gross, charges, matter) - _sum(charge_gross, given, matter)
    shipping = matter.terms.adjustments.get(SHIPPING)
    named = shipping is not None and _same(charges[0], shipping.description)
    return ChargeLeft(invoice.number, charges[0], amount, tax, gross, _portions(gross, charges, matter), named)


def _portions(left: Decimal, charges: Sequence[Charge], matter: Matter) -> tuple[Decimal, ...]:
    """The whole rest, and what some of several charges of one name come to."""
    each = [charge_gross(charge, matter) for charge in charges] if len(charges) <= _FEW else []
    some = {sum_of(chosen) for size in range(1, len(each)) for chosen in combinations(each, size)}
    return (left, *sorted(amount for amount in some if amount < left))


def _sum(of: Callable[[Charge, Matter], Decimal], charges: Iterable[Charge], matter: Matter) -> Decimal:
    return sum_of(of(charge, matter) for charge in charges)


def given_back(matter: Matter, left: ChargeLeft, gross: Decimal) -> Charge | None:
    """The charge line that gives back `gross` of it, the whole rest to the last 0.0001; None without a usable rule."""
    tax_rule = credited_tax_rule(left.source.tax_rule, matter)
    if tax_rule is None:
        return None
    what = "shipping" if gross > 0 else "discount"
    source = replace(left.source, tax_rule=tax_rule, comment=f"RMA {matter.case.ret.rma_id} {what}")
    if abs(gross) >= abs(left.gross):
        return priced(matter, source, left.amount, left.tax)
    tax = (left.tax * gross / left.gross).quantize(FOUR_PLACES)
    return priced(matter, source, gross if matter.sale.tax_inclusive else gross - tax, tax)
