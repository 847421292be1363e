"""Building finished sales through the books: what the control desk and the demo ask for."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sandbox.books import events, selling
from sandbox.books.catalogue import Product
from sandbox.books.crediting import authorise_note, pick_place
from sandbox.books.ledger import Books, Refused
from sandbox.books.numbers import TWO_PLACES, ZERO, four, row_amount
from sandbox.books.sales import CreditNote, Fulfilment, Invoice, Line, Payment, RestockLine, Sale, document_totals
from sandbox.books.storing import complete_transfer
from sandbox.books.warehouse import MoveLine, Transfer


def build_sale(books: Books, spec: Mapping[str, Any], now: datetime) -> Sale:
    """Build a sale: order authorised, shipped and invoiced as the spec says.

    `spec` keys: attributes (AdditionalAttribute1..10),
    order_name (becomes CustomerReference unless customer_reference is given), external_id, kind, currency,
    rate (base per customer unit), tax_inclusive, date, location, ship, order_status, invoice_status, lines, charges,
    invoices (how the line quantities split over several invoices and fulfilments).
    Raises Refused for an unknown SKU, location, customer or too little stock to ship.
    """
    sale = _header(books, spec, now)
    sale.lines = [_line(books, sale, row) for row in spec.get("lines", [])]
    sale.charges = [_charge(books, sale, row) for row in spec.get("charges", [])]
    books.sales[sale.id] = sale
    books.tell("Sale/Created", events.created(sale))
    if spec.get("order_status", "AUTHORISED") == "DRAFT":
        sale.order_status = "DRAFT"
        return sale
    told = len(books.outbox)
    try:
        selling.authorise_order(books, sale, now)
        for number, (lines, charges) in enumerate(_splits(books, sale, spec), start=1):
            _ship_and_invoice(books, sale, spec, number, lines, charges, now)
    except Refused:
        _scrap(books, sale, now)
        del books.outbox[told - 1 :]
        raise
    return sale


def order_of(books: Books, sale: Sale) -> dict[str, Any]:
    """What a sale was built from, as a spec: the order as the shop's channel knows it."""
    return {
        "customer_reference": sale.reference,
        "external_id": sale.external_id,
        "customer": sale.customer,
        "kind": sale.kind,
        "currency": sale.currency,
        "rate": str(sale.rate),
        "tax_inclusive": sale.tax_inclusive,
        "date": sale.day.isoformat(),
        "location": books.place(sale.location_id).location.name,
        "channel": sale.channel,
        "lines": [_row_of(line, "sku", line.sku) for line in sale.lines],
        "charges": [_row_of(charge, "description", charge.name) for charge in sale.charges],
    }


def _row_of(line: Line, key: str, name: str) -> dict[str, Any]:
    row = {"quantity": str(line.quantity), "price": str(line.price), "discount": str(line.discount)}
    return {key: name, **row, "tax_rule": line.tax_rule, "account": line.account, "batch": line.batch}


def _scrap(books: Books, sale: Sale, now: datetime) -> None:
    """Take back a sale that could not be finished, as if it had never been asked for."""
    for money in list(sale.payments):
        selling.unpay(books, sale, money, now)
    selling.void_sale(books, sale, now)
    del books.sales[sale.id]


def _header(books: Books, spec: Mapping[str, Any], now: datetime) -> Sale:
    place = books.catalogue.place(name=spec.get("location") or books.catalogue.default_location().name)
    if place is None:
        raise Refused(f"Location '{spec.get('location')}' was not found in Locations reference book")
    currency = spec.get("currency", books.tenant.currency)
    customer = books.catalogue.customer(name=spec.get("customer", "Shopify Customer"))
    if customer is None:
        raise Refused(f"Customer '{spec.get('customer')}' was not found in reference book")
    return Sale(
        id=books.guid(), number=books.number("SO"), kind=spec.get("kind", "Simple Sale"), customer_id=customer.id,
        customer=customer.name, currency=currency, rate=Decimal(str(spec.get("rate", "1"))),
        tax_inclusive=bool(spec.get("tax_inclusive", False)), location_id=place.location.id,
        day=date.fromisoformat(spec["date"][:10]) if spec.get("date") else books.local_day(now), updated=now,
        created=now,
        reference=spec.get("customer_reference") or spec.get("order_name", ""), external_id=spec.get("external_id"),
        channel=spec.get("channel", "Shopify"), note=spec.get("note", ""),
        attributes=dict(spec.get("attributes", {})),
    )  # fmt: skip


