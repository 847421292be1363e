"""A practice portal in this process, spoken to through httpx, with the controls at hand."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.routing import Mount

from sandbox import returngo
from sandbox.world import World
from tests.waiting import BOUND

SHOP, KEY = "garish-rugs.myshopify.com", "key-of-garish-rugs"
CREDENTIALS = {"x-api-key": KEY, "x-shop-name": SHOP}
TEE: dict[str, Any] = {"sku": "TEE-BLK-M", "paid_price": "24.00", "paid_tax": "4.00"}


class InProcess(httpx.BaseTransport):
    """Runs an ASGI application for each request without a socket."""

    def __init__(self, app: Any) -> None:
        self._wire = httpx.ASGITransport(app)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return asyncio.run(self._answer(request))

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        answer = await self._wire.handle_async_request(request)
        return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())


class PortalDesk:
    """Short words for what the tests do to the practice portal."""

    def __init__(self, seed: int = 1) -> None:
        self.world = World(seed)
        mounts = [
            Mount("/control/returngo", routes=returngo.control_routes(self.world)),
            Mount("/returngo", routes=returngo.routes(self.world)),
        ]
        wire = InProcess(Starlette(routes=mounts))
        self.api = httpx.Client(transport=wire, base_url="http://practice/returngo", headers=CREDENTIALS)
        self.control = httpx.Client(transport=wire, base_url="http://practice/control/returngo")
        self.order("/shops", shop_name=SHOP, api_key=KEY)

    def order(self, path: str, **body: Any) -> dict[str, Any]:
        """POST to the controls and insist that it works."""
        answer = self.control.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def settings(self, **patch: Any) -> None:
        """Change switches."""
        answer = self.control.patch("/settings", json=patch)
        assert answer.status_code == 200, answer.text

    def rma(self, *units: Mapping[str, Any], order_name: str = "#1001", **more: Any) -> dict[str, Any]:
        """Build an RMA; one tee unless units are named."""
        return self.order("/rmas", order_name=order_name, units=list(units) or [TEE], **more)

    def act(self, rma: Mapping[str, Any], action: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Press a button on an RMA."""
        return self.order(f"/rmas/{rma['rma_id']}/{action}", **(body or {}))

    def read(self, rma: Mapping[str, Any]) -> dict[str, Any]:
        """GET the RMA as a client does."""
        answer = self.api.get(f"/rma/{rma['rma_id']}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def listed(self, query: str = "") -> list[str]:
        """The RMA ids of one list call."""
        answer = self.api.get(f"/rmas?pagesize=500{query}")
        assert answer.status_code == 200, answer.text
        return [row["rmaId"] for row in answer.json()["rmas"]]

    def transactions(self, query: str = "") -> list[dict[str, Any]]:
        """The rows of one transaction list call."""
        answer = self.api.get(f"/transactions?pagesize=500{query}")
        assert answer.status_code == 200, answer.text
        return list(answer.json()["transactions"])

    def comments(self, rma: Mapping[str, Any]) -> list[str]:
        """The timeline's texts, newest first."""
        return [each["htmlText"] for each in self.read(rma)["comments"]]

    def attempts(self) -> list[dict[str, Any]]:
        """Every webhook attempt so far."""
        return list(self.control.get("/deliveries").json()["attempts"])

    def pass_time(self, seconds: int) -> None:
        """Let world time go by."""
        self.world.clock.advance(seconds)

    def close(self) -> None:
        """Stop posting webhooks and let go of the clients."""
        self.world.reset()
        self.api.close()
        self.control.close()


def eventually(happens: Callable[[], bool], seconds: float = BOUND) -> bool:
    """Wait for something that another thread does."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if happens():
            return True
        time.sleep(0.01)
    return happens()
