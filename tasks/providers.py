"""Which provider performs which action: a forgotten action is an error, not a silence."""

from __future__ import annotations

from pipeline.ledger.effects import EffectRow
from pipeline.parts import ShopParts
from schemas.actions import PostCreditNote
from schemas.sales import Sale
from tasks.credit_note_provider import CreditNoteProvider
from tasks.perform import Provider


def provider_for(row: EffectRow, shop: ShopParts, sale: Sale | None) -> Provider:
    """The provider of this effect. `sale` is the parent as just read under its claim, or None."""
    match row.action:
        case PostCreditNote():
            return CreditNoteProvider(shop.cin7, sale)
        case _:
            raise NotImplementedError(f"no provider performs {type(row.action).__name__}")
