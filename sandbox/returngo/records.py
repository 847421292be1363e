"""What the practice portal remembers: RMAs with their units, parcels, comments, money movements and exchanges."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from sandbox.returngo.money import Money, Rate
from sandbox.returngo.words import ANY_CARRIER, EXCHANGE, NO_SHIPMENT

_ZERO = Decimal(0)


@dataclass
class Inspection:
    """The warehouse's verdict on one unit; its absence is not a verdict."""

    returned: bool
    restockable: bool
    reason: str
    at: datetime
    by: str


@dataclass
class ExchangeItem:
    """What the shopper wants instead."""

    product_id: str
    variant_id: str
    sku: str
    catalog_price: Money
    effective_price: Money
    quantity: int = 1


@dataclass
class Unit:
    """One physical item on its way back. `line_item_id` repeats when several units of a line return."""

    returned_item_id: str
    line_item_id: str
    sku: str
    product_id: str
    variant_id: str
    product_name: str
    variant_name: str | None
    paid_price: Money
    paid_tax: Money
    tax_included: bool
    reason: str
    extended_reason: str
    resolution: str
    restocking_fee: Decimal = _ZERO
    return_fee: Decimal = _ZERO
    shipment_fee: Decimal = _ZERO
    auto_approved: bool = False
    barcode: str | None = None
    media: bool = False
    shipment_id: str = ""
    inspection: Inspection | None = None
    exchange_items: list[ExchangeItem] = field(default_factory=list)

    @property
    def gross(self) -> Decimal:
        """What was paid with tax, in presentment currency."""
        return self.paid_price.amount if self.tax_included else self.paid_price.amount + self.paid_tax.amount

    @property
    def fees(self) -> Decimal:
        """All three fees of this unit; the portal attaches no currency to them."""
        return self.restocking_fee + self.return_fee + self.shipment_fee

    @property
    def wants_exchange(self) -> bool:
        """Whether the shopper gets goods instead of money."""
        return self.resolution == EXCHANGE


@dataclass
class Shipment:
    """One parcel leg; `outbound` false is shopper to warehouse."""

    shipment_id: str
    rma_id: str
    status: str = "Pending"
    carrier: str = ""
    tracking_number: str = ""
    tracking_url: str = ""
    label_url: str = ""
    service_level: str = "Standard"
    outbound: bool = False


@dataclass
class Comment:
    """A line of the timeline: text for people, yet the only trace of a receipt."""

    kind: str
    triggered_by: str
    html: str
    at: datetime


@dataclass
class RmaEvent:
    """An entry of `events`; only creation and approval ever make one (measured by integrators)."""

    name: str
    at: datetime
    via: str


@dataclass
class ExchangeOrder:
    """A draft order that becomes a real one on release; until then `order_name` is the draft's name."""

    draft_order_id: str
    order_name: str
    kind: str = "Exchange"
    order_id: str = ""


@dataclass
class Transaction:
    """A money movement the portal asked for. Only `Success` is money out."""

    number: int
    rma_id: str
    order_id: str
    shop: str
    kind: str
    amount: Money
    unit_ids: list[str]
    created_at: datetime
    last_updated: datetime
    external_type: str
    external_id: str = ""
    status: str = "Requested"
    processor: str = "Shopify"
    bank: dict[str, str] | None = None
    settles_at: datetime | None = None
    outcome: str = "Success"


@dataclass
class Shopper:
    """Invented personal data; it may appear in shipment addresses and nowhere else."""

    name: str
    email: str
    phone: str
    street: str
    city: str
    postcode: str
    country: str


@dataclass
class Rma:
    """One return request. `last_updated` follows the merchant's decisions, never receipts or refunds."""

    rma_id: str
    shop: str
    order_id: str
    order_name: str
    rate: Rate
    shopper: Shopper
    created_at: datetime
    last_updated: datetime
    status: str = "Pending"
    method_type: str = ANY_CARRIER
    method_name: str = ANY_CARRIER
    auto_refund: str | None = None
    with_shipment: bool = True
    out_of_policy: bool = False
    cancellation_fee: Decimal = _ZERO
    units: list[Unit] = field(default_factory=list)
    shipments: list[Shipment] = field(default_factory=list)
    events: list[RmaEvent] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    exchange_orders: list[ExchangeOrder] = field(default_factory=list)
    exchange_items: list[ExchangeItem] = field(default_factory=list)
    shopify_returns: int = 0
    status_when_closed: str = "Pending"

    @property
    def needs_parcel(self) -> bool:
        """False for returns the shopper need not send."""
        return self.with_shipment and self.method_type != NO_SHIPMENT

    def say(self, at: datetime, html: str, *, kind: str = "system", by: str = "System") -> None:
        """Add a line to the timeline."""
        self.comments.append(Comment(kind, by, html, at))


@dataclass
class Webhook:
    """A registration: one event, one address, one shop."""

    webhook_id: str
    shop: str
    url: str
    event: str

    def wire(self) -> dict[str, object]:
        """As listed; the address comes back in clear, token and all."""
        return {"id": self.webhook_id, "url": self.url, "eventName": self.event}
