"""A run over many dead letters: canary, rate, a stop when too many fail, two operators, a kill in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from console.requeue_many import Orders, Report, RequeueRun, preview
from pipeline import kill_points
from pipeline.ledger.letters import dead
from pipeline.ledger.letters.letters import Filter, find
from pipeline.ledger.letters.requeueing import discard, requeue
from pipeline.ledger.schema import all as t
from schemas.concerns import ConcernType
from schemas.effects import EffectState
from tests.pipeline.ledger.letters_desk import Office
from tests.waiting import BOUND

ALL = Filter()


class Room:
    """A run with its clock, its sleeps and its hints; `works` plays the worker at each sleep."""

    def __init__(self, office: Office, works: Callable[[], None] = lambda: None, *, hints: bool = True) -> None:
        self.office, self.works, self.answers = office, works, hints
        self.slept: list[float] = []
        self.rung: list[dict[str, int]] = []

    def run(self, orders: Orders, wanted: Filter = ALL, who: str = "ann") -> Report:
        return RequeueRun(self.office.ledger, self._hint, self._clock, who, orders, sleep=self._sleep).run(wanted)

    def _clock(self) -> datetime:
        return self.office.now

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.office.later(seconds=seconds)
        self.works()

    def _hint(self, task: str, queue: str, **kwargs: int) -> bool:
        self.rung.append(kwargs)
        return self.answers


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.ledger.close()


def _bury_again(office: Office) -> Callable[[], None]:
    """A worker to whom everything that was requeued dies again."""
    requeued = t.dead_letters.c.state == dead.REQUEUED
    return lambda: office.change(t.dead_letters, requeued, state=dead.OPEN)


def _resolve(office: Office) -> Callable[[], None]:
    requeued = t.dead_letters.c.state == dead.REQUEUED
    return lambda: office.change(t.dead_letters, requeued, state=dead.RESOLVED)


def _some(office: Office, count: int) -> None:
    for number in range(count):
        office.dead_effect(str(7001 + number))


def test_the_preview_counts_what_the_run_moves(office: Office) -> None:
    _some(office, 3)
    seen = preview(office.ledger, ALL)
    assert (seen.letters, seen.money) == (3, {"GBP": Decimal("90.00")})
    assert sum(Room(office).run(Orders(rate=Decimal(0))).moved.values()) == 3


def test_a_canary_that_dies_again_saves_the_rest(office: Office) -> None:
    _some(office, 5)
    report = Room(office, _bury_again(office)).run(Orders(canary=2))
    assert report.stopped == "2 of the first 2 were buried again"
    assert report.left == 3
    assert office.states() == ["open"] * 5


def test_a_canary_that_is_well_lets_the_rest_follow(office: Office) -> None:
    _some(office, 5)
    report = Room(office, _resolve(office)).run(Orders(canary=1))
    assert (report.stopped, report.left) == ("", 0)
    assert set(office.states()) <= {dead.RESOLVED, dead.REQUEUED}


def test_the_rate_is_a_pause_between_two_letters(office: Office) -> None:
    _some(office, 3)
    room = Room(office)
    room.run(Orders(rate=Decimal(30)))
    assert room.slept == [2.0, 2.0]


def test_a_rising_failure_rate_stops_the_run(office: Office) -> None:
    _some(office, 10)
    report = Room(office, _bury_again(office)).run(Orders(rate=Decimal(60)))
    assert report.moved["requeued"] == 3
    assert report.stopped.startswith("3 of 3 were buried again")
    assert office.audited()[-1] == "requeue.ended"


def test_a_run_that_is_killed_is_simply_run_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    _some(office, 4)
    monkeypatch.setenv("RETURNLINE_KILL_POINT", "requeue.reopened=raise:2")
    monkeypatch.setattr(kill_points, "_passed", {})
    with pytest.raises(kill_points.KilledHereError):
        Room(office).run(Orders(rate=Decimal(0)))
    assert office.states() == ["requeued", "requeued", "open", "open"]
    monkeypatch.delenv("RETURNLINE_KILL_POINT")
    report = Room(office).run(Orders(rate=Decimal(0)))
    assert report.moved == {"requeued": 2}
    assert [row["redrives"] for row in office.rows(t.dead_letters)] == [1, 1, 1, 1]


def test_a_run_that_is_killed_with_sigkill_leaves_every_letter_in_one_place(office: Office) -> None:
    _some(office, 4)
    command = [sys.executable, "-m", "console.cli", "requeue", "--yes", "--rate", "0"]
    command += ["--config", str(office.config), "--data", str(office.data)]
    env = {**os.environ, "REDIS_URL": "", "RETURNLINE_KILL_POINT": "requeue.reopened=kill:2"}
    killed = subprocess.run(command, env=env, capture_output=True, timeout=BOUND, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert office.states() == ["requeued", "requeued", "open", "open"]
    assert office.run("requeue --yes --rate 0").exit_code == 0
    assert [row["redrives"] for row in office.rows(t.dead_letters)] == [1, 1, 1, 1]
    assert [row["state"] for row in office.rows(t.effects)] == [EffectState.WITHDRAWN] * 4


def test_of_two_runs_over_the_same_letters_each_letter_belongs_to_one(office: Office) -> None:
    _some(office, 3)
    rows = preview(office.ledger, ALL).rows

    def the_other() -> None:
        with office.ledger.write() as conn:
            requeue(conn, rows[2], "bob", "other", office.now)

    report = Room(office, the_other).run(Orders(rate=Decimal(60)))
    assert report.moved == {"requeued": 2, "moved by somebody else": 1}
    assert [row["redrives"] for row in office.rows(t.dead_letters)] == [1, 1, 1]


def test_after_one_lost_hint_the_rest_is_left_to_the_sweep(office: Office) -> None:
    _some(office, 4)
    room = Room(office, hints=False)
    assert room.run(Orders(rate=Decimal(0))).hints_lost == 4
    assert len(room.rung) == 1


def test_a_requeued_letter_that_waits_for_its_entry_is_no_failure(office: Office) -> None:
    _some(office, 1)
    parked = {"state": "parked", "due_at": office.now + timedelta(hours=1), "lease_until": None}
    report = Room(office, lambda: office.change(t.entries, **parked)).run(Orders(canary=1))
    assert (report.stopped, dict(report.verdicts)) == ("", {"waits": 1})


def test_an_effect_that_was_never_sent_is_planned_again(office: Office) -> None:
    office.dead_effect("7001", state=EffectState.UNCERTAIN)
    office.change(t.effects, sends=0, step_sends=0, sent_at=None)
    Room(office).run(Orders())
    (effect,) = office.rows(t.effects)
    assert (effect["state"], effect["due_at"]) == (EffectState.PLANNED, office.now)


def test_a_requeued_uncertain_effect_may_be_sent_once_more_at_most(office: Office) -> None:
    office.dead_effect("7001", state=EffectState.UNCERTAIN)
    Room(office).run(Orders())
    (effect,) = office.rows(t.effects)
    assert (effect["state"], effect["lookups"], effect["step_sends"]) == (EffectState.UNCERTAIN, 0, 1)


def test_a_discarded_reading_is_not_buried_anew_for_the_same_cause(office: Office) -> None:
    letter = dead.Letter("alder", "intake", "read", ConcernType.SCHEMA_INVALID, "units: missing", subject="7001")
    with office.ledger.write() as conn:
        first = dead.bury(conn, letter, office.now)
        discard(conn, find(conn, ALL)[0], "ann", "known", office.now)
        assert dead.bury(conn, letter, office.now) == first
    assert office.states() == [dead.DISCARDED]
