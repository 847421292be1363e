"""What the exchange watch knows before it decides: the return, the exchange's sale in Cin7, and the stock for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from consumers.case import Case, Done
from consumers.shared.gate import goods_received
from consumers.shared.order_names import handle_of
from schemas.actions import AuthoriseOrder, LinkExchangeOrder
from schemas.concerns import Concern
from schemas.money import Money, total
from schemas.returns import ExchangeItem, ExchangeOrder, Unit
from schemas.sales import ORDER_DRAFTS, ORDER_STATUSES, Sale, Tenant


@dataclass(frozen=True, slots=True)
class Sighting:
    """One exchange order as seen now. `sale` is its sale in Cin7, None where there is none, a Concern where it is not
    clear; `available` is what Cin7 could promise at the sale's location, by SKU (empty: not asked). The items carry
    Cin7's SKUs."""

    order: ExchangeOrder
    units: tuple[Unit, ...]
    items: tuple[ExchangeItem, ...] = ()
    sale: Sale | Concern | None = None
    available: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def handle(self) -> str:
        """What this exchange is called in business keys."""
        return handle_of(self.order)

    @property
    def name(self) -> str:
        """The order as a person knows it, with its number in Cin7 where it has one."""
        return f"{self.order.name} ({self.known.order_number})" if self.known else self.order.name

    @property
    def unit_ids(self) -> tuple[str, ...]:
        """The ids of the swapped units."""
        return tuple(sorted(unit.returned_item_id for unit in self.units))

    @property
    def known(self) -> Sale | None:
        """The sale, where there is exactly one."""
        return self.sale if isinstance(self.sale, Sale) else None

    @property
    def in_draft(self) -> bool:
        """Whether Cin7 holds the order as a draft."""
        return self.known is not None and not self.known.voided and self.known.order_status in ORDER_DRAFTS

    @property
    def out(self) -> bool:
        """Whether the order left Draft in Cin7."""
        if self.known is None or self.known.voided or self.known.order_status not in ORDER_STATUSES:
            return False
        return self.known.order_status not in ORDER_DRAFTS

    @property
    def shipped(self) -> bool:
        """Whether its goods have left, as far as Cin7 knows."""
        return self.known is not None and any(parcel.shipped for parcel in self.known.fulfilments)

    def wanted(self) -> dict[str, Decimal]:
        """What must be in stock, by Cin7 SKU: the order's lines, else what the portal says the shopper chose."""
        found: dict[str, Decimal] = {}
        if self.known is not None and self.known.order_lines:
            rows = [(line.sku, line.quantity) for line in self.known.order_lines if not line.drop_ship]
        else:
            rows = [(item.sku, Decimal(item.quantity)) for item in self.items if item.sku]
        for sku, quantity in rows:
            found[sku] = found.get(sku, Decimal(0)) + quantity
        return found

    def value(self) -> Money | None:
        """The gross of the new order: Cin7's figure, else the portal's prices, else what is swapped."""
        if self.known is not None and self.known.order_total:
            return self.known.order_total
        prices = [item.price * item.quantity for item in self.items if item.price]
        amounts = prices or [unit.gross for unit in self.units]
        currencies = {money.currency for money in amounts}
        return total(amounts, amounts[0].currency) if len(currencies) == 1 else None


@dataclass(frozen=True, slots=True)
class ExchangeFacts:
    """Everything read for one return."""

    sightings: tuple[Sighting, ...] = ()
    tenant: Tenant | None = None


# -- what the ledger remembers ----------------------------------------------------------------------------------------


def real_units(handle: str) -> tuple[str, ...]:
    """The unit of the record "the portal made it a real order"."""
    return (f"exchange:{handle}:real",)


def out_units(handle: str) -> tuple[str, ...]:
    """The unit of the record "it left Draft everywhere"."""
    return (f"exchange:{handle}:out",)


def release_units(handle: str) -> tuple[str, ...]:
    """The unit of the release itself, and of the comment that proposes it."""
    return (f"exchange:{handle}",)


def linked(case: Case, units: tuple[str, ...]) -> Done | None:
    """The record with this unit, once it is written."""
    return next((e for e in case.effects if isinstance(e.action, LinkExchangeOrder) and e.units == units), None)


def our_release(case: Case, sale: Sale) -> Done | None:
    """The release that Returnline itself made of this sale."""
    mine = (e for e in case.effects if isinstance(e.action, AuthoriseOrder) and e.confirmed)
    return next((e for e in mine if e.action is not None and e.action.sale_id == sale.sale_id), None)


def real_since(case: Case, sighting: Sighting) -> datetime | None:
    """When the exchange was first seen as a real order."""
    moments = [
        record.confirmed_at
        for units in (real_units(sighting.handle), out_units(sighting.handle))
        if (record := linked(case, units)) and record.confirmed_at
    ]
    return min(moments, default=None)


def closed(case: Case, sighting: Sighting) -> bool:
    """Whether nothing is left to watch: it is out of Draft, and every swapped item that must come back is back."""
    return linked(case, out_units(sighting.handle)) is not None and not still_out(case, sighting)


def still_out(case: Case, sighting: Sighting) -> tuple[Unit, ...]:
    """The swapped items that must come back and are not in the warehouse."""
    return tuple(unit for unit in sighting.units if unit.needs_shipment and not goods_received(case.ret, unit))
