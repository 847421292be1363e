"""The soak: returns flow while everything around them is killed, frozen or lying; then the books are compared.

What was accepted is read from the ingress's own access log, what was done from the practice world's books.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from pipeline.ledger.schema import all as t
from tests.faults.killing import ROOT, Cell, Recovery, alive

TOKEN = "practice-token-0123456789"
WORKERS = 3
_JSON = {"content-type": "application/json"}
#: Seconds that everything may need to become right again once the faults have ended.
CALM = 90.0
#: What the practice Cin7 does to a write or a read. None lasts longer than the quiet period allows.
MISCHIEF: tuple[dict[str, Any], ...] = (
    {"kind": "reset_after", "method": "POST", "path": "creditnote"},
    {"kind": "reset_before", "method": "POST", "path": "creditnote"},
    {"kind": "timeout_after", "method": "POST", "path": "creditnote", "seconds": 2.0},
    {"kind": "late_commit", "method": "POST", "path": "creditnote", "seconds": 1.0, "form": "timeout"},
    {"kind": "status_after", "method": "POST", "path": "creditnote", "status": 500},
    {"kind": "truncated_after", "method": "POST", "path": "creditnote"},
    {"kind": "html_200_after", "method": "POST", "path": "creditnote"},
    {"kind": "empty_200_after", "method": "POST", "path": "creditnote"},
    {"kind": "wrong_echo", "method": "POST", "path": "creditnote"},
    {"kind": "throttle", "path": "sale", "retry_after": "1 Seconds"},
    {"kind": "status_before", "method": "GET", "path": "sale", "status": 502, "form": "html"},
    {"kind": "html_200_before", "method": "GET", "path": "sale"},
)


@dataclass
class Orders:
    """How long, how many and with which luck."""

    seconds: float
    returns: int
    seed: int


@dataclass
class Outcome:
    """What happened and which promises were broken (none, one hopes)."""

    orders: Orders
    did: Counter[str] = field(default_factory=Counter)
    exits: Counter[str] = field(default_factory=Counter)
    accepted: int = 0
    notes: int = 0
    calm_seconds: float = 0.0
    broken: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """The report as text."""
        return [
            f"seed {self.orders.seed}, {self.orders.seconds:g} s, {self.orders.returns} returns",
            f"faults: {', '.join(f'{n} × {name}' for name, n in sorted(self.did.items()))}",
            f"accepted deliveries: {self.accepted}; authorised notes: {self.notes}",
            f"exits: {', '.join(f'{n} {name}' for name, n in sorted(self.exits.items()))}",
            f"all right {self.calm_seconds:.1f} s after the last fault",
            *(f"BROKEN: {what}" for what in self.broken or []),
            "no promise broken" if not self.broken else f"{len(self.broken)} promises broken",
        ]


class Soak:
    """One installation under siege: an ingress, three workers, Valkey, and the practice world."""

    def __init__(self, cell: Cell, orders: Orders) -> None:
        self.cell, self.orders = cell, orders
        self.rng = random.Random(orders.seed)
        self.outcome = Outcome(orders)
        self.returns: dict[str, str] = {}
        self._workers: list[int] = []
        self._frozen: list[tuple[float, int]] = []
        self._ingress: subprocess.Popen[bytes] | None = None
        self._unannounced: list[str] = []

    def run(self) -> Outcome:
        """Storm, calm, reckoning."""
        try:
            self._start()
            self._storm()
            self._calm()
            self._reckon()
        finally:
            self._stop()
        return self.outcome

    # -- processes ----------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        self._open_door()
        self._workers = [self.cell.start(armed=False) for _ in range(WORKERS)]

    def _open_door(self) -> None:
        port_file = self.cell.folder / "ingress.port"
        port_file.unlink(missing_ok=True)
        with (self.cell.folder / "access.log").open("ab") as log:
            self._ingress = subprocess.Popen(
                [sys.executable, "-m", "console.cli", "ingress", "--port", "0", "--port-file", str(port_file)],
                cwd=ROOT,
                env=os.environ | self.cell.environment(armed=False),
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + 20
        while not port_file.exists() and time.monotonic() < end:
            time.sleep(0.02)
        self._door = f"http://127.0.0.1:{port_file.read_text().strip()}/hooks/returngo/alder/{TOKEN}"

    def _stop(self) -> None:
        for _, pid in self._frozen:
            _signal(pid, signal.SIGCONT)
        if self._ingress is not None and self._ingress.poll() is None:
            self._ingress.kill()
        if self._ingress is not None:
            self._ingress.wait()

    # -- the storm ----------------------------------------------------------------------------------------------------

    def _storm(self) -> None:
        begin = time.monotonic()
        next_fault = begin + 2.0
        for number in range(self.orders.returns):
            due = begin + self.orders.seconds * number / self.orders.returns
            while time.monotonic() < due:
                next_fault = self._maybe_fault(next_fault)
                time.sleep(0.02)
            self._return_arrives()
        while time.monotonic() < begin + self.orders.seconds:
            next_fault = self._maybe_fault(next_fault)
            time.sleep(0.05)

    def _return_arrives(self) -> None:
        desk = self.cell.bench.desk
        order = desk.sell(kind="Advanced Sale")
        rma = desk.open_return(order)
        self.returns[rma] = order
        if self.rng.random() < 0.1:
            self.outcome.did["return that nobody announced"] += 1
            return
        for _ in range(self.rng.choice((1, 1, 2, 3))):
            self._announce(rma)

    def _announce(self, rma: str) -> None:
        """As the portal does: again until it is taken, a few times."""
        body = json.dumps({"eventName": "RMA_STATUS_UPDATED", "rmaId": rma})
        for _ in range(4):
            try:
                answer = httpx.post(self._door, content=body, headers=_JSON, timeout=3.0, trust_env=False)
                if answer.status_code == 202:
                    return
                self.outcome.did[f"delivery answered {answer.status_code}"] += 1
            except httpx.HTTPError:
                self.outcome.did["delivery without an answer"] += 1
            time.sleep(0.2)

    def _maybe_fault(self, due: float) -> float:
        self._thaw(time.monotonic())
        if time.monotonic() < due:
            return due
        faults: list[tuple[int, Callable[[], str]]] = [
            (4, self._kill_worker),
            (3, self._freeze_worker),
            (8, self._lie),
            (1, self._kill_valkey),
            (1, self._freeze_valkey),
            (1, self._kill_door),
        ]
        self.outcome.did[self.rng.choices([f for _, f in faults], [w for w, _ in faults])[0]()] += 1
        return time.monotonic() + self.rng.uniform(0.3, 1.5)

    def _kill_worker(self) -> str:
        place = self.rng.randrange(len(self._workers))
        _signal(self._workers[place], signal.SIGKILL)
        self._workers[place] = self.cell.start(armed=False)
        return "worker killed"

    def _freeze_worker(self) -> str:
        pid = self.rng.choice(self._workers)
        _signal(pid, signal.SIGSTOP)
        # Longer than a lease, half of the time: it wakes as a zombie.
        self._frozen.append((time.monotonic() + self.rng.uniform(0.5, 7.0), pid))
        return "worker frozen"

    def _thaw(self, now: float) -> None:
        for _, pid in [one for one in self._frozen if one[0] <= now]:
            _signal(pid, signal.SIGCONT)
        self._frozen = [one for one in self._frozen if one[0] > now]

    def _lie(self) -> str:
        rule = self.rng.choice(MISCHIEF)
        self.cell.bench.desk.fault(**{"system": "cin7", **rule})
        return f"Cin7: {rule['kind']}"

    def _kill_valkey(self) -> str:
        self.cell.valkey.kill()
        time.sleep(self.rng.uniform(0.0, 0.5))
        self.cell.valkey.restart()
        return "Valkey killed"

    def _freeze_valkey(self) -> str:
        _signal(self.cell.valkey.pid, signal.SIGSTOP)
        time.sleep(self.rng.uniform(0.2, 1.0))
        _signal(self.cell.valkey.pid, signal.SIGCONT)
        return "Valkey frozen"

    def _kill_door(self) -> str:
        assert self._ingress is not None
        self._ingress.kill()
        self._ingress.wait()
        self._open_door()
        return "ingress killed"

    # -- the calm -----------------------------------------------------------------------------------------------------

    def _calm(self) -> None:
        begin = time.monotonic()
        self._thaw(begin + 3600)
        self.cell.bench.desk.heal()
        self._workers = [pid if alive(pid) else self.cell.start(armed=False) for pid in self._workers]
        while time.monotonic() < begin + CALM and not self._at_rest():
            time.sleep(0.3)
        self.outcome.calm_seconds = time.monotonic() - begin

    def _entries(self) -> dict[str, dict[str, Any]]:
        rows = self.cell.bench.rows(t.entries, t.entries.c.consumer == "credit-notes")
        return {row["subject"]: row for row in rows}

    def _at_rest(self) -> bool:
        entries = self._entries()
        done = all(rma in entries and entries[rma]["state"] in {"settled", "buried"} for rma in self.returns)
        inbox = int(self.cell.bench.redis.xlen(f"{self.cell.prefix}inbox"))
        return done and not inbox

    # -- the reckoning ------------------------------------------------------------------------------------------------

    def _reckon(self) -> None:
        entries = self._entries()
        self.outcome.exits.update(entries[rma]["state"] if rma in entries else "never seen" for rma in self.returns)
        effects = [row for row in self.cell.bench.rows(t.effects) if row["kind"] == "credit"]
        notes = self._notes()
        for row in effects:
            self._reckon_effect(row, [n for n in notes if row["marker"] in n["memo"]])
        self._reckon_deliveries()
        self._reckon_returns(entries, {row["entry_id"] for row in effects if row["state"] != "CONFIRMED"})
        self.outcome.notes = sum(note["status"] == "AUTHORISED" for note in notes)

    def _notes(self) -> list[dict[str, Any]]:
        orders = set(self.returns.values())
        rows: list[dict[str, Any]] = self.cell.world.control.get("/books").json()["credit_notes"]
        return [row for row in rows if row["customer_reference"] in orders]

    def _reckon_effect(self, row: dict[str, Any], notes: list[dict[str, Any]]) -> None:
        standing = [note["task_id"] for note in notes if note["status"] == "AUTHORISED"]
        if len(standing) > 1:
            self.outcome.broken.append(f"twice: {row['key']} has {len(standing)} authorised notes {standing}")
        if row["state"] == "CONFIRMED" and standing != [row["reference"]]:
            self.outcome.broken.append(f"false: {row['key']} is CONFIRMED as {row['reference']}, books hold {standing}")
        if row["state"] == "REJECTED" and standing:
            self.outcome.broken.append(f"false: {row['key']} is REJECTED, and {standing} stands: {row['why']}")

    def _reckon_deliveries(self) -> None:
        taken = {
            line["delivery"]
            for line in _json_lines(self.cell.folder / "access.log")
            if line.get("status") == 202 and line.get("delivery")
        }
        known = {row["id"] for row in self.cell.bench.rows(t.deliveries)}
        self.outcome.accepted = len(taken)
        if taken - known:
            self.outcome.broken.append(f"lost: {len(taken - known)} deliveries were answered 202 and never admitted")
        if not taken:
            self.outcome.broken.append("the access log shows no delivery: the soak proved nothing")

    def _reckon_returns(self, entries: dict[str, dict[str, Any]], with_person: set[int]) -> None:
        letters = {row["entry_id"] for row in self.cell.bench.letters() if row["state"] == "open"}
        for rma in self.returns:
            entry = entries.get(rma)
            if entry is None:
                self.outcome.broken.append(f"lost: RMA {rma} was never worked on")
            elif entry["state"] == "buried" and entry["id"] not in letters:
                self.outcome.broken.append(f"silent: RMA {rma} is buried without an open letter")
            elif entry["state"] not in {"settled", "buried"}:
                why = f"{entry['state']}: {entry['reason']}"
                self.outcome.broken.append(f"stuck: RMA {rma} after {CALM:g} s of calm, {why}")
            elif entry["state"] == "settled" and entry["id"] in with_person:
                self.outcome.broken.append(f"silent: RMA {rma} is settled with an effect that is not confirmed")


def _signal(pid: int, what: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, what)


def _json_lines(path: Path) -> list[dict[str, Any]]:
    found = []
    for line in path.read_text(errors="replace").splitlines():
        with suppress(ValueError):
            value = json.loads(line)
            if isinstance(value, dict):
                found.append(value)
    return found


def soak_cell(folder: Path, world: Any, valkey: Any, blank: Path, forks: Any) -> Cell:
    """The installation of a soak: one that is never armed."""
    return Cell("soak", Recovery.RESTART, folder, world, valkey, blank, forks)
