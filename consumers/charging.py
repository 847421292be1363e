"""Charge lines of a credit note from the merchant's map: description, account and tax rule, never a default."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from consumers.line_total_rule import HUNDRED, TotalRule, extended, four, sum_of
from consumers.matter import Matter
from consumers.unit_checks import active_tax_rule
from schemas.money import FOUR_PLACES
from schemas.sales import Charge, DocumentLine

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
