"""The shop's side: levels that move, answers that are lost, SKUs that are not there."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.ledger.letters.requeueing import requeue
from pipeline.ledger.schema import all as t
from tasks.availability import shopify
from tests.faults.metadata import fault
from tests.flow.stock_availability.line import BOOT, JEANS, Line
from tests.tasks.practice import SHOP, SKU


def meddle(line: Line, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """A shopper buys one each time we have read the level."""
    client = line.parts.shop(SHOP).shopify
    assert client is not None
    real, left = client.items, [times]

    def items(*args: Any, **more: Any) -> Any:
        found = real(*args, **more)
        if left[0] > 0:
            left[0] -= 1
            body = {"sku": JEANS, "location": "Shop floor", "available": line.shown(JEANS) - 1}
            line.world.control.post("/shopify/levels", json=body)
        return found

    monkeypatch.setattr(client, "items", items)


def test_a_level_that_moved_meanwhile_is_read_again_before_it_is_set(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.variants(JEANS, available=20)
    meddle(line, monkeypatch, 1)

    assert line.sweep() == "settled"

    assert [(row["before"], row["after"]) for row in line.changes()] == [(19, 12)]


def test_a_level_that_keeps_moving_is_left_for_a_moment(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    line.variants(JEANS, available=40)
    meddle(line, monkeypatch, 4)

    assert line.sweep() == "parked"
    assert line.changes() == []
    line.bench.clock.forward(6)
    assert line.work() == "settled"

    assert line.shown(JEANS) == 12


def test_a_stale_figure_does_not_hold_up_the_wrong_ones_beside_it(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    line.variants(JEANS, available=20)
    line.variants(BOOT, available=1)
    meddle(line, monkeypatch, 1)

    line.sweep()

    assert (line.shown(JEANS), line.shown(BOOT)) == (12, 6)


def test_an_answer_that_was_lost_does_not_set_twice(line: Line) -> None:
    line.variants(JEANS)
    line.bench.desk.fault("reset_after", system="shopify", body="inventorySetQuantities")

    assert line.sweep() == "settled"

    assert [row["after"] for row in line.changes()] == [12]


def test_a_worker_that_dies_after_sending_finds_the_figure_shown(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    line.variants(JEANS)
    monkeypatch.setenv("RETURNLINE_KILL_POINT", "availability.sent=raise")
    line.sweep()
    monkeypatch.delenv("RETURNLINE_KILL_POINT")

    line.bench.clock.forward(60)
    line.work()

    assert [row["after"] for row in line.changes()] == [12]
    assert line.row(JEANS)["published"] == 12


def test_an_empty_cost_bucket_puts_off_and_goes_on(line: Line) -> None:
    line.variants(JEANS)
    line.world.control.patch("/shopify/settings", json={"maximum_available": 100, "restore_rate": 1})

    assert line.sweep() == "parked"
    entry = line.bench.rows(t.entries, t.entries.c.consumer == "stock-availability")[0]
    assert entry["failures"] == 0
    assert line.bench.exceptions() == []

    line.world.control.patch("/shopify/settings", json={"maximum_available": 2000, "restore_rate": 100})
    line.bench.redis.flushall()
    line.bench.clock.forward(1000)
    assert line.work() == "settled"
    assert line.shown(JEANS) == 12


def test_a_shop_that_is_down_is_one_exception_and_never_a_burial(line: Line) -> None:
    line.variants(JEANS)
    line.bench.desk.fault("status_before", system="shopify", status=502, times=12)
    line.sweep()

    for _ in range(7):
        line.bench.clock.forward(400)
        assert line.work() == "parked"

    assert [row["subject"] for row in line.bench.exceptions("TARGET_DOWN")] == ["shopify"]
    line.bench.desk.heal()
    line.bench.clock.forward(400)
    assert line.work() == "settled"
    assert (line.shown(JEANS), line.bench.exceptions("TARGET_DOWN"), line.bench.letters()) == (12, [], [])


@fault("F50 F55", "the shop is read, and for an hour takes no figure", "one TARGET_DOWN; then the figure is set")
@pytest.mark.parametrize(
    "way",
    [
        {"kind": "status_before", "status": 503, "form": "html"},
        {"kind": "html_200_before"},
        {"kind": "reset_before"},
        {"kind": "status_before", "status": 500},
    ],
    ids=["503 with a page", "a page with 200", "reset", "500"],
)
def test_an_outage_of_the_shops_writes_is_one_exception_and_uses_up_no_try(line: Line, way: dict[str, Any]) -> None:
    line.variants(JEANS)
    line.bench.desk.fault(**way, system="shopify", method="writes", times=None)
    line.sweep()

    for _ in range(9):
        line.bench.clock.forward(400)
        assert line.work() == "parked"

    assert [row["subject"] for row in line.bench.exceptions("TARGET_DOWN")] == ["shopify"]
    assert [row["failures"] for row in line.bench.rows(t.entries)] == [0]
    line.bench.desk.heal()
    line.bench.clock.forward(400)
    assert line.work() == "settled"
    assert (line.shown(JEANS), line.bench.exceptions("TARGET_DOWN"), line.bench.letters()) == (12, [], [])


def test_a_defect_buries_the_entry_once_and_a_requeue_brings_it_back(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.variants(JEANS)
    with monkeypatch.context() as broken:
        broken.setattr(shopify, "publish", lambda *_: 1 / 0)
        line.sweep()
        while line.work() != "buried":
            line.bench.clock.forward(400)
    [letter] = line.bench.letters()

    with line.parts.ledger.write() as conn:
        requeue(conn, letter, "a person", "run-1", line.bench.clock())

    assert line.work() == "settled"
    assert (line.shown(JEANS), line.bench.exceptions("POISON_TASK")) == (12, [])


def test_a_refused_token_stops_the_shop_and_says_so(line: Line) -> None:
    line.variants(JEANS)
    line.world.control.patch("/shopify/settings", json={"access_token": "another"})

    assert line.sweep() == "parked"

    assert [row["subject"] for row in line.bench.exceptions("CREDENTIALS_REJECTED")] == ["shopify"]


def test_a_trouble_of_the_shop_does_not_stop_cin7(line: Line) -> None:
    line.variants(JEANS)
    line.world.control.patch("/shopify/settings", json={"access_token": "another"})
    line.sweep()

    rma = line.bench.desk.open_return(line.bench.desk.sell())
    line.bench.take(rma)

    assert line.bench.consume(rma) == "settled"


def test_skus_that_the_shop_does_not_have_are_one_exception_that_closes_by_itself(line: Line) -> None:
    line.variants(SKU, JEANS)

    line.sweep()

    [concern] = line.bench.exceptions("SKU_UNMATCHED")
    assert (concern["owner"], BOOT in concern["cause"], JEANS in concern["cause"]) == ("operations", True, False)
    line.bench.desk.forget_calls()
    line.sweep()
    assert line.bench.desk.calls("shopify") == []

    line.variants(*concern["details"]["skus"].split(","))
    line.sweep(30_000)
    assert line.bench.exceptions() == []
    assert line.shown(BOOT) == 6


def test_a_sku_on_two_variants_is_not_offered_twice(line: Line) -> None:
    line.variants(JEANS, available=1)
    line.variants(JEANS, available=1, product="Outfit")

    line.sweep()

    [concern] = line.bench.exceptions("SKU_AMBIGUOUS")
    assert JEANS in concern["cause"]
    assert line.changes() == []


def test_an_item_the_shop_does_not_track_is_named_and_the_others_go_out(line: Line) -> None:
    line.variants(JEANS, tracked=False)
    line.variants(BOOT)

    line.sweep()

    assert f"not tracked by the shop: {JEANS}" in line.bench.exceptions("SKU_UNMATCHED")[0]["cause"]
    assert line.shown(BOOT) == 6


def test_an_alias_leads_to_the_shops_own_spelling(make_line: Any) -> None:
    line = make_line('availability_target = "shopify"\nsku_aliases = { "jeans 32 blue" = "JEANS-32" }')
    line.variants("jeans 32 blue")

    line.sweep()

    assert line.shown("jeans 32 blue") == 12


def test_with_two_locations_in_the_shop_a_person_says_which(make_line: Any) -> None:
    line = make_line()
    line.variants(JEANS)
    line.variants(BOOT, levels={"Popup": 0})

    assert line.sweep() == "parked"

    [concern] = line.bench.exceptions("LOCATION_UNMAPPED")
    assert "Popup" in concern["cause"]
    assert "location_id" in concern["next_step"]


def test_the_location_of_the_settings_is_the_one_that_is_set(make_line: Any) -> None:
    probe = make_line()
    probe.variants(JEANS)
    probe.variants(BOOT, levels={"Popup": 0})
    client = probe.parts.shop(SHOP).shopify
    assert client is not None
    floor = next(place for place in client.locations() if place.name == "Shop floor")
    line = make_line(location=floor.location_id.rpartition("/")[2])

    line.sweep()

    assert line.shown(JEANS) == 12
