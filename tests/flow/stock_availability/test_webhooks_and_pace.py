"""Cin7's stock webhook says where to look; the sweep knows when."""

from __future__ import annotations

from tasks import outages
from tasks.availability import availability
from tasks.stages import sweep
from tests.flow.stock_availability.line import BOOT, JEANS, SCARF, Line, due, memory_of
from tests.tasks.practice import SHOP

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
        outages.failed(line.parts, SHOP, "cin7", "status 502")

    line.bench.clock.forward(61)
    line.bench.nudge(line.bench.desk.open_return(line.bench.desk.sell()))
    poll(line)
    outages.failed(line.parts, SHOP, "cin7", "status 502")

    assert len(line.bench.exceptions("TARGET_DOWN")) == 1
