"""Restock lines: goods go to the place the merchant chose, out of the location and batch the sale was picked from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from consumers.shared.dispositions import Unplaced
from schemas.concerns import ConcernType
from schemas.sales import CreditNote, Location, Sale, StockLine


@dataclass(slots=True)
class _Pick:
    line: StockLine
    invoice_number: str
    left: Decimal


class PickPool:
    """The shipped picks of a sale, less what earlier notes already put back."""

    def __init__(self, sale: Sale, notes: Iterable[CreditNote]) -> None:
        self._picks = [
            _Pick(line, fulfilment.invoice_number, line.quantity)
            for fulfilment in sale.fulfilments
            if fulfilment.shipped
            for line in fulfilment.picks
            if not line.non_inventory
        ]
        for back in (line for note in notes for line in note.restock):
            self.put_back(back)

    def put_back(self, back: StockLine) -> None:
        """Count these goods as back, out of their own batch and location first."""
        rest = back.quantity
        same = [pick for pick in self._picks if pick.line.product_id == back.product_id]
        for pick in sorted(same, key=lambda p: (p.line.batch != back.batch, p.line.location_id != back.location_id)):
            taken = min(rest, pick.left)
            pick.left -= taken
            rest -= taken

    def of(self, product_id: str, invoice_number: str) -> list[_Pick]:
        """What is still out of this product, the invoice's own shipment first."""
        out = [pick for pick in self._picks if pick.line.product_id == product_id and pick.left > 0]
        return sorted(out, key=lambda pick: pick.invoice_number != invoice_number)

    def shipped(self, product_id: str) -> bool:
        """Whether any of the product was picked and shipped."""
        return any(pick.line.product_id == product_id for pick in self._picks)

    def restock(
        self, product_id: str, invoice_number: str, destinations: Sequence[Location]
    ) -> tuple[StockLine, ...] | Unplaced:
        """Restock lines for one piece per destination, taken out of the pool; or why a person must name the batch."""
        trouble = self.trouble(product_id, invoice_number, destinations)
        if trouble is not None:
            return trouble
        return tied(self.take(product_id, invoice_number, place) for place in by_place(destinations))

    def trouble(self, product_id: str, invoice_number: str, destinations: Sequence[Location]) -> Unplaced | None:
        """Why these pieces cannot be taken out of the pool; None where they can."""
        picks = self.of(product_id, invoice_number)
        out = sum((pick.left for pick in picks), Decimal(0))
        count = len(destinations)
        if count > out:
            return _batch(f"{count} pieces came back, but the sale's shipments show {out.normalize():f} still out")
        batches = {pick.line.batch for pick in picks}
        places = {place.location_id for place in destinations}
        if len(batches) > 1 and (count < out or len(places) > 1):
            return _batch(f"the pieces were shipped from {len(batches)} batches ({', '.join(sorted(batches))})")
        return None

    def take(self, product_id: str, invoice_number: str, place: Location) -> tuple[StockLine, ...]:
        """The restock lines of one piece, taken out of the pool. Ask `trouble` before."""
        lines: list[StockLine] = []
        missing = Decimal(1)
        for pick in self.of(product_id, invoice_number):
            part = min(missing, pick.left)
            pick.left -= part
            missing -= part
            lines.append(_back(pick.line, place, part))
            if not missing:
                break
        return tuple(lines)


def by_place(destinations: Iterable[Location]) -> list[Location]:
    """The destinations in the order in which pieces are taken."""
    return sorted(destinations, key=lambda location: location.location_id)


def tied(pieces: Iterable[tuple[StockLine, ...]]) -> tuple[StockLine, ...]:
    """The pieces with those of one origin, batch and destination in one line each."""
    lines: dict[StockLine, Decimal] = {}
    for line in (line for piece in pieces for line in piece):
        kind = replace(line, quantity=Decimal(0))
        lines[kind] = lines.get(kind, Decimal(0)) + line.quantity
    return tuple(replace(kind, quantity=quantity) for kind, quantity in lines.items())


def _back(pick: StockLine, place: Location, quantity: Decimal) -> StockLine:
    return replace(pick, quantity=quantity, restock_location_id=place.location_id, restock_location=place.name)


def _batch(cause: str) -> Unplaced:
    step = (
        "accept this to credit without restock, and put the goods back in Cin7 by hand under the right batch or serial"
    )
    return Unplaced(ConcernType.BATCH_SERIAL_REQUIRED, cause, step)
