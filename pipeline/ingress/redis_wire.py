"""One pipelined Redis connection: all commands of one loop turn leave in one write; a lost caller harms nobody."""

import asyncio
import ssl
from collections import deque
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import parse_qs, unquote, urlsplit

import hiredis

Argument = bytes | str | int | float
_PAUSE_AFTER_FAILURE = 0.1
_MOST_WAITING = 10_000
# A replica or a demoted primary will not get better on this connection: look the address up again.
_LEAVE = frozenset({"READONLY", "MASTERDOWN"})


class RedisUnwell(Exception):  # noqa: N818 - a state of the server, said to the sender as 503
    """Redis did not do what was asked; `kind` is its error word (READONLY, OOM…) or down, timeout, overloaded.

    After `timeout` and `down` the command may still have been carried out.
    """

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


@dataclass(frozen=True)
class RedisAddress:
    """A redis://, rediss:// or unix:// address taken apart; raises ValueError naming the fix for anything else."""

    host: str
    port: int
    path: str | None
    database: int
    username: str
    password: str = field(repr=False)
    tls: ssl.SSLContext | None = None

    @classmethod
    def parse(cls, url: str) -> "RedisAddress":
        """Read a URL in the form redis-py and Celery use, so that one setting serves all."""
        parts = urlsplit(url)
        if parts.scheme not in {"redis", "rediss", "unix"}:
            raise ValueError("redis_url: must start with redis://, rediss:// or unix://")
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        unix = parts.scheme == "unix"
        database = query.get("db", "0" if unix else parts.path.strip("/") or "0")
        if not database.isdecimal():
            raise ValueError("redis_url: the database after the last '/' must be a whole number")
        return cls(
            host=parts.hostname or "localhost",
            port=parts.port or 6379,
            path=unquote(parts.path) if unix else None,
            database=int(database),
            username=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            tls=ssl.create_default_context(cafile=query.get("ssl_ca_certs")) if parts.scheme == "rediss" else None,
        )


class _Refusal(Exception):  # noqa: N818 - an error reply, carried as a value by the reader
    pass


