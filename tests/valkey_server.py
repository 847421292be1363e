"""A real, durable Valkey for a test: loopback, a free port, its own folder, stopped by the test that started it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.running import valkey


class ValkeyHandle:
    """The server of one test. `kill` and `restart` keep the folder and the port, so data and URL stay the same."""

    def __init__(self, folder: Path, *, hardened: bool = False) -> None:
        self.folder = folder
        self._hardened = hardened
        self._server = self._start(0)

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def port(self) -> int:
        return self._server.port

    @property
    def pid(self) -> int:
        return self._server.pid

    def kill(self) -> None:
        """SIGKILL, as a power cut."""
        self._server.kill()

    def stop(self) -> None:
        """A graceful shutdown; the data stays in the folder."""
        self._server.stop()

    def restart(self) -> None:
        """Starts the server again on the same folder and port (stops it first if it still runs)."""
        if self._server.alive():
            self._server.stop()
        self._server = self._start(self._server.port)

    def _start(self, port: int) -> valkey.Embedded:
        return valkey.start(self.folder, port=port, password="", hardened=self._hardened, follow=True)


@contextmanager
def running_valkey(folder: Path | None = None, *, hardened: bool = False) -> Iterator[ValkeyHandle]:
    """Starts a server; `hardened` takes FLUSHALL and friends away, as `returnline up` does."""
    home = folder or Path(tempfile.mkdtemp(prefix="returnline-valkey-"))
    handle = ValkeyHandle(home, hardened=hardened)
    try:
        yield handle
    finally:
        handle.stop()
        if folder is None:
            shutil.rmtree(home, ignore_errors=True)
