"""Which invoice line each unit belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import groupby

from consumers.credit_notes.entitlement import Figures, NotEnoughLeftError, share_of
from consumers.credit_notes.matter import Matter, Placed, hold
from consumers.credit_notes.remaining import SoldLine, settling_step
from consumers.shared.gate import UnitStanding
from consumers.shared.kits import part_of
from consumers.shared.refunds_told import portal_price
from consumers.shared.sku_match import SkuMatch, SkuMiss, climb
from consumers.shared.waits import HOUR, QUARTER, Held
from schemas.concerns import ConcernType
from schemas.returns import Unit
from schemas.sales import VOIDED, DocumentLine, Invoice

PARTS_BY_HAND = "part quantities are credited by hand: credit what came back in Cin7, and reject the unit in ReturnGO"


def match(unit: Unit, matter: Matter) -> SkuMatch | Held:
    """The product of the sale that the unit is, or why it waits."""
    invoiced = _invoiced(matter)
    found = climb(unit.sku, invoiced, matter.facts.aliases)
    if isinstance(found, SkuMatch):
        return found
    if found.kind is ConcernType.SKU_UNMATCHED:
        ordered = climb(unit.sku, matter.sale.order_lines, matter.facts.aliases)
        if isinstance(ordered, SkuMatch):
            return _not_invoiced(unit, f"{ordered.sku} is ordered, but not on an invoice yet")
        return _part(unit, matter) or _missed(unit, found if invoiced else ordered)
    return _missed(unit, found)


def _invoiced(matter: Matter) -> list[DocumentLine]:
    """The invoiced lines under every SKU the sale knows their products by: a product may be renamed after its sale."""
    lines = [line for invoice in _live(matter) for line in invoice.lines]
    of = {line.product_id: line for line in lines}
    others = {(pick.product_id, pick.sku) for fulfilment in matter.sale.fulfilments for pick in fulfilment.picks}
    others |= {(line.product_id, line.sku) for line in matter.sale.order_lines}
    known = {(line.product_id, line.sku) for line in lines}
    renamed = sorted(pair for pair in others - known if pair[0] in of and pair[1])
    return lines + [replace(of[product_id], sku=sku) for product_id, sku in renamed]


def _live(matter: Matter) -> list[Invoice]:
    return [invoice for invoice in matter.sale.invoices if invoice.status != VOIDED]


def _part(unit: Unit, matter: Matter) -> Held | None:
    bundles = part_of(matter.sale, unit.sku)
    if not bundles:
        return None
    cause = f"{unit.sku} is a part of bundle {' or '.join(bundles)}: its share of the price is nobody's rule"
    step = "return the whole bundle in ReturnGO, or credit the part by hand in Cin7 and reject the unit here"
    return Held(unit, cause, HOUR, ConcernType.KIT_RULE_MISSING, step)


def _missed(unit: Unit, miss: SkuMiss) -> Held:
    if not unit.sku.strip():
        return _nameless(unit, miss)
    near = ", ".join(miss.candidates)
    step = "tie the SKU to a Cin7 SKU of this sale" + (f" (nearest: {near})" if near else "")
    return Held(unit, miss.cause, HOUR, miss.kind, step, details={"sku": unit.sku, "candidates": near})


def _nameless(unit: Unit, miss: SkuMiss) -> Held:
    """A unit without SKU is named by what else is known of it: nobody can tie an empty SKU."""
    ids = f"item {unit.returned_item_id}" + (f", variant {unit.variant_id}" if unit.variant_id else "")
    cause = f"{unit.name or 'an item without name'} ({ids}) has no SKU in ReturnGO"
    step = "write the SKU on that variant in the shop and read the return again, or credit the unit by hand in Cin7"
    details = {"sku": "", "item": unit.returned_item_id, "variant": unit.variant_id, "name": unit.name}
    return Held(unit, cause, HOUR, miss.kind, step, details=details)


def _not_invoiced(unit: Unit, cause: str) -> Held:
    step = "authorise the invoice in Cin7; the credit note follows by itself"
    return Held(unit, cause, QUARTER, ConcernType.INVOICE_NOT_AUTHORISED, step)


def place(
    ready: Sequence[UnitStanding], matches: Mapping[str, SkuMatch], lines: Sequence[SoldLine], matter: Matter
) -> tuple[list[Placed], list[Held]]:
    """Each unit on the oldest invoice line of its product with room, a line at the price paid before others."""
    placed: list[Placed] = []
    held: list[Held] = []
    used: dict[tuple[str, int], int] = {}
    for standing in ready:
        found = matches[standing.unit.returned_item_id]
        own = [line for line in lines if line.line.product_id == found.product_id]
        free = [line for line in own if line.left.quantity >= used.get(line.place, 0) + 1]
        if not free:
            over = _coming_back(found.product_id, ready, matter) > sum(line.sold.quantity for line in own)
            held.append(_no_room(standing.unit, found, own, matter, over=over))
            continue
        sold = min(free, key=lambda line: not _at_price(line, standing.unit, matter))
        used[sold.place] = used.get(sold.place, 0) + 1
        placed.append(Placed(standing, sold, found.proposal))
    return placed, held


def _coming_back(product_id: str, ready: Sequence[UnitStanding], matter: Matter) -> int:
    """How many pieces of the product the return brings in all, credited ones and those on their way too: our own notes
    change nothing about it."""
    here = {one.unit.returned_item_id for one in ready} | matter.case.covered("credit")
    missing = {u.returned_item_id for u in matter.case.ret.units if u.inspection and not u.inspection.returned} - here
    found = [match(unit, matter) for unit in matter.case.ret.units if unit.returned_item_id not in missing]
    return sum(isinstance(one, SkuMatch) and one.product_id == product_id for one in found)


def _at_price(sold: SoldLine, unit: Unit, matter: Matter) -> bool:
    paid = portal_price(unit, matter.sale.currency)
    if paid is None:
        return True
    each = Figures(Decimal(1), sold.sold.extended / sold.sold.quantity, sold.sold.tax / sold.sold.quantity)
    return abs(compared(each, unit, matter) - paid.amount) <= tolerance(matter)


def compared(each: Figures, unit: Unit, matter: Matter) -> Decimal:
    """The entitlement on the same basis as the portal's figure: gross, or net where only a net shop price is known."""
    inclusive = matter.sale.tax_inclusive
    gross = unit.tax_included or unit.paid.currency == matter.sale.currency
    return each.gross(inclusive) if gross else each.net(inclusive)


