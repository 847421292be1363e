"""What is shown: Available over the sellable locations, what differs, and sold out only after two sweeps."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.calls.failures import BadAnswer, WireError
from pipeline.ledger.schema import all as t
from tasks.availability import availability
from tasks.failures import NotYetError
from tests.flow.stock_availability.line import BOOT, JEANS, SCARF, Line, due
from tests.tasks.practice import SHOP, SKU

# -- what is shown ----------------------------------------------------------------------------------------------------


def test_available_stock_reaches_the_shop(line: Line) -> None:
    line.variants(SKU, available=3)

    assert line.sweep() == "settled"

    assert line.shown() == line.cin7() > 3


def test_what_is_promised_to_open_orders_is_not_offered_again(line: Line) -> None:
    line.variants(JEANS)
    line.sell(JEANS, 4, ship=False)

    line.sweep()

    assert line.shown(JEANS) == 8


def test_quarantined_goods_are_not_offered_and_the_buffer_is_kept_back(make_line: Any) -> None:
    line = make_line('availability_target = "shopify"\navailability_buffer = 2')
    line.variants(BOOT)
    line.stock(BOOT, 50, "Quarantine")

    line.sweep()

    assert line.shown(BOOT) == 4


def test_every_sellable_location_counts(make_line: Any) -> None:
    line = make_line('availability_target = "shopify"\nsellable_locations = ["Main Warehouse", "Leeds"]')
    line.variants(SCARF)

    line.sweep()

    assert line.shown(SCARF) == 13


def test_a_sellable_location_that_cin7_does_not_know_stops_publishing_until_it_is_mended(make_line: Any) -> None:
    line = make_line('availability_target = "shopify"\nsellable_locations = ["Main Warehouse", "Moon"]')
    line.variants(SCARF, available=2)

    with pytest.raises(NotYetError):
        line.sweep()

    [concern] = line.bench.exceptions("LOCATION_UNMAPPED")
    assert "Moon" in concern["cause"]
    assert line.shown(SCARF) == 2


def test_a_shop_without_a_target_costs_no_call(make_line: Any) -> None:
    line = make_line("")
    line.bench.desk.forget_calls()

    with pytest.raises(NotYetError):
        availability.look(line.parts, SHOP)
    line.named(JEANS)

    assert line.work() == "settled"
    assert line.bench.desk.calls("cin7") == line.bench.desk.calls("shopify") == []


# -- only differences, and no echo ------------------------------------------------------------------------------------


def test_only_what_changed_is_sent(line: Line) -> None:
    line.variants(JEANS, BOOT)
    line.sweep()
    sent = len(line.changes())
    line.sell(JEANS, 1)

    line.sweep()

    assert [(row["sku"], row["after"]) for row in line.changes()[sent:]] == [(JEANS, 11)]


def test_nothing_is_asked_of_the_shop_while_nothing_changes(line: Line) -> None:
    line.variants(JEANS)
    line.sweep()
    line.work()
    line.bench.desk.forget_calls()

    line.sweep()

    assert line.bench.desk.calls("shopify") == []


def test_a_figure_that_the_shop_shows_already_is_not_sent(line: Line) -> None:
    line.variants(JEANS, available=12)

    line.sweep()

    assert line.changes() == []
    assert line.row(JEANS)["published"] == 12


def test_our_own_restock_is_published_once_and_does_not_echo(line: Line) -> None:
    line.variants(SKU)
    rma = line.bench.desk.open_return(line.bench.desk.sell())
    line.sweep()
    sent, before = len(line.changes()), line.shown()
    line.bench.take(rma)
    assert line.bench.consume(rma) == "settled"

    line.named(SKU)
    line.work()
    line.named(SKU)
    line.work()
    line.sweep()

    assert [(row["before"], row["after"]) for row in line.changes()[sent:]] == [(before, before + 1)]


def test_publishing_wakes_nobody(line: Line) -> None:
    line.variants(JEANS)
    line.sweep()

    entry = line.bench.rows(t.entries, t.entries.c.consumer == "stock-availability")[0]

    assert (entry["state"], entry["due_at"], entry["wakes"]) == ("settled", None, entry["wakes_seen"])


# -- sold out ---------------------------------------------------------------------------------------------------------


def test_a_fall_to_zero_needs_two_sweeps(line: Line) -> None:
    line.variants(BOOT)
    line.sweep()
    line.sell(BOOT, 6)

    line.sweep()
    assert line.shown(BOOT) == 6
    line.sweep()
    assert line.shown(BOOT) == 0


def test_a_zero_that_the_next_sweep_does_not_find_again_was_never_shown(line: Line) -> None:
    line.variants(BOOT)
    line.sweep()
    line.sell(BOOT, 6)
    line.sweep()
    line.stock(BOOT, 6)

    line.sweep()

    assert [row["after"] for row in line.changes()] == [6]


def test_a_named_sku_that_seems_sold_out_waits_for_the_sweep_and_brings_it_forward(line: Line) -> None:
    line.variants(BOOT)
    line.sweep()
    line.sell(BOOT, 6)
    line.named(BOOT)

    line.work()

    assert line.shown(BOOT) == 6
    assert due(line, 60)


def test_an_incomplete_sweep_publishes_nothing(line: Line) -> None:
    line.variants(JEANS)
    line.bench.desk.fault("truncated_after", system="cin7", path="productavailability")

    with pytest.raises(WireError):
        line.sweep()

    assert (line.work(), line.shown(JEANS)) == ("no entry", 0)


def test_an_empty_list_is_not_believed_where_there_was_stock(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    line.variants(JEANS)
    line.sweep()
    monkeypatch.setattr(line.parts.shop(SHOP).cin7, "availability", lambda **_: ())

    for _ in range(3):
        with pytest.raises(BadAnswer):
            line.sweep()

    assert line.row(JEANS)["first_zero_at"] is None
