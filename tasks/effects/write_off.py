"""Write-offs at Cin7 Core: found by our mark in the Notes, sent once, compared; an answer with Errors is a failure."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.calls.failures import MadeWithErrors, Rejected, WireError
from pipeline.calls.quota import QuotaUnavailable, QuotaWait
from pipeline.cin7 import Cin7
from schemas.actions import WriteOffStock
from schemas.cin7.stock import StockDocument, write_off_body
from schemas.effects import Outcome
from tasks.effects.asking import asking, before_any_byte
from tasks.effects.protocol import DiffersError, Finding, Found, Unclear
from tasks.effects.stock_document import COMPLETED, differing_lines, marked_by, outcome_of


class WriteOffProvider:
    """Writes stock off."""

    def __init__(self, cin7: Cin7) -> None:
        self._cin7 = cin7

    def look_up(self, wanted: WriteOffStock, progress: Mapping[str, str]) -> Finding:
        """Our write-off by its mark. One that Cin7 left as a draft with errors counts as absent once a person voided
        it."""
        with asking():
            found = marked_by(wanted.marker, self._cin7.find_write_offs(wanted.marker), progress.get("bad_draft", ""))
            if not isinstance(found, StockDocument):
                return found
            document = self._whole(found)
        if document is None:
            return Unclear(f"write-off {found.number or found.task_id} is {COMPLETED}, yet Cin7 lists errors in it")
        return Found({"task_id": document.task_id, "adopted": "yes"}, _outcome(wanted, document))

    def _whole(self, row: StockDocument) -> StockDocument | None:
        """The document with its lines; None where Cin7 lists errors in it."""
        try:
            return self._cin7.write_off(row.task_id)
        except Rejected:
            return None

    def send(self, wanted: WriteOffStock, progress: Mapping[str, str]) -> Found:
        """One POST, completed at once. DiffersError where Cin7 made the document but lists errors in it."""
        try:
            with before_any_byte():
                document = self._cin7.post_write_off(write_off_body(wanted))
        except MadeWithErrors as made:
            raise self._made(wanted, made) from made
        if document.status != COMPLETED:
            why = f"write-off {document.number or document.task_id} is {document.status}, not {COMPLETED}"
            raise DiffersError((why,), {"bad_draft": document.task_id})
        return Found({"task_id": document.task_id}, _outcome(wanted, document))

    def _made(self, wanted: WriteOffStock, made: MadeWithErrors) -> DiffersError:
        """What became of a task whose answer lists errors, by the list (the document itself reads as an error). Raises
        MadeWithErrors where that cannot be told now."""
        try:
            rows = self._cin7.find_write_offs(wanted.marker)
        except (WireError, QuotaWait, QuotaUnavailable) as failed:
            raise made from failed
        row = next((row for row in rows if row.task_id == made.task_id), None)
        if row is None:
            raise made
        name = row.number or row.task_id
        left = f"Cin7 left {name} behind as {row.status}: void it there, mend the cause, then requeue"
        return DiffersError((*made.problems, left), {"bad_draft": row.task_id})


def _outcome(wanted: WriteOffStock, document: StockDocument) -> Outcome:
    found = differing_lines(wanted.lines, document)
    if document.from_location_id not in {"", wanted.location_id}:
        found.append(f"it takes from location {document.from_location_id}, not {wanted.location_id}")
    if document.account and document.account.split(":")[0].strip() != wanted.account:
        found.append(f"it books to account {document.account}, not {wanted.account}")
    cost = {"cost": str(document.cost)} if document.cost is not None else {}
    return outcome_of(document, found, cost)
