"""Money as the portal states it: what the shopper paid and the same in the shop's currency."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

_CENT = Decimal("0.01")


def wire_number(value: Decimal) -> int | float:
    """A JSON number, int when whole: real bodies mix `199` and `25.96`, so readers must cope with both."""
    if value == value.to_integral_value():
        return int(value)
    return float(value)


@dataclass(frozen=True)
class Money:
    """An amount in major units of the presentment currency with its value in the shop's currency."""

    amount: Decimal
    currency: str
    shop_amount: Decimal
    shop_currency: str

    def wire(self) -> dict[str, object]:
        """The four-field object of the API (measured by integrators)."""
        return {
            "amount": wire_number(self.amount),
            "currency": self.currency,
            "shopAmount": wire_number(self.shop_amount),
            "shopCurrency": self.shop_currency,
        }


@dataclass(frozen=True)
class Rate:
    """The two currencies of one RMA; `rate` is shop currency for one unit of presentment currency."""

    currency: str
    shop_currency: str
    rate: Decimal

    def money(self, amount: Decimal) -> Money:
        """The pair of amounts for a presentment amount, the shop side rounded half up to 2 places."""
        shop_amount = (amount * self.rate).quantize(_CENT, ROUND_HALF_UP)
        return Money(amount, self.currency, shop_amount, self.shop_currency)
