"""Stock from Cin7 to where shoppers choose: the practice world over HTTP, a real ledger and a real Valkey."""

from __future__ import annotations

import contextlib
import itertools
import json
import random
import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipeline.failures import BadAnswer, WireError
from pipeline.ledger import oversell
from pipeline.ledger import tables as t
from pipeline.ledger.requeueing import requeue
from pipeline.quota import QuotaWait
from tasks import availability, consume, feed, lanes, shop_stock, sweep
from tasks.failures import NotYetError
from tests.sandbox_server import SandboxHandle, running_sandbox
from tests.tasks.practice import PREFIX, SHOP, SKU, Bench, empty_ledger
from tests.valkey_server import running_valkey

SHOPIFY = """
[shops.alder.shopify]
base_url = "{url}"
shop = "alder"
access_token = "practice-token"
location_id = "{location}"
"""
INTERVALS = "availability_min = 60\navailability_max = 900\n"


@pytest.fixture(scope="module")
def valkey_url() -> Iterator[str]:
    with running_valkey() as server:
        yield server.url


@pytest.fixture(scope="module")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return empty_ledger(tmp_path_factory.mktemp("ledger"))


@pytest.fixture(scope="module")
def served() -> Iterator[SandboxHandle]:
    with running_sandbox(quota=100000) as server:
        yield server


@pytest.fixture
def world(served: SandboxHandle) -> SandboxHandle:
    served.control.post("/reset")
    served.control.delete("/faults")
    return served


_orders = itertools.count(1)