def _line(books: Books, sale: Sale, row: Mapping[str, Any]) -> Line:
    product = books.catalogue.product(sku=row["sku"])
    if product is None:
        raise Refused(f"Product '{row['sku']}' was not found in reference book")
    line = _new_line(product, row)
    line.drop_ship = bool(row.get("drop_ship", product.drop_ship == "Always Drop Ship"))
    line.batch = row.get("batch")
    return selling.price_line(books, line, inclusive=sale.tax_inclusive)


def _charge(books: Books, sale: Sale, row: Mapping[str, Any]) -> Line:
    name = row.get("description", row.get("name", "Shipping - Standard"))
    product = books.catalogue.service(name)
    if product is None:
        raise Refused(f"Service '{name}' was not found in reference book")
    return selling.price_line(books, _new_line(product, {"quantity": "1", **row}), inclusive=sale.tax_inclusive)


def _new_line(product: Product, row: Mapping[str, Any]) -> Line:
    return Line(
        product.id, product.sku, product.name, Decimal(str(row.get("quantity", "1"))),
        Decimal(str(row.get("price", product.price))), row.get("tax_rule", "20% (VAT on Income)"),
        Decimal(str(row.get("discount", "0"))), account=row.get("account", product.revenue_account),
        comment=row.get("comment"),
    )  # fmt: skip


def _splits(books: Books, sale: Sale, spec: Mapping[str, Any]) -> list[tuple[list[Line], list[Line]]]:
    if spec.get("invoices") and not sale.is_advanced:
        raise Refused("a simple sale has one invoice; give kind 'Advanced Sale' or leave invoices out")
    if not spec.get("invoices"):
        return [(deepcopy(sale.lines), deepcopy(sale.charges))]
    splits = []
    for number, part in enumerate(spec["invoices"]):
        lines = []
        for row in part["lines"]:
            line = deepcopy(next(one for one in sale.lines if one.sku == row["sku"]))
            line.quantity, line.backorder = Decimal(str(row["quantity"])), ZERO
            lines.append(selling.price_line(books, line, inclusive=sale.tax_inclusive))
        splits.append((lines, deepcopy(sale.charges) if number == 0 else []))
    return splits


def _ship_and_invoice(
    books: Books, sale: Sale, spec: Mapping[str, Any], number: int, lines: list[Line], charges: list[Line],
    now: datetime
) -> None:  # fmt: skip
    status = spec.get("invoice_status", "AUTHORISED")
    invoice = None
    if status is not None:
        task = books.guid() if sale.is_advanced else sale.id
        invoice = Invoice(task, books.number("INV"), "DRAFT", sale.day, sale.rate, lines, charges)
        sale.invoices.append(invoice)
    if spec.get("ship", True):
        task = books.guid() if sale.is_advanced else sale.id
        shipped = Fulfilment(task, number, invoice.number if invoice else None, sale.day, lines=deepcopy(lines))
        sale.fulfilments.append(shipped)
        selling.ship(books, sale, shipped, now)
        sale.order_status = "FULFILLED"
    if invoice is None:
        return
    if status in ("AUTHORISED", "PAID"):
        selling.authorise_invoice(books, sale, invoice, now)
    if status == "PAID":
        pay_in_full(books, sale, invoice, spec.get("payment_account", "712"), now)


def pay_in_full(books: Books, sale: Sale, invoice: Invoice, account: str, now: datetime) -> None:
    """Book a payment of the invoice's whole total at its own rate."""
    total = document_totals([*invoice.lines, *invoice.charges], inclusive=sale.tax_inclusive)[2]
    money = Payment(
        books.guid(), invoice.task_id, "PAYMENT", total.quantize(TWO_PLACES), invoice.day, account, invoice.rate,
        sale.reference, now,
    )  # fmt: skip
    selling.pay(books, sale, money, invoice.rate, now)


