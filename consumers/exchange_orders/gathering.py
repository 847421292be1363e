"""Reading for the exchange watch: as few calls as the next decision needs."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from consumers.case import Case
from consumers.consumer import Books
from consumers.exchange_orders.facts import ExchangeFacts, Sighting, closed
from consumers.exchange_orders.obstacles import before_stock
from consumers.shared.go_live import held_back
from consumers.shared.order_names import exchanged_units, exchanges_of, names_of, on_original
from schemas.returns import AGREED_STATUSES, ENDED_STATUSES, ExchangeOrder
from schemas.terms import Terms


def gather(case: Case, terms: Terms, books: Books) -> ExchangeFacts:
    """Read the sale of each exchange that is not closed, and the stock only where nothing else is in the way."""
    tenant = books.tenant() if terms.go_live else None
    if held_back(case, terms, tenant) is not None:
        return ExchangeFacts(tenant=tenant)
    if case.ret.status not in AGREED_STATUSES | ENDED_STATUSES:
        return ExchangeFacts(tenant=tenant)
    return ExchangeFacts(tuple(_seen(case, order, terms, books) for order in exchanges_of(case.ret)), tenant)


def _seen(case: Case, order: ExchangeOrder, terms: Terms, books: Books) -> Sighting:
    ret, units = case.ret, exchanged_units(case.ret)
    told = tuple(item for unit in units for item in unit.exchange_items) + ret.exchange_items
    sighting = Sighting(order, units, tuple(replace(item, sku=_cin7_sku(item.sku, terms, books)) for item in told))
    if on_original(ret, order) or closed(case, sighting):
        return sighting
    sighting = replace(sighting, sale=books.exchange_sale(names_of(ret, order, terms.exchange_marker)))
    stuck = ret.status in ENDED_STATUSES or sighting.out or before_stock(case, sighting, terms)
    return sighting if stuck else replace(sighting, available=_available(sighting, terms, books))


def _available(sighting: Sighting, terms: Terms, books: Books) -> dict[str, Decimal]:
    """Available, not on hand: what is promised to others is not there for this one."""
    sellable = {place for place in (*terms.sellable_locations, terms.sellable_location) if place}
    named = {sighting.known.location} if sighting.known and sighting.known.location else sellable
    places = {place.strip().casefold() for place in named}
    return {sku: _promise(sku, wanted, places, books) for sku, wanted in sorted(sighting.wanted().items())}


def _promise(sku: str, wanted: Decimal, places: set[str], books: Books) -> Decimal:
    rows = books.stock_of(sku)
    if not rows and not books.keeps_stock(sku):
        return wanted
    return sum((row.available for row in rows if row.location.casefold() in places or not places), Decimal(0))


def _cin7_sku(sku: str, terms: Terms, books: Books) -> str:
    return terms.sku_aliases.get(sku) or books.alias(sku) or sku
