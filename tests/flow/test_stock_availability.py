"""Stock from Cin7 to where shoppers choose: the practice world over HTTP, a real ledger and a real Valkey."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.ledger import availability as picture
from pipeline.ledger import memory
from pipeline.ledger import tables as t
from tasks import availability, consume, sweep
from tests.sandbox_server import SandboxHandle, running_sandbox
from tests.tasks.practice import PREFIX, SHOP, SKU, Bench, empty_ledger
from tests.valkey_server import running_valkey

TOKEN = "practice-token"
SHOPIFY = """
[shops.alder.shopify]
base_url = "{url}"
shop = "alder"
access_token = "practice-token"
location_id = ""
"""


@pytest.fixture(scope="module")
def valkey_url() -> Iterator[str]:
    with running_valkey() as server:
        yield server.url


@pytest.fixture(scope="module")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return empty_ledger(tmp_path_factory.mktemp("ledger"))


@pytest.fixture(scope="module")
def served() -> Iterator[SandboxHandle]:
    with running_sandbox(quota=100000) as server:
        yield server


@pytest.fixture
def world(served: SandboxHandle) -> SandboxHandle:
    served.control.post("/reset")
    served.control.delete("/faults")
    return served


class Line:
    """One installation that shows stock, and the shop it shows it to."""

    def __init__(self, bench: Bench, world: SandboxHandle) -> None:
        self.bench, self.world, self.parts = bench, world, bench.parts

    def variants(self, *skus: str, available: int = 0, **more: Any) -> None:
        rows = [{"sku": sku, "levels": {"Shop floor": available}, **more} for sku in skus]
        assert self.world.control.post("/shopify/variants", json={"variants": rows}).status_code == 200

    def stock(self, sku: str, quantity: int, location: str = "Main Warehouse") -> None:
        lot = {"sku": sku, "quantity": str(quantity), "cost": "1", "location": location}
        assert self.world.control.post("/stock", json=lot).status_code == 200

    def sweep(self, seconds: float = 1.0) -> str:
        """A whole sweep, and the entry it woke."""
        self.bench.clock.forward(seconds)
        availability.sweep(self.parts, SHOP)
        return self.work()

    def work(self) -> str:
        rows = self.bench.rows(t.entries, t.entries.c.consumer == "stock-availability")
        return consume.run(self.parts, rows[0]["id"]) if rows else "no entry"

    def named(self, *skus: str) -> None:
        """Cin7's stock webhook arrives."""
        row = {"ID": "7f000000-0000-4000-8000-0000000000b1", "Location": "Main Warehouse", "Available": 1}
        body = json.dumps([{**row, "SKU": sku} for sku in skus]).encode()
        fields: dict[str, Any] = {
            "delivery": f"n-{self.bench.clock.now.timestamp()}-{len(skus)}-{skus[0]}",
            "shop": SHOP,
            "source": "cin7",
            "topic": "Stock/AvailableStockLevelChanged",
            "received_at": self.bench.clock().isoformat(),
            "content_type": "application/json",
            "headers": "{}",
            "nudge": "",
            "body": body,
        }
        self.bench.redis.xadd(f"{PREFIX}inbox", fields)
        self.bench.admit()

    def shown(self, sku: str = SKU) -> int:
        levels = self.world.control.get("/shopify/levels").json()["levels"]
        return next(int(row["available"]) for row in levels if row["sku"] == sku)

    def changes(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.world.control.get("/shopify/changes").json()["changes"]
        return rows

    def cin7(self, sku: str = SKU, location: str = "Main Warehouse") -> int:
        """What Cin7 has to offer, by the practice books."""
        rows = self.parts.shop(SHOP).cin7.availability()
        return int(sum(row.available for row in rows if row.sku == sku and row.location == location))

    def row(self, sku: str = SKU) -> dict[str, Any]:
        return self.bench.rows(t.availability, t.availability.c.sku == sku)[0]

    def window(self) -> picture.OversellWindow:
        with self.parts.ledger.read() as conn:
            return picture.oversell_window(conn, SHOP)[0]


@pytest.fixture
def make_line(tmp_path: Path, world: SandboxHandle, valkey_url: str, blank: Path) -> Iterator[Any]:
    made: list[Bench] = []

    def make(terms: str = 'availability_target = "shopify"', *, shopify: bool = True) -> Line:
        more = SHOPIFY.format(url=world.shopify_url) if shopify else ""
        intervals = "availability_min = 60\navailability_max = 900\n"
        bench = Bench(tmp_path, world, valkey_url, blank, terms=terms, intervals=intervals + "")
        bench.close()
        path = tmp_path / "returnline.toml"
        path.write_text(path.read_text() + more)
        bench = Bench.__new__(Bench)
        made.append(bench)
        _open(bench, path, tmp_path, world, valkey_url)
        bench.redis.flushall()
        return Line(bench, world)

    yield make
    for bench in made:
        bench.close()


def _open(bench: Bench, path: Path, folder: Path, world: SandboxHandle, redis_url: str) -> None:
    from pipeline.settings import load
    from tests.tasks.practice import Clock, Desk

    bench.settings = load(path, folder / "data", {"REDIS_URL": redis_url})
    bench.desk, bench.clock, bench._workers = Desk(world), Clock(), []
    bench.parts = bench.worker()


@pytest.fixture
def line(make_line: Any) -> Line:
    made: Line = make_line()
    return made


def test_available_stock_reaches_the_shop(line: Line) -> None:
    line.variants(SKU, available=3)

    assert line.sweep() == "settled"

    assert line.shown() == line.cin7() > 3
