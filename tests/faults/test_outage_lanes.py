"""A system that is away, or keys that it refuses: one exception, few calls, nothing buried, and on again by itself."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.stages import sweep
from tests.faults import installing
from tests.faults.installing import Installing
from tests.faults.metadata import fault
from tests.tasks.practice import Bench
from tests.valkey_server import ValkeyHandle

install = installing.install


MANY = 8


@pytest.fixture
def bench(install: Installing, valkey: ValkeyHandle) -> Bench:
    return install(valkey)


def arrive(bench: Bench, count: int = MANY) -> list[tuple[str, str]]:
    """Returns that are due, each with its order."""
    pairs = []
    for _ in range(count):
        order = bench.desk.sell()
        rma = bench.desk.open_return(order)
        bench.nudge(rma)
        pairs.append((order, rma))
    return pairs


def pass_time(bench: Bench, pairs: list[tuple[str, str]], minutes: int, step: float = 30.0) -> None:
    """Beat and workers go on as usual."""
    for _ in range(int(minutes * 60 / step)):
        bench.clock.forward(step)
        sweep.repair(bench.parts)
        bench.read()
        for _, rma in pairs:
            bench.consume(rma)


def all_settled(bench: Bench, pairs: list[tuple[str, str]]) -> bool:
    return [bench.entry(rma)["state"] for _, rma in pairs] == ["settled"] * len(pairs)


def every_return_has_one_note(bench: Bench, pairs: list[tuple[str, str]]) -> None:
    assert all_settled(bench, pairs)
    assert [len(bench.desk.notes(order)) for order, _ in pairs] == [1] * len(pairs)
    assert bench.exceptions() == []
    assert bench.letters() == []


def always(bench: Bench, kind: str, **rule: Any) -> None:
    """From now on every matching call goes wrong."""
    bench.desk.fault(kind, **{"times": None, **rule})


@fault(
    "F42 F55",
    "Cin7 answers 500 to everything for half an hour",
    "one TARGET_DOWN; few calls; nothing is buried; all goes on",
)
def test_an_outage_of_cin7_buries_nothing_and_is_told_once(bench: Bench) -> None:
    pairs = arrive(bench)
    bench.read()
    always(bench, "status_before", system="cin7", status=500)
    bench.desk.forget_calls()
    pass_time(bench, pairs, minutes=30)
    assert [row["type"] for row in bench.exceptions()] == ["TARGET_DOWN"]
    assert len(bench.desk.calls("cin7")) < 60
    assert bench.letters() == []
    bench.desk.heal()
    pass_time(bench, pairs, minutes=8)
    every_return_has_one_note(bench, pairs)


@fault(
    "F41 F55",
    "Cin7 does the work but answers 502 to every write for ten minutes",
    "each note is found, none is made twice",
)
def test_an_outage_that_swallows_answers_makes_no_second_note(bench: Bench) -> None:
    pairs = arrive(bench, 4)
    bench.read()
    always(bench, "status_after", system="cin7", method="POST", path="creditnote", status=502, form="html")
    pass_time(bench, pairs, minutes=10)
    bench.desk.heal()
    pass_time(bench, pairs, minutes=15)
    every_return_has_one_note(bench, pairs)


@fault("F50 F55", "ReturnGO is away for half an hour", "one TARGET_DOWN; few calls; every return is read afterwards")
def test_an_outage_of_returngo_loses_no_return(bench: Bench) -> None:
    pairs = arrive(bench)
    always(bench, "reset_before", system="returngo")
    bench.desk.forget_calls()
    for _ in range(60):
        bench.clock.forward(30)
        sweep.repair(bench.parts)
        bench.read()
    assert [row["type"] for row in bench.exceptions()] == ["TARGET_DOWN"]
    assert len(bench.desk.calls("returngo")) < 60
    bench.desk.heal()
    bench.clock.forward(301)
    bench.read()
    pass_time(bench, pairs, minutes=6)
    every_return_has_one_note(bench, pairs)


@fault(
    "F52",
    "Cin7 refuses our keys",
    "the lane stops: one exception for all returns, one call every two minutes; then on again",
)
def test_refused_keys_stop_the_lane_with_one_exception_and_one_test_call_resumes_it(bench: Bench) -> None:
    pairs = arrive(bench)
    bench.read()
    always(bench, "auth_403", system="cin7")
    bench.desk.forget_calls()
    pass_time(bench, pairs, minutes=10)
    assert [row["type"] for row in bench.exceptions()] == ["CREDENTIALS_REJECTED"]
    assert len(bench.desk.calls("cin7")) <= 6
    assert bench.letters() == []
    bench.desk.heal()
    pass_time(bench, pairs, minutes=5)
    every_return_has_one_note(bench, pairs)
