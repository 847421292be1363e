"""Reading a body that may be too long, too slow, or never finished."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

from pipeline.ingress.answers import BUSY, TOO_LARGE, TOO_LARGE_AND_LEAVE, TOO_SLOW, Refused

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
# A declared body up to this many caps is read past by the server, so that the sender sees our 413 and not a reset.
_READ_PAST = 8


class SenderLeft(Exception):  # noqa: N818 - not a fault of ours
    """The client closed the connection before its body was complete; there is nobody to answer."""


class Load:
    """How many bytes of unfinished requests the process holds; beyond the limit it asks senders to come back."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.held = 0

    @contextmanager
    def room_for(self, size: int) -> Iterator[None]:
        """Reserve room for one body; raises Refused (503) when the process carries enough already."""
        if self.held + size > self._limit:
            raise Refused(BUSY)
        self.held += size
        try:
            yield
        finally:
            self.held -= size


def check_length(declared: int | None, cap: int) -> None:
    """Refuse (413) by the declared length, before a byte of the body is read."""
    if declared is not None and declared > cap:
        raise Refused(TOO_LARGE if declared <= cap * _READ_PAST else TOO_LARGE_AND_LEAVE)


async def read_body(receive: Receive, cap: int, seconds: float) -> bytes:
    """The whole body, at most `cap` bytes, within `seconds`; raises Refused (413, 408) or SenderLeft."""
    try:
        async with asyncio.timeout(seconds):
            chunk, more = await _next(receive)
            if not more and len(chunk) <= cap:
                return chunk
            return await _rest(receive, chunk, more, cap)
    except TimeoutError:
        raise Refused(TOO_SLOW) from None


async def _rest(receive: Receive, first: bytes, more: bool, cap: int) -> bytes:
    chunks, size = [first], len(first)
    while size <= cap and more:
        chunk, more = await _next(receive)
        chunks.append(chunk)
        size += len(chunk)
    if size > cap:
        raise Refused(TOO_LARGE_AND_LEAVE if more else TOO_LARGE)
    return b"".join(chunks)


async def _next(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] != "http.request":
        raise SenderLeft
    return message.get("body", b""), message.get("more_body", False)
