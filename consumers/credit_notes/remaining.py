"""What may still be credited of each invoice line, after every credit note that counts: ours, others', drafts too."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from consumers.credit_notes.entitlement import Figures
from consumers.shared.line_total_rule import TotalRule, extended, four
from schemas.sales import CreditNote, DocumentLine, Invoice, Sale

#: What we write into the memo of our own notes.
OUR_MARK = re.compile(r"\bRL-[0-9a-f]{12}\b")


@dataclass(slots=True)
class SoldLine:
    """One invoice line with what was sold, what is left, and the notes that took the difference."""

    invoice: Invoice
    position: int
    line: DocumentLine
    sold: Figures
    left: Figures
    notes: list[str] = field(default_factory=list)

    @property
    def place(self) -> tuple[str, int]:
        """Where it stands: invoice number and line position."""
        return self.invoice.number, self.position


def figures(line: DocumentLine, rule: TotalRule) -> Figures:
    """The line's quantity, extended amount and tax."""
    return Figures(line.quantity, extended(line, rule), four(line.tax.amount))


def oldest_first(invoices: Iterable[Invoice]) -> list[Invoice]:
    """Invoices by date, then number: the order in which returned pieces are taken from them."""
    return sorted(invoices, key=lambda invoice: (invoice.invoiced_on or date.max, invoice.number))


def left_over(sale: Sale, notes: Iterable[CreditNote], rule: TotalRule) -> list[SoldLine]:
    """Every line of every creditable invoice, oldest first, less what `notes` already credit."""
    lines = [
        SoldLine(invoice, position, line, figures(line, rule), figures(line, rule))
        for invoice in oldest_first(i for i in sale.invoices if i.creditable)
        for position, line in enumerate(invoice.lines)
        if line.quantity > 0 and line.total.amount >= 0
    ]
    for note in notes:
        for line in note.lines:
            _take(_candidates(lines, note, line), figures(line, rule), note_name(note))
    return lines


def note_name(note: CreditNote) -> str:
    """The number of a note, or what stands for it while it is a draft."""
    return note.number or f"{note.status.lower()} note {note.task_id}"


def _candidates(lines: Sequence[SoldLine], note: CreditNote, credited: DocumentLine) -> list[SoldLine]:
    same = [sold for sold in lines if sold.line.product_id == credited.product_id]
    on_invoice = [sold for sold in same if sold.invoice.number == note.invoice_number]
    each = credited.total.amount / credited.quantity if credited.quantity else Decimal(0)
    return sorted(on_invoice or same, key=lambda sold: abs(sold.line.total.amount / sold.line.quantity - each))


def _take(candidates: Sequence[SoldLine], credited: Figures, note: str) -> None:
    rest = credited
    for number, sold in enumerate(candidates, start=1):
        if number == len(candidates) or rest.quantity <= max(sold.left.quantity, Decimal(0)):
            part = rest
        else:
            part = _portion(rest, max(sold.left.quantity, Decimal(0)))
        if part != _NOTHING:
            sold.left -= part
            sold.notes.append(note)
        rest -= part
        if rest == _NOTHING:
            return


_NOTHING = Figures(Decimal(0), Decimal(0), Decimal(0))


def _portion(whole: Figures, quantity: Decimal) -> Figures:
    ratio = quantity / whole.quantity
    return Figures(quantity, four(whole.extended * ratio), four(whole.tax * ratio))


def settling_step(names: Iterable[str], sale: Sale, claimed: frozenset[str], otherwise: str) -> str:
    """What a person may do where these notes leave too little: only a note that nobody here answers for is ever named
    for voiding."""
    known = {note_name(note): note for note in sale.credit_notes}
    theirs = [
        name
        for name in dict.fromkeys(names)
        if (note := known.get(name)) and not OUR_MARK.search(note.memo) and not {note.number, note.task_id} & claimed
    ]
    if theirs:
        return f"check {', '.join(theirs)}: void it where it is wrong, or {otherwise}"
    return f"compare the returns that the notes named are for, and {otherwise}"
