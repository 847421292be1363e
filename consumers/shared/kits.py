"""Bundles by the bill of materials *as sold*: what was picked that no invoice line sells under its own SKU."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal

from consumers.shared.dispositions import Unplaced
from schemas.concerns import ConcernType
from schemas.sales import VOIDED, DocumentLine, Sale, StockLine

#: How many of each component product one bundle holds.
Recipe = Mapping[str, int]


def recipe_of(sale: Sale, product_id: str) -> Recipe | Unplaced | None:
    """What one piece of this unpicked product was made of; None where nothing was picked in its place.

    Today's bill of materials is not asked: the shipment says what this shopper got.
    """
    loose = loose_parts(sale)
    if not loose:
        return None
    if not all(fulfilment.shipped for fulfilment in sale.fulfilments):
        return _missing("the sale is not wholly shipped, so the parts of one bundle cannot be counted")
    bundles = bundles_of(sale)
    if set(bundles) != {product_id}:
        names = ", ".join(sorted(_name(sale, one) for one in bundles))
        return _missing(
            f"parts were picked for {len(bundles)} bundles at once ({names}): nobody can tell which is whose"
        )
    sold = bundles[product_id]
    each = {part: quantity / sold for part, quantity in loose.items()}
    if any(count != count.to_integral_value() for count in each.values()):
        return _missing(f"the parts picked do not divide by the {sold.normalize():f} bundles sold")
    return {part: int(count) for part, count in sorted(each.items())}


def part_of(sale: Sale, sku: str) -> tuple[str, ...]:
    """The SKUs of the bundles of which `sku` may be a part; empty where it is none."""
    loose = loose_parts(sale)
    if not any(pick.sku == sku and pick.product_id in loose for pick in _picks(sale)):
        return ()
    return tuple(sorted(_name(sale, product) for product in bundles_of(sale)))


def loose_parts(sale: Sale) -> dict[str, Decimal]:
    """What was picked beyond what lines sell under the same product."""
    left: Counter[str] = Counter()
    for pick in _picks(sale):
        left[pick.product_id] += pick.quantity  # type: ignore[assignment]
    for line in _lines(sale):
        if line.product_id in left:
            left[line.product_id] -= line.quantity  # type: ignore[assignment]
    return {product: Decimal(quantity) for product, quantity in left.items() if quantity > 0}


def bundles_of(sale: Sale) -> dict[str, Decimal]:
    """The stock products that lines sell but nobody picked, with the quantity sold."""
    picked = {pick.product_id for pick in _picks(sale)}
    found: dict[str, Decimal] = {}
    for line in _lines(sale):
        if line.product_id not in picked and not line.drop_ship:
            found[line.product_id] = found.get(line.product_id, Decimal(0)) + line.quantity
    return found


def _picks(sale: Sale) -> list[StockLine]:
    return [p for f in sale.fulfilments if f.shipped for p in f.picks if not p.non_inventory]


def _lines(sale: Sale) -> list[DocumentLine]:
    return [line for invoice in sale.invoices if invoice.status != VOIDED for line in invoice.lines]


def _name(sale: Sale, product_id: str) -> str:
    return next((line.sku for line in _lines(sale) if line.product_id == product_id), product_id)


def _missing(cause: str) -> Unplaced:
    step = "accept this to credit without restock, and put the parts back in Cin7 by hand"
    return Unplaced(ConcernType.KIT_RULE_MISSING, cause, step)
