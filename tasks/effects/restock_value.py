"""Reading back at which value a credit note's goods came into stock; nothing is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal

from consumers.shared.goods_value import came_back, issued_range
from pipeline.calls.failures import NotFound
from pipeline.calls.quota import Priority
from pipeline.cin7 import Cin7
from schemas.actions import VerifyRestock
from schemas.effects import Outcome
from schemas.sales import AUTHORISED, Sale
from tasks.effects.asking import asking
from tasks.effects.protocol import Finding, Found, LaterError

_UNKNOWN = ""
#: What rounding may add up to over the lines of one note, base currency.
_ROUNDING = Decimal("0.02")

#: The sum of a credit note's debits in the journal, by its number; None while it was not read.
Journal = Callable[[str], Decimal | None]


class RestockValueProvider:
    """Looks; there is nothing to send. The journal, read in bulk, answers for nothing where the value is as expected;
    the sale is read only where it is not, or where the journal stays silent for `patience`."""

    def __init__(self, cin7: Cin7, journal: Journal, waited: timedelta, patience: timedelta) -> None:
        self._cin7, self._journal = cin7, journal
        self._waited, self._patience = waited, patience

    def look_up(self, wanted: VerifyRestock, progress: Mapping[str, str]) -> Finding:
        """The value of the note's restock, and between which costs the goods had left (base currency); "" where Cin7
        does not tell."""
        details = self._from_journal(wanted)
        if details is None:
            with asking():
                details = figures(self._sale(wanted.sale_id), wanted)
        return Found({}, Outcome(reference=wanted.task_id, number=details["note"], details=details))

    def _sale(self, sale_id: str) -> Sale | None:
        try:
            return self._cin7.sale(sale_id, priority=Priority.BULK)
        except NotFound:
            return None

    def _from_journal(self, wanted: VerifyRestock) -> dict[str, str] | None:
        costs = [one.cost for one in wanted.goods]
        if not wanted.number or wanted.gross_base is None or None in costs:
            return None
        debits = self._journal(wanted.number)
        if debits is None:
            if self._waited < self._patience:
                raise LaterError(
                    (self._patience - self._waited).total_seconds(), "its restock value is checked in bulk"
                )
            return None
        value, expected = debits - wanted.gross_base, sum((c for c in costs if c is not None), Decimal(0))
        if abs(value - expected) > _ROUNDING:
            return None
        return {"note": wanted.number, "value": str(expected), "low": str(expected), "high": str(expected)}

    def send(self, wanted: VerifyRestock, progress: Mapping[str, str]) -> Found:
        """Never called: every look-up finds an answer."""
        raise TypeError("a restock value is only read")


def figures(sale: Sale | None, wanted: VerifyRestock) -> dict[str, str]:
    """What the sale says about the note's goods: nothing where the note does not stand, for its restock was taken back
    with it."""
    notes = sale.credit_notes if sale is not None else ()
    note = next((one for one in notes if one.task_id == wanted.task_id), None)
    if sale is None or note is None or note.status != AUTHORISED:
        return {"note": wanted.number, "value": _UNKNOWN, "low": _UNKNOWN, "high": _UNKNOWN}
    parts = tuple(part for goods in wanted.goods for part in goods.parts)
    value, left = came_back(sale, wanted.task_id, parts), issued_range(sale, parts)
    return {
        "note": note.number,
        "value": str(value) if value is not None else _UNKNOWN,
        "low": str(left.low) if left else _UNKNOWN,
        "high": str(left.high) if left else _UNKNOWN,
    }
