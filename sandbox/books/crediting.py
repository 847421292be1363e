"""Credit notes: money back, goods back at the cost they left with, and the way back from both."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from sandbox.books import events
from sandbox.books.catalogue import Place, Product
from sandbox.books.ledger import ACCOUNTS, Books, Refused
from sandbox.books.numbers import ZERO
from sandbox.books.sales import CreditNote, PickedLine, RestockLine, Sale
from sandbox.books.selling import money_legs
from sandbox.books.stock import NotEnough, Slot, value_of


def authorise_note(books: Books, sale: Sale, note: CreditNote, now: datetime) -> None:
    """Authorise a note: revenue and tax back, receivable down, and (by rule `restock_posts`) the goods in.

    Raises Refused on a locked date.
    """
    books.check_unlocked(note.day)
    lines = [*note.lines, *note.charges]
    legs = money_legs(books, lines, note.rate, inclusive=sale.tax_inclusive, sign=-1)
    books.post(note.task_id, note.day, f"{note.invoice_number}/{note.number}", "Credit note", legs)
    note.status = "AUTHORISED"
    if note.restock and books.rules["restock_posts"] == "with_authorise":
        post_restock(books, sale, note)
    books.touch(sale, now)
    books.tell("Sale/CreditNoteAuthorised", events.credit_note(sale, note))


def post_restock(books: Books, sale: Sale, note: CreditNote) -> None:
    """Put the note's goods on the shelf and reverse their cost of sales."""
    value = ZERO
    for line in note.restock:
        product = books.catalogue.product(sku=line.sku)
        if product is None or not product.keeps_stock:
            continue
        place = books.place(line.to_place)
        slot = Slot(line.sku, place.location.id, place.bin.id if place.bin else None, line.batch, line.expiry)
        for quantity, cost in list(_costs(books, sale, note, line)):
            line.pieces.append(books.stock.receive(slot, quantity, cost, line.day or note.day))
        value += value_of(line.pieces)
        books.stock_changed[line.sku] = None
    legs = {ACCOUNTS["inventory"]: value, ACCOUNTS["cost_of_sales"]: -value}
    books.post(note.task_id, note.day, f"{note.invoice_number}/{note.number}", "Restock", legs)
    note.restock_status = "AUTHORISED"


def _costs(books: Books, sale: Sale, note: CreditNote, line: RestockLine) -> Iterator[tuple[Decimal, Decimal]]:
    """Yield (quantity, unit cost) for the units coming back; more units than left take the last known cost."""
    left, last = line.quantity, _latest_cost(books, line.sku)
    use_latest = books.rules["restock_cost"] == "latest"
    for picked in _shipped_units(sale, note, line):
        back = min(left, picked.piece.quantity - picked.returned)
        if not use_latest:
            last = picked.piece.unit_cost
        if back > 0:
            picked.returned += back
            left -= back
            yield back, last
    if left > 0:
        yield left, last


def _latest_cost(books: Books, sku: str) -> Decimal:
    latest = books.stock.latest_cost(sku)
    product = books.catalogue.product(sku=sku)
    return latest if latest is not None else (product.cost if product else ZERO)


def _shipped_units(sale: Sale, note: CreditNote, line: RestockLine) -> list[PickedLine]:
    """Return the sale's shipments of this SKU, those of the credited invoice first."""
    linked = [
        picked
        for task in sorted(sale.fulfilments, key=lambda one: one.invoice_number != note.invoice_number)
        if task.shipped
        for picked in task.picked
    ]
    return [one for one in linked if one.sku == line.sku and line.batch in (None, one.piece.slot.batch)]


def shipped_batches(sale: Sale, sku: str) -> set[str | None]:
    """Return the batches of a SKU that left the shelf for this sale."""
    return {picked.piece.slot.batch for picked in sale.picked() if picked.sku == sku}


def pick_place(books: Books, sale: Sale, product: Product) -> Place | None:
    """Return where a SKU was picked from for this sale."""
    for picked in sale.picked():
        if picked.sku == product.sku:
            return books.place(picked.piece.slot.bin_id or picked.piece.slot.location_id)
    return None


def unwind_note(books: Books, sale: Sale, note: CreditNote, now: datetime, *, void: bool) -> None:
    """Undo (back to DRAFT) or void a note, with its posting and its restock.

    Raises Refused while refunds hang on it or when the restocked units have left again.
    """
    if any(money.task_id == note.task_id and money.kind == "REFUND" for money in sale.payments):
        raise Refused("Credit note has refunds. Remove them first")
    if note.status == "AUTHORISED":
        _unwind_restock(books, sale, note)
        legs = money_legs(books, [*note.lines, *note.charges], note.rate, inclusive=sale.tax_inclusive)
        books.post(note.task_id, note.day, f"{note.invoice_number}/{note.number}", "Undo credit note", legs)
    note.status = "VOIDED" if void else "DRAFT"
    books.touch(sale, now)
    books.tell("Sale/Undo", events.undone(sale))


def _unwind_restock(books: Books, sale: Sale, note: CreditNote) -> None:
    _check_still_there(books, note)
    value = ZERO
    for line in note.restock:
        place, quantity = books.place(line.to_place), sum((piece.quantity for piece in line.pieces), ZERO)
        bin_id = place.bin.id if place.bin else None
        taken = books.stock.take(line.sku, place.location.id, quantity, bin_id=bin_id, batch=line.batch, any_bin=False)
        value += value_of(taken)
        line.pieces.clear()
        _forget_returned(sale, note, line)
        books.stock_changed[line.sku] = None
    legs = {ACCOUNTS["cost_of_sales"]: value, ACCOUNTS["inventory"]: -value}
    books.post(note.task_id, note.day, note.number, "Undo restock", legs)
    note.restock_status = "DRAFT" if note.restock else "NOT AVAILABLE"


def _check_still_there(books: Books, note: CreditNote) -> None:
    for line in note.restock:
        place, wanted = books.place(line.to_place), sum((piece.quantity for piece in line.pieces), ZERO)
        slot = Slot(line.sku, place.location.id, place.bin.id if place.bin else None, line.batch, line.expiry)
        there = books.stock.in_slot(slot)[0]
        if there < wanted:
            raise Refused(str(NotEnough(line.sku, there, wanted)))


def _forget_returned(sale: Sale, note: CreditNote, line: RestockLine) -> None:
    left = line.quantity
    for picked in _shipped_units(sale, note, line):
        back = min(left, picked.returned)
        picked.returned -= back
        left -= back
