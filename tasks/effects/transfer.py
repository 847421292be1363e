"""Stock transfers at Cin7 Core: found by our mark in the Reference, sent once, compared."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.cin7 import Cin7
from schemas.actions import TransferStock
from schemas.cin7.stock import StockDocument, transfer_body
from schemas.effects import Outcome
from tasks.effects.asking import asking, before_any_byte
from tasks.effects.protocol import DiffersError, Finding, Found
from tasks.effects.stock_document import COMPLETED, differing_lines, marked_by, outcome_of


class TransferProvider:
    """Moves stock between two locations."""

    def __init__(self, cin7: Cin7) -> None:
        self._cin7 = cin7

    def look_up(self, wanted: TransferStock, progress: Mapping[str, str]) -> Finding:
        """Our transfer by its mark."""
        with asking():
            found = marked_by(wanted.marker, self._cin7.find_transfers(wanted.marker))
            if not isinstance(found, StockDocument):
                return found
            document = self._cin7.transfer(found.task_id)
        return Found({"task_id": document.task_id, "adopted": "yes"}, _outcome(wanted, document))

    def send(self, wanted: TransferStock, progress: Mapping[str, str]) -> Found:
        """One POST, completed at once."""
        with before_any_byte():
            document = self._cin7.post_transfer(transfer_body(wanted))
        if document.status != COMPLETED:
            why = f"transfer {document.number or document.task_id} is {document.status}, not {COMPLETED}"
            raise DiffersError((why,), {"task_id": document.task_id})
        return Found({"task_id": document.task_id}, _outcome(wanted, document))


def _outcome(wanted: TransferStock, document: StockDocument) -> Outcome:
    found = differing_lines(wanted.lines, document)
    route = (document.from_location_id.lower(), document.to_location_id.lower())
    if route != (wanted.from_location_id.lower(), wanted.to_location_id.lower()):
        found.append(f"it moves from {route[0]} to {route[1]}")
    return outcome_of(document, found)
