"""Whatever is sent, the answer is never a server error and never a lost 202."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from tests.pipeline.ingress.ingress_process import (
    CIN7,
    JSON,
    RETURNGO,
    RunningIngress,
    kept,
    running_ingress,
    settings_for,
)
from tests.valkey_server import running_valkey
from tests.waiting import BOUND

BOUNDED = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
PATHS = st.one_of(
    st.sampled_from([RETURNGO, CIN7, "/readyz", "/healthz", "/metrics", "*"]),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60).map(lambda text: "/hooks/" + text),
)
NAMES = ["content-type", "content-encoding", "authorization", "webhook-id", "x-event-id", "transfer-encoding", "expect"]
NAMES += ["connection", "upgrade", "webhook-timestamp", "webhook-signature", "content-length", "cookie"]
VALUES = st.one_of(
    st.sampled_from([b"application/json", b"100-continue", b"chunked", b"websocket", b"close", b"1"]),
    st.binary(max_size=30).map(lambda raw: raw.translate(None, b"\r\n\x00")),
)
HEADERS = st.lists(st.tuples(st.sampled_from(NAMES).map(str.encode), VALUES), max_size=6)
METHODS = st.sampled_from(
    [b"POST", b"POST", b"POST", b"GET", b"PUT", b"HEAD", b"OPTIONS", b"CONNECT", b"TRACE", b"BREW"]
)


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[RunningIngress, str]]:
    with running_valkey() as valkey:
        patient = settings_for(valkey.url, body_timeout=2.0, header_timeout=2.0, body_cap=2000)
        with running_ingress(patient) as process:
            yield process, valkey.url


@pytest.fixture(scope="module")
def ingress(running: tuple[RunningIngress, str]) -> RunningIngress:
    return running[0]


def exchange(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=BOUND) as client:
        parts = []
        try:
            client.sendall(request)
            client.shutdown(socket.SHUT_WR)
            while part := client.recv(65536):
                parts.append(part)
        except (ConnectionResetError, BrokenPipeError):
            pass
    return b"".join(parts)


@BOUNDED
@given(METHODS, PATHS, HEADERS, st.binary(max_size=2500), st.booleans())
def test_no_request_makes_the_server_fail(
    ingress: RunningIngress, method: bytes, path: str, headers: list[tuple[bytes, bytes]], body: bytes, honest: bool
) -> None:
    if honest:
        headers = [*headers, (b"content-length", b"%d" % len(body))]
    lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
    answer = exchange(
        ingress.port, method + b" " + path.encode() + b" HTTP/1.1\r\nhost: h\r\n" + lines + b"\r\n" + body
    )
    assert not answer.startswith(b"HTTP/1.1 5"), answer[:200]
    # Silence is right only for a request that was never finished.
    assert answer.startswith(b"HTTP/1.1 ") or not honest


@BOUNDED
@given(st.binary(max_size=400))
def test_no_bytes_at_all_make_the_server_fail(ingress: RunningIngress, raw: bytes) -> None:
    assert not exchange(ingress.port, raw).startswith(b"HTTP/1.1 5")


@BOUNDED
@given(st.binary(max_size=2000))
def test_every_body_under_the_cap_is_kept_byte_for_byte(running: tuple[RunningIngress, str], body: bytes) -> None:
    ingress, url = running
    with Redis.from_url(url) as redis:
        redis.flushall()
        answer = httpx.post(ingress.url + RETURNGO, content=body, headers=JSON, timeout=BOUND)
        assert answer.status_code == 202
        (entry,) = kept(redis)
        assert entry[b"body"] == body


@pytest.mark.parametrize(
    "bomb",
    [
        b"[" * 2000,
        b'{"a":' * 400,
        b"1" * 2000,
        b"NaN",
        b'{"a":1,"a":2}',
        b'"\\ud800"',
        b"\x00",
        b"\xef\xbb\xbf{}",
        b"\xff\xfe",
        b"",
    ],
)
def test_json_bombs_are_stored_and_not_opened(ingress: RunningIngress, bomb: bytes) -> None:
    answer = httpx.post(ingress.url + RETURNGO, content=bomb, headers=JSON, timeout=BOUND)
    assert answer.status_code == 202
