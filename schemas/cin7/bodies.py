"""Actions about a sale as Cin7 Core bodies, numbers exact, and what all bodies share.

Every POST replaces the whole document (Cin7 blueprint), so each body is complete.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from schemas.actions import AuthoriseOrder, PostCreditNote, RecordRefund
from schemas.sales import Charge, DocumentLine, StockLine

TEXT_LIMIT = 1024
_CENT = Decimal("0.01")
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def credit_note_body(action: PostCreditNote, status: str, task_id: str) -> dict[str, Any]:
    """The whole credit note; `status` DRAFT or AUTHORISED; `task_id` the note to write (zero GUID: a new one)."""
    return {
        "SaleID": action.sale_id,
        "TaskID": task_id,
        "CombineAdditionalCharges": False,
        "CreditNoteInvoiceNumber": action.invoice_number,
        "Memo": marked(action.memo, action.marker),
        "Status": status,
        "CreditNoteDate": local_day(action.noted_on),
        "CreditNoteConversionRate": action.rate,
        "Lines": [_line(line) for line in action.lines],
        "AdditionalCharges": [_charge(charge) for charge in action.charges],
        "Restock": [_restock(line, action.noted_on) for line in action.restock],
    }


def payment_body(action: RecordRefund) -> dict[str, Any]:
    """A refund on an authorised credit note. Raises ValueError where the amount has more than two places."""
    if action.amount.amount != action.amount.amount.quantize(_CENT):
        raise ValueError(f"RecordRefund.amount {action.amount.amount} has more than two places; round it first")
    return {
        "TaskID": action.task_id,
        "Type": "REFUND",
        "Reference": marked(action.reference, action.marker),
        "Amount": action.amount.amount.quantize(_CENT),
        "DatePaid": local_day(action.paid_on),
        "Account": action.account,
        "CurrencyRate": action.rate,
    }


def order_body(action: AuthoriseOrder, status: str = "AUTHORISED") -> dict[str, Any]:
    """The whole order again with a new status. `extra` adds or replaces top-level fields."""
    return {
        "SaleID": action.sale_id,
        "CombineAdditionalCharges": False,
        "Memo": action.memo,
        "Status": status,
        "AutoPickPackShipMode": "NOPICK",
        "Lines": [_line(line) | {"DropShip": line.drop_ship} for line in action.lines],
        "AdditionalCharges": [_charge(charge) for charge in action.charges],
        **action.extra,
    }


def marked(text: str, marker: str) -> str:
    """The text with our marker in it, within Cin7's 1,024 characters; the marker is never the part that is cut."""
    if marker in text[:TEXT_LIMIT]:
        return text[:TEXT_LIMIT]
    return f"{text[: TEXT_LIMIT - len(marker) - 1]} {marker}".strip()


def local_day(day: date) -> str:
    """A business date as Cin7 takes it: midnight of the company's local day, without a zone."""
    return f"{day.isoformat()}T00:00:00"


def merged(lines: tuple[StockLine, ...]) -> tuple[StockLine, ...]:
    """One line for each SKU, batch and expiry; quantities added up."""
    found: dict[tuple[str, str, date | None], StockLine] = {}
    for line in lines:
        key = (line.sku, line.batch, line.expiry)
        before = found.get(key)
        found[key] = line if before is None else _with_quantity(line, before.quantity + line.quantity)
    return tuple(found.values())


def _with_quantity(line: StockLine, quantity: Decimal) -> StockLine:
    return replace(line, quantity=quantity)


def place(guid_key: str, name_key: str, where: str) -> dict[str, str]:
    """A location under the key that Cin7 takes for its GUID, or under the one for its name."""
    return {guid_key: where} if _GUID.fullmatch(where) else {name_key: where}


def _line(line: DocumentLine) -> dict[str, Any]:
    body: dict[str, Any] = {
        "ProductID": line.product_id,
        "SKU": line.sku,
        "Name": line.name,
        "Quantity": line.quantity,
        "Price": line.price.amount,
        "Discount": line.discount,
        "Tax": line.tax.amount,
        "Total": line.total.amount,
        "TaxRule": line.tax_rule,
        "Comment": line.comment,
    }
    return body | ({"Account": line.account} if line.account else {})


def _charge(charge: Charge) -> dict[str, Any]:
    body: dict[str, Any] = {
        "Description": charge.description,
        "Quantity": charge.quantity,
        "Price": charge.price.amount,
        "Discount": charge.discount,
        "Tax": charge.tax.amount,
        "Total": charge.total.amount,
        "TaxRule": charge.tax_rule,
        "Comment": charge.comment,
    }
    return body | ({"Account": charge.account} if charge.account else {})


def stock_line(line: StockLine) -> dict[str, Any]:
    """Which goods a line is about: product, batch and expiry."""
    body: dict[str, Any] = {"ProductID": line.product_id} if line.product_id else {}
    if line.batch:
        body["BatchSN"] = line.batch
    if line.expiry:
        body["ExpiryDate"] = local_day(line.expiry)
    return body


def _restock(line: StockLine, day: date) -> dict[str, Any]:
    body = stock_line(line) | {"SKU": line.sku, "Name": line.name, "Quantity": line.quantity}
    body |= {"LocationID": line.location_id} if line.location_id else {"Location": line.location}
    if line.restock_location_id or line.restock_location:
        body |= place("RestockLocationID", "RestockLocation", line.restock_location_id or line.restock_location)
    return body | {"RestockDate": local_day(day)}
