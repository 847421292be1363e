"""Redis in trouble: 503 and Retry-After, never 2xx, and well again without a restart of the ingress."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import pytest
from redis import Redis
from redis.exceptions import RedisError

from tests.pipeline.ingress.fake_redis_server import scripted_redis
from tests.pipeline.ingress.ingress_process import (
    CIN7,
    JSON,
    RETURNGO,
    RunningIngress,
    command,
    kept,
    running_ingress,
    settings_for,
)
from tests.valkey_server import ValkeyHandle, running_valkey
from tests.waiting import BOUND, until

DEADLINE = 2.0


@dataclass
class Stage:
    valkey: ValkeyHandle
    redis: Redis
    ingress: RunningIngress
    door: httpx.Client


@pytest.fixture(scope="module")
def running() -> Iterator[Stage]:
    with running_valkey() as valkey, Redis.from_url(valkey.url) as redis:
        settings = settings_for(valkey.url, redis_deadline=DEADLINE, require_fsync=False)
        with running_ingress(settings) as ingress, ingress.client() as door:
            yield Stage(valkey, redis, ingress, door)


@pytest.fixture
def stage(running: Stage) -> Iterator[Stage]:
    running.redis.flushall()
    yield running
    until_taken(running.door)


def until_taken(door: httpx.Client) -> None:
    until("the ingress takes deliveries again", lambda: door.post(RETURNGO, json="well again").status_code == 202)


def assert_refused(door: httpx.Client, log: RunningIngress, fault: str) -> None:
    answer = door.post(RETURNGO, json={"rmaId": "refused"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert log.log_lines()[-1]["fault"] == fault


@contextmanager
def configured(redis: Redis, name: str, value: str, back: str) -> Iterator[None]:
    redis.config_set(name, value)
    try:
        yield
    finally:
        redis.config_set(name, back)


def test_a_killed_redis_is_503_and_a_restarted_one_is_found_again(stage: Stage) -> None:
    until_taken(stage.door)
    stage.valkey.kill()
    for _ in range(3):
        assert_refused(stage.door, stage.ingress, "down")
    assert stage.door.get("/readyz").status_code == 503
    assert stage.door.get("/healthz").status_code == 200
    stage.valkey.restart()
    until_taken(stage.door)
    assert b'{"rmaId":"refused"}' not in [entry[b"body"] for entry in kept(stage.redis)]


def test_a_full_redis_is_503_and_leaves_no_dedup_key_behind(stage: Stage) -> None:
    with configured(stage.redis, "maxmemory", "1", "0"):
        assert_refused(stage.door, stage.ingress, "OOM")
    assert stage.redis.keys("t:*") == []


def test_a_replica_is_503(stage: Stage) -> None:
    command(stage.redis, "REPLICAOF", "127.0.0.1", "1")
    try:
        assert_refused(stage.door, stage.ingress, "READONLY")
    finally:
        command(stage.redis, "REPLICAOF", "NO", "ONE")


def test_too_few_replicas_is_503(stage: Stage) -> None:
    with configured(stage.redis, "min-replicas-to-write", "1", "0"):
        assert_refused(stage.door, stage.ingress, "NOREPLICAS")


def _spin(url: str) -> None:
    with Redis.from_url(url) as client:
        try:
            client.eval("while true do end", 0)
        except RedisError:
            return


def _busy(redis: Redis) -> bool:
    try:
        return not redis.ping()
    except RedisError as error:
        return "BUSY" in str(error)


def test_a_redis_busy_with_a_script_is_503(stage: Stage) -> None:
    with configured(stage.redis, "busy-reply-threshold", "100", "5000"):
        spinner = threading.Thread(target=_spin, args=(stage.valkey.url,))
        spinner.start()
        try:
            until("the server says that it is busy", lambda: _busy(stage.redis))
            assert_refused(stage.door, stage.ingress, "BUSY")
        finally:
            command(stage.redis, "SCRIPT KILL")
            spinner.join(BOUND)


def test_a_redis_that_does_not_answer_is_503_within_the_deadline(stage: Stage) -> None:
    until_taken(stage.door)
    command(stage.redis, "CLIENT", "PAUSE", int(DEADLINE * 4000), "ALL")
    assert_refused(stage.door, stage.ingress, "timeout")


def test_a_flushed_script_cache_costs_no_delivery(stage: Stage) -> None:
    until_taken(stage.door)
    stage.redis.script_flush()
    assert stage.door.post(CIN7, json={}).status_code == 202


def test_a_connection_closed_by_the_server_is_opened_again(stage: Stage) -> None:
    until_taken(stage.door)
    command(stage.redis, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    time.sleep(0.1)
    assert stage.door.post(CIN7, json={}).status_code == 202


def test_a_wrong_type_under_our_key_is_503_and_not_500(stage: Stage) -> None:
    stage.redis.set("t:inbox", "not a stream")
    assert_refused(stage.door, stage.ingress, "WRONGTYPE")
    stage.redis.delete("t:inbox")


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        (b"-LOADING Valkey is loading the dataset in memory\r\n", "LOADING"),
        (b"-MISCONF Errors writing to the AOF file: No space left on device\r\n", "MISCONF"),
        (b"-NOAUTH Authentication required.\r\n", "NOAUTH"),
        (b"-ERR max number of clients reached\r\n", "ERR"),
        (b"+OK\r\n", "unreadable"),
        (b"*2\r\n:9\r\n$1\r\nx\r\n", "unreadable"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "protocol"),
        (b"+OK\r\n+OK\r\n", "unreadable"),
        (b"", "timeout"),
    ],
)
def test_whatever_redis_says_instead_of_yes_is_503(reply: bytes, fault: str) -> None:
    deadline = 0.5 if fault == "timeout" else BOUND
    with scripted_redis(reply) as server:
        settings = settings_for(f"redis://127.0.0.1:{server.port}/0", redis_deadline=deadline, require_fsync=False)
        with running_ingress(settings) as ingress, ingress.client() as door:
            assert_refused(door, ingress, fault)


def test_a_redis_that_does_not_fsync_before_it_answers_is_refused_until_it_does() -> None:
    with running_valkey() as valkey, Redis.from_url(valkey.url) as redis:
        redis.config_set("appendfsync", "everysec")
        with running_ingress(settings_for(valkey.url)) as ingress, ingress.client() as door:
            assert_refused(door, ingress, "NOTDURABLE")
            redis.config_set("appendfsync", "always")
            until_taken(door)


def test_a_password_and_a_database_number_are_used() -> None:
    with running_valkey() as valkey, Redis.from_url(valkey.url) as redis:
        command(redis, "ACL", "SETUSER", "door", "on", ">p@ss:word", "~*", "&*", "+@all")
        command(redis, "ACL", "SETUSER", "default", "off")
        url = f"redis://door:p%40ss%3Aword@127.0.0.1:{valkey.port}/3"
        with running_ingress(settings_for(url)) as ingress, ingress.client() as door, Redis.from_url(url) as inside:
            assert door.post(RETURNGO, content=b"{}", headers=JSON).status_code == 202
            assert inside.xlen("t:inbox") == 1
            command(redis, "ACL", "SETUSER", "default", "on")
