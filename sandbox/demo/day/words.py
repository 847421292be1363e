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
#: What the portal pays back with.
TO_CARD, TO_STORE_CREDIT, EXCHANGE = "RefundToPaymentMethod", "RefundToStoreCredit", "InstantVariantExchange"
#: Cin7's account of each thing that a day moves beside sales, tax, stock and receivables.
PAID_FROM: Mapping[str, str] = {TO_CARD: "712", TO_STORE_CREDIT: "850"}
FEE_INCOME, SHIPPING_INCOME, WRITE_OFFS = "260", "210", "403"
DAMAGED = "Damaged in transit"
#: The shops of the day, all on one practice company: everything by us at once; Cin7's own channel credits and we adopt;
#: by batches that finance releases.
ALDER, BIRCH, CEDAR = "alder", "birch", "cedar"
SHOPS = (ALDER, BIRCH, CEDAR)
#: Pieces of every SKU that "alder" keeps back from the shop.
BUFFER = 2


def many(count: int, one: str, more: str = "") -> str:
    """A number and its word: 1 piece, 2 pieces."""
    return f"{count} {one if count == 1 else more or one + 's'}"


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
    """A sale made before the day: shipped, and invoiced as `invoice` says. `rate` is base currency per unit; `shipping`
    is the charge on its invoice, at 20 %."""

    order_name: str
    lines: tuple[Sold, ...]
    kind: str = SIMPLE
    tax_inclusive: bool = True
    currency: str = "GBP"
    rate: Decimal = Decimal(1)
    invoice: str = "PAID"
    days_ago: int = 7
    shipping: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Back:
    """`quantity` pieces of line `line` of the sale come back. `portal_sku` is what the portal calls the SKU.

    `fee` is kept on each piece, tax included; `written_off` goods leave stock again; `new_sku` is what the shopper
    takes instead, at the same price.
    """

    line: int
    quantity: int = 1
    reason: str = "Does not fit"
    portal_sku: str = ""
    faulty: bool = False
    overpaid: Decimal = Decimal(0)
    fee: Decimal = Decimal(0)
    written_off: bool = False
    resolution: str = TO_CARD
    new_sku: str = ""


@dataclass(frozen=True, slots=True)
class Manner:
    """How the portal's webhooks of a return travel; with `lost` none arrives, and the return ends at once."""

    payload_form: str = "nested"
    duplicated: bool = False
    reordered: bool = False
    lost: bool = False


@dataclass(frozen=True, slots=True)
class ReturnOfDay:
    """One return and how it must end. `waits_for` is an exception it must show, for good or until the day helps it.

    `order_name` names a sale of the day; `told_order` is what the portal calls it, where that differs. `refunded`: the
    portal pays the shopper during the day; `shipping_back`: with the shipping, and before the goods are here.
    `after_lock`: it comes after the period is locked. `imported_again`: its sale is voided during the day, and the
    shop's channel makes the order anew, paid.
    """

    name: str
    story: str
    order_name: str
    back: tuple[Back, ...]
    ending: Ending = Ending.CREDITED
    waits_for: str = ""
    manner: Manner = field(default_factory=Manner)
    told_order: str = ""
    shop: str = ALDER
    refunded: bool = False
    shipping_back: bool = False
    after_lock: bool = False
    imported_again: bool = False

    @property
    def exchanged(self) -> bool:
        """Whether the shopper takes something else instead."""
        return any(back.new_sku for back in self.back)

    @property
    def ours(self) -> bool:
        """Whether the credit note is made by us, and not by Cin7's own channel."""
        return self.shop != BIRCH

    @property
    def effects(self) -> frozenset[str]:
        """The kinds of effects that must be confirmed in the evening."""
        if self.ending is not Ending.CREDITED:
            return frozenset()
        found = {"credit"}
        # A refund that is out already is not let go any more.
        found |= {"comment"} if self.shop == ALDER and not self.exchanged and not self.shipping_back else set()
        found |= {"write-off"} if any(back.written_off for back in self.back) else set()
        found |= {"refund"} if self.refunded else set()
        found |= {"authorise"} if self.exchanged else set()
        return frozenset(found)


@dataclass(frozen=True, slots=True)
class Until:
    """A step waits for this: the named return is `credited`, shows the exception `concern` (`waiting`) or has an effect
    of the kind `concern` (`done`); the batch of a shop is in the state `concern` (`batch`); every other return is at
    its end (`others`); the lock date is known (`locked`).
    """

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

    @property
    def shops(self) -> tuple[str, ...]:
        """The shops that have returns today; "alder" always has."""
        return tuple(shop for shop in SHOPS if shop == ALDER or any(one.shop == shop for one in self.returns))

    def sale(self, order_name: str) -> SaleOfDay:
        """The sale of this order."""
        return next(sale for sale in self.sales if sale.order_name == order_name)

    @property
    def portal_calls(self) -> int:
        """Calls a day the portal must allow: a real one has 2,000, enough for some 400 returns."""
        return max(2000, 10 * len(self.returns))
