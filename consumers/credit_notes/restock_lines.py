"""The restock lines of one credit note, and the units that must wait because nobody knows their batch or parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from consumers.credit_notes.checks import NOT_STOCK
from consumers.credit_notes.matter import Matter, Placed, hold
from consumers.shared.dispositions import Unplaced
from consumers.shared.kits import Recipe, recipe_of
from consumers.shared.picks import PickPool, tied
from consumers.shared.posting_day import zone_of
from consumers.shared.waits import Held
from schemas.sales import StockLine
from schemas.terms import Disposition


@dataclass(slots=True)
class PutBack:
    """Restock lines, the units that stay on the note (with or without goods), and what a person must know."""

    lines: list[StockLine] = field(default_factory=list)
    units: list[Placed] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def put_back(matter: Matter, group: Sequence[Placed], pool: PickPool) -> PutBack:
    """Take the goods of these units out of the shipped picks; a product whose batch or parts are unknown holds its
    units."""
    result = PutBack(units=[one for one in group if one.destination is None])
    moving = sorted((one for one in group if one.destination), key=_by_product)
    for product_id, pieces in groupby(moving, key=lambda one: one.sold.line.product_id):
        units = list(pieces)
        found = _back(matter, units, product_id, pool)
        if isinstance(found, Unplaced):
            result.held += [hold(one, matter, found.kind, found.cause, found.next_step) for one in units]
        elif isinstance(found, str):
            result.remarks.append(found)
            result.units += [replace(one, destination=None, fate=NOT_STOCK) for one in units]
        else:
            result.lines += tied(one.parts for one in found)
            result.units += found
    return result


def _by_product(placed: Placed) -> tuple[str, str, str]:
    place = placed.destination.location_id if placed.destination else ""
    return placed.sold.line.product_id, place, placed.unit.returned_item_id


def _back(matter: Matter, units: Sequence[Placed], product_id: str, pool: PickPool) -> list[Placed] | Unplaced | str:
    """The units with their goods; or why they wait; or, as a remark, why nothing of them is put back."""
    sku = units[0].sold.line.sku
    recipe = {product_id: 1} if pool.shipped(product_id) else recipe_of(matter.sale, product_id)
    if recipe is None:
        return f"{sku}: no shipment of it on the sale, so nothing is restocked"
    found = recipe if isinstance(recipe, Unplaced) else _taken(matter, units, recipe, pool)
    if isinstance(found, Unplaced) and matter.accepted(found.kind):
        return f"{sku}: credited without restock, as a person decided"
    return found


def _taken(matter: Matter, units: Sequence[Placed], recipe: Recipe, pool: PickPool) -> list[Placed] | Unplaced:
    """Every unit with one piece, or as many of each component as its bundle holds."""
    invoice = units[0].sold.invoice.number
    places = [one.destination for one in units if one.destination]
    for product_id, count in recipe.items():
        trouble = pool.trouble(product_id, invoice, places * count)
        if trouble is not None:
            return trouble
    return [_not_expired(matter, _with_parts(one, recipe, pool, invoice)) for one in units]


def _with_parts(one: Placed, recipe: Recipe, pool: PickPool, invoice: str) -> Placed:
    if one.destination is None:
        return one
    pieces = [
        pool.take(product_id, invoice, one.destination) for product_id, count in recipe.items() for _ in range(count)
    ]
    return replace(one, parts=tied(pieces))


def _not_expired(matter: Matter, one: Placed) -> Placed:
    """Goods past their date never go back on sale: they go to quarantine, where the merchant has one."""
    today = matter.now.astimezone(zone_of(matter.tenant)).date()
    cage = matter.facts.locations.get(matter.terms.quarantine_location)
    fresh = all(part.expiry is None or part.expiry > today for part in one.parts)
    if fresh or one.fate != Disposition.RESTOCK or cage is None:
        return one
    parts = tuple(replace(part, restock_location_id=cage.location_id, restock_location=cage.name) for part in one.parts)
    return replace(one, destination=cage, fate=Disposition.QUARANTINE.value, parts=parts)
