"""Real Celery workers: a message that vanishes, one that comes twice, one that cannot be read, one that kills."""

from __future__ import annotations

import base64
import json
import os
import pickle
import signal
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline.parts import HINT_SECONDS
from tasks.stages import sweep
from tests.faults import installing
from tests.faults.crew import INTERVALS, QUICK, celery_worker
from tests.faults.installing import Installing
from tests.faults.metadata import fault
from tests.tasks.practice import PREFIX, Bench
from tests.valkey_server import ValkeyHandle
from tests.waiting import until

install, own_valkey = installing.install, installing.own_valkey
pytestmark = pytest.mark.flow
QUEUE = f"{PREFIX}credit-notes"


@pytest.fixture
def bench(install: Installing, own_valkey: ValkeyHandle) -> Bench:
    """An installation whose clock runs with the workers' clock."""
    made = install(own_valkey, **QUICK)
    made.parts.clock = lambda: datetime.now(UTC)
    return made


def in_hand(bench: Bench) -> tuple[str, str, int]:
    """A return whose credit note is due; gives order, number and entry."""
    order = bench.desk.sell()
    rma = bench.desk.open_return(order)
    bench.clock.now = datetime.now(UTC)
    return order, rma, bench.take(rma)


def queued(bench: Bench) -> int:
    return int(bench.redis.llen(QUEUE))


def unacked(bench: Bench) -> int:
    return int(bench.redis.hlen(f"{PREFIX}unacked"))


def settled(bench: Bench, rma: str) -> bool:
    return bool(bench.entry(rma)["state"] == "settled")


def hint_is_given_up(bench: Bench, entry_id: int) -> None:
    """As if the time had passed after which an outstanding hint is taken for lost."""
    assert 0 < int(bench.redis.ttl(f"{PREFIX}hint:{entry_id}")) <= HINT_SECONDS
    bench.redis.delete(f"{PREFIX}hint:{entry_id}")


def message(body: bytes, headers: dict[str, Any], kind: str = "application/json") -> bytes:
    """An envelope as the broker holds it, with whatever inside."""
    told = {
        "body": base64.b64encode(body).decode(),
        "content-encoding": "utf-8",
        "content-type": kind,
        "headers": headers,
        "properties": {
            "correlation_id": "x",
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": "credit-notes"},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": uuid.uuid4().hex,
        },
    }
    return json.dumps(told).encode()


@fault("F20", "SIGKILL of an idle worker just as a message reaches it", "the message is gone; the sweep sends another")
def test_a_message_lost_on_its_way_into_a_dying_worker_costs_nothing(bench: Bench, own_valkey: ValkeyHandle) -> None:
    folder = bench.settings.data_dir.parent
    order, rma, entry_id = in_hand(bench)
    bench.redis.delete(QUEUE, f"{PREFIX}hint:{entry_id}")
    with celery_worker(folder, own_valkey.url, "-P", "solo", "-Q", "credit-notes", name="idle") as idle:
        idle.freeze()
        assert bench.parts.hint_entry(entry_id, "credit-notes")
        until("the frozen worker was handed the message", lambda: queued(bench) == 0)
        idle.kill()
    assert (queued(bench), unacked(bench)) == (0, 0)
    hint_is_given_up(bench, entry_id)
    with celery_worker(folder, own_valkey.url, "-P", "solo", "-Q", "credit-notes", name="next") as worker:
        sweep.repair(bench.parts)
        until("the return is settled", lambda: settled(bench, rma), log=worker.log)
    assert len(bench.desk.notes(order)) == 1


