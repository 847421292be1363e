"""Go-live: from which return on Returnline acts. The one place where the rule is written.

A return counts from the day it was created, in the company's time zone, the go-live day included. One whose creation
date nobody knows is neither: it is held and told, because either guess would post or hide money.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from enum import StrEnum
from zoneinfo import ZoneInfo

#: The zones in which a day begins first and last: for whoever must not take a return for older, or younger, than it is
#: before the company's own zone is known.
EARLIEST_ZONE, LATEST_ZONE = timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))


class GoLive(StrEnum):
    """How a return stands to the go-live date. Only for LIVE ones is anything posted, counted or reported."""

    LIVE = "live"
    BEFORE = "before go-live"
    UNDATED = "no creation date"
    NOT_SET = "no go-live date"


def standing(created_at: datetime | None, go_live: date | None, zone: tzinfo) -> GoLive:
    """How a return created at this (aware) moment stands to the go-live date, in the company's time zone."""
    if go_live is None:
        return GoLive.NOT_SET
    if created_at is None:
        return GoLive.UNDATED
    return GoLive.LIVE if created_at.astimezone(zone).date() >= go_live else GoLive.BEFORE


def zone_named(name: str) -> tzinfo:
    """The time zone of this name as Cin7's company settings give it; UTC where it is empty or nobody knows it."""
    try:
        return ZoneInfo(name) if name else UTC
    except (KeyError, ValueError, OSError):
        return UTC
