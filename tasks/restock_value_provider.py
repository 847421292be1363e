"""Reading back at which value a credit note's goods came into stock: one read in the idle lane, nothing is sent."""

from __future__ import annotations

from collections.abc import Mapping

from consumers.goods_value import came_back, issued_range
from pipeline.cin7 import Cin7
from pipeline.ledger.effects import Outcome
from pipeline.quota import Lane
from schemas.actions import Action, VerifyRestock
from schemas.sales import Sale
from tasks.credit_note_provider import asking
from tasks.perform import Finding, Found

_UNKNOWN = ""


class RestockValueProvider:
    """Looks; there is nothing to send."""

    def __init__(self, cin7: Cin7) -> None:
        self._cin7 = cin7

    def look_up(self, action: Action, progress: Mapping[str, str]) -> Finding:
        """The value of the note's restock, and between which costs the goods had left (base currency); "" where the
        sale does not tell."""
        wanted = _check(action)
        with asking():
            sale = self._cin7.sale(wanted.sale_id, lane=Lane.BULK)
        details = figures(sale, wanted)
        return Found({}, Outcome(reference=wanted.task_id, number=details["note"], details=details))

    def send(self, action: Action, progress: Mapping[str, str]) -> Found:
        """Never called: every look-up finds an answer."""
        raise TypeError("a restock value is only read")


def figures(sale: Sale, wanted: VerifyRestock) -> dict[str, str]:
    """What the sale says about the note's goods."""
    parts = tuple(part for goods in wanted.goods for part in goods.parts)
    note = next((one for one in sale.credit_notes if one.task_id == wanted.task_id), None)
    value, left = came_back(sale, wanted.task_id, parts), issued_range(sale, parts)
    return {
        "note": note.number if note else _UNKNOWN,
        "value": str(value) if value is not None else _UNKNOWN,
        "low": str(left.low) if left else _UNKNOWN,
        "high": str(left.high) if left else _UNKNOWN,
    }


def _check(action: Action) -> VerifyRestock:
    if not isinstance(action, VerifyRestock):
        raise TypeError(f"a restock-value provider cannot perform {type(action).__name__}")
    return action
