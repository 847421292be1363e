"""What must be true of a placed unit before it is credited. Each check answers None, or why the unit waits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal

from consumers.credit_notes.entitlement import Figures
from consumers.credit_notes.matter import Matter, Placed, hold
from consumers.credit_notes.placing import PARTS_BY_HAND, compared, part_of_a_piece, tolerance
from consumers.credit_notes.remaining import SoldLine, left_over
from consumers.shared.dispositions import Unplaced, checked_location, rule_for, unmapped, wanted_location
from consumers.shared.findings import AWAITED, DROP_SHIP, drop_shipped, serial_differs
from consumers.shared.refunds_told import portal_price
from consumers.shared.sku_match import fold
from consumers.shared.waits import Held
from schemas.concerns import ConcernType
from schemas.sales import PAID, SERVICE, DocumentLine, Invoice, TaxRule
from schemas.terms import Disposition, DispositionRule, EffectOwner, GiftPolicy

#: What a person does about a sale of several orders.
DIVIDE = "credit this share by hand in Cin7, or accept this to credit the line found"


def not_from_an_exchange(placed: Placed, matter: Matter) -> Held | None:
    """A returned exchange item must be credited where its money is, never blindly on the replacement sale."""
    unit, ret = placed.unit, matter.case.ret
    taxless = unit.tax_told and unit.tax.amount == 0
    untaxed = unit.paid.amount > 0 and taxless and placed.sold.line.tax.amount > 0
    if matter.accepted(ConcernType.RETURN_OF_EXCHANGE) or not (ret.original_order or untaxed):
        return None
    if not untaxed and _paid_here(placed, matter):
        return None
    origin = f"order {ret.original_order}" if ret.original_order else "another order (paid without tax on a taxed line)"
    cause = f"the item came by an exchange; the money was paid on {origin}"
    step = "credit it on the order where it was paid, or accept this to credit the invoice line of this sale"
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
    if not matter.consolidated or matter.accepted(kind):
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
    if not free or matter.accepted(ConcernType.GIFT_UNEARNED):
        return None
    worth = sum((line.price.amount * pieces for line, pieces in free), Decimal(0))
    names = ", ".join(sorted({line.sku for line, _ in free}))
    cause = f"the order came with a free {names} (list price {matter.money(worth)}), which is not returned"
    step = 'claw it back in ReturnGO, or accept this; terms.gift_policy = "ignore" never asks'
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


#: The fate of goods that are no stock of ours: services, non-inventory products.
NOT_STOCK = "not_stock"


def serial_agrees(placed: Placed, matter: Matter) -> Held | None:
    """Goods with another serial than the one sold are not credited: a mix-up, or worse."""
    if matter.accepted(ConcernType.SERIAL_MISMATCH) or not serial_differs(placed.unit):
        return None
    cause = f"{placed.sold.line.sku}: the inspection says that the serial is not the one that was sold"
    step = "compare the serial with the shipment in Cin7; correct the inspection, reject the unit, or accept this"
    return hold(placed, matter, ConcernType.SERIAL_MISMATCH, cause, step)


def price_agrees(placed: Placed, matter: Matter) -> Held | None:
    """The invoice's share and the portal's price must agree per unit, in the sale's currency, within the tolerance."""
    if placed.each is None:
        return None
    paid = portal_price(placed.unit, matter.sale.currency)
    if paid is None:
        return _currency(placed, matter)
    share = matter.money(compared(placed.each, placed.unit, matter)).quantized()
    if abs(share.amount - paid.amount) <= tolerance(matter) or matter.accepted(ConcernType.AMOUNT_MISMATCH):
        return None
    parts = part_of_a_piece(placed.sold)
    return hold(
        placed,
        matter,
        ConcernType.AMOUNT_MISMATCH,
        f"{placed.sold.line.sku}: the invoice gives {share} for one piece, the portal says {paid} was paid",
        PARTS_BY_HAND if parts else "find out which figure is right; accept this to credit the invoice's share",
        invoice=str(share.amount),
        portal=str(paid.amount),
    )


