"""Reading and writing sales: the two lists, the sale itself, its order, fulfilments and invoices."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from sandbox.books import selling
from sandbox.books.building import convert_to_advanced
from sandbox.books.catalogue import Product
from sandbox.books.ledger import Refused
from sandbox.books.numbers import TWO_PLACES, ZERO, four, row_amount
from sandbox.books.sales import Fulfilment, Line, Sale
from sandbox.cin7 import sale_status, sale_view
from sandbox.cin7.ask import Ask, date_of, decimal_of
from sandbox.cin7.errors import Problem, Refusal

SEARCHED = ("OrderNumber", "Status", "Customer", "InvoiceNumber", "CustomerReference", "CreditNoteNumber")
FILTERS = {
    "QuoteStatus": "QuoteStatus", "OrderStatus": "OrderStatus", "CombinedPickStatus": "CombinedPickingStatus",
    "CombinedPackStatus": "CombinedPackingStatus", "CombinedShippingStatus": "CombinedShippingStatus",
    "CombinedInvoiceStatus": "CombinedInvoiceStatus", "CreditNoteStatus": "CreditNoteStatus",
    "ExternalID": "ExternalID", "Status": "Status", "OrderLocationID": "OrderLocationID",
}  # fmt: skip


def sale_list(ask: Ask) -> dict[str, Any]:
    """GET /saleList: oldest first; each status filter knows one value only."""
    return _shown(ask, _chosen(ask, lambda sale: True))


def credit_note_list(ask: Ask) -> dict[str, Any]:
    """GET /saleCreditNoteList: one row per SALE under the list key SaleList (measured by integrators)."""
    since, until = ask.since("UpdatedSince"), ask.since("UpdatedUntil")
    alone = [
        sale_status.stand_alone_row(ask.books, sale_id, number, status, made)
        for sale_id, (number, status, made) in ask.books.stand_alone.items()
        if _after(made, since) and (until is None or made <= until)
    ]
    return _shown(ask, _chosen(ask, lambda sale: bool(sale.notes)), alone)


def _shown(ask: Ask, sales: list[Sale], others: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """Show one page; without a filter only the page's own rows are worked out."""
    if ask.text("Search") or any(ask.text(name) for name in FILTERS) or others:
        rows = [sale_status.row(ask.books, sale) for sale in sales]
        return ask.page("SaleList", _filtered(ask, [*rows, *(others or [])]))
    page = ask.page("SaleList", sales)
    page["SaleList"] = [sale_status.row(ask.books, sale) for sale in page["SaleList"]]
    return page


def _chosen(ask: Ask, chosen: Callable[[Sale], bool]) -> list[Sale]:
    updated, until, created = ask.since("UpdatedSince"), ask.since("UpdatedUntil"), ask.since("CreatedSince")
    return [
        sale
        for sale in ask.books.sales.values()
        if chosen(sale) and _after(sale.updated, updated) and _after(sale.created, created)
        and (until is None or sale.updated <= until)
    ]  # fmt: skip


