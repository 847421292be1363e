"""Products, families and availability."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from sandbox.books.catalogue import Place, Product
from sandbox.books.ledger import Books
from sandbox.books.numbers import ZERO, four
from sandbox.books.selling import sellable
from sandbox.books.stock import Slot
from sandbox.cin7.ask import Ask
from sandbox.cin7.render import business_date


def products(ask: Ask) -> dict[str, Any]:
    """GET /product: Sku and Name match anywhere in the text; without Limit every page is the first (measured)."""
    chosen = [
        one
        for one in ask.books.catalogue.products.values()
        if ask.text("ID").lower() in ("", one.id)
        and ask.text("Sku").lower() in one.sku.lower()
        and ask.text("Name").lower() in one.name.lower()
        and (one.status != "Deprecated" or ask.flag("IncludeDeprecated"))
    ]
    rows = [_product(ask, one) for one in chosen]
    page = ask.page("Products", rows)
    if not ask.text("Limit"):
        page["Products"] = rows[:100]
    return page


def _product(ask: Ask, one: Product) -> dict[str, Any]:
    row: dict[str, Any] = {
        "ID": one.id, "SKU": one.sku, "Name": one.name, "Category": one.category, "Brand": None, "Type": one.type,
        "CostingMethod": one.costing, "DropShipMode": one.drop_ship, "DefaultLocation": None, "UOM": "Item",
        "Barcode": one.barcode, "PriceTier1": one.price, "PriceTiers": {"Tier 1": one.price}, "AverageCost": one.cost,
        "Status": one.status, "COGSAccount": one.cogs_account, "RevenueAccount": one.revenue_account,
        "ExpenseAccount": None, "InventoryAccount": one.inventory_account, "PurchaseTaxRule": None,
        "SaleTaxRule": "20% (VAT on Income)", "Sellable": True, "BillOfMaterial": bool(one.kit), "BOMType": None,
        "AutoAssembly": bool(one.kit), "AutoDisassembly": False, "Tags": "", "Movements": [],
    }  # fmt: skip
    if ask.flag("IncludeMovements"):
        row["Movements"] = movements(ask.books, one)
    if ask.flag("IncludeBOM"):
        parts = [{"ProductCode": sku, "Quantity": each} for sku, each in one.kit.items()]
        row["BillOfMaterialsProducts"] = parts
    return row


def movements(books: Books, product: Product) -> list[dict[str, Any]]:
    """Return every movement of a product: sales, restocks, write-offs, transfers and adjustments."""
    rows: list[dict[str, Any]] = []
    for sale in books.sales.values():
        many = "Multiple" if sale.is_advanced else ""
        for task in sale.fulfilments:
            rows += [
                _movement(
                    books,
                    f"Sale{many}",
                    task.task_id,
                    sale.number,
                    one.piece.slot,
                    -one.piece.quantity,
                    -one.piece.value,
                )
                for one in task.picked
                if task.shipped and one.sku == product.sku
            ]
        for note in sale.notes:
            rows += [
                _movement(books, f"Restock{many}", note.task_id, note.number, piece.slot, piece.quantity, piece.value)
                for line in note.restock
                for piece in line.pieces
                if line.sku == product.sku
            ]
    return rows + _warehouse_movements(books, product)


def _warehouse_movements(books: Books, product: Product) -> list[dict[str, Any]]:
    rows = []
    for gone in books.write_offs.values():
        for line in gone.lines:
            rows += [
                _movement(books, "Inventory Write-Off", gone.task_id, gone.number, one.slot, -one.quantity, -one.value)
                for one in line.pieces
                if line.sku == product.sku
            ]
    for moved in books.transfers.values():
        place = books.catalogue.place(moved.target)
        for line in moved.lines:
            for one in line.pieces if line.sku == product.sku and place else []:
                out = _movement(books, "Transfer Out", moved.task_id, moved.number, one.slot, -one.quantity, -one.value)
                slot = Slot(line.sku, place.location.id if place else "", place.bin.id if place and place.bin else None)
                rows += [
                    out,
                    _movement(books, "Transfer In", moved.task_id, moved.number, slot, one.quantity, one.value),
                ]
    for count in books.adjustments.values():
        for item in count.lines:
            if item.sku == product.sku and count.status == "COMPLETED":
                where = books.place(item.place)
                slot = Slot(item.sku, where.location.id, where.bin.id if where.bin else None, item.batch)
                rows.append(_movement(books, "Adjustment", count.task_id, count.number, slot, item.change, item.value))
    return rows


def _movement(
    books: Books, kind: str, task_id: str, number: str, slot: Slot, quantity: Decimal, amount: Decimal
) -> dict[str, Any]:
    place = books.catalogue.place(slot.bin_id or slot.location_id)
    return {
        "TaskID": task_id, "Type": kind, "Date": None, "Number": number, "Status": "COMPLETED", "Quantity": quantity,
        "Amount": amount, "Location": place.label if place else None, "BatchSN": slot.batch,
        "ExpiryDate": business_date(slot.expiry), "FromTo": None,
    }  # fmt: skip


def families(ask: Ask) -> dict[str, Any]:
    """GET /productFamily: a family's SKU is never stock, its members' are."""
    members: dict[str, list[Product]] = {}
    for one in ask.books.catalogue.products.values():
        if one.family:
            members.setdefault(one.family, []).append(one)
    rows = [
        {
            "ID": items[0].id, "SKU": family, "Name": family.title(), "Option1Name": "Size",
            "Products": [
                {"ID": item.id, "SKU": item.sku, "Name": item.name, "Option1": item.sku[-1]}
                for item in items
            ],
        }
        for family, items in members.items()
        if ask.text("Sku").lower() in family.lower()
    ]  # fmt: skip
    return ask.page("ProductFamilies", rows)


def availability(ask: Ask) -> dict[str, Any]:
    """GET /ref/productavailability: one row per SKU, location, bin and batch; StockOnHand is money."""
    rows = availability_rows(ask.books)
    for name, column in (
        ("Sku", "SKU"),
        ("Location", "Location"),
        ("Batch", "Batch"),
        ("ID", "ID"),
        ("Category", "_category"),
    ):
        wanted = ask.text(name).lower()
        if wanted:
            rows = [row for row in rows if str(row[column] or "").lower() == wanted]
    name = ask.text("Name").lower()
    rows = [row for row in rows if row["Name"].lower().startswith(name)]
    if ask.rule("zero_rows") == "omitted":
        rows = [row for row in rows if row["OnHand"] or row["Available"] or row["Allocated"]]
    for row in rows:
        del row["_category"]
    return ask.page("ProductAvailabilityList", rows)


def availability_rows(books: Books, skus: Iterable[str] | None = None) -> list[dict[str, Any]]:
    """Return availability rows of some SKUs or all; what is allocated shows on a location's first row."""
    chosen = None if skus is None else set(skus)
    rows = []
    seen: set[tuple[str, str]] = set()
    for slot in _slots(books):
        if chosen is not None and slot.sku not in chosen:
            continue
        first = (slot.sku, slot.location_id) not in seen
        seen.add((slot.sku, slot.location_id))
        rows.append(_availability(books, slot, first=first))
    return rows