class _Link(asyncio.Protocol):
    """One connection: replies go to their callers in the order of the questions."""

    def __init__(self, deadline: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._deadline = deadline
        self._reader = hiredis.Reader(replyError=_Refusal)
        self._waiting: deque[tuple[asyncio.Future[object], float]] = deque()
        self._outgoing: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def ask(self, arguments: tuple[Argument, ...]) -> asyncio.Future[object]:
        if self.lost:
            raise RedisUnwell("down")
        if len(self._waiting) >= _MOST_WAITING:
            raise RedisUnwell("overloaded")
        reply = self._loop.create_future()
        if not self._outgoing:
            self._loop.call_soon(self._flush)
        self._outgoing.append(hiredis.pack_command(arguments))  # type: ignore[arg-type]  # the stub says one element
        self._waiting.append((reply, self._loop.time() + self._deadline))
        if self._timer is None:
            self._timer = self._loop.call_later(self._deadline, self._check_deadline)
        return reply

    def _flush(self) -> None:
        if self._transport is not None and not self.lost:
            self._transport.write(b"".join(self._outgoing))
        self._outgoing.clear()

    def data_received(self, data: bytes) -> None:
        try:
            self._reader.feed(data)
            while (answer := self._reader.gets()) is not False:
                self._hand_over(answer)
        except (hiredis.ProtocolError, IndexError):
            # Not RESP, or an answer nobody asked for: the order of replies can no longer be trusted.
            self.leave("protocol")

    def _hand_over(self, answer: object) -> None:
        reply, _ = self._waiting.popleft()
        # A caller that gave up has cancelled its future; its answer is read and thrown away.
        if reply.done():
            return
        if isinstance(answer, _Refusal):
            kind = str(answer).partition(" ")[0]
            reply.set_exception(RedisUnwell(kind))
            if kind in _LEAVE:
                self._loop.call_soon(self.leave, "down")
        else:
            reply.set_result(answer)

    def _check_deadline(self) -> None:
        self._timer = None
        if not self._waiting:
            return
        left = self._waiting[0][1] - self._loop.time()
        if left <= 0:
            # Replies come in order: when the oldest is late, everything behind it is stuck too.
            self.leave("timeout")
        else:
            self._timer = self._loop.call_later(left, self._check_deadline)

    def leave(self, kind: str) -> None:
        if self._transport is not None:
            self._transport.abort()
        self._fail_all(kind)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail_all("down")

    def _fail_all(self, kind: str) -> None:
        self.lost = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting:
            reply, _ = self._waiting.popleft()
            if not reply.done():
                reply.set_exception(RedisUnwell(kind))


class RedisWire:
    """The ingress's only connection to Redis; opens when first used and again after it was lost.

    `deadline` (seconds) bounds each call and each attempt to connect. Every failure is RedisUnwell.
    """

    def __init__(self, address: RedisAddress, *, deadline: float, require_fsync: bool = False) -> None:
        self._address = address
        self._deadline = deadline
        self._require_fsync = require_fsync
        self._link: _Link | None = None
        self._opening: asyncio.Task[_Link] | None = None
        self._not_before = 0.0
        self._last_failure = "down"

    async def call(self, *arguments: Argument) -> object:
        """One command, one reply (bytes, int, None or a list of them); raises RedisUnwell."""
        link = self._link
        if link is None or link.lost:
            link = await self._open()
        return await link.ask(arguments)

    def close(self) -> None:
        """Close the connection; calls still waiting fail as RedisUnwell("down")."""
        if self._opening is not None:
            self._opening.cancel()
        if self._link is not None:
            self._link.leave("down")
        self._link = None

    async def _open(self) -> _Link:
        if self._opening is None:
            loop = asyncio.get_running_loop()
            # While Redis is down each request is refused at once instead of queueing behind a connect.
            if loop.time() < self._not_before:
                raise RedisUnwell(self._last_failure)
            self._opening = loop.create_task(self._connect())
            self._opening.add_done_callback(self._opened)
        try:
            # Shared by everyone who waits: one caller that leaves must not stop it for the others.
            return await asyncio.shield(self._opening)
        except (OSError, TimeoutError):
            raise RedisUnwell("down") from None

    def _opened(self, task: "asyncio.Task[_Link]") -> None:
        self._opening = None
        failure = asyncio.CancelledError() if task.cancelled() else task.exception()
        if failure is None:
            self._link = task.result()
        else:
            self._last_failure = failure.kind if isinstance(failure, RedisUnwell) else "down"
            self._not_before = asyncio.get_running_loop().time() + _PAUSE_AFTER_FAILURE

    async def _connect(self) -> _Link:
        loop = asyncio.get_running_loop()
        address = self._address

        def link() -> _Link:
            return _Link(self._deadline)

        async with asyncio.timeout(self._deadline):
            if address.path is not None:
                _, made = await loop.create_unix_connection(link, address.path)
            else:
                _, made = await loop.create_connection(link, address.host, address.port, ssl=address.tls)
            try:
                await self._introduce(made)
            except BaseException:
                made.leave("down")
                raise
        return made

    async def _introduce(self, link: _Link) -> None:
        address = self._address
        if address.password:
            who = (address.username,) if address.username else ()
            await link.ask(("AUTH", *who, address.password))
        if address.database:
            await link.ask(("SELECT", address.database))
        if self._require_fsync and not await _fsyncs(link):
            raise RedisUnwell("NOTDURABLE")


async def _fsyncs(link: _Link) -> bool:
    try:
        appendonly = await link.ask(("CONFIG", "GET", "appendonly"))
        appendfsync = await link.ask(("CONFIG", "GET", "appendfsync"))
    except RedisUnwell as unwell:
        if unwell.kind in {"ERR", "NOPERM"}:
            return True  # a hosted server hides its settings; the operator vouches for it
        raise
    return [appendonly, appendfsync] == [[b"appendonly", b"yes"], [b"appendfsync", b"always"]]
