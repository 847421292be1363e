"""Goods that came after their credit: into stock by a stock adjustment, since a note is never posted twice for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from consumers.case import Case
from consumers.shared.dispositions import Unplaced, checked_location, rule_for, unmapped, wanted_location
from consumers.shared.findings import drop_shipped, seen_of, serial_differs
from consumers.shared.gate import goods_received
from consumers.shared.goods_value import cost_of
from consumers.shared.kits import recipe_of
from consumers.shared.picks import PickPool
from consumers.shared.sku_match import SkuMatch, climb
from consumers.shared.waits import HOUR, QUARTER, Held
from consumers.stock_adjustments.facts import GoodsFacts
from consumers.stock_adjustments.whereabouts import State, Whereabouts
from schemas.actions import AdjustStock, UnitGoods
from schemas.concerns import ConcernType
from schemas.sales import SERVICE, VOIDED, DocumentLine, Location, Sale
from schemas.terms import Disposition, DispositionRule, EffectOwner, Terms


@dataclass(frozen=True, slots=True)
class Arrival:
    """One unit to be put into stock at `place`; its goods' one part says batch and origin."""

    now: Whereabouts
    goods: UnitGoods
    place: Location


@dataclass(slots=True)
class Arrivals:
    """What came, what waits, and what a person should know."""

    found: list[Arrival] = field(default_factory=list)
    claims: list[Whereabouts] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def arrivals_of(case: Case, log: Sequence[Whereabouts], facts: GoodsFacts, terms: Terms) -> Arrivals:
    """Every unit credited without its goods whose goods are there now."""
    result = Arrivals()
    if facts.sale is None or terms.restock_owner is not EffectOwner.RETURNLINE:
        return result
    pool = _pool(facts.sale, case)
    for one in log:
        came = one.state is State.AWAITED and not one.busy and goods_received(case.ret, one.unit)
        if not came or one.goods is None or serial_differs(one.unit):
            continue
        found = _arrival(one, one.goods, facts, facts.sale, terms, pool)
        if isinstance(found, Unplaced):
            if found.kind not in case.accepted:
                result.held.append(Held(one.unit, found.cause, HOUR, found.kind, found.next_step, one.goods.gross))
        elif isinstance(found, Arrival):
            result.found.append(found)
        elif found is None:
            result.claims.append(one)
        else:
            result.remarks.append(found)
    return result


def held_by_trouble(case: Case, log: Sequence[Whereabouts], facts: GoodsFacts) -> list[Held]:
    """The units that wait because the sale could not be named."""
    if facts.trouble is None or facts.trouble.kind in case.accepted:
        return []
    wait = facts.trouble
    return [
        Held(one.unit, wait.cause, QUARTER, wait.kind, wait.next_step)
        for one in log
        if one.state is State.AWAITED and goods_received(case.ret, one.unit)
    ]


def _pool(sale: Sale, case: Case) -> PickPool:
    """What is still out: less what notes put back and what arrivals of this return put back before."""
    pool = PickPool(sale, sale.notes())
    for effect in case.effects:
        if effect.confirmed and isinstance(effect.action, AdjustStock):
            pool.put_back(effect.action.line)
    return pool


def _arrival(
    one: Whereabouts, goods: UnitGoods, facts: GoodsFacts, sale: Sale, terms: Terms, pool: PickPool
) -> Arrival | Unplaced | str | None:
    """None for a supplier's goods, a text where nothing is to be done."""
    line = _line(one, facts, sale)
    if line is None:
        return Unplaced(
            ConcernType.SKU_UNMATCHED,
            f"{one.unit.sku} came after its credit, but no invoice line of the sale names it",
            "tie the SKU to a Cin7 SKU of this sale",
        )
    if drop_shipped(line, sale):
        return None
    if not _ours(line, sale):
        return f"{line.sku}: no stock item, so nothing is put into stock"
    rule = rule_for(one.unit, terms)
    if rule is not None and rule.disposition is Disposition.WRITE_OFF:
        return f"{line.sku}: came damaged after its credit; its cost stays in cost of sales, so nothing is written off"
    if rule is None:
        return unmapped(one.unit)
    place = _place(one, rule, facts, terms)
    if not isinstance(place, Location):
        return place
    return _into_stock(one, goods, line, rule, place, sale, pool)


def _line(one: Whereabouts, facts: GoodsFacts, sale: Sale) -> DocumentLine | None:
    lines = [line for invoice in sale.invoices if invoice.status != VOIDED for line in invoice.lines]
    found = climb(one.unit.sku, lines, facts.aliases)
    if not isinstance(found, SkuMatch):
        return None
    return next(line for line in lines if line.product_id == found.product_id)


def _ours(line: DocumentLine, sale: Sale) -> bool:
    picks = [p for f in sale.fulfilments for p in f.picks if p.product_id == line.product_id]
    return sale.kind != SERVICE and not any(pick.non_inventory for pick in picks)


def _place(one: Whereabouts, rule: DispositionRule, facts: GoodsFacts, terms: Terms) -> Location | Unplaced | str:
    wanted = wanted_location(one.unit, rule, terms)
    if wanted is None:
        return "the shopper keeps the goods, so nothing is put into stock"
    return checked_location(wanted, facts.locations) if isinstance(wanted, str) else wanted


def _into_stock(
    one: Whereabouts,
    goods: UnitGoods,
    line: DocumentLine,
    rule: DispositionRule,
    place: Location,
    sale: Sale,
    pool: PickPool,
) -> Arrival | Unplaced | str:
    if not pool.shipped(line.product_id):
        return _bundle(line, sale)
    trouble = pool.trouble(line.product_id, "", [place])
    if trouble is not None:
        step = "put the goods into stock in Cin7 by hand under the right batch or serial, then accept this"
        return Unplaced(trouble.kind, trouble.cause, step)
    [part, *others] = pool.take(line.product_id, "", place)
    cost = cost_of(sale, [part])
    if others or cost is None:
        return Unplaced(
            ConcernType.RESTOCK_VALUE_VARIANCE,
            f"{line.sku} came after its credit, and the sale does not tell what it cost when it left",
            "put it into stock in Cin7 by hand at its original cost, then accept this",
        )
    word = rule.disposition.value
    placed = UnitGoods(goods.unit, goods.gross, word, place.name, (part,), cost, seen_of(one.unit))
    return Arrival(one, placed, place)


def _bundle(line: DocumentLine, sale: Sale) -> Unplaced | str:
    if recipe_of(sale, line.product_id) is None:
        return f"{line.sku}: no shipment of it on the sale, so nothing is put into stock"
    return Unplaced(
        ConcernType.KIT_RULE_MISSING,
        f"{line.sku} is a bundle that came after its credit: its parts must be counted into stock by hand",
        "adjust the stock of the parts in Cin7 at their original cost, then accept this",
    )