def _currency(placed: Placed, matter: Matter) -> Held | None:
    if matter.accepted(ConcernType.CURRENCY_MISMATCH):
        return None
    seen = sorted({placed.unit.paid.currency, placed.unit.shop_paid.currency})
    cause = f"the sale is in {matter.sale.currency}, the portal only knows {' and '.join(seen)}"
    step = "check the order's currency; accept this to credit the invoice's share unchecked"
    return hold(placed, matter, ConcernType.CURRENCY_MISMATCH, cause, step)


def tax_rule_usable(placed: Placed, matter: Matter) -> Held | None:
    """The line's tax rule must be active, or have a successor that is."""
    name = placed.sold.line.tax_rule
    if credited_tax_rule(name, matter) is not None:
        return None
    cause = f"tax rule {name!r} of the invoice line is not active in Cin7 and has no usable successor"
    step = f"name a successor for {name!r} in the shop's settings, or activate the rule in Cin7"
    return hold(placed, matter, ConcernType.TAX_RULE_UNKNOWN, cause, step, tax_rule=name)


def credited_tax_rule(name: str, matter: Matter) -> str | None:
    """The tax rule to write: the invoice line's own, else its active successor, else None."""
    if matter.accepted(ConcernType.TAX_RULE_UNKNOWN):
        return name
    rule = active_tax_rule(name, matter)
    return rule.name if rule else None


def active_tax_rule(name: str, matter: Matter) -> TaxRule | None:
    """The tax rule of this name, or its successor, if Cin7 still takes it."""
    for wanted in (name, matter.terms.tax_successors.get(name, "")):
        rule = matter.facts.tax_rules.get(wanted)
        if rule is not None and rule.active:
            return rule
    return None


def destined(placed: Placed, matter: Matter) -> Placed | Held:
    """The unit with the place its goods go back to: none where not received, kept, not our stock or not our task."""
    if not placed.unit.needs_shipment:
        return replace(placed, fate=Disposition.KEEP.value)
    if not placed.standing.goods:
        return replace(placed, fate=AWAITED)
    if not stocked(placed, matter):
        return replace(placed, fate=DROP_SHIP if drop_shipped(placed.sold.line, matter.sale) else NOT_STOCK)
    rule = rule_for(placed.unit, matter.terms)
    if matter.terms.restock_owner is not EffectOwner.RETURNLINE and not _holds(rule):
        return placed
    return _destined_by(rule, placed, matter)


def _holds(rule: DispositionRule | None) -> bool:
    return rule is not None and rule.disposition is Disposition.HOLD


def _destined_by(rule: DispositionRule | None, placed: Placed, matter: Matter) -> Placed | Held:
    wanted = unmapped(placed.unit) if rule is None else wanted_location(placed.unit, rule, matter.terms)
    found = checked_location(wanted, matter.facts.locations) if isinstance(wanted, str) else wanted
    if isinstance(found, Unplaced):
        skipped = matter.accepted(found.kind)
        return placed if skipped else hold(placed, matter, found.kind, found.cause, found.next_step)
    return replace(placed, destination=found, fate=rule.disposition.value if rule else "")


def stocked(placed: Placed, matter: Matter) -> bool:
    """Whether the line is stock of ours: not a service sale, not dropshipped, not a non-inventory product."""
    line = placed.sold.line
    if matter.sale.kind == SERVICE or drop_shipped(line, matter.sale):
        return False
    picks = [p for f in matter.sale.fulfilments for p in f.picks if p.product_id == line.product_id]
    return not any(pick.non_inventory for pick in picks)


#: In the order a person would ask them.
CHECKS: tuple[Callable[[Placed, Matter], Held | None], ...] = (
    serial_agrees,
    not_from_an_exchange,
    share_is_ours,
    price_agrees,
    tax_rule_usable,
    gift_settled,
)
