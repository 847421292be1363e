"""What a broker may do to us: forget, go back in time, fill up, say things twice. The ledger is the truth."""

from __future__ import annotations

import json
import resource
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis

from pipeline.calls.quota import QuotaUnavailable
from tasks.polls import broker_age
from tasks.stages import consume, sweep
from tests.faults import installing
from tests.faults.installing import Installing
from tests.faults.metadata import fault
from tests.pipeline.ingress.ingress_process import RETURNGO, running_ingress, settings_for
from tests.tasks.practice import PREFIX, Bench
from tests.valkey_server import ValkeyHandle
from tests.waiting import BOUND, until

install, own_valkey = installing.install, installing.own_valkey


TOLD = "QUEUE_ROLLED_BACK"


def arrive(bench: Bench, *, kind: str = "Simple Sale") -> tuple[str, str]:
    """A return comes in by webhook; gives its order and number."""
    order = bench.desk.sell(kind=kind)
    rma = bench.desk.open_return(order)
    bench.deliver(json.dumps({"rmaId": int(rma)}).encode(), delivery_id=f"d-{rma}", topic="RMA_APPROVED")
    return order, rma


def work(bench: Bench, *rmas: str) -> None:
    """Admit, read and work through every entry that is due, as workers and beat would."""
    bench.admit()
    bench.read()
    for rma in rmas:
        for _ in range(4):
            bench.later(rma, 31)


def well(bench: Bench, *pairs: tuple[str, str]) -> None:
    """Each return is settled, with exactly one authorised note in the books."""
    states = {rma: bench.entry(rma)["state"] for _, rma in pairs}
    assert states == {rma: "settled" for _, rma in pairs}
    assert [len(bench.desk.notes(order)) for order, _ in pairs] == [1] * len(pairs)


@fault("F28", "FLUSHALL after the events were admitted", "nothing; the hints come again, and engineering is told")
def test_a_flushed_broker_is_boring_once_events_are_admitted(install: Installing, valkey: ValkeyHandle) -> None:
    bench = install(valkey)
    sweep.tick(bench.parts)
    order, rma = arrive(bench)
    bench.admit()
    bench.read()
    bench.redis.flushall()
    sweep.tick(bench.parts)
    assert bench.hints("credit-notes") == 1
    assert bench.consume(rma) == "settled"
    well(bench, (order, rma))


@fault("F28", "FLUSHALL while an event lies in the inbox", "the status sweep finds the return; QUEUE_ROLLED_BACK opens")
def test_what_a_flush_took_before_it_was_admitted_is_found_by_the_sweep(
    install: Installing, valkey: ValkeyHandle
) -> None:
    bench = install(valkey)
    sweep.tick(bench.parts)
    order, rma = arrive(bench)
    bench.redis.flushall()
    bench.clock.forward(5)
    sweep.tick(bench.parts)
    work(bench, rma)
    well(bench, (order, rma))


@fault("F28", "FLUSHALL", "QUEUE_ROLLED_BACK closes by itself once every open return was read again")
def test_the_exception_about_a_flush_closes_by_itself(install: Installing, valkey: ValkeyHandle) -> None:
    bench = install(valkey)
    sweep.tick(bench.parts)
    bench.redis.flushall()
    assert broker_age.watch(bench.parts) == "behind"
    assert [row["owner"] for row in bench.exceptions(TOLD)] == ["engineering"]
    assert broker_age.watch(bench.parts) == ""
    assert len(bench.exceptions(TOLD)) == 1
    bench.clock.forward(5)
    sweep.tick(bench.parts)
    sweep.tick(bench.parts)
    assert bench.exceptions(TOLD) == []


@fault("F26 F28", "a live effect while Redis forgets", "it is looked up by a call of its own before it is sent")
def test_after_a_loss_every_live_effect_is_looked_up_before_it_is_sent(
    install: Installing, valkey: ValkeyHandle
) -> None:
    bench = install(valkey)
    sweep.tick(bench.parts)
    order, rma = arrive(bench)
    bench.admit()
    bench.read()
    bench.desk.fault("throttle", system="cin7", method="POST", path="creditnote", retry_after="1")
    assert bench.consume(rma) == "parked"
    bench.redis.flushall()
    sweep.tick(bench.parts)
    (effect,) = [one for one in bench.effects(rma) if one["kind"] == "credit"]
    assert effect["reconcile_first"]
    bench.desk.forget_calls()
    assert bench.later(rma, 120) == "settled"
    well(bench, (order, rma))
    calls = [(call["method"], call["path"].rpartition("/")[2]) for call in bench.desk.calls("cin7")]
    assert calls.index(("GET", "creditnote")) < calls.index(("POST", "creditnote"))


@fault(
    "F26",
    "Redis comes back with an older append-only file",
    "QUEUE_ROLLED_BACK; every return has one note",
)
def test_a_rolled_back_broker_makes_no_second_note_and_loses_no_return(
    install: Installing, own_valkey: ValkeyHandle, tmp_path: Path
) -> None:
    bench = install(own_valkey)
    first = arrive(bench)
    sweep.tick(bench.parts)
    own_valkey.stop()
    shutil.copytree(own_valkey.folder / "appendonlydir", tmp_path / "older")
    own_valkey.restart()
    work(bench, first[1])
    lost, second = arrive(bench), arrive(bench)
    assert int(bench.redis.xtrim(f"{PREFIX}inbox", maxlen=1, approximate=False)) == 1
    work(bench, second[1])
    sweep.tick(bench.parts)
    own_valkey.kill()
    shutil.rmtree(own_valkey.folder / "appendonlydir")
    shutil.copytree(tmp_path / "older", own_valkey.folder / "appendonlydir")
    own_valkey.restart()
    bench.clock.forward(5)
    sweep.tick(bench.parts)
    assert len(bench.exceptions(TOLD)) == 1
    work(bench, first[1], second[1], lost[1])
    well(bench, first, second, lost)


