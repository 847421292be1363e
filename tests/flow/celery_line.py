"""A whole installation for a test: real workers on the embedded server, the practice world, and who deals with both."""

from __future__ import annotations

import itertools
import json
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from sandbox.demo.day.words import ADVANCED, ALDER, SaleOfDay, Sold
from sandbox.demo.evening import fingerprint
from sandbox.demo.ledger import LedgerWindow
from sandbox.demo.play import order_id, sale_form
from sandbox.demo.settings import domain
from sandbox.demo.stage import Stage, running_returnline, running_world
from tests.waiting import until

QUOTA = 600
_orders = itertools.count(1001)


@dataclass
class CeleryLine:
    """One running installation. Every helper goes through the doors that the outside has."""

    stage: Stage
    window: LedgerWindow

    def sell(self, pieces: int = 1) -> str:
        """A paid, shipped sale of T-shirts at 30; gives its order name."""
        order = f"#{next(_orders)}"
        sale = SaleOfDay(order, (Sold("TEE-BLK-M", pieces, Decimal(30)),), kind=ADVANCED)
        day = datetime.now(UTC).date() - timedelta(days=3)
        self.stage.desk.post("/sales", sale_form(sale) | {"date": day.isoformat()})
        return order

    def give_back(self, order: str, *buttons: str) -> str:
        """A return of one piece, with these buttons pressed at the portal; gives its RMA id."""
        unit = {"sku": "TEE-BLK-M", "line_item_id": f"{order_id(order)}0", "paid_price": "30.00", "paid_tax": "5.00"}
        request: dict[str, Any] = {
            "shop_name": domain(ALDER),
            "order_name": order,
            "order_id": order_id(order),
            "currency": "GBP",
            "units": [{**unit, "tax_included": True, "reason": "Too small"}],
        }
        rma = str(self.stage.desk.post("/returngo/rmas", request)["rma_id"])
        for button in buttons or ("approve", "receive"):
            self.stage.desk.post(f"/returngo/rmas/{rma}/{button}")
        return rma

    def webhooks(self, **changed: object) -> None:
        """Change how the portal's webhooks travel."""
        self.stage.desk.patch("/returngo/settings", changed)

    def wait_credited(self, *rmas: str) -> None:
        """Until every one of these returns is credited and at rest."""
        self.until(lambda: [rma for rma in rmas if not self._at_rest(rma)], "not credited")
        self.until(lambda: ["effects"] * self.window.look().undecided, "undecided")
        self.until(lambda: ["webhooks"] * self.stage.desk.get("/returngo/deliveries")["waiting"], "on their way")

    def _at_rest(self, rma: str) -> bool:
        standing = self.window.look().of(rma)
        return standing.credited and standing.state == "settled"

    def until(self, missing: Callable[[], list[str]], what: str) -> None:
        """Wait until nothing is missing. Fails with what still is after `BOUND`."""
        until(f"not {what}", lambda: not missing(), log=lambda: f"{missing()}; {self.window.look()}", pause=0.3)

    def notes(self, *rmas: str) -> Counter[str]:
        """Standing credit notes per return, by the practice books, whoever's route made them."""
        found = self.stage.desk.get("/books")["credit_notes"]
        standing = [note["memo"] or "" for note in found if note["status"] != "VOIDED"]
        return Counter({rma: sum(f"RMA {rma}" in memo for memo in standing) for rma in rmas})

    def drafts(self) -> list[str]:
        """Credit notes left as drafts."""
        return [one["number"] for one in self.stage.desk.get("/books")["credit_notes"] if one["status"] == "DRAFT"]

    def on_hand(self) -> Decimal:
        """T-shirts in the main warehouse."""
        rows = self.stage.desk.get("/stock", sku="TEE-BLK-M")
        return sum((Decimal(row["on_hand"]) for row in rows if row["location"] == "Main Warehouse"), Decimal(0))

    def lost(self) -> list[str]:
        """Bodies that were answered 202 and are nowhere in the ledger."""
        kept = {fingerprint(body) for body in self.window.bodies()}
        told = self.stage.desk.get("/returngo/deliveries")["attempts"]
        return [one["body"] for one in told if one["status"] == 202 and fingerprint(one["body"].encode()) not in kept]

    def pid_of(self, role: str) -> int:
        """The process that plays this role now, 0 while it is down."""
        return next(int(row["pid"]) for row in self._roles() if row["role"] == role)

    def kill(self, role: str) -> int:
        """SIGKILL to the process of this role; gives its number."""
        pid = self.pid_of(role)
        os.kill(pid, signal.SIGKILL)
        return pid

    def _roles(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads((self.stage.data / "run" / "roles.json").read_text())["roles"]
        return rows


@contextmanager
def celery_line(folder: Path, env: Mapping[str, str] | None = None) -> Iterator[CeleryLine]:
    """A practice world and `returnline up` beside it, both stopped at the end by whoever started them."""
    with (
        running_world(folder, seed=5, quota=QUOTA) as urls,
        running_returnline(folder, urls, quota=QUOTA, portal_calls=5000, env=env) as stage,
        closing(LedgerWindow(stage)) as window,
    ):
        yield CeleryLine(stage, window)
