"""What goods cost when they left, and at which value they came back, by the movements inside the sale.

Base currency throughout. A movement's COGS is negative for goods sold, positive for goods back (seen in live data); it
names no quantity.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from schemas.money import FOUR_PLACES
from schemas.sales import Movement, Sale, StockLine

_NONE = Decimal(0)


@dataclass(frozen=True, slots=True)
class Range:
    """The least and the most that pieces may have cost; one figure where every piece left at the same cost."""

    low: Decimal
    high: Decimal

    def __add__(self, other: Range) -> Range:
        return Range(self.low + other.low, self.high + other.high)

    def off(self, value: Decimal) -> Decimal:
        """How far `value` lies outside; 0 inside."""
        return max(self.low - value, value - self.high, _NONE)


def cost_of(sale: Sale, parts: Iterable[StockLine]) -> Decimal | None:
    """The average original issue cost of these pieces; None where the sale's movements do not tell."""
    whole, known = _NONE, tuple(parts)
    for part in known:
        rows, shipped = _issued(sale, part.product_id), _shipped(sale, part.product_id)
        if not rows or not shipped:
            return None
        whole += sum(rows, _NONE) / shipped * part.quantity
    return whole.quantize(FOUR_PLACES) if known else None


def issued_range(sale: Sale, parts: Sequence[StockLine]) -> Range | None:
    """Between which costs these pieces left; None where the sale's movements do not tell."""
    found = Range(_NONE, _NONE)
    for product_id in sorted({part.product_id for part in parts}):
        count = sum((part.quantity for part in parts if part.product_id == product_id), _NONE)
        rows, shipped = _issued(sale, product_id), _shipped(sale, product_id)
        if not rows or not shipped:
            return None
        found += _between(sorted(rows), shipped, count)
    return found


def came_back(sale: Sale, task_id: str, parts: Sequence[StockLine]) -> Decimal | None:
    """The value at which this note's goods came into stock; None where the sale shows no movement of it."""
    products = {part.product_id for part in parts}
    rows = [m.cogs for m in sale.movements if m.task_id == task_id and m.cogs > 0 and _is(m, products, sale)]
    return sum(rows, _NONE) if rows else None


def _between(rows: list[Decimal], shipped: Decimal, count: Decimal) -> Range:
    """`rows` are the costs of the layers the pieces left in, ascending; how many pieces each held is not told."""
    whole = sum(rows, _NONE)
    if len(rows) == 1 or count >= shipped:
        share = whole * count / shipped
        return Range(share, share)
    if len(rows) == shipped and count == count.to_integral_value():
        return Range(sum(rows[: int(count)], _NONE), sum(rows[-int(count) :], _NONE))
    most = shipped - len(rows) + 1
    return Range(min(rows) / most * count, min(whole, max(rows) * count))


def _issued(sale: Sale, product_id: str) -> list[Decimal]:
    return [-m.cogs for m in sale.movements if m.cogs < 0 and _is(m, {product_id}, sale)]


def _shipped(sale: Sale, product_id: str) -> Decimal:
    picks = (p for f in sale.fulfilments if f.shipped for p in f.picks if p.product_id == product_id)
    return sum((pick.quantity for pick in picks), _NONE)


def _is(movement: Movement, products: set[str], sale: Sale) -> bool:
    """Whether it moved one of these products; a movement that names none counts where the sale shipped only one."""
    if movement.product_id:
        return movement.product_id in products
    return {p.product_id for f in sale.fulfilments for p in f.picks} <= products
