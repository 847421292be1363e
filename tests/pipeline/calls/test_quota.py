from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from multiprocessing.synchronize import Barrier
from typing import Any

import fakeredis
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from pipeline.calls.quota import DailyQuota, Priority, Quota, QuotaUnavailable, QuotaWait, key_name
from tests.valkey_server import ValkeyHandle, running_valkey
from tests.waiting import BOUND

LIMIT, WINDOW, SECONDS, PROCESSES = 30, 1.0, 5.0, 4


@pytest.fixture(scope="module")
def server() -> Iterator[ValkeyHandle]:
    with running_valkey() as handle:
        yield handle


@pytest.fixture
def valkey(server: ValkeyHandle) -> Iterator[redis.Redis]:
    connection = redis.Redis.from_url(server.url)
    connection.flushall()
    yield connection
    connection.close()


def taken(quota: Quota, priority: Priority, tries: int = 200) -> int:
    for count in range(tries):
        try:
            quota.acquire(priority, 0)
        except QuotaWait:
            return count
    return tries


def names_of(connection: redis.Redis, end: str) -> list[str]:
    names: list[Any] = connection.keys("*")
    return [name.decode() for name in names if name.decode().endswith(end)]


def hammer(url: str, barrier: Barrier, number: int, out: multiprocessing.Queue[list[float]]) -> None:
    """One process of many: takes slots as fast as it can and says when it sent. Spends a little time in flight."""
    quota = Quota(redis.Redis.from_url(url), "k", limit=LIMIT, window=WINDOW, margin=0, reserve=10, jitter=0.005)
    priority = Priority.MONEY if number % 2 else Priority.BULK
    sent: list[float] = []
    barrier.wait()
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        try:
            slot = quota.acquire(priority, max(end - time.monotonic(), 0), in_flight=1.0)
        except QuotaWait:
            break
        time.sleep(0.003)
        sent.append(time.monotonic())
        slot.arrived()
    out.put(sent)


def test_many_processes_never_break_the_limit_and_use_nearly_all_of_it(
    server: ValkeyHandle, valkey: redis.Redis
) -> None:
    context = multiprocessing.get_context("spawn")
    out: multiprocessing.Queue[list[float]] = context.Queue()
    barrier = context.Barrier(PROCESSES)
    crew = [context.Process(target=hammer, args=(server.url, barrier, n, out)) for n in range(PROCESSES)]
    for one in crew:
        one.start()
    sent = sorted(stamp for _ in crew for stamp in out.get(timeout=BOUND))
    for one in crew:
        one.join(timeout=BOUND)
    worst = max(sum(1 for later in sent[n:] if later - first < WINDOW) for n, first in enumerate(sent))
    assert worst <= LIMIT
    # A slot that is given back late costs every round; a busy machine costs some of them.
    assert min(later - first for first, later in zip(sent, sent[LIMIT:], strict=False)) <= WINDOW / 0.97


def test_bulk_leaves_the_reserve_and_money_takes_it(valkey: redis.Redis) -> None:
    quota = Quota(valkey, "k", limit=60, margin=2, reserve=15)
    assert taken(quota, Priority.BULK) == 60 - 2 - 15
    assert taken(quota, Priority.MONEY) == 15


def test_bulk_is_never_starved_completely(valkey: redis.Redis) -> None:
    quota = Quota(valkey, "k", limit=20, margin=0, reserve=10, bulk_floor=2)
    for _ in range(15):
        quota.acquire(Priority.MONEY, 0)
    assert taken(quota, Priority.BULK) == 2


def test_a_slot_in_flight_counts_until_it_has_arrived(valkey: redis.Redis) -> None:
    quota = Quota(valkey, "k", limit=1, window=0.2, margin=0, jitter=0)
    slot = quota.acquire(Priority.MONEY, 0, in_flight=30)
    time.sleep(0.25)
    with pytest.raises(QuotaWait):
        quota.acquire(Priority.MONEY, 0)
    slot.arrived()
    quota.acquire(Priority.MONEY, BOUND)


def test_a_caller_is_told_how_long_to_wait(valkey: redis.Redis) -> None:
    quota = Quota(valkey, "k", limit=1, margin=0, jitter=0)
    quota.acquire(Priority.MONEY, 0)
    with pytest.raises(QuotaWait) as caught:
        quota.acquire(Priority.MONEY, 0.01)
    assert 30 < caught.value.seconds <= 60


