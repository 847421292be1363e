"""Starts the practice world: `python -m sandbox --port 0 --port-file urls.json`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import socket
import sys
from pathlib import Path

import uvicorn

from sandbox.app import build_app
from sandbox.books.ledger import Books
from sandbox.books.tenant import default_tenant, set_up
from sandbox.world import World


def main(arguments: list[str] | None = None) -> int:
    """Serve on 127.0.0.1 until stopped, or until the process named by --parent-pid is gone."""
    options = _parser().parse_args(arguments)
    world = World(options.seed)
    app = build_app(world)
    world.settings.set_default("quota", options.quota)
    if not options.empty:
        world.books = Books(options.seed, world.settings)
        set_up(world.books, default_tenant())
    listener = socket.create_server((options.host, options.port))
    # Headers and body leave in two writes; without this each answer would wait 40 ms for an acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    host, port = listener.getsockname()[:2]
    urls = _urls(f"http://{host}:{port}")
    world.base_url = urls["base_url"]
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", proxy_headers=False, lifespan="off"))
    if options.port_file:
        _write_whole(Path(options.port_file), json.dumps({**urls, "port": port, "pid": os.getpid()}))
    sys.stdout.write("\n".join(f"{name}: {url}" for name, url in urls.items()) + "\n")
    sys.stdout.flush()
    asyncio.run(_serve(server, listener, options.parent_pid))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sandbox", description="A practice Cin7 Core, ReturnGO and Shopify over HTTP."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--port-file", help="where to write the addresses as JSON")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same ids and the same bad luck")
    parser.add_argument("--quota", type=int, default=60, help="Cin7 calls allowed in any 60 seconds, per key")
    parser.add_argument("--parent-pid", type=int, help="stop when this process is gone")
    parser.add_argument("--empty", action="store_true", help="start without the default tenant")
    return parser


def _urls(base: str) -> dict[str, str]:
    return {
        "base_url": base,
        "cin7_url": f"{base}/cin7/ExternalApi/v2/",
        "returngo_url": f"{base}/returngo",
        "shopify_url": f"{base}/shopify",
        "control_url": f"{base}/control",
    }


def _write_whole(path: Path, text: str) -> None:
    part = path.with_suffix(".part")
    part.write_text(text)
    part.replace(path)


async def _serve(server: uvicorn.Server, listener: socket.socket, parent: int | None) -> None:
    watch = asyncio.create_task(_watch(server, parent)) if parent else None
    await server.serve(sockets=[listener])
    if watch is not None:
        watch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watch


async def _watch(server: uvicorn.Server, parent: int) -> None:
    while True:
        await asyncio.sleep(1)
        try:
            os.kill(parent, 0)
        except ProcessLookupError:
            server.should_exit = True
            return
        except PermissionError:
            continue


if __name__ == "__main__":
    sys.exit(main())
