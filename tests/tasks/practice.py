"""A line on the workbench: real ledger, real Valkey, the practice world over HTTP, and a clock that the test moves."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from kombu import pools
from redis import Redis

from consumers.roster import NAMES
from pipeline.ledger import concerns, effects, migrate, returns
from pipeline.ledger.schema import all as t
from pipeline.parts import Parts
from pipeline.settings.load import load
from pipeline.settings.values import Settings
from tasks.stages import consume, intake, reading
from tests.sandbox_server import SandboxHandle

SHOP = "alder"
PORTAL_SHOP, PORTAL_KEY = "alder.myshopify.com", "practice-key"
PREFIX = "t:"
SKU, PRICE = "TEE-BLK-M", "30"

TOML = """
prefix = "t:"

[intervals]
park_min = 1
write_deadline = {write_deadline}
read_deadline = {read_deadline}
{intervals}

[shops.alder.returngo]
base_url = "{returngo}"
shop_name = "{portal_shop}"
api_key = "practice-key"
daily_limit = 1000000

[shops.alder.cin7]
base_url = "{cin7}"
account_id = "{account}"
application_key = "{key}"
limit = {limit}

[shops.alder.hooks]
token = "practice-token-0123456789"

[shops.alder.terms]
go_live = 2020-01-01
gate = "{gate}"
sellable_location = "Main Warehouse"
quarantine_location = "Quarantine"
{terms}

[[shops.alder.terms.dispositions]]
reason = "*"
disposition = "restock"
"""


class Clock:
    """The time as every part of the line sees it; it stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC).replace(microsecond=0)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now


def write_settings(
    folder: Path,
    world: SandboxHandle,
    redis_url: str,
    *,
    terms: str = "",
    intervals: str = "",
    write_deadline: float = 4.0,
    read_deadline: float = 4.0,
    limit: int = 5000,
    gate: str = "received",
    portal_shop: str = PORTAL_SHOP,
) -> Settings:
    """The settings file of a one-shop installation, read back as a command would."""
    told = world.control.get("/settings").json()
    world.control.post("/returngo/shops", json={"shop_name": portal_shop, "api_key": PORTAL_KEY})
    path = folder / "returnline.toml"
    path.write_text(
        TOML.format(
            returngo=world.returngo_url,
            portal_shop=portal_shop,
            cin7=world.cin7_url,
            account=told["cin7_account_id"],
            key=told["cin7_keys"][0],
            terms=terms,
            intervals=intervals,
            write_deadline=write_deadline,
            read_deadline=read_deadline,
            limit=limit,
            gate=gate,
        )
    )
    return load(path, folder / "data", {"REDIS_URL": redis_url})


def stock_up(world: SandboxHandle) -> None:
    """Goods enough for every sale of a test session."""
    lot = {"sku": SKU, "quantity": "1000000", "cost": "9.40", "location": "Main Warehouse"}
    assert world.control.post("/stock", json=lot).status_code == 200
    # A test session asks more in a minute than a shop in a day.
    assert world.control.patch("/returngo/settings", json={"daily_quota": 1_000_000}).status_code == 200


_orders = itertools.count(1001)