def test_every_lane_stops_while_the_provider_says_so_and_the_stranger_is_counted(valkey: redis.Redis) -> None:
    quota = Quota(valkey, "k")
    assert quota.hold(None) == 60.0
    quota.hold(5.0)
    with pytest.raises(QuotaWait) as caught:
        quota.acquire(Priority.MONEY, 0)
    usage = quota.usage()
    assert caught.value.seconds > 30
    assert (usage.throttles, usage.foreign) == (2, 2)
    assert usage.held > 30


def test_two_calls_keep_their_distance(valkey: redis.Redis) -> None:
    quota = Quota(valkey, "k", min_gap=2.0)
    quota.acquire(Priority.MONEY, 0)
    with pytest.raises(QuotaWait):
        quota.acquire(Priority.MONEY, 0)
    quota.acquire(Priority.MONEY, BOUND)


def test_two_application_keys_do_not_share_a_window_and_neither_is_readable(valkey: redis.Redis) -> None:
    Quota(valkey, "secret-one", limit=1, margin=0).acquire(Priority.MONEY, 0)
    Quota(valkey, "secret-two", limit=1, margin=0).acquire(Priority.MONEY, 0)
    assert not any("secret" in name for name in names_of(valkey, ""))
    assert key_name("quota", "secret-one") != key_name("quota", "secret-two")


def test_without_redis_nobody_may_call() -> None:
    gone = redis.Redis(host="127.0.0.1", port=1, socket_timeout=0.2, retry=Retry(NoBackoff(), 0))
    for gate in (Quota(gone, "k"), DailyQuota(gone, "k")):
        with pytest.raises(QuotaUnavailable, match="nothing is sent"):
            gate.acquire(Priority.MONEY, 0)
        with pytest.raises(QuotaUnavailable):
            gate.usage()


def test_a_slot_taken_before_redis_went_is_given_back_without_a_sound() -> None:
    server = fakeredis.FakeServer()
    quota = Quota(fakeredis.FakeRedis(server=server), "k")
    slot = quota.acquire(Priority.MONEY, 0, in_flight=5)
    server.connected = False
    slot.arrived()


def test_a_flushed_redis_does_not_give_the_window_back(valkey: redis.Redis) -> None:
    quota, other = Quota(valkey, "k", limit=10, margin=0), Quota(valkey, "k", limit=10, margin=0)
    for _ in range(4):
        quota.acquire(Priority.MONEY, 0)
    other.acquire(Priority.MONEY, 0)
    valkey.flushall()
    assert taken(quota, Priority.MONEY) + taken(other, Priority.MONEY) <= 10 - 4


def test_a_limit_that_leaves_no_call_is_refused() -> None:
    with pytest.raises(ValueError, match="raise the limit"):
        Quota(fakeredis.FakeRedis(), "k", limit=2, margin=2)


def test_the_day_has_its_limit_and_bulk_stops_before_money(valkey: redis.Redis) -> None:
    quota = DailyQuota(valkey, "k", limit=10, reserve=4)
    for _ in range(6):
        quota.acquire(Priority.BULK, 0)
    with pytest.raises(QuotaWait):
        quota.acquire(Priority.BULK, 0)
    for _ in range(4):
        quota.acquire(Priority.MONEY, 0)
    with pytest.raises(QuotaWait) as caught:
        quota.acquire(Priority.MONEY, 0)
    assert 0 < caught.value.seconds <= 86_400
    assert quota.usage().used == 10


def test_a_new_day_starts_from_nothing(valkey: redis.Redis) -> None:
    quota = DailyQuota(valkey, "k", limit=1)
    quota.acquire(Priority.MONEY, 0)
    name = names_of(valkey, ":day")[0]
    valkey.hset(name, "day", "1")
    quota.acquire(Priority.MONEY, 0)


def test_back_off_grows_until_the_provider_answers_again(valkey: redis.Redis) -> None:
    quota = DailyQuota(valkey, "k", longest=10)
    assert [quota.hold(None) for _ in range(5)] == [2, 4, 8, 10, 10]
    valkey.delete(*names_of(valkey, ":hold"))
    quota.acquire(Priority.MONEY, 0).arrived(answered=True)
    assert quota.hold(None) == 2
