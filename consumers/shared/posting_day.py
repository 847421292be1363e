"""The day a credit note carries and the memo that lets us recognise it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from schemas.actions import marker
from schemas.go_live import zone_named
from schemas.returns import Return
from schemas.sales import Tenant

#: Cin7 keeps this many characters of a memo (Cin7 blueprint).
MEMO_LENGTH = 1024


@dataclass(frozen=True, slots=True)
class PostingDay:
    """The date of the note in the company's calendar; `true_day` is today where a locked period moved it."""

    noted_on: date
    true_day: date | None = None


def zone_of(tenant: Tenant | None) -> tzinfo:
    """The company's time zone; UTC where none is known."""
    return zone_named(tenant.time_zone if tenant else "")


def posting_day(tenant: Tenant, now: datetime) -> PostingDay:
    """Today in the company's time zone, or the first day after its lock date where today is locked."""
    today = now.astimezone(zone_of(tenant)).date()
    if tenant.lock_date is None or today > tenant.lock_date:
        return PostingDay(today)
    return PostingDay(tenant.lock_date + timedelta(days=1), today)


def signature(ret: Return) -> str:
    """The part of our memo that names the return."""
    return f"RMA {ret.rma_id} order {ret.order_name}"


def memo(key: str, ret: Return, day: PostingDay) -> str:
    """The note's memo: our marker, the return, the order, and the true date where the lock date moved it."""
    text = f"Returnline {marker(key)} {signature(ret)}"
    if day.true_day is not None:
        text += f" event date {day.true_day.isoformat()} (period locked)"
    return text[:MEMO_LENGTH]
