"""Moments at which a day, a month, a year or a time zone turns, and what the company's calendar says then."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

#: Where the practice tenant keeps its books.
LONDON = ZoneInfo("Europe/London")

MOMENTS = {
    "just after midnight": datetime(2026, 11, 18, 0, 0, 5, tzinfo=UTC),
    "just before midnight": datetime(2026, 11, 18, 23, 59, 50, tzinfo=UTC),
    "the end of the year": datetime(2026, 12, 31, 23, 59, 50, tzinfo=UTC),
    "a summer night that is tomorrow in London": datetime(2027, 6, 30, 23, 30, tzinfo=UTC),
    "the clocks go forward": datetime(2027, 3, 28, 0, 59, 50, tzinfo=UTC),
    "the clocks go back": datetime(2027, 10, 31, 0, 59, 50, tzinfo=UTC),
    "a leap day": datetime(2028, 2, 29, 12, tzinfo=UTC),
}


def books_day(moment: datetime) -> date:
    """The date of the company's books at this moment."""
    return moment.astimezone(LONDON).date()
