"""Taking from the inbox: what a dead intake left is taken again, and an empty Redis needs no care."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from redis import Redis

from pipeline.inbox import Inbox
from tests.valkey_server import running_valkey


@pytest.fixture(scope="module")
def server() -> Iterator[Redis]:
    with running_valkey() as valkey, Redis.from_url(valkey.url) as client:
        yield client


@pytest.fixture
def redis(server: Redis) -> Redis:
    server.flushall()
    return server


def put(redis: Redis, name: str, body: bytes = b"{}") -> None:
    fields = {"delivery": name, "shop": "alder", "source": "cin7", "topic": "Sale/Undo", "nudge": "", "body": body}
    more = {"received_at": "2026-03-02T09:30:00+00:00", "content_type": "application/json", "headers": "{}"}
    redis.xadd("t:inbox", {**fields, **more})  # type: ignore[dict-item]


def taken(inbox: Inbox, count: int = 100, consumer: str = "a") -> list[str]:
    return [entry.delivery_id for entry in inbox.take(count, consumer)]


def test_an_empty_inbox_gives_nothing(redis: Redis) -> None:
    inbox = Inbox(redis, "t:")
    assert inbox.take(10, "a") == []
    assert inbox.depth().waiting == inbox.depth().pending == 0


def test_entries_come_oldest_first_and_at_most_as_many_as_asked(redis: Redis) -> None:
    for number in range(30):
        put(redis, f"d{number}")
    inbox = Inbox(redis, "t:")
    assert taken(inbox, 20) == [f"d{number}" for number in range(20)]
    assert taken(inbox, 20) == [f"d{number}" for number in range(20, 30)]


def test_what_an_intake_holds_is_not_given_to_another(redis: Redis) -> None:
    put(redis, "d1")
    inbox = Inbox(redis, "t:", idle_ms=60_000)
    assert (taken(inbox, consumer="a"), taken(inbox, consumer="b")) == (["d1"], [])


def test_what_a_dead_intake_left_is_taken_again_and_counted(redis: Redis) -> None:
    put(redis, "d1")
    inbox = Inbox(redis, "t:", idle_ms=0)
    counts = [inbox.take(10, name)[0].deliveries_count for name in ("a", "b", "a")]
    assert counts == [1, 2, 3]


def test_left_over_entries_come_before_new_ones(redis: Redis) -> None:
    put(redis, "old")
    inbox = Inbox(redis, "t:", idle_ms=0)
    inbox.take(1, "dead")
    put(redis, "new")
    assert taken(inbox, consumer="b") == ["old", "new"]


def test_many_left_over_entries_are_all_found(redis: Redis) -> None:
    for number in range(200):
        put(redis, f"d{number}")
    Inbox(redis, "t:").take(200, "dead")
    assert len(taken(Inbox(redis, "t:", idle_ms=0), 200, "b")) == 200


def test_done_entries_are_gone_and_done_may_be_repeated(redis: Redis) -> None:
    put(redis, "d1")
    inbox = Inbox(redis, "t:", idle_ms=0)
    entries = inbox.take(10, "a")
    assert (inbox.done(entries), inbox.done(entries), inbox.done([])) == (1, 0, 0)
    assert (redis.xlen("t:inbox"), taken(inbox)) == (0, [])


def test_the_inbox_works_on_after_flushall(redis: Redis) -> None:
    inbox = Inbox(redis, "t:")
    put(redis, "d1")
    entries = inbox.take(10, "a")
    redis.flushall()
    assert inbox.done(entries) == 0
    put(redis, "d2")
    assert taken(inbox) == ["d2"]


def test_entries_that_came_before_the_first_intake_are_taken(redis: Redis) -> None:
    put(redis, "early")
    assert taken(Inbox(redis, "t:")) == ["early"]


def test_depth_tells_waiting_pending_and_the_age_of_the_oldest(redis: Redis) -> None:
    inbox = Inbox(redis, "t:")
    seconds = int(redis.time()[0])
    put(redis, "now")
    redis.delete("t:inbox")
    redis.xadd("t:inbox", {"delivery": "d"}, id=f"{(seconds - 90) * 1000}-0")
    assert inbox.depth().oldest_age_seconds == pytest.approx(90, abs=5)
    redis.delete("t:inbox")
    for number in range(5):
        put(redis, f"d{number}")
    inbox.take(2, "a")
    assert (inbox.depth().waiting, inbox.depth().pending) == (3, 2)


def test_a_batch_stops_early_when_the_bodies_are_large(redis: Redis) -> None:
    for number in range(40):
        put(redis, f"d{number}", b"x" * 1024 * 1024)
    inbox = Inbox(redis, "t:")
    first = taken(inbox)
    assert 16 <= len(first) <= 24
    assert first + taken(inbox) + taken(inbox) == [f"d{number}" for number in range(40)]


def test_an_entry_that_is_not_ours_does_not_stop_the_others(redis: Redis) -> None:
    redis.xadd("t:inbox", {"something": "else"})
    put(redis, "d1")
    inbox = Inbox(redis, "t:")
    entries = inbox.take(10, "a")
    assert [entry.delivery_id for entry in entries] == [f"x-{entries[0].stream_id}", "d1"]
    assert inbox.done(entries) == 2


def test_two_intakes_share_the_work_without_overlap(redis: Redis) -> None:
    for number in range(300):
        put(redis, f"d{number}")
    got: dict[str, list[str]] = {"a": [], "b": []}

    def work(name: str) -> None:
        inbox = Inbox(Redis(connection_pool=redis.connection_pool), "t:")
        while entries := inbox.take(7, name):
            got[name] += [entry.delivery_id for entry in entries]
            inbox.done(entries)

    threads = [threading.Thread(target=work, args=(name,)) for name in got]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got["a"] + got["b"]) == sorted(f"d{number}" for number in range(300))


def test_a_client_that_decodes_is_refused_because_bodies_are_bytes() -> None:
    with pytest.raises(ValueError, match="decode_responses is on"):
        Inbox(Redis(decode_responses=True), "t:")


def test_asking_for_nothing_is_a_mistake(redis: Redis) -> None:
    with pytest.raises(ValueError, match="count: less than 1"):
        Inbox(redis, "t:").take(0, "a")
