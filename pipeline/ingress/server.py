"""Starting and stopping the ingress process: uvicorn with our connection, a port file, and a graceful end."""

import os
import socket
import sys
from pathlib import Path
from typing import Any

import uvicorn

from pipeline.ingress.app import IngressApp
from pipeline.ingress.connection import connection_with
from pipeline.ingress.settings import IngressSettings

_BACKLOG = 2048


def serve(settings: IngressSettings, host: str, port: int, port_file: Path | None = None) -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests under way (at most `shutdown_grace` seconds).

    Port 0 takes a free one. `port_file` receives the port once the ingress answers, written in one step.
    Raises OSError when the address cannot be bound.
    """
    config = uvicorn.Config(
        IngressApp(settings),
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        http=connection_with(settings.header_timeout),
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        timeout_keep_alive=max(1, int(settings.keep_alive)),
        timeout_graceful_shutdown=max(1, int(settings.shutdown_grace)),
        h11_max_incomplete_event_size=64 * 1024,
        backlog=_BACKLOG,
    )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family, backlog=_BACKLOG) as listener:
        _Server(config, port_file).run(sockets=[listener])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, port_file: Path | None) -> None:
        super().__init__(config)
        self._port_file = port_file

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._port_file is not None and sockets:
            _write_whole(self._port_file, str(sockets[0].getsockname()[1]))

    def handle_exit(self, sig: int, frame: Any) -> None:
        # uvicorn would raise the signal again after a clean end; for a supervisor that looks like a crash.
        self.should_exit = True


def _write_whole(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(text)
    part.replace(path)
