"""The words of a day. Money is in major units of the sale's currency; times are seconds after the day begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

VAT_20, VAT_5, ZERO_RATED = "20% (VAT on Income)", "5% (VAT on Income)", "Zero Rated Income"
PERCENT: Mapping[str, Decimal] = {VAT_20: Decimal(20), VAT_5: Decimal(5), ZERO_RATED: Decimal(0)}
SIMPLE, ADVANCED = "Simple Sale", "Advanced Sale"
MAIN, QUARANTINE = "Main Warehouse", "Quarantine"


class Ending(StrEnum):
    """How a return must stand when the day is over."""

    CREDITED = "credited"
    NOTHING = "nothing"
    WAITS = "waits"


@dataclass(frozen=True, slots=True)
class Sold:
    """One line of a sale; `discount` in per cent."""

    sku: str
    quantity: int
    price: Decimal
    tax_rule: str = VAT_20
    discount: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class SaleOfDay:
    """A sale made before the day: shipped, and invoiced as `invoice` says. `rate` is base currency per unit."""

    order_name: str
    lines: tuple[Sold, ...]
    kind: str = SIMPLE
    tax_inclusive: bool = True
    currency: str = "GBP"
    rate: Decimal = Decimal(1)
    invoice: str = "PAID"
    days_ago: int = 7


@dataclass(frozen=True, slots=True)
class Back:
    """`quantity` pieces of line `line` of the sale come back. `portal_sku` is what the portal calls the SKU."""

    line: int
    quantity: int = 1
    reason: str = "Does not fit"
    portal_sku: str = ""
    faulty: bool = False
    overpaid: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Manner:
    """How the portal's webhooks of a return travel."""

    payload_form: str = "nested"
    duplicated: bool = False
    reordered: bool = False


@dataclass(frozen=True, slots=True)
class ReturnOfDay:
    """One return and how it must end. `waits_for` is an exception it must show, for good or until the day helps it.

    `order_name` names a sale of the day; `told_order` is what the portal calls it, where that differs.
    """

    name: str
    story: str
    order_name: str
    back: tuple[Back, ...]
    ending: Ending = Ending.CREDITED
    waits_for: str = ""
    manner: Manner = field(default_factory=Manner)
    told_order: str = ""


@dataclass(frozen=True, slots=True)
class Until:
    """A step waits for this: the named return is `credited`, or shows the exception `waits_for` (`waiting`)."""

    kind: str
    name: str
    concern: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens at `at` seconds: to a return, to a sale, or to the world (a fault, a stray delivery)."""

    at: float
    do: str
    name: str = ""
    body: Mapping[str, Any] = field(default_factory=dict, hash=False)
    until: Until | None = None


@dataclass(frozen=True, slots=True)
class Day:
    """Everything that happens, in order of time, and the seed it was made from."""

    seed: int
    span: float
    sales: tuple[SaleOfDay, ...]
    returns: tuple[ReturnOfDay, ...]
    steps: tuple[Step, ...]

    def sale(self, order_name: str) -> SaleOfDay:
        """The sale of this order."""
        return next(sale for sale in self.sales if sale.order_name == order_name)

    @property
    def portal_calls(self) -> int:
        """Calls a day the portal must allow: a real one has 2,000, enough for some 400 returns."""
        return max(2000, 10 * len(self.returns))
