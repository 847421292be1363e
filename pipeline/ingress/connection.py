"""uvicorn's HTTP connection with what it lacks: a deadline and a size for the request head."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_LARGEST_HEAD = 64 * 1024
_SLOW = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Connection(HttpToolsProtocol):
    """Closes a client that does not finish its request head within `header_timeout` seconds or 64 KiB.

    Applies to a new connection that says nothing, to a head that drips in, and to leftovers of a refused body.
    """

    header_timeout = 10.0
    _in_head = False
    _head_bytes = 0
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client connected; it has `header_timeout` seconds to ask something."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone; so is our patience."""
        self._head_came()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """The first byte of a request head."""
        self._in_head = True
        # The chunk in which a head begins is not counted: most of it may be the leftovers of a refused body.
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The whole request head has come."""
        self._in_head = False
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Bytes came; measures the head when it is not complete yet."""
        self._head_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        cycle: Any = self.cycle
        if self._in_head or cycle is None or cycle.response_complete:
            self._await_head()
            if self._in_head and self._head_bytes > _LARGEST_HEAD:
                self._turn_away(_LARGE)
        else:
            self._head_bytes = 0
            self._head_came()

    def eof_received(self) -> bool:  # type: ignore[override]
        """The client will say no more; when its request came whole, it still gets its answer before we close."""
        cycle: Any = self.cycle
        owed = cycle is not None and not cycle.response_complete and not cycle.more_body
        if owed:
            cycle.keep_alive = False
        return owed

    def _await_head(self) -> None:
        if self._patience is None:
            self._patience = self.loop.call_later(self.header_timeout, self._out_of_patience)

    def _head_came(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _out_of_patience(self) -> None:
        self._patience = None
        self._turn_away(_SLOW if self._in_head else b"")

    def _turn_away(self, words: bytes) -> None:
        if not self.transport.is_closing():
            cycle: Any = self.cycle
            # With an answer still under way, our words would land in the middle of it.
            if words and (cycle is None or cycle.response_complete):
                self.transport.write(words)
            self.transport.close()


def connection_with(header_timeout: float) -> type[Connection]:
    """The connection class with its own patience, in seconds."""
    return type("Connection", (Connection,), {"header_timeout": header_timeout})
