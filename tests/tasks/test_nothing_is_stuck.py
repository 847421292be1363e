"""What must not stop the line: one bad delivery, a worker that comes back late, a number nobody knows, a quiet poll."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.calls.quota import Priority, QuotaWait
from pipeline.cin7 import Cin7
from pipeline.ledger import entries, following, returns, sales
from pipeline.ledger.schema import all as t
from tasks import outages
from tasks.batches import advance
from tasks.books.books import LedgerBooks
from tasks.failures import SaleBusyError
from tasks.polls import polls
from tasks.stages import consume, intake, reading, sweep
from tests.tasks.practice import PREFIX, SHOP, Bench


def _poll(bench: Bench, name: str) -> sweep.Poll:
    return next(poll for poll in sweep.polls_of(bench.parts) if poll.name == name)


# -- the inbox


def test_a_delivery_that_the_ledger_cannot_hold_is_buried_and_its_neighbours_go_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow = following.follow

    def refuses(conn: Any, shop: str, nudge: Any, now: Any) -> Any:
        if nudge.ids == ("13",):
            raise ValueError("no column takes this")
        return follow(conn, shop, nudge, now)

    monkeypatch.setattr(following, "follow", refuses)
    for number in (12, 13, 14):
        bench.deliver(json.dumps({"rmaId": number}).encode(), delivery_id=f"d-{number}")
    assert bench.admit() == 3
    assert sorted(row["rma_id"] for row in bench.rows(t.returns)) == ["12", "14"]
    assert [letter["delivery_id"] for letter in bench.letters()] == ["d-13"]
    assert bench.parts.inbox.depth().pending == 0


def test_an_entry_with_unreadable_headers_does_not_stop_the_inbox(bench: Bench) -> None:
    bench.deliver(b'{"rmaId": 12}', delivery_id="d-1", headers="{not json")
    bench.redis.xadd(f"{PREFIX}inbox", {"delivery": "d-2", "shop": SHOP, "received_at": "yesterday", "body": b"{}"})
    assert bench.admit() == 2
    assert bench.the_return("12")["nudges"] == 1


def test_a_flood_is_admitted_in_turns(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "DRAIN_SECONDS", -1.0)
    for number in range(100):
        bench.deliver(json.dumps({"rmaId": number}).encode(), delivery_id=f"d-{number}")
    assert bench.admit() == intake.BATCH
    assert bench.hints("intake") >= 1
    assert bench.admit() == 100 - intake.BATCH


def test_a_long_event_id_is_cut_to_its_column(bench: Bench) -> None:
    bench.deliver(b'{"rmaId": 12}', delivery_id="d-1", headers=json.dumps({"x-event-id": "e" * 256}), topic="T" * 190)
    bench.admit()
    (row,) = bench.rows(t.deliveries)
    assert (len(row["sender_id"]), len(row["topic"])) == (200, 80)


# -- a worker that comes back late


def _overtaken(bench: Bench, monkeypatch: pytest.MonkeyPatch, stage: str, meanwhile: Any) -> None:
    """The entry's worker is frozen at this stage for longer than its lease; `meanwhile` happens then, once."""
    plain = getattr(consume, stage)
    struck: list[str] = []

    def frozen(*args: Any, **kwargs: Any) -> Any:
        if not struck:
            struck.append(stage)
            bench.clock.forward(200)
            meanwhile()
        return plain(*args, **kwargs)

    monkeypatch.setattr(consume, stage, frozen)


@pytest.mark.parametrize("stage", ["_keep_plan", "_perform_all", "_settle"])
def test_a_worker_overtaken_by_another_changes_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    order = bench.desk.sell()
    rma = bench.desk.open_return(order)
    bench.take(rma)
    exits: list[str] = []
    _overtaken(bench, monkeypatch, stage, lambda: exits.append(bench.consume(rma)))
    assert bench.consume(rma) == "lost"
    assert exits == ["settled"]
    assert (bench.entry(rma)["state"], bench.entry(rma)["due_at"]) == ("settled", None)
    assert len(bench.desk.authorised(order)) == 1


