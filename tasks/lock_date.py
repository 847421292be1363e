"""A refusal that was only about the date: finance locked the period after the company's settings were read."""

from __future__ import annotations

from pipeline.failures import WireError
from pipeline.ledger import effects, entries
from pipeline.ledger.effects import EffectRow
from pipeline.parts import Parts
from pipeline.quota import QuotaUnavailable, QuotaWait
from tasks.books import LedgerBooks


def plan_anew_if_locked(parts: Parts, row: EffectRow, books: LedgerBooks) -> bool:
    """Read the lock date again; where it has passed the document's date, withdraw the refused effect, so that it is
    planned anew on the first open day. True when that was it. No refusal text is published, so the date decides."""
    noted_on = getattr(row.action, "noted_on", None)
    if noted_on is None:
        return False
    try:
        books.refresh("me")
    except (WireError, QuotaWait, QuotaUnavailable):
        return False
    lock_date = books.tenant().lock_date
    if lock_date is None or noted_on > lock_date:
        return False
    now = parts.clock()
    with parts.ledger.write() as conn:
        effects.withdraw(conn, row.effect_id, now, f"the books were locked until {lock_date} meanwhile: dated anew")
        entries.make_due(conn, row.entry_id, now)
    return True
