"""Showing a sale and its documents as the API does."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.books.catalogue import Product
from sandbox.books.ledger import Books
from sandbox.books.numbers import ZERO, four
from sandbox.books.sales import CreditNote, Fulfilment, Invoice, Line, Payment, RestockLine, Sale, document_totals
from sandbox.books.stock import Piece
from sandbox.cin7.render import business_date, empty, long_stamp, stamp

NOISE = {
    "ProductLength": ZERO, "ProductWidth": ZERO, "ProductHeight": ZERO, "ProductWeight": ZERO, "WeightUnits": "g",
    "DimensionsUnits": "cm", "ProductCustomField1": "", "ProductCustomField2": None,
}  # fmt: skip


def order_line(line: Line) -> dict[str, Any]:
    """Show an order line."""
    return {
        **_common(line), "DropShip": line.drop_ship, "BackorderQuantity": line.backorder,
    }  # fmt: skip


def _common(line: Line) -> dict[str, Any]:
    return {
        "ProductID": line.product_id, "SKU": line.sku, "Name": line.name, "Quantity": line.quantity,
        "Price": line.price,
        "Discount": line.discount, "Tax": line.tax, "Total": line.total, "AverageCost": ZERO, "TaxRule": line.tax_rule,
        "Comment": line.comment, **NOISE,
    }  # fmt: skip


def money_line(line: Line) -> dict[str, Any]:
    """Show an invoice or credit note line."""
    return {**_common(line), "Account": line.account}


def charge(line: Line) -> dict[str, Any]:
    """Show a charge; its Description is the service product's name."""
    return {
        "Description": line.name, "Price": line.price, "Quantity": line.quantity, "Discount": line.discount,
        "Tax": line.tax, "Total": line.total, "TaxRule": line.tax_rule, "Account": line.account,
        "Comment": line.comment,
    }  # fmt: skip


def totals(sale: Sale, lines: list[Line]) -> dict[str, Decimal]:
    """Show a document's three totals."""
    before, tax, total = document_totals(lines, inclusive=sale.tax_inclusive)
    return {"TotalBeforeTax": before, "Tax": tax, "Total": total}


def order(sale: Sale) -> dict[str, Any]:
    """Show the order part."""
    return {
        "SaleOrderNumber": sale.number, "Memo": sale.memo, "Status": sale.order_status,
        "Lines": [order_line(line) for line in sale.lines], "AdditionalCharges": [charge(one) for one in sale.charges],
        **totals(sale, [*sale.lines, *sale.charges]),
    }  # fmt: skip


def folded(document: dict[str, Any]) -> dict[str, Any]:
    """Show a document's charges among its lines, as CombineAdditionalCharges=true asks for."""
    lines = [
        {**row, "ProductID": None, "SKU": row["Description"], "Name": row["Description"]}
        for row in document["AdditionalCharges"]
    ]
    return {**document, "Lines": [*document["Lines"], *lines], "AdditionalCharges": []}


def invoice(sale: Sale, document: Invoice) -> dict[str, Any]:
    """Show an invoice."""
    paid = [one for one in sale.payments if one.task_id == document.task_id and one.kind != "REFUND"]
    fulfilment = next((one for one in sale.fulfilments if one.invoice_number == document.number), None)
    return {
        "TaskID": document.task_id, "InvoiceNumber": document.number, "Memo": "", "Status": document.status,
        "InvoiceDate": business_date(document.day, sale.id), "InvoiceDueDate": business_date(document.day, sale.id),
        "CurrencyConversionRate": document.rate, "BillingAddressLine1": "", "BillingAddressLine2": None,
        "LinkedFulfillmentNumber": fulfilment.number if fulfilment else None,
        "Lines": [money_line(line) for line in document.lines],
        "AdditionalCharges": [charge(one) for one in document.charges],
        "Payments": [payment_line(one) for one in paid],
        **totals(sale, [*document.lines, *document.charges]), "Paid": sum((one.amount for one in paid), ZERO),
    }  # fmt: skip


def payment_line(money: Payment) -> dict[str, Any]:
    """Show a payment inside a document."""
    return {
        "ID": money.id, "Type": money.kind.title(), "Reference": money.reference, "Amount": money.amount,
        "DatePaid": business_date(money.day, money.id), "Account": money.account, "CurrencyRate": money.rate,
        "DateCreated": long_stamp(money.created) if money.created else None, "CreditID": money.credit_id,
    }  # fmt: skip


def place_fields(books: Books, place_id: str, prefix: str = "") -> dict[str, Any]:
    """Show a place by name and GUID."""
    place = books.catalogue.place(place_id)
    return {f"{prefix}Location": place.label if place else None, f"{prefix}LocationID": place_id}


