"""Selling: orders, shipments, invoices and payments, each with its posting."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sandbox.books import events
from sandbox.books.catalogue import Product
from sandbox.books.journal import Leg
from sandbox.books.ledger import ACCOUNTS, Books, Refused
from sandbox.books.numbers import TWO_PLACES, ZERO, four, row_amount, tax_of
from sandbox.books.sales import Fulfilment, Invoice, Line, Payment, PickedLine, Sale, document_totals
from sandbox.books.stock import NotEnough, Piece, Slot


def price_line(books: Books, line: Line, *, inclusive: bool) -> Line:
    """Fill a line's amount, tax and Total by the tenant's own rules."""
    rule = books.catalogue.tax_rule(line.tax_rule)
    percent = rule.percent if rule else ZERO
    line.amount = row_amount(line.quantity, line.price, line.discount)
    line.tax = tax_of(line.amount, percent, inclusive=inclusive, rounding=books.rules["tax_rounding"])
    line.total = expected_total(books, line, inclusive=inclusive)
    return line


def expected_total(books: Books, line: Line, *, inclusive: bool) -> Decimal:
    """Return the one Total this tenant accepts for a line, its Tax taken as given."""
    amount = row_amount(line.quantity, line.price, line.discount)
    adds_tax = books.rules["total_rule"] == "plus_tax" and not inclusive
    return amount + four(line.tax) if adds_tax else amount


def authorise_order(books: Books, sale: Sale, now: datetime) -> None:
    """Authorise an order: allocate what is there and silently back-order the rest."""
    discount = Decimal(str(books.rules["auto_discount_percent"]))
    for line in sale.lines:
        if books.tenant.auto_discounts and discount and not line.discount:
            line.discount = discount
            price_line(books, line, inclusive=sale.tax_inclusive)
        _allocate(books, sale, line)
    sale.order_status = "AUTHORISED"
    books.touch(sale, now)
    books.tell("Sale/OrderAuthorised", events.order(sale, "Sale/OrderAuthorised"))
    if any(line.backorder for line in sale.lines):
        books.tell("Sale/Backordered", events.order(sale, "Sale/Backordered"))


def _allocate(books: Books, sale: Sale, line: Line) -> None:
    product = books.catalogue.product(sku=line.sku)
    if product is None or not product.keeps_stock or line.drop_ship:
        return
    free = max(ZERO, sellable(books, product, sale.location_id))
    taken = min(free, line.quantity)
    line.backorder = line.quantity - taken
    for sku, each in parts_of(product).items():
        books.stock.allocated[sku, sale.location_id] += taken * each
        sale.allocations[sku] = sale.allocations.get(sku, ZERO) + taken * each
        books.stock_changed[sku] = None


def parts_of(product: Product) -> dict[str, Decimal]:
    """Return what leaves the shelf for one unit: the product itself, or a kit's components."""
    return product.kit or {product.sku: Decimal(1)}


