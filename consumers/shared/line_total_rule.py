"""What a line `Total` means for this company, learned from the lines it already has.

Cin7 checks every line's Total, but sources disagree on whether it holds the tax on tax-exclusive sales. The sale's own
invoice answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from enum import StrEnum

from schemas.money import FOUR_PLACES, minor_exponent
from schemas.sales import DocumentLine, Sale, TaxRule

HUNDRED = Decimal(100)


class TotalRule(StrEnum):
    """PLAIN: Total = quantity × price × (1 − discount). PLUS_TAX: the same with the line's tax on top."""

    PLAIN = "plain"
    PLUS_TAX = "plus_tax"


@dataclass(frozen=True, slots=True)
class TotalConflict:
    """A line whose Total fits no rule, or another rule than the line before; both expected figures, major units."""

    line: DocumentLine
    plain: Decimal
    plus_tax: Decimal


def four(amount: Decimal) -> Decimal:
    """Rounded half up to the four places Cin7 keeps."""
    return amount.quantize(FOUR_PLACES, ROUND_HALF_UP)


def formula(quantity: Decimal | int, price: Decimal, discount: Decimal) -> Decimal:
    """Quantity × price less the percentage, to four places: what Cin7 expects before any tax."""
    return four(quantity * price * (HUNDRED - discount) / HUNDRED)


def extended(line: DocumentLine, rule: TotalRule) -> Decimal:
    """The line's amount without the tax that PLUS_TAX adds; on tax-inclusive sales the tax stays inside."""
    return four(line.total.amount - line.tax.amount if rule is TotalRule.PLUS_TAX else line.total.amount)


def shown(sale: Sale) -> TotalRule | None:
    """The rule this sale proves by itself, for the company's other sales to use; None where it proves nothing."""
    rules = {learn(sale, known) for known in ("", TotalRule.PLUS_TAX)}
    found = rules.pop() if len(rules) == 1 else None
    return found if isinstance(found, TotalRule) and not sale.tax_inclusive and _taxed(sale) else None


def learn(sale: Sale, known: str = "") -> TotalRule | TotalConflict:
    """The rule that every taxed invoice line of the sale obeys.

    Lines without tax fit both; a sale without taxed lines takes `known` (learned from the company's other sales), or
    PLAIN.
    """
    voted: TotalRule | None = None
    for line in _taxed(sale):
        fits = _fits(line, sale.tax_inclusive)
        if not fits or (voted is not None and voted not in fits):
            plain = formula(line.quantity, line.price.amount, line.discount)
            return TotalConflict(line, plain, plain + line.tax.amount)
        voted = voted or (next(iter(fits)) if len(fits) == 1 else None)
    if voted is not None:
        return voted
    return TotalRule.PLUS_TAX if known == TotalRule.PLUS_TAX and not sale.tax_inclusive else TotalRule.PLAIN


def _fits(line: DocumentLine, inclusive: bool) -> frozenset[TotalRule]:
    expected = {TotalRule.PLAIN: formula(line.quantity, line.price.amount, line.discount)}
    if not inclusive:
        expected[TotalRule.PLUS_TAX] = expected[TotalRule.PLAIN] + four(line.tax.amount)
    total = four(line.total.amount)
    exact = frozenset(rule for rule, figure in expected.items() if figure == total)
    # Imported invoices may carry a unit price rounded to the smallest coin: at most half a coin a piece.
    slack = abs(line.quantity) * Decimal(5).scaleb(-minor_exponent(line.total.currency) - 1)
    return exact or frozenset(rule for rule, figure in expected.items() if abs(figure - total) <= slack)


def tax_rounding(sale: Sale, rules: Mapping[str, TaxRule | None], rule: TotalRule) -> str:
    """ROUND_DOWN where this company's tax is visibly cut at four places, else ROUND_HALF_UP."""
    cut = any(_is_cut(line, rules, rule, sale.tax_inclusive) for line in _taxed(sale))
    return ROUND_DOWN if cut else ROUND_HALF_UP


def _taxed(sale: Sale) -> list[DocumentLine]:
    """Only authorised documents are evidence: nobody has checked the totals of a draft yet."""
    authorised = (invoice for invoice in sale.invoices if invoice.creditable)
    return [line for invoice in authorised for line in invoice.lines if line.tax.amount > 0]


def _is_cut(line: DocumentLine, rules: Mapping[str, TaxRule | None], rule: TotalRule, inclusive: bool) -> bool:
    tax_rule = rules.get(line.tax_rule)
    if tax_rule is None:
        return False
    base = HUNDRED + tax_rule.percent if inclusive else HUNDRED
    exact = extended(line, rule) * tax_rule.percent / base
    return line.tax.amount == exact.quantize(FOUR_PLACES, ROUND_DOWN) != four(exact)


def evidence(conflict: TotalConflict) -> dict[str, str]:
    """Both figures of a conflict, for the exception's details."""
    return {
        "sku": conflict.line.sku,
        "total_on_invoice": str(conflict.line.total.amount),
        "expected_without_tax": str(conflict.plain),
        "expected_with_tax": str(conflict.plus_tax),
    }


def sum_of(amounts: Iterable[Decimal]) -> Decimal:
    """The exact sum of amounts of one currency."""
    return sum(amounts, Decimal(0))
