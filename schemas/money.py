"""Money: an exact amount of one currency; arithmetic refuses to mix currencies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

_NO_CENTS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THOUSANDTHS = "BHD IQD JOD KWD LYD OMR TND"
#: Decimal places of the smallest unit, where it is not 2 (ISO 4217).
_EXPONENTS = {
    **dict.fromkeys(_NO_CENTS.split(), 0),
    **dict.fromkeys(_THOUSANDTHS.split(), 3),
    "CLF": 4,
    "UYW": 4,
}

#: Cin7 Core keeps prices, taxes and line totals to four places (Cin7 blueprint).
FOUR_PLACES = Decimal("0.0001")


class CurrencyMismatchError(ValueError):
    """Two currencies met in one sum."""


def minor_exponent(currency: str) -> int:
    """Decimal places of the currency's smallest unit: 2 for GBP, 0 for JPY, 3 for KWD."""
    return _EXPONENTS.get(currency, 2)


def coin_of(currency: str) -> Decimal:
    """The smallest unit of the currency, in major units: 0.01 for GBP, 1 for JPY, 0.001 for KWD."""
    return Decimal(1).scaleb(-minor_exponent(currency))


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount in major units of one currency (12.50 GBP is Decimal("12.50"))."""

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        if not isinstance(self.amount, Decimal):
            raise TypeError(f"Money.amount must be a Decimal, not {type(self.amount).__name__}")
        if not self.amount.is_finite():
            raise ValueError("Money.amount must be a finite number")
        if len(self.currency) != 3 or not self.currency.isalpha() or not self.currency.isupper():
            raise ValueError(f"Money.currency must be a three-letter ISO code in capitals, not {self.currency!r}")

    def _same(self, other: Money) -> Decimal:
        if other.currency != self.currency:
            raise CurrencyMismatchError(f"{self.currency} and {other.currency} cannot be added or compared")
        return other.amount

    def __add__(self, other: Money) -> Money:
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount - self._same(other), self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount, self.currency)

    def __abs__(self) -> Money:
        return Money(abs(self.amount), self.currency)

    def __mul__(self, factor: Decimal | int) -> Money:
        return Money(self.amount * factor, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.amount < self._same(other)

    def __le__(self, other: Money) -> bool:
        return self.amount <= self._same(other)

    def __gt__(self, other: Money) -> bool:
        return self.amount > self._same(other)

    def __ge__(self, other: Money) -> bool:
        return self.amount >= self._same(other)

    def __bool__(self) -> bool:
        return self.amount != 0

    def __str__(self) -> str:
        return f"{self.to_minor().amount:,.{minor_exponent(self.currency)}f} {self.currency}"

    def quantized(self, places: Decimal = FOUR_PLACES, rounding: str = ROUND_HALF_UP) -> Money:
        """The same amount to the given places (four by default, as Cin7 stores lines)."""
        return Money(self.amount.quantize(places, rounding=rounding), self.currency)

    def truncated(self, places: Decimal = FOUR_PLACES) -> Money:
        """The same amount cut, not rounded, to the given places."""
        return self.quantized(places, ROUND_DOWN)

    def to_minor(self) -> Money:
        """Rounded half up to the currency's smallest unit: what can be paid."""
        return self.quantized(coin_of(self.currency))


def zero(currency: str) -> Money:
    """Nothing, in this currency."""
    return Money(Decimal(0), currency)


def total(amounts: Iterable[Money], currency: str) -> Money:
    """The sum of the amounts; zero of `currency` where there are none. Raises CurrencyMismatchError."""
    result = zero(currency)
    for amount in amounts:
        result = result + amount
    return result