def _filtered(ask: Ask, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for name, column in FILTERS.items():
        wanted = ask.text(name)
        if wanted:
            rows = [row for row in rows if str(row.get(column) or "").lower() == wanted.lower()]
    needle = ask.text("Search").lower()
    return [row for row in rows if any(needle in str(row.get(name) or "").lower() for name in SEARCHED)]


def _after(moment: datetime, since: datetime | None) -> bool:
    return since is None or moment >= since


def read_sale(ask: Ask) -> dict[str, Any]:
    """GET /sale?ID=."""
    return show(ask, ask.sale(ask.need("ID")))


def show(ask: Ask, sale: Sale) -> dict[str, Any]:
    """Show the whole sale, with what the query asks for."""
    shown = sale_view.full(
        ask.books, sale, sale_status.combined(sale), readable_drafts=bool(ask.rule("restock_readable_in_draft")),
        movement=not ask.flag("HideInventoryMovements"), journal=ask.flag("IncludeTransactions"),
    )  # fmt: skip
    if ask.flag("CombineAdditionalCharges"):
        shown["Order"] = sale_view.folded(shown["Order"])
        for key in ("Invoices", "CreditNotes"):
            shown[key] = [sale_view.folded(document) for document in shown[key]]
    return shown


def create_sale(ask: Ask) -> dict[str, Any]:
    """POST /sale: a header without documents."""
    body = ask.body
    customer = ask.books.catalogue.customer(body.get("CustomerID"), body.get("Customer"))
    place = ask.books.catalogue.place(name=body.get("Location"))
    problems = []
    if customer is None:
        problems.append(f"Customer '{body.get('Customer')}' was not found in Company Contacts reference book")
    if place is None:
        problems.append(f"Location '{body.get('Location')}' was not found in Locations reference book")
    if customer is None or place is None:
        raise Refusal(*problems)
    advanced = body.get("SaleType") == "Advanced"
    sale = Sale(
        ask.books.guid(), ask.books.number("SO"), "Advanced Sale" if advanced else "Simple Sale", customer.id,
        customer.name,
        customer.currency, decimal_of(body.get("CurrencyRate")) or Decimal(1), bool(body.get("TaxInclusive", False)),
        date_of(body.get("SaleOrderDate")) or ask.books.local_day(ask.now), place.location.id, ask.now, ask.now,
        channel="API",
    )  # fmt: skip
    ask.books.sales[sale.id] = sale
    _header(ask, sale)
    return show(ask, sale)


def change_sale(ask: Ask) -> dict[str, Any]:
    """PUT /sale: changes the header fields that were sent."""
    sale = ask.sale(str(ask.body.get("ID", "")))
    _header(ask, sale)
    return show(ask, sale)


def _header(ask: Ask, sale: Sale) -> None:
    sale.note = ask.body.get("Note", sale.note)
    sale.reference = ask.body.get("CustomerReference", sale.reference)
    sale.external_id = ask.body.get("ExternalID", sale.external_id)
    ask.books.touch(sale, ask.now)


def delete_sale(ask: Ask) -> dict[str, Any]:
    """DELETE /sale: void when Void=true; undo puts the order back to DRAFT."""
    sale = ask.sale(ask.need("ID"))
    selling.void_sale(ask.books, sale, ask.now)
    if not ask.flag("Void"):
        sale.voided, sale.order_status = False, "DRAFT"
        sale.fulfilments, sale.invoices = [], []
    return show(ask, sale)


def read_order(ask: Ask) -> dict[str, Any]:
    """GET /sale/order?SaleID=."""
    shown = read_order_of(ask.sale(ask.need("SaleID")))
    return sale_view.folded(shown) if ask.flag("CombineAdditionalCharges") else shown


def write_order(ask: Ask) -> dict[str, Any]:
    """POST /sale/order: replaces the whole order; AUTHORISED allocates and silently back-orders what is short."""
    sale = ask.sale(str(ask.body.get("SaleID", "")))
    if sale.order_status not in ("DRAFT", "NOT AVAILABLE"):
        raise Refusal(f"Sale order can't be changed. Status is {sale.order_status}")
    if not isinstance(ask.body.get("Lines"), list) or not ask.body["Lines"]:
        raise Refusal("Lines is invalid")
    if ask.body.get("Status") not in ("DRAFT", "AUTHORISED"):
        raise Refusal("Required attribute Status is not provided.")
    problems: list[Problem | str] = []
    lines = [_order_line(ask, sale, row, problems) for row in ask.body["Lines"]]
    charges = [_order_charge(ask, row, problems) for row in ask.body.get("AdditionalCharges") or []]
    if problems:
        raise Refusal(*problems)
    sale.lines, sale.charges = [one for one in lines if one], [one for one in charges if one]
    sale.memo, sale.order_status = str(ask.body.get("Memo") or ""), "DRAFT"
    ask.books.touch(sale, ask.now)
    if ask.body["Status"] == "AUTHORISED":
        selling.authorise_order(ask.books, sale, ask.now)
    return read_order_of(sale)


def read_order_of(sale: Sale) -> dict[str, Any]:
    """Show the order of a sale as the order endpoint does."""
    return {"SaleID": sale.id, **sale_view.order(sale)}


def _order_line(ask: Ask, sale: Sale, row: dict[str, Any], problems: list[Problem | str]) -> Line | None:
    product = ask.books.catalogue.product(row.get("ProductID"), row.get("SKU"))
    if product is None:
        problems.append(f"Product '{row.get('SKU')}' was not found in reference book")
        return None
    line = line_from(product, row)
    if ask.books.catalogue.tax_rule(line.tax_rule) is None:
        problems.append(f"Tax rule '{line.tax_rule}' was not found in reference book")
    if line.quantity <= 0:
        problems.append("Quantity is invalid")
    line.total = selling.expected_total(ask.books, line, inclusive=sale.tax_inclusive)
    return line


def line_from(product: Product, row: dict[str, Any]) -> Line:
    """Read a document line; Tax is taken as given.

    What is finer than four decimals (two in a discount) is rounded off without a word.
    """
    line = Line(
        product.id, product.sku, str(row.get("Name") or product.name),
        four(decimal_of(row.get("Quantity")) or ZERO),
        four(decimal_of(row.get("Price")) or ZERO), str(row.get("TaxRule")),
        (decimal_of(row.get("Discount")) or ZERO).quantize(TWO_PLACES), four(decimal_of(row.get("Tax")) or ZERO),
        account=str(row.get("Account") or product.revenue_account),
        comment=row.get("Comment"), drop_ship=bool(row.get("DropShip", False)),
    )  # fmt: skip
    line.amount = row_amount(line.quantity, line.price, line.discount)
    return line


def _order_charge(ask: Ask, row: dict[str, Any], problems: list[Problem | str]) -> Line | None:
    service = ask.books.catalogue.service(row.get("Description"))
    if service is None:
        problems.append(f"Additional charge '{row.get('Description')}' was not found in reference book")
        return None
    line = line_from(service, row)
    line.total = line.amount
    return line


def read_invoices(ask: Ask) -> dict[str, Any]:
    """GET /sale/invoice?SaleID=."""
    sale = ask.sale(ask.need("SaleID"))
    return {"SaleID": sale.id, "Invoices": [sale_view.invoice(sale, one) for one in sale.invoices]}


def read_fulfilments(ask: Ask) -> dict[str, Any]:
    """GET /sale/fulfilment?SaleID=."""
    sale = ask.sale(ask.need("SaleID"))
    return {"SaleID": sale.id, "Fulfilments": [sale_view.fulfilment(ask.books, sale, one) for one in sale.fulfilments]}


def add_fulfilment(ask: Ask) -> dict[str, Any]:
    """POST /sale/fulfilment: adds a task and silently turns a simple sale into an advanced one (Cin7 blueprint)."""
    sale = ask.sale(str(ask.body.get("SaleID", "")))
    if sale.voided:
        raise Refused("Sale is voided")
    convert_to_advanced(ask.books, sale, ask.now)
    sale.fulfilments.append(Fulfilment(ask.books.guid(), len(sale.fulfilments) + 1, None, ask.books.local_day(ask.now)))
    return {"SaleID": sale.id, "Fulfilments": [sale_view.fulfilment(ask.books, sale, one) for one in sale.fulfilments]}
