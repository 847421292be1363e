"""Clients that leave, dawdle, lie or flood: nobody else notices, and nothing half-received is kept."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from redis import Redis

from tests.pipeline.ingress.ingress_process import (
    RETURNGO,
    RunningIngress,
    command,
    kept,
    running_ingress,
    settings_for,
)
from tests.valkey_server import running_valkey
from tests.waiting import BOUND

HEAD = f"POST {RETURNGO} HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\n".encode()
PATIENCE = 1.0


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    with running_valkey() as server, Redis.from_url(server.url) as client:
        yield client


@pytest.fixture(scope="module")
def ingress(redis: Redis) -> Iterator[RunningIngress]:
    url = f"redis://127.0.0.1:{redis.connection_pool.connection_kwargs['port']}/0"
    settings = settings_for(url, body_timeout=PATIENCE, header_timeout=PATIENCE, max_bytes_in_flight=4 << 20)
    with running_ingress(settings) as running:
        yield running


@pytest.fixture(autouse=True)
def _clean(redis: Redis) -> None:
    redis.flushall()


def connect(ingress: RunningIngress) -> socket.socket:
    return socket.create_connection(("127.0.0.1", ingress.port), timeout=BOUND)


def said(client: socket.socket) -> bytes:
    """Everything the server says until it closes."""
    parts = []
    try:
        while part := client.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def status(client: socket.socket) -> int:
    """The status of one whole answer; head and body may come apart."""
    text = b""
    while b"\r\n\r\n" not in text:
        text += client.recv(65536)
    head, _, body = text.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += client.recv(65536)
    return int(head.split(b" ", 2)[1])


def assert_still_open(ingress: RunningIngress) -> None:
    with ingress.client() as door:
        assert door.post(RETURNGO, json="still open").status_code == 202


def test_a_client_that_leaves_mid_body_leaves_nothing_behind(ingress: RunningIngress, redis: Redis) -> None:
    for _ in range(20):
        with connect(ingress) as client:
            client.sendall(HEAD + b"content-length: 100\r\n\r\n{")
    assert_still_open(ingress)
    assert redis.xlen("t:inbox") == 1


def test_clients_that_leave_before_their_answer_do_not_break_the_shared_connection(
    ingress: RunningIngress, redis: Redis
) -> None:
    command(redis, "CLIENT", "PAUSE", 300, "WRITE")
    for number in range(30):
        with connect(ingress) as client:
            client.sendall(HEAD + b"content-length: 2\r\n\r\n%02d" % number)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    assert_still_open(ingress)
    assert redis.xlen("t:inbox") == 31


def test_answers_go_to_their_own_questions_under_load(ingress: RunningIngress, redis: Redis) -> None:
    def knock(number: int) -> tuple[str, bytes]:
        with httpx.Client(base_url=ingress.url, timeout=BOUND) as door:
            body = b"%d" % number
            return str(
                door.post(RETURNGO, content=body, headers={"content-type": "application/json"}).json()["delivery"]
            ), body

    with ThreadPoolExecutor(8) as pool:
        answered = dict(pool.map(knock, range(200)))
    written = {fields[b"delivery"].decode(): fields[b"body"] for fields in kept(redis)}
    assert written == answered


def test_a_body_that_never_ends_is_408(ingress: RunningIngress, redis: Redis) -> None:
    with connect(ingress) as client:
        client.sendall(HEAD + b"content-length: 100\r\n\r\n{")
        assert said(client).startswith(b"HTTP/1.1 408")
    assert redis.xlen("t:inbox") == 0


def test_a_body_that_drips_is_408_however_often_it_drips(ingress: RunningIngress) -> None:
    began = time.monotonic()
    with connect(ingress) as client:
        client.sendall(HEAD + b"content-length: 100\r\n\r\n")
        client.settimeout(0.1)
        while time.monotonic() - began < BOUND:
            try:
                client.sendall(b"x")
                assert status(client) == 408
                break
            except TimeoutError:
                continue
    assert PATIENCE * 0.9 <= time.monotonic() - began < BOUND


@pytest.mark.parametrize("head", [b"", b"POST /hooks", HEAD, b"\r\n\r\n\r\n"])
def test_a_head_that_does_not_come_is_closed_after_the_patience(ingress: RunningIngress, head: bytes) -> None:
    began = time.monotonic()
    with connect(ingress) as client:
        client.sendall(head)
        assert said(client)[:12] in (b"", b"HTTP/1.1 408")
    assert PATIENCE * 0.9 <= time.monotonic() - began < BOUND


def test_a_second_head_on_a_kept_connection_must_come_in_time_too(ingress: RunningIngress) -> None:
    with connect(ingress) as client:
        client.sendall(HEAD + b"content-length: 2\r\n\r\n{}")
        assert status(client) == 202
        client.sendall(b"POST /hooks")
        began = time.monotonic()
        assert said(client).startswith(b"HTTP/1.1 408")
    assert time.monotonic() - began < BOUND


def test_a_head_without_end_is_431(ingress: RunningIngress) -> None:
    with connect(ingress) as client:
        client.sendall(HEAD + b"x-long: ")
        try:
            for _ in range(64):
                client.sendall(b"a" * 4096)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert said(client)[:12] in (b"", b"HTTP/1.1 431")
    assert_still_open(ingress)


def test_leftovers_of_a_refused_body_are_not_counted_as_the_next_head(ingress: RunningIngress) -> None:
    with connect(ingress) as client:
        client.sendall(HEAD + b"content-length: 2000000\r\n\r\n")
        assert status(client) == 413
        client.sendall(b"x" * 2_000_000 + HEAD[:40])
        time.sleep(0.2)
        client.sendall(HEAD[40:] + b"content-length: 2\r\n\r\n{}")
        assert status(client) == 202


def test_a_body_longer_than_it_said_is_cut_and_the_rest_is_not_a_request(ingress: RunningIngress, redis: Redis) -> None:
    with connect(ingress) as client:
        client.sendall(HEAD + b"content-length: 2\r\n\r\n{}GARBAGE\r\n\r\n")
        text = said(client)
    assert b" 500 " not in text
    assert b" 202 " in text or b" 400 " in text
    assert len(kept(redis)) <= 1


def test_a_client_that_closes_its_side_after_the_request_still_gets_its_answer(ingress: RunningIngress) -> None:
    with connect(ingress) as client:
        client.sendall(HEAD + b"content-length: 2\r\n\r\n{}")
        client.shutdown(socket.SHUT_WR)
        assert said(client).startswith(b"HTTP/1.1 202")


def test_a_body_shorter_than_it_said_is_not_kept(ingress: RunningIngress, redis: Redis) -> None:
    with connect(ingress) as client:
        client.sendall(HEAD + b"content-length: 10\r\n\r\n{}")
        client.shutdown(socket.SHUT_WR)
        assert b"202" not in said(client)
    assert redis.xlen("t:inbox") == 0


@pytest.mark.parametrize("length", [b"-1", b"abc", b"1, 2", b"99999999999999999999999999", b"0x10", b"+2"])
def test_a_length_that_is_not_one_is_a_client_error(ingress: RunningIngress, length: bytes) -> None:
    with connect(ingress) as client:
        client.sendall(HEAD + b"content-length: " + length + b"\r\n\r\n{}")
        assert 400 <= status(client) < 500


def test_a_length_and_chunks_together_are_a_client_error(ingress: RunningIngress, redis: Redis) -> None:
    with connect(ingress) as client:
        client.sendall(HEAD + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n")
        assert 400 <= status(client) < 500
    assert redis.xlen("t:inbox") == 0


def test_a_body_far_over_the_cap_is_413_before_it_is_sent(ingress: RunningIngress) -> None:
    with connect(ingress) as client:
        client.sendall(HEAD + b"content-length: 99999999999\r\n\r\n")
        assert said(client).startswith(b"HTTP/1.1 413")


def test_chunks_without_end_are_413(ingress: RunningIngress) -> None:
    with connect(ingress) as client:
        client.sendall(HEAD + b"transfer-encoding: chunked\r\n\r\n")
        chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        try:
            for _ in range(200):
                client.sendall(chunk)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert said(client)[:12] in (b"", b"HTTP/1.1 413")
    assert_still_open(ingress)


def test_too_many_large_bodies_at_once_are_asked_to_come_back(ingress: RunningIngress) -> None:
    held = [connect(ingress) for _ in range(4)]
    try:
        for client in held:
            client.sendall(HEAD + b"content-length: 1048576\r\n\r\n{")
        time.sleep(0.2)
        with connect(ingress) as late:
            late.sendall(HEAD + b"content-length: 2\r\n\r\n{}")
            assert said(late).startswith(b"HTTP/1.1 503")
    finally:
        for client in held:
            client.close()
    time.sleep(0.1)
    assert_still_open(ingress)


def test_pipelined_requests_are_answered_in_order(ingress: RunningIngress, redis: Redis) -> None:
    close = HEAD.replace(b"host: h\r\n", b"host: h\r\nconnection: close\r\n")
    with connect(ingress) as client:
        client.sendall(
            HEAD
            + b"content-length: 1\r\n\r\n1"
            + HEAD
            + b"content-length: 1\r\n\r\n2"
            + close
            + b"content-length: 1\r\n\r\n3"
        )
        assert said(client).count(b"HTTP/1.1 202") == 3
    assert [fields[b"body"] for fields in kept(redis)] == [b"1", b"2", b"3"]


def test_a_forged_line_in_a_header_stays_inside_its_field(ingress: RunningIngress) -> None:
    with connect(ingress) as client:
        client.sendall(HEAD + b'x-event-id: a\\n{"status":200}\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}')
        said(client)
    assert all(line["event"] == "request.answered" for line in ingress.log_lines())


def test_hundreds_of_idle_connections_do_not_keep_others_out(ingress: RunningIngress) -> None:
    idle = [connect(ingress) for _ in range(400)]
    try:
        assert_still_open(ingress)
    finally:
        for client in idle:
            client.close()
