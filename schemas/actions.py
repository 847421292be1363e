"""What to do, imperative: one effect each, once, under one business key."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, get_args

from schemas.money import Money
from schemas.sales import Charge, DocumentLine, StockLine


def business_key(shop: str, rma_id: str, kind: str, units: Iterable[str]) -> str:
    """`shop:rma:kind:units`, units sorted: the same fact by any route gives the same key."""
    return f"{shop}:{rma_id}:{kind}:{','.join(sorted(set(units)))}"


def marker(key: str) -> str:
    """The short form of a business key that goes into Memo, Reference or Notes: `RL-` and twelve hex digits."""
    return "RL-" + hashlib.blake2b(key.encode(), digest_size=6).hexdigest()


class System(StrEnum):
    """Who holds an action's document; the value is its word in the ledger."""

    CIN7 = "cin7"
    RETURNGO = "returngo"

    @property
    def called(self) -> str:
        """As people write it."""
        return {System.CIN7: "Cin7", System.RETURNGO: "ReturnGO"}[self]


class GoodsEnd(StrEnum):
    """Where a stock document leaves the goods of its units: THERE, at the location each unit names, or GONE."""

    THERE = "there"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What all actions share: the business key, the sale it belongs to and the units it settles.

    A class says what the rest of Returnline must know of its kind: `kind`, its part of the business key; `system`, who
    holds the document; `goods_end`, for a document that moves goods after the credit note; `repeats`, whether the same
    unit may get another one later.
    """

    kind: ClassVar[str]
    system: ClassVar[System] = System.CIN7
    goods_end: ClassVar[GoodsEnd | None] = None
    repeats: ClassVar[bool] = False

    key: str
    sale_id: str
    units: tuple[str, ...]

    @property
    def marker(self) -> str:
        """The trace of the key left in the provider's document."""
        return marker(self.key)

    @property
    def money(self) -> Money | None:
        """The money it moves; None for an action that moves none."""
        return None


@dataclass(frozen=True, slots=True)
class UnitGoods:
    """What becomes of one unit: its share of the money, and where its goods go ("" for nowhere).

    `parts` are its stock lines as put back, `cost` what they cost when they left (base currency, None: not known),
    `seen` the inspection that decided, so that only a later one moves the goods again.
    """

    unit: str
    gross: Money
    disposition: str
    location: str = ""
    parts: tuple[StockLine, ...] = ()
    cost: Decimal | None = None
    seen: str = ""


