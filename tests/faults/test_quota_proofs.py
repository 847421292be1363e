"""The quota against the practice world's own call log: never broken by many processes, never wasted, money first."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Barrier
from typing import Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from pipeline.calls.quota import Priority, Quota, QuotaWait
from pipeline.cin7 import Cin7, Cin7Access
from pipeline.settings.values import Cin7Settings
from schemas.concerns import ConcernType
from tasks.polls import quota_watch
from tasks.stages import sweep
from tests.faults import installing
from tests.faults.installing import Installing
from tests.faults.metadata import fault
from tests.sandbox_server import SandboxHandle
from tests.tasks.practice import SHOP, Bench
from tests.valkey_server import ValkeyHandle
from tests.waiting import BOUND

install, own_valkey = installing.install, installing.own_valkey


LIMIT, WINDOW, JITTER, RESERVE = 60, 3.0, 0.02, 15
BUDGET = ConcernType.RATE_BUDGET_EXHAUSTED.value


def access(world: SandboxHandle) -> Cin7Access:
    told = world.control.get("/settings").json()
    return Cin7Access(
        account_id=told["cin7_account_id"], application_key=told["cin7_keys"][0], base_url=world.cin7_url, patience=0.5
    )


def client_of(opens: Cin7Access, redis_url: str, skew: float) -> Cin7:
    """A client on a host whose clock is wrong by so many seconds."""
    real = time.time
    time.time = lambda: real() + skew
    link = redis.Redis.from_url(redis_url, retry=Retry(NoBackoff(), 0))
    quota = Quota(link, opens.application_key, limit=LIMIT, window=WINDOW, margin=0, reserve=RESERVE, jitter=JITTER)
    return Cin7(opens, quota, clock=lambda: datetime.now(UTC) + timedelta(seconds=skew))


def hammer(
    opens: Cin7Access,
    redis_url: str,
    skew: float,
    priority: Priority,
    pause: float,
    seconds: float,
    go: Barrier,
    out: Any,
) -> None:
    """One process of many: calls as fast as it is let, and says how long each call waited for its slot."""
    cin7 = client_of(opens, redis_url, skew)
    waits: list[float] = []
    go.wait()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        try:
            cin7.locations(priority=priority)
        except QuotaWait:
            continue
        waits.append(time.monotonic() - began)
        time.sleep(pause)
    out.put((priority.value, waits))


def crowd(
    opens: Cin7Access, redis_url: str, seconds: float, *members: tuple[float, Priority, float]
) -> dict[str, list[float]]:
    """Let processes of (skew, priority, pause) hammer together; gives the waits of each priority."""
    context = multiprocessing.get_context("spawn")
    out: Any = context.Queue()
    go = context.Barrier(len(members))
    crew = [context.Process(target=hammer, args=(opens, redis_url, *member, seconds, go, out)) for member in members]
    for one in crew:
        one.start()
    waits: dict[str, list[float]] = {}
    for _ in crew:
        priority, mine = out.get(timeout=BOUND)
        waits.setdefault(priority, []).extend(mine)
    for one in crew:
        one.join(BOUND)
    return waits


def arrivals(world: SandboxHandle) -> list[float]:
    return sorted(call["monotonic"] for call in world.control.get("/calls", params={"system": "cin7"}).json())


def worst(stamps: Sequence[float], window: float) -> int:
    """The most calls that any window of this length saw."""
    return max(sum(1 for later in stamps[n:] if later - first < window) for n, first in enumerate(stamps))


def period(stamps: Sequence[float]) -> float:
    """Seconds in which the limit is used up once, while there is a backlog."""
    rounds = (len(stamps) - 1) // LIMIT
    return (stamps[rounds * LIMIT] - stamps[0]) / rounds


@pytest.fixture
def empty_log(install: Installing, valkey: ValkeyHandle, world: SandboxHandle) -> str:
    install(valkey)
    world.control.delete("/calls")
    return valkey.url


@fault(
    "F80 F81",
    "four processes hammer, their clocks an hour and seconds apart",
    "never more calls than allowed; ≥ 97 % used",
)
def test_many_hosts_with_wrong_clocks_never_break_the_limit_and_waste_next_to_nothing(
    world: SandboxHandle, empty_log: str
) -> None:
    skews = (0.0, 5.0, -5.0, 3600.0)
    crowd(access(world), empty_log, 3 * WINDOW + 0.5, *((skew, Priority.MONEY, 0.0) for skew in skews))
    stamps = arrivals(world)
    assert worst(stamps, WINDOW) <= LIMIT
    # What a round costs beyond its window is the same few milliseconds in a window of a minute.
    beyond = period(stamps) - WINDOW - JITTER
    real, product = Cin7Settings("a", "k"), Quota(redis.Redis(), "k")
    used = product.allowed / real.limit * real.window / (real.window + product.jitter + beyond)
    assert used >= 0.97, f"{used:.1%} of the calls used; {beyond:.3f} s lost in a round"


@fault("F83 F85", "bulk sync takes every call it may get", "money waits less than 2 s for a slot; bulk goes on")
def test_money_is_let_through_while_bulk_saturates(world: SandboxHandle, empty_log: str) -> None:
    bulk = (0.0, Priority.BULK, 0.0)
    waits = crowd(access(world), empty_log, 2 * WINDOW, bulk, bulk, (0.0, Priority.MONEY, 0.3))
    assert max(waits["money"]) < 2.0
    assert len(waits["money"]) >= 10
    assert len(waits["bulk"]) >= LIMIT - RESERVE
    assert worst(arrivals(world), WINDOW) <= LIMIT


@fault("F84", "the limit is lowered while calls are made", "no more than the new limit from the next call on")
def test_a_limit_lowered_while_we_work_is_kept_at_once(empty_log: str) -> None:
    with redis.Redis.from_url(empty_log) as link:
        before, after = (Quota(link, "k", limit=limit, margin=0, window=30.0) for limit in (20, 12))
        for _ in range(11):
            before.acquire(Priority.MONEY, 0)
        after.acquire(Priority.MONEY, 0)
        with pytest.raises(QuotaWait):
            after.acquire(Priority.MONEY, 0)


@fault("F26 F28", "Redis forgets the calls of this minute: rolled back, flushed", "they are counted all the same")
@pytest.mark.parametrize("forget", ["rolled back", "flushed"])
def test_a_redis_that_forgot_calls_does_not_give_the_window_back(empty_log: str, forget: str) -> None:
    with redis.Redis.from_url(empty_log) as link:
        quota = Quota(link, "k", limit=10, margin=0, window=30.0)
        for _ in range(7):
            quota.acquire(Priority.MONEY, 0)
        if forget == "flushed":
            link.flushall()
        else:
            assert link.zremrangebyrank(quota._keys[0], 2, -1) == 5
        for _ in range(3):
            quota.acquire(Priority.MONEY, 0)
        with pytest.raises(QuotaWait):
            quota.acquire(Priority.MONEY, 0)


def due(bench: Bench) -> tuple[str, str]:
    order = bench.desk.sell()
    rma = bench.desk.open_return(order)
    bench.take(rma)
    return order, rma


@fault(
    "F59 F48",
    "Cin7 refuses a call although we kept the limit: somebody else uses the key",
    "waits; RATE_BUDGET_EXHAUSTED",
)
def test_a_stranger_on_our_key_makes_us_wait_and_say_so(install: Installing, valkey: ValkeyHandle) -> None:
    bench = install(valkey, intervals="quota_patience = 0.3")
    order, rma = due(bench)
    bench.desk.fault("throttle", system="cin7", retry_after="2")
    assert bench.consume(rma) == "parked"
    bench.desk.forget_calls()
    assert bench.later(rma, 3) == "parked"
    assert bench.desk.calls("cin7") == []
    quota_watch.watch(bench.parts, SHOP)
    (told,) = bench.exceptions(BUDGET)
    assert (told["owner"], "somebody else uses our application key" in told["cause"]) == ("engineering", True)
    time.sleep(2.1)
    assert bench.later(rma, 31) == "settled"
    assert len(bench.desk.notes(order)) == 1


@fault("F59", "the stranger is gone", "RATE_BUDGET_EXHAUSTED closes by itself after five quiet windows")
def test_the_exception_about_a_stranger_closes_by_itself(install: Installing, valkey: ValkeyHandle) -> None:
    bench = install(valkey)
    bench.parts.shop(SHOP).cin7_quota.hold(0.1)
    quota_watch.watch(bench.parts, SHOP)
    bench.clock.forward(250)
    quota_watch.watch(bench.parts, SHOP)
    assert len(bench.exceptions(BUDGET)) == 1
    bench.clock.forward(60)
    quota_watch.watch(bench.parts, SHOP)
    assert bench.exceptions(BUDGET) == []
    bench.parts.shop(SHOP).cin7_quota.hold(0.1)
    quota_watch.watch(bench.parts, SHOP)
    assert len(bench.exceptions(BUDGET)) == 1


@fault(
    "F59", "ReturnGO's calls of the day are used up", "bulk waits for midnight, money goes on, and finance need not ask"
)
def test_a_used_up_day_is_told_and_forgotten_at_midnight(install: Installing, valkey: ValkeyHandle) -> None:
    bench = install(valkey)
    day = bench.parts.shop(SHOP).returngo_quota
    day.limit, day.reserve = 4, 2
    for _ in range(2):
        day.acquire(Priority.BULK, 0)
    quota_watch.watch(bench.parts, SHOP)
    assert "2 of today's 4 ReturnGO calls" in bench.exceptions(BUDGET)[0]["cause"]
    day.acquire(Priority.MONEY, 0)
    bench.redis.hset(day._keys[0], mapping={"day": "1", "used": "0"})
    quota_watch.watch(bench.parts, SHOP)
    assert bench.exceptions(BUDGET) == []


@fault("F82", "Redis is gone", "nothing is sent to anybody; work goes on by itself when it is back")
def test_without_redis_nothing_is_sent(install: Installing, own_valkey: ValkeyHandle) -> None:
    bench = install(own_valkey)
    order, rma = due(bench)
    bench.desk.forget_calls()
    own_valkey.kill()
    assert bench.consume(rma) == "parked"
    bench.nudge(rma)
    bench.read()
    with pytest.raises(redis.RedisError):
        sweep.tick(bench.parts)
    assert bench.desk.calls("cin7") == []
    assert bench.desk.calls("returngo") == []
    assert bench.letters() == []
    own_valkey.restart()
    bench.clock.forward(31)
    sweep.tick(bench.parts)
    assert bench.later(rma, 31) == "settled"
    assert len(bench.desk.notes(order)) == 1