def convert_to_advanced(books: Books, sale: Sale, now: datetime) -> None:
    """Turn a simple sale into an advanced one, for good: every document gets a task of its own."""
    if sale.is_advanced:
        return
    sale.kind = "Advanced Sale"
    fresh: dict[str, str] = {}
    for label, tasks in (("invoice", sale.invoices), ("note", sale.notes), ("ship", sale.fulfilments)):
        for task in tasks:
            fresh[label] = books.guid()
            task.task_id = fresh[label]
    for money in sale.payments:
        money.task_id = fresh["note" if money.kind == "REFUND" else "invoice"]
    books.touch(sale, now)


def foreign_credit_note(books: Books, sale: Sale, spec: Mapping[str, Any], now: datetime) -> CreditNote:
    """Credit a sale as the tenant's own Shopify channel does: authorised at once, restocked, no word from us in Memo.

    `spec`: lines [{sku, quantity}], restock (default true), restock_location, invoice_number, refund (bool), memo.
    Raises Refused when the sale has no authorised invoice or no such line.
    """
    invoice = sale.invoice_of(spec.get("invoice_number")) or next(iter(sale.invoices), None)
    if invoice is None:
        raise Refused("sale has no invoice to credit; build it with invoice_status AUTHORISED or PAID")
    rows = spec.get("lines") or [{"sku": line.sku, "quantity": line.quantity} for line in invoice.lines]
    note = CreditNote(
        books.guid() if sale.is_advanced else sale.id, books.number("CR"), "DRAFT", invoice.number,
        books.local_day(now),
        invoice.rate, spec.get("memo", ""), origin="channel", created=now,
    )  # fmt: skip
    note.lines = [_credited(books, sale, invoice, row) for row in rows]
    if spec.get("restock", True):
        note.restock = [_restocked(books, sale, line) for line in note.lines if _is_stock(books, line)]
        note.restock_status = "DRAFT"
    sale.notes.append(note)
    authorise_note(books, sale, note, now)
    if spec.get("restock_location"):
        _move_on(books, sale, note, spec["restock_location"], now)
    if spec.get("refund"):
        total = document_totals(note.lines, inclusive=sale.tax_inclusive)[2].quantize(TWO_PLACES)
        money = Payment(books.guid(), note.task_id, "REFUND", total, note.day, "712", note.rate, "Shopify refund", now)
        selling.pay(books, sale, money, note.rate, now)
    return note


def _credited(books: Books, sale: Sale, invoice: Invoice, row: Mapping[str, Any]) -> Line:
    sold = next((line for line in invoice.lines if line.sku == row["sku"]), None)
    if sold is None:
        raise Refused(f"invoice {invoice.number} has no line with SKU '{row['sku']}'; name one of its lines")
    line = deepcopy(sold)
    line.quantity = Decimal(str(row["quantity"]))
    line.tax = four(sold.tax * line.quantity / sold.quantity)
    line.amount = row_amount(line.quantity, line.price, line.discount)
    line.total = selling.expected_total(books, line, inclusive=sale.tax_inclusive)
    return line


def _is_stock(books: Books, line: Line) -> bool:
    product = books.catalogue.product(sku=line.sku)
    return product is not None and product.keeps_stock


def _restocked(books: Books, sale: Sale, line: Line) -> RestockLine:
    product = books.catalogue.product(sku=line.sku)
    origin = pick_place(books, sale, product) if product else None
    if origin is None:
        raise Refused(f"'{line.sku}' was never shipped; give restock false or ship the sale")
    return RestockLine(line.product_id, line.sku, line.quantity, origin.id, origin.id, line.batch)


def _move_on(books: Books, sale: Sale, note: CreditNote, location: str, now: datetime) -> None:
    """Move restocked goods to another location by an authorised transfer, as the channel does (help centre)."""
    target = books.catalogue.place(name=location)
    if target is None:
        raise Refused(f"Location '{location}' was not found in Locations reference book")
    by_source: dict[str, list[MoveLine]] = {}
    for line in note.restock:
        if line.to_place != target.id:
            by_source.setdefault(line.to_place, []).append(
                MoveLine(line.product_id, line.sku, line.quantity, line.batch)
            )
    for source, lines in by_source.items():
        document = Transfer(
            books.guid(), books.number("TR"), "DRAFT", source, target.id, sale.number, lines, now, note.day
        )
        complete_transfer(books, document, now)
        books.transfers[document.task_id] = document
