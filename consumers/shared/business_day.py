"""Which batch a credit note belongs to: the business day in the company's time zone, its cut-off, and what makes it
late."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal

from consumers.shared.gate import standing_of
from schemas.actions import PostCreditNote
from schemas.money import FOUR_PLACES, Money
from schemas.returns import Return
from schemas.terms import Gate

_DAY = timedelta(days=1)
_MIDNIGHT = time(0, 0)


@dataclass(frozen=True, slots=True)
class BusinessDay:
    """A day of the company's calendar and the moment its batch stops taking returns."""

    day: date
    cut_off_at: datetime


def cut_off_at(day: date, cut_off: time, zone: tzinfo) -> datetime:
    """The moment (UTC) of the cut-off of this day by the company's clock. Midnight means the end of the day.

    Where the clocks go back, the first of the two hours counts; where they jump over the cut-off, it is as long after
    midnight as on any other day.
    """
    if cut_off == _MIDNIGHT:
        day += _DAY
    return datetime.combine(day, cut_off, zone).astimezone(UTC)


def business_day(now: datetime, cut_off: time, zone: tzinfo) -> BusinessDay:
    """The first business day whose cut-off is still to come."""
    day = now.astimezone(zone).date() - _DAY
    while True:
        closes = cut_off_at(day, cut_off, zone)
        if closes > now:
            return BusinessDay(day, closes)
        day += _DAY


def ready_since(ret: Return, units: Iterable[str], gate: Gate) -> datetime | None:
    """When the last of these units became ready to be credited; None where nothing says so."""
    wanted = set(units)
    moments = [standing_of(ret, unit, gate).since for unit in ret.units if unit.returned_item_id in wanted]
    known = [moment for moment in moments if moment is not None]
    return max(known) if known else None


def base_gross(action: PostCreditNote, base_currency: str) -> Money:
    """What the note is worth in the company's own currency, at the rate it is posted with."""
    return Money((action.gross.amount * action.rate).quantize(FOUR_PLACES), base_currency)


def content(action: PostCreditNote) -> str:
    """A short name of all that finance lets go: goods, amounts, tax rules, accounts.

    Neither the posting date is in it, nor what Cin7 works out anew by itself (average cost).
    """
    rows = [(line.sku, line) for line in action.lines] + [(charge.description, charge) for charge in action.charges]
    money = [
        (name, _plain(row.quantity), *map(_plain, (row.price, row.tax, row.total)), row.tax_rule, row.account)
        for name, row in rows
    ]
    goods = [(line.sku, _plain(line.quantity), line.restock_location_id, line.batch) for line in action.restock]
    kept = _plain(action.fees_withheld) if action.fees_withheld else ""
    told = (action.sale_id, action.invoice_number, action.units, _plain(action.gross), _plain(action.rate), kept)
    return hashlib.blake2b(repr((told, money, goods)).encode(), digest_size=16).hexdigest()


def _plain(value: Decimal | Money) -> str:
    amount = value.amount if isinstance(value, Money) else value
    return format(amount.normalize(), "f")
