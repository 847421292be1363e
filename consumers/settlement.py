"""What a refund means beside the entitlement: fees kept or let go, shipping given back, goodwill, bonus, or a dispute.

One reading for all units that one refund settles, and at most one adjustment line.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from consumers.fees import Fee
from consumers.line_total_rule import sum_of
from consumers.matter import Matter, Placed
from consumers.payouts import PaidOut, in_currency, shop_rate
from consumers.placing import tolerance
from consumers.shipping import ShippingLeft
from schemas.concerns import ConcernType
from schemas.merchant import ShippingRefund

GOODWILL, SHORT, BONUS, ROUNDING = "goodwill", "short_refund", "bonus", "rounding"
#: ReturnGO caps store credit at this multiple of the price paid (ReturnGO's help pages).
MOST_CREDIT = Decimal("1.5")


@dataclass(frozen=True, slots=True)
class Reading:
    """How the refund comes about. `adjustment` names a key of the merchant's adjustments, `rest` its gross."""

    fees_kept: bool = True
    shipping: ShippingLeft | None = None
    shipping_gross: Decimal = Decimal(0)
    adjustment: str = ""
    rest: Decimal = Decimal(0)
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The refund cannot be explained within what the merchant allows; both figures in words."""

    cause: str
    next_step: str
    details: dict[str, str] = field(default_factory=dict)


def above_entitlement(matter: Matter, units: Sequence[Placed], paid: PaidOut) -> Decimal | None:
    """Refund less entitlement before fees, in the sale's currency; None where the currencies do not allow to tell.

    Where the shopper paid in another currency than the sale's, the two are compared in the shopper's: what today's
    rate adds is no goodwill.
    """
    currency = matter.sale.currency
    known = in_currency(paid.transactions, currency)
    if known is not None:
        return known - sum_of(one.worth(matter).amount for one in units)
    theirs = {one.unit.paid.currency for one in units}
    rate = shop_rate([one.unit for one in units], currency)
    if len(theirs) != 1 or rate is None:
        return None
    known = in_currency(paid.transactions, theirs.pop())
    if known is None:
        return None
    return (known - sum_of(one.unit.gross.amount for one in units)) * rate


def read_refund(
    matter: Matter,
    units: Sequence[Placed],
    paid: PaidOut,
    fees: Iterable[Fee],
    shipping: Sequence[ShippingLeft],
) -> Reading | Mismatch:
    """Explain the refund: as expected, without the fee, with shipping, else by one adjustment."""
    above = above_entitlement(matter, units, paid)
    if above is None:
        return Reading(remarks=("the refund is in another currency, so its amount was not compared",))
    kept = sum_of(fee.amount for fee in fees)
    slack = tolerance(matter) * len(units)
    plain = _as_expected(above, kept, slack, shipping, matter)
    if plain is not None:
        return plain
    gap = above + kept
    given = _up_to(gap, shipping, matter)
    part = min(given.gross, gap) if given else Decimal(0)
    return _adjusted(matter, units, paid, Reading(shipping=given, shipping_gross=part, rest=gap - part), kept)


def _as_expected(
    above: Decimal, kept: Decimal, slack: Decimal, shipping: Sequence[ShippingLeft], matter: Matter
) -> Reading | None:
    for fees_kept in (True, False) if kept else (True,):
        gap = above + kept if fees_kept else above
        said = () if fees_kept else ("the refund kept no fee, so the note charges none",)
        if abs(gap) <= slack:
            return _rounded(Reading(fees_kept, rest=gap, remarks=said), matter)
        for left in shipping:
            if abs(gap - left.gross) <= slack:
                told = (*said, f"the refund holds the shipping of {matter.money(left.gross)}")
                return _rounded(Reading(fees_kept, left, left.gross, rest=gap - left.gross, remarks=told), matter)
    return None


def _rounded(reading: Reading, matter: Matter) -> Reading:
    """Pennies within the tolerance: to the rounding account where there is one, else they are let be."""
    if abs(reading.rest) < matter.coin or ROUNDING not in matter.terms.adjustments:
        return Reading(reading.fees_kept, reading.shipping, reading.shipping_gross, remarks=reading.remarks)
    told = (*reading.remarks, f"{matter.money(reading.rest)} of rounding between refund and invoice")
    return Reading(reading.fees_kept, reading.shipping, reading.shipping_gross, ROUNDING, reading.rest, told)


def _up_to(gap: Decimal, shipping: Sequence[ShippingLeft], matter: Matter) -> ShippingLeft | None:
    if gap <= 0 or matter.terms.shipping_refunds is not ShippingRefund.UP_TO:
        return None
    return shipping[0] if shipping else None


def _adjusted(
    matter: Matter, units: Sequence[Placed], paid: PaidOut, reading: Reading, kept: Decimal
) -> Reading | Mismatch:
    if not reading.rest:
        return reading
    entitled = sum_of(one.worth(matter).amount for one in units)
    refunded = entitled - kept + reading.shipping_gross + reading.rest
    name = _adjustment(reading.rest, paid, refunded, entitled)
    told = f"{name.replace('_', ' ')} of {matter.money(reading.rest)}: refunded {matter.money(refunded)}"
    allowed = name == BONUS or abs(reading.rest) <= matter.terms.goodwill_tolerance
    if not allowed and not matter.waived(ConcernType.AMOUNT_MISMATCH):
        return _mismatch(matter, entitled, kept, refunded)
    return Reading(True, reading.shipping, reading.shipping_gross, name, reading.rest, (told,))


def _adjustment(rest: Decimal, paid: PaidOut, refunded: Decimal, entitled: Decimal) -> str:
    if rest < 0:
        return SHORT
    return BONUS if paid.store_credit and refunded <= entitled * MOST_CREDIT else GOODWILL


def _mismatch(matter: Matter, entitled: Decimal, kept: Decimal, refunded: Decimal) -> Mismatch:
    minus = f" less fees of {matter.money(kept)}" if kept else ""
    cause = f"ReturnGO refunded {matter.money(refunded)}, the invoice gives {matter.money(entitled)}{minus}"
    step = "find out which figure is right; waive this to post the difference as its own adjustment line"
    figures = {"refunded": str(refunded), "invoice": str(entitled), "fees": str(kept)}
    return Mismatch(cause, step, figures)
