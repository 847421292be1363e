"""The shared Redis connection: a caller that gives up harms nobody, and every reply finds its own question."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import Iterator

import pytest
from redis import Redis

from pipeline.ingress.redis_wire import RedisAddress, RedisUnwell, RedisWire
from tests.pipeline.ingress.fake_redis_server import scripted_redis
from tests.pipeline.ingress.ingress_process import JSON, RETURNGO, command, running_ingress, settings_for
from tests.valkey_server import ValkeyHandle, running_valkey
from tests.waiting import BOUND

HEAD = f"POST {RETURNGO} HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\ncontent-length: 2\r\n".encode()


@pytest.fixture(scope="module")
def valkey() -> Iterator[ValkeyHandle]:
    """One of its own: these tests count its connections and pause it."""
    with running_valkey() as server:
        yield server


def wire(url: str, deadline: float = 30.0) -> RedisWire:
    return RedisWire(RedisAddress.parse(url), deadline=deadline)


def closed(client: socket.socket) -> bool:
    try:
        return client.recv(4096) == b""
    except ConnectionResetError:
        return True


def test_a_cancelled_call_does_not_shift_the_replies_of_the_others(valkey: ValkeyHandle) -> None:
    async def calls() -> list[object]:
        link = wire(valkey.url)
        await link.call("PING")
        tasks = [asyncio.ensure_future(link.call("ECHO", str(number))) for number in range(20)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        answers = await asyncio.gather(*tasks[1::2])
        answers.append(await link.call("ECHO", "after"))
        link.close()
        return answers

    expected = [str(number).encode() for number in range(1, 20, 2)]
    assert asyncio.run(calls()) == [*expected, b"after"]


def test_an_error_reply_reaches_only_its_own_caller(valkey: ValkeyHandle) -> None:
    async def calls() -> list[object]:
        link = wire(valkey.url)
        answers = await asyncio.gather(
            link.call("ECHO", "a"), link.call("NOSUCH"), link.call("ECHO", "b"), return_exceptions=True
        )
        link.close()
        return list(answers)

    first, refused, last = asyncio.run(calls())
    assert (first, last) == (b"a", b"b")
    assert isinstance(refused, RedisUnwell)
    assert refused.kind == "ERR"


def test_all_commands_of_one_turn_leave_over_one_connection(valkey: ValkeyHandle) -> None:
    async def calls() -> None:
        link = wire(valkey.url)
        await asyncio.gather(*(link.call("PING") for _ in range(200)))
        link.close()

    with Redis.from_url(valkey.url) as redis:
        before = redis.info("stats")["total_connections_received"]
        asyncio.run(calls())
        assert redis.info("stats")["total_connections_received"] == before + 1


def test_one_caller_that_leaves_does_not_stop_the_connect_for_the_others(valkey: ValkeyHandle) -> None:
    async def calls() -> object:
        link = wire(valkey.url)
        impatient = asyncio.ensure_future(link.call("PING"))
        patient = asyncio.ensure_future(link.call("ECHO", "here"))
        await asyncio.sleep(0)
        impatient.cancel()
        answer = await patient
        link.close()
        return answer

    assert asyncio.run(calls()) == b"here"


def test_when_the_oldest_call_is_late_all_waiting_calls_fail_at_once() -> None:
    async def calls(url: str) -> list[object]:
        link = wire(url, deadline=1.0)
        answers = await asyncio.gather(*(link.call("PING") for _ in range(3)), return_exceptions=True)
        link.close()
        return list(answers)

    with scripted_redis(b"") as server:
        answers = asyncio.run(calls(f"redis://127.0.0.1:{server.port}/0"))
    assert [answer.kind for answer in answers if isinstance(answer, RedisUnwell)] == ["timeout"] * 3


def test_more_waiting_calls_than_the_limit_are_refused_and_not_queued() -> None:
    async def calls(url: str) -> set[str]:
        link = wire(url, deadline=2.0)
        answers = await asyncio.gather(*(link.call("PING") for _ in range(10_050)), return_exceptions=True)
        link.close()
        return {answer.kind for answer in answers if isinstance(answer, RedisUnwell)}

    with scripted_redis(b"") as server:
        assert asyncio.run(calls(f"redis://127.0.0.1:{server.port}/0")) == {"timeout", "overloaded"}


def test_a_crash_before_the_durable_write_shows_the_sender_a_closed_connection(valkey: ValkeyHandle) -> None:
    with Redis.from_url(valkey.url) as redis, running_ingress(settings_for(valkey.url)) as ingress:
        redis.flushall()
        with socket.create_connection(("127.0.0.1", ingress.port), timeout=BOUND) as client:
            client.sendall(HEAD + b"\r\n{")
            os.kill(ingress.process.pid, signal.SIGKILL)
            assert closed(client)
        assert redis.xlen("t:inbox") == 0


def test_a_crash_after_the_write_and_before_the_reply_makes_one_entry_when_the_sender_retries(
    valkey: ValkeyHandle,
) -> None:
    settings = settings_for(valkey.url)
    with Redis.from_url(valkey.url) as redis:
        redis.flushall()
        with running_ingress(settings) as ingress:
            command(redis, "CLIENT", "PAUSE", 3000, "ALL")
            with socket.create_connection(("127.0.0.1", ingress.port), timeout=BOUND) as client:
                client.sendall(HEAD + b"webhook-id: msg_1\r\n\r\n{}")
                # Held by the pause, the command already lies in the server's socket when the ingress dies.
                time.sleep(1.0)
                os.kill(ingress.process.pid, signal.SIGKILL)
                assert closed(client)
        with running_ingress(settings) as ingress, ingress.client() as door:
            again = door.post(RETURNGO, content=b"{}", headers={**JSON, "webhook-id": "msg_1"})
        assert again.status_code == 202
        assert redis.xlen("t:inbox") == 1
