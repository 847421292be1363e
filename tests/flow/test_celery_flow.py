"""Returns through real Celery workers on the embedded server, while deliveries double, workers die and Valkey goes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flow.celery_line import CeleryLine, celery_line

pytestmark = [pytest.mark.flow, pytest.mark.timeout(180)]
WORKER = "worker credit-notes"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CeleryLine]:
    with celery_line(tmp_path_factory.mktemp("celery")) as it:
        yield it


@pytest.fixture
def it(running: CeleryLine) -> Iterator[CeleryLine]:
    yield running
    running.webhooks(webhook_duplicated=0.0, webhook_reordered=0.0)
    running.stage.desk.delete("/faults")


def test_a_return_whose_webhooks_all_come_twice_is_credited_once(it: CeleryLine) -> None:
    it.webhooks(webhook_duplicated=1.0)
    order = it.sell()
    before, rma = it.on_hand(), it.give_back(order)
    it.wait_credited(rma)
    assert (it.notes(rma), it.drafts(), it.lost()) == ({rma: 1}, [], [])
    assert it.on_hand() == before + 1
    copies = [one for one in it.stage.desk.get("/returngo/deliveries")["attempts"] if rma in one["body"]]
    assert len({one["delivery_id"] for one in copies}) * 2 == len(copies)


def test_webhooks_out_of_order_make_one_note_for_each_return_of_an_order(it: CeleryLine) -> None:
    it.webhooks(webhook_reordered=1.0)
    order = it.sell(3)
    before = it.on_hand()
    rmas = [it.give_back(order) for _ in range(3)]
    it.wait_credited(*rmas)
    assert (it.notes(*rmas), it.drafts(), it.lost()) == (dict.fromkeys(rmas, 1), [], [])
    assert it.on_hand() == before + 3


def test_a_worker_killed_while_cin7_works_on_its_note_leaves_exactly_one(it: CeleryLine) -> None:
    """The whole process dies with the request open; Cin7 has done the work and nobody heard the answer."""
    it.stage.desk.post(
        "/faults",
        {"system": "cin7", "kind": "timeout_after", "method": "POST", "path": "/sale/creditnote", "seconds": 3.0},
    )
    rma = it.give_back(it.sell())
    it.until(lambda: [] if it.notes(rma)[rma] else [rma], "no note")
    dead = it.kill(WORKER)
    it.wait_credited(rma)
    assert it.pid_of(WORKER) not in (0, dead)
    assert (it.notes(rma), it.drafts()) == ({rma: 1}, [])


def test_a_valkey_killed_in_the_middle_loses_nothing_and_doubles_nothing(it: CeleryLine) -> None:
    rmas = [it.give_back(it.sell()) for _ in range(3)]
    dead = it.kill("valkey")
    rmas += [it.give_back(it.sell()) for _ in range(3)]
    it.wait_credited(*rmas)
    assert it.pid_of("valkey") not in (0, dead)
    assert (it.notes(*rmas), it.drafts(), it.lost()) == (dict.fromkeys(rmas, 1), [], [])
    assert it.window.look().undecided == 0


def test_a_worker_killed_between_the_answer_and_the_ledger_leaves_exactly_one_note(tmp_path: Path) -> None:
    died = tmp_path / "died"
    armed = {"RETURNLINE_KILL_POINT": "effect.answered=kill", "RETURNLINE_KILL_ONCE": str(died)}
    with celery_line(tmp_path, armed) as it:
        rma = it.give_back(it.sell())
        it.wait_credited(rma)
        assert died.exists()
        assert (it.notes(rma), it.drafts(), it.window.look().undecided) == ({rma: 1}, [], 0)
