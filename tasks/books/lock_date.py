"""A refusal that was only about the date: finance locked the period after the company's settings were read."""

from __future__ import annotations

from pipeline.ledger.effects import EffectRow
from tasks.books.books import LedgerBooks


def locked_until(row: EffectRow, books: LedgerBooks) -> str:
    """Read the lock date again; why the document must be dated anew where it has passed the document's date, else "".
    Raises the failures of a read."""
    noted_on = getattr(row.action, "noted_on", None)
    if noted_on is None:
        return ""
    books.refresh("me")
    lock_date = books.tenant().lock_date
    if lock_date is None or noted_on > lock_date:
        return ""
    return f"the books were locked until {lock_date} meanwhile: dated anew"
