"""What a sender alone can cause is one exception for each cause, with a count; it closes by itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.ledger import concerns
from pipeline.ledger.letters import requeueing
from pipeline.ledger.schema import all as t
from schemas.concerns import Concern, ConcernType
from tasks.stages import sweep
from tests.tasks.practice import SHOP, Bench

DAY = 24 * 3600.0


def _deliver(bench: Bench, *bodies: bytes, start: int = 0) -> None:
    for number, body in enumerate(bodies, start):
        bench.deliver(body, delivery_id=f"d-{number}", topic="RMA_CREATED")
    bench.admit()


def _read_out(bench: Bench) -> None:
    """Read until nobody is due any more in the next hours."""
    for _ in range(8):
        bench.read()
        bench.clock.forward(3600)


def _look(bench: Bench) -> None:
    it = next(poll for poll in sweep.polls_of(bench.parts) if poll.name == "ledger:strangers")
    bench.clock.forward(it.every + 1)
    sweep.run_poll(bench.parts, SHOP, it)


@pytest.mark.parametrize("named", ["4040{n:03}", "0{n}x", "no-such-rma-{n}", "{zeros}5550001"])
def test_numbers_that_returngo_refuses_are_told_in_one_exception(bench: Bench, named: str) -> None:
    rmas = [named.format(n=n, zeros="0" * (n + 1)) for n in range(12)]
    _deliver(bench, *(json.dumps({"rmaId": rma}).encode() for rma in rmas))
    _read_out(bench)
    (told,) = bench.exceptions()
    assert (told["type"], told["details"]["count"], told["rma_id"]) == ("ORDER_NOT_FOUND", "12", None)
    assert bench.letters() == []
    assert {row["due_at"] for row in bench.rows(t.returns)} == {None}, "they are not read for ever"


def test_the_exception_about_unknown_numbers_closes_a_day_after_the_last(bench: Bench) -> None:
    _deliver(bench, b'{"rmaId": 404404}')
    _read_out(bench)
    _look(bench)
    assert len(bench.exceptions()) == 1
    bench.clock.forward(DAY)
    _look(bench)
    assert bench.exceptions() == []


def test_a_number_that_is_named_again_long_after_is_told_again(bench: Bench) -> None:
    for time in range(2):
        _deliver(bench, b'{"rmaId": 404404}', start=time)
        _read_out(bench)
        assert [row["details"]["count"] for row in bench.exceptions()] == ["1"]
        bench.clock.forward(3 * DAY)
        _look(bench)
        assert bench.exceptions() == []
        assert bench.the_return("404404")["due_at"] is None


def test_it_closes_at_once_when_the_number_is_known_after_all(bench: Bench) -> None:
    rma = bench.desk.open_return(bench.desk.sell())
    bench.desk.fault("status_before", system="returngo", path=f"/rma/{rma}", status=404, form="object")
    bench.nudge(rma)
    bench.read()
    assert len(bench.exceptions()) == 1
    bench.clock.forward(60)
    bench.read()
    assert bench.exceptions() == []


def test_a_return_that_returngo_knew_and_lost_is_told_for_itself(bench: Bench) -> None:
    rma = bench.desk.open_return(bench.desk.sell())
    bench.take(rma)
    bench.desk.fault("status_before", system="returngo", path=f"/rma/{rma}", status=404, form="object")
    bench.nudge(rma)
    bench.read()
    assert [(row["type"], row["rma_id"]) for row in bench.exceptions()] == [("ORDER_NOT_FOUND", rma)]


def test_bodies_that_nobody_can_read_are_told_in_one_exception_and_each_keeps_its_letter(bench: Bench) -> None:
    bad = (b"{not json", b"\xff\xfe", b"[1, 2]", b'"text"', b'{"a": 1e999999}', *(b"{%d" % n for n in range(100)))
    _deliver(bench, *bad)
    (told,) = bench.exceptions()
    assert (told["type"], told["details"]["count"]) == ("SCHEMA_INVALID", str(len(bad)))
    assert sorted(letter["body"] for letter in bench.letters()) == sorted(bad)


def test_the_exception_about_unreadable_bodies_closes_when_all_are_dealt_with(bench: Bench) -> None:
    _deliver(bench, b"{not json", b"{nor this")
    for letter in bench.letters():
        assert len(bench.exceptions()) == 1
        with bench.parts.ledger.write() as conn:
            requeueing.discard(conn, letter, "ada", "not ours", bench.clock())
    assert bench.exceptions() == []


def test_the_exception_about_unreadable_bodies_closes_a_day_after_the_last(bench: Bench) -> None:
    _deliver(bench, b"{not json")
    _look(bench)
    assert len(bench.exceptions()) == 1
    bench.clock.forward(DAY)
    _look(bench)
    assert (bench.exceptions(), [letter["state"] for letter in bench.letters()]) == ([], ["open"])


def test_exceptions_of_earlier_versions_one_for_each_number_and_body_are_closed(bench: Bench) -> None:
    return_id = bench.nudge("404404")
    old: Any = Concern(ConcernType.ORDER_NOT_FOUND, "old", "old")
    with bench.parts.ledger.write() as conn:
        concerns.raise_(conn, SHOP, "reading", "404404", old, bench.clock(), return_id=return_id)
        concerns.raise_(conn, SHOP, "intake", "delivery:d-1", old, bench.clock())
    _look(bench)
    assert bench.exceptions() == []