class Line:
    """One installation that shows stock, and the shop it shows it to."""

    def __init__(self, bench: Bench, world: SandboxHandle) -> None:
        self.bench, self.world, self.parts = bench, world, bench.parts

    def variants(self, *skus: str, available: int = 0, **more: Any) -> None:
        levels = more.pop("levels", {"Shop floor": available})
        rows = [{"sku": sku, "levels": levels, **more} for sku in skus]
        assert self.world.control.post("/shopify/variants", json={"variants": rows}).status_code == 200

    def stock(self, sku: str, quantity: int, location: str = "Main Warehouse") -> None:
        lot = {"sku": sku, "quantity": str(quantity), "cost": "1", "location": location}
        assert self.world.control.post("/stock", json=lot).status_code == 200

    def sweep(self, seconds: float = 1.0) -> str:
        """A whole sweep, and the entry it woke."""
        self.bench.clock.forward(seconds)
        availability.sweep(self.parts, SHOP)
        return self.work()

    def work(self) -> str:
        rows = self.bench.rows(t.entries, t.entries.c.consumer == "stock-availability")
        return consume.run(self.parts, rows[0]["id"]) if rows else "no entry"

    def sell(self, sku: str, quantity: int, *, ship: bool = True) -> None:
        """An order in Cin7: shipped, or only promised."""
        sold = {"sku": sku, "quantity": str(quantity), "price": "30", "discount": "0", "tax_rule": "Zero Rated Income"}
        name = f"#A{next(_orders)}"
        order = {"order_name": name, "customer_reference": name, "currency": "GBP", "rate": "1", "lines": [sold]}
        more = {"kind": "Simple Sale", "tax_inclusive": True, "date": "2026-11-01", "location": "Main Warehouse"}
        invoice = {"ship": ship, "invoice_status": "PAID" if ship else "NOT AVAILABLE"}
        answer = self.world.control.post("/sales", json={**order, **more, **invoice})
        assert answer.status_code < 300, answer.text

    def named(self, *skus: str) -> None:
        """Cin7's stock webhook arrives and is admitted."""
        self.deliver(*skus)
        self.bench.admit()

    def deliver(self, *skus: str) -> None:
        row = {"ID": "7f000000-0000-4000-8000-0000000000b1", "Location": "Main Warehouse", "Available": 1}
        body = json.dumps([{**row, "SKU": sku} for sku in skus]).encode()
        fields: Any = {
            "delivery": f"n-{self.bench.clock.now.timestamp()}-{len(skus)}-{skus[0]}",
            "shop": SHOP,
            "source": "cin7",
            "topic": "Stock/AvailableStockLevelChanged",
            "received_at": self.bench.clock().isoformat(),
            "content_type": "application/json",
            "headers": "{}",
            "nudge": "",
            "body": body,
        }
        self.bench.redis.xadd(f"{PREFIX}inbox", fields)

    def shown(self, sku: str = SKU) -> int:
        levels = self.world.control.get("/shopify/levels").json()["levels"]
        return next(int(row["available"]) for row in levels if row["sku"] == sku)

    def changes(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.world.control.get("/shopify/changes").json()["changes"]
        return rows

    def cin7(self, sku: str = SKU, location: str = "Main Warehouse") -> int:
        """What Cin7 has to offer, by the practice books."""
        rows = [row for row in self.world.control.get("/stock").json() if row["sku"] == sku]
        here = [row for row in rows if row["location"] == location]
        held = sum(Decimal(row["on_hand"]) for row in here)
        return int(held - max((Decimal(row["allocated"]) for row in here), default=Decimal(0)))

    def row(self, sku: str = SKU) -> dict[str, Any]:
        return self.bench.rows(t.availability, t.availability.c.sku == sku)[0]

    def window(self) -> oversell.OversellWindow:
        with self.parts.ledger.read() as conn:
            return oversell.oversell_window(conn, SHOP)[0]


@pytest.fixture
def make_line(tmp_path: Path, world: SandboxHandle, valkey_url: str, blank: Path) -> Iterator[Any]:
    made: list[Bench] = []

    def make(terms: str = 'availability_target = "shopify"', *, location: str = "", fresh: bool = True) -> Line:
        shopify = SHOPIFY.format(url=world.shopify_url, location=location)
        # A second installation on the same ledger keeps what the first one wrote.
        ledger = blank if fresh else tmp_path / "data" / "ledger.sqlite"
        kept = tmp_path / f"kept-{len(made)}.sqlite"
        shutil.copyfile(ledger, kept)
        bench = Bench(tmp_path, world, valkey_url, kept, terms=terms, intervals=f"{INTERVALS}{shopify}")
        if made and not fresh:
            bench.clock.now = made[-1].clock.now
        bench.redis.flushall()
        made.append(bench)
        return Line(bench, world)

    yield make
    for bench in made:
        bench.close()


@pytest.fixture
def line(make_line: Any) -> Line:
    made: Line = make_line()
    return made


JEANS, BOOT, SCARF = "JEANS-32", "BOOT-42", "SCARF-WOL"


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


# -- Cin7's stock webhook ---------------------------------------------------------------------------------------------


def test_a_named_sku_is_read_again_at_once_and_published(line: Line) -> None:
    line.variants(JEANS)
    line.sweep()
    line.sell(JEANS, 5)
    line.bench.desk.forget_calls()

    line.named(JEANS)

    assert line.work() == "settled"
    assert line.shown(JEANS) == 7
    [call] = line.bench.desk.calls("cin7")
    assert (call["method"], call["query"]) == ("GET", "Sku=JEANS-32&Page=1&Limit=1000")


def test_a_fire_hose_of_webhooks_is_one_read_of_one_sku(line: Line) -> None:
    line.variants(JEANS)
    line.sweep()
    line.sell(JEANS, 5)
    line.bench.desk.forget_calls()

    for _ in range(8):
        line.bench.clock.forward(0.1)
        line.named(JEANS)
    line.work()

    assert len(line.bench.desk.calls("cin7")) == 1


def test_a_batch_of_webhooks_is_one_hint(line: Line) -> None:
    line.sweep()
    line.bench.redis.flushall()

    for sku in (JEANS, BOOT, SCARF):
        line.deliver(sku)
    line.bench.admit()

    assert line.bench.hints("stock-availability") == 1


def test_many_named_skus_are_left_to_the_sweep(line: Line) -> None:
    line.sweep()
    line.bench.desk.forget_calls()
    line.bench.clock.forward(60)

    line.named(*(f"SKU-{number}" for number in range(9)))
    line.work()

    assert line.bench.desk.calls("cin7") == []
    assert memory_of(line) == "2000-01-01"


def memory_of(line: Line) -> str:
    row = line.bench.rows(t.cursors, t.cursors.c.name == availability.POLL)[0]
    return str(row["at"].date())


def test_named_skus_wait_while_money_waits(line: Line) -> None:
    line.variants(JEANS)
    line.sweep()
    line.bench.nudge(line.bench.desk.open_return(line.bench.desk.sell()))
    line.bench.desk.forget_calls()

    line.named(JEANS)
    line.work()

    assert line.bench.desk.calls("cin7") == []


def test_a_webhook_that_cin7_cannot_back_up_is_left_to_the_sweep(line: Line) -> None:
    line.variants(JEANS)
    line.sweep()
    line.bench.desk.fault("status_before", system="cin7", path="productavailability", status=500)

    line.named(JEANS)

    assert line.work() == "settled"
    assert memory_of(line) == "2000-01-01"


# -- the pace of the sweeps -------------------------------------------------------------------------------------------


def due(line: Line, seconds: float) -> bool:
    line.bench.clock.forward(seconds)
    return availability.seconds_left(line.parts, line.parts.shop(SHOP)) == 0


def test_an_idle_line_is_swept_at_the_shortest_interval(line: Line) -> None:
    line.sweep()

    assert not due(line, 50)
    assert due(line, 15)


def test_the_sweep_slows_down_while_money_waits(line: Line) -> None:
    line.sweep()
    line.bench.nudge(line.bench.desk.open_return(line.bench.desk.sell()))

    assert not due(line, 800)
    assert due(line, 100)


def poll(line: Line) -> None:
    [mine] = [each for each in sweep.polls_of(line.parts) if each.name == availability.POLL]
    sweep.run_poll(line.parts, SHOP, mine)


def test_the_clock_sweeps_by_itself(line: Line) -> None:
    line.variants(JEANS)

    poll(line)
    line.work()

    assert line.shown(JEANS) == 12


def test_a_poll_that_comes_early_is_due_again_when_the_sweep_is(line: Line) -> None:
    line.variants(JEANS)
    line.sweep()
    line.bench.desk.forget_calls()
    line.bench.clock.forward(20)

    poll(line)
    assert line.bench.desk.calls("cin7") == []
    line.bench.clock.forward(41)
    poll(line)

    assert len(line.bench.desk.calls("cin7")) == 1


def test_a_poll_that_asked_nothing_says_nothing_about_cin7s_health(line: Line) -> None:
    line.sweep()
    for _ in range(3):
        lanes.failed(line.parts, SHOP, "cin7", "status 502")

    line.bench.clock.forward(61)
    line.bench.nudge(line.bench.desk.open_return(line.bench.desk.sell()))
    poll(line)
    lanes.failed(line.parts, SHOP, "cin7", "status 502")

    assert len(line.bench.exceptions("TARGET_DOWN")) == 1


# -- the shop's side --------------------------------------------------------------------------------------------------


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


def test_a_defect_buries_the_entry_once_and_a_requeue_brings_it_back(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.variants(JEANS)
    with monkeypatch.context() as broken:
        broken.setattr(shop_stock, "publish", lambda *_: 1 / 0)
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


# -- the oversell window ----------------------------------------------------------------------------------------------


def test_the_oversell_window_runs_from_cin7s_change_to_the_shop(line: Line) -> None:
    line.variants(JEANS)
    line.sweep()
    line.sell(JEANS, 1)
    line.named(JEANS)
    line.bench.clock.forward(40)

    line.work()

    window = line.window()
    assert (window.falls.count, window.falls.p50, window.falls.worst) == (1, 40.0, 40.0)
    assert (window.waiting, window.waiting_since) == (0, None)


def test_the_wait_for_the_second_sweep_is_part_of_the_window(line: Line) -> None:
    line.variants(BOOT)
    line.sweep()
    line.sell(BOOT, 6)
    line.sweep(60)
    assert line.window().waiting == 1

    line.sweep(60)

    assert line.window().falls.worst == 60.0


def test_a_rise_is_no_oversell(line: Line) -> None:
    line.variants(BOOT)
    line.sweep()
    line.stock(BOOT, 5)

    line.sweep()

    assert (line.window().falls.count, line.window().all.count) == (0, 1)


def test_a_picture_without_a_sweep_for_long_is_called_stale(line: Line) -> None:
    line.sweep()
    after = oversell.stale_after(line.bench.settings.intervals.availability_max)

    now = line.bench.clock()
    assert not line.window().stale(now, after)
    assert line.window().stale(line.bench.clock.forward(after + 1), after)


def test_the_status_shows_the_window_and_the_badge(line: Line) -> None:
    line.variants(JEANS)
    line.sweep()
    line.sell(JEANS, 1)
    line.named(JEANS)
    line.bench.clock.forward(40)
    line.work()

    with line.parts.ledger.read() as conn:
        [fresh] = oversell.status_rows(conn, line.bench.clock(), 1800.0)
        [stale] = oversell.status_rows(conn, line.bench.clock.forward(2000), 1800.0)

    assert (fresh["falls"], fresh["p90 s"], fresh["picture"]) == (1, 40.0, "fresh")
    assert stale["picture"] == "STALE"


# -- whatever happens -------------------------------------------------------------------------------------------------

FAULTS = (
    "status_before",
    "status_after",
    "reset_before",
    "reset_after",
    "html_200_after",
    "empty_200_after",
    "throttle",
)


def one_step(line: Line, chance: random.Random) -> None:
    """Something happens: goods move, a webhook comes, a system falters, the clock goes on."""
    sku = chance.choice((JEANS, BOOT, SCARF))
    match chance.randrange(6):
        case 0:
            line.stock(sku, chance.randrange(1, 5))
        case 1 if line.cin7(sku) > 1:
            line.sell(sku, chance.randrange(1, line.cin7(sku) + 1))
        case 2:
            line.named(sku)
        case 3:
            line.bench.desk.fault(chance.choice(FAULTS), system=chance.choice(("cin7", "shopify")), status=502)
        case 4:
            with contextlib.suppress(WireError, QuotaWait):
                line.sweep(61)
        case _:
            line.bench.clock.forward(400)
    line.work()


@pytest.mark.parametrize("seed", [3, 14, 159])
def test_whatever_falters_the_shop_ends_with_what_cin7_has(line: Line, seed: int) -> None:
    line.variants(JEANS, BOOT, SCARF, available=1)
    chance = random.Random(seed)
    for _ in range(25):
        line.bench.clock.forward(1)
        one_step(line, chance)

    line.bench.desk.heal()
    line.bench.redis.flushall()
    for _ in range(3):
        line.sweep(1000)

    assert {sku: line.shown(sku) for sku in (JEANS, BOOT, SCARF)} == {
        sku: line.cin7(sku) for sku in (JEANS, BOOT, SCARF)
    }
    assert line.bench.letters() == []


# -- the feed ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def fed(make_line: Any) -> Line:
    made: Line = make_line('availability_target = "feed"')
    return made


def test_the_feed_holds_every_figure_and_says_until_when_to_believe_it(fed: Line) -> None:
    fed.sweep()

    document = feed_of(fed)
    assert {row["sku"]: row["available"] for row in document["items"]}[JEANS] == 12
    assert document["as_of"] < document["stale_after"]


def feed_of(line: Line) -> dict[str, Any]:
    kept = line.bench.redis.get(feed.key_of(PREFIX, SHOP))
    document: dict[str, Any] = json.loads(kept)  # type: ignore[arg-type]
    return document


def test_the_feed_counts_only_what_changed(fed: Line) -> None:
    fed.sweep()
    fed.sell(JEANS, 1)

    fed.sweep()

    entry = fed.bench.rows(t.entries, t.entries.c.consumer == "stock-availability")[0]
    assert entry["reason"] == "1 figures changed in the feed"


def test_a_feed_that_redis_forgot_is_written_again(fed: Line) -> None:
    fed.sweep()
    fed.bench.redis.flushall()

    with pytest.raises(NotYetError):
        availability.look(fed.parts, SHOP)
    fed.work()

    assert feed_of(fed)["shop"] == SHOP


def test_an_older_feed_never_replaces_a_newer_one(fed: Line) -> None:
    fed.sweep()
    newer = feed_of(fed)
    fed.bench.clock.forward(-30)
    shop = fed.parts.shop(SHOP)

    feed.publish(fed.parts, shop, None)  # type: ignore[arg-type]

    assert feed_of(fed) == newer


def test_a_change_of_target_publishes_everything_anew(make_line: Any, fed: Line) -> None:
    fed.sweep()
    fed.variants(JEANS)

    line = make_line(fresh=False)
    line.sweep()

    assert line.shown(JEANS) == 12
