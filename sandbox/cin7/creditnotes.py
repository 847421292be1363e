"""/sale/creditnote: reading, creating, replacing, authorising and taking back credit notes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.books.building import convert_to_advanced
from sandbox.books.crediting import authorise_note, unwind_note
from sandbox.books.sales import CreditNote, Sale
from sandbox.cin7 import sale_view
from sandbox.cin7.ask import Ask, date_of, decimal_of, is_zero
from sandbox.cin7.errors import Problem, Refusal
from sandbox.cin7.note_form import REQUIRED, NoteForm


def read(ask: Ask) -> dict[str, Any]:
    """GET /sale/creditnote?SaleID=."""
    return _show(ask, ask.sale(ask.need("SaleID")))


def _show(ask: Ask, sale: Sale) -> dict[str, Any]:
    rows = sale_view.notes(
        ask.books, sale, readable_drafts=bool(ask.rule("restock_readable_in_draft")),
        payments=ask.flag("IncludePaymentInfo"),
    )  # fmt: skip
    if ask.flag("CombineAdditionalCharges"):
        rows = [sale_view.folded(row) for row in rows]
    return {"SaleID": sale.id, "CreditNotes": rows}


def write(ask: Ask) -> dict[str, Any]:
    """POST /sale/creditnote: the zero GUID on an advanced sale makes a NEW note every time; that is how doubles happen.

    Raises Refusal with some of the problems found.
    """
    for name in ask.rule("ignored_fields"):
        ask.body.pop(name, None)
    missing = [name for name in REQUIRED if ask.body.get(name) is None or ask.body.get(name) == ""]
    if missing:
        raise Refusal(*[f"Required attribute {name} is not provided." for name in missing])
    sale = ask.sale(str(ask.body["SaleID"]))
    wanted = _task_wanted(ask, sale, str(ask.body["TaskID"]))
    _check_open(ask, sale, wanted)
    form = NoteForm(ask, sale)
    form.check_quantities(str(ask.body["CreditNoteInvoiceNumber"]), wanted.task_id if wanted else "")
    if form.problems:
        raise Refusal(*form.problems)
    note = wanted or _open_note(ask, sale)
    _fill(ask, note, form)
    ask.books.touch(sale, ask.now)
    if ask.body["Status"] == "AUTHORISED":
        authorise_note(ask.books, sale, note, ask.now)
    return _show(ask, sale)


def _task_wanted(ask: Ask, sale: Sale, task_id: str) -> CreditNote | None:
    """Return the note a request means, None for a new one.

    Raises Refusal when the task is not one of this sale, or a simple sale has its one note already.
    """
    if sale.is_advanced:
        if is_zero(task_id):
            return None
        note = sale.note_of(task_id)
        if note is None:
            raise Refusal(Problem(f"Credit note with TaskID '{task_id}' not found", 404))
        return note
    if is_zero(task_id) and ask.rule("simple_zero_guid") == "refuse":
        raise Refusal("TaskID is invalid. For Simple Sale TaskID should be equal to SaleID")
    if not is_zero(task_id) and task_id.lower() != sale.id:
        raise Refusal(Problem(f"Credit note with TaskID '{task_id}' not found", 404))
    note = sale.notes[0] if sale.notes else None
    if note is not None and note.status != "DRAFT" and is_zero(task_id):
        _check_second_note(ask)
        return None
    return note


def _check_second_note(ask: Ask) -> None:
    """Refuse the second note of a simple sale, unless `simple_second_note` is convert.

    The conversion itself waits until the body is known to be good.
    """
    if ask.rule("simple_second_note") == "refuse":
        raise Refusal("Simple Sale can have only one credit note. Convert it to Advanced Sale first")


def _check_open(ask: Ask, sale: Sale, note: CreditNote | None) -> None:
    if sale.voided:
        raise Refusal("Sale is voided")
    if note is not None and note.status != "DRAFT":
        raise Refusal(f"Credit note can't be changed. Status is {note.status}")
    if ask.body["Status"] not in ("DRAFT", "AUTHORISED"):
        raise Refusal(f"Status '{ask.body['Status']}' is invalid. Use DRAFT or AUTHORISED")
    number = str(ask.body["CreditNoteInvoiceNumber"])
    invoice = sale.invoice_of(number)
    if invoice is None:
        raise Refusal(Problem(f"Invoice '{number}' was not found in this sale", 404))
    if invoice.status not in ("AUTHORISED", "PAID"):
        raise Refusal(f"Credit note requires an authorised invoice. Invoice {number} Status is {invoice.status}")
    day = date_of(ask.body["CreditNoteDate"])
    if day is None:
        raise Refusal("CreditNoteDate is not a valid date")
    ask.books.check_unlocked(day)


def _open_note(ask: Ask, sale: Sale) -> CreditNote:
    if sale.notes and not sale.is_advanced:
        convert_to_advanced(ask.books, sale, ask.now)
    books = ask.books
    task_id = books.guid() if sale.is_advanced else sale.id
    day = books.local_day(ask.now)
    note = CreditNote(task_id, books.number("CR"), "DRAFT", "", day, Decimal(1), created=ask.now)
    sale.notes.append(note)
    return note


def _fill(ask: Ask, note: CreditNote, form: NoteForm) -> None:
    """Replace everything in the note by what was sent."""
    body = ask.body
    note.invoice_number = str(body["CreditNoteInvoiceNumber"])
    note.memo = str(body.get("Memo") or "")[:1024]
    note.day = date_of(body["CreditNoteDate"]) or note.day
    note.rate = decimal_of(body.get("CreditNoteConversionRate")) or Decimal(1)
    note.lines, note.charges, note.restock = form.lines, form.charges, form.restock
    note.restock_status = "DRAFT" if form.restock else "NOT AVAILABLE"


def take_back(ask: Ask) -> dict[str, Any]:
    """DELETE /sale/creditnote?TaskID=&Void=: undo to DRAFT, or void."""
    task_id = ask.need("TaskID")
    sale = ask.books.sale_of_task(task_id)
    note = sale.note_of(task_id) if sale else None
    if sale is None or note is None:
        raise Refusal(Problem(f"Credit note with TaskID '{task_id}' not found", 404))
    unwind_note(ask.books, sale, note, ask.now, void=ask.flag("Void"))
    return _show(ask, sale)
