"""One installation that shows stock, on the workbench, and the shop it shows it to."""

from __future__ import annotations

import itertools
import json
from decimal import Decimal
from typing import Any

from pipeline.ledger.reports import oversell
from pipeline.ledger.schema import all as t
from tasks.availability import availability, feed
from tasks.stages import consume
from tests.sandbox_server import SandboxHandle
from tests.tasks.practice import PREFIX, SHOP, SKU, Bench

JEANS, BOOT, SCARF = "JEANS-32", "BOOT-42", "SCARF-WOL"


_orders = itertools.count(1)


class Line:
    """One installation that shows stock, and the shop it shows it to."""

    def __init__(self, bench: Bench, world: SandboxHandle) -> None:
        self.bench, self.world, self.parts = bench, world, bench.parts

    def variants(self, *skus: str, available: int = 0, **more: Any) -> None:
        levels = more.pop("levels", {"Shop floor": available})
        rows = [{"sku": sku, "levels": levels, **more} for sku in skus]
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

    def sell(self, sku: str, quantity: int, *, ship: bool = True) -> None:
        """An order in Cin7: shipped, or only promised."""
        sold = {"sku": sku, "quantity": str(quantity), "price": "30", "discount": "0", "tax_rule": "Zero Rated Income"}
        name = f"#A{next(_orders)}"
        order = {"order_name": name, "customer_reference": name, "currency": "GBP", "rate": "1", "lines": [sold]}
        more = {"kind": "Simple Sale", "tax_inclusive": True, "date": "2026-11-01", "location": "Main Warehouse"}
        invoice = {"ship": ship, "invoice_status": "PAID" if ship else "NOT AVAILABLE"}
        answer = self.world.control.post("/sales", json={**order, **more, **invoice})
        assert answer.status_code < 300, answer.text

    def named(self, *skus: str) -> None:
        """Cin7's stock webhook arrives and is admitted."""
        self.deliver(*skus)
        self.bench.admit()

    def deliver(self, *skus: str) -> None:
        row = {"ID": "7f000000-0000-4000-8000-0000000000b1", "Location": "Main Warehouse", "Available": 1}
        body = json.dumps([{**row, "SKU": sku} for sku in skus]).encode()
        fields: Any = {
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

    def shown(self, sku: str = SKU) -> int:
        levels = self.world.control.get("/shopify/levels").json()["levels"]
        return next(int(row["available"]) for row in levels if row["sku"] == sku)

    def changes(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.world.control.get("/shopify/changes").json()["changes"]
        return rows

    def cin7(self, sku: str = SKU, location: str = "Main Warehouse") -> int:
        """What Cin7 has to offer, by the practice books."""
        rows = [row for row in self.world.control.get("/stock").json() if row["sku"] == sku]
        here = [row for row in rows if row["location"] == location]
        held = sum(Decimal(row["on_hand"]) for row in here)
        return int(held - max((Decimal(row["allocated"]) for row in here), default=Decimal(0)))

    def row(self, sku: str = SKU) -> dict[str, Any]:
        return self.bench.rows(t.availability, t.availability.c.sku == sku)[0]

    def window(self) -> oversell.OversellWindow:
        with self.parts.ledger.read() as conn:
            return oversell.oversell_window(conn, SHOP)[0]


def memory_of(line: Line) -> str:
    row = line.bench.rows(t.cursors, t.cursors.c.name == availability.POLL)[0]
    return str(row["at"].date())


def due(line: Line, seconds: float) -> bool:
    line.bench.clock.forward(seconds)
    return availability.seconds_left(line.parts, line.parts.shop(SHOP)) == 0


def feed_of(line: Line) -> dict[str, Any]:
    kept = line.bench.redis.get(feed.key_of(PREFIX, SHOP))
    document: dict[str, Any] = json.loads(kept)  # type: ignore[arg-type]
    return document
