"""What must be true of a placed unit before it is credited. Each check answers None, or why the unit waits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from consumers.dispositions import Unplaced, checked_location, rule_for, unmapped, wanted_location
from consumers.findings import AWAITED, DROP_SHIP, drop_shipped, serial_differs
from consumers.holds import Held
from consumers.matter import Matter, Placed, hold
from consumers.order_checks import gift_settled, not_from_an_exchange, share_is_ours
from consumers.payouts import portal_price
from consumers.placing import PARTS_BY_HAND, compared, part_of_a_piece, tolerance
from schemas.concerns import ConcernType
from schemas.merchant import Disposition, DispositionRule, EffectOwner
from schemas.sales import SERVICE, TaxRule

#: The fate of goods that are no stock of ours: services, non-inventory products.
NOT_STOCK = "not_stock"


def serial_agrees(placed: Placed, matter: Matter) -> Held | None:
    """Goods with another serial than the one sold are not credited: a mix-up, or worse."""
    if matter.waived(ConcernType.SERIAL_MISMATCH) or not serial_differs(placed.unit):
        return None
    cause = f"{placed.sold.line.sku}: the inspection says that the serial is not the one that was sold"
    step = "compare the serial with the shipment in Cin7; correct the inspection, reject the unit, or waive this"
    return hold(placed, matter, ConcernType.SERIAL_MISMATCH, cause, step)


def price_agrees(placed: Placed, matter: Matter) -> Held | None:
    """The invoice's share and the portal's price must agree per unit, in the sale's currency, within the tolerance."""
    if placed.each is None:
        return None
    paid = portal_price(placed.unit, matter.sale.currency)
    if paid is None:
        return _currency(placed, matter)
    share = matter.money(compared(placed.each, placed.unit, matter)).quantized()
    if abs(share.amount - paid.amount) <= tolerance(matter) or matter.waived(ConcernType.AMOUNT_MISMATCH):
        return None
    parts = part_of_a_piece(placed.sold)
    return hold(
        placed,
        matter,
        ConcernType.AMOUNT_MISMATCH,
        f"{placed.sold.line.sku}: the invoice gives {share} for one piece, the portal says {paid} was paid",
        PARTS_BY_HAND if parts else "find out which figure is right; waive this to credit the invoice's share",
        invoice=str(share.amount),
        portal=str(paid.amount),
    )


def _currency(placed: Placed, matter: Matter) -> Held | None:
    if matter.waived(ConcernType.CURRENCY_MISMATCH):
        return None
    seen = sorted({placed.unit.paid.currency, placed.unit.shop_paid.currency})
    cause = f"the sale is in {matter.sale.currency}, the portal only knows {' and '.join(seen)}"
    step = "check the order's currency; waive this to credit the invoice's share unchecked"
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
    if matter.waived(ConcernType.TAX_RULE_UNKNOWN):
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
        skipped = matter.waived(found.kind)
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