def _slots(books: Books) -> list[Slot]:
    slots = list(books.stock.slots)
    for product in books.catalogue.products.values():
        # A kit has a row although it lies nowhere: it can be assembled.
        if product.kit and not any(slot.sku == product.sku for slot in slots):
            slots.append(Slot(product.sku, books.catalogue.default_location().id))
    known = {(slot.sku, slot.location_id) for slot in slots}
    slots += [
        Slot(sku, where) for (sku, where), held in books.stock.allocated.items() if held and (sku, where) not in known
    ]
    return slots


def _availability(books: Books, slot: Slot, *, first: bool) -> dict[str, Any]:
    product = books.catalogue.product(sku=slot.sku)
    place = books.catalogue.place(slot.bin_id or slot.location_id) or Place(books.catalogue.default_location())
    on_hand, value = books.stock.in_slot(slot)
    allocated = books.stock.allocated.get((slot.sku, slot.location_id), ZERO) if first else ZERO
    available = on_hand - allocated
    if product and product.kit and first:
        available += max(ZERO, sellable(books, product, slot.location_id))
    return {
        "ID": product.id if product else None, "SKU": slot.sku, "Name": product.name if product else "",
        "Barcode": product.barcode if product else "", "Location": place.location.name,
        "Bin": place.bin.name if place.bin else None, "Batch": slot.batch, "ExpiryDate": business_date(slot.expiry),
        "OnHand": on_hand, "Allocated": allocated, "Available": available, "OnOrder": ZERO, "StockOnHand": four(value),
        "InTransit": ZERO, "NextDeliveryDate": None, "_category": product.category if product else "",
    }  # fmt: skip
