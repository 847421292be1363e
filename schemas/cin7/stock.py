"""Cin7 Core's stock as values and as bodies: availability, write-offs, transfers, adjustments, journals. Source: Cin7
blueprint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from schemas.actions import AdjustStock, TransferStock, WriteOffStock
from schemas.cin7.bodies import local_day, marked, merged, place, stock_line
from schemas.json.fields import Day, Guid, Number, Rows, SchemaInvalidError, Shape, Text, Word, load, load_rows
from schemas.misfits import load_list
from schemas.sales import STOCK_STATUSES, AvailabilityRow

#: The list keys of the three stock documents (Cin7 blueprint).
WRITE_OFFS, TRANSFERS, ADJUSTMENTS = "InventoryWriteOffs", "StockTransferList", "StockAdjustmentList"


class _AvailabilityShape(Shape):
    product_id = Guid("ID", required=True)
    sku = Text("SKU", required=True)
    location = Text("Location")
    bin = Text("Bin")
    batch = Text("Batch")
    on_hand = Number("OnHand")
    allocated = Number("Allocated")
    available = Number("Available", required=True)
    stock_value = Number("StockOnHand")
    expiry = Day("ExpiryDate")


#: What the list is called where a row of it is told of.
AVAILABILITY_LIST = "the availability list"


class _AvailabilityListShape(Shape):
    rows = Rows("ProductAvailabilityList", _AvailabilityShape(), required=True)


class _StockDocumentLineShape(Shape):
    product_id = Guid("ProductID")
    sku = Text("SKU")
    product_code = Text("ProductCode")
    quantity = Number("Quantity", None)
    transfer_quantity = Number("TransferQuantity", None)
    adjustment = Number("Adjustment", None)
    before = Number("QuantityOnHand", None)
    location_id = Guid("LocationID")
    batch = Text("BatchSN")


class _StockDocumentShape(Shape):
    task_id = Guid("TaskID", required=True)
    write_off_number = Text("InventoryWriteOffNumber")
    stocktake_number = Text("StocktakeNumber")
    transfer_number = Text("Number")
    status = Word("Status", STOCK_STATUSES)
    notes = Text("Notes")
    reference = Text("Reference")
    account = Text("Account")
    location_id = Guid("LocationID")
    origin = Guid("From")
    destination = Guid("To")
    effective_on = Day("EffectiveDate")
    listed_on = Day("Date")
    completed_on = Day("CompletionDate")
    lines = Rows("Lines", _StockDocumentLineShape())
    existing = Rows("ExistingStockLines", _StockDocumentLineShape())
    new = Rows("NewStockLines", _StockDocumentLineShape())
    cost = Number("TotalCost", None)


class _JournalShape(Shape):
    task_id = Guid("TaskID")
    kind = Text("Type")
    reference = Text("Reference")
    debit = Text("DebitAccountCode")
    credit = Text("CreditAccountCode")
    amount = Number("Amount")
    effective_on = Day("EffectiveDate")


class _JournalListShape(Shape):
    rows = Rows("Transactions", _JournalShape(), required=True)


_AVAILABILITY, _AVAILABILITY_LIST = _AvailabilityShape(), _AvailabilityListShape()
_DOCUMENT, _JOURNAL_LIST = _StockDocumentShape(), _JournalListShape()


@dataclass(frozen=True, slots=True)
class StockDocumentLine:
    """A line of a stock document. `quantity` is a delta; in an adjustment it is the new absolute figure, and `before`
    the one it replaced."""

    product_id: str
    sku: str
    quantity: Decimal
    location_id: str
    batch: str
    before: Decimal | None = None


@dataclass(frozen=True, slots=True)
class StockDocument:
    """A write-off, transfer or adjustment; `reference` is its Notes or Reference, where our marker is; `cost` what a
    write-off removed, in base currency."""

    task_id: str
    number: str
    status: str
    reference: str
    account: str = ""
    from_location_id: str = ""
    to_location_id: str = ""
    effective_on: date | None = None
    lines: tuple[StockDocumentLine, ...] = ()
    cost: Decimal | None = None


@dataclass(frozen=True, slots=True)
class JournalLine:
    """One journal line in base currency; debit and credit are account codes (Cin7 blueprint)."""

    task_id: str
    kind: str
    reference: str
    debit: str
    credit: str
    amount: Decimal
    effective_on: date | None


def write_off_body(action: WriteOffStock, status: str = "COMPLETED") -> dict[str, Any]:
    """A write-off: quantities to remove (deltas), under ProductCode where other documents say SKU."""
    return {
        "Status": status,
        **place("LocationID", "Location", action.location_id),
        "Account": action.account,
        "EffectiveDate": local_day(action.effective_on),
        "Notes": marked(action.notes, action.marker),
        "Lines": [
            stock_line(line) | {"ProductCode": line.sku, "Quantity": line.quantity} for line in merged(action.lines)
        ],
    }


def transfer_body(action: TransferStock, status: str = "COMPLETED") -> dict[str, Any]:
    """A transfer of quantities (deltas); bins only by GUID, and one line for each SKU (twice is refused)."""
    return {
        "Status": status,
        **place("From", "FromLocation", action.from_location_id),
        **place("To", "ToLocation", action.to_location_id),
        "CostDistributionType": "Cost",
        "DepartureDate": local_day(action.completed_on),
        "CompletionDate": local_day(action.completed_on),
        "Reference": marked(action.reference, action.marker),
        "SkipOrder": True,
        "Lines": [
            stock_line(line) | {"SKU": line.sku, "TransferQuantity": line.quantity} for line in merged(action.lines)
        ],
    }


def adjustment_body(action: AdjustStock, on_hand: Decimal, status: str = "COMPLETED") -> dict[str, Any]:
    """A stock adjustment: `on_hand` is the figure just read, the body says the new absolute one."""
    body: dict[str, Any] = {
        "EffectiveDate": local_day(action.effective_on),
        "Status": status,
        "Reference": marked(action.reference, action.marker),
        "UpdateOnHand": True,
        "Lines": [
            stock_line(action.line)
            | {"SKU": action.line.sku, "Quantity": on_hand + action.line.quantity, "UnitCost": action.unit_cost}
            | place("LocationID", "Location", action.location_id)
        ],
    }
    return body | ({"Account": action.account} if action.account else {})


def read_availability(data: Any) -> tuple[AvailabilityRow, ...]:
    """Availability rows, from a page or from a bare list (as the webhook sends them). Raises SchemaInvalidError."""
    if isinstance(data, list):
        rows = load_rows(_AVAILABILITY, data, "the availability rows")
    else:
        rows = load_list(_AVAILABILITY_LIST, data, AVAILABILITY_LIST, "ProductAvailabilityList")["rows"]
    return tuple(AvailabilityRow(**row) for row in rows)


def read_stock_document(data: Mapping[str, Any]) -> StockDocument:
    """One write-off, transfer or adjustment in full. Raises SchemaInvalidError."""
    return _document(load(_DOCUMENT, data, "the stock document"))


def read_stock_documents(data: Mapping[str, Any], key: str) -> tuple[StockDocument, ...]:
    """The headers of one page under `key` (WRITE_OFFS, TRANSFERS or ADJUSTMENTS). Raises SchemaInvalidError."""
    if key not in data:
        raise SchemaInvalidError({key: "missing; send a list of objects"})
    return tuple(_document(row) for row in load_rows(_DOCUMENT, data[key] or [], key))


def read_journal(data: Mapping[str, Any]) -> tuple[JournalLine, ...]:
    """One page of journal lines. Raises SchemaInvalidError."""
    return tuple(JournalLine(**row) for row in load(_JOURNAL_LIST, data, "the journal")["rows"])


def _document(raw: dict[str, Any]) -> StockDocument:
    return StockDocument(
        task_id=raw["task_id"],
        number=raw["write_off_number"] or raw["stocktake_number"] or raw["transfer_number"],
        status=raw["status"],
        reference=raw["notes"] or raw["reference"],
        account=raw["account"],
        from_location_id=raw["location_id"] or raw["origin"],
        to_location_id=raw["destination"],
        effective_on=raw["effective_on"] or raw["completed_on"] or raw["listed_on"],
        lines=tuple(map(_document_line, raw["lines"] + raw["existing"] + raw["new"])),
        cost=raw["cost"],
    )


def _document_line(raw: dict[str, Any]) -> StockDocumentLine:
    told = (raw["transfer_quantity"], raw["adjustment"], raw["quantity"])
    quantity = next((figure for figure in told if figure is not None), Decimal(0))
    return StockDocumentLine(
        raw["product_id"], raw["sku"] or raw["product_code"], quantity, raw["location_id"], raw["batch"], raw["before"]
    )
