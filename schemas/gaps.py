"""The gaps between what the portal, Cin7 and the payouts say of one return: their names, patience and owners."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import Any

from schemas.actions import AdoptCreditNote, PostCreditNote, UnitGoods
from schemas.concerns import ConcernType, Owner
from schemas.go_live import GoLive, standing
from schemas.money import Money
from schemas.returns import Return, Unit
from schemas.terms import Terms


class Gap(StrEnum):
    """Every gap; the word is its name on the command line and in the settings."""

    REFUNDED_NOT_RECEIVED = "refunded-not-received"
    RECEIVED_NOT_CREDITED = "received-not-credited"
    CREDITED_NOT_REFUNDED = "credited-not-refunded"
    REFUNDED_NOT_CREDITED = "refunded-not-credited"
    RECEIVED_NOT_STOCKED = "received-not-stocked"
    DAMAGED_NOT_WRITTEN_DOWN = "damaged-not-written-down"
    CREDIT_CONFLICT = "written-off-or-credited-wrongly"
    EXCHANGE_STUCK = "exchange-stuck"
    EXCHANGE_NOT_RETURNED = "exchange-not-returned"
    NATIVE_DUPLICATE = "native-duplicate"
    NOTE_DRIFT = "note-drift"
    PAYOUT_UNMATCHED = "payout-unmatched"
    TAX_VARIANCE = "tax-variance"
    RESTOCK_VALUE = "restock-value-variance"


@dataclass(frozen=True, slots=True)
class GapRule:
    """How one gap is shown: hours before it counts, who owns it, what it means, and the exceptions that tell of it.

    `accepted_by`: the exception type that a person accepts to take a return out of this gap.
    """

    hours: int
    owner: Owner
    meaning: str
    types: tuple[ConcernType, ...] = ()
    accepted_by: ConcernType | None = None


_K = ConcernType
_FIN, _OPS, _CX = Owner.FINANCE, Owner.OPERATIONS, Owner.CUSTOMER_EXPERIENCE

#: The 14 gaps. Hours of "received, not credited" are counted on working days only.
RULES: dict[Gap, GapRule] = {
    Gap.REFUNDED_NOT_RECEIVED: GapRule(
        336, _CX, "the shopper has the money, the goods are not here", (), _K.REFUNDED_NOT_RECEIVED
    ),
    Gap.RECEIVED_NOT_CREDITED: GapRule(48, _FIN, "the goods are here, no credit note covers them"),
    Gap.CREDITED_NOT_REFUNDED: GapRule(
        72, _FIN, "a credit note stands, no refund succeeded", (), _K.CREDITED_NOT_REFUNDED
    ),
    Gap.REFUNDED_NOT_CREDITED: GapRule(
        24, _FIN, "the money went out, no credit note covers it", (), _K.REFUNDED_NOT_CREDITED
    ),
    Gap.RECEIVED_NOT_STOCKED: GapRule(
        48, _OPS, "the goods are here, no stock movement shows them", (), _K.NOT_STOCKED_AGED
    ),
    Gap.DAMAGED_NOT_WRITTEN_DOWN: GapRule(24, _FIN, "damaged goods stand in stock at full cost"),
    Gap.CREDIT_CONFLICT: GapRule(
        0, _FIN, "written off without a credit, or credited beyond the invoice", (_K.OVER_CREDIT,), _K.OVER_CREDIT
    ),
    Gap.EXCHANGE_STUCK: GapRule(
        24,
        _CX,
        "the exchange order is still a draft (seven days where its conditions are not met)",
        (_K.EXCHANGE_DRAFT_STUCK, _K.EXCHANGE_UNPAID, _K.EXCHANGE_OUT_OF_STOCK),
        _K.EXCHANGE_DRAFT_STUCK,
    ),
    Gap.EXCHANGE_NOT_RETURNED: GapRule(
        120,
        _CX,
        "the exchange has left, the original is not back",
        (_K.ADVANCE_EXCHANGE_OVERDUE,),
        _K.ADVANCE_EXCHANGE_OVERDUE,
    ),
    Gap.NATIVE_DUPLICATE: GapRule(
        0, _FIN, "somebody else credited the same goods", (_K.NATIVE_DUPLICATE,), _K.NATIVE_DUPLICATE
    ),
    Gap.NOTE_DRIFT: GapRule(0, _FIN, "our credit note was changed by hand", (_K.CN_DRIFT,), _K.CN_DRIFT),
    Gap.PAYOUT_UNMATCHED: GapRule(
        120, _FIN, "a payout and a credited refund do not meet", (_K.PAYOUT_UNMATCHED,), _K.PAYOUT_UNMATCHED
    ),
    Gap.TAX_VARIANCE: GapRule(
        0, _FIN, "the tax credited is not the tax of what came back", (_K.TAX_VARIANCE,), _K.TAX_VARIANCE
    ),
    Gap.RESTOCK_VALUE: GapRule(
        0, _FIN, "goods came back at another value", (_K.RESTOCK_VALUE_VARIANCE,), _K.RESTOCK_VALUE_VARIANCE
    ),
}

#: Hours an exchange may stay a draft while its conditions are not met.
DRAFT_PATIENCE = 168
#: Days of age: 0-1, 2-3, ... each bucket named by its first day.
BUCKETS = (("0-1", 0), ("2-3", 2), ("4-7", 4), ("8-14", 8), ("15-30", 15), ("31-60", 31), ("60+", 61))


def bucket_of(days: int) -> str:
    """The age bucket of so many whole days."""
    return next(name for name, first in reversed(BUCKETS) if days >= first)


@dataclass(frozen=True, slots=True)
class Credit:
    """A confirmed credit note, ours or adopted, with its figures as Cin7 holds them. `stands` is False once it was seen
    voided, in draft again, or gone: then its figures mean nothing."""

    action: PostCreditNote | AdoptCreditNote
    number: str
    sale_id: str
    ours: bool
    gross: Money | None
    tax: Money | None
    at: datetime
    stands: bool = True


@dataclass(frozen=True, slots=True)
class UnitFacts:
    """One unit with its facts; `told` is ReturnGO's own word of it. Times after the moment asked for are None."""

    unit: str
    sku: str
    told: Unit | None
    resolution: str
    gross: Money
    inspection: str
    credit_note: str
    stocked_as: str
    refunded: Money | None
    credited: Money | None
    refunded_at: datetime | None
    received_at: datetime | None
    inspected_at: datetime | None
    credited_at: datetime | None
    stocked_at: datetime | None
    exchange_released_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReturnFacts:
    """One return with everything that the gaps are made of; `base` is the currency of costs, `zone` the company's
    time zone."""

    return_id: int
    shop: str
    rma: str
    order: str
    opened_at: datetime
    told: Return
    units: tuple[UnitFacts, ...]
    credits: tuple[Credit, ...]
    exceptions: tuple[Mapping[str, Any], ...]
    accepted: frozenset[ConcernType]
    base: str
    zone: tzinfo = UTC

    def live(self, terms: Terms | None) -> bool:
        """Whether the go-live rule lets this return count."""
        return standing(self.told.created_at, terms.go_live if terms else None, self.zone) is GoLive.LIVE

    def goods(self, unit: str) -> UnitGoods | None:
        """What the credit note decided about the goods of this unit."""
        posted = (c.action for c in self.credits if isinstance(c.action, PostCreditNote))
        return next((goods for action in posted for goods in action.goods if goods.unit == unit), None)

    def cost(self, unit: str) -> Money | None:
        """What the unit cost when it left, in base currency; None where Cin7 never said."""
        goods = self.goods(unit)
        return Money(goods.cost, self.base) if goods and goods.cost is not None and self.base else None

    def adopted(self, unit: str) -> bool:
        """Whether somebody else's note covers the unit: then its goods are theirs to place."""
        return any(unit in c.action.units for c in self.credits if not c.ours)
