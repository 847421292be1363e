"""The many statuses of a sale, and its row in the two sale lists."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sandbox.books.ledger import Books
from sandbox.books.numbers import ZERO
from sandbox.books.sales import CreditNote, Sale, document_totals
from sandbox.cin7.render import business_date, empty, stamp

BOOKED = ("AUTHORISED", "PAID")


def invoiced_total(sale: Sale) -> Decimal:
    """Return the total of authorised invoices in customer currency."""
    lines = [line for one in sale.invoices if one.status in BOOKED for line in [*one.lines, *one.charges]]
    return document_totals(lines, inclusive=sale.tax_inclusive)[2]


def credited_total(sale: Sale) -> Decimal:
    """Return the total of authorised credit notes in customer currency."""
    lines = [line for one in sale.notes if one.status == "AUTHORISED" for line in [*one.lines, *one.charges]]
    return document_totals(lines, inclusive=sale.tax_inclusive)[2]


def paid_total(sale: Sale) -> Decimal:
    """Return money in less money out."""
    return sum((-one.amount if one.kind == "REFUND" else one.amount for one in sale.payments), ZERO)


def sale_status(sale: Sale) -> str:
    """Return Status; the values after ORDERED exist on simple sales only (Cin7 blueprint)."""
    if sale.voided:
        return "VOIDED"
    early = {"DRAFT": "ORDERING", "NOT AVAILABLE": "ESTIMATED"}.get(sale.order_status)
    if early:
        return early
    shipped = bool(sale.fulfilments) and all(task.shipped for task in sale.fulfilments)
    if not shipped and any(line.backorder for line in sale.lines):
        return "BACKORDERED"
    if sale.is_advanced or not shipped:
        return "ORDERED"
    return _money_status(sale)


def _money_status(sale: Sale) -> str:
    if not any(one.status in BOOKED for one in sale.invoices):
        return "INVOICING"
    balance = (invoiced_total(sale) - credited_total(sale) - paid_total(sale)).quantize(Decimal("0.01"))
    if balance and any(one.status == "AUTHORISED" for one in sale.notes):
        return "CREDITED"
    return "COMPLETED" if not balance else "INVOICED"


def shown_note(sale: Sale) -> CreditNote | None:
    """Return the one note that a list row tells about: the newest that is not void, else the newest."""
    live = [one for one in sale.notes if one.status != "VOIDED"]
    newest = live or sale.notes
    return newest[-1] if newest else None


def combined(sale: Sale) -> dict[str, Any]:
    """Return the Combined... axes and their neighbours."""
    shipped = bool(sale.fulfilments) and all(task.shipped for task in sale.fulfilments)
    statuses = {one.status for one in sale.invoices}
    note = shown_note(sale)
    paid = paid_total(sale)
    return {
        "Status": sale_status(sale), "QuoteStatus": "NOT AVAILABLE" if sale.channel else "",
        "OrderStatus": sale.order_status,
        "CombinedPickingStatus": "PICKED" if shipped else "NOT PICKED",
        "CombinedPackingStatus": "PACKED" if shipped else "NOT PACKED",
        "CombinedShippingStatus": "SHIPPED" if shipped else "NOT SHIPPED",
        "FulFilmentStatus": "FULFILLED" if shipped else "NOT FULFILLED",
        "CombinedInvoiceStatus": "INVOICED" if statuses & set(BOOKED) else "NOT INVOICED",
        "CombinedPaymentTotal": paid, "CombinedPaymentStatus": "PAID" if paid and "PAID" in statuses else "UNPAID",
        "CreditNoteStatus": note.status if note else "NOT AVAILABLE",
        "RestockStatus": note.restock_status if note else "NOT AVAILABLE",
        "CombinedTrackingNumbers": empty(sale.id, "CombinedTrackingNumbers"),
    }  # fmt: skip


def row(books: Books, sale: Sale) -> dict[str, Any]:
    """Return the sale's list row: header only, no lines."""
    invoice = next(iter(sale.invoices), None)
    note = shown_note(sale)
    invoiced = invoiced_total(sale)
    day = business_date(invoice.day, sale.id) if invoice else None
    return {
        "SaleID": sale.id, "OrderNumber": sale.number, "OrderDate": business_date(sale.day, sale.id),
        "InvoiceDate": day,
        "Customer": sale.customer, "CustomerID": sale.customer_id,
        "InvoiceNumber": invoice.number if invoice else empty(sale.id, "InvoiceNumber"),
        "CustomerReference": sale.reference, "InvoiceAmount": invoiced - credited_total(sale),
        "PaidAmount": paid_total(sale), "SaleInvoicesTotalAmount": invoiced, "InvoiceDueDate": day, "ShipBy": None,
        "BaseCurrency": books.tenant.currency, "CustomerCurrency": sale.currency,
        "CreditNoteNumber": note.number if note else None, "Updated": stamp(sale.updated), **combined(sale),
        "Type": sale.kind, "SourceChannel": sale.channel, "ExternalID": sale.external_id,
        "OrderLocationID": sale.location_id,
    }  # fmt: skip


def stand_alone_row(books: Books, sale_id: str, number: str, status: str, made: datetime) -> dict[str, Any]:
    """Return the list row of a note without a sale: its order and quote fields are null or empty."""
    return {
        "SaleID": sale_id, "OrderNumber": None, "Status": None, "OrderDate": None, "InvoiceDate": None,
        "Customer": "Shopify Customer", "CustomerID": None, "InvoiceNumber": "", "CustomerReference": None,
        "InvoiceAmount": ZERO, "PaidAmount": ZERO, "SaleInvoicesTotalAmount": ZERO, "ShipBy": None,
        "BaseCurrency": books.tenant.currency, "CustomerCurrency": books.tenant.currency, "CreditNoteNumber": number,
        "Updated": stamp(made), "QuoteStatus": "", "OrderStatus": None, "CreditNoteStatus": status,
        "RestockStatus": "NOT AVAILABLE", "Type": "Credit Note", "SourceChannel": None, "ExternalID": None,
        "OrderLocationID": None,
    }  # fmt: skip
