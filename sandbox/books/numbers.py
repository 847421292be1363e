"""Arithmetic the way the practice tenant does it: Decimal, four places, truncating or rounding half up."""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

ZERO = Decimal(0)
HUNDRED = Decimal(100)
FOUR_PLACES = Decimal("0.0001")
TWO_PLACES = Decimal("0.01")
ROUNDINGS = {"truncate": ROUND_DOWN, "half_up": ROUND_HALF_UP}


def four(amount: Decimal, rounding: str = "half_up") -> Decimal:
    """Return `amount` at four decimals, by the tenant's rounding ("truncate" is what a live tenant showed)."""
    return amount.quantize(FOUR_PLACES, ROUNDINGS[rounding])


def row_amount(quantity: Decimal, price: Decimal, discount: Decimal, rounding: str = "half_up") -> Decimal:
    """Return quantity x price less a discount of 0-100 per cent, at four decimals."""
    return four(quantity * price * (HUNDRED - discount) / HUNDRED, rounding)


def tax_of(amount: Decimal, percent: Decimal, *, inclusive: bool, rounding: str) -> Decimal:
    """Return the tax inside (`inclusive`) or on top of `amount`, at four decimals."""
    share = percent / (HUNDRED + percent) if inclusive else percent / HUNDRED
    return four(amount * share, rounding)


def ten(amount: Decimal) -> str:
    """Return a number as error texts print it: ten decimals (measured by integrators)."""
    return f"{amount:.10f}"
