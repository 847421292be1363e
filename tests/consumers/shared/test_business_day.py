"""The business day of a batch: the company's clock decides, whatever it does in spring and autumn (E9)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.shared.business_day import base_gross, business_day, content, cut_off_at, ready_since
from schemas.actions import PostCreditNote, business_key
from schemas.money import Money
from schemas.returns import RECEIVED, Return
from schemas.sales import DocumentLine
from schemas.terms import Gate

SIX = time(18, 0)
ZONES = ("Europe/London", "Pacific/Auckland", "America/New_York", "America/Santiago", "Asia/Kolkata", "UTC")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "moment", "day"),
    [
        ("Europe/London", "2026-06-10T16:59:59", "2026-06-10"),
        ("Europe/London", "2026-06-10T17:00:00", "2026-06-11"),
        ("Europe/London", "2026-12-10T17:59:59", "2026-12-10"),
        ("Europe/London", "2026-12-10T18:00:00", "2026-12-11"),
        ("Pacific/Auckland", "2026-06-10T05:59:59", "2026-06-10"),
        ("Pacific/Auckland", "2026-06-10T06:00:00", "2026-06-11"),
        ("America/New_York", "2026-06-11T01:00:00", "2026-06-11"),
    ],
)
def test_a_batch_closes_at_the_companys_cut_off_not_at_utc_midnight(zone: str, moment: str, day: str) -> None:
    assert business_day(at(moment), SIX, ZoneInfo(zone)).day == date.fromisoformat(day)


def test_midnight_is_the_end_of_the_day() -> None:
    found = business_day(at("2026-06-10T12:00:00"), time(0, 0), ZoneInfo("Europe/London"))
    assert (found.day, found.cut_off_at) == (date(2026, 6, 10), at("2026-06-10T23:00:00"))


def test_a_cut_off_that_the_clocks_jump_over_is_as_long_after_midnight_as_ever() -> None:
    """London, 29 March 2026: 01:00 UTC is 02:00 on the wall, and 01:30 never comes."""
    assert cut_off_at(date(2026, 3, 29), time(1, 30), ZoneInfo("Europe/London")) == at("2026-03-29T01:30:00")


def test_a_cut_off_that_comes_twice_counts_the_first_time() -> None:
    """London, 25 October 2026: 01:30 comes at 00:30 UTC and again at 01:30 UTC."""
    zone = ZoneInfo("Europe/London")
    assert cut_off_at(date(2026, 10, 25), time(1, 30), zone) == at("2026-10-25T00:30:00")
    assert business_day(at("2026-10-25T01:29:00"), time(1, 30), zone).day == date(2026, 10, 26)


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 10), 24)])
def test_the_days_on_which_the_clocks_change_are_shorter_and_longer(day: date, hours: int) -> None:
    zone = ZoneInfo("Europe/London")
    length = cut_off_at(day, SIX, zone) - cut_off_at(day - timedelta(days=1), SIX, zone)
    assert length == timedelta(hours=hours)


@settings(max_examples=300, deadline=None)
@given(
    seconds=st.integers(0, 3 * 366 * 86_400),
    cut_off=st.times().map(lambda clock: clock.replace(second=0, microsecond=0)),
    zone=st.sampled_from(ZONES),
)
def test_every_moment_belongs_to_exactly_one_business_day(seconds: int, cut_off: time, zone: str) -> None:
    now, place = at("2025-01-01T00:00:00") + timedelta(seconds=seconds), ZoneInfo(zone)
    found = business_day(now, cut_off, place)
    assert cut_off_at(found.day - timedelta(days=1), cut_off, place) <= now < found.cut_off_at
    assert business_day(now + timedelta(hours=1), cut_off, place).day >= found.day


def pounds(amount: str, currency: str = "GBP") -> Money:
    return Money(Decimal(amount), currency)


def a_note(gross: str = "30.00", **changes: object) -> PostCreditNote:
    line = DocumentLine(
        "p1", "TEE", "Tee", Decimal(1), pounds("30"), Decimal(0), pounds("5"), pounds(gross), "20%", "200"
    )
    note = PostCreditNote(
        key=business_key("alder", "7", "credit", ["u1"]),
        sale_id="s1",
        units=("u1",),
        task_id="t1",
        simple=True,
        invoice_number="INV-1",
        memo="m",
        noted_on=date(2026, 6, 10),
        rate=Decimal("1.25"),
        lines=(line,),
        charges=(),
        restock=(),
        net=pounds("25"),
        tax=pounds("5"),
        gross=pounds(gross),
    )
    return replace(note, **changes)  # type: ignore[arg-type]


def test_the_posting_date_and_trailing_zeros_are_not_what_finance_lets_go() -> None:
    later = a_note("30.0000", noted_on=date(2026, 6, 11), memo="another")
    assert content(a_note()) == content(later)


@pytest.mark.parametrize(
    "other", [a_note("29.99"), a_note(units=("u1", "u2")), a_note(rate=Decimal(1)), a_note(lines=())]
)
def test_another_amount_rate_unit_or_line_is_another_content(other: PostCreditNote) -> None:
    assert content(a_note()) != content(other)


def test_another_account_of_a_line_is_another_content() -> None:
    note = a_note()
    assert content(note) != content(replace(note, lines=(replace(note.lines[0], account="260"),)))


def test_limits_are_compared_in_the_companys_currency() -> None:
    assert base_gross(a_note(), "AUD") == pounds("37.5000", "AUD")


def test_a_return_without_a_date_is_never_called_late() -> None:
    assert ready_since(Return("7", RECEIVED, "1", "#1", ()), ["u1"], Gate.RECEIVED) is None
