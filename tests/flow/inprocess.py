"""The whole line in one process: the practice world over HTTP, a real ledger and Valkey, and a clock the test moves.

with servers(tmp_path_factory.mktemp("line")) as served:
    with line(tmp_path, served, terms='write_off_account = "403"') as it: ...
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.ledger import concerns
from pipeline.ledger.schema import all as t
from schemas.concerns import ConcernType
from tasks.polls import polls
from tasks.stages import consume
from tests.sandbox_server import SandboxHandle, running_sandbox
from tests.tasks.practice import PORTAL_SHOP, SHOP, Bench, empty_ledger
from tests.valkey_server import running_valkey

#: When a story begins, unless it says otherwise: noon of a working day, far from midnight in every time zone used here.
NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
#: Seconds between two rounds of `nudge_and_settle`: longer than the look-back after a document.
ROUND = 31


@dataclass(frozen=True)
class Served:
    """What is started once for a session of tests."""

    world: SandboxHandle
    redis_url: str
    blank: Path


@contextmanager
def servers(folder: Path, **options: object) -> Iterator[Served]:
    """A practice world and a Valkey, both stopped at the end by whoever started them."""
    with running_valkey() as valkey, running_sandbox(**{"quota": 100000, **options}) as world:
        yield Served(world, valkey.url, empty_ledger(folder))


class Line(Bench):
    """One installation with helpers for whole stories."""

    def at(self, moment: datetime) -> None:
        """Make this the present of the line and of the practice world: two clocks that disagree tell no story."""
        self.clock.now = moment
        self.control("/clock", {"now": moment.isoformat()})

    def nudge_and_settle(self, rma_id: str, rounds: int = 4) -> dict[str, str]:
        """Read the return and let every consumer work until nothing is due; gives each entry's state."""
        self.nudge(rma_id)
        self.read()
        return self.settle(rma_id, rounds)

    def settle(self, rma_id: str, rounds: int = 4) -> dict[str, str]:
        """Let every consumer of the return work so many rounds, `ROUND` seconds apart."""
        for _ in range(rounds):
            for entry in self.entries(rma_id):
                consume.run(self.parts, entry["id"])
            # The sweep's bulk reading of the journal answers the checks of the restock values.
            polls.journal_lines(self.parts, self.the_return(rma_id)["shop"])
            self.clock.forward(ROUND)
        return {entry["consumer"]: entry["state"] for entry in self.entries(rma_id)}

    def entries(self, rma_id: str) -> list[dict[str, Any]]:
        """The return's entries, one for each consumer that hears it."""
        return self.rows(t.entries, t.entries.c.subject == rma_id)

    def accept(self, rma_id: str, kind: ConcernType) -> None:
        """A person accepts this exception of the return."""
        row = self.the_return(rma_id)
        with self.parts.ledger.write() as conn:
            concerns.accept(conn, row["id"], kind, "looked at", "Priya", self.clock())
        self.change(t.entries, t.entries.c.subject == rma_id, due_at=self.clock(), state="open")

    def units(self, rma_id: str) -> list[dict[str, Any]]:
        """The facts of the return's units."""
        return self.rows(t.units, t.units.c.return_id == self.the_return(rma_id)["id"])

    def kinds(self, rma_id: str) -> dict[str, str]:
        """The open exceptions of the return: type and cause."""
        return {row["type"]: row["cause"] for row in self.exceptions() if row["rma_id"] == rma_id}

    def made(self, rma_id: str) -> list[tuple[str, str]]:
        """Kind and state of every effect of the return."""
        return [(row["kind"], row["state"]) for row in self.effects(rma_id)]

    def control(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """One order to the practice world's control desk."""
        answer = self.desk.world.control.post(path, json=dict(body or {}))
        assert answer.status_code < 300, answer.text
        return answer.json()  # type: ignore[no-any-return]

    def books(self) -> dict[str, Any]:
        """Every document of the practice world."""
        return self.desk.world.control.get("/books").json()  # type: ignore[no-any-return]

    def on_hand(self, sku: str, location: str) -> float:
        """Units of a SKU on hand in a location, all its bins together."""
        rows = self.desk.world.control.get("/stock").json()
        return sum(float(row["on_hand"]) for row in rows if (row["sku"], row["location"]) == (sku, location))

    def sell(self, order: str, lines: Sequence[Mapping[str, Any]], **more: Any) -> dict[str, Any]:
        """A paid, shipped, tax-inclusive sale of these lines."""
        sale = {
            "order_name": order,
            "kind": "Advanced Sale",
            "currency": "GBP",
            "tax_inclusive": True,
            "date": "2026-11-01",
            "location": "Main Warehouse",
            "invoice_status": "PAID",
            "lines": [{"tax_rule": "20% (VAT on Income)", **line} for line in lines],
        }
        return self.control("/sales", {**sale, **more})

    def open_rma(
        self, order: str, units: Sequence[Mapping[str, Any]], status: str = "Received"
    ) -> tuple[str, list[str]]:
        """A return in this status; gives its number and the ids of its units."""
        plain = {"line_item_id": "1", "reason": "Too small", "tax_included": True}
        answer = self.control(
            "/returngo/rmas",
            {
                "shop_name": PORTAL_SHOP,
                "order_name": order,
                "currency": "GBP",
                "units": [{**plain, **unit} for unit in units],
                "status": status,
                "shipment": True,
                "method": "Ship with any carrier",
            },
        )
        return str(answer["rma_id"]), [str(unit) for unit in answer["returned_item_ids"]]

    def inspect(self, rma_id: str, **verdicts: Mapping[str, Any]) -> None:
        """The warehouse says what it found: `inspect(rma, **{unit: {"restockable": False}})`."""
        self.control(f"/returngo/rmas/{rma_id}/inspect", verdicts)


@contextmanager
def line(folder: Path, served: Served, now: datetime = NOON, **settings: Any) -> Iterator[Line]:
    """One installation on fresh books, at this moment whatever the machine's clock says."""
    served.world.control.post("/reset")
    served.world.control.delete("/faults")
    served.world.control.patch("/settings", json={"restock_cost": "original", "restock_posts": "with_authorise"})
    it = Line(folder, served.world, served.redis_url, served.blank, **settings)
    it.redis.flushall()
    it.at(now)
    try:
        yield it
    finally:
        it.close()


__all__ = ["NOON", "SHOP", "Line", "Served", "line", "servers"]
