"""Carrying one request: a write on a connection of its own, once, and everything within one deadline.

httpx times each read alone and keeps connections; neither is good enough for a write that moves money.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx

from pipeline.calls.failures import BadAnswer, NoAnswer, NotSent, Unavailable, Uncertain, WireError
from pipeline.calls.quota import Priority

BODY_CAP = 64 * 1024 * 1024
#: Failures in which httpx has not sent a byte of the request.
_BEFORE_SENDING = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One request to be made. `params` are pairs, in order; `secret_body` keeps the body out of every record."""

    method: str
    path: str
    priority: Priority
    params: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    secret_body: bool = False

    @property
    def writes(self) -> bool:
        """Whether the provider's books may change."""
        return self.method != "GET"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whole. `seconds` is from the first try to connect to the last byte."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float = 0.0

    @property
    def text(self) -> str:
        """The body as text, whatever it is."""
        return self.body.decode("utf-8", "replace")


class Http:
    """The two HTTP clients of a process: reads keep their connection, every write opens a new one.

    Each is made at its first use, so that none is shared across a fork. `transport` is for tests.
    """

    def __init__(self, transport: httpx.BaseTransport | None = None) -> None:
        self._transport = transport
        #: The connection that the next read will use again, for its deadline to cut.
        self.kept_stream: Any = None

    @cached_property
    def reads(self) -> httpx.Client:
        """Keeps its connections."""
        keep = httpx.Limits(max_connections=10, max_keepalive_connections=4, keepalive_expiry=20)
        return _client(self._transport, keep)

    @cached_property
    def writes(self) -> httpx.Client:
        """A new connection for every request."""
        return _client(self._transport, httpx.Limits(max_connections=10, max_keepalive_connections=0))

    def client(self, *, writes: bool) -> httpx.Client:
        """The client of reads or of writes; making it costs tens of milliseconds of CPU, once. Raises NotSent where it
        cannot be made (certificates that cannot be read)."""
        try:
            return self.writes if writes else self.reads
        except OSError as problem:
            raise NotSent(_why(problem)) from None

    def close(self) -> None:
        """Close every connection."""
        for name in ("reads", "writes"):
            client = self.__dict__.pop(name, None)
            if client is not None:
                client.close()


def _client(transport: httpx.BaseTransport | None, limits: httpx.Limits) -> httpx.Client:
    # Loopback never goes through a proxy, whatever the environment says.
    direct: dict[str, httpx.BaseTransport | None] = {"all://127.0.0.1": None, "all://localhost": None}
    if transport is not None:
        return httpx.Client(transport=transport, follow_redirects=False)
    return httpx.Client(limits=limits, mounts=direct, follow_redirects=False)


class Carrier:
    """Carries requests to one address within one deadline each. Raises NotSent, Uncertain, Unavailable or BadAnswer."""

    def __init__(self, http: Http, base_url: str, headers: Mapping[str, str]) -> None:
        self.http, self.base_url, self.headers = http, base_url, headers

    def carry(self, outgoing: Outgoing, deadline: float) -> Answer:
        """The whole answer, whatever it says. The deadline starts when the client is made."""
        client = self.http.client(writes=outgoing.writes)
        limit = _Deadline(deadline, None if outgoing.writes else self.http.kept_stream)
        try:
            with limit:
                answer = self._exchange(client, outgoing, deadline, limit)
            self.http.kept_stream = self.http.kept_stream if outgoing.writes else limit.stream
            return answer
        except Exception as problem:
            raise _failure(outgoing, problem, limit) from None

    def _exchange(self, client: httpx.Client, outgoing: Outgoing, deadline: float, limit: _Deadline) -> Answer:
        started = time.monotonic()
        with client.stream(
            outgoing.method,
            f"{self.base_url.rstrip('/')}/{outgoing.path.lstrip('/')}",
            params=list(outgoing.params),
            content=outgoing.body,
            headers=dict(self.headers),
            timeout=httpx.Timeout(deadline, connect=min(5.0, deadline), pool=min(5.0, deadline)),
            extensions={"trace": limit.trace},
        ) as response:
            body = _whole(response, limit)
        return Answer(response.status_code, response.headers, body, time.monotonic() - started)


class _DeadlineError(Exception):
    """The whole call took too long."""


class _TooLongError(Exception):
    """The answer is larger than anything we ask for."""


def _whole(response: httpx.Response, limit: _Deadline) -> bytes:
    chunks, size = [], 0
    for chunk in response.iter_bytes():
        limit.check()
        size += len(chunk)
        if size > BODY_CAP:
            raise _TooLongError
        chunks.append(chunk)
    limit.check()
    return b"".join(chunks)


class _Deadline:
    """One deadline for a whole call. httpx times each read alone, so a drip could last for ever: this cuts it."""

    def __init__(self, seconds: float, stream: Any = None) -> None:
        self.seconds = seconds
        self.expired = False
        self.sending: bool | None = None
        self._end = time.monotonic() + seconds
        self.stream = stream
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> _Deadline:
        self._timer.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._timer.cancel()

    def check(self) -> None:
        """Raise when the time is over."""
        if self._is_over():
            raise _DeadlineError

    def _is_over(self) -> bool:
        self.expired = self.expired or time.monotonic() > self._end
        return self.expired

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Follow the connection: keep its socket to cut, and note when the first byte leaves."""
        if self.sending is None:
            self.sending = False
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._hold(info.get("return_value"))
        elif event.endswith("send_request_headers.started"):
            self.check()
            self.sending = True

    def _hold(self, stream: Any) -> None:
        """The new connection, to be cut. Nobody owns it yet: raising here without closing it would leave it open."""
        self.stream = stream
        if self._is_over():
            stream.close()
            raise _DeadlineError

    def _cut(self) -> None:
        self.expired = True
        socket = self.stream.get_extra_info("socket") if self.stream is not None else None
        if socket is not None:
            try:
                socket.shutdown(2)
            except OSError:
                return


def _failure(outgoing: Outgoing, problem: Exception, limit: _Deadline) -> WireError:
    why = f"no whole answer within {limit.seconds:g} s" if limit.expired else _why(problem)
    unsent = limit.sending is False or isinstance(problem, _BEFORE_SENDING)
    if unsent:
        return NotSent(why)
    if outgoing.writes:
        return Uncertain(why)
    if isinstance(problem, _TooLongError):
        return BadAnswer(why)
    return NoAnswer(why) if isinstance(problem, httpx.DecodingError) else Unavailable(why)


def _why(problem: Exception) -> str:
    text = " ".join(str(problem).split())[:200]
    return f"{type(problem).__name__}: {text}" if text else type(problem).__name__
