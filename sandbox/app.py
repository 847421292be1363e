"""The practice world's web application: Cin7 Core, ReturnGO, Shopify and the control desk behind one gate."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp

from sandbox.cin7.api import Cin7
from sandbox.control import desk
from sandbox.front.gate import Gate
from sandbox.world import World

NEIGHBOURS = ("returngo", "shopify")


def build_app(world: World) -> ASGIApp:
    """Return the whole practice world as one ASGI application around `world`."""
    cin7 = Cin7(world)
    routes: list[BaseRoute] = [Route("/healthz", health)]
    for name in NEIGHBOURS:
        routes += _neighbour(name, world)
    routes += [Mount("/control", routes=desk.routes(world)), Mount("/cin7", app=cin7)]
    return Gate(Starlette(routes=routes), world)


async def health(request: Request) -> JSONResponse:
    """Say that the world is up."""
    return JSONResponse({"ok": True})


def _neighbour(name: str, world: World) -> list[BaseRoute]:
    if importlib.util.find_spec(f"sandbox.{name}") is None:
        return []
    module: Any = importlib.import_module(f"sandbox.{name}")
    found: list[BaseRoute] = []
    if hasattr(module, "control_routes"):
        found.append(Mount(f"/control/{name}", routes=module.control_routes(world)))
    found.append(Mount(f"/{name}", routes=module.routes(world)))
    return found
