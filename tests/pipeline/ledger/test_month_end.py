"""At month end finance sees what is not closed, and what belongs to which side of the cut-off."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from pipeline.ledger import reference_books
from pipeline.ledger.reports.month_end import month_end
from schemas.concerns import ConcernType
from schemas.returns import ExchangeOrder
from tests.consumers.builders import a_unit, found_faulty
from tests.pipeline.ledger.gap_desk import DAY0, SHOP, GapDesk, here, on_its_way, refund_of, the_unit

LAST = date(2026, 3, 31)
APRIL = DAY0 + timedelta(days=32)


def told(desk: GapDesk) -> dict[str, Any]:
    with desk.ledger.read() as conn:
        return month_end(conn, SHOP, desk.terms, LAST)


def accruals(desk: GapDesk) -> dict[str, str]:
    return {row["accrual"]: f"{row['amount']} {row['currency']}" for row in told(desk)["accruals"]}


def check(desk: GapDesk, name: str) -> dict[str, Any]:
    return next(row for row in told(desk)["checks"] if row["check"] == name)


def test_received_in_march_and_refunded_in_april_is_payable_at_the_end_of_march(desk: GapDesk) -> None:
    desk.told(here(transactions=(refund_of("u1", at=APRIL),)))
    desk.credited(at=APRIL)
    assert accruals(desk) == {"refunds payable": "36 GBP"}


def test_refunded_in_march_and_received_in_april_is_a_right_to_the_goods_at_cost(desk: GapDesk) -> None:
    desk.told(on_its_way(transactions=(refund_of("u1"),)))
    desk.credited()
    desk.facts(received_at=APRIL)
    assert accruals(desk) == {"right to recover goods": "9.40 GBP"}


@pytest.mark.parametrize(("zone", "counts"), [("Pacific/Auckland", True), ("UTC", False)])
def test_the_month_end_counts_from_the_go_live_day_of_the_companys_calendar(
    desk: GapDesk, zone: str, counts: bool
) -> None:
    desk.terms = replace(desk.terms, go_live=(DAY0 + timedelta(days=1)).date())
    with desk.ledger.write() as conn:
        reference_books.keep_reference_book(conn, SHOP, "me", {"currency": "GBP", "time_zone": zone}, DAY0)
    desk.told(here())
    assert bool(accruals(desk)) is counts


def test_a_return_that_is_done_straddles_nothing(desk: GapDesk) -> None:
    desk.told(here(transactions=(refund_of("u1"),)))
    desk.credited()
    desk.stocked()
    assert accruals(desk) == {}


def test_damaged_goods_at_full_cost_are_proposed_until_they_are_written_off(desk: GapDesk) -> None:
    faulty = the_unit(inspection=replace(found_faulty(), at=DAY0))
    desk.told(here(units=(faulty,), transactions=(refund_of("u1"),)))
    desk.credited()
    desk.stocked("quarantine")
    assert accruals(desk) == {"damaged, not written down": "9.40 GBP"}
    desk.written_off(at=DAY0)
    assert accruals(desk) == {}


def test_exchange_clearing_is_not_zero_while_only_one_side_is_posted(desk: GapDesk) -> None:
    order = ExchangeOrder("d-1", "", "#D1", "EXCHANGE")
    desk.told(here(units=(a_unit(resolution="Exchange"),), exchange_orders=(order,)))
    desk.credited()
    assert accruals(desk) == {"exchange clearing": "36 GBP"}
    desk.facts(exchange_released_at=DAY0)
    assert accruals(desk) == {}
    desk.facts(credited_at=APRIL)
    assert accruals(desk) == {"exchange clearing": "-36 GBP"}


def test_store_credit_given_in_the_month_is_added_up(desk: GapDesk) -> None:
    given = refund_of("u1", kind="RefundToStoreCredit")
    desk.told(here(transactions=(given, replace(given, transaction_id="tx-2", updated_at=APRIL, created_at=APRIL))))
    assert {k: str(v) for k, v in told(desk)["store_credit_issued"].items()} == {"GBP": "36"}


def test_the_lock_date_is_done_once_it_covers_the_cut_off(desk: GapDesk) -> None:
    assert not check(desk, "lock date")["ok"]
    with desk.ledger.write() as conn:
        reference_books.keep_reference_book(conn, SHOP, "me", {"currency": "GBP", "lock_date": "2026-03-31"}, DAY0)
    assert check(desk, "lock date")["ok"]
    assert "first open day 2026-04-01" in check(desk, "lock date")["found"]


def test_the_month_ends_at_midnight_of_the_companys_time_zone(desk: GapDesk) -> None:
    with desk.ledger.write() as conn:
        reference_books.keep_reference_book(conn, SHOP, "me", {"currency": "GBP", "time_zone": "Europe/London"}, DAY0)
    assert told(desk)["cut_off"].isoformat() == "2026-03-31T23:59:59.999999+01:00"


def test_open_finance_exceptions_keep_the_month_open(desk: GapDesk) -> None:
    assert check(desk, "finance exceptions")["ok"]
    desk.raised(ConcernType.AMOUNT_MISMATCH)
    assert not check(desk, "finance exceptions")["ok"]
    desk.closed(DAY0 + timedelta(days=1))
    assert check(desk, "finance exceptions")["ok"]
