"""Each gap appears when its facts stand too long, and disappears when they become right."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from pipeline.ledger import reference_books
from pipeline.ledger.gaps import board
from pipeline.ledger.gaps.rules import working_hours_later
from schemas.concerns import ConcernType
from schemas.gaps import BUCKETS, RULES, Gap, bucket_of
from schemas.returns import ExchangeItem, ExchangeOrder
from schemas.terms import EffectOwner, Terms
from tests.consumers.builders import a_unit, found_faulty, gbp
from tests.pipeline.ledger.gap_desk import DAY0, SHOP, GapDesk, here, on_its_way, refund_of, the_unit

DRAFT = ExchangeOrder("d-1", "", "#D1", "EXCHANGE")


def day(number: float) -> datetime:
    return DAY0 + timedelta(days=number)


def test_the_report_knows_fourteen_gaps_and_each_has_an_owner() -> None:
    assert len(Gap) == 14
    assert set(RULES) == set(Gap)


# -- the fourteen -----------------------------------------------------------------------------------------------------


def test_refunded_and_not_received_shows_after_two_weeks_until_the_parcel_comes(desk: GapDesk) -> None:
    desk.told(on_its_way(transactions=(refund_of("u1"),)))
    assert Gap.REFUNDED_NOT_RECEIVED not in desk.names(13)
    (item,) = desk.after(15, Gap.REFUNDED_NOT_RECEIVED)
    assert (item.money, item.owner, item.unit) == (gbp("36"), "customer experience", "u1")
    desk.told(here(transactions=(refund_of("u1"),), received_at=day(15)), at=day(15))
    assert Gap.REFUNDED_NOT_RECEIVED not in desk.names(16)


def test_goods_that_the_shopper_keeps_are_never_awaited(desk: GapDesk) -> None:
    kept = the_unit(method="No shipment required")
    desk.told(on_its_way(units=(kept,), shipments=(), transactions=(refund_of("u1"),)))
    assert Gap.REFUNDED_NOT_RECEIVED not in desk.names(30)


def test_received_and_not_credited_shows_after_two_working_days_until_the_note(desk: GapDesk) -> None:
    desk.told(here())
    assert Gap.RECEIVED_NOT_CREDITED not in desk.names(1.9)
    (item,) = desk.after(2, Gap.RECEIVED_NOT_CREDITED)
    assert (item.money, item.owner) == (gbp("36"), "finance")
    desk.credited(at=day(2))
    assert Gap.RECEIVED_NOT_CREDITED not in desk.names(3)


def test_a_weekend_does_not_count_as_working_days() -> None:
    friday = datetime(2026, 3, 6, 12, 0, tzinfo=UTC)
    assert working_hours_later(friday, 48) == datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
    sunday = datetime(2026, 3, 8, 12, 0, tzinfo=UTC)
    assert working_hours_later(sunday, 1) == datetime(2026, 3, 9, 1, 0, tzinfo=UTC)


def test_goods_of_a_rejected_return_are_the_shoppers_and_no_gap(desk: GapDesk) -> None:
    desk.told(here(status="Rejected"))
    assert desk.names(30) == set()


def test_credited_and_not_refunded_shows_after_three_days_until_the_refund(desk: GapDesk) -> None:
    desk.told(here())
    desk.credited()
    assert Gap.CREDITED_NOT_REFUNDED not in desk.names(2)
    (item,) = desk.after(3, Gap.CREDITED_NOT_REFUNDED)
    assert (item.money, item.owner) == (gbp("36"), "finance")
    desk.told(here(transactions=(refund_of("u1", at=day(3)),)), at=day(3))
    assert Gap.CREDITED_NOT_REFUNDED not in desk.names(4)


def test_a_credited_exchange_awaits_no_refund(desk: GapDesk) -> None:
    desk.told(here(units=(a_unit(resolution="ExchangeForVariant"),)))
    desk.credited()
    assert Gap.CREDITED_NOT_REFUNDED not in desk.names(30)


def test_refunded_and_not_credited_shows_after_a_day_until_the_note(desk: GapDesk) -> None:
    desk.told(on_its_way(transactions=(refund_of("u1"),)))
    assert Gap.REFUNDED_NOT_CREDITED not in desk.names(0.9)
    (item,) = desk.after(1, Gap.REFUNDED_NOT_CREDITED)
    assert (item.money, item.owner) == (gbp("36"), "finance")
    desk.credited(at=day(1))
    assert Gap.REFUNDED_NOT_CREDITED not in desk.names(2)


def test_a_refund_that_names_no_item_shows_on_the_return(desk: GapDesk) -> None:
    desk.told(here(transactions=(refund_of(amount="5"),)))
    (item,) = desk.after(1.5, Gap.REFUNDED_NOT_CREDITED)
    assert (item.unit, item.money) == ("", gbp("5"))


def test_an_adopted_note_closes_refunded_and_not_credited(desk: GapDesk) -> None:
    desk.told(here(transactions=(refund_of("u1"),)))
    desk.adopted()
    assert desk.names(10) == set()


def test_received_and_not_stocked_shows_after_two_days_until_a_movement(desk: GapDesk) -> None:
    desk.told(here())
    desk.credited(at=day(1))
    assert Gap.RECEIVED_NOT_STOCKED not in desk.names(1)
    (item,) = desk.after(2, Gap.RECEIVED_NOT_STOCKED)
    assert (item.money, item.owner) == (gbp("9.40"), "operations")
    desk.stocked(at=day(2))
    assert Gap.RECEIVED_NOT_STOCKED not in desk.names(3)


def test_damaged_goods_at_full_cost_show_after_a_day_until_they_are_written_off(desk: GapDesk) -> None:
    faulty = found_faulty()
    desk.told(here(units=(the_unit(inspection=replace(faulty, at=DAY0)),)))
    desk.credited(disposition="quarantine")
    desk.stocked("quarantine")
    assert Gap.DAMAGED_NOT_WRITTEN_DOWN not in desk.names(0.9)
    (item,) = desk.after(1, Gap.DAMAGED_NOT_WRITTEN_DOWN)
    assert (item.money, item.owner) == (gbp("9.40"), "finance")
    desk.written_off(at=day(1))
    assert Gap.DAMAGED_NOT_WRITTEN_DOWN not in desk.names(2)


def test_written_off_without_a_credit_shows_at_once_until_the_note(desk: GapDesk) -> None:
    desk.told(here())
    desk.written_off()
    assert Gap.CREDIT_CONFLICT in desk.names(0)
    desk.credited(at=day(1))
    assert Gap.CREDIT_CONFLICT not in desk.names(1)


def test_notes_beyond_the_invoice_show_the_excess(desk: GapDesk) -> None:
    desk.told(here())
    desk.credited(gross="36")
    desk.invoiced("30")
    (item,) = desk.after(0, Gap.CREDIT_CONFLICT)
    assert (item.rma, item.money) == ("RMA1001", gbp("6"))
    desk.invoiced("36")
    assert desk.after(0, Gap.CREDIT_CONFLICT) == []


def test_an_exchange_draft_shows_a_day_after_its_conditions_are_met_until_it_is_an_order(desk: GapDesk) -> None:
    wanted = (ExchangeItem("TEE-BLK-L", "v", 1, gbp("40")),)
    swap = here(units=(a_unit(resolution="Exchange", exchange_items=wanted),), exchange_orders=(DRAFT,))
    desk.told(swap)
    assert Gap.EXCHANGE_STUCK not in desk.names(6)
    assert Gap.EXCHANGE_STUCK in desk.names(7)
    desk.credited(at=day(1))
    (item,) = desk.after(2, Gap.EXCHANGE_STUCK)
    assert (item.money, item.owner, item.since) == (gbp("40"), "customer experience", day(1))
    desk.told(replace(swap, exchange_orders=(replace(DRAFT, order_id="o-1"),)), at=day(3))
    assert Gap.EXCHANGE_STUCK not in desk.names(4)


def test_a_released_exchange_shows_until_the_original_is_back(desk: GapDesk) -> None:
    desk.told(on_its_way(units=(a_unit(resolution="Exchange"),)))
    desk.facts(exchange_released_at=DAY0)
    assert Gap.EXCHANGE_NOT_RETURNED not in desk.names(4)
    assert Gap.EXCHANGE_NOT_RETURNED in desk.names(5)
    desk.facts(received_at=day(5))
    assert Gap.EXCHANGE_NOT_RETURNED not in desk.names(6)


def test_a_tax_that_is_not_that_of_the_goods_shows_until_the_figures_agree(desk: GapDesk) -> None:
    desk.told(here())
    desk.credited(tax="5")
    (item,) = desk.after(0, Gap.TAX_VARIANCE)
    assert (item.money, item.owner) == (gbp("1"), "finance")
    desk.told(here(units=(the_unit(tax="5"),)), at=day(1))
    assert desk.after(1, Gap.TAX_VARIANCE) == []


@pytest.mark.parametrize(
    ("kind", "gap"),
    [
        (ConcernType.NATIVE_DUPLICATE, Gap.NATIVE_DUPLICATE),
        (ConcernType.CN_DRIFT, Gap.NOTE_DRIFT),
        (ConcernType.RESTOCK_VALUE_VARIANCE, Gap.RESTOCK_VALUE),
        (ConcernType.OVER_CREDIT, Gap.CREDIT_CONFLICT),
        (ConcernType.TAX_VARIANCE, Gap.TAX_VARIANCE),
        (ConcernType.ADVANCE_EXCHANGE_OVERDUE, Gap.EXCHANGE_NOT_RETURNED),
        (ConcernType.EXCHANGE_DRAFT_STUCK, Gap.EXCHANGE_STUCK),
    ],
)
def test_what_a_sweep_found_shows_at_once_and_closes_with_it(desk: GapDesk, kind: ConcernType, gap: Gap) -> None:
    desk.raised(kind, "5", return_id=desk.told(here()))
    (item,) = desk.after(0, gap)
    assert (item.money, item.rma) == (gbp("5"), "RMA1001")
    desk.closed(day(1))
    assert desk.after(1, gap) == []


def test_a_refund_in_a_payout_without_a_note_shows_five_days_after_settlement(desk: GapDesk) -> None:
    desk.told(here(transactions=(refund_of("u1"),)))
    desk.paid_out()
    assert Gap.PAYOUT_UNMATCHED not in desk.names(4)
    (item,) = desk.after(5, Gap.PAYOUT_UNMATCHED)
    assert (item.money, item.rma) == (gbp("36"), "RMA1001")
    desk.credited(at=day(5))
    assert Gap.PAYOUT_UNMATCHED not in desk.names(6)


def test_a_credited_refund_in_no_payout_shows_once_payouts_of_its_day_are_there(desk: GapDesk) -> None:
    desk.told(here(transactions=(refund_of("u1"),)))
    desk.credited()
    assert Gap.PAYOUT_UNMATCHED not in desk.names(9)
    desk.told(here(rma_id="RMA1002", units=(a_unit("u2"),), transactions=(refund_of("u2", reference="r-2"),)))
    desk.paid_out("r-2", at=day(1))
    assert {item.rma for item in desk.after(9, Gap.PAYOUT_UNMATCHED)} == {"RMA1001", "RMA1002"}
    desk.paid_out("r-1", at=day(2), payout="po-2")
    assert {item.rma for item in desk.after(9, Gap.PAYOUT_UNMATCHED)} == {"RMA1002"}


def test_a_payout_of_another_amount_shows_the_difference(desk: GapDesk) -> None:
    desk.told(here(transactions=(refund_of("u1"),)))
    desk.credited()
    desk.paid_out(amount="30")
    (item,) = desk.after(6, Gap.PAYOUT_UNMATCHED)
    assert item.money == gbp("6")


def test_a_refund_made_directly_in_the_shop_is_found_through_its_payout(desk: GapDesk) -> None:
    desk.paid_out("r-77", "12")
    (item,) = desk.after(6, Gap.PAYOUT_UNMATCHED)
    assert (item.rma, item.money) == ("", gbp("12"))
    assert "belongs to no return" in item.cause


def test_store_credit_is_never_looked_for_in_a_payout(desk: GapDesk) -> None:
    desk.told(here(transactions=(refund_of("u1", kind="RefundToStoreCredit"),)))
    desk.credited()
    desk.paid_out("r-9", at=day(3))
    assert {item.rma for item in desk.after(20, Gap.PAYOUT_UNMATCHED)} == {""}


# -- the merchant's say -----------------------------------------------------------------------------------------------


def test_the_merchant_sets_patience_and_owner_of_each_gap(desk: GapDesk) -> None:
    name = Gap.CREDITED_NOT_REFUNDED.value
    desk.terms = replace(desk.terms, gap_hours={name: 240}, gap_owners={name: "customer experience"})
    desk.told(here())
    desk.credited()
    assert name not in desk.names(9)
    assert {item.owner for item in desk.after(10, Gap.CREDITED_NOT_REFUNDED)} == {"customer experience"}


def test_a_gap_that_a_person_accepted_is_left_out(desk: GapDesk) -> None:
    return_id = desk.told(on_its_way(transactions=(refund_of("u1"),)))
    assert Gap.REFUNDED_NOT_RECEIVED in desk.names(20)
    desk.accepted(return_id, ConcernType.REFUNDED_NOT_RECEIVED)
    assert Gap.REFUNDED_NOT_RECEIVED not in desk.names(20)


@pytest.mark.parametrize("terms", [Terms(), Terms(go_live=(DAY0 + timedelta(days=1)).date())])
def test_returns_from_before_go_live_have_no_gaps(desk: GapDesk, terms: Terms) -> None:
    desk.terms = terms
    desk.told(here())
    assert desk.after(30) == []


def _in_zone(desk: GapDesk, zone: str) -> None:
    with desk.ledger.write() as conn:
        reference_books.keep_reference_book(conn, SHOP, "me", {"currency": "GBP", "time_zone": zone}, DAY0)


@pytest.mark.parametrize(("zone", "counts"), [("Pacific/Auckland", True), ("UTC", False)])
def test_a_gap_counts_from_the_go_live_day_of_the_companys_calendar(desk: GapDesk, zone: str, counts: bool) -> None:
    desk.terms = replace(desk.terms, go_live=(DAY0 + timedelta(days=1)).date())
    _in_zone(desk, zone)
    desk.told(here())
    assert bool(desk.after(30)) is counts


def test_a_return_without_a_creation_date_is_told_and_counted_nowhere_else(desk: GapDesk) -> None:
    desk.told(here(created_at=None))
    assert desk.after(30) == []


def test_where_nobody_credits_nothing_is_awaited(desk: GapDesk) -> None:
    desk.terms = replace(desk.terms, credit_note_owner=EffectOwner.NOBODY, restock_owner=EffectOwner.NOBODY)
    desk.told(here(transactions=(refund_of("u1"),)))
    assert desk.names(30) == set()


# -- the report -------------------------------------------------------------------------------------------------------


def test_a_plain_return_that_is_done_has_no_gap_at_any_age(desk: GapDesk) -> None:
    desk.told(here(transactions=(refund_of("u1"),)))
    desk.credited()
    desk.stocked()
    desk.invoiced("72")
    assert desk.after(400, any_age=True) == []


def test_as_of_a_past_day_the_report_shows_what_stood_then(desk: GapDesk) -> None:
    desk.told(here(transactions=(refund_of("u1", at=day(10)),)))
    desk.credited(at=day(5))
    desk.stocked(at=day(5))
    assert desk.names(20) == set()
    assert desk.names(9) == {Gap.CREDITED_NOT_REFUNDED.value}
    assert desk.names(4) == {Gap.RECEIVED_NOT_CREDITED.value, Gap.RECEIVED_NOT_STOCKED.value}


def test_any_age_shows_what_is_still_inside_its_patience(desk: GapDesk) -> None:
    desk.told(here())
    assert desk.after(0.5) == []
    assert {item.gap for item in desk.after(0.5, any_age=True)} == {Gap.RECEIVED_NOT_CREDITED, Gap.RECEIVED_NOT_STOCKED}


@pytest.mark.parametrize(
    ("days", "name"),
    [
        (0, "0-1"),
        (1, "0-1"),
        (2, "2-3"),
        (4, "4-7"),
        (7, "4-7"),
        (8, "8-14"),
        (15, "15-30"),
        (31, "31-60"),
        (61, "60+"),
    ],
)
def test_every_age_has_its_bucket(days: int, name: str) -> None:
    assert bucket_of(days) == name


def test_the_summary_adds_count_and_money_by_age_and_names_the_oldest(desk: GapDesk) -> None:
    desk.told(here())
    desk.told(here(rma_id="RMA1002", units=(a_unit("u2"),), received_at=day(10)), at=day(10))
    at = day(20)
    told = board.summary(desk.after(20), at, desk.after(11))
    row = next(row for row in told if row["gap"] == "received-not-credited")
    assert (row["count"], row["money"], row["change"]) == (2, {"GBP": Decimal(72)}, 1)
    assert {name: one["count"] for name, one in row["ages"].items() if one["count"]} == {"8-14": 1, "15-30": 1}
    assert row["oldest"]["rma"] == "RMA1001"
    assert list(row["ages"]) == [name for name, _ in BUCKETS]


def test_a_gap_that_vanished_in_the_week_shows_its_change(desk: GapDesk) -> None:
    desk.told(here())
    before = desk.after(3)
    row = next(r for r in board.summary([], day(10), before) if r["gap"] == "received-not-credited")
    assert (row["count"], row["change"], row["oldest"]) == (0, -1, None)


def test_one_return_can_be_looked_at_alone(desk: GapDesk) -> None:
    desk.told(here())
    desk.told(here(rma_id="RMA1002", units=(a_unit("u2"),)))
    assert {item.rma for item in desk.after(30, rma="RMA1002")} == {"RMA1002"}
    assert SHOP == "alder"
