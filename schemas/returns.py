"""A return as ReturnGO tells it: one RMA, its physical units, parcels, refunds and exchanges."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from schemas.money import Money
from schemas.words import Words, plain

PENDING, APPROVED, RECEIVED, VALIDATED, DONE = "Pending", "Approved", "Received", "Validated", "Done"
REJECTED, CANCELED = "Rejected", "Canceled"

#: Every RMA status ReturnGO lists; anything else is a new word that a person must see first.
KNOWN_STATUSES = frozenset({PENDING, APPROVED, RECEIVED, VALIDATED, DONE, REJECTED, CANCELED})
#: The statuses in which something may still happen to a return.
OPEN_STATUSES = (PENDING, APPROVED, RECEIVED, VALIDATED)
#: The statuses in which the merchant has said yes.
AGREED_STATUSES = frozenset({APPROVED, RECEIVED, VALIDATED, DONE})
#: The statuses in which the merchant (or shopper) has said no. Neither is final: an RMA can be reopened.
ENDED_STATUSES = frozenset({REJECTED, CANCELED})

NO_SHIPMENT = "No shipment required"
STORE_CREDIT = "RefundToStoreCredit"
REFUND = "RefundToPaymentMethod"
INVOICE_PAYMENT = "InvoicePayment"
REQUESTED, SUCCESS, FAILED = "Requested", "Success", "Failed"
#: Reference kinds that are safe to keep: they name a document and cannot be spent.
REFUND_ID, PAYMENT_ID = "PlatformRefundId", "InvoicePaymentId"
SAFE_REFERENCES = frozenset({REFUND_ID, PAYMENT_ID})

_CANCELLED = {"Cancelled": CANCELED}
RETURN_STATUSES = Words(*KNOWN_STATUSES, also=_CANCELLED)
SHIPMENT_STATUSES = Words("Pending", "LabelCreated", "Shipped", RECEIVED, VALIDATED, CANCELED, also=_CANCELLED)
#: The first three words are measured; the others say plainly that no money moved, or that none has moved yet.
TRANSACTION_STATUSES = Words(
    *(REQUESTED, SUCCESS, FAILED, CANCELED),
    also=_CANCELLED
    | dict.fromkeys(("Void", "Voided"), CANCELED)
    | dict.fromkeys(("Error", "Failure", "Declined"), FAILED)
    | {"Pending": REQUESTED},
)
TRANSACTION_KINDS = Words(REFUND, STORE_CREDIT, INVOICE_PAYMENT, also={"StoreCredit": STORE_CREDIT})
REFERENCE_KINDS = Words(REFUND_ID, PAYMENT_ID, "StoreCreditCode")
RESOLUTIONS = Words(REFUND, STORE_CREDIT, "InstantVariantExchange", also={"StoreCredit": STORE_CREDIT})
RETURN_METHODS = Words(NO_SHIPMENT, "Ship with any carrier")

#: What ReturnGO shows beside refunds and invoices: holds on a card and what is taken from them, by the shopper.
_BY_THE_SHOPPER = ("authori", "capture")
_DISPUTES = ("chargeback", "dispute")


def refund_wanted(resolution: str) -> bool:
    """Whether the resolution is money (or store credit), not goods."""
    return plain(resolution).startswith("refund")


@dataclass(frozen=True, slots=True)
class Inspection:
    """What the warehouse found. Exists only when ReturnGO carries a validation date: an uninspected unit reads like a
    failed one."""

    returned: bool
    restockable: bool
    at: datetime
    not_returned_reason: str = ""
    not_restockable_reason: str = ""
    location: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class ExchangeItem:
    """What the shopper wants instead of a unit."""

    sku: str
    variant_id: str
    quantity: int
    price: Money | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """One physical item. `paid` and `tax` are for this one unit, in the currency the shopper paid; fees likewise.

    `tax` is zero where ReturnGO tells none, and `tax_told` is False.
    """

    returned_item_id: str
    line_item_id: str
    sku: str
    name: str
    paid: Money
    tax: Money
    tax_included: bool
    shop_paid: Money
    reason: str = ""
    resolution: str = ""
    variant_id: str = ""
    shipment_id: str = ""
    method: str = ""
    method_name: str = ""
    restocking_fee: Decimal = Decimal(0)
    return_fee: Decimal = Decimal(0)
    shipment_fee: Decimal = Decimal(0)
    inspection: Inspection | None = None
    exchange_items: tuple[ExchangeItem, ...] = ()
    tax_told: bool = True

    @property
    def gross(self) -> Money:
        """What the shopper paid for it, tax included."""
        return self.paid if self.tax_included else self.paid + self.tax

    @property
    def exchanged(self) -> bool:
        """Whether the shopper wants goods for it: then a transaction holds a difference, not its price."""
        return bool(self.exchange_items) or "exchange" in self.resolution.casefold()

    @property
    def needs_shipment(self) -> bool:
        """False for returns where the shopper keeps the goods."""
        return self.method != NO_SHIPMENT


@dataclass(frozen=True, slots=True)
class Shipment:
    """One parcel. `outbound` is the merchant's parcel to the shopper, not the return."""

    shipment_id: str
    status: str
    outbound: bool = False

    @property
    def received(self) -> bool:
        """Whether the parcel is in the warehouse."""
        return not self.outbound and self.status in {RECEIVED, VALIDATED}


