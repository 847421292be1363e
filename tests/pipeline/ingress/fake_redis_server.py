"""A server that says exactly what a test tells it to, for states a real Valkey will not enter on request."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class ScriptedRedis:
    """Answers every command with `reply` (raw RESP); an empty reply is silence."""

    def __init__(self, reply: bytes) -> None:
        self.reply = reply
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            thread = threading.Thread(target=self._talk, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _talk(self, connection: socket.socket) -> None:
        try:
            # One write of ours is one command here: the tests ask one thing at a time.
            while connection.recv(1 << 20):
                if self.reply:
                    connection.sendall(self.reply)
        except OSError:
            return

    def close(self) -> None:
        for each in (self._listener, *self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join(5)


@contextmanager
def scripted_redis(reply: bytes) -> Iterator[ScriptedRedis]:
    server = ScriptedRedis(reply)
    try:
        yield server
    finally:
        server.close()