def _newest_log(valkey: ValkeyHandle) -> Path:
    return max((valkey.folder / "appendonlydir").glob("*.incr.aof"), key=lambda path: path.stat().st_size)


@fault("F27", "power cut that tears the last record of the append-only file", "the torn event is found by the sweep")
def test_an_event_torn_off_the_end_of_the_log_is_found_again(install: Installing, own_valkey: ValkeyHandle) -> None:
    bench = install(own_valkey)
    sweep.tick(bench.parts)
    kept, torn = arrive(bench), arrive(bench)
    own_valkey.kill()
    log = _newest_log(own_valkey)
    with log.open("r+b") as file:
        file.truncate(log.stat().st_size - 7)
    own_valkey.restart()
    assert int(bench.redis.xlen(f"{PREFIX}inbox")) == 1
    bench.clock.forward(5)
    sweep.tick(bench.parts)
    work(bench, kept[1], torn[1])
    well(bench, kept, torn)
    assert bench.exceptions(TOLD) == []


@fault("F25", "kill -9 of Redis right after each answer", "nothing: every accepted event is there after the restart")
def test_a_killed_broker_has_every_event_it_answered_for(install: Installing, own_valkey: ValkeyHandle) -> None:
    bench = install(own_valkey)
    pairs = []
    for _ in range(3):
        pairs.append(arrive(bench))
        own_valkey.kill()
        own_valkey.restart()
    assert int(bench.redis.xlen(f"{PREFIX}inbox")) == 3
    assert broker_age.watch(bench.parts) == ""
    work(bench, *(rma for _, rma in pairs))
    well(bench, *pairs)


@fault("F15 F25", "the disk of Redis is full (file size limit)", "no answer for what was not written")
def test_a_full_disk_takes_nothing_that_was_answered_for(install: Installing, own_valkey: ValkeyHandle) -> None:
    bench = install(own_valkey)
    pair = arrive(bench)
    size = _newest_log(own_valkey).stat().st_size
    resource.prlimit(own_valkey.pid, resource.RLIMIT_FSIZE, (size, size))
    with pytest.raises(redis.RedisError):
        bench.deliver(b'{"rmaId": 1}', delivery_id="d-unanswered")
    own_valkey.kill()
    own_valkey.restart()
    assert int(bench.redis.xlen(f"{PREFIX}inbox")) == 1
    work(bench, pair[1])
    well(bench, pair)


@fault("F29 F14", "Redis is full and evicts nothing", "senders get 503 and come again; workers wait; nothing is sent")
def test_a_full_broker_refuses_senders_and_makes_workers_wait(install: Installing, own_valkey: ValkeyHandle) -> None:
    bench = install(own_valkey)
    pair = arrive(bench)
    bench.admit()
    bench.read()
    settings = settings_for(own_valkey.url, require_fsync=False)
    with running_ingress(settings) as ingress, ingress.client() as door:
        until("the door is open", lambda: door.post(RETURNGO, json={"rmaId": 1}).status_code == 202)
        bench.redis.config_set("maxmemory", "1")
        assert door.post(RETURNGO, json={"rmaId": 2}).status_code == 503
        bench.desk.forget_calls()
        assert bench.consume(pair[1]) == "parked"
        assert bench.desk.calls("cin7") == []
        bench.redis.config_set("maxmemory", "0")
        until("the door is open again", lambda: door.post(RETURNGO, json={"rmaId": 3}).status_code == 202)
    assert bench.later(pair[1], 31) == "settled"
    well(bench, pair)


@fault("F24 F36", "one hint published ten times, three workers at once", "one note")
def test_a_hint_published_many_times_makes_one_note(install: Installing, valkey: ValkeyHandle) -> None:
    bench = install(valkey)
    order, rma = arrive(bench)
    bench.admit()
    bench.read()
    entry_id = bench.entry(rma)["id"]
    crew = [bench.worker() for _ in range(3)]
    with ThreadPoolExecutor(3) as threads:
        exits = list(threads.map(lambda n: consume.run(crew[n % 3], entry_id), range(10)))
    assert exits.count("settled") == 1
    assert set(exits) == {"settled", "not due"}
    well(bench, (order, rma))


@fault("F32b", "kill -9 of Redis while the credit note is being posted", "one note, finished when Redis is back")
def test_redis_killed_during_the_post_costs_nothing(install: Installing, own_valkey: ValkeyHandle) -> None:
    bench = install(own_valkey, write_deadline=6.0)
    order, rma = arrive(bench, kind="Advanced Sale")
    bench.admit()
    bench.read()
    bench.desk.fault("slow_drip", system="cin7", method="POST", path="creditnote", seconds=1.0)
    outcome: list[Any] = []
    worker = threading.Thread(target=lambda: outcome.append(bench.consume(rma)))
    worker.start()
    until("the note is being posted", lambda: bool(bench.desk.calls("cin7", "POST", "creditnote")))
    own_valkey.kill()
    worker.join(BOUND)
    assert outcome == ["parked"]
    with pytest.raises(QuotaUnavailable):
        bench.parts.shop("alder").cin7_quota.usage()
    own_valkey.restart()
    for _ in range(4):
        bench.later(rma, 31)
    well(bench, (order, rma))
