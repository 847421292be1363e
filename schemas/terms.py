"""The merchant's decisions for one shop: when to credit, who owns what, where goods go, which accounts to use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal
from enum import StrEnum


class Gate(StrEnum):
    """When a unit may be credited."""

    APPROVED = "approved"
    RECEIVED = "received"
    INSPECTED = "inspected"


class EffectOwner(StrEnum):
    """Who makes an effect: Returnline, Cin7's own Shopify channel (then we adopt), or nobody."""

    RETURNLINE = "returnline"
    NATIVE = "native"
    NOBODY = "nobody"


class NoteStyle(StrEnum):
    """DRAFT, compare, AUTHORISE (three calls a return), or AUTHORISED at once (two calls)."""

    DRAFT_THEN_AUTHORISE = "draft_then_authorise"
    DIRECT = "direct"


class Disposition(StrEnum):
    """What happens to the goods of a unit."""

    RESTOCK = "restock"
    QUARANTINE = "quarantine"
    WRITE_OFF = "write_off"
    KEEP = "keep"
    HOLD = "hold"


class Finding(StrEnum):
    """What is known about a unit's goods when its disposition is chosen."""

    RESTOCKABLE = "restockable"
    NOT_RESTOCKABLE = "not_restockable"
    NOT_RETURNED = "not_returned"
    UNINSPECTED = "uninspected"


class ExchangeReason(StrEnum):
    """Why an exchange is not released; the names under `exchange_timers`."""

    ITEM = "item"
    INSPECTION = "inspection"
    CREDIT = "credit_note"
    PAYMENT = "payment"
    STOCK = "stock"
    RELEASE = "release"
    CIN7 = "cin7"
    ORIGINAL = "original"


@dataclass(frozen=True, slots=True)
class DispositionRule:
    """One line of the map reason × finding → disposition; "*" matches any reason. The first match wins."""

    reason: str
    finding: Finding | None
    disposition: Disposition
    location: str = ""
    account: str = ""


#: What the merchant can map to a charge: fees ReturnGO knows, and the differences a refund can show.
FEE_KINDS = ("restocking", "return", "shipment", "cancellation")
ADJUSTMENT_KINDS = ("goodwill", "short_refund", "bonus", "order_refund", "rounding", "shipping")


@dataclass(frozen=True, slots=True)
class ChargeRule:
    """How one kind of fee, shipping or adjustment is posted: the Service product's name, account and tax rule.

    Tax rule "*" (adjustments only) takes the rates of the credited lines, split pro rata. `once_per_return` is for a
    portal that repeats one fee of the whole return on each of its items.
    """

    description: str
    account: str
    tax_rule: str
    once_per_return: bool = False


class ShippingRefund(StrEnum):
    """When a refund above the goods is read as shipping given back: never, where it is exactly what is left of the
    invoice's shipping, or up to that."""

    NEVER = "never"
    EXACT = "exact"
    UP_TO = "up_to"


class GiftPolicy(StrEnum):
    """A free item stays with the shopper while the item that earned it comes back: a person looks, or it is let go."""

    HOLD = "hold"
    IGNORE = "ignore"


class ExternalIds(StrEnum):
    """What a sale's External ID in Cin7 holds: the shop's order id, which then decides whose sale it is, or something
    that proves nothing."""

    ORDER_ID = "order_id"
    IGNORE = "ignore"


class ConsolidatedSales(StrEnum):
    """A sale that holds several orders: a person credits each share, or what SKU, price and the order's own quantity
    leave no doubt about is credited."""

    ASK = "ask"
    UNIQUE = "unique"


class Posting(StrEnum):
    """Credit notes one by one, or in batches that finance releases."""

    IMMEDIATE = "immediate"
    BATCH = "batch"


class RefundRelease(StrEnum):
    """How ReturnGO is told that goods are credited and restocked."""

    NONE = "none"
    COMMENT = "comment"
    SHIPMENT_RECEIVED = "shipment_received"


@dataclass(frozen=True, slots=True)
class BatchTerms:
    """When a batch closes and who lets it go. Both amounts are in base currency, gross; `auto_release_below` None:
    finance always; `max_amount` None: no limit."""

    cut_off: time = time(18, 0)
    max_count: int = 200
    max_amount: Decimal | None = None
    auto_release_below: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """Everything the merchant decides. Locations are Cin7 names or GUIDs; accounts are Cin7 codes; tolerances are in
    document currency."""

    go_live: date | None = None
    gate: Gate = Gate.RECEIVED
    style: NoteStyle = NoteStyle.DRAFT_THEN_AUTHORISE
    posting: Posting = Posting.IMMEDIATE
    batch: BatchTerms = field(default_factory=BatchTerms)
    credit_note_owner: EffectOwner = EffectOwner.RETURNLINE
    restock_owner: EffectOwner = EffectOwner.RETURNLINE
    write_off_owner: EffectOwner = EffectOwner.RETURNLINE
    refund_owner: EffectOwner = EffectOwner.NOBODY
    refund_release: RefundRelease = RefundRelease.NONE
    dispositions: tuple[DispositionRule, ...] = ()
    sellable_location: str = ""
    quarantine_location: str = ""
    portal_locations: Mapping[str, str] = field(default_factory=dict)
    sellable_locations: tuple[str, ...] = ()
    sku_aliases: Mapping[str, str] = field(default_factory=dict)
    tax_successors: Mapping[str, str] = field(default_factory=dict)
    fees: Mapping[str, ChargeRule] = field(default_factory=dict)
    adjustments: Mapping[str, ChargeRule] = field(default_factory=dict)
    negative_charges: bool = True
    shipping_refunds: ShippingRefund = ShippingRefund.EXACT
    gift_policy: GiftPolicy = GiftPolicy.HOLD
    external_ids: ExternalIds = ExternalIds.ORDER_ID
    consolidated_sales: ConsolidatedSales = ConsolidatedSales.ASK
    refund_accounts: Mapping[str, str] = field(default_factory=dict)
    write_off_account: str = ""
    write_off_approval_above: Decimal | None = None
    amount_tolerance: Decimal = Decimal("0.05")
    return_tolerance: Decimal = Decimal("0.50")
    goodwill_tolerance: Decimal = Decimal("0.00")
    restock_value_tolerance: Decimal = Decimal("0.01")
    check_restock_value: bool = True
    late_arrival_account: str = ""
    release_exchanges: bool = False
    exchange_timers: Mapping[str, int] = field(default_factory=dict)
    availability_target: str = "none"
    availability_buffer: int = 0
    thresholds: Mapping[str, int] = field(default_factory=dict)
    owners: Mapping[str, str] = field(default_factory=dict)
    gap_hours: Mapping[str, int] = field(default_factory=dict)
    gap_owners: Mapping[str, str] = field(default_factory=dict)
    exchange_marker: str = ""

    def let_be(self, coin: Decimal, pieces: int) -> Decimal:
        """The most that may pass unasked over a whole return of so many pieces, never below the smallest `coin`."""
        each = max(self.amount_tolerance, coin)
        return min(each * max(pieces, 1), max(self.return_tolerance, each))

    def let_be_of_prices(self, coin: Decimal, pieces: int, told: int) -> Decimal:
        """The same for the portal's prices beside the invoice: each of the `told` figures is rounded to the coin."""
        return max(self.let_be(coin, pieces), coin * told / 2)
