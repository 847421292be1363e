"""One cell of the kill-point matrix: a return on its way, a SIGKILL at one point, and what the books say afterwards."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from tests.sandbox_server import SandboxHandle
from tests.tasks.practice import SKU, Bench
from tests.valkey_server import ValkeyHandle
from tests.waiting import BOUND, until

ROOT = Path(__file__).resolve().parents[2]
TERMS = """
availability_target = "shopify"

[shops.alder.shopify]
base_url = "{url}"
shop = "alder"
access_token = "practice-token"
"""
#: Small enough for a test, and every rule of the settings still holds between them.
INTERVALS = """
sweep = 0.3
returngo_poll = 20.0
transactions_poll = 20.0
sales_poll = 20.0
notes_poll = 20.0
availability_min = 2.0
availability_max = 5.0
lookup_waits = [0.2, 0.4, 0.8]
quiet_period = 3.2
lease = 3.2
park_max = 60
quota_patience = 1.0
"""


class Recovery(StrEnum):
    """Who goes on after the death."""

    RESTART = "restart"
    TAKEOVER = "another worker takes over"
    VALKEY = "valkey is killed and restarted meanwhile"


class Nursery:
    """Forks workers that have everything imported already."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.worker"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def fork(self, **told: Any) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(BOUND)


@contextmanager
def nursery() -> Iterator[Nursery]:
    made = Nursery()
    try:
        yield made
    finally:
        made.close()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@dataclass
class Cell:
    """One point, one recovery, one installation."""

    point: str
    recovery: Recovery
    folder: Path
    world: SandboxHandle
    valkey: ValkeyHandle
    blank: Path
    nursery: Nursery
    order: str = ""
    rma: str = ""
    pids: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.bench = Bench(
            self.folder, self.world, self.valkey.url, self.blank,
            terms=TERMS.format(url=self.world.shopify_url), intervals=INTERVALS, write_deadline=1.5, read_deadline=1.5,
            portal_shop=f"{self.prefix[:-1]}.myshopify.com",
        )  # fmt: skip
        # Its own keys in the shared Valkey.
        path = self.folder / "returnline.toml"
        path.write_text(path.read_text().replace('prefix = "t:"', f'prefix = "{self.prefix}"'))

    @property
    def prefix(self) -> str:
        return f"{self.point}-{self.recovery.name}:".lower().replace(".", "-")

    @property
    def died(self) -> Path:
        return self.folder / "died-here"

    # -- what happens -------------------------------------------------------------------------------------------------

    def arrive(self) -> None:
        """A return comes in by webhook; another one of which nobody is told is left to the sweep."""
        # The cells share one practice shop: one that already shows the figure would have nothing published to it.
        shop = {"sku": SKU, "location": "Shop floor", "available": 0}
        self.world.control.post("/shopify/levels", json=shop).raise_for_status()
        self.order = self.bench.desk.sell(kind="Advanced Sale")
        self.rma = self.bench.desk.open_return(self.order)
        fields: dict[Any, Any] = {
            "delivery": f"d-{self.rma}",
            "shop": "alder",
            "source": "returngo",
            "topic": "RMA_APPROVED",
        }
        more: dict[Any, Any] = {
            "received_at": self.bench.clock().isoformat(),
            "content_type": "application/json",
            "nudge": "",
        }
        body = json.dumps({"rmaId": int(self.rma)})
        self.bench.redis.xadd(f"{self.prefix}inbox", {**fields, **more, "headers": "{}", "body": body})

    def environment(self, *, armed: bool) -> dict[str, str]:
        """What a process of this installation is told."""
        return {
            "REDIS_URL": self.valkey.url,
            "RETURNLINE_KILL_POINT": f"{self.point}=kill" if armed else "",
            "RETURNLINE_KILL_ONCE": str(self.died),
            "RETURNLINE_CONFIG": str(self.folder / "returnline.toml"),
            "RETURNLINE_DATA": str(self.folder / "data"),
        }

    def start(self, *, armed: bool, command: list[str] | None = None) -> int:
        env = self.environment(armed=armed)
        told = {"config": env["RETURNLINE_CONFIG"], "data": env["RETURNLINE_DATA"], "log": str(self.folder / "log")}
        pid = self.nursery.fork(env=env, command=command, **told)
        self.pids.append(pid)
        return pid

    def begin(self) -> None:
        for _ in range(2 if self.recovery is Recovery.TAKEOVER else 1):
            self.start(armed=True)

    def wait_for_death(self) -> None:
        until(f"{self.point} is reached", self.died.exists, log=self.log)
        until("the process is dead", lambda: not all(alive(pid) for pid in self.pids))

    def recover(self) -> None:
        if self.recovery is not Recovery.TAKEOVER:
            self.start(armed=False)

    def end(self) -> None:
        for pid in self.pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.bench.close()

    # -- what is true afterwards --------------------------------------------------------------------------------------

    def well(self) -> bool:
        """Whether the return is settled and the books agree. A second document is told at once, not waited for."""
        if len(self.bench.desk.authorised(self.order)) > 1:
            raise AssertionError(f"two authorised notes\n{self.log()}")
        return self.credit_entry() == "settled" and self.verdict() == ""

    def credit_entry(self) -> str:
        from pipeline.ledger.schema import all as t

        c = t.entries.c
        rows = self.bench.rows(t.entries, c.subject == self.rma, c.consumer == "credit-notes")
        return str(rows[0]["state"]) if rows else ""

    def effects(self) -> list[dict[str, Any]]:
        from pipeline.ledger.schema import all as t

        return [row for row in self.bench.rows(t.effects) if f":{self.rma}:" in row["key"]]

    def shown(self) -> bool:
        """Whether the shop shows what Cin7 has."""
        levels = self.world.control.get("/shopify/levels").json()["levels"]
        return any(int(row["available"]) > 0 for row in levels if row["sku"] == SKU)

    def verdict(self) -> str:
        """Empty when the books hold exactly one authorised note for the return's key and the ledger knows it."""
        from pipeline.ledger.schema import all as t

        notes_planned = [one for one in self.effects() if one["kind"] == "credit"]
        if [one["state"] for one in notes_planned] != ["CONFIRMED"]:
            return f"effects: {[one['state'] for one in notes_planned]}"
        row = notes_planned[0]
        notes = [note for note in self.bench.desk.notes(self.order) if row["marker"] in note["memo"]]
        standing = [note["task_id"] for note in notes if note["status"] == "AUTHORISED"]
        problems = []
        if standing != [row["reference"]]:
            problems.append(f"the books hold {standing}, the ledger says {row['reference']!r}")
        if len(notes) != 1:
            problems.append(f"{len(notes)} documents carry the mark")
        if len(self.bench.rows(t.deliveries)) != 1:
            problems.append("the delivery is not in the ledger exactly once")
        if int(self.bench.redis.xlen(f"{self.prefix}inbox")):
            problems.append("the inbox still holds the delivery")
        return "; ".join(problems)

    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text()[-3000:] if path.exists() else "(no log)"
