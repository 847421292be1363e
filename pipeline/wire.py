"""One HTTP call, and what its outcome means. A write that may have happened is Uncertain, a read is merely tried again.

A write gets a fresh connection, no transport retry, no redirect and one deadline for all of it, slow drips included.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import httpx

from pipeline.failures import (
    BadAnswer,
    CredentialsRejected,
    NotFound,
    NotSent,
    Rejected,
    Throttled,
    Unavailable,
    Uncertain,
    WireError,
)
from pipeline.quota import Gate, Lane
from pipeline.scrub import scrubbed
from schemas.fields import SchemaInvalidError

__all__ = [
    "Answer",
    "BadAnswer",
    "Call",
    "CredentialsRejected",
    "Http",
    "NotFound",
    "NotSent",
    "Observer",
    "Outgoing",
    "Rejected",
    "Throttled",
    "Unavailable",
    "Uncertain",
    "Wire",
    "WireError",
]

T = TypeVar("T")

EXCERPT = 2048
BODY_CAP = 64 * 1024 * 1024
#: Failures in which httpx has not sent a byte of the request.
_BEFORE_SENDING = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One request to be made. `params` are pairs, in order; `secret_body` keeps the body out of every record."""

    method: str
    path: str
    lane: Lane
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


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP attempt as the ledger may keep it: no secrets, no shoppers' data. `excerpt` is at most 2 kB."""

    system: str
    method: str
    path: str
    query: str
    lane: str
    at: datetime
    request: str
    status: int | None
    excerpt: str
    seconds: float
    outcome: str


#: Whoever records calls: told once for every HTTP attempt, after it.
Observer = Callable[[Call], None]

#: Reads an answer: the parsed value, or one of the failures.
Judge = Callable[[Outgoing, Answer], Any]


class Http:
    """The two HTTP clients of a process: reads keep their connection, every write opens a new one.

    Made in the process that uses it (never before a fork). `transport` is for tests.
    """

    def __init__(self, transport: httpx.BaseTransport | None = None) -> None:
        keep = httpx.Limits(max_connections=10, max_keepalive_connections=4, keepalive_expiry=20)
        fresh = httpx.Limits(max_connections=10, max_keepalive_connections=0)
        self.reads, self.writes = _client(transport, keep), _client(transport, fresh)

    def close(self) -> None:
        """Close every connection."""
        self.reads.close()
        self.writes.close()