@dataclass(frozen=True, slots=True)
class Transaction:
    """One movement of money that ReturnGO asked for. Only `Success` is money out; a status nobody knows is neither out
    nor on its way. A store-credit code is never kept in `reference`."""

    transaction_id: str
    kind: str
    status: str
    amount: Money
    unit_ids: tuple[str, ...] = ()
    reference: str = ""
    reference_kind: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None
    shop_amount: Money | None = None
    processor: str = ""

    @property
    def gives_back(self) -> bool:
        """Whether it is money towards the shopper, by the name of its kind: RefundTo..., or a refund of some sort."""
        kind = plain(self.kind)
        return kind.startswith("refundto") or kind.endswith("refund")

    @property
    def disputed(self) -> bool:
        """Whether it speaks of a chargeback."""
        return any(word in f"{self.kind} {self.reference_kind}".casefold() for word in _DISPUTES)

    @property
    def understood(self) -> bool:
        """Whether its status and kind are known; where no money moved, the kind does not matter."""
        if not TRANSACTION_STATUSES.knows(self.status) or not self.status:
            return False
        by_shopper = any(word in plain(self.kind) for word in _BY_THE_SHOPPER)
        known = self.gives_back or self.disputed or by_shopper or self.kind in TRANSACTION_KINDS
        return known or self.status in {FAILED, CANCELED}


@dataclass(frozen=True, slots=True)
class ExchangeOrder:
    """An exchange (or fee) order. Released only once `order_id` is not empty; `name` is the draft's name until then."""

    draft_order_id: str
    order_id: str
    name: str
    kind: str

    @property
    def released(self) -> bool:
        """Whether the draft has become a real order."""
        return bool(self.order_id)


@dataclass(frozen=True, slots=True)
class Return:
    """One RMA as last read. `lastUpdated` is left out on purpose: it does not follow receipts or refunds (measured by
    integrators)."""

    rma_id: str
    status: str
    order_id: str
    order_name: str
    units: tuple[Unit, ...]
    shipments: tuple[Shipment, ...] = ()
    transactions: tuple[Transaction, ...] = ()
    exchange_orders: tuple[ExchangeOrder, ...] = ()
    exchange_items: tuple[ExchangeItem, ...] = ()
    cancellation_fee: Decimal = Decimal(0)
    created_at: datetime | None = None
    approved_at: datetime | None = None
    received_at: datetime | None = None
    original_order: str = ""
    out_of_policy: bool = False
    extra: dict[str, str] = field(default_factory=dict, compare=False, hash=False)

    def unknown_words(self) -> tuple[str, ...]:
        """What ReturnGO says of the return, its parcels and its money in words we do not know."""
        statuses = [("return", self.status, RETURN_STATUSES)]
        statuses += [("parcel", s.status, SHIPMENT_STATUSES) for s in self.shipments]
        odd = [f"{what} {word}" for what, word, words in statuses if not words.knows(word)]
        return (*odd, *(f"transaction {t.kind} {t.status}" for t in self.transactions if not t.understood))

    def shipment_of(self, unit: Unit) -> Shipment | None:
        """The parcel that carries the unit, or None."""
        return next((s for s in self.shipments if s.shipment_id == unit.shipment_id), None)

    def received(self, unit: Unit) -> bool:
        """Whether the unit's goods are in the warehouse, as far as ReturnGO says."""
        if unit.inspection is not None:
            return unit.inspection.returned
        parcel = self.shipment_of(unit)
        if parcel is not None:
            return parcel.received
        inbound = [s for s in self.shipments if not s.outbound]
        if inbound:
            return all(s.received for s in inbound)
        return unit.needs_shipment and self.status in {RECEIVED, VALIDATED}