@dataclass(frozen=True, slots=True)
class NoteExtra:
    """Money of a credit note beside its items: `kind` is "fee:restocking", "shipping", "goodwill" and the like.

    `gross` is positive where the shopper gets more, negative for a fee kept. `on_note` False: Cin7 takes no negative
    charge here, so the refund payment is smaller by it and the income is posted beside the note.
    """

    kind: str
    gross: Money
    tax: Money
    reason: str = ""
    on_note: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PostCreditNote(Effect):
    """Post one credit note against one invoice, with its restock lines. `task_id` is the sale's own id on a simple
    sale, else the zero GUID.

    `extras` say what its charges are; `fees_withheld` is what the refund payment keeps because the note could not.
    """

    kind: ClassVar[str] = "credit"

    task_id: str
    simple: bool
    invoice_number: str
    memo: str
    noted_on: date
    rate: Decimal
    lines: tuple[DocumentLine, ...]
    charges: tuple[Charge, ...]
    restock: tuple[StockLine, ...]
    net: Money
    tax: Money
    gross: Money
    tax_inclusive: bool = False
    goods: tuple[UnitGoods, ...] = ()
    direct: bool = False
    extras: tuple[NoteExtra, ...] = ()
    fees_withheld: Money | None = None

    @property
    def money(self) -> Money | None:
        """What the document is worth; None for nothing."""
        return self.gross or None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptCreditNote(Effect):
    """Accept a credit note that somebody else made for the same units; nothing is sent."""

    kind: ClassVar[str] = "credit"

    task_id: str
    number: str
    net: Money
    tax: Money
    gross: Money

    @property
    def money(self) -> Money | None:
        """What the document is worth; None for nothing."""
        return self.gross or None


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOffStock(Effect):
    """Remove quantities at one location to an expense account, at original cost (a delta, unlike an adjustment)."""

    kind: ClassVar[str] = "write-off"
    goods_end: ClassVar[GoodsEnd | None] = GoodsEnd.GONE

    location_id: str
    account: str
    effective_on: date
    notes: str
    lines: tuple[StockLine, ...]
    goods: tuple[UnitGoods, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferStock(Effect):
    """Move quantities between two locations."""

    kind: ClassVar[str] = "transfer"
    goods_end: ClassVar[GoodsEnd | None] = GoodsEnd.THERE
    repeats: ClassVar[bool] = True

    from_location_id: str
    to_location_id: str
    completed_on: date
    reference: str
    lines: tuple[StockLine, ...]
    goods: tuple[UnitGoods, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustStock(Effect):
    """Add `quantity` counted units at one location. Cin7 takes the new absolute figure, so it is read immediately
    before (Cin7 blueprint)."""

    kind: ClassVar[str] = "adjust"
    goods_end: ClassVar[GoodsEnd | None] = GoodsEnd.THERE

    location_id: str
    effective_on: date
    reference: str
    account: str
    line: StockLine
    unit_cost: Decimal
    goods: tuple[UnitGoods, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyRestock(Effect):
    """Read back, once, at which value a credit note's goods came into stock; nothing is sent.

    With `number`, `gross_base` (gross in base currency) and `noted_on` the journal can answer, which is read in bulk.
    """

    kind: ClassVar[str] = "value"

    task_id: str
    goods: tuple[UnitGoods, ...] = ()
    number: str = ""
    gross_base: Decimal | None = None
    noted_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRefund(Effect):
    """Record on the credit note that the shopper's money went out. `units` name the transaction, `settles` the returned
    items that it paid back."""

    kind: ClassVar[str] = "refund"

    task_id: str
    reference: str
    amount: Money
    paid_on: date
    account: str
    rate: Decimal
    settles: tuple[str, ...] = ()

    @property
    def money(self) -> Money | None:
        """What the document is worth; None for nothing."""
        return self.amount or None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentOnReturn(Effect):
    """Write on the RMA's timeline in ReturnGO."""

    kind: ClassVar[str] = "comment"
    system: ClassVar[System] = System.RETURNGO

    rma_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveShipment(Effect):
    """Tell ReturnGO that the parcel is received, which lets its automatic refund go."""

    kind: ClassVar[str] = "receive"
    system: ClassVar[System] = System.RETURNGO

    rma_id: str
    shipment_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthoriseOrder(Effect):
    """Take a Cin7 sale order out of Draft by sending the whole document back with Status AUTHORISED. `released` are the
    returned units whose exchange it is."""

    kind: ClassVar[str] = "authorise"

    memo: str
    order_total: Money
    lines: tuple[DocumentLine, ...] = ()
    charges: tuple[Charge, ...] = ()
    order_number: str = ""
    tax_inclusive: bool = False
    released: tuple[str, ...] = ()
    extra: dict[str, str] = field(default_factory=dict, compare=False, hash=False)

    @property
    def money(self) -> Money | None:
        """What the document is worth; None for nothing."""
        return self.order_total or None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkExchangeOrder(Effect):
    """Write down which order the exchange of a return became, and when that was first seen; nothing is sent.

    `released` are the returned units whose exchange is out of Draft ("" in `sale_id`: Cin7 has no sale of it).
    """

    kind: ClassVar[str] = "exchange"

    number: str
    released: tuple[str, ...] = ()
    order_total: Money | None = None

    @property
    def money(self) -> Money | None:
        """What the document is worth; None for nothing."""
        return self.order_total or None


Action = (
    PostCreditNote
    | AdoptCreditNote
    | WriteOffStock
    | TransferStock
    | AdjustStock
    | VerifyRestock
    | RecordRefund
    | CommentOnReturn
    | ReceiveShipment
    | AuthoriseOrder
    | LinkExchangeOrder
)

#: The kinds of document that move goods after the credit note.
MOVING = frozenset(action.kind for action in get_args(Action) if action.goods_end)