class Desk:
    """The merchant's side: sells, takes returns, and looks into the practice world's books."""

    def __init__(self, world: SandboxHandle, portal_shop: str = PORTAL_SHOP) -> None:
        self.world = world
        self.portal_shop = portal_shop

    def _post(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        answer = self.world.control.post(path, json=body or {})
        assert answer.status_code < 300, answer.text
        done: dict[str, Any] = answer.json()
        return done

    def sell(self, order: str = "", quantity: int = 2, kind: str = "Simple Sale") -> str:
        """A paid, shipped sale; gives its order name."""
        name = order or f"#{next(_orders)}"
        line = {"sku": SKU, "quantity": str(quantity), "price": PRICE, "discount": "0"}
        self._post(
            "/sales",
            {
                "order_name": name,
                "customer_reference": name,
                "kind": kind,
                "currency": "GBP",
                "rate": "1",
                "tax_inclusive": True,
                "date": "2026-11-01",
                "location": "Main Warehouse",
                "ship": True,
                "invoice_status": "PAID",
                "lines": [{**line, "tax_rule": "20% (VAT on Income)"}],
            },
        )
        return name

    def open_return(self, order: str, units: int = 1, *, received: bool = True) -> str:
        """An approved RMA for some units of the order; gives its id."""
        unit = {
            "sku": SKU,
            "line_item_id": "1",
            "paid_price": "30.00",
            "paid_tax": "5.00",
            "tax_included": True,
            "reason": "Too small",
            "resolution": "RefundToPaymentMethod",
        }
        rma = self._post(
            "/returngo/rmas",
            {
                "shop_name": self.portal_shop,
                "order_name": order,
                "order_id": order.lstrip("#"),
                "currency": "GBP",
                "shop_currency": "GBP",
                "rate": "1",
                "units": [unit] * units,
                "status": "Pending",
                "shipment": True,
                "method": "Ship with any carrier",
            },
        )
        rma_id = str(rma["rma_id"])
        self.act(rma_id, "approve")
        if received:
            self.act(rma_id, "receive")
        return rma_id

    def act(self, rma_id: str, action: str) -> None:
        self._post(f"/returngo/rmas/{rma_id}/{action}")

    def fault(self, kind: str, **rule: Any) -> None:
        """The next matching call goes wrong in this way (`times` defaults to one)."""
        self._post("/faults", {"kind": kind, "times": 1, **rule})

    def heal(self) -> None:
        self.world.control.delete("/faults")

    def sale_of(self, order: str) -> dict[str, Any]:
        rows: list[dict[str, Any]] = self.world.control.get("/books").json()["sales"]
        return next(row for row in rows if row["customer_reference"] == order)

    def notes(self, order: str) -> list[dict[str, Any]]:
        """Every credit note on the order's sale, as the books hold it."""
        rows: list[dict[str, Any]] = self.world.control.get("/books").json()["credit_notes"]
        return [row for row in rows if row["customer_reference"] == order]

    def authorised(self, order: str) -> list[dict[str, Any]]:
        return [note for note in self.notes(order) if note["status"] == "AUTHORISED"]

    def calls(self, system: str, method: str = "", path: str = "") -> list[dict[str, Any]]:
        """Calls in the practice world's own log since `forget_calls`."""
        query = {name: value for name, value in (("system", system), ("method", method), ("path", path)) if value}
        rows: list[dict[str, Any]] = self.world.control.get("/calls", params=query).json()
        return rows

    def forget_calls(self) -> None:
        self.world.control.delete("/calls")


class Bench:
    """One installation with its ledger; the stages are called directly, as Celery would."""

    def __init__(self, folder: Path, world: SandboxHandle, redis_url: str, empty_ledger: Path, **settings: Any) -> None:
        self.settings = write_settings(folder, world, redis_url, **settings)
        self.settings.data_dir.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(empty_ledger, self.settings.data_dir / "ledger.sqlite")
        self.desk = Desk(world, self.settings.shop(SHOP).returngo.shop_name)
        self.clock = Clock()
        self._workers: list[Parts] = []
        self.parts = self.worker()

    def worker(self) -> Parts:
        """The parts of one more process of this installation."""
        self._workers.append(Parts(self.settings, clock=self.clock, consumers=NAMES))
        return self._workers[-1]

    def close(self) -> None:
        for parts in self._workers:
            let_go(parts)

    @property
    def redis(self) -> Redis:
        return self.parts.redis

    # -- what happens -------------------------------------------------------------------------------------------------

    def nudge(self, rma_id: str) -> int:
        with self.parts.ledger.write() as conn:
            return returns.nudge(conn, SHOP, rma_id, self.clock())

    def deliver(self, body: bytes, *, delivery_id: str, topic: str = "", headers: str = "{}") -> None:
        """Put a delivery into the inbox as the ingress does."""
        fields: dict[str, str | bytes] = {
            "delivery": delivery_id,
            "shop": SHOP,
            "source": "returngo",
            "topic": topic,
            "received_at": self.clock().isoformat(),
            "content_type": "application/json",
            "headers": headers,
            "nudge": "",
            "body": body,
        }
        self.redis.xadd(f"{PREFIX}inbox", fields)  # type: ignore[arg-type]

    def admit(self) -> int:
        return intake.admit(self.parts)

    def read(self) -> int:
        return reading.read_due(self.parts)

    def take(self, rma_id: str) -> int:
        """Nudge and read one return; gives the id of its credit-note entry."""
        self.nudge(rma_id)
        assert self.read() == 1
        return self.entry(rma_id)["id"]  # type: ignore[no-any-return]

    def consume(self, rma_id: str) -> str:
        return consume.run(self.parts, self.entry(rma_id)["id"])

    def later(self, rma_id: str, seconds: float) -> str:
        """The same entry again after so many seconds."""
        self.clock.forward(seconds)
        return self.consume(rma_id)

    # -- what is known ------------------------------------------------------------------------------------------------

    def rows(self, table: sa.Table, *where: Any) -> list[dict[str, Any]]:
        with self.parts.ledger.read() as conn:
            found = conn.execute(sa.select(table).where(*where))
            return [dict(row) for row in found.mappings()]

    def change(self, table: sa.Table, *where: Any, **values: Any) -> None:
        with self.parts.ledger.write() as conn:
            conn.execute(table.update().where(*where).values(**values))

    def the_return(self, rma_id: str) -> dict[str, Any]:
        return self.rows(t.returns, t.returns.c.rma_id == rma_id)[0]

    def entry(self, rma_id: str, consumer: str = "credit-notes") -> dict[str, Any]:
        c = t.entries.c
        return self.rows(t.entries, c.subject == rma_id, c.consumer == consumer)[0]

    def effects(self, rma_id: str) -> list[dict[str, Any]]:
        with self.parts.ledger.read() as conn:
            return [dict(row) for row in effects.of_return(conn, self.the_return(rma_id)["id"])]

    def exceptions(self, type_: str = "") -> list[dict[str, Any]]:
        with self.parts.ledger.read() as conn:
            return [dict(row) for row in concerns.open_rows(conn, type_=type_)]

    def letters(self) -> list[dict[str, Any]]:
        return self.rows(t.dead_letters)

    def hints(self, queue: str) -> int:
        return int(self.redis.llen(f"{PREFIX}{queue}"))


def let_go(parts: Parts) -> None:
    """Close every connection that these parts opened."""
    for shop in parts._shops.values():
        shop.cin7._line.wire.http.close()
        shop.returngo._wire.http.close()
    parts.app.close()
    pools.reset()
    parts.redis.close()
    parts.ledger.close()


def empty_ledger(folder: Path) -> Path:
    """A migrated ledger without rows, to be copied by each test."""
    path = folder / "empty.sqlite"
    settings = _LedgerAt(f"sqlite:///{path}")
    migrate(settings)  # type: ignore[arg-type]
    return path


class _LedgerAt:
    def __init__(self, url: str) -> None:
        self.database_url = url