def _client(transport: httpx.BaseTransport | None, limits: httpx.Limits) -> httpx.Client:
    # Loopback never goes through a proxy, whatever the environment says.
    direct: dict[str, httpx.BaseTransport | None] = {"all://127.0.0.1": None, "all://localhost": None}
    if transport is not None:
        return httpx.Client(transport=transport, follow_redirects=False)
    return httpx.Client(limits=limits, mounts=direct, follow_redirects=False)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Wire:
    """The line to one system. Deadlines are in seconds for a whole call; `secrets` are blotted out of every record."""

    system: str
    base_url: str
    headers: Mapping[str, str] = field(repr=False)
    http: Http
    gate: Gate
    judge: Judge
    observe: Observer | None = None
    clock: Callable[[], datetime] = _now
    read_deadline: float = 30.0
    write_deadline: float = 30.0
    patience: float = 5.0
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def send(self, outgoing: Outgoing, read: Callable[[Any], T]) -> T:
        """Make one call, judge its answer and turn it into a value with `read` (which may raise SchemaInvalidError).

        Raises QuotaWait or QuotaUnavailable before anything is sent, else one of the failures of this module.
        """
        deadline = self.write_deadline if outgoing.writes else self.read_deadline
        slot = self.gate.acquire(outgoing.lane, self.patience, deadline)
        at, started = self.clock(), time.monotonic()
        answer: Answer | None = None
        outcome = "interrupted"
        try:
            answer = self._transmit(outgoing, deadline)
            value = self._read(outgoing, answer, read)
            outcome = "ok"
            return value
        except WireError as failure:
            self._scrub(failure)
            outcome = failure.outcome
            if isinstance(failure, Throttled):
                failure.retry_after = self.gate.hold(failure.retry_after or None)
            raise
        finally:
            # A call without an answer may still be on its way: its slot keeps the later stamp.
            if answer is not None or outcome == "not_sent":
                slot.arrived(answered=outcome != "throttled")
            self._tell(outgoing, answer, outcome, at, time.monotonic() - started)

    def _read(self, outgoing: Outgoing, answer: Answer, read: Callable[[Any], T]) -> T:
        try:
            return read(self.judge(outgoing, answer))
        except SchemaInvalidError as problem:
            why = f"the answer is not what {outgoing.path} gives: {problem}"[:500]
            failure = Uncertain if outgoing.writes else BadAnswer
            raise failure(why, answer.text[:EXCERPT]) from None

    def _scrub(self, failure: WireError) -> None:
        failure.body_excerpt = scrubbed(failure.body_excerpt, self.secrets)[:EXCERPT]

    def _tell(self, outgoing: Outgoing, answer: Answer | None, outcome: str, at: datetime, seconds: float) -> None:
        if self.observe is None:
            return
        request = "" if outgoing.secret_body else (outgoing.body or b"").decode()
        # A read that worked is full of shoppers' data and explains nothing; its excerpt is left out.
        telling = answer is not None and (outgoing.writes or outcome != "ok") and not outgoing.secret_body
        self.observe(
            Call(
                system=self.system,
                method=outgoing.method,
                path=outgoing.path,
                query=scrubbed(str(httpx.QueryParams(list(outgoing.params))), self.secrets),
                lane=outgoing.lane.value,
                at=at,
                request=scrubbed(request, self.secrets),
                status=answer.status if answer else None,
                excerpt=scrubbed(answer.text[: 2 * EXCERPT], self.secrets)[:EXCERPT] if answer and telling else "",
                seconds=round(seconds, 4),
                outcome=outcome,
            )
        )

    def _transmit(self, outgoing: Outgoing, deadline: float) -> Answer:
        leash = _Leash(deadline)
        try:
            with leash:
                return self._exchange(outgoing, deadline, leash)
        except Exception as problem:
            raise _failure(outgoing, problem, leash) from None

    def _exchange(self, outgoing: Outgoing, deadline: float, leash: _Leash) -> Answer:
        client = self.http.writes if outgoing.writes else self.http.reads
        started = time.monotonic()
        with client.stream(
            outgoing.method,
            f"{self.base_url.rstrip('/')}/{outgoing.path.lstrip('/')}",
            params=list(outgoing.params),
            content=outgoing.body,
            headers=dict(self.headers),
            timeout=httpx.Timeout(deadline, connect=min(5.0, deadline), pool=min(5.0, deadline)),
            extensions={"trace": leash.trace},
        ) as response:
            body = _whole(response, leash)
        return Answer(response.status_code, response.headers, body, time.monotonic() - started)


class _DeadlineError(Exception):
    """The whole call took too long."""


class _TooLongError(Exception):
    """The answer is larger than anything we ask for."""


def _whole(response: httpx.Response, leash: _Leash) -> bytes:
    chunks, size = [], 0
    for chunk in response.iter_bytes():
        leash.check()
        size += len(chunk)
        if size > BODY_CAP:
            raise _TooLongError
        chunks.append(chunk)
    leash.check()
    return b"".join(chunks)


class _Leash:
    """One deadline for a whole call. httpx times each read alone, so a drip could last for ever: this cuts it."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.expired = False
        self.sending: bool | None = None
        self._end = time.monotonic() + seconds
        self._stream: Any = None
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> _Leash:
        self._timer.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._timer.cancel()

    def check(self) -> None:
        """Raise when the time is over."""
        if self.expired or time.monotonic() > self._end:
            self.expired = True
            raise _DeadlineError

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Follow the connection: keep its socket to cut, and note when the first byte leaves."""
        if self.sending is None:
            self.sending = False
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._stream = info.get("return_value")
            self.check()
        elif event.endswith("send_request_headers.started"):
            self.check()
            self.sending = True

    def _cut(self) -> None:
        self.expired = True
        socket = self._stream.get_extra_info("socket") if self._stream is not None else None
        if socket is not None:
            try:
                socket.shutdown(2)
            except OSError:
                return


def _failure(outgoing: Outgoing, problem: Exception, leash: _Leash) -> WireError:
    why = f"no whole answer within {leash.seconds:g} s" if leash.expired else _why(problem)
    unsent = leash.sending is False or isinstance(problem, _BEFORE_SENDING)
    if unsent:
        return NotSent(why)
    if outgoing.writes:
        return Uncertain(why)
    return BadAnswer(why) if isinstance(problem, httpx.DecodingError | _TooLongError) else Unavailable(why)


def _why(problem: Exception) -> str:
    text = " ".join(str(problem).split())[:200]
    return f"{type(problem).__name__}: {text}" if text else type(problem).__name__
