"""Stock adjustments (absolute), transfers and write-offs (deltas)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from sandbox.books import storing
from sandbox.books.catalogue import Place, Product
from sandbox.books.warehouse import Adjustment, AdjustmentLine, MoveLine, Transfer, WriteOff
from sandbox.cin7 import warehouse_view as view
from sandbox.cin7.ask import Ask, date_of, decimal_of
from sandbox.cin7.errors import Problem, Refusal

Document = TypeVar("Document", Adjustment, Transfer, WriteOff)


def _find(documents: dict[str, Document], task_id: str, what: str) -> Document:
    document = documents.get(task_id.lower())
    if document is None:
        raise Refusal(Problem(f"{what} with TaskID '{task_id}' not found", 404))
    return document


def _chosen(ask: Ask, rows: list[dict[str, Any]], searched: Iterable[str] = ()) -> list[dict[str, Any]]:
    status, needle = ask.text("Status").upper(), ask.text("Search").lower()
    rows = [row for row in rows if status in ("", row["Status"])]
    fields = list(searched)
    return [row for row in rows if not fields or any(needle in str(row[name] or "").lower() for name in fields)]


def _place(ask: Ask, place_id: Any, name: Any) -> Place:
    """Return the place a document names: a location by GUID or name, a bin by GUID only."""
    catalogue = ask.books.catalogue
    place = catalogue.place(str(place_id)) if place_id else None
    if place is None and (name or place_id):
        place = catalogue.place(name=str(name or place_id))
    if place is None or place.location.deprecated:
        raise Refusal(f"Location '{name or place_id}' was not found in Locations reference book")
    return place


def _product(ask: Ask, row: dict[str, Any], sku_field: str = "SKU") -> Product:
    product = ask.books.catalogue.product(row.get("ProductID"), row.get(sku_field))
    if product is None:
        raise Refusal(f"Product '{row.get(sku_field) or row.get('ProductID')}' was not found in reference book")
    return product


def _lines(ask: Ask) -> list[dict[str, Any]]:
    rows = ask.body.get("Lines")
    if not isinstance(rows, list) or not rows:
        raise Refusal("Lines is invalid")
    return rows


def _refuse_twice(lines: list[MoveLine]) -> None:
    keys = [(line.sku, line.batch, line.place) for line in lines]
    for key in keys:
        if keys.count(key) > 1:
            raise Refusal(f"Product '{key[0]}' is duplicated in Lines")


def _refuse_same_slot(lines: list[AdjustmentLine]) -> None:
    keys = [(line.sku, line.place, line.batch) for line in lines]
    for key in keys:
        if keys.count(key) > 1:
            raise Refusal(f"Product '{key[0]}' is duplicated in Lines")


def _moves(ask: Ask, sku_field: str, quantity_field: str) -> list[MoveLine]:
    lines = []
    for row in _lines(ask):
        product = _product(ask, row, sku_field)
        quantity = decimal_of(row.get(quantity_field))
        if quantity is None or quantity <= 0:
            raise Refusal(f"{quantity_field} is invalid")
        if product.needs_batch and not row.get("BatchSN"):
            raise Refusal(f"Required attribute BatchSN is not provided. Product: {product.sku}")
        shelf = _place(ask, row.get("BinID"), row.get("Bin")).id if row.get("BinID") or row.get("Bin") else None
        comment = str(row.get("Comments") or "")
        lines.append(MoveLine(product.id, product.sku, quantity, row.get("BatchSN") or None, shelf, comment))
    _refuse_twice(lines)
    return lines


def list_adjustments(ask: Ask) -> dict[str, Any]:
    """GET /stockadjustmentList: a Status filter and nothing else."""
    rows = [view.adjustment_row(one) for one in ask.books.adjustments.values()]
    return ask.page("StockAdjustmentList", _chosen(ask, rows))


def read_adjustment(ask: Ask) -> dict[str, Any]:
    """GET /stockadjustment?TaskID=."""
    return view.adjustment(ask.books, _find(ask.books.adjustments, ask.need("TaskID"), "Stock adjustment"))


def write_adjustment(ask: Ask) -> dict[str, Any]:
    """POST or PUT /stockadjustment: Quantity is the NEW absolute quantity.

    Raises Refusal when nothing would change, in the words integrators measured.
    """
    body, books = ask.body, ask.books
    day = date_of(body.get("EffectiveDate"))
    if day is None:
        raise Refusal("Required attribute EffectiveDate is not provided.")
    if body.get("Status") not in ("DRAFT", "COMPLETED"):
        raise Refusal("Required attribute Status is not provided.")
    account = books.catalogue.account(body.get("Account") or "403")
    if account is None:
        raise Refusal("Account with specified ID not found")
    old = _find(books.adjustments, str(body.get("TaskID")), "Stock adjustment") if ask.method == "PUT" else None
    if old is not None and old.status != "DRAFT":
        raise Refusal(f"Stock adjustment can't be changed. Status is {old.status}")
    document = Adjustment(
        old.task_id if old else books.guid(), old.number if old else books.number("ST"), "DRAFT", day, account.code,
        str(body.get("Reference") or ""), str(body.get("Comment") or ""), [_count(ask, row) for row in _lines(ask)],
        bool(body.get("UpdateOnHand", False)),
    )  # fmt: skip
    _refuse_same_slot(document.lines)
    for line in document.lines:
        storing.measure(books, document, line)
    if not any(line.change for line in document.lines):
        raise Refusal("Stock quantity is the same as the new quantity, no need to create Stock Adjustment.")
    if body["Status"] == "COMPLETED":
        books.check_unlocked(day)
        storing.complete_adjustment(books, document)
    books.adjustments[document.task_id] = document
    return view.adjustment(books, document)


def _count(ask: Ask, row: dict[str, Any]) -> AdjustmentLine:
    product = _product(ask, row)
    if not product.keeps_stock:
        raise Refusal(f"Product '{product.sku}' is not a stock product")
    if product.needs_batch and not row.get("BatchSN"):
        raise Refusal(f"Required attribute BatchSN is not provided. Product: {product.sku}")
    target, cost = decimal_of(row.get("Quantity")), decimal_of(row.get("UnitCost"))
    if target is None or target < 0:
        raise Refusal("Quantity is invalid")
    if cost is None:
        raise Refusal("Required attribute UnitCost is not provided.")
    place = _place(ask, row.get("LocationID"), row.get("Location"))
    return AdjustmentLine(
        product.id, product.sku, target, cost, place.id, row.get("BatchSN") or None, date_of(row.get("ExpiryDate")),
        comment=str(row.get("Comments") or ""),
    )  # fmt: skip


def take_back_adjustment(ask: Ask) -> dict[str, Any]:
    """DELETE /stockadjustment?ID=&Void=: the parameter is ID although everything else says TaskID."""
    document = _find(ask.books.adjustments, ask.need("ID"), "Stock adjustment")
    storing.reverse_adjustment(ask.books, document, void=ask.flag("Void"))
    return view.adjustment(ask.books, document)


def list_transfers(ask: Ask) -> dict[str, Any]:
    """GET /stockTransferList."""
    rows = [view.transfer_row(ask.books, one) for one in ask.books.transfers.values()]
    return ask.page(
        "StockTransferList", _chosen(ask, rows, ("FromLocation", "ToLocation", "Status", "Reference", "Number"))
    )


def read_transfer(ask: Ask) -> dict[str, Any]:
    """GET /stockTransfer?TaskID= (with ?ID= it is refused)."""
    return view.transfer(ask.books, _find(ask.books.transfers, ask.need("TaskID"), "Stock transfer"))


def write_transfer(ask: Ask) -> dict[str, Any]:
    """POST or PUT /stockTransfer; completing one IN TRANSIT ignores changed quantities with 200."""
    body, books = ask.body, ask.books
    if body.get("Status") not in ("DRAFT", "IN TRANSIT", "COMPLETED", "ORDERED"):
        raise Refusal("Required attribute Status is not provided.")
    old = _find(books.transfers, str(body.get("TaskID")), "Stock transfer") if ask.method == "PUT" else None
    if old is not None and old.status in ("COMPLETED", "VOIDED"):
        raise Refusal(f"Stock transfer can't be changed. Status is {old.status}")
    document = old if old is not None and old.status == "IN TRANSIT" else _new_transfer(ask, old)
    document.completed = date_of(body.get("CompletionDate"))
    document.departed = date_of(body.get("DepartureDate"))
    if body["Status"] == "COMPLETED":
        books.check_unlocked(document.completed or books.local_day(ask.now))
        storing.complete_transfer(books, document, ask.now)
    document.status = body["Status"]
    books.transfers[document.task_id] = document
    return view.transfer(books, document)


def _new_transfer(ask: Ask, old: Transfer | None) -> Transfer:
    body, books = ask.body, ask.books
    if not body.get("CompletionDate"):
        raise Refusal("Required attribute CompletionDate is not provided.")
    source = _place(ask, body.get("From"), body.get("FromLocation"))
    target = _place(ask, body.get("To"), body.get("ToLocation"))
    return Transfer(
        old.task_id if old else books.guid(), old.number if old else books.number("TR"), "DRAFT", source.id, target.id,
        str(body.get("Reference") or ""), _moves(ask, "SKU", "TransferQuantity"), ask.now,
        transit_account=body.get("InTransitAccount"),
    )  # fmt: skip


def take_back_transfer(ask: Ask) -> dict[str, Any]:
    """DELETE /stockTransfer?ID=&Void=."""
    document = _find(ask.books.transfers, ask.need("ID"), "Stock transfer")
    storing.reverse_transfer(ask.books, document, ask.now, void=ask.flag("Void"))
    return view.transfer(ask.books, document)


def list_write_offs(ask: Ask) -> dict[str, Any]:
    """GET /inventoryWriteOffList: Search covers number, location, status and Notes."""
    rows = [view.write_off_row(ask.books, one) for one in ask.books.write_offs.values()]
    return ask.page(
        "InventoryWriteOffs", _chosen(ask, rows, ("InventoryWriteOffNumber", "Location", "Status", "Notes"))
    )


def read_write_off(ask: Ask) -> dict[str, Any]:
    """GET /inventoryWriteOff?TaskID=."""
    return view.write_off(ask.books, _find(ask.books.write_offs, ask.need("TaskID"), "Inventory write-off"))


def write_write_off(ask: Ask) -> dict[str, Any]:
    """POST or PUT /inventoryWriteOff: short stock answers 200 with Errors filled and leaves a draft behind."""
    body, books = ask.body, ask.books
    if body.get("Status") not in ("DRAFT", "COMPLETED"):
        raise Refusal("Required attribute Status is not provided.")
    account = books.catalogue.account(body.get("Account"))
    if account is None:
        raise Refusal(
            "Account with specified ID not found"
            if body.get("Account")
            else "Required attribute Account is not provided."
        )
    day = date_of(body.get("EffectiveDate"))
    if body["Status"] == "COMPLETED" and day is None:
        raise Refusal("Required attribute EffectiveDate is not provided.")
    old = _find(books.write_offs, str(body.get("TaskID")), "Inventory write-off") if ask.method == "PUT" else None
    if old is not None and old.status != "DRAFT":
        raise Refusal(f"Inventory write-off can't be changed. Status is {old.status}")
    place = _place(ask, body.get("LocationID"), body.get("Location"))
    document = WriteOff(
        old.task_id if old else books.guid(), old.number if old else books.number("IWO"), "DRAFT", place.id,
        account.code,
        str(body.get("Notes") or ""), _moves(ask, "ProductCode", "Quantity"), day,
    )  # fmt: skip
    if body["Status"] == "COMPLETED":
        books.check_unlocked(day or books.local_day(ask.now))
        storing.complete_write_off(books, document)
    books.write_offs[document.task_id] = document
    return view.write_off(books, document)


def take_back_write_off(ask: Ask) -> dict[str, Any]:
    """DELETE /inventoryWriteOff?ID=&Void=."""
    document = _find(ask.books.write_offs, ask.need("ID"), "Inventory write-off")
    storing.reverse_write_off(ask.books, document, void=ask.flag("Void"))
    return view.write_off(ask.books, document)
