"""The sweep brings back what was lost; two sweepers do the work of one."""

from __future__ import annotations

import threading

import pytest

from pipeline.ledger.schema import all as t
from tasks.stages import sweep
from tests.faults.metadata import fault
from tests.tasks.practice import PREFIX, SHOP, Bench


def _poll(bench: Bench, name: str) -> sweep.Poll:
    return next(poll for poll in sweep.polls_of(bench.parts) if poll.name == name)


@fault("F28", "FLUSHALL of the broker", "nothing")
def test_a_lost_hint_for_an_entry_is_repaired(bench: Bench) -> None:
    rma = bench.desk.open_return(bench.desk.sell())
    bench.take(rma)
    bench.redis.flushall()
    sweep.repair(bench.parts)
    assert bench.hints("credit-notes") == 1


def test_a_lost_hint_for_the_inbox_is_repaired(bench: Bench) -> None:
    bench.deliver(b'{"rmaId": 55}', delivery_id="d-1")
    sweep.repair(bench.parts)
    assert bench.hints("intake") == 1


def test_a_lost_hint_for_a_reading_is_repaired(bench: Bench) -> None:
    bench.nudge("55")
    sweep.repair(bench.parts)
    assert bench.hints("intake") == 1


def test_a_backlog_gets_no_second_set_of_hints(bench: Bench) -> None:
    bench.take(bench.desk.open_return(bench.desk.sell()))
    for _ in range(3):
        sweep.repair(bench.parts)
    assert bench.hints("credit-notes") == 1


def test_nothing_is_hinted_when_nothing_is_due(bench: Bench) -> None:
    sweep.repair(bench.parts)
    assert bench.redis.keys(f"{PREFIX}*") == []


@fault("F62 F63 F64 F65", "a worker vanished with an effect in hand", "a pause of one lease")
@pytest.mark.parametrize("state", ["CLAIMED", "SENDING"])
def test_an_effect_whose_worker_vanished_wakes_its_entry(bench: Bench, state: str) -> None:
    rma = bench.desk.open_return(bench.desk.sell())
    bench.take(rma)
    bench.consume(rma)
    now = bench.clock()
    bench.change(t.effects, state=state, lease_until=now, due_at=now)
    bench.change(t.entries, due_at=None)
    bench.clock.forward(1)
    sweep.repair(bench.parts)
    assert bench.entry(rma)["due_at"] == bench.clock()


def test_an_interrupted_send_is_looked_up_and_never_sent_again_first(bench: Bench) -> None:
    order = bench.desk.sell(kind="Advanced Sale")
    rma = bench.desk.open_return(order)
    bench.take(rma)
    bench.desk.fault("reset_after", system="cin7", method="POST", path="creditnote")
    bench.consume(rma)
    now = bench.clock()
    bench.change(t.effects, state="SENDING", lease_until=now, due_at=now)
    bench.desk.forget_calls()
    assert bench.later(rma, 10) == "settled"
    bodies = [call["method"] for call in bench.desk.calls("cin7", path="creditnote")]
    assert bodies[0] == "GET" or len(bench.desk.notes(order)) == 1
    assert len(bench.desk.notes(order)) == 1


@fault("F36", "two sweepers at the same moment", "nothing")
def test_two_sweepers_make_one_poll(bench: Bench) -> None:
    poll, other = _poll(bench, "returngo:open"), bench.worker()
    bench.desk.forget_calls()
    threads = [threading.Thread(target=sweep.run_poll, args=(parts, SHOP, poll)) for parts in (bench.parts, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    statuses = [call["query"] if "query" in call else call["path"] for call in bench.desk.calls("returngo")]
    assert len(statuses) == 2, "one page of the open set and one of the ended"


def test_a_poll_waits_for_its_interval(bench: Bench) -> None:
    poll = _poll(bench, "returngo:open")
    sweep.run_poll(bench.parts, SHOP, poll)
    bench.desk.forget_calls()
    sweep.run_poll(bench.parts, SHOP, poll)
    assert bench.desk.calls("returngo") == []
    bench.clock.forward(poll.every + 1)
    sweep.run_poll(bench.parts, SHOP, poll)
    assert bench.desk.calls("returngo") != []


def test_a_return_that_nobody_announced_is_found(bench: Bench) -> None:
    rma = bench.desk.open_return(bench.desk.sell())
    sweep.run_poll(bench.parts, SHOP, _poll(bench, "returngo:open"))
    assert bench.the_return(rma)["nudges"] == 1


def test_a_sale_that_appears_wakes_the_return_that_waits_for_it(bench: Bench) -> None:
    order = f"#late-{bench.clock().timestamp():.0f}"
    rma = bench.desk.open_return(order)
    bench.take(rma)
    assert bench.consume(rma) == "parked"
    bench.desk.sell(order)
    sweep.run_poll(bench.parts, SHOP, _poll(bench, "cin7:sales"))
    assert bench.entry(rma)["due_at"] == bench.clock()
    assert bench.consume(rma) == "settled"


def test_a_poll_that_fails_is_tried_again_sooner_than_its_interval(bench: Bench) -> None:
    poll = _poll(bench, "cin7:sales")
    bench.desk.fault("status_before", system="cin7", method="GET", status=502, form="html")
    sweep.run_poll(bench.parts, SHOP, poll)
    bench.desk.forget_calls()
    bench.clock.forward(31)
    sweep.run_poll(bench.parts, SHOP, poll)
    assert bench.desk.calls("cin7", "GET") != []


def test_a_sweeper_that_died_holds_its_poll_no_longer_than_its_lease(bench: Bench) -> None:
    poll = _poll(bench, "returngo:open")
    from datetime import timedelta

    from pipeline.ledger import cursors

    with bench.parts.ledger.write() as conn:
        cursors.claim_cursor(conn, SHOP, poll.name, bench.clock(), timedelta(seconds=1), timedelta(seconds=180))
    bench.desk.forget_calls()
    bench.clock.forward(poll.every + 200)
    sweep.run_poll(bench.parts, SHOP, poll)
    assert bench.desk.calls("returngo") != []
