"""Charge lines of a credit note from the merchant's map: description, account and tax rule, never a default."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import combinations

from consumers.case import Case
from consumers.credit_notes.checks import active_tax_rule, credited_tax_rule
from consumers.credit_notes.matter import Matter, Placed
from consumers.shared.line_total_rule import HUNDRED, TotalRule, extended, four, sum_of
from consumers.shared.refunds_told import CANCELLATION, fees_of, shop_rate
from schemas.actions import PostCreditNote
from schemas.effects import EffectState
from schemas.money import FOUR_PLACES
from schemas.returns import Unit
from schemas.sales import Charge, CreditNote, DocumentLine, Invoice
from schemas.terms import ChargeRule, ShippingRefund


@dataclass(frozen=True, slots=True)
class Fee:
    """One fee, gross, in the sale's currency. `unit` is "" for a fee of the whole return."""

    kind: str
    unit: str
    amount: Decimal


def fees_due(matter: Matter, units: Sequence[Placed]) -> list[Fee]:
    """The fees of these units, and those of the whole return that no earlier note of it has taken."""
    taken = set(taken_kinds(matter.case))
    fees: list[Fee] = []
    for one in sorted(units, key=lambda p: p.unit.returned_item_id):
        for kind, amount in fees_of(one.unit).items():
            once = _once(matter.terms.fees.get(kind))
            if amount <= 0 or (once and kind in taken):
                continue
            fees.append(_fee(kind, "" if once else one.unit.returned_item_id, amount, [one.unit], matter))
            taken |= {kind} if once else set()
    if matter.case.ret.cancellation_fee > 0 and CANCELLATION not in taken:
        everyone = [one.unit for one in units]
        fees.append(_fee(CANCELLATION, "", matter.case.ret.cancellation_fee, everyone, matter))
    return fees


def _once(rule: ChargeRule | None) -> bool:
    return rule is not None and rule.once_per_return


def _fee(kind: str, unit: str, amount: Decimal, of: Iterable[Unit], matter: Matter) -> Fee:
    # Without a rate of its own the sale's currency is the shopper's: placing has checked the prices against it.
    rate = shop_rate(of, matter.sale.currency) or Decimal(1)
    return Fee(kind, unit, (amount * rate).quantize(FOUR_PLACES))


def taken_kinds(case: Case) -> list[str]:
    """The fee kinds that notes of this return have already dealt with."""
    notes = [e.action for e in case.effects if e.kind == "credit" and e.state != EffectState.WITHDRAWN]
    extras = [extra for note in notes if isinstance(note, PostCreditNote) for extra in note.extras]
    return [extra.kind.removeprefix("fee:") for extra in extras if extra.kind.startswith("fee:")]


def summed_by_kind(fees: Iterable[Fee]) -> dict[str, Decimal]:
    """One amount per kind of fee: each becomes one line of a note."""
    sums: dict[str, Decimal] = {}
    for fee in fees:
        sums[fee.kind] = sums.get(fee.kind, Decimal(0)) + fee.amount
    return sums


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


#: A tax rule that means: the rates of the credited lines, pro rata.
LINES_OWN = "*"


@dataclass(frozen=True, slots=True)
class Unchargeable:
    """Why an amount cannot be posted as a charge, and what to set."""

    cause: str
    next_step: str