def tolerance(matter: Matter) -> Decimal:
    """The difference per unit that passes: the merchant's, never below the smallest coin of the currency."""
    return max(matter.terms.amount_tolerance, matter.coin)


def _no_room(unit: Unit, found: SkuMatch, own: Sequence[SoldLine], matter: Matter, *, over: bool) -> Held:
    waiting = [
        invoice
        for invoice in _live(matter)
        if not invoice.creditable and any(line.product_id == found.product_id for line in invoice.lines)
    ]
    if waiting:
        names = ", ".join(f"{invoice.number or '(no number)'} is {invoice.status}" for invoice in waiting)
        return _not_invoiced(unit, f"the invoice is not authorised: {names}")
    notes = sorted({note for sold in own for note in sold.notes})
    sold = sum((line.sold.quantity for line in own), Decimal(0)).normalize()
    if notes and not over:
        cause = f"{found.sku}: all {sold:f} pieces sold are already credited by {', '.join(notes)}"
        step = settling_step(notes, matter.sale, matter.facts.claimed, "reject the unit in ReturnGO")
        return Held(unit, cause, HOUR, ConcernType.OVER_CREDIT, step, details={"notes": ", ".join(notes)})
    if any(part_of_a_piece(line) for line in own):
        cause = f"{found.sku}: {sold:f} was sold, no whole number of pieces, and ReturnGO returns whole pieces only"
        return Held(unit, cause, HOUR, ConcernType.OVER_RETURN, PARTS_BY_HAND)
    cause = f"{found.sku}: more pieces are returned than the {sold:f} sold"
    step = "correct the quantity in ReturnGO"
    return Held(unit, cause, HOUR, ConcernType.OVER_RETURN, step)


def part_of_a_piece(sold: SoldLine) -> bool:
    """Whether the line was sold, or is left, in parts of a piece, such as metres: ReturnGO knows whole pieces only."""
    return any(figure.quantity % 1 for figure in (sold.sold, sold.left))


def value(placed: Sequence[Placed], matter: Matter) -> tuple[list[Placed], list[Held]]:
    """Tell each unit what one piece is worth; hold a line's units where the amount left does not suffice."""
    valued: list[Placed] = []
    held: list[Held] = []
    for _, group in groupby(sorted(placed, key=_by_line), key=lambda p: p.sold.place):
        units = list(group)
        try:
            share = line_share(units, matter)
        except NotEnoughLeftError as short:
            held += [_short(one, matter, short) for one in units]
            continue
        each = Figures(Decimal(1), share.extended / len(units), share.tax / len(units))
        valued += [replace(one, each=each) for one in units]
    return valued, held


def _by_line(placed: Placed) -> tuple[str, int, str]:
    return (*placed.sold.place, placed.unit.returned_item_id)


def line_share(units: Sequence[Placed], matter: Matter) -> Figures:
    """What these units of one invoice line are worth together. Raises NotEnoughLeftError."""
    sold = units[0].sold
    return share_of(sold.sold, sold.left, len(units), matter.coin, matter.tax_rounding)


def _short(placed: Placed, matter: Matter, short: NotEnoughLeftError) -> Held:
    named = sorted(set(placed.sold.notes))
    notes = ", ".join(named)
    cause = f"{placed.sold.line.sku}: the amount still creditable does not suffice ({short}); credited by {notes}"
    step = settling_step(named, matter.sale, matter.facts.claimed, "credit the rest by hand")
    return hold(placed, matter, ConcernType.OVER_CREDIT, cause, step, notes=notes)
