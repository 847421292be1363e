"""Returns are read once per burst, and at least once after the last nudge."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from pipeline.ledger import returns
from pipeline.ledger.schema import all as t
from pipeline.returngo.client import ReturnGo
from schemas.json.fields import SchemaInvalidError
from tasks.stages import reading
from tests.faults.metadata import fault
from tests.tasks.practice import SHOP, Bench


def _due(bench: Bench, rma: str) -> None:
    bench.change(t.returns, t.returns.c.rma_id == rma, due_at=bench.clock())


def _one(bench: Bench) -> str:
    return bench.desk.open_return(bench.desk.sell())


def test_a_burst_of_ten_nudges_costs_one_call(bench: Bench) -> None:
    rma = _one(bench)
    bench.desk.forget_calls()
    for _ in range(10):
        bench.nudge(rma)
    assert bench.read() == 1
    assert len(bench.desk.calls("returngo")) == 1
    assert bench.the_return(rma)["nudges_read"] == 10


def test_a_nudge_during_the_reading_makes_it_read_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    rma = _one(bench)
    original = ReturnGo.return_
    seen: list[str] = []

    def nudged_meanwhile(self: ReturnGo, rma_id: str, **how: Any) -> object:
        answer = original(self, rma_id, **how)
        if not seen:
            bench.nudge(rma_id)
        seen.append(rma_id)
        return answer

    monkeypatch.setattr(ReturnGo, "return_", nudged_meanwhile)
    bench.nudge(rma)
    bench.read()
    assert seen == [rma, rma]
    assert bench.the_return(rma)["nudges_read"] == 2


def test_of_two_readers_one_gets_the_return(bench: Bench) -> None:
    rma = _one(bench)
    bench.nudge(rma)
    with bench.parts.ledger.write() as conn:
        first = returns.claim_reading(conn, bench.clock(), timedelta(seconds=60))
    with bench.parts.ledger.write() as conn:
        second = returns.claim_reading(conn, bench.clock(), timedelta(seconds=60))
    assert first is not None
    assert second is None


@fault("F70", "a reader wakes after its lease", "nothing")
def test_a_reader_that_lost_its_claim_stores_nothing(bench: Bench) -> None:
    rma = _one(bench)
    bench.nudge(rma)
    with bench.parts.ledger.write() as conn:
        slow = returns.claim_reading(conn, bench.clock(), timedelta(seconds=1))
    assert slow is not None
    bench.clock.forward(5)
    assert bench.read() == 1
    first_read = bench.the_return(rma)["read_at"]
    bench.clock.forward(5)
    reading.read_one(bench.parts, slow)
    assert bench.the_return(rma)["read_at"] == first_read


def test_a_reading_wakes_the_consumer_once(bench: Bench) -> None:
    rma = _one(bench)
    bench.take(rma)
    assert (bench.entry(rma)["state"], bench.entry(rma)["wakes"]) == ("open", 1)
    assert bench.hints("credit-notes") == 1


def test_an_unknown_rma_opens_an_exception_and_is_tried_later(bench: Bench) -> None:
    bench.nudge("404404")
    bench.read()
    row = bench.the_return("404404")
    assert row["due_at"] > bench.clock()
    assert row["failures"] == 1
    assert [x["type"] for x in bench.exceptions()] == ["ORDER_NOT_FOUND"]


def test_an_answer_that_cannot_be_read_is_buried_and_read_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    rma = _one(bench)

    def unreadable(*_: object, **__: object) -> None:
        raise SchemaInvalidError({"units[0].sku": "missing"})

    with monkeypatch.context() as patch:
        patch.setattr(ReturnGo, "return_", unreadable)
        bench.nudge(rma)
        bench.read()
    (letter,) = bench.letters()
    assert (letter["stage"], letter["evidence"]["fields"]) == ("read", {"units[0].sku": "missing"})
    assert [x["type"] for x in bench.exceptions()] == ["SCHEMA_INVALID"]
    bench.clock.forward(7 * 3600)
    assert bench.read() == 1
    assert bench.exceptions() == []


@fault("F52", "ReturnGO refuses the key", "one exception for engineering; every return waits")
def test_refused_keys_stop_the_lane_with_one_exception_for_all_returns(bench: Bench) -> None:
    rmas = [_one(bench) for _ in range(4)]
    bench.desk.fault("auth_403", system="returngo")
    bench.desk.forget_calls()
    for rma in rmas:
        bench.nudge(rma)
    bench.read()
    assert len(bench.desk.calls("returngo")) == 1
    assert [x["type"] for x in bench.exceptions()] == ["CREDENTIALS_REJECTED"]
    assert {bench.the_return(rma)["failures"] for rma in rmas} == {0}


def test_a_lane_opens_again_with_the_first_call_that_works(bench: Bench) -> None:
    rmas = [_one(bench) for _ in range(3)]
    bench.desk.fault("auth_403", system="returngo")
    for rma in rmas:
        bench.nudge(rma)
    bench.read()
    bench.clock.forward(130)
    assert bench.read() == 3
    assert bench.exceptions() == []
    assert {bench.the_return(rma)["status"] for rma in rmas} == {"Received"}


@fault("F55", "ReturnGO answers with an HTML page and 502", "one exception; every return waits and goes on by itself")
def test_an_outage_stops_the_lane_after_a_few_calls(bench: Bench) -> None:
    rmas = [_one(bench) for _ in range(6)]
    bench.desk.fault("status_before", system="returngo", status=502, form="html", times=100)
    bench.desk.forget_calls()
    for rma in rmas:
        bench.nudge(rma)
    bench.read()
    assert len(bench.desk.calls("returngo")) == 4
    assert [x["type"] for x in bench.exceptions()] == ["TARGET_DOWN"]


def test_a_return_of_a_shop_that_was_taken_out_of_the_settings_waits(bench: Bench) -> None:
    with bench.parts.ledger.write() as conn:
        returns.nudge(conn, "gone", "1", bench.clock())
    bench.read()
    row = bench.rows(t.returns, t.returns.c.shop == "gone")[0]
    assert "gone" in row["trouble"]
    assert row["due_at"] > bench.clock()
    assert row["shop"] != SHOP