def mapped_charges(
    matter: Matter, table: str, name: str, gross: Decimal, lines: Sequence[DocumentLine]
) -> tuple[Charge, ...] | Unchargeable:
    """The charge lines that say `gross` (tax included, negative for money kept) under terms.`table`.`name`.

    `lines` give the rates where an adjustment is posted at the rates of what it belongs to.
    """
    rules = matter.terms.fees if table == "fees" else matter.terms.adjustments
    rule = rules.get(name)
    setting = f"terms.{table}.{name}"
    if rule is None:
        cause = f"{matter.money(abs(gross))} of {name.replace('_', ' ')} has no charge to be posted to"
        return Unchargeable(cause, f"add {setting} with description, account and tax_rule to the shop's settings")
    account = matter.facts.accounts.get(rule.account)
    if account is None or not account.active:
        cause = f"account {rule.account!r} of {setting} is not an active account in Cin7"
        return Unchargeable(cause, f"name an active account in {setting}.account")
    if rule.tax_rule == LINES_OWN and table == "fees":
        return Unchargeable(f"{setting} has no tax rule of its own", f"name one in {setting}.tax_rule")
    parts = _by_rate(lines, gross, matter) if rule.tax_rule == LINES_OWN else [(rule.tax_rule, gross)]
    charges = [_charge(matter, rule.description, rule.account, tax_rule, part, name) for tax_rule, part in parts]
    usable = tuple(charge for charge in charges if charge is not None)
    if len(usable) < len(charges) or not charges:
        named = ", ".join(repr(tax_rule) for tax_rule, _ in parts) or "(no line)"
        return Unchargeable(f"tax rule {named} of {setting} is not active in Cin7", f"mend {setting}.tax_rule")
    return usable


def _by_rate(lines: Sequence[DocumentLine], gross: Decimal, matter: Matter) -> list[tuple[str, Decimal]]:
    weights: dict[str, Decimal] = {}
    for line in lines:
        weights[line.tax_rule] = weights.get(line.tax_rule, Decimal(0)) + line_gross(line, matter)
    whole, left = sum_of(weights.values()), gross
    parts: list[tuple[str, Decimal]] = []
    for number, (name, weight) in enumerate(sorted(weights.items()), start=1):
        share = gross * weight / whole if whole else Decimal(0)
        part = left if number == len(weights) else share.quantize(matter.coin)
        left -= part
        parts.append((name, part))
    return [(name, part) for name, part in parts if part]


def line_gross(line: DocumentLine, matter: Matter) -> Decimal:
    """A line with its tax."""
    plain = extended(line, matter.rule)
    return plain if matter.sale.tax_inclusive else plain + line.tax.amount


def charge_gross(charge: Charge, matter: Matter) -> Decimal:
    """A charge with its tax, under the same rule of totals as the lines."""
    if matter.sale.tax_inclusive or matter.rule is TotalRule.PLUS_TAX:
        return charge.total.amount
    return charge.total.amount + charge.tax.amount


def charge_amount(charge: Charge, matter: Matter) -> Decimal:
    """A charge as extended on this sale: tax inside where the sale is inclusive, else without."""
    if matter.rule is TotalRule.PLUS_TAX and not matter.sale.tax_inclusive:
        return charge.total.amount - charge.tax.amount
    return charge.total.amount


def charges_gross(charges: Iterable[Charge], matter: Matter) -> Decimal:
    """Their sum, with tax."""
    return sum_of(charge_gross(charge, matter) for charge in charges)


def _charge(matter: Matter, description: str, account: str, name: str, gross: Decimal, why: str) -> Charge | None:
    tax_rule = active_tax_rule(name, matter)
    if tax_rule is None:
        return None
    net = (gross * HUNDRED / (HUNDRED + tax_rule.percent)).quantize(FOUR_PLACES)
    nothing = matter.money(Decimal(0))
    comment = f"RMA {matter.case.ret.rma_id} {why.replace('_', ' ')}"
    blank = Charge(
        description, Decimal(1), nothing, Decimal(0), nothing, nothing, tax_rule.name, account=account, comment=comment
    )
    return priced(matter, blank, gross if matter.sale.tax_inclusive else net, gross - net)


def priced(matter: Matter, source: Charge, amount: Decimal, tax: Decimal) -> Charge:
    """One piece of a charge at `amount` (as extended on this sale: tax inside where it is inclusive) and `tax`."""
    adds_tax = matter.rule is TotalRule.PLUS_TAX and not matter.sale.tax_inclusive
    return replace(
        source,
        quantity=Decimal(1),
        price=matter.money(four(amount)),
        discount=Decimal(0),
        tax=matter.money(four(tax)),
        total=matter.money(four(amount + tax if adds_tax else amount)),
    )
