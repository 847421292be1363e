"""A sale as Cin7 Core keeps it: invoices, what was picked, and the credit notes inside it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from schemas.money import Money
from schemas.words import Words

SIMPLE, ADVANCED, SERVICE = "Simple Sale", "Advanced Sale", "Service Sale"
AUTHORISED, PAID, DRAFT, VOIDED, NOT_AVAILABLE = "AUTHORISED", "PAID", "DRAFT", "VOIDED", "NOT AVAILABLE"
REFUND = "REFUND"
#: What an order may be while it can still be changed and authorised.
ORDER_DRAFTS = frozenset({DRAFT, NOT_AVAILABLE, ""})
ZERO_GUID = "00000000-0000-0000-0000-000000000000"

# Source of the lists: Cin7 blueprint. The American spelling is taken too: Cin7 writes it in other places.
_ALSO = {"AUTHORIZED": AUTHORISED}
SALE_TYPES = Words(
    *(SIMPLE, ADVANCED, SERVICE, "Sale Credit Note", "Credit Note"),
    also={"Simple": SIMPLE, "Advanced": ADVANCED, "Service": SERVICE},
)
SALE_STATUSES = Words(
    *(DRAFT, VOIDED, "ESTIMATING", "ESTIMATED", "ORDERING", "ORDERED", "BACKORDERED", "PICKING", "PICKED"),
    *("PACKING", "PACKED", "SHIPPING", "INVOICING", "INVOICED", "CREDITED", "COMPLETED"),
)
ORDER_STATUSES = Words(NOT_AVAILABLE, DRAFT, AUTHORISED, VOIDED, "AUTH_NO_ALLOC", "FULFILLED", "CLOSED", also=_ALSO)
INVOICE_STATUSES = Words(NOT_AVAILABLE, DRAFT, AUTHORISED, VOIDED, PAID, also=_ALSO)
NOTE_STATUSES = Words(NOT_AVAILABLE, DRAFT, AUTHORISED, VOIDED, also=_ALSO)
#: Not published as a list; the first two are seen, the others are what every document of Cin7 may be.
RESTOCK_STATUSES = NOTE_STATUSES
#: Its own words, and those that its pick, pack and ship may have.
FULFILMENT_STATUSES = Words(
    *(NOT_AVAILABLE, "NOT FULFILLED", "FULFILLED", "PARTIALLY FULFILLED", DRAFT, AUTHORISED, VOIDED), also=_ALSO
)
SHIP_STATUSES = Words(NOT_AVAILABLE, DRAFT, "PARTIALLY AUTHORISED", AUTHORISED, VOIDED, also=_ALSO)
STOCK_STATUSES = Words(
    *(NOT_AVAILABLE, DRAFT, AUTHORISED, "COMPLETED", VOIDED, "ORDERED", "PICKED", "IN TRANSIT"), also=_ALSO
)
PAYMENT_KINDS = Words("PREPAYMENT", "PAYMENT", REFUND)
ACCOUNT_STATUSES = Words("ACTIVE", "DEPRECATED")
PRODUCT_KINDS = Words("Stock", "Service", "Non Inventory")


def restock_open(status: str) -> bool:
    """Whether a note's restock is still to be posted. A word nobody knows does not say that the goods are in stock."""
    return status == DRAFT or not RESTOCK_STATUSES.knows(status)


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """A line of an order, invoice or credit note. Amounts are for the whole line; `discount` is a percentage 0-100."""

    product_id: str
    sku: str
    name: str
    quantity: Decimal
    price: Money
    discount: Decimal
    tax: Money
    total: Money
    tax_rule: str
    account: str = ""
    comment: str = ""
    average_cost: Decimal = Decimal(0)
    drop_ship: bool = False
    back_ordered: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Charge:
    """An additional charge such as shipping. `description` is the name of a Service product (Cin7 blueprint)."""

    description: str
    quantity: Decimal
    price: Money
    discount: Decimal
    tax: Money
    total: Money
    tax_rule: str
    account: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class StockLine:
    """A picked or restocked line. `location_id` is where it was picked; the restock fields, where it came back to."""

    product_id: str
    sku: str
    name: str
    quantity: Decimal
    location_id: str
    location: str = ""
    batch: str = ""
    expiry: date | None = None
    restock_location_id: str = ""
    restock_location: str = ""
    non_inventory: bool = False


@dataclass(frozen=True, slots=True)
class Payment:
    """Money recorded against an invoice or credit note."""

    payment_id: str
    kind: str
    reference: str
    amount: Money
    paid_on: date | None
    account: str
    rate: Decimal = Decimal(1)
    task_id: str = ""


@dataclass(frozen=True, slots=True)
class Invoice:
    """One invoice document of a sale; `rate` is base units for one unit of the customer's currency."""

    task_id: str
    number: str
    status: str
    invoiced_on: date | None
    rate: Decimal
    lines: tuple[DocumentLine, ...]
    charges: tuple[Charge, ...]
    total_before_tax: Money
    tax: Money
    total: Money
    fulfilment: int | None = None

    @property
    def creditable(self) -> bool:
        """Cin7 takes a credit note only against an AUTHORISED or PAID invoice document (Cin7 blueprint)."""
        return self.status in {AUTHORISED, PAID}


