"""A server for one test that answers with exactly the bytes it is told, or drips, hangs and hangs up."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.waiting import BOUND

Script = Callable[[socket.socket], None]


def answer(status: str, body: bytes, headers: str = "", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\n{headers}\r\n".encode() + body


def say(data: bytes) -> Script:
    def script(peer: socket.socket) -> None:
        peer.sendall(data)

    return script


def drip(data: bytes, seconds: float) -> Script:
    """One byte now and then, for ever if the caller lets it."""

    def script(peer: socket.socket) -> None:
        for byte in data:
            peer.sendall(bytes([byte]))
            time.sleep(seconds)

    return script


def hang(peer: socket.socket) -> None:
    peer.settimeout(BOUND)
    while peer.recv(1024):
        pass


def hang_up(peer: socket.socket) -> None:
    return None


class RawServer:
    """Counts connections and remembers requests; every connection may carry several requests."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.requests: list[bytes] = []
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def stop(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(peer,), daemon=True).start()

    def _talk(self, peer: socket.socket) -> None:
        with peer:
            try:
                while request := _request(peer):
                    self.requests.append(request)
                    self.script(peer)
                    if self.script in (hang, hang_up):
                        return
            except OSError:
                return


def _request(peer: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = peer.recv(65536)
        if not piece:
            return b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0
    )
    while len(body) < length:
        body += peer.recv(65536)
    return head + b"\r\n\r\n" + body


@contextmanager
def raw_server(script: Script) -> Iterator[RawServer]:
    server = RawServer(script)
    try:
        yield server
    finally:
        server.stop()
