"""What the control desk shows: plain JSON with money and quantities as strings."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sandbox.books import selling
from sandbox.books.journal import Leg
from sandbox.books.ledger import Books
from sandbox.books.numbers import ZERO, row_amount
from sandbox.books.sales import CreditNote, Sale, document_totals


def plain(value: Any) -> Any:
    """Return a JSON-ready copy: Decimals, dates and moments as strings."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, dict):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, date | datetime) else value


def day(raw: str) -> date:
    """Return a date given as ISO text."""
    return date.fromisoformat(raw[:10])


def tenant(books: Books) -> dict[str, Any]:
    """Show the reference books with their ids."""
    catalogue = books.catalogue
    return {
        "company": books.tenant,
        "products": {one.sku: one.id for one in catalogue.products.values()},
        "locations": {
            one.name: {"id": one.id, "deprecated": one.deprecated, "bins": {shelf.name: shelf.id for shelf in one.bins}}
            for one in catalogue.locations.values()
        },
        "tax_rules": {one.name: one.percent for one in catalogue.tax_rules.values()},
        "accounts": {one.code: one.name for one in catalogue.accounts.values()},
        "customers": {one.name: one.id for one in catalogue.customers.values()},
    }


def sale(books: Books, one: Sale) -> dict[str, Any]:
    """Show a sale and its invoices."""
    return {
        "sale_id": one.id, "order_number": one.number, "kind": one.kind, "order_status": one.order_status,
        "customer_reference": one.reference, "external_id": one.external_id, "currency": one.currency, "rate": one.rate,
        "voided": one.voided, "tax_inclusive": one.tax_inclusive, "date": one.day, "lines": one.lines,
        "charges": one.charges, "payments": one.payments,
        "invoices": [
            {
                "task_id": invoice.task_id, "number": invoice.number, "status": invoice.status, "lines": invoice.lines,
                "charges": invoice.charges, "total": _total(one, [*invoice.lines, *invoice.charges]),
            }
            for invoice in one.invoices
        ],
    }  # fmt: skip


def _total(one: Sale, lines: list[Any]) -> Decimal:
    return document_totals(lines, inclusive=one.tax_inclusive)[2]


def note(books: Books, one: Sale, document: CreditNote) -> dict[str, Any]:
    """Show a credit note with its sale, totals and restock value."""
    before, tax, total = document_totals([*document.lines, *document.charges], inclusive=one.tax_inclusive)
    restock = [
        {
            "sku": line.sku, "quantity": line.quantity, "from": books.place(line.from_place).label,
            "to": books.place(line.to_place).label, "batch": line.batch,
            "value": sum((piece.value for piece in line.pieces), ZERO), "posted": bool(line.pieces),
        }
        for line in document.restock
    ]  # fmt: skip
    return {
        "sale_id": one.id, "customer_reference": one.reference, "order_number": one.number, "task_id": document.task_id,
        "number": document.number, "status": document.status, "invoice_number": document.invoice_number,
        "date": document.day, "rate": document.rate, "currency": one.currency, "memo": document.memo,
        "origin": document.origin, "lines": document.lines, "charges": document.charges, "restock": restock,
        "restock_status": document.restock_status, "total_before_tax": before, "tax": tax, "total": total,
    }  # fmt: skip


def books(everything: Books) -> dict[str, Any]:
    """Show every document of the tenant."""
    sales = everything.sales.values()
    notes = [note(everything, one, document) for one in sales for document in one.notes]
    return {
        "sales": [sale(everything, one) for one in sales],
        "credit_notes": notes,
        "credited": _credited(everything),
        "payments": [
            {"sale_id": one.id, "currency": one.currency, **asdict(money)} for one in sales for money in one.payments
        ],
        "write_offs": list(everything.write_offs.values()),
        "transfers": list(everything.transfers.values()),
        "adjustments": list(everything.adjustments.values()),
        "orders": [
            {
                "sale_id": one.id,
                "order_number": one.number,
                "status": one.order_status,
                "customer_reference": one.reference,
            }
            for one in sales
        ],
        "journal": everything.journal.entries,
        "webhooks": [{**asdict(hook), "bearer": bool(hook.bearer)} for hook in everything.webhooks.values()],
    }


def _credited(everything: Books) -> dict[str, dict[str, dict[str, Decimal]]]:
    """Return authorised credits per currency and tax rule: amount and tax."""
    sums: dict[str, dict[str, dict[str, Decimal]]] = defaultdict(
        lambda: defaultdict(lambda: {"amount": ZERO, "tax": ZERO})
    )
    for one in everything.sales.values():
        for document in one.notes:
            for line in [*document.lines, *document.charges] if document.status == "AUTHORISED" else []:
                cell = sums[one.currency][line.tax_rule]
                cell["amount"] += line.amount
                cell["tax"] += line.tax
    return {currency: dict(rules) for currency, rules in sums.items()}


def stock(everything: Books, sku: str | None = None) -> list[dict[str, Any]]:
    """Show stock per SKU, location, bin and batch; allocated counts for the whole location."""
    rows = []
    for slot in everything.stock.slots:
        if sku not in (None, slot.sku):
            continue
        place = everything.place(slot.bin_id or slot.location_id)
        on_hand, value = everything.stock.in_slot(slot)
        rows.append(
            {
                "sku": slot.sku,
                "location": place.location.name,
                "bin": place.bin.name if place.bin else None,
                "batch": slot.batch,
                "expiry": slot.expiry,
                "on_hand": on_hand,
                "value": value,
                "allocated": everything.stock.allocated[slot.sku, slot.location_id],
                "available": everything.stock.available(slot.sku, slot.location_id),
            }
        )
    return rows


def edit(everything: Books, one: Sale, document: CreditNote, changes: dict[str, Any], now: datetime) -> None:
    """Change a note as a person does in the UI; an authorised one is posted again with the difference.

    `changes`: memo, date, lines [{sku, quantity, price, tax, tax_rule}].
    """
    posted = document.status == "AUTHORISED"
    if posted:
        _post(everything, one, document, 1)
    document.memo = changes.get("memo", document.memo)
    document.day = day(changes["date"]) if "date" in changes else document.day
    for row in changes.get("lines", []):
        line = next(line for line in [*document.lines, *document.charges] if line.sku == row["sku"])
        for name in ("quantity", "price", "tax"):
            setattr(line, name, Decimal(str(row.get(name, getattr(line, name)))))
        line.tax_rule = row.get("tax_rule", line.tax_rule)
        line.amount = row_amount(line.quantity, line.price, line.discount)
        line.total = selling.expected_total(everything, line, inclusive=one.tax_inclusive)
    if posted:
        _post(everything, one, document, -1)
    everything.touch(one, now)


def _post(everything: Books, one: Sale, document: CreditNote, sign: int) -> None:
    lines = [*document.lines, *document.charges]
    legs: list[Leg] = selling.money_legs(everything, lines, document.rate, inclusive=one.tax_inclusive, sign=sign)
    everything.post(document.task_id, document.day, document.number, "Edit by hand", legs)
