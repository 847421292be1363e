"""The gaps between what the portal, Cin7 and the payouts say of one return: their names, patience and owners."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from schemas.concerns import ConcernType, Owner


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
