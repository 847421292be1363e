"""Showing adjustments, transfers and write-offs as the API does."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.books.ledger import Books
from sandbox.books.numbers import ZERO
from sandbox.books.stock import value_of
from sandbox.books.warehouse import Adjustment, AdjustmentLine, MoveLine, Transfer, WriteOff
from sandbox.cin7.render import business_date, stamp


def adjustment_row(one: Adjustment) -> dict[str, Any]:
    """Show an adjustment's list row."""
    return {
        "TaskID": one.task_id, "EffectiveDate": business_date(one.day, one.task_id), "StocktakeNumber": one.number,
        "Status": one.status, "Account": one.account, "Reference": one.reference, "Comment": one.comment,
    }  # fmt: skip


def adjustment(books: Books, one: Adjustment) -> dict[str, Any]:
    """Show an adjustment; an existing line's `Adjustment` is the new quantity."""
    old = [_counted(books, line) | {"Adjustment": line.target} for line in one.lines if not line.is_new]
    new = [
        _counted(books, line) | {"Quantity": line.target, "UnitCost": line.unit_cost, "ReceivedDate": None}
        for line in one.lines
        if line.is_new
    ]
    moved = one.status == "COMPLETED"
    pairs = [_pair(books, "630", one.account, line.value, one) for line in one.lines if moved and line.value]
    return adjustment_row(one) | {"ExistingStockLines": old, "NewStockLines": new, "Transactions": pairs}


def _counted(books: Books, line: AdjustmentLine) -> dict[str, Any]:
    product = books.catalogue.product(sku=line.sku)
    place = books.place(line.place)
    return {
        "ProductID": line.product_id, "SKU": line.sku, "ProductName": product.name if product else None,
        "QuantityOnHand": line.before, "Available": books.stock.available(line.sku, place.location.id),
        "LocationID": line.place, "Location": place.label, "BatchSN": line.batch,
        "ExpiryDate": business_date(line.expiry), "Comments": line.comment,
    }  # fmt: skip


def _pair(books: Books, debit: str, credit: str, amount: Decimal, one: Adjustment) -> dict[str, Any]:
    names = [
        f"{code}: {account.name}" if (account := books.catalogue.account(code)) else code for code in (debit, credit)
    ]
    return {
        "Debit": names[0], "Credit": names[1], "Amount": amount, "EffectiveDate": business_date(one.day, one.task_id),
    }  # fmt: skip


def transfer_row(books: Books, one: Transfer) -> dict[str, Any]:
    """Show a transfer's list row."""
    return {
        "TaskID": one.task_id, "From": one.source, "FromLocation": books.place(one.source).label, "To": one.target,
        "ToLocation": books.place(one.target).label, "Status": one.status, "Number": one.number,
        "CompletionDate": business_date(one.completed, one.task_id),
        "DepartureDate": business_date(one.departed, one.task_id), "InTransitAccount": one.transit_account,
        "CostDistributionType": "Cost", "Reference": one.reference, "LastModifiedOn": stamp(one.updated),
    }  # fmt: skip


def transfer(books: Books, one: Transfer) -> dict[str, Any]:
    """Show a transfer."""
    lines = [_moved(books, line) | {"TransferQuantity": line.quantity, "SKU": line.sku} for line in one.lines]
    return transfer_row(books, one) | {"Lines": lines, "SkipOrder": True}


def _moved(books: Books, line: MoveLine) -> dict[str, Any]:
    product = books.catalogue.product(sku=line.sku)
    return {
        "ProductID": line.product_id, "ProductName": product.name if product else None, "BatchSN": line.batch,
        "ExpiryDate": None, "Comments": line.comment,
    }  # fmt: skip


def write_off_row(books: Books, one: WriteOff) -> dict[str, Any]:
    """Show a write-off's list row."""
    return {
        "TaskID": one.task_id, "InventoryWriteOffNumber": one.number, "Status": one.status, "LocationID": one.place,
        "Location": books.place(one.place).label, "Date": business_date(one.day, one.task_id), "Notes": one.notes,
    }  # fmt: skip


def write_off(books: Books, one: WriteOff) -> dict[str, Any]:
    """Show a write-off with its cost, postings and Errors."""
    cost = sum((value_of(line.pieces) for line in one.lines), ZERO)
    lines = [
        _moved(books, line)
        | {"ProductCode": line.sku, "Quantity": line.quantity, "BinID": line.place, "Cost": value_of(line.pieces)}
        for line in one.lines
    ]
    names = [
        f"{code}: {account.name}" if (account := books.catalogue.account(code)) else code
        for code in (one.account, "630")
    ]
    posted = {
        "Debit": names[0],
        "Credit": names[1],
        "Amount": cost,
        "EffectiveDate": business_date(one.day, one.task_id),
    }
    return write_off_row(books, one) | {
        "Account": one.account, "EffectiveDate": business_date(one.day, one.task_id), "Lines": lines, "TotalCost": cost,
        "Transactions": [posted] if one.status == "COMPLETED" else [], "Errors": list(one.errors),
    }  # fmt: skip
