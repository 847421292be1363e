from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from consumers.shared.posting_day import posting_day, zone_of
from tests.consumers.builders import NOW, a_return, a_tenant
from tests.consumers.decide import decided, the_note


@pytest.mark.parametrize(
    ("lock", "noted_on"),
    [
        (None, date(2026, 3, 20)),
        (date(2026, 3, 19), date(2026, 3, 20)),
        (date(2026, 3, 20), date(2026, 3, 21)),
        (date(2026, 3, 31), date(2026, 4, 1)),
    ],
)
def test_a_note_is_dated_on_the_first_open_day(lock: date | None, noted_on: date) -> None:
    assert posting_day(a_tenant(lock_date=lock), NOW).noted_on == noted_on


def test_today_is_the_companys_day_not_ours() -> None:
    late = datetime(2026, 3, 20, 23, 30, tzinfo=UTC)
    assert posting_day(a_tenant(time_zone="Australia/Sydney"), late).noted_on == date(2026, 3, 21)


@pytest.mark.parametrize("zone", ["", "Nowhere/Land", "GMT Standard Time"])
def test_a_time_zone_nobody_knows_counts_as_utc(zone: str) -> None:
    assert zone_of(a_tenant(time_zone=zone)) is UTC


def test_a_moved_date_is_remarked_and_the_true_one_kept_in_the_memo() -> None:
    plan = decided(a_return(), company=a_tenant(lock_date=date(2026, 3, 31)))
    assert "event date 2026-03-20" in the_note(plan).memo
    assert "2026-04-01" in plan.remarks[0]


def test_a_memo_never_outgrows_what_cin7_keeps() -> None:
    note = the_note(decided(a_return(order_name="#" * 3000)))
    assert len(note.memo) == 1024
    assert note.marker in note.memo