@fault("F23 F70", "a worker stands still until the broker gives its message to another, then wakes", "one note")
def test_a_message_given_to_a_second_worker_while_the_first_still_runs_makes_one_note(
    install: Installing, own_valkey: ValkeyHandle
) -> None:
    short = INTERVALS + "task_soft_limit = 2.6\ntask_limit = 2.7\nvisibility = 8.2\n"
    bench = install(own_valkey, **{**QUICK, "intervals": short})
    folder = bench.settings.data_dir.parent
    order, rma, _ = in_hand(bench)
    bench.desk.fault("slow_drip", system="cin7", method="GET", seconds=1.0)
    options = ("-P", "solo", "-Q", "credit-notes")
    bench.desk.forget_calls()
    with celery_worker(folder, own_valkey.url, *options, name="first", wait=False) as first:
        until("the first worker reads the sale", lambda: bool(bench.desk.calls("cin7")), log=first.log)
        first.freeze()
        assert (queued(bench), unacked(bench)) == (0, 1)
        with celery_worker(folder, own_valkey.url, *options, name="second") as second:
            until("the second has done the work", lambda: settled(bench, rma), log=second.log)
            os.killpg(first.pid, signal.SIGCONT)
            until("the first has come to an end with its own", lambda: '"consumed"' in first.log(), log=first.log)
    assert len(bench.desk.notes(order)) == 1
    assert [one["state"] for one in bench.effects(rma) if one["kind"] == "credit"] == ["CONFIRMED"]


RUN = {"task": "tasks.consume.run", "id": "1", "lang": "py"}
STRANGE = {
    "unknown task": message(b"[[],{},{}]", {"task": "tasks.nobody.knows", "id": "2", "lang": "py"}),
    "bad JSON": message(b"{not json", RUN),
    "pickle": message(pickle.dumps([[], {}, {}]), RUN, "application/x-python-serialize"),
    "wrong protocol": message(b'{"hello": 1}', {}),
    "wrong arguments": message(b'[["a", "b", "c"], {}, {}]', RUN),
    "no envelope": b'{"foo": 1}',
    "no message at all": b"\x80\x04garbage",
    "a number": b"5",
}


@fault("F30", "unknown task, bad JSON, pickle, foreign protocol, raw garbage", "a dead letter or a log line")
def test_a_worker_outlives_every_message_it_cannot_read(bench: Bench, own_valkey: ValkeyHandle) -> None:
    folder = bench.settings.data_dir.parent
    order, rma, _ = in_hand(bench)
    with celery_worker(folder, own_valkey.url, "-P", "solo", "-Q", "credit-notes") as worker:
        bench.redis.lpush(QUEUE, *STRANGE.values())
        until("all are off the queue", lambda: queued(bench) == 0 and unacked(bench) == 0, log=worker.log)
        assert worker.alive()
        bench.redis.delete(*(bench.redis.keys(f"{PREFIX}hint:*") or ["none"]))
        sweep.repair(bench.parts)
        until("the worker still works", lambda: settled(bench, rma), log=worker.log)
        log = worker.log()
    assert len(bench.desk.notes(order)) == 1
    assert {letter["subject"] for letter in bench.letters()} == {
        "credit-notes:task:tasks.nobody.knows",
        "credit-notes:message:ContentDisallowed",
        "credit-notes:message:no task message",
    }
    assert log.count("message dropped: it cannot be read") == 3


@fault(
    "F31 F32 F22",
    "work that kills the process which does it, every time",
    "quarantined after four starts",
)
def test_work_that_kills_its_worker_is_put_aside_after_a_few_starts(
    install: Installing, own_valkey: ValkeyHandle
) -> None:
    short = INTERVALS.replace("lease = 3.2", "lease = 0.7")
    bench = install(own_valkey, intervals=short, write_deadline=0.3, read_deadline=0.3)
    bench.parts.clock = lambda: datetime.now(UTC)
    folder = bench.settings.data_dir.parent
    order, rma, _ = in_hand(bench)
    options = ("-P", "prefork", "-c", "2", "-Q", "credit-notes")
    with celery_worker(folder, own_valkey.url, *options, env={"RETURNLINE_KILL_POINT": "entry.claimed=kill"}) as worker:

        def buried() -> bool:
            sweep.repair(bench.parts)
            return bool(bench.entry(rma)["starts"] >= 4)

        until("four children died of it", buried, log=worker.log)
        assert worker.alive()
        assert "signal 9" in worker.log()
    bench.clock.forward(3600)
    bench.parts.clock = bench.clock
    assert bench.consume(rma) == "buried"
    (letter,) = bench.letters()
    assert (letter["type"], letter["state"]) == ("POISON_TASK", "open")
    assert "never finished" in letter["reason"]
    assert bench.desk.notes(order) == []
    assert bench.desk.calls("cin7", "POST") == []