def test_a_late_worker_does_not_bury_what_its_successor_settled(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    rma = bench.desk.open_return(bench.desk.sell())
    bench.take(rma)
    bench.change(t.entries, failures=9)

    def breaks(*_: Any) -> None:
        monkeypatch.undo()
        bench.clock.forward(200)
        assert bench.consume(rma) == "settled"
        raise RuntimeError("and then it broke")

    monkeypatch.setattr(consume, "_keep_plan", breaks)
    assert bench.consume(rma) == "lost"
    assert (bench.letters(), bench.exceptions()) == ([], [])
    assert bench.entry(rma)["state"] == "settled"


def test_a_late_worker_does_not_let_go_of_its_successors_sale(bench: Bench) -> None:
    rma = bench.desk.open_return(bench.desk.sell())
    bench.take(rma)
    shop = bench.parts.shop(SHOP)
    late = LedgerBooks(bench.parts, shop, None, "entry:1:1", bench.clock() + timedelta(seconds=60))
    late._hold("sale-1")
    bench.clock.forward(61)
    fresh = LedgerBooks(bench.parts, shop, None, "entry:1:2", bench.clock() + timedelta(seconds=60))
    fresh._hold("sale-1")
    late.release()
    with bench.parts.ledger.write() as conn:
        assert not sales.claim_sale(conn, SHOP, "sale-1", "entry:2:1", bench.clock(), timedelta(seconds=5))
    late._held.append("sale-1")
    with pytest.raises(SaleBusyError):
        late.renew(bench.clock() + timedelta(seconds=60))


def test_an_entry_whose_effect_is_in_other_hands_waits_for_that_lease(bench: Bench) -> None:
    rma = bench.desk.open_return(bench.desk.sell())
    bench.take(rma)
    bench.desk.fault("status_before", system="cin7", method="POST", path="creditnote", status=429)
    bench.consume(rma)
    held = bench.clock() + timedelta(seconds=300)
    bench.change(t.effects, state="SENDING", sends=1, due_at=bench.clock(), lease_until=held)
    bench.clock.forward(100)
    assert bench.consume(rma) == "parked"
    assert bench.entry(rma)["due_at"] == held


def test_what_a_dead_worker_confirmed_wakes_the_other_consumers(bench: Bench) -> None:
    rma = bench.desk.open_return(bench.desk.sell())
    bench.take(rma)
    with bench.parts.ledger.write() as conn:
        other = entries.wake(conn, SHOP, "another", rma, bench.the_return(rma)["id"], bench.clock())
    bench.consume(rma)
    bench.change(t.entries, t.entries.c.id == other, due_at=None, state="parked")
    # As if the worker had died between the confirmation and the exit: started once, never finished.
    bench.clock.forward(200)
    bench.change(t.entries, t.entries.c.consumer == "credit-notes", starts=1, due_at=bench.clock(), state="open")
    bench.consume(rma)
    assert bench.rows(t.entries, t.entries.c.id == other)[0]["due_at"] == bench.clock()


# -- polls, lanes and numbers nobody knows


def test_work_without_a_call_says_nothing_about_a_system_that_is_away(bench: Bench) -> None:
    for _ in range(4):
        outages.failed(bench.parts, SHOP, "cin7", "status 502")
    bench.clock.forward(400)
    sweep.run_poll(bench.parts, SHOP, _poll(bench, "cin7:journal"))
    assert [row["type"] for row in bench.exceptions()] == ["TARGET_DOWN"]
    sweep.run_poll(bench.parts, SHOP, _poll(bench, "cin7:notes"))
    assert bench.exceptions() == []


def test_a_number_that_returngo_does_not_know_stops_costing_calls(bench: Bench) -> None:
    bench.nudge("no-such-rma")
    tries = 0
    for _ in range(8):
        tries += bench.read()
        bench.clock.forward(30_000)
    assert tries == 5
    assert bench.the_return("no-such-rma")["due_at"] is None
    assert bench.exceptions() != []
    bench.nudge("no-such-rma")
    assert bench.read() == 1


def test_a_number_given_up_is_read_again_when_returngo_lists_it(bench: Bench) -> None:
    rma = bench.desk.open_return(bench.desk.sell())
    bench.nudge(rma)
    bench.change(t.returns, t.returns.c.rma_id == rma, due_at=None, failures=5)
    sweep.run_poll(bench.parts, SHOP, _poll(bench, "returngo:open"))
    assert bench.the_return(rma)["due_at"] == bench.clock()


def test_a_stream_of_hints_without_a_number_costs_one_look_in_half_an_interval(bench: Bench) -> None:
    poll = _poll(bench, "returngo:open")
    looks = 0
    for number in range(6):
        bench.deliver(b'{"hello": "world"}', delivery_id=f"d-{number}")
        bench.admit()
        bench.desk.forget_calls()
        sweep.run_poll(bench.parts, SHOP, poll)
        looks += bool(bench.desk.calls("returngo"))
        bench.clock.forward(poll.every / 6)
    assert looks == 2


def test_a_second_refund_of_a_known_return_is_found(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    rma = bench.desk.open_return(bench.desk.sell())
    bench.take(rma)
    unit = bench.rows(t.units)[0]["returned_item_id"]
    first = SimpleNamespace(transactions=[SimpleNamespace(transaction_id="T1", status="Success")])
    monkeypatch.setattr(returns, "told", lambda _: first)
    with bench.parts.ledger.read() as conn:
        listed = {"T1": ("Success", [unit]), "T2": ("Success", [unit]), "T3": ("Success", ["nobody's"])}
        touched = polls._returns_of(conn, SHOP, listed)
        assert touched == {rma: {"T1": "Success", "T2": "Success"}}
        assert not polls._behind(conn, SHOP, rma, {"T1": "Success"})
        assert polls._behind(conn, SHOP, rma, touched[rma])


def test_a_sale_list_longer_than_the_quota_is_gone_on_with(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, int]] = []

    def two_pages_at_a_time(
        _: object, since: object, *, priority: Priority, first_page: int = 1
    ) -> Iterator[list[Any]]:
        asked.append((since, first_page))
        for page in range(first_page, 6):
            if page == first_page + 2:
                raise QuotaWait(50.0)
            yield []

    monkeypatch.setattr(Cin7, "sale_rows", two_pages_at_a_time)
    poll = _poll(bench, "cin7:sales")
    for _ in range(3):
        sweep.run_poll(bench.parts, SHOP, poll)
        bench.clock.forward(60)
    assert [page for _, page in asked] == [1, 3, 5]
    assert len({since for since, _ in asked}) == 1
    bench.clock.forward(poll.every)
    sweep.run_poll(bench.parts, SHOP, poll)
    assert asked[-1][1] == 1
    assert asked[-1][0] != asked[0][0]


def test_a_reading_in_turn_that_shows_nothing_new_wakes_nobody(bench: Bench) -> None:
    rma = bench.desk.open_return(bench.desk.sell(), received=False)
    bench.take(rma)
    bench.consume(rma)
    before = bench.entry(rma)["wakes"]
    bench.clock.forward(21_601)
    assert bench.read() == 1
    assert bench.entry(rma)["wakes"] == before
    bench.desk.act(rma, "receive")
    bench.clock.forward(21_601)
    assert bench.read() == 1
    assert bench.entry(rma)["wakes"] == before + 1


def test_many_open_returns_are_read_in_turn_more_slowly(bench: Bench) -> None:
    bench.take(bench.desk.open_return(bench.desk.sell()))
    with bench.parts.ledger.read() as conn:
        assert reading._turn(conn, bench.parts, SHOP) == timedelta(hours=6)
    object.__setattr__(bench.parts.settings.shop(SHOP).returngo, "daily_limit", 2)
    with bench.parts.ledger.read() as conn:
        assert reading._turn(conn, bench.parts, SHOP) == timedelta(days=2)


def test_what_is_due_is_hinted_between_two_slow_polls(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    repairs: list[float] = []
    monkeypatch.setattr(sweep, "repair", lambda parts: repairs.append(parts.clock().timestamp()))
    monkeypatch.setattr(sweep, "run_poll", lambda *_: bench.clock.forward(20))
    sweep.tick(bench.parts)
    assert len(repairs) == 1 + len(sweep.polls_of(bench.parts))


def test_a_batch_that_cannot_be_advanced_does_not_stop_the_sweep(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(_: object) -> None:
        raise LookupError("an unknown state")

    polled: list[str] = []
    monkeypatch.setattr(advance, "advance", breaks)
    monkeypatch.setattr(sweep, "run_poll", lambda _parts, _shop, poll: polled.append(poll.name))
    bench.deliver(b'{"rmaId": 55}', delivery_id="d-1")
    sweep.tick(bench.parts)
    assert bench.hints("intake") == 1
    assert polled == [poll.name for poll in sweep.polls_of(bench.parts)]
