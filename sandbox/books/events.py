"""Webhook bodies, each with the keys of its own event (Cin7 blueprint; they differ per event)."""

from __future__ import annotations

from typing import Any

from sandbox.books.sales import CreditNote, Fulfilment, Invoice, Payment, Sale

TENANT_ID = "7E4A4D10-0000-4000-8000-00000000000A"


def _buyer(sale: Sale) -> dict[str, Any]:
    return {
        "CustomerName": sale.customer,
        "CustomerContactName": "A. Test",
        "CustomerContactEmail": "a@example.invalid",
    }


def created(sale: Sale) -> dict[str, Any]:
    """Sale/Created: the one event with an ISO order date."""
    return {
        "SaleID": sale.id.upper(), "SaleOrderNumber": sale.number, **_buyer(sale), "SaleRepEmail": "",
        "SaleOrderDate": f"{sale.day:%Y-%m-%d}", "TaskTypeSign": "0", "IsServiceOnly": "0", "DownloadLink": "",
        "EventType": "Sale/Created",
    }  # fmt: skip


def order(sale: Sale, kind: str) -> dict[str, Any]:
    """Sale/OrderAuthorised and Sale/Backordered."""
    return {"SaleID": sale.id.upper(), "SaleOrderNumber": sale.number, "EventType": kind}


def voided(sale: Sale) -> dict[str, Any]:
    """Sale/Voided."""
    return order(sale, "Sale/Voided") | _buyer(sale)


def undone(sale: Sale) -> dict[str, Any]:
    """Sale/Undo: it does not say what was undone."""
    buyer = _buyer(sale)
    del buyer["CustomerName"]
    return {"SaleID": sale.id.upper(), "SaleOrderNumber": sale.number, **buyer, "EventType": "Sale/Undo"}


def shipment(sale: Sale, task: Fulfilment) -> dict[str, Any]:
    """Sale/ShipmentAuthorised: no SaleID, but SaleTaskID and OrderNumber."""
    return {
        "SaleTaskID": task.task_id.upper(), "TenantID": TENANT_ID, "OrderNumber": sale.number, **_buyer(sale),
        "EventType": "Sale/ShipmentAuthorised",
    }  # fmt: skip


def invoice(sale: Sale, document: Invoice) -> dict[str, Any]:
    """Sale/InvoiceAuthorised."""
    return {
        "SaleTaskID": document.task_id.upper(), "TenantID": TENANT_ID, "OrderNumber": sale.number,
        "InvoiceNumber": document.number, **_buyer(sale), "EventType": "Sale/InvoiceAuthorised",
    }  # fmt: skip


def credit_note(sale: Sale, note: CreditNote) -> dict[str, Any]:
    """Sale/CreditNoteAuthorised: the number carries a trailing space."""
    return {
        "SaleID": sale.id.upper(), "SaleOrderNumber": sale.number, "CreditNoteNumber": f"{note.number} ",
        "TaskID": note.task_id.upper(), **_buyer(sale), "EventType": "Sale/CreditNoteAuthorised",
    }  # fmt: skip


def payment(sale: Sale, money: Payment) -> tuple[str, dict[str, Any]]:
    """Sale/FullPaymentReceived or Sale/PartialPaymentReceived; the date is dd/MM/yyyy."""
    document = next((one for one in sale.invoices if one.task_id == money.task_id), None)
    full = document is None or document.status == "PAID"
    kind = "Sale/FullPaymentReceived" if full else "Sale/PartialPaymentReceived"
    body = {
        "SaleID": sale.id.upper(), "DocumentNumber": document.number if document else sale.number,
        "DocumentType": "Invoice" if document else "CreditNote", "DocumentDate": f"{money.day:%d/%m/%Y}",
        **_buyer(sale),
        "EventType": kind,
    }  # fmt: skip
    return kind, body if full else body | {"AmountPercent": "50.00"}
