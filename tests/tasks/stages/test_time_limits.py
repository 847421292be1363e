"""The soft time limit of a task: nobody on the way forgives it; the work goes back with a time and all its tries."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
from billiard.exceptions import SoftTimeLimitExceeded
from billiard.pool import Pool

from pipeline.broker import app
from pipeline.calls.failures import TimeUp
from tasks.app import time_limited
from tasks.stages import consume
from tests.faults.metadata import fault
from tests.tasks.practice import Bench


def time_passes(*_: Any, **__: Any) -> None:
    """Celery's signal for the soft limit comes just now."""
    os.kill(os.getpid(), signal.SIGUSR1)


class ForgivingApp:
    send_task = staticmethod(time_passes)


def test_a_broker_that_forgives_every_failure_does_not_forgive_the_time_limit() -> None:
    with pytest.raises(SoftTimeLimitExceeded), time_limited():
        app.send(ForgivingApp(), "x", "intake")  # type: ignore[arg-type]


def test_a_library_that_forgives_every_failure_does_not_forgive_the_time_limit() -> None:
    def careless() -> None:
        try:
            time_passes()
        except Exception as problem:  # what a library may do
            raise ConnectionError from problem

    with pytest.raises(SoftTimeLimitExceeded), time_limited():
        careless()


def _careless_stage() -> str:
    """Runs in a real child of the pool that Celery uses."""
    with time_limited():
        for _ in range(100):
            with contextlib.suppress(Exception):
                time.sleep(0.2)
    return "the limit was swallowed"


def test_a_child_of_celerys_pool_is_stopped_by_its_soft_limit_whatever_is_forgiven_inside() -> None:
    pool = Pool(1, soft_timeout=1)
    try:
        with pytest.raises(SoftTimeLimitExceeded):
            pool.apply_async(_careless_stage).get(timeout=60)
    finally:
        pool.terminate()
        pool.join()


def test_after_the_task_the_signal_is_celerys_again() -> None:
    before = signal.getsignal(signal.SIGUSR1)
    with time_limited():
        assert signal.getsignal(signal.SIGUSR1) is not before
    assert signal.getsignal(signal.SIGUSR1) is before


@fault(
    "F22",
    "the soft time limit strikes while Cin7 is asked, again and again",
    "the return goes back with a time; no try is used up, nothing is buried",
)
def test_work_that_meets_the_time_limit_is_put_back_and_never_buried(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = bench.desk.sell()
    rma = bench.desk.open_return(order)
    bench.take(rma)
    work = consume._work
    monkeypatch.setattr(consume, "_work", time_passes)
    for _ in range(8):
        with pytest.raises(SoftTimeLimitExceeded), time_limited():
            bench.consume(rma)
        entry = bench.entry(rma)
        assert (entry["state"], entry["failures"], entry["starts"]) == ("parked", 0, 0)
        assert "TimeUp" in entry["reason"]
        bench.clock.forward(entry["due_at"].timestamp() - bench.clock().timestamp())
    monkeypatch.setattr(consume, "_work", work)
    assert bench.consume(rma) == "settled"
    assert bench.letters() == []


def test_a_reading_that_meets_the_time_limit_is_put_back(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    rma = bench.desk.open_return(bench.desk.sell())
    bench.nudge(rma)
    with monkeypatch.context() as slow:
        slow.setattr(type(bench.parts.shop("alder").returngo), "return_", time_passes)
        with pytest.raises(SoftTimeLimitExceeded), time_limited():
            bench.read()
    row = bench.the_return(rma)
    assert (row["lease_until"], row["failures"]) == (None, 0)
    bench.clock.forward(61)
    assert bench.read() == 1


@fault(
    "F22 F65",
    "the soft time limit strikes after the SENDING mark",
    "the effect is looked up before anything is sent again; one note",
)
def test_a_time_limit_during_the_post_is_a_doubt(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench()
    order = bench.desk.sell(kind="Advanced Sale")
    rma = bench.desk.open_return(order)
    bench.take(rma)
    cin7 = bench.parts.shop("alder").cin7
    post = cin7.post_credit_note

    def post_then_time_is_up(*args: Any, **kwargs: Any) -> Any:
        post(*args, **kwargs)
        raise TimeUp

    cin7.post_credit_note = post_then_time_is_up  # type: ignore[method-assign]
    with pytest.raises(TimeUp):
        bench.consume(rma)
    cin7.post_credit_note = post  # type: ignore[method-assign]
    assert bench.effects(rma)[0]["state"] == "SENDING"
    for _ in range(4):
        bench.later(rma, 200)
    assert bench.entry(rma)["state"] == "settled"
    assert len(bench.desk.notes(order)) == 1


def test_the_time_limit_is_no_exception_so_that_nobody_forgives_it() -> None:
    assert not issubclass(TimeUp, Exception)
