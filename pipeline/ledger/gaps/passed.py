"""What was let be: differences between refunds and credits too small to ask anybody about, added up per return."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from pipeline.ledger.gaps import facts
from schemas.actions import PostCreditNote
from schemas.concerns import ConcernType
from schemas.gaps import ReturnFacts
from schemas.money import Money, coin_of, total
from schemas.returns import DONE, SUCCESS
from schemas.terms import Terms

#: With one of these a person knows of the difference already.
_SPOKEN = frozenset({ConcernType.AMOUNT_MISMATCH, ConcernType.REFUND_WITHOUT_ITEMS})


@dataclass(frozen=True, slots=True)
class LetBe:
    """One return: `money` is refunded less credited, or the portal's prices less the credit where nothing was refunded
    yet."""

    shop: str
    rma: str
    order: str
    money: Money
    cause: str

    def as_row(self) -> dict[str, Any]:
        """Plain data."""
        amount = format(self.money.amount, "f")
        return {
            "shop": self.shop,
            "rma": self.rma,
            "order": self.order,
            "money": amount,
            "currency": self.money.currency,
            "cause": self.cause,
        }


def find(
    conn: sa.Connection, terms: Mapping[str, Terms], as_of: datetime, *, shop: str = "", rma: str = ""
) -> list[LetBe]:
    """Every credited return whose money differs by a coin or more, but by no more than may pass unasked."""
    known = facts.gather(conn, as_of, shop=shop, rma=rma)
    return [found for one in known if one.shop in terms and (found := _of_return(one, terms[one.shop])) is not None]


def sums(found: Sequence[LetBe]) -> dict[str, Decimal]:
    """How much was let be by currency, major units; too much and too little do not cancel out."""
    amounts: dict[str, Decimal] = {}
    for one in found:
        amounts[one.money.currency] = amounts.get(one.money.currency, Decimal(0)) + abs(one.money.amount)
    return dict(sorted(amounts.items()))


def _of_return(ret: ReturnFacts, terms: Terms) -> LetBe | None:
    asked = {ConcernType(row["type"]) for row in ret.exceptions} | ret.accepted
    half_way = any(unit.refunded_at and not unit.credited_at for unit in ret.units)
    found = None if half_way or asked & _SPOKEN or not ret.credits else _difference(ret)
    if found is None:
        return None
    told = sum(1 if unit.told and unit.told.tax_included else 2 for unit in ret.units)
    coin = coin_of(found[0].currency)
    if not coin <= abs(found[0].amount) <= terms.let_be_of_prices(coin, len(ret.units), told):
        return None
    return LetBe(ret.shop, ret.rma, ret.order, *found)


def _difference(ret: ReturnFacts) -> tuple[Money, str] | None:
    amounts = [credit.gross for credit in ret.credits if credit.gross is not None]
    if len(amounts) < len(ret.credits) or len({money.currency for money in amounts}) != 1:
        return None
    currency = amounts[0].currency
    refunds = [x for x in ret.told.transactions if x.status == SUCCESS and x.gives_back]
    if not refunds:
        return _beside_prices(ret, currency)
    if any(x.amount.currency != currency for x in refunds) or any(u.told and u.told.exchange_items for u in ret.units):
        return None
    posted = [credit.action for credit in ret.credits if isinstance(credit.action, PostCreditNote)]
    withheld = [note.fees_withheld for note in posted if note.fees_withheld]
    credited = total(amounts, currency) - total(withheld, currency)
    refunded = total((x.amount for x in refunds), currency)
    if refunded < credited and ret.told.status != DONE:
        return None  # the rest may still come
    return refunded - credited, f"{refunded} refunded, {credited} credited"


def _beside_prices(ret: ReturnFacts, currency: str) -> tuple[Money, str] | None:
    units = [u for u in ret.units if u.told and u.credited and u.credited.currency == currency == u.told.paid.currency]
    if not units:
        return None
    prices = total((u.told.gross for u in units if u.told), currency)
    credited = total((u.credited for u in units if u.credited), currency)
    return prices - credited, f"{prices} paid as the portal says, {credited} credited"
