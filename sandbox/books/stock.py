"""Stock: quantities per SKU, place and batch, in cost layers that leave first in, first out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sandbox.books.numbers import ZERO, four


class NotEnough(Exception):  # noqa: N818  (the field's words)
    """Less stock than asked for; `available` says how much there is."""

    def __init__(self, sku: str, available: Decimal, wanted: Decimal) -> None:
        super().__init__(f"{sku}: {available} there, {wanted} wanted")
        self.sku, self.available, self.wanted = sku, available, wanted


@dataclass(frozen=True)
class Slot:
    """Where units of one SKU lie: location, bin and batch with expiry."""

    sku: str
    location_id: str
    bin_id: str | None = None
    batch: str | None = None
    expiry: date | None = None


@dataclass
class Layer:
    """Units received together at one cost (base currency, per unit)."""

    slot: Slot
    quantity: Decimal
    unit_cost: Decimal
    received: date
    seq: int


@dataclass(frozen=True)
class Piece:
    """Units that moved together at one cost."""

    slot: Slot
    quantity: Decimal
    unit_cost: Decimal
    received: date

    @property
    def value(self) -> Decimal:
        """Cost of the whole piece in base currency, four decimals."""
        return four(self.quantity * self.unit_cost)


def value_of(pieces: Iterable[Piece]) -> Decimal:
    """Return the cost of pieces together."""
    return sum((piece.value for piece in pieces), ZERO)


class StockRoom:
    """All layers and allocations of a tenant."""

    def __init__(self) -> None:
        self._shelves: dict[str, list[Layer]] = {}
        self.slots: dict[Slot, None] = {}
        self.allocated: dict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
        self._seq = 0

    @property
    def layers(self) -> list[Layer]:
        """Every cost layer there is."""
        return [layer for shelf in self._shelves.values() for layer in shelf]

    def layers_of(self, sku: str) -> list[Layer]:
        """Return the cost layers of one SKU."""
        return self._shelves.get(sku, [])

    def receive(self, slot: Slot, quantity: Decimal, unit_cost: Decimal, received: date) -> Piece:
        """Put units on the shelf as a new cost layer."""
        if quantity <= 0:
            raise ValueError(f"quantity received of {slot.sku} must be above 0, not {quantity}")
        self.slots[slot] = None
        shelf = self._shelves.setdefault(slot.sku, [])
        same = (
            layer for layer in shelf if (layer.slot, layer.unit_cost, layer.received) == (slot, unit_cost, received)
        )
        known = next(same, None)
        if known is not None:
            known.quantity += quantity
        else:
            self._seq += 1
            shelf.append(Layer(slot, quantity, unit_cost, received, self._seq))
        return Piece(slot, quantity, unit_cost, received)

    def take(
        self, sku: str, location_id: str, quantity: Decimal, *, bin_id: str | None = None, batch: str | None = None,
        any_bin: bool = True,
    ) -> list[Piece]:  # fmt: skip
        """Take units off the shelf, oldest layer first.

        Raises NotEnough and takes nothing when there are fewer.
        """
        chosen = self._layers(sku, location_id, bin_id, batch, any_bin=any_bin)
        there = sum((layer.quantity for layer in chosen), ZERO)
        if there < quantity:
            raise NotEnough(sku, there, quantity)
        pieces, left = [], quantity
        for layer in chosen:
            moved = min(layer.quantity, left)
            if moved <= 0:
                break
            layer.quantity -= moved
            left -= moved
            pieces.append(Piece(layer.slot, moved, layer.unit_cost, layer.received))
        self._shelves[sku] = [layer for layer in self.layers_of(sku) if layer.quantity > 0]
        return pieces

    def _layers(
        self, sku: str, location_id: str, bin_id: str | None, batch: str | None, *, any_bin: bool
    ) -> list[Layer]:
        found = [
            layer
            for layer in self.layers_of(sku)
            if layer.slot.location_id == location_id
            and (any_bin or layer.slot.bin_id == bin_id)
            and (batch is None or layer.slot.batch == batch)
        ]
        return sorted(found, key=lambda layer: (layer.slot.expiry or date.max, layer.received, layer.seq))

    def on_hand(self, sku: str, location_id: str | None = None) -> Decimal:
        """Return the units on the shelf, in one location or everywhere."""
        return sum(
            (layer.quantity for layer in self.layers_of(sku) if location_id in (None, layer.slot.location_id)),
            ZERO,
        )

    def in_slot(self, slot: Slot) -> tuple[Decimal, Decimal]:
        """Return quantity and value (base currency) lying in exactly this slot."""
        layers = [layer for layer in self.layers_of(slot.sku) if layer.slot == slot]
        quantity = sum((layer.quantity for layer in layers), ZERO)
        return quantity, sum((layer.quantity * layer.unit_cost for layer in layers), ZERO)

    def available(self, sku: str, location_id: str) -> Decimal:
        """Return what is on the shelf and promised to nobody; may be negative."""
        return self.on_hand(sku, location_id) - self.allocated[sku, location_id]

    def latest_cost(self, sku: str) -> Decimal | None:
        """Return the unit cost of the newest layer, if any unit lies anywhere."""
        layers = self.layers_of(sku)
        return max(layers, key=lambda layer: (layer.received, layer.seq)).unit_cost if layers else None

    def value(self) -> Decimal:
        """Return the value of everything on the shelves, base currency, each layer at four decimals."""
        return sum((four(layer.quantity * layer.unit_cost) for layer in self.layers), ZERO)