def picked_lines(books: Books, task: Fulfilment) -> list[dict[str, Any]]:
    """Show what was picked, one row per place and batch (cost layers do not show)."""
    rows: dict[tuple[str, str, str | None], dict[str, Any]] = {}
    for picked in task.picked:
        piece = picked.piece
        key = (picked.sku, piece.slot.bin_id or piece.slot.location_id, piece.slot.batch)
        if key in rows:
            rows[key]["Quantity"] += piece.quantity
        else:
            rows[key] = _picked_row(books, books.catalogue.product(sku=picked.sku), piece)
    return list(rows.values())


def _picked_row(books: Books, product: Product | None, piece: Piece) -> dict[str, Any]:
    return {
        "ProductID": product.id if product else None, "SKU": piece.slot.sku, "Name": product.name if product else None,
        **place_fields(books, piece.slot.bin_id or piece.slot.location_id), "Quantity": piece.quantity,
        "BatchSN": piece.slot.batch, "ExpiryDate": business_date(piece.slot.expiry), "NonInventory": False, **NOISE,
    }  # fmt: skip


def fulfilment(books: Books, sale: Sale, task: Fulfilment) -> dict[str, Any]:
    """Show a fulfilment with pick, pack and ship."""
    status = "AUTHORISED" if task.shipped else "NOT AVAILABLE"
    lines = picked_lines(books, task)
    shipped = {
        "ID": task.task_id, "ShipmentDate": business_date(task.day, sale.id), "Carrier": empty(sale.id, "Carrier"),
        "Boxes": "Box 1", "TrackingNumber": "", "TrackingURL": None, "IsShipped": True,
    }  # fmt: skip
    return {
        "TaskID": task.task_id, "FulfillmentNumber": task.number, "LinkedInvoiceNumber": task.invoice_number,
        "FulFilmentStatus": "FULFILLED" if task.shipped else "NOT FULFILLED",
        "Pick": {"Status": status, "Lines": lines},
        "Pack": {"Status": status, "Lines": [{**line, "Box": "Box 1"} for line in lines]},
        "Ship": {"Status": status, "RequireBy": None, "Lines": [shipped] if task.shipped else []},
    }  # fmt: skip


def placeholder(sale: Sale) -> dict[str, Any]:
    """Show the note that a never-credited simple sale has all the same (seen in a live payload)."""
    return {
        "TaskID": sale.id, "CombineAdditionalCharges": False, "CreditNoteInvoiceNumber": "", "Memo": None,
        "Status": "NOT AVAILABLE", "CreditNoteDate": None, "CreditNoteNumber": None,
        "CreditNoteConversionRate": Decimal(1), "Lines": [], "AdditionalCharges": [], "Refunds": [], "Restock": [],
        "RestockStatus": "NOT AVAILABLE", "TotalBeforeTax": ZERO, "Tax": ZERO, "Total": ZERO,
    }  # fmt: skip


def notes(books: Books, sale: Sale, *, readable_drafts: bool, payments: bool = False) -> list[dict[str, Any]]:
    """Show all credit notes of a sale, or the placeholder."""
    if not sale.notes:
        return [] if sale.is_advanced else [placeholder(sale)]
    return [note(books, sale, one, readable_drafts=readable_drafts, payments=payments) for one in sale.notes]


def note(
    books: Books, sale: Sale, document: CreditNote, *, readable_drafts: bool = False, payments: bool = False
) -> dict[str, Any]:
    """Show a credit note; a DRAFT hides its Restock unless the tenant reads otherwise, a VOIDED one is bare."""
    bare = document.status == "VOIDED"
    hidden = bare or (document.status == "DRAFT" and not readable_drafts)
    lines, charges = ([], []) if bare else (document.lines, document.charges)
    refunds = [one for one in sale.payments if one.task_id == document.task_id and one.kind == "REFUND"]
    shown = totals(sale, [*lines, *charges])
    row = {
        "TaskID": document.task_id, "CombineAdditionalCharges": False,
        "CreditNoteInvoiceNumber": document.invoice_number,
        "Memo": document.memo, "Status": document.status, "CreditNoteDate": business_date(document.day, sale.id),
        "CreditNoteNumber": document.number, "CreditNoteConversionRate": document.rate,
        "Lines": [money_line(line) for line in lines], "AdditionalCharges": [charge(one) for one in charges],
        "Refunds": [payment_line(one) for one in refunds],
        "Restock": [] if hidden else [restock_line(books, line) for line in document.restock],
        "RestockStatus": "NOT AVAILABLE" if bare else document.restock_status, **shown,
    }  # fmt: skip
    if payments:
        row["CreditNoteBalance"] = shown["Total"] - sum((one.amount for one in refunds), ZERO)
        row["Payments"] = row["Refunds"]
    return row


