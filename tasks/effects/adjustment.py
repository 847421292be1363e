"""Stock adjustments at Cin7 Core: the new figure is absolute, so it is read immediately before and compared after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from pipeline.calls.quota import Priority
from pipeline.cin7 import Cin7
from schemas.actions import AdjustStock
from schemas.cin7.stock import StockDocument, adjustment_body
from schemas.effects import Outcome
from schemas.sales import AvailabilityRow, StockLine
from tasks.effects.asking import asking, before_any_byte
from tasks.effects.protocol import DiffersError, Finding, Found
from tasks.effects.stock_document import COMPLETED, marked_by, outcome_of


class AdjustmentProvider:
    """Puts counted units into stock."""

    def __init__(self, cin7: Cin7) -> None:
        self._cin7 = cin7

    def look_up(self, wanted: AdjustStock, progress: Mapping[str, str]) -> Finding:
        """Our adjustment by its mark; the list knows no search, so all of it is read."""
        with asking():
            found = marked_by(wanted.marker, self._cin7.find_adjustments(wanted.marker))
            if not isinstance(found, StockDocument):
                return found
            document = self._cin7.adjustment(found.task_id)
        return Found({"task_id": document.task_id, "adopted": "yes"}, _outcome(wanted, document))

    def send(self, wanted: AdjustStock, progress: Mapping[str, str]) -> Found:
        """One read of what is on hand, one POST of that figure plus ours."""
        with asking():
            rows = self._cin7.availability_of(wanted.line.sku, priority=Priority.MONEY)
        before = on_hand(rows, wanted.line)
        with before_any_byte():
            document = self._cin7.post_adjustment(adjustment_body(wanted, before))
        if document is None:
            figure = before + wanted.line.quantity
            why = f"stock already was {figure} when we set it: somebody put the goods there meanwhile"
            raise DiffersError((why,), {"before": str(before)})
        if document.status != COMPLETED:
            why = f"adjustment {document.number or document.task_id} is {document.status}, not {COMPLETED}"
            raise DiffersError((why,), {"task_id": document.task_id})
        return Found({"task_id": document.task_id, "before": str(before)}, _outcome(wanted, document))


def on_hand(rows: Iterable[AvailabilityRow], line: StockLine) -> Decimal:
    """What lies where the line goes: in the location itself, or in the bin of that name, in its batch."""
    place = line.restock_location or line.location
    here = (row for row in rows if (row.bin or row.location) == place and row.batch == line.batch)
    return sum((row.on_hand for row in here), Decimal(0))


def _outcome(wanted: AdjustStock, document: StockDocument) -> Outcome:
    """The document says itself which figure it replaced, so what it really changed is known even after a crash."""
    found = [
        line for line in document.lines if line.product_id == wanted.line.product_id or line.sku == wanted.line.sku
    ]
    if len(found) != 1 or len(document.lines) != 1:
        return outcome_of(document, [f"it has {len(document.lines)} lines, not one of {wanted.line.sku}"])
    [line] = found
    if line.before is None or line.quantity - line.before == wanted.line.quantity:
        return outcome_of(document)
    added = line.quantity - line.before
    moved = (
        f"stock of {line.sku} was {line.before} when it became {line.quantity}: {added} were added instead of "
        f"{wanted.line.quantity}, because something else moved it meanwhile"
    )
    return outcome_of(document, details={"moved": moved})
