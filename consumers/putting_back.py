"""The restock lines of one credit note, and the units that must wait because nobody knows their batch or parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from consumers.dispositions import Unplaced
from consumers.holds import Held
from consumers.matter import Matter, Placed, hold
from consumers.restocking import PickPool
from consumers.unit_checks import NOT_STOCK
from schemas.concerns import ConcernType
from schemas.sales import StockLine


@dataclass(slots=True)
class PutBack:
    """Restock lines, the units that stay on the note (with or without goods), and what a person must know."""

    lines: list[StockLine] = field(default_factory=list)
    units: list[Placed] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def put_back(matter: Matter, group: Sequence[Placed], pool: PickPool) -> PutBack:
    """Take the goods of these units out of the shipped picks; a product whose batch is unknown holds its units."""
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
            result.lines += found
            result.units += units
    return result


def _by_product(placed: Placed) -> tuple[str, str]:
    return placed.sold.line.product_id, placed.unit.returned_item_id


def _back(
    matter: Matter, units: Sequence[Placed], product_id: str, pool: PickPool
) -> tuple[StockLine, ...] | Unplaced | str:
    sku = units[0].sold.line.sku
    if pool.shipped(product_id):
        places = [one.destination for one in units if one.destination]
        found = pool.restock(product_id, units[0].sold.invoice.number, places)
    else:
        found = _never_shipped(matter, sku, pool)
    if isinstance(found, Unplaced) and matter.waived(found.kind):
        return f"{sku}: credited without restock, as a person decided"
    return found or f"{sku}: no shipment of it on the sale, so nothing is restocked"


def _never_shipped(matter: Matter, sku: str, pool: PickPool) -> tuple[StockLine, ...] | Unplaced:
    sold = frozenset(line.product_id for invoice in matter.sale.invoices for line in invoice.lines)
    if not pool.components(sold):
        return ()
    cause = f"{sku} was not picked itself, but parts were: it looks like a bundle without a rule for its restock"
    step = "waive this to credit without restock, and put the parts back in Cin7 by hand"
    return Unplaced(ConcernType.KIT_RULE_MISSING, cause, step)