def sellable(books: Books, product: Product, location_id: str) -> Decimal:
    """Return what can be promised: own stock, or as many kits as the scarcest component makes."""
    if not product.kit:
        return books.stock.available(product.sku, location_id)
    return min(books.stock.available(sku, location_id) // each for sku, each in product.kit.items())


def ship(books: Books, sale: Sale, task: Fulfilment, now: datetime) -> None:
    """Authorise a shipment: stock leaves first in, first out, and its cost goes to cost of sales.

    Raises Refused when there is not enough on the shelf; then nothing has moved.
    """
    gone: list[Piece] = []
    try:
        for line in task.lines:
            product = books.catalogue.product(sku=line.sku)
            if product is not None and product.keeps_stock and not line.drop_ship:
                task.picked += _pick(books, sale, product, line, gone)
    except NotEnough as short:
        for piece in gone:
            books.stock.receive(piece.slot, piece.quantity, piece.unit_cost, piece.received)
        task.picked.clear()
        text = f"Not enough stock to pick {short.sku}: {short.available} available, {short.wanted} needed"
        raise Refused(text) from short
    task.shipped = True
    release_allocation(books, sale, task.lines)
    cost = sum((picked.piece.value for picked in task.picked), ZERO)
    accounts = {ACCOUNTS["cost_of_sales"]: cost, ACCOUNTS["inventory"]: -cost}
    books.post(task.task_id, task.day, sale.number, "Sale COGS", accounts)
    books.touch(sale, now)
    books.tell("Sale/ShipmentAuthorised", events.shipment(sale, task))


def _pick(books: Books, sale: Sale, product: Product, line: Line, gone: list[Piece]) -> list[PickedLine]:
    taken: list[Piece] = []
    for sku, each in parts_of(product).items():
        books.stock_changed[sku] = None
        pieces = books.stock.take(sku, sale.location_id, each * line.quantity, batch=line.batch)
        taken += pieces
        gone += pieces
    if not product.kit or product.picks_parts:
        return [PickedLine(piece, piece.slot.sku) for piece in taken]
    value = sum((piece.quantity * piece.unit_cost for piece in taken), ZERO)
    made = Piece(Slot(product.sku, sale.location_id), line.quantity, value / line.quantity, task_day(taken, sale.day))
    return [PickedLine(made, product.sku)]


def task_day(pieces: list[Piece], default: date) -> date:
    """Return the youngest receipt among pieces, which dates an assembled kit."""
    return max((piece.received for piece in pieces), default=default)


def release_allocation(books: Books, sale: Sale, lines: list[Line] | None = None) -> None:
    """Give back what an order had reserved: for the given lines, or (None) all of it."""
    if lines is None:
        for sku, quantity in sale.allocations.items():
            books.stock.allocated[sku, sale.location_id] -= quantity
            books.stock_changed[sku] = None
        sale.allocations.clear()
        return
    for line in lines:
        product = books.catalogue.product(sku=line.sku)
        for sku, each in (parts_of(product) if product else {}).items():
            given = min(sale.allocations.get(sku, ZERO), line.quantity * each)
            books.stock.allocated[sku, sale.location_id] -= given
            sale.allocations[sku] = sale.allocations.get(sku, ZERO) - given
            books.stock_changed[sku] = None


def authorise_invoice(books: Books, sale: Sale, invoice: Invoice, now: datetime) -> None:
    """Authorise an invoice: receivable against revenue and tax at the invoice's rate."""
    books.check_unlocked(invoice.day)
    legs = money_legs(books, [*invoice.lines, *invoice.charges], invoice.rate, inclusive=sale.tax_inclusive)
    books.post(invoice.task_id, invoice.day, invoice.number, "Sale", legs)
    invoice.status = "AUTHORISED"
    books.touch(sale, now)
    books.tell("Sale/InvoiceAuthorised", events.invoice(sale, invoice))


def money_legs(books: Books, lines: list[Line], rate: Decimal, *, inclusive: bool, sign: int = 1) -> list[Leg]:
    """Return the legs of an invoice (`sign` 1) or a credit note (-1) in base currency."""
    legs: list[Leg] = []
    for line in lines:
        rule = books.catalogue.tax_rule(line.tax_rule)
        net = line.amount - line.tax if inclusive else line.amount
        legs.append(Leg(line.account or "200", four(-sign * net * rate)))
        legs.append(Leg(rule.account if rule else ACCOUNTS["tax"], four(-sign * line.tax * rate)))
    owed = -sum((leg.amount for leg in legs), ZERO)
    return [Leg(ACCOUNTS["receivable"], owed), *legs]


def pay(books: Books, sale: Sale, payment: Payment, document_rate: Decimal, now: datetime) -> None:
    """Book money in (PAYMENT) or out (REFUND); a rate unlike the document's leaves an exchange difference."""
    books.check_unlocked(payment.day)
    sale.payments.append(payment)
    sign = -1 if payment.kind == "REFUND" else 1
    money, owed = four(payment.amount * payment.rate), four(payment.amount * document_rate)
    legs = [
        Leg(payment.account, sign * money),
        Leg(ACCOUNTS["receivable"], -sign * owed),
        Leg(ACCOUNTS["exchange"], sign * (owed - money)),
    ]
    books.post(payment.id, payment.day, payment.reference or sale.number, payment.kind.title(), legs)
    settle_invoices(sale)
    books.touch(sale, now)
    if payment.kind != "REFUND":
        books.tell(*events.payment(sale, payment))


def unpay(books: Books, sale: Sale, payment: Payment, now: datetime) -> None:
    """Take a payment back, with the opposite posting."""
    for entry in books.journal.of_task(payment.id)[-1:]:
        legs = [Leg(leg.account, -leg.amount) for leg in entry.legs]
        books.post(f"{payment.id}-undone", entry.day, entry.reference, f"Undo {entry.narration}", legs)
    sale.payments.remove(payment)
    settle_invoices(sale)
    books.touch(sale, now)


def settle_invoices(sale: Sale) -> None:
    """Turn an authorised invoice PAID when its payments cover it, and back."""
    for invoice in sale.invoices:
        if invoice.status not in ("AUTHORISED", "PAID"):
            continue
        paid = sum(
            (one.amount for one in sale.payments if one.task_id == invoice.task_id and one.kind != "REFUND"), ZERO
        )
        total = document_totals([*invoice.lines, *invoice.charges], inclusive=sale.tax_inclusive)[2]
        covered = paid >= total.quantize(TWO_PLACES) - Decimal("0.005")
        invoice.status = "PAID" if covered else "AUTHORISED"


def void_sale(books: Books, sale: Sale, now: datetime) -> None:
    """Void a sale: reverse its invoices, bring shipped stock back at its cost, free what was reserved.

    Raises Refused while a credit note is authorised.
    """
    if any(one.status == "AUTHORISED" for one in sale.notes):
        raise Refused("Sale has authorised credit notes. Undo them first")
    for invoice in sale.invoices:
        if invoice.status in ("AUTHORISED", "PAID"):
            books.post(invoice.task_id, invoice.day, invoice.number, "Void", _opposite(books, sale, invoice))
        invoice.status = "VOIDED"
    for task in sale.fulfilments:
        if task.shipped:
            _bring_back(books, task)
        task.shipped = False
    release_allocation(books, sale)
    sale.voided, sale.order_status = True, "VOIDED"
    books.touch(sale, now)
    books.tell("Sale/Voided", events.voided(sale))


def _opposite(books: Books, sale: Sale, invoice: Invoice) -> list[Leg]:
    lines = [*invoice.lines, *invoice.charges]
    return money_legs(books, lines, invoice.rate, inclusive=sale.tax_inclusive, sign=-1)


def _bring_back(books: Books, task: Fulfilment) -> None:
    cost = ZERO
    for picked in task.picked:
        piece = picked.piece
        books.stock.receive(piece.slot, piece.quantity, piece.unit_cost, piece.received)
        books.stock_changed[piece.slot.sku] = None
        cost += piece.value
    legs = {ACCOUNTS["inventory"]: cost, ACCOUNTS["cost_of_sales"]: -cost}
    books.post(task.task_id, task.day, str(task.number), "Undo COGS", legs)
