"""A return as ReturnGO tells it: one RMA, its physical units, parcels, refunds and exchanges."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from schemas.money import Money

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
SUCCESS = "Success"


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
    """One movement of money that ReturnGO asked for. Only `Success` is money out. A store-credit code is never kept in
    `reference`."""

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
