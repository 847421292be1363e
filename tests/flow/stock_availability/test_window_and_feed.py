"""The oversell window, what holds whatever happens, and the feed."""

from __future__ import annotations

import contextlib
import random
from typing import Any

import pytest

from pipeline.calls.failures import WireError
from pipeline.calls.quota import QuotaWait
from pipeline.ledger.reports import oversell
from pipeline.ledger.schema import all as t
from tasks.availability import availability, feed
from tasks.failures import NotYetError
from tests.flow.stock_availability.line import BOOT, JEANS, SCARF, Line, feed_of
from tests.tasks.practice import SHOP

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
