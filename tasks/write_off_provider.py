"""Write-offs at Cin7 Core: found by our mark in the Notes, sent once, compared; an answer with Errors is a failure."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.cin7 import Cin7
from pipeline.failures import MadeWithErrors, WireError
from pipeline.ledger.effects import Outcome
from schemas.actions import Action, WriteOffStock
from schemas.cin7 import write_off_body
from schemas.cin7_stock import StockDocument
from tasks.credit_note_provider import asking, before_any_byte
from tasks.perform import DiffersError, Finding, Found
from tasks.stock_documents import COMPLETED, differing_lines, marked_by, outcome_of


class WriteOffProvider:
    """Writes stock off."""

    def __init__(self, cin7: Cin7) -> None:
        self._cin7 = cin7

    def look_up(self, action: Action, progress: Mapping[str, str]) -> Finding:
        """Our write-off by its mark. One that Cin7 left as a draft with errors counts as absent once a person voided
        it."""
        wanted = _write_off(action)
        with asking():
            found = marked_by(wanted.marker, self._cin7.find_write_offs(wanted.marker), progress.get("bad_draft", ""))
            if not isinstance(found, StockDocument):
                return found
            document = self._cin7.write_off(found.task_id)
        return Found({"task_id": document.task_id, "adopted": "yes"}, _outcome(wanted, document))

    def send(self, action: Action, progress: Mapping[str, str]) -> Found:
        """One POST, completed at once. DiffersError where Cin7 made the document but lists errors in it."""
        wanted = _write_off(action)
        try:
            with before_any_byte():
                document = self._cin7.post_write_off(write_off_body(wanted))
        except MadeWithErrors as made:
            document = self._made(made)
        if document.status != COMPLETED:
            why = f"write-off {document.number or document.task_id} is {document.status}, not {COMPLETED}"
            raise DiffersError((why,), {"bad_draft": document.task_id})
        return Found({"task_id": document.task_id}, _outcome(wanted, document))

    def _made(self, made: MadeWithErrors) -> StockDocument:
        """What became of a task whose answer lists errors. Raises DiffersError for a draft, MadeWithErrors in doubt."""
        try:
            document = self._cin7.write_off(made.task_id)
        except MadeWithErrors as again:
            raise _void_it(made.task_id, again.problems) from again
        except WireError as failed:
            raise made from failed
        if document.status == COMPLETED:
            return document
        raise _void_it(document.number or made.task_id, made.problems, document.task_id)


def _void_it(name: str, problems: tuple[str, ...], task_id: str = "") -> DiffersError:
    why = (*problems, f"Cin7 left draft {name} behind: void it there, mend the cause, then requeue")
    return DiffersError(why, {"bad_draft": task_id or name})


def _outcome(wanted: WriteOffStock, document: StockDocument) -> Outcome:
    found = differing_lines(wanted.lines, document)
    if document.from_location_id not in {"", wanted.location_id}:
        found.append(f"it takes from location {document.from_location_id}, not {wanted.location_id}")
    if document.account and document.account.split(":")[0].strip() != wanted.account:
        found.append(f"it books to account {document.account}, not {wanted.account}")
    cost = {"cost": str(document.cost)} if document.cost is not None else {}
    return outcome_of(document, found, cost)


def _write_off(action: Action) -> WriteOffStock:
    if not isinstance(action, WriteOffStock):
        raise TypeError(f"a write-off provider cannot perform {type(action).__name__}")
    return action
