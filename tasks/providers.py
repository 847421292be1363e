"""Which provider performs which action: a forgotten action is an error, not a silence."""

from __future__ import annotations

from pipeline.ledger.effects import EffectRow
from pipeline.parts import ShopParts
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
from tasks.adjustment_provider import AdjustmentProvider
from tasks.credit_note_provider import CreditNoteProvider
from tasks.order_provider import exchange_provider
from tasks.perform import Provider
from tasks.refund_payment_provider import RefundPaymentProvider
from tasks.restock_value_provider import RestockValueProvider
from tasks.returngo_provider import CommentProvider, ShipmentProvider
from tasks.transfer_provider import TransferProvider
from tasks.write_off_provider import WriteOffProvider


def provider_for(row: EffectRow, shop: ShopParts, sale: Sale | None) -> Provider:
    """The provider of this effect. `sale` is the parent as just read under its claim, or None.

    After a loss of data (`reconcile_first`) it is not believed: the look-up reads for itself.
    """
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
            return RestockValueProvider(shop.cin7)
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
