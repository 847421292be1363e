"""What may be offered to shoppers, decided from Cin7's rows and what is known already."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers import stock_availability as rules
from consumers.stock_availability import Known, Look, Traffic, interval, offered, picture, sellable
from schemas.concerns import ConcernType, owner_of
from schemas.sales import AvailabilityRow
from schemas.terms import Terms

NOON = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


def at(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


def a_row(available: str, sku: str = "TEE", location: str = "Main", **more: str) -> AvailabilityRow:
    given = {"bin": "", "batch": "", **more}
    figure = Decimal(available)
    return AvailabilityRow(
        "p-1", sku, location, given["bin"], given["batch"], figure + 5, Decimal(5), figure, Decimal(0)
    )


def known(available: int | None, **more: object) -> dict[str, Known]:
    return {"TEE": replace(Known("TEE", available, at(0), published=available, published_to="shopify"), **more)}  # type: ignore[arg-type]


def swept(figure: int | None, minutes: int) -> Look:
    return Look(at(minutes), {} if figure is None else {"TEE": figure}, whole=True)


def seen(figure: int, minutes: int, since: int | None = None) -> Look:
    told = {} if since is None else {"TEE": at(since)}
    return Look(at(minutes), {"TEE": figure}, whole=False, since=told)


def follow(start: dict[str, Known], *looks: Look) -> Known:
    rows = dict(start)
    for one in looks:
        rows |= {row.sku: row for row in picture(rows, one)}
    return rows["TEE"]


# -- the figure -------------------------------------------------------------------------------------------------------


def test_a_figure_is_available_and_not_what_is_on_hand() -> None:
    assert sellable([a_row("3")], ["Main"], 0) == {"TEE": 3}


def test_bins_batches_and_sellable_locations_are_added_up() -> None:
    rows = [a_row("3"), a_row("2", bin="A-01"), a_row("4", location="Leeds", batch="L1"), a_row("9", location="Cage")]

    assert sellable(rows, ["Main", "Leeds"], 0) == {"TEE": 9}


def test_a_location_that_does_not_sell_is_left_out_whole() -> None:
    assert sellable([a_row("9", location="Quarantine")], ["Main"], 0) == {}


def test_oversold_stock_at_one_place_is_taken_from_another() -> None:
    assert sellable([a_row("-2"), a_row("5", location="Leeds")], ["Main", "Leeds"], 0) == {"TEE": 3}


@pytest.mark.parametrize(
    ("available", "buffer", "figure"),
    [("5", 0, 5), ("5", 2, 3), ("1", 2, 0), ("0", 0, 0), ("-38", 0, 0), ("2.9", 0, 2), ("-0.5", 0, 0), ("2.9", 2, 0)],
)
def test_the_buffer_is_kept_back_part_units_are_dropped_and_nothing_is_below_zero(
    available: str, buffer: int, figure: int
) -> None:
    assert offered(Decimal(available), buffer) == figure


@given(st.lists(st.integers(-50, 50), max_size=8), st.integers(0, 20))
def test_no_split_over_bins_offers_more_than_there_is(parts: list[int], buffer: int) -> None:
    rows = [a_row(str(part), bin=str(number)) for number, part in enumerate(parts)]

    for figure in sellable(rows, ["Main"], buffer).values():
        assert figure == max(0, sum(parts) - buffer)


# -- the picture ------------------------------------------------------------------------------------------------------


def test_a_change_is_believed_at_once_and_counted_from_when_it_was_seen() -> None:
    row = follow(known(9), swept(4, 5))

    assert (row.available, row.changed_at, row.version) == (4, at(5), 1)


def test_a_look_that_finds_nothing_new_changes_nothing() -> None:
    assert picture(known(9), swept(9, 5)) == []


def test_the_last_value_wins_and_the_first_change_starts_the_clock() -> None:
    row = follow(known(9), swept(4, 5), swept(3, 6))

    assert (row.available, row.changed_at, row.version) == (3, at(5), 2)


def test_a_change_that_takes_itself_back_waits_for_nothing() -> None:
    row = follow(known(9), swept(4, 5), swept(9, 6))

    assert (row.available, row.changed_at) == (9, None)


def test_an_announced_change_is_counted_from_its_announcement() -> None:
    assert follow(known(9), seen(4, 5, since=3)).changed_at == at(3)


def test_an_older_look_never_overwrites_a_newer_one() -> None:
    row = follow(known(9), seen(4, 10), swept(7, 8), seen(6, 9))

    assert (row.available, row.seen_at) == (4, at(10))


def test_a_look_at_one_sku_that_finds_it_unchanged_still_holds_off_an_older_sweep() -> None:
    assert follow(known(9), seen(9, 10), swept(4, 8)).available == 9


def test_one_sweep_alone_never_sells_a_sku_out() -> None:
    row = follow(known(9), swept(0, 5))

    assert (row.available, row.first_zero_at, row.changed_at) == (9, at(5), at(5))


def test_two_sweeps_sell_it_out() -> None:
    row = follow(known(9), swept(0, 5), swept(0, 6))

    assert (row.available, row.first_zero_at, row.changed_at) == (0, None, at(5))


def test_in_a_whole_sweep_a_missing_sku_is_zero() -> None:
    assert follow(known(9), swept(None, 5), swept(None, 6)).available == 0


def test_the_same_sweep_stored_twice_is_one_sweep() -> None:
    assert follow(known(9), swept(0, 5), swept(0, 5)).available == 9


def test_stock_found_in_between_starts_the_count_again() -> None:
    assert follow(known(9), swept(0, 5), swept(2, 6), swept(0, 7)).available == 2


def test_a_look_at_one_sku_is_no_sweep() -> None:
    assert follow(known(9), seen(0, 5), seen(0, 6), swept(0, 7)).available == 9


def test_a_look_at_one_sku_says_nothing_about_the_others() -> None:
    other = Known("CAP", 3, at(0))

    assert [row.sku for row in picture({**known(9), "CAP": other}, seen(4, 5))] == ["TEE"]


def test_a_new_sku_without_stock_is_in_doubt_until_the_second_sweep() -> None:
    first = follow({}, swept(0, 5))
    assert (first.available, first.first_zero_at) == (None, at(5))

    assert follow({"TEE": first}, swept(0, 6)).available == 0


def test_stock_that_comes_back_is_shown_at_once() -> None:
    assert follow(known(0), swept(2, 5)).available == 2


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), min_size=1, max_size=12))
def test_no_sequence_of_looks_shows_zero_without_two_whole_sweeps_in_a_row(looks: list[tuple[bool, int]]) -> None:
    rows = known(5)
    zeros = 0
    for minute, (whole, figure) in enumerate(looks, start=1):
        one = Look(at(minute), {"TEE": figure}, whole=whole)
        rows |= {row.sku: row for row in picture(rows, one)}
        zeros = 0 if figure else zeros + whole
        if rows["TEE"].available == 0:
            assert zeros >= 2
            return
        assert figure == 0 or rows["TEE"].available == figure


# -- the pace ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("traffic", "urgent", "seconds"),
    [
        (Traffic(0, 58), False, 60),
        (Traffic(29, 58), False, 480),
        (Traffic(58, 58), False, 900),
        (Traffic(70, 58), False, 900),
        (Traffic(29, 58), True, 60),
        (Traffic(0, 58, held=3.0), True, 900),
        (Traffic(0, 58, money_waits=True), True, 900),
        (Traffic(0, 0), False, 900),
    ],
)
def test_sweeps_are_fast_on_an_idle_line_and_slow_while_money_waits(
    traffic: Traffic, urgent: bool, seconds: float
) -> None:
    assert interval(60, 900, traffic, urgent=urgent) == seconds


@given(st.integers(0, 100), st.integers(0, 100), st.floats(0, 60), st.booleans(), st.booleans())
def test_the_merchants_two_limits_always_hold(used: int, allowed: int, held: float, waits: bool, urgent: bool) -> None:
    assert 60 <= interval(60, 900, Traffic(used, allowed, held, waits), urgent=urgent) <= 900


@pytest.mark.parametrize(
    ("named", "traffic", "now"),
    [
        (1, Traffic(0, 58), True),
        (5, Traffic(24, 58), True),
        (5, Traffic(25, 58), False),
        (6, Traffic(0, 58), False),
        (0, Traffic(0, 58), False),
        (1, Traffic(0, 58, money_waits=True), False),
        (1, Traffic(0, 58, held=2.0), False),
    ],
)
def test_a_few_named_skus_are_read_one_by_one_only_on_a_quiet_line(named: int, traffic: Traffic, now: bool) -> None:
    assert rules.worth_reading(named, traffic) is now


# -- what people are told -----------------------------------------------------------------------------------------


def test_all_skus_the_shop_cannot_take_are_one_exception() -> None:
    [concern] = rules.concerns_of({"A": rules.UNKNOWN, "B": rules.NOT_STOCKED, "C": rules.UNKNOWN})

    assert concern.kind is ConcernType.SKU_UNMATCHED
    assert "2 not found in the shop: A, C; 1 not stocked at the shop's location: B" in concern.cause
    assert concern.details == {"skus": "A,B,C", "count": "3"}


def test_a_sku_the_shop_has_twice_is_another_exception() -> None:
    kinds = [concern.kind for concern in rules.concerns_of({"A": rules.UNKNOWN, "B": rules.AMBIGUOUS})]

    assert kinds == [ConcernType.SKU_UNMATCHED, ConcernType.SKU_AMBIGUOUS]
    assert owner_of(kinds[0]) == owner_of(kinds[1]) == "operations"


def test_a_long_list_of_skus_is_cut_and_counted() -> None:
    [concern] = rules.concerns_of({f"SKU-{number:03}": rules.UNKNOWN for number in range(90)})

    assert "90 not found" in concern.cause
    assert "and 50 more" in concern.cause


def test_no_trouble_is_no_exception() -> None:
    assert rules.concerns_of({}) == ()


# -- names and places ---------------------------------------------------------------------------------------------


def test_the_one_place_for_returns_sells_where_no_list_is_given() -> None:
    assert rules.places_of(Terms(sellable_location="Main")) == ("Main",)
    assert rules.places_of(Terms(sellable_location="Main", sellable_locations=("A", "B"))) == ("A", "B")
    assert rules.places_of(Terms()) == ()


def test_an_alias_is_read_backwards() -> None:
    assert rules.shop_names(Terms(sku_aliases={"tee m": "TEE", "tee-m": "TEE", "x": "CAP"})) == {
        "TEE": "tee m",
        "CAP": "x",
    }
