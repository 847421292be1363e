"""Warehouse work: completing and reversing transfers, write-offs and stock adjustments."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sandbox.books.catalogue import Place
from sandbox.books.ledger import ACCOUNTS, Books, Refused
from sandbox.books.numbers import ZERO, four, ten
from sandbox.books.stock import NotEnough, Piece, Slot, value_of
from sandbox.books.warehouse import Adjustment, AdjustmentLine, MoveLine, Transfer, WriteOff


def slot_at(place: Place, sku: str, batch: str | None = None, expiry: date | None = None) -> Slot:
    """Return the slot of a SKU at a place."""
    return Slot(sku, place.location.id, place.bin.id if place.bin else None, batch, expiry)


def _take(books: Books, place: Place, line: MoveLine) -> list[Piece]:
    books.stock_changed[line.sku] = None
    bin_id = place.bin.id if place.bin else None
    return books.stock.take(line.sku, place.location.id, line.quantity, bin_id=bin_id, batch=line.batch, any_bin=False)


def free_at(books: Books, place: Place, sku: str, batch: str | None) -> Decimal:
    """Return what may leave a place: what lies there, and no more than the location has promised to nobody."""
    lying = sum(
        (
            layer.quantity
            for layer in books.stock.layers_of(sku)
            if layer.slot.location_id == place.location.id
            and layer.slot.bin_id == (place.bin.id if place.bin else None)
            and batch in (None, layer.slot.batch)
        ),
        ZERO,
    )
    return min(lying, max(ZERO, books.stock.available(sku, place.location.id)))


def complete_transfer(books: Books, document: Transfer, now: datetime) -> None:
    """Move every line at its cost, or refuse all of them.

    Raises Refused with the text integrators measured.
    """
    source, target = books.place(document.source), books.place(document.target)
    for line in document.lines:
        free = free_at(books, source, line.sku, line.batch)
        if free < line.quantity:
            text = f"Available quantity for product (SKU: {line.sku}) is {ten(free)}, cannot transfer {line.quantity:f}"
            raise Refused(text)
    for line in document.lines:
        line.pieces = _take(books, source, line)
        for piece in line.pieces:
            slot = slot_at(target, line.sku, piece.slot.batch, piece.slot.expiry)
            books.stock.receive(slot, piece.quantity, piece.unit_cost, piece.received)
    document.status, document.updated = "COMPLETED", now


def reverse_transfer(books: Books, document: Transfer, now: datetime, *, void: bool) -> None:
    """Move everything back.

    Raises Refused when the moved units have left again.
    """
    if document.status == "COMPLETED":
        back = Transfer("", "", "DRAFT", document.target, document.source, "", document.lines, now)
        complete_transfer(books, back, now)
    document.status, document.updated = "VOIDED" if void else "DRAFT", now


def complete_write_off(books: Books, document: WriteOff) -> None:
    """Remove every line at its cost to the expense account.

    What is short is written into `errors` and leaves the document a draft (the API then answers 200 all the same).
    """
    place = books.place(document.place)
    document.errors = [text for line in document.lines if (text := _shortage(books, place, line))]
    if document.errors:
        return
    for line in document.lines:
        where = books.place(line.place) if line.place else place
        line.pieces = _take(books, where, line)
    cost = sum((value_of(line.pieces) for line in document.lines), ZERO)
    day = document.day or date.min
    legs = {document.account: cost, ACCOUNTS["inventory"]: -cost}
    books.post(document.task_id, day, document.number, "Inventory Write-Off", legs)
    document.status = "COMPLETED"


def _shortage(books: Books, place: Place, line: MoveLine) -> str | None:
    where = books.place(line.place) if line.place else place
    free = free_at(books, where, line.sku, line.batch)
    if free >= line.quantity:
        return None
    return f"Available quantity for product (SKU: {line.sku}) is {ten(free)}, cannot write off {line.quantity:f}"


def reverse_write_off(books: Books, document: WriteOff, *, void: bool) -> None:
    """Bring written-off units back at the cost they left with."""
    cost = sum((value_of(line.pieces) for line in document.lines), ZERO)
    for line in document.lines:
        for piece in line.pieces:
            books.stock.receive(piece.slot, piece.quantity, piece.unit_cost, piece.received)
            books.stock_changed[line.sku] = None
        line.pieces = []
    legs = {ACCOUNTS["inventory"]: cost, document.account: -cost}
    books.post(document.task_id, document.day or date.min, document.number, "Undo Inventory Write-Off", legs)
    document.status = "VOIDED" if void else "DRAFT"


def measure(books: Books, document: Adjustment, line: AdjustmentLine) -> None:
    """Fill what the books say now and what the line would change; the line's quantity is the new absolute one."""
    place = books.place(line.place)
    if line.batch and line.expiry is None:
        lots = (one for one in books.stock.slots if (one.sku, one.batch) == (line.sku, line.batch))
        line.expiry = next((one.expiry for one in lots), None)
    line.before = books.stock.in_slot(slot_at(place, line.sku, line.batch, line.expiry))[0]
    promised = ZERO if document.on_hand_is_target else books.stock.allocated[line.sku, place.location.id]
    line.change = line.target + promised - line.before
    line.is_new = line.before == 0


def complete_adjustment(books: Books, document: Adjustment) -> None:
    """Set each line's slot to its new quantity and book the difference.

    Raises Refused when a line would go below zero.
    """
    for line in document.lines:
        measure(books, document, line)
    for line in document.lines:
        line.value = _apply(books, books.place(line.place), line, document.day)
    total = sum((line.value for line in document.lines), ZERO)
    legs = {ACCOUNTS["inventory"]: total, document.account: -total}
    books.post(document.task_id, document.day, document.number, "Stock Adjustment", legs)
    document.status = "COMPLETED"


def _apply(books: Books, place: Place, line: AdjustmentLine, day: date) -> Decimal:
    books.stock_changed[line.sku] = None
    slot = slot_at(place, line.sku, line.batch, line.expiry)
    if line.change > 0:
        quantity, value = books.stock.in_slot(slot)
        cost = value / quantity if quantity else line.unit_cost
        return books.stock.receive(slot, line.change, four(cost), day).value
    if line.change == 0:
        return ZERO
    try:
        taken = books.stock.take(
            line.sku, slot.location_id, -line.change, bin_id=slot.bin_id, batch=line.batch, any_bin=False
        )
    except NotEnough as short:
        raise Refused(f"Quantity for product (SKU: {line.sku}) cannot be negative") from short
    return -value_of(taken)


def reverse_adjustment(books: Books, document: Adjustment, *, void: bool) -> None:
    """Take an adjustment back by the opposite change.

    Raises Refused when the added units have left again.
    """
    if document.status == "COMPLETED":
        total = ZERO
        for line in document.lines:
            lying = books.stock.in_slot(slot_at(books.place(line.place), line.sku, line.batch, line.expiry))[0]
            if line.change > lying:
                raise Refused(f"Quantity for product (SKU: {line.sku}) cannot be negative")
        for line in document.lines:
            line.change = -line.change
            total += _apply(books, books.place(line.place), line, document.day)
        legs = {ACCOUNTS["inventory"]: total, document.account: -total}
        books.post(document.task_id, document.day, document.number, "Undo Stock Adjustment", legs)
    document.status = "VOIDED" if void else "DRAFT"
