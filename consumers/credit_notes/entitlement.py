"""The money engine: which part of an invoice line a number of returned pieces is worth, to the last 0.0001.

A share is taken from what is *left* of the line, never recomputed from a rate, so any split into partial returns adds
up to the line.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from consumers.shared.line_total_rule import HUNDRED, TotalRule, four
from schemas.money import FOUR_PLACES, Money
from schemas.sales import DocumentLine


class NotEnoughLeftError(ValueError):
    """More was asked than the line still holds."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Quantity, extended amount and tax of a line or a part of it, major units of one currency."""

    quantity: Decimal
    extended: Decimal
    tax: Decimal

    def __sub__(self, other: Figures) -> Figures:
        return Figures(self.quantity - other.quantity, self.extended - other.extended, self.tax - other.tax)

    def gross(self, inclusive: bool) -> Decimal:
        """With tax: already inside on tax-inclusive sales."""
        return self.extended if inclusive else self.extended + self.tax

    def net(self, inclusive: bool) -> Decimal:
        """Without tax."""
        return self.extended - self.tax if inclusive else self.extended


def share_of(
    sold: Figures, left: Figures, count: int, coin: Decimal = Decimal("0.01"), tax_rounding: str = ROUND_HALF_UP
) -> Figures:
    """What `count` pieces of the line are worth now; the last pieces take the whole remainder.

    Where others credited more or less than their share, beyond one `coin` a piece, the sold line decides instead.
    Raises NotEnoughLeftError naming the figures if quantity or amount do not suffice.
    """
    if count > left.quantity:
        raise NotEnoughLeftError(f"{count} pieces asked, {left.quantity.normalize():f} left")
    drift = coin * (sold.quantity - left.quantity)
    part = _Part(count, sold.quantity, left.quantity, drift)
    return Figures(
        Decimal(count),
        part.of(sold.extended, left.extended, ROUND_HALF_UP),
        part.of(sold.tax, left.tax, tax_rounding),
    )


@dataclass(frozen=True, slots=True)
class _Part:
    count: int
    sold: Decimal
    left: Decimal
    drift: Decimal

    def of(self, sold: Decimal, left: Decimal, rounding: str) -> Decimal:
        ahead = left - sold * self.left / self.sold
        if ahead < -self.drift - FOUR_PLACES:
            raise NotEnoughLeftError(f"{four(sold * self.count / self.sold)} asked, {left} left")
        if ahead > self.drift + FOUR_PLACES:
            return (sold * self.count / self.sold).quantize(FOUR_PLACES, rounding)
        if self.count == self.left:
            return max(left, Decimal(0))
        return min(
            max((left * self.count / self.left).quantize(FOUR_PLACES, rounding), Decimal(0)), max(left, Decimal(0))
        )


def note_lines(source: DocumentLine, share: Figures, rule: TotalRule) -> tuple[DocumentLine, ...]:
    """The credit note lines that say exactly `share`, in a form whose Total Cin7 accepts.

    The invoice line's own price and discount where they give the share; else net prices without discount, in two lines
    0.0001 apart where one price cannot hit the sum (a percentage of two places cannot reproduce every price).
    """
    if _formula_gives(source, share):
        return (_line(source, share, rule, source.price.amount, source.discount),)
    price = (share.extended / share.quantity).quantize(FOUR_PLACES, ROUND_DOWN)
    dearer = (share.extended - price * share.quantity) / FOUR_PLACES
    if not dearer:
        return (_line(source, share, rule, price, Decimal(0)),)
    cheaper = share.quantity - dearer
    first_tax = (share.tax * cheaper / share.quantity).quantize(FOUR_PLACES, ROUND_DOWN)
    first = Figures(cheaper, price * cheaper, first_tax)
    return (
        _line(source, first, rule, price, Decimal(0)),
        _line(source, share - first, rule, price + FOUR_PLACES, Decimal(0)),
    )


def _formula_gives(source: DocumentLine, share: Figures) -> bool:
    """Whether price and discount give the share without rounding, or with the very rounding of the invoiced line."""
    exact = share.quantity * source.price.amount * (HUNDRED - source.discount) / HUNDRED
    if share.quantity == source.quantity:
        return four(exact) == share.extended
    return exact == share.extended


def _line(source: DocumentLine, part: Figures, rule: TotalRule, price: Decimal, discount: Decimal) -> DocumentLine:
    currency = source.total.currency
    total = part.extended + part.tax if rule is TotalRule.PLUS_TAX else part.extended
    return replace(
        source,
        quantity=part.quantity,
        price=Money(price, currency),
        discount=discount,
        tax=Money(part.tax, currency),
        total=Money(total, currency),
    )
