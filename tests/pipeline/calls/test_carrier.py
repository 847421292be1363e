"""One request within one deadline: what belongs to the deadline, and what is left behind when it passes."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpcore
import httpx
import pytest

from pipeline.calls import carrier
from pipeline.calls.carrier import Carrier, Http, Outgoing
from pipeline.calls.failures import NotSent
from pipeline.calls.quota import Priority
from tests.pipeline.calls.raw_server import answer, raw_server, say

SAID = answer("200 OK", b"{}")


class SlowLine(httpcore.SyncBackend):
    """Connections that take long to come about; it remembers each."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.sockets: list[Any] = []

    def connect_tcp(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        stream = super().connect_tcp(*args, **kwargs)
        self.sockets.append(stream.get_extra_info("socket"))
        time.sleep(self.seconds)
        return stream


@contextmanager
def over(line: SlowLine) -> Iterator[Http]:
    way = httpx.HTTPTransport()
    way._pool._network_backend = line
    http = Http(way)
    try:
        yield http
    finally:
        http.close()


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_connection_that_came_after_the_deadline_is_closed_and_nothing_was_sent(method: str) -> None:
    with raw_server(say(SAID)) as server, over(SlowLine(0.5)) as http:
        line = http.client(writes=method == "POST")._transport._pool._network_backend  # type: ignore[attr-defined]
        with pytest.raises(NotSent, match=r"within 0\.2 s"):
            Carrier(http, server.url, {}).carry(Outgoing(method, "x", Priority.MONEY, body=b"{}"), 0.2)
        assert [socket.fileno() for socket in line.sockets] == [-1]
        assert server.requests == []


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_making_the_first_client_of_a_process_takes_nothing_of_the_deadline(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = carrier._client

    def slowly(*args: Any) -> httpx.Client:
        time.sleep(1.5)
        return make(*args)

    monkeypatch.setattr(carrier, "_client", slowly)
    with raw_server(say(SAID)) as server:
        http = Http()
        assert Carrier(http, server.url, {}).carry(Outgoing(method, "x", Priority.MONEY), 1.0).status == 200
        http.close()


def test_certificates_that_cannot_be_read_are_told_as_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> httpx.Client:
        ssl.create_default_context(cafile=str(tmp_path / "missing.pem"))
        raise AssertionError("unreachable")

    monkeypatch.setattr(carrier, "_client", broken)
    with pytest.raises(NotSent, match="FileNotFoundError"):
        Http().client(writes=True)
