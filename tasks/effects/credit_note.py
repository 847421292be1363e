"""Credit notes at Cin7 Core: found by our mark in the parent sale, drafted, compared, authorised under the same TaskID,
compared again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal

from pipeline.calls.failures import (
    NotFound,
    NotShown,
)
from pipeline.calls.quota import Priority
from pipeline.cin7 import Cin7
from schemas.actions import PostCreditNote
from schemas.cin7.sales import credit_note_body
from schemas.effects import PAST_VOID, Outcome
from schemas.sales import AUTHORISED, DRAFT, NOTE_STATUSES, VOIDED, Charge, CreditNote, DocumentLine, Sale
from tasks.effects.asking import asking, before_any_byte
from tasks.effects.note_digest import digest_of
from tasks.effects.protocol import DiffersError, Finding, Found, GoneError, Missing, Unclear


@contextmanager
def asking_sale(sale_id: str) -> Iterator[None]:
    """As `asking`, about one sale: where Cin7 has none, GoneError."""
    with asking():
        try:
            yield
        except NotFound as gone:
            raise GoneError(f"sale {sale_id} is no longer in Cin7") from gone


class CreditNoteProvider:
    """Posts credit notes. `sale`, read fresh under the sale's claim, answers the first look-up without a call."""

    def __init__(self, cin7: Cin7, sale: Sale | None) -> None:
        self._cin7 = cin7
        self._sale = sale

    def look_up(self, wanted: PostCreditNote, progress: Mapping[str, str]) -> Finding:
        """Our note in the parent sale, by its TaskID or by our mark in the memo."""
        return self._judge(wanted, progress, self._notes(wanted))

    def _notes(self, action: PostCreditNote) -> tuple[CreditNote, ...]:
        if self._sale is not None and self._sale.sale_id == action.sale_id:
            notes, self._sale = self._sale.credit_notes, None
            return notes
        with asking_sale(action.sale_id):
            return self._cin7.credit_notes(
                action.sale_id, action.gross.currency, tax_inclusive=action.tax_inclusive, priority=Priority.MONEY
            )

    def _judge(self, action: PostCreditNote, progress: Mapping[str, str], notes: tuple[CreditNote, ...]) -> Finding:
        ours = [n for n in notes if n.real and (action.marker in n.memo or n.task_id == progress.get("task_id"))]
        standing = [n for n in ours if n.status != VOIDED]
        if len(standing) > 1:
            names = ", ".join(n.number or n.task_id for n in standing)
            return Unclear(
                f"{len(standing)} credit notes carry our mark {action.marker}: {names}; void all but one in Cin7"
            )
        if not standing:
            if ours and PAST_VOID not in progress:
                note = ours[0].number or ours[0].task_id
                return Unclear(f"our credit note {note} was voided by hand; requeue with --past-void to post it again")
            # The draft that the ledger knows of is not there: somebody deleted it, and its task with it.
            drafted = not ours and progress.get("task_id") and not action.simple
            return Missing(("task_id", "drafted") if drafted else ())
        found = standing[0]
        if not NOTE_STATUSES.knows(found.status):
            name = found.number or found.task_id
            return Unclear(f"our credit note {name} is {found.status!r}, a word we do not know")
        if found.status == AUTHORISED:
            return Found({"task_id": found.task_id, "adopted": "yes"}, outcome_of(found))
        return Found({"task_id": found.task_id})

    def send(self, wanted: PostCreditNote, progress: Mapping[str, str]) -> Found:
        """The draft, or the authorisation of the draft in `progress`: one POST, whose own answer is read back."""
        task_id = progress.get("task_id", "")
        draft_first = not wanted.direct and not task_id
        status = DRAFT if draft_first else AUTHORISED
        body = credit_note_body(wanted, status, task_id or wanted.task_id)
        with before_any_byte():
            notes = self._cin7.post_credit_note(
                body, wanted.gross.currency, tax_inclusive=wanted.tax_inclusive, priority=Priority.MONEY
            )
        note = self._ours(wanted, task_id, notes)
        differences = compare(wanted, note, status)
        if differences and status == DRAFT:
            raise DiffersError(differences, {"task_id": note.task_id})
        if status == DRAFT:
            return Found({"task_id": note.task_id, "drafted": "yes"})
        if note.status != AUTHORISED:
            # Answered 200 and not done: the look-up decides, as after any doubt.
            raise NotShown(f"the answer shows credit note {note.number or note.task_id} as {note.status}")
        details = {"differences": "; ".join(differences)} if differences else {}
        return Found({"task_id": note.task_id}, outcome_of(note, details))

    def _ours(self, wanted: PostCreditNote, task_id: str, notes: tuple[CreditNote, ...]) -> CreditNote:
        for note in notes:
            marked = wanted.marker in note.memo and note.status != VOIDED
            if note.task_id == task_id if task_id else marked:
                return note
        raise NotShown("the answer does not show the credit note that was just posted")


def outcome_of(note: CreditNote, details: Mapping[str, str] | None = None) -> Outcome:
    """The document as it stands in Cin7."""
    return Outcome(
        reference=note.task_id,
        number=note.number,
        net=note.total_before_tax,
        tax=note.tax,
        gross=note.total,
        details={"restock_status": note.restock_status, **(details or {})},
        digest=digest_of(note),
    )


def compare(wanted: PostCreditNote, note: CreditNote, status: str) -> tuple[str, ...]:
    """Where the note in Cin7 is not what was sent. A 200 proves nothing: Cin7 ignores fields silently."""
    found: list[str] = []
    if note.status != status:
        found.append(f"Status is {note.status}, not {status}")
    if note.invoice_number != wanted.invoice_number:
        found.append(f"it credits invoice {note.invoice_number or 'none'}, not {wanted.invoice_number}")
    if _lines(note.lines) != _lines(wanted.lines):
        found.append(f"its lines are {_lines(note.lines)}, not {_lines(wanted.lines)}")
    if _charges(note.charges) != _charges(wanted.charges):
        found.append(f"its charges are {_charges(note.charges)}, not {_charges(wanted.charges)}")
    tolerance = Decimal("0.01") * max(len(wanted.lines) + len(wanted.charges), 1)
    for name, theirs, ours in (("tax", note.tax, wanted.tax), ("total", note.total, wanted.gross)):
        if abs(theirs.amount - ours.amount) > tolerance:
            found.append(f"its {name} is {theirs}, not {ours}")
    # A draft may not show its restock lines (measured by integrators); an authorised note that shows some must show
    # all.
    if status == AUTHORISED and note.restock and _restocked(note) != _restocked_wanted(wanted):
        found.append(f"its restock lines are {_restocked(note)}, not {_restocked_wanted(wanted)}")
    return tuple(found)


def _lines(lines: tuple[DocumentLine, ...]) -> list[tuple[str, str, str, str]]:
    return sorted((x.product_id, _plain(x.quantity), _plain(x.total.amount), x.tax_rule) for x in lines)


def _charges(charges: tuple[Charge, ...]) -> list[tuple[str, str, str]]:
    return sorted((x.description.strip().casefold(), _plain(x.total.amount), x.tax_rule) for x in charges)


def _restocked(note: CreditNote) -> list[tuple[str, str, str]]:
    return sorted((x.product_id or x.sku, _plain(x.quantity), x.restock_location_id) for x in note.restock)


def _restocked_wanted(wanted: PostCreditNote) -> list[tuple[str, str, str]]:
    return sorted((x.product_id or x.sku, _plain(x.quantity), x.restock_location_id) for x in wanted.restock)


def _plain(number: Decimal) -> str:
    return format(number.quantize(Decimal("0.0001")), "f")
