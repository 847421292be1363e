"""A unit beside its whole order: an exchange order, an order among others on one sale, a gift left behind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

from consumers.entitlement import Figures
from consumers.holds import Held
from consumers.matter import Matter, Placed, hold
from consumers.payouts import portal_price
from consumers.placing import compared, tolerance
from consumers.remaining import SoldLine, left_over
from consumers.sku_ladder import fold
from schemas.concerns import ConcernType
from schemas.merchant import GiftPolicy
from schemas.sales import PAID, DocumentLine, Invoice

#: What a person does about a sale of several orders.
DIVIDE = "credit this share by hand in Cin7, or waive this to credit the line found"


def not_from_an_exchange(placed: Placed, matter: Matter) -> Held | None:
    """A returned exchange item must be credited where its money is, never blindly on the replacement sale."""
    unit, ret = placed.unit, matter.case.ret
    taxless = unit.tax_told and unit.tax.amount == 0
    untaxed = unit.paid.amount > 0 and taxless and placed.sold.line.tax.amount > 0
    if matter.waived(ConcernType.RETURN_OF_EXCHANGE) or not (ret.original_order or untaxed):
        return None
    if not untaxed and _paid_here(placed, matter):
        return None
    origin = f"order {ret.original_order}" if ret.original_order else "another order (paid without tax on a taxed line)"
    cause = f"the item came by an exchange; the money was paid on {origin}"
    step = "credit it on the order where it was paid, or waive this to credit the invoice line of this sale"
    return hold(placed, matter, ConcernType.RETURN_OF_EXCHANGE, cause, step)


def _paid_here(placed: Placed, matter: Matter) -> bool:
    """Whether the exchange order's own invoice is paid and carries this very price and tax: then the money is here."""
    paid, each = portal_price(placed.unit, matter.sale.currency), placed.each
    if placed.sold.invoice.status != PAID or paid is None or each is None or each.tax <= 0:
        return False
    same_tax = abs(each.tax - placed.unit.tax.amount) <= tolerance(matter)
    return same_tax and abs(compared(each, placed.unit, matter) - paid.amount) <= tolerance(matter)


def share_is_ours(placed: Placed, matter: Matter) -> Held | None:
    """On a sale of several orders a line is this order's alone where no other line has its SKU and price, and it holds
    just the pieces that this return names."""
    kind = ConcernType.CONSOLIDATED_SALE_AMBIGUOUS
    if not matter.consolidated or matter.waived(kind):
        return None
    sku, sale = placed.sold.line.sku, matter.sale
    lines = [line for line in left_over(sale, (), matter.rule) if line.line.product_id == placed.sold.line.product_id]
    priced = [line for line in lines if _at_the_price(line, placed, matter)]
    if not any(line.place == placed.sold.place for line in priced):
        cause = f"sale {sale.order_number} holds several orders, and no line of {sku} in it has the price paid"
    elif len(priced) > 1 or priced[0].sold.quantity != _pieces_returned(placed, matter):
        cause = f"sale {sale.order_number} holds several orders, and other pieces of {sku} at this price are sold in it"
    else:
        return None
    return hold(placed, matter, kind, cause, DIVIDE, sku=sku)


def _at_the_price(sold: SoldLine, placed: Placed, matter: Matter) -> bool:
    paid = portal_price(placed.unit, matter.sale.currency)
    each = Figures(Decimal(1), sold.sold.extended / sold.sold.quantity, sold.sold.tax / sold.sold.quantity)
    return paid is not None and abs(compared(each, placed.unit, matter) - paid.amount) <= tolerance(matter)


def _pieces_returned(placed: Placed, matter: Matter) -> int:
    """The pieces of this SKU that the return names, credited ones included."""
    aliases = matter.facts.aliases
    wanted = fold(aliases.get(placed.unit.sku, placed.unit.sku))
    return sum(fold(aliases.get(unit.sku, unit.sku)) == wanted for unit in matter.case.ret.units)


def gift_settled(placed: Placed, matter: Matter) -> Held | None:
    """A free item that the shopper keeps while paid goods of the same invoice come back needs the merchant's word."""
    free = [] if placed.sold.line.total.amount <= 0 else _gifts_kept(placed.sold.invoice, matter)
    if not free or matter.waived(ConcernType.GIFT_UNEARNED):
        return None
    worth = sum((line.price.amount * pieces for line, pieces in free), Decimal(0))
    names = ", ".join(sorted({line.sku for line, _ in free}))
    cause = f"the order came with a free {names} (list price {matter.money(worth)}), which is not returned"
    step = 'claw it back in ReturnGO, or waive this; terms.gift_policy = "ignore" never asks'
    return hold(placed, matter, ConcernType.GIFT_UNEARNED, cause, step, gift=names, list_price=str(worth))


def _gifts_kept(invoice: Invoice, matter: Matter) -> list[tuple[DocumentLine, Decimal]]:
    """The free lines of the invoice of which pieces stay with the shopper, and how many."""
    if matter.terms.gift_policy is GiftPolicy.IGNORE or matter.consolidated:
        return []
    back = _free_pieces_back(invoice, matter)
    kept: list[tuple[DocumentLine, Decimal]] = []
    for line in (line for line in invoice.lines if _free(line)):
        taken = min(back[fold(line.sku)], line.quantity)
        back[fold(line.sku)] -= taken
        if taken < line.quantity:
            kept.append((line, line.quantity - taken))
    return kept


def _free(line: DocumentLine) -> bool:
    return line.total.amount == 0 and line.quantity > 0


def _free_pieces_back(invoice: Invoice, matter: Matter) -> defaultdict[str, Decimal]:
    """Free pieces by SKU that notes of the invoice credit already, or that this return brings: those without a price,
    and those that no paid line of the SKU has room for. What was looked for and not found stayed behind."""
    creditable = [one for one in matter.sale.invoices if one.creditable]
    notes = matter.sale.notes()
    own = [n for n in notes if n.invoice_number == invoice.number or (len(creditable) == 1 and not n.invoice_number)]
    back = _pieces(line for note in own for line in note.lines if _free(line))
    paid = _pieces(line for one in creditable for line in one.lines if not _free(line))
    for sku, pieces in _pieces(line for note in notes for line in note.lines if not _free(line)).items():
        paid[sku] -= pieces
    for sku, priced in _coming(matter):
        if priced and paid[sku] > 0:
            paid[sku] -= 1
        else:
            back[sku] += 1
    return back


def _pieces(lines: Iterable[DocumentLine]) -> defaultdict[str, Decimal]:
    counted: defaultdict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        counted[fold(line.sku)] += line.quantity
    return counted


def _coming(matter: Matter) -> list[tuple[str, bool]]:
    """SKU, and whether it was paid for, of every unit that no note credits yet and that was not missing."""
    credited = matter.case.covered("credit")
    open_units = [u for u in matter.case.ret.units if u.returned_item_id not in credited]
    there = [u for u in open_units if not (u.needs_shipment and u.inspection and not u.inspection.returned)]
    return [(fold(matter.facts.aliases.get(u.sku, u.sku)), u.paid.amount > 0) for u in there]
