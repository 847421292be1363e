"""Which provider performs which action: a forgotten action is an error, not a silence."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from pipeline.ledger import journal
from pipeline.ledger.effects import EffectRow
from pipeline.parts import Parts
from schemas.actions import (
    AdjustStock,
    AuthoriseOrder,
    CommentOnReturn,
    LinkExchangeOrder,
    PostCreditNote,
    ReceiveShipment,
    RecordRefund,
    TransferStock,
    VerifyRestock,
    WriteOffStock,
)
from schemas.sales import Sale
from tasks.effects.adjustment import AdjustmentProvider
from tasks.effects.credit_note import CreditNoteProvider
from tasks.effects.order import exchange_provider
from tasks.effects.perform import Provider
from tasks.effects.refund_payment import RefundPaymentProvider
from tasks.effects.restock_value import RestockValueProvider
from tasks.effects.returngo import CommentProvider, ShipmentProvider
from tasks.effects.transfer import TransferProvider
from tasks.effects.write_off import WriteOffProvider


def provider_for(parts: Parts, row: EffectRow, sale: Sale | None) -> Provider:
    """The provider of this effect. `sale` is the parent as just read under its claim, or None.

    After a loss of data (`reconcile_first`) it is not believed: the look-up reads for itself.
    """
    shop = parts.shop(row.shop)
    sale = None if row.reconcile_first and isinstance(row.action, PostCreditNote | RecordRefund) else sale
    match row.action:
        case PostCreditNote():
            return CreditNoteProvider(shop.cin7, sale)
        case WriteOffStock():
            return WriteOffProvider(shop.cin7)
        case TransferStock():
            return TransferProvider(shop.cin7)
        case AdjustStock():
            return AdjustmentProvider(shop.cin7)
        case VerifyRestock():
            return _restock_value(parts, row)
        case RecordRefund():
            return RefundPaymentProvider(shop.cin7, sale)
        case CommentOnReturn():
            return CommentProvider(shop.returngo)
        case ReceiveShipment():
            return ShipmentProvider(shop.returngo)
        case AuthoriseOrder() | LinkExchangeOrder():
            return exchange_provider(row.action, shop.cin7, sale)
        case _:
            raise NotImplementedError(f"no provider performs {type(row.action).__name__}")


def _restock_value(parts: Parts, row: EffectRow) -> RestockValueProvider:
    def debits(number: str) -> Decimal | None:
        with parts.ledger.read() as conn:
            return journal.debits_of(conn, row.shop, number)

    waited = parts.clock() - (row.planned_at or parts.clock())
    patience = timedelta(seconds=2 * parts.settings.intervals.notes_poll)
    return RestockValueProvider(parts.shop(row.shop).cin7, debits, waited, patience)
