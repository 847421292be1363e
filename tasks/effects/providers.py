"""Which provider performs which action, one line each; a test says that none is forgotten."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, TypeVar

from pipeline.cin7 import Cin7
from pipeline.ledger import journal
from pipeline.ledger.effects import EffectRow
from pipeline.parts import Parts
from pipeline.returngo.client import ReturnGo
from schemas.actions import (
    AdjustStock,
    AdoptCreditNote,
    AuthoriseOrder,
    CommentOnReturn,
    Effect,
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
from tasks.effects.order import OrderProvider
from tasks.effects.protocol import Provider
from tasks.effects.record import RecordKeeper, adopted, linked
from tasks.effects.refund_payment import RefundPaymentProvider
from tasks.effects.restock_value import RestockValueProvider
from tasks.effects.returngo import CommentProvider, ShipmentProvider
from tasks.effects.transfer import TransferProvider
from tasks.effects.write_off import WriteOffProvider

A = TypeVar("A", bound=Effect)


@dataclass(frozen=True, slots=True)
class Desk:
    """What a provider is made from. `sale` is the parent as just read under its claim, or None."""

    parts: Parts
    row: EffectRow
    sale: Sale | None

    @property
    def cin7(self) -> Cin7:
        """The shop's Cin7."""
        return self.parts.shop(self.row.shop).cin7

    @property
    def returngo(self) -> ReturnGo:
        """The shop's ReturnGO."""
        return self.parts.shop(self.row.shop).returngo

    @property
    def trusted_sale(self) -> Sale | None:
        """After a loss of data (`reconcile_first`) the sale is not believed: the look-up reads for itself."""
        return None if self.row.reconcile_first else self.sale


Make = Callable[[Desk], Provider[A]]


def _by(action: type[A], make: Make[A]) -> tuple[type[Effect], Make[Any]]:
    """A line of the table, so written that the type checker holds the provider against its action."""
    return action, make


def _restock_value(desk: Desk) -> RestockValueProvider:
    parts, row = desk.parts, desk.row

    def debits(number: str) -> Decimal | None:
        with parts.ledger.read() as conn:
            return journal.debits_of(conn, row.shop, number)

    waited = parts.clock() - (row.planned_at or parts.clock())
    patience = timedelta(seconds=2 * parts.settings.intervals.notes_poll)
    return RestockValueProvider(desk.cin7, debits, waited, patience)


PROVIDERS: dict[type[Effect], Make[Any]] = dict(
    (
        _by(PostCreditNote, lambda desk: CreditNoteProvider(desk.cin7, desk.trusted_sale)),
        _by(AdoptCreditNote, lambda _: RecordKeeper(adopted)),
        _by(WriteOffStock, lambda desk: WriteOffProvider(desk.cin7)),
        _by(TransferStock, lambda desk: TransferProvider(desk.cin7)),
        _by(AdjustStock, lambda desk: AdjustmentProvider(desk.cin7)),
        _by(VerifyRestock, _restock_value),
        _by(RecordRefund, lambda desk: RefundPaymentProvider(desk.cin7, desk.trusted_sale)),
        _by(CommentOnReturn, lambda desk: CommentProvider(desk.returngo)),
        _by(ReceiveShipment, lambda desk: ShipmentProvider(desk.returngo)),
        _by(AuthoriseOrder, lambda desk: OrderProvider(desk.cin7, desk.sale)),
        _by(LinkExchangeOrder, lambda _: RecordKeeper(linked)),
    )
)


def provider_for(parts: Parts, row: EffectRow, sale: Sale | None) -> Provider[Any]:
    """The provider of this effect. Raises KeyError for an action that no line of the table names."""
    return PROVIDERS[type(row.action)](Desk(parts, row, sale))
