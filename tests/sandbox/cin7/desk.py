"""A seat at the practice Cin7 for tests: an in-process client with good credentials and short-hands."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import httpx

from sandbox.app import build_app
from sandbox.books.ledger import Books
from sandbox.books.tenant import default_tenant, set_up
from sandbox.cin7.api import ACCOUNT_ID, APPLICATION_KEY
from sandbox.world import World

API = "/cin7/ExternalApi/v2/"
CREDENTIALS = {"api-auth-accountid": ACCOUNT_ID, "api-auth-applicationkey": APPLICATION_KEY}
NEW = "00000000-0000-0000-0000-000000000000"
VAT = "20% (VAT on Income)"
DAY = "2026-03-20T00:00:00"


class Desk:
    """One world with its client; `steady` errors unless a test asks for the seeded mix."""

    def __init__(self, world: World, client: httpx.AsyncClient, runner: asyncio.Runner) -> None:
        self.world = world
        self.client = client
        self.runner = runner

    def send(self, method: str, path: str, **how: Any) -> httpx.Response:
        return self.runner.run(self.client.request(method, path, **how))

    def ask(self, method: str, path: str, body: Any = None, **query: Any) -> httpx.Response:
        content = None if body is None else json.dumps(body)
        return self.send(method, API + path, content=content, params=query, headers=CREDENTIALS)

    def get(self, path: str, **query: Any) -> Any:
        response = self.ask("GET", path, **query)
        assert response.status_code == 200, response.text
        return json.loads(response.text, parse_float=Decimal)

    def post(self, path: str, body: Any) -> Any:
        response = self.ask("POST", path, body)
        assert response.status_code == 200, response.text
        return json.loads(response.text, parse_float=Decimal)

    def refusal(self, method: str, path: str, body: Any = None, **query: Any) -> str:
        response = self.ask(method, path, body, **query)
        assert response.status_code == 400, response.text
        return response.text

    def control(self, method: str, path: str, body: Any = None) -> Any:
        response = self.send(method, f"/control{path}", json=body)
        assert response.status_code == 200, response.text
        return response.json()

    def set(self, **settings: Any) -> None:
        self.control("PATCH", "/settings", settings)

    def sale(self, **spec: Any) -> dict[str, Any]:
        lines = [{"sku": "TEE-BLK-M", "quantity": "2", "price": "30"}]
        built: dict[str, Any] = self.control(
            "POST", "/sales", {"order_name": "#5501", "date": "2026-03-02", "lines": lines, **spec}
        )
        return built

    def note(self, sale: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """Return the body of a good credit note for one tee of a sale."""
        line = {"SKU": "TEE-BLK-M", "Name": "Tee", "Quantity": 1, "Price": 30, "Tax": 6, "Total": 30, "TaxRule": VAT}
        return {
            "SaleID": sale["sale_id"], "TaskID": sale["sale_id"] if sale["kind"] == "Simple Sale" else NEW,
            "CombineAdditionalCharges": False, "CreditNoteInvoiceNumber": sale["invoices"][0]["number"],
            "Memo": "RG-1", "Status": "AUTHORISED", "CreditNoteDate": DAY, "Lines": [line],
            "Restock": [{"SKU": "TEE-BLK-M", "Quantity": 1}], **changes,
        }  # fmt: skip

    def on_hand(self, sku: str, location: str = "Main Warehouse") -> Any:
        rows = self.control("GET", f"/stock?sku={sku}")
        return sum((Decimal(row["on_hand"]) for row in rows if row["location"] == location), Decimal(0))

    def balance(self, account: str) -> Any:
        return Decimal(self.control("GET", "/trial-balance").get(account, "0"))

    def location(self, name: str) -> str:
        found = self.world.books.catalogue.place(name=name)
        assert found is not None
        return found.id


@contextmanager
def cin7_desk(seed: int = 7, **settings: Any) -> Iterator[Desk]:
    """Open a world with the default tenant, a generous quota and errors as plain arrays with all problems."""
    world = World(seed)
    transport = httpx.ASGITransport(build_app(world))
    with asyncio.Runner() as runner:
        client = httpx.AsyncClient(transport=transport, base_url="http://practice")
        steady = {"error_shape": "array", "problems_shown": "all", "quota": 100_000, "webhook_delay": 0}
        world.settings.patch(steady | settings)
        world.books = Books(seed, world.settings)
        set_up(world.books, default_tenant())
        yield Desk(world, client, runner)
        runner.run(client.aclose())
        world.books.check()
