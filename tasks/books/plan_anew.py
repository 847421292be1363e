"""A refusal that stems from something remembered: the books were locked, the sale was voided or deleted, or a location,
tax rule or account was renamed since it was read. The effect is withdrawn, and planned anew from the facts of now."""

from __future__ import annotations

from pipeline.calls.failures import NotFound, WireError
from pipeline.calls.quota import Priority, QuotaUnavailable, QuotaWait
from pipeline.ledger import effects, entries
from pipeline.ledger.effects import EffectRow
from pipeline.parts import Parts
from schemas.actions import AuthoriseOrder, PostCreditNote, RecordRefund
from schemas.json.fields import SchemaInvalidError
from schemas.sales import Sale
from tasks.books.books import LedgerBooks
from tasks.books.lock_date import locked_until

#: What documents refer to by name or code.
NAMED = ("locations", "tax_rules", "accounts")


def plan_anew_if_outdated(parts: Parts, row: EffectRow, books: LedgerBooks) -> bool:
    """Look whether what the refused effect was planned from is still so; where not, withdraw it, so that it is planned
    anew at once. True when that was it. No refusal text is published, so the facts decide."""
    try:
        why = locked_until(row, books) or _lost_sale(parts, row) or _renamed(row, books)
    except (WireError, QuotaWait, QuotaUnavailable, SchemaInvalidError):
        return False
    if not why:
        return False
    now = parts.clock()
    with parts.ledger.write() as conn:
        effects.withdraw(conn, row.effect_id, now, why)
        entries.make_due(conn, row.entry_id, now)
    return True


def _lost_sale(parts: Parts, row: EffectRow) -> str:
    if not isinstance(row.action, PostCreditNote | RecordRefund | AuthoriseOrder):
        return ""
    try:
        sale = parts.shop(row.shop).cin7.sale(row.action.sale_id, priority=Priority.MONEY)
    except NotFound:
        return "its sale is no longer in Cin7: looked for again"
    return f"sale {sale.order_number} was voided meanwhile: looked for again" if _voided_without(sale, row) else ""


def _voided_without(sale: Sale, row: EffectRow) -> bool:
    """Whether the sale is voided and holds no document of this effect."""
    if not sale.voided or isinstance(row.action, RecordRefund):
        return False
    return not any(row.action.marker in note.memo for note in sale.notes())


def _renamed(row: EffectRow, books: LedgerBooks) -> str:
    if "task_id" in row.progress:
        return ""  # Cin7 took the document, so every name in it was known.
    changed = [book for book in NAMED if books.reread(book)]
    return (
        f"{', '.join(changed).replace('_', ' ')} changed in Cin7 meanwhile: planned with the new ones"
        if changed
        else ""
    )
