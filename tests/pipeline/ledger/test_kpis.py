"""The figures say how long things take without hiding what is stuck behind an average."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from pipeline.ledger import reference_books
from pipeline.ledger.reports.kpis import hours, kpis
from schemas.concerns import ConcernType
from schemas.terms import Terms
from tests.consumers.builders import a_unit
from tests.pipeline.ledger.gap_desk import DAY0, SHOP, GapDesk, here, refund_of


def told(desk: GapDesk, since: float = -1, until: float = 30) -> dict[str, Any]:
    with desk.ledger.read() as conn:
        return kpis(conn, DAY0 + timedelta(days=since), DAY0 + timedelta(days=until))


def lead(figures: dict[str, Any], name: str) -> dict[str, Any]:
    return next(row for row in figures["lead_times"] if row["lead"] == name)


def test_one_slow_return_shows_in_p90_and_not_in_the_median() -> None:
    found = hours([timedelta(hours=1)] * 8 + [timedelta(hours=100)] * 2)
    assert found == {"count": 10, "median": Decimal("1.0"), "p90": Decimal("100.0")}


def test_no_spans_are_no_figure() -> None:
    assert hours([]) == {"count": 0, "median": None, "p90": None}


def test_lead_times_run_between_the_facts_of_a_unit(desk: GapDesk) -> None:
    desk.told(here(transactions=(refund_of("u1", at=DAY0 + timedelta(hours=30)),)))
    desk.credited(at=DAY0 + timedelta(hours=6))
    desk.stocked(at=DAY0 + timedelta(hours=6))
    figures = told(desk)
    assert lead(figures, "received to credited")["median"] == Decimal("6.0")
    assert lead(figures, "received to refunded")["p90"] == Decimal("30.0")
    assert lead(figures, "approved to refunded")["count"] == 1
    assert figures["goods"] == {"restock": {"units": 1, "share": Decimal("100.0")}}


def test_what_ended_before_the_span_is_not_counted(desk: GapDesk) -> None:
    desk.told(here())
    desk.credited(at=DAY0 + timedelta(hours=6))
    assert told(desk, since=1)["returns_credited"] == 0
    assert lead(told(desk, since=1), "received to credited")["count"] == 0


def test_a_return_that_needed_a_person_is_not_first_pass(desk: GapDesk) -> None:
    first = desk.told(here())
    desk.credited()
    assert told(desk)["first_pass"] == Decimal("100.0")
    desk.raised(ConcernType.SKU_UNMATCHED, return_id=first)
    assert told(desk)["first_pass"] == Decimal("0.0")


def test_time_to_resolve_is_counted_by_owner_and_self_healing_is_told(desk: GapDesk) -> None:
    desk.told(here(units=(a_unit(),)))
    desk.credited()
    desk.raised(ConcernType.SKU_UNMATCHED)
    desk.closed(DAY0 + timedelta(hours=5))
    figures = told(desk)
    assert figures["resolution"] == [
        {"owner": "operations", "opened": 1, "count": 1, "median": Decimal("5.0"), "p90": Decimal("5.0")}
    ]
    assert figures["recovered_alone"] == Decimal("100.0")


def test_an_adopted_note_is_a_duplicate_prevented(desk: GapDesk) -> None:
    desk.told(here())
    desk.adopted()
    assert told(desk)["duplicates_prevented"] == 1


def test_only_live_returns_count_by_the_companys_calendar(desk: GapDesk) -> None:
    desk.told(here())
    desk.credited(at=DAY0 + timedelta(hours=6))
    with desk.ledger.write() as conn:
        reference_books.keep_reference_book(
            conn, SHOP, "me", {"currency": "GBP", "time_zone": "Pacific/Auckland"}, DAY0
        )
    for days, count in ((0, 1), (1, 1), (2, 0)):
        terms = {SHOP: Terms(go_live=(DAY0 + timedelta(days=days)).date())}
        with desk.ledger.read() as conn:
            figures = kpis(conn, DAY0 - timedelta(days=1), DAY0 + timedelta(days=30), "", terms)
        assert figures["returns_credited"] == count
