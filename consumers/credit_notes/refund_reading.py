"""What a refund means beside the entitlement: fees kept or let go, charges given back, goodwill, bonus, or a dispute.

One reading for all units that one refund settles, and at most one adjustment line. An exact sum of known parts comes
before anything that is only near, and what passes unasked is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from consumers.credit_notes.charges import ChargeLeft, Fee, summed_by_kind
from consumers.credit_notes.known_parts import Fit, Part, Several, charge_parts, choose, fits, prices_of
from consumers.credit_notes.matter import Matter, Placed
from consumers.shared.line_total_rule import sum_of
from consumers.shared.refunds_told import PaidOut, in_currency, shop_rate
from schemas.concerns import ConcernType
from schemas.money import FOUR_PLACES, coin_of
from schemas.terms import ShippingRefund

GOODWILL, SHORT, BONUS, ROUNDING = "goodwill", "short_refund", "bonus", "rounding"
#: ReturnGO caps store credit at this multiple of the price paid (ReturnGO's help pages).
MOST_CREDIT = Decimal("1.5")
ACCEPTING = "accept this to post the difference as its own adjustment line"


@dataclass(frozen=True, slots=True)
class Reading:
    """How the refund comes about: the kinds of fees it let go and what it gave back of which charge, gross (a discount
    is below zero). `adjustment` names a key of the merchant's adjustments, `rest` its gross."""

    let_go: frozenset[str] = frozenset()
    given: tuple[tuple[ChargeLeft, Decimal], ...] = ()
    adjustment: str = ""
    rest: Decimal = Decimal(0)
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The refund cannot be explained within what the merchant allows; both figures in words."""

    cause: str
    next_step: str
    details: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refunded:
    """What one refund settles: the units, the money, their fees, and what else of the sale may be in it."""

    units: Sequence[Placed]
    paid: PaidOut
    fees: Sequence[Fee] = ()
    charges: Sequence[ChargeLeft] = ()
    discounts: Sequence[ChargeLeft] = ()
    #: Other goods of one price, in words, asked for a difference.
    rivals: Callable[[Decimal], list[str]] = lambda _: []

    @property
    def kept(self) -> Decimal:
        """The fees that the portal keeps, gross."""
        return sum_of(fee.amount for fee in self.fees)


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


def read_refund(matter: Matter, asked: Refunded) -> Reading | Mismatch:
    """Explain the refund: as expected, by fees let go or charges given back, else by one adjustment."""
    above = above_entitlement(matter, asked.units, asked.paid)
    if above is None:
        return Reading(remarks=("the refund is in another currency, so its amount was not compared",))
    gap = above + asked.kept
    found = _explained(matter, asked, gap)
    if isinstance(found, Several):
        return _adjusted(matter, asked, Reading(rest=gap), found)
    if found is not None:
        return _read(matter, asked, gap, found)
    given = _up_to(gap, asked.charges, matter)
    back = min(given.gross, gap) if given else Decimal(0)
    return _adjusted(matter, asked, Reading(given=((given, back),) if given else (), rest=gap - back))


def _explained(matter: Matter, asked: Refunded, gap: Decimal) -> Fit | Several | None:
    """The known parts of the refund: as exact as coins can be, else at the portal's prices, else within what may pass.

    A refund in the shopper's currency is read from the portal's prices to begin with.
    """
    groups = [[Part(amount, fee=kind)] for kind, amount in summed_by_kind(asked.fees).items()]
    groups += charge_parts([*asked.charges, *asked.discounts])
    exact = _one_coin(matter, asked)
    near = matter.terms.let_be(matter.coin, len(asked.units))
    prices = prices_of(asked.units, matter)
    at_portal = gap - prices.difference
    tried = [(gap, exact)]
    if prices.within(matter.terms, matter.sale.currency) and not _foreign(matter, asked):
        tried.append((at_portal, exact))
    for rest, within in (*tried, (gap, near + FOUR_PLACES)):
        found = choose(fits(groups, rest, within), asked.rivals(rest))
        if found is not None:
            return found
    return None


def _foreign(matter: Matter, asked: Refunded) -> bool:
    return in_currency(asked.paid.transactions, matter.sale.currency) is None


def _one_coin(matter: Matter, asked: Refunded) -> Decimal:
    """What rounding alone explains: a coin of the sale, or one of the shopper's in the sale's currency."""
    if not _foreign(matter, asked):
        return matter.coin
    rate = shop_rate([one.unit for one in asked.units], matter.sale.currency) or Decimal(1)
    return max(matter.coin, coin_of(asked.units[0].unit.paid.currency) * rate)


def _read(matter: Matter, asked: Refunded, gap: Decimal, found: Fit) -> Reading:
    let_go = frozenset(part.fee for part in found if part.fee)
    given = tuple((part.charge, part.amount) for part in found if part.charge)
    rest = gap - sum_of(part.amount for part in found)
    return _rounded(Reading(let_go, given, rest=rest, remarks=tuple(_told(matter, asked, let_go, given))), matter)


def _told(
    matter: Matter, asked: Refunded, let_go: frozenset[str], given: Iterable[tuple[ChargeLeft, Decimal]]
) -> Iterator[str]:
    if let_go and let_go == {fee.kind for fee in asked.fees}:
        yield "the refund kept no fee, so the note charges none"
    elif let_go:
        yield f"the refund kept no {' and no '.join(sorted(let_go))} fee, so the note charges none"
    for charge, amount in given:
        name, money = charge.source.description, matter.money(abs(amount))
        yield f"the refund holds {money} of {name!r}" if amount > 0 else f"the refund is less {money} of {name!r}"


def _rounded(reading: Reading, matter: Matter) -> Reading:
    """Pennies that may pass: to the rounding account where there is one, else they are let be; told either way."""
    if abs(reading.rest) < matter.coin:
        return replace(reading, rest=Decimal(0))
    told = f"{matter.money(reading.rest)} of rounding between refund and invoice"
    if ROUNDING in matter.terms.adjustments:
        return replace(reading, adjustment=ROUNDING, remarks=(*reading.remarks, told))
    return replace(reading, rest=Decimal(0), remarks=(*reading.remarks, f"{told}, let be"))


def _up_to(gap: Decimal, charges: Sequence[ChargeLeft], matter: Matter) -> ChargeLeft | None:
    """The charge of which a part may be given back: the one named as shipping, or the only one."""
    if gap <= 0 or matter.terms.shipping_refunds is not ShippingRefund.UP_TO:
        return None
    candidates = [one for one in charges if one.named] or charges
    return candidates[0] if len(candidates) == 1 else None


def _adjusted(matter: Matter, asked: Refunded, reading: Reading, several: Several | None = None) -> Reading | Mismatch:
    if not reading.rest:
        return reading
    entitled = sum_of(one.worth(matter).amount for one in asked.units)
    refunded = entitled - asked.kept + sum_of(amount for _, amount in reading.given) + reading.rest
    name = _adjustment(reading.rest, asked.paid, refunded, entitled)
    told = f"{name.replace('_', ' ')} of {matter.money(reading.rest)}: refunded {matter.money(refunded)}"
    allowed = not several and (name == BONUS or abs(reading.rest) <= matter.terms.goodwill_tolerance)
    if not allowed and not matter.accepted(ConcernType.AMOUNT_MISMATCH):
        return _mismatch(matter, entitled, asked.kept, refunded, several)
    return replace(reading, adjustment=name, remarks=(told,))


def _adjustment(rest: Decimal, paid: PaidOut, refunded: Decimal, entitled: Decimal) -> str:
    if rest < 0:
        return SHORT
    return BONUS if paid.store_credit and refunded <= entitled * MOST_CREDIT else GOODWILL


def _mismatch(matter: Matter, entitled: Decimal, kept: Decimal, refunded: Decimal, several: Several | None) -> Mismatch:
    minus = f" less fees of {matter.money(kept)}" if kept else ""
    cause = f"ReturnGO refunded {matter.money(refunded)}, the invoice gives {matter.money(entitled)}{minus}"
    step = f"find out which figure is right; {ACCEPTING}"
    if several:
        cause += f"; the difference may be {several.words}"
        step = f"name the shipping charge in terms.adjustments.shipping, or credit it by hand; {ACCEPTING}"
    figures = {"refunded": str(refunded), "invoice": str(entitled), "fees": str(kept)}
    return Mismatch(cause, step, figures)