def restock_line(books: Books, line: RestockLine) -> dict[str, Any]:
    """Show a restock line."""
    product = books.catalogue.product(sku=line.sku)
    return {
        "ProductID": line.product_id, "SKU": line.sku, "Name": product.name if product else None,
        **place_fields(books, line.from_place), "Quantity": line.quantity, "BatchSN": line.batch,
        "ExpiryDate": business_date(line.expiry), "NonInventory": False,
        **place_fields(books, line.to_place, "Restock"),
        "RestockDate": business_date(line.day), **NOISE,
    }  # fmt: skip


def movements(books: Books, sale: Sale) -> list[dict[str, Any]]:
    """Show inventory movements; COGS is negative for goods that left, positive for goods that came back."""
    rows = []
    for task in sale.fulfilments:
        rows += [_movement(books, sale, task.task_id, one.piece, -1) for one in task.picked if task.shipped]
    for document in sale.notes:
        pieces = [piece for line in document.restock for piece in line.pieces]
        rows += [_movement(books, sale, document.task_id, piece, 1) for piece in pieces]
    return rows


def _movement(books: Books, sale: Sale, task_id: str, piece: Piece, sign: int) -> dict[str, Any]:
    day = business_date(piece.received if sign > 0 else sale.day, sale.id)
    product = books.catalogue.product(sku=piece.slot.sku)
    return {"TaskID": task_id, "ProductID": product.id if product else None, "Date": day, "COGS": sign * piece.value}


def journal_rows(books: Books, task_ids: set[str]) -> list[dict[str, Any]]:
    """Show the postings of some documents as debit and credit pairs against the control account."""
    rows = []
    for entry in books.journal.entries:
        if entry.task_id in task_ids:
            for leg in entry.legs:
                side = "Debit" if leg.amount > 0 else "Credit"
                rows.append(
                    {
                        "TaskID": entry.task_id,
                        "TransactionID": entry.id,
                        "Debit": None,
                        "Credit": None,
                        side: _account_label(books, leg.account),
                        "Description": f"{entry.narration} {entry.reference}",
                        "Amount": abs(leg.amount),
                        "EffectiveDate": business_date(entry.day),
                    }
                )
    return rows


def _account_label(books: Books, code: str) -> str:
    account = books.catalogue.account(code)
    return f"{code}: {account.name}" if account else code


def cogs(sale: Sale) -> Decimal:
    """Return the cost of everything shipped, positive."""
    return four(sum((one.piece.value for one in sale.picked()), ZERO))


def full(
    books: Books, sale: Sale, statuses: dict[str, Any], *, readable_drafts: bool, movement: bool, journal: bool
) -> dict[str, Any]:
    """Show the whole sale as GET /sale does."""
    customer = books.catalogue.customer(sale.customer_id)
    return {
        "ID": sale.id, "Customer": sale.customer, "CustomerID": sale.customer_id, "Contact": "A. Test",
        "Phone": empty(sale.id, "Phone"), "Email": customer.email if customer else "", "DefaultAccount": "200",
        "SkipQuote": True, "BillingAddress": {}, "ShippingAddress": {},
        "ShippingNotes": empty(sale.id, "ShippingNotes"),
        "BaseCurrency": books.tenant.currency, "CustomerCurrency": sale.currency, "TaxRule": "20% (VAT on Income)",
        "TaxCalculation": "Inclusive" if sale.tax_inclusive else "Exclusive", "Terms": "Due on receipt",
        "PriceTier": "Tier 1", "ShipBy": None, "Location": books.place(sale.location_id).label,
        "SaleOrderDate": business_date(sale.day, sale.id), "LastModifiedOn": stamp(sale.updated), "Note": sale.note,
        "CustomerReference": sale.reference, "COGSAmount": cogs(sale), **statuses, "Carrier": empty(sale.id, "Carrier"),
        "CurrencyRate": sale.rate, "SalesRepresentative": empty(sale.id, "SalesRepresentative"), "Type": sale.kind,
        "SourceChannel": sale.channel, "ExternalID": sale.external_id, "ServiceOnly": sale.kind == "Service Sale",
        "Quote": {"Status": "NOT AVAILABLE", "Lines": [], "AdditionalCharges": []}, "Order": order(sale),
        "Fulfilments": [fulfilment(books, sale, task) for task in sale.fulfilments],
        "Invoices": [invoice(sale, one) for one in sale.invoices],
        "CreditNotes": notes(books, sale, readable_drafts=readable_drafts), "ManualJournals": {"Lines": []},
        "AdditionalAttributes": _attributes(sale), "Attachments": [],
        "InventoryMovements": movements(books, sale) if movement else [],
        "Transactions": journal_rows(books, _tasks(sale)) if journal else [],
    }  # fmt: skip


def _tasks(sale: Sale) -> set[str]:
    return {sale.id, *sale.task_ids()}


def _attributes(sale: Sale) -> dict[str, str]:
    names = (f"AdditionalAttribute{number}" for number in range(1, 11))
    return {name: sale.attributes.get(name, "") for name in names}
