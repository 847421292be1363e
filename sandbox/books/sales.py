"""The sale and the documents inside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from sandbox.books.numbers import ZERO
from sandbox.books.stock import Piece

LIVE_NOTES = ("DRAFT", "AUTHORISED")


@dataclass
class Line:
    """A line or a charge; `total` is what the tenant shows as Total, `tax` what it took as given."""

    product_id: str
    sku: str
    name: str
    quantity: Decimal
    price: Decimal
    tax_rule: str
    discount: Decimal = ZERO
    tax: Decimal = ZERO
    total: Decimal = ZERO
    amount: Decimal = ZERO
    account: str | None = None
    comment: str | None = None
    drop_ship: bool = False
    backorder: Decimal = ZERO
    batch: str | None = None


@dataclass
class PickedLine:
    """Units that left the shelf for this sale, and how many of them came back."""

    piece: Piece
    sku: str
    returned: Decimal = ZERO


@dataclass
class Fulfilment:
    """Pick, pack and ship in one; stock leaves when it ships."""

    task_id: str
    number: int
    invoice_number: str | None
    day: date
    shipped: bool = False
    picked: list[PickedLine] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)


@dataclass
class Invoice:
    """An invoice; `rate` is base units per customer unit."""

    task_id: str
    number: str
    status: str
    day: date
    rate: Decimal
    lines: list[Line] = field(default_factory=list)
    charges: list[Line] = field(default_factory=list)


@dataclass
class RestockLine:
    """Goods coming back; `pieces` is filled when the restock is posted."""

    product_id: str
    sku: str
    quantity: Decimal
    from_place: str
    to_place: str
    batch: str | None = None
    expiry: date | None = None
    day: date | None = None
    pieces: list[Piece] = field(default_factory=list)


@dataclass
class CreditNote:
    """A credit note task of a sale."""

    task_id: str
    number: str
    status: str
    invoice_number: str
    day: date
    rate: Decimal
    memo: str = ""
    lines: list[Line] = field(default_factory=list)
    charges: list[Line] = field(default_factory=list)
    restock: list[RestockLine] = field(default_factory=list)
    restock_status: str = "NOT AVAILABLE"
    origin: str = "api"
    created: datetime | None = None


@dataclass
class Payment:
    """Money in (PAYMENT) or out (REFUND) in customer currency."""

    id: str
    task_id: str
    kind: str
    amount: Decimal
    day: date
    account: str
    rate: Decimal
    reference: str = ""
    created: datetime | None = None
    credit_id: str | None = None


@dataclass
class Sale:
    """A sale: header, order, fulfilments, invoices, credit notes and payments."""

    id: str
    number: str
    kind: str
    customer_id: str
    customer: str
    currency: str
    rate: Decimal
    tax_inclusive: bool
    day: date
    location_id: str
    updated: datetime
    created: datetime
    reference: str = ""
    external_id: str | None = None
    channel: str = "Shopify"
    note: str = ""
    memo: str = ""
    order_status: str = "NOT AVAILABLE"
    voided: bool = False
    lines: list[Line] = field(default_factory=list)
    charges: list[Line] = field(default_factory=list)
    fulfilments: list[Fulfilment] = field(default_factory=list)
    invoices: list[Invoice] = field(default_factory=list)
    notes: list[CreditNote] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    allocations: dict[str, Decimal] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)

    @property
    def is_advanced(self) -> bool:
        """Advanced sales hold many documents, each with a task of its own."""
        return self.kind == "Advanced Sale"

    def task_ids(self) -> list[str]:
        """Return the tasks of every document of this sale."""
        return [
            *(one.task_id for one in self.invoices),
            *(one.task_id for one in self.notes),
            *(one.task_id for one in self.fulfilments),
        ]

    def invoice_of(self, number: str | None) -> Invoice | None:
        """Return the invoice with this number."""
        return next((one for one in self.invoices if one.number == number), None)

    def note_of(self, task_id: str) -> CreditNote | None:
        """Return the credit note with this task."""
        return next((one for one in self.notes if one.task_id.lower() == task_id.lower()), None)

    def picked(self) -> list[PickedLine]:
        """Return everything that left the shelf for this sale."""
        return [line for task in self.fulfilments if task.shipped for line in task.picked]


def document_totals(lines: list[Line], *, inclusive: bool) -> tuple[Decimal, Decimal, Decimal]:
    """Return total before tax, tax and total of lines and charges together."""
    amount = sum((line.amount for line in lines), ZERO)
    tax = sum((line.tax for line in lines), ZERO)
    return (amount - tax, tax, amount) if inclusive else (amount, tax, amount + tax)