@dataclass(frozen=True, slots=True)
class CreditNote:
    """One credit note of a sale."""

    task_id: str
    number: str
    invoice_number: str
    memo: str
    status: str
    noted_on: date | None
    rate: Decimal
    lines: tuple[DocumentLine, ...]
    charges: tuple[Charge, ...]
    restock: tuple[StockLine, ...]
    total_before_tax: Money
    tax: Money
    total: Money
    restock_status: str = ""
    refunds: tuple[Payment, ...] = ()

    @property
    def real(self) -> bool:
        """False for the NOT AVAILABLE placeholder that every uncredited simple sale carries (seen in live data)."""
        return bool(self.number) or self.status in {DRAFT, AUTHORISED, VOIDED}

    @property
    def counts(self) -> bool:
        """Whether it takes away from what may still be credited: drafts count, voided notes do not."""
        return self.real and self.status != VOIDED


@dataclass(frozen=True, slots=True)
class Fulfilment:
    """One shipment of a sale: what was picked from where."""

    task_id: str
    number: int | None
    invoice_number: str
    status: str
    picks: tuple[StockLine, ...]
    shipped: bool
    ship_status: str = ""


@dataclass(frozen=True, slots=True)
class Movement:
    """The cost of what one task moved; negative for goods sold, positive for goods back (seen in live data)."""

    task_id: str
    product_id: str
    cogs: Decimal
    moved_on: date | None = None


@dataclass(frozen=True, slots=True)
class Sale:
    """One sale with everything a return needs."""

    sale_id: str
    kind: str
    order_number: str
    customer_reference: str
    external_id: str
    status: str
    order_status: str
    currency: str
    base_currency: str
    rate: Decimal
    tax_inclusive: bool
    tax_rule: str
    location: str
    source_channel: str
    order_lines: tuple[DocumentLine, ...]
    order_charges: tuple[Charge, ...]
    order_total: Money
    fulfilments: tuple[Fulfilment, ...]
    invoices: tuple[Invoice, ...]
    credit_notes: tuple[CreditNote, ...]
    movements: tuple[Movement, ...] = ()
    ordered_on: date | None = None
    modified_at: datetime | None = None
    order_memo: str = ""

    @property
    def simple(self) -> bool:
        """Simple and service sales hold one invoice and one credit note, all under TaskID = SaleID."""
        return self.kind in {SIMPLE, SERVICE}

    @property
    def voided(self) -> bool:
        """Whether the whole sale was voided."""
        return self.status == VOIDED

    def unknown_words(self) -> tuple[str, ...]:
        """What Cin7 says of the sale and its documents in words we do not know, as a person can read it."""
        said = [
            ("its type", self.kind, SALE_TYPES),
            ("its status", self.status, SALE_STATUSES),
            ("its order", self.order_status, ORDER_STATUSES),
            *((f"invoice {i.number or i.task_id}", i.status, INVOICE_STATUSES) for i in self.invoices),
            *((f"credit note {n.number or n.task_id}", n.status, NOTE_STATUSES) for n in self.credit_notes),
            *((f"fulfilment {f.number or f.task_id}", f.status, FULFILMENT_STATUSES) for f in self.fulfilments),
            *((f"shipping {f.number or f.task_id}", f.ship_status, SHIP_STATUSES) for f in self.fulfilments),
        ]
        return tuple(f"{what} is {word!r}" for what, word, words in said if not words.knows(word))

    def notes(self) -> tuple[CreditNote, ...]:
        """The credit notes that take away from what may still be credited."""
        return tuple(note for note in self.credit_notes if note.counts)


@dataclass(frozen=True, slots=True)
class SaleRow:
    """One row of the sale list: enough to find a sale, not to credit it."""

    sale_id: str
    order_number: str
    customer_reference: str
    external_id: str
    invoice_number: str
    credit_note_number: str
    kind: str
    status: str
    order_status: str
    invoice_status: str
    credit_note_status: str
    restock_status: str
    source_channel: str
    currency: str
    updated: datetime | None
    invoice_amount: Decimal = Decimal(0)
    invoices_total: Decimal = Decimal(0)
    ordered_on: date | None = None


@dataclass(frozen=True, slots=True)
class AvailabilityRow:
    """Stock of one SKU at one location, bin and batch. `stock_value` is money (base currency), not a count."""

    product_id: str
    sku: str
    location: str
    bin: str
    batch: str
    on_hand: Decimal
    allocated: Decimal
    available: Decimal
    stock_value: Decimal
    expiry: date | None = None


@dataclass(frozen=True, slots=True)
class Location:
    """A Cin7 location or bin. Bins are addressed by GUID only."""

    location_id: str
    name: str
    deprecated: bool = False
    staging: bool = False
    fixed_assets: bool = False
    parent_id: str = ""


@dataclass(frozen=True, slots=True)
class TaxRule:
    """A tax rule; documents refer to it by name. `percent` is 0-100."""

    name: str
    percent: Decimal
    active: bool
    for_sale: bool
    tax_inclusive: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the chart."""

    code: str
    name: str
    kind: str
    active: bool
    for_payments: bool


@dataclass(frozen=True, slots=True)
class Tenant:
    """What `/me` says about the Cin7 company."""

    company: str
    currency: str
    time_zone: str
    lock_date: date | None
    tax_calculation: str
    automatic_discounts: bool = False
