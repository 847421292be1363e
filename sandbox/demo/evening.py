"""The evening of a demo: everything the practice world and the ledger can say about the day, gathered once."""

from __future__ import annotations

import json
import re
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from sandbox.demo.day.arithmetic import Amounts
from sandbox.demo.desk import Desk
from sandbox.demo.finance import list_batches
from sandbox.demo.ledger import LedgerWindow, View
from sandbox.demo.play import Player
from sandbox.demo.shelves import Shelf, changes, shelves, shelves_agree
from sandbox.demo.stage import Stage

_ABOUT = re.compile(r"\bRMA (\d+)\b")
MARK = re.compile(r"\bRL-[0-9a-f]{12}\b")
LAST_DELIVERIES_SECONDS = 12.0


@dataclass(frozen=True, slots=True)
class Morning:
    """The practice world's shelves and accounts after the sales, before the first return. `costs` per SKU."""

    stock: dict[tuple[str, str], Decimal]
    accounts: dict[str, Decimal]
    costs: dict[str, Decimal]


@dataclass(frozen=True, slots=True)
class Note:
    """One standing or voided credit note of the practice books; `rma` and `mark` as its memo says."""

    number: str
    status: str
    sale_id: str
    currency: str
    total: Amounts
    by_rule: dict[str, Amounts]
    restocked: tuple[tuple[str, int, str], ...]
    rma: str
    mark: str
    day: str = ""
    memo: str = ""


@dataclass(frozen=True, slots=True)
class WriteOff:
    """One completed write-off of the practice books."""

    account: str
    pieces: tuple[tuple[str, int], ...]
    rma: str
    mark: str


@dataclass(frozen=True, slots=True)
class Payment:
    """One refund recorded on a credit note."""

    sale_id: str
    amount: Decimal
    account: str
    mark: str


@dataclass(frozen=True, slots=True)
class Evening:
    """What is true when the day is over. `orders` is the status of each sale's order; `words` says how often the portal
    was told, per RMA, that the refund may go; `batches` as `returnline batch list --json` tells them.
    """

    notes: list[Note]
    stock: dict[tuple[str, str], Decimal]
    accounts: dict[str, Decimal]
    calls: list[dict[str, Any]]
    faults: list[dict[str, Any]]
    accepted: list[bytes | None]
    coalesced: int
    bodies: list[bytes]
    view: View
    write_offs: list[WriteOff] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    orders: dict[str, str] = field(default_factory=dict)
    words: dict[str, int] = field(default_factory=dict)
    shelves: list[Shelf] = field(default_factory=list)
    changes: dict[str, int] = field(default_factory=dict)
    batches: list[dict[str, Any]] = field(default_factory=list)


def morning(desk: Desk, costs: dict[str, Decimal]) -> Morning:
    """Write down where the books stand."""
    return Morning(_stock(desk), _accounts(desk), costs)


def gather(stage: Stage, player: Player) -> Evening:
    """Ask for everything, once the last webhooks have had time to arrive."""
    accepted, coalesced = _last_deliveries(stage, player)
    desk = stage.desk
    books = desk.get("/books")
    return Evening(
        notes=_notes(books),
        stock=_stock(desk),
        accounts=_accounts(desk),
        calls=desk.calls(),
        faults=desk.get("/faults"),
        accepted=accepted,
        coalesced=coalesced,
        bodies=player.window.bodies(),
        view=player.window.look(),
        write_offs=[_write_off(row) for row in books["write_offs"] if row["status"] == "COMPLETED"],
        payments=[_payment(row) for row in books["payments"] if row["kind"] == "REFUND"],
        orders={row["sale_id"]: row["status"] for row in books["orders"]},
        words={rma: _told(desk, rma) for rma in player.rma_ids.values()},
        shelves=_last_shelves(desk),
        changes=changes(desk),
        batches=list_batches(stage),
    )


def _last_shelves(desk: Desk) -> list[Shelf]:
    """The shop's figures, once they had time to follow the last document."""
    deadline = time.monotonic() + LAST_DELIVERIES_SECONDS
    while not shelves_agree(desk) and time.monotonic() < deadline:
        time.sleep(0.5)
    return shelves(desk)


def _write_off(row: dict[str, Any]) -> WriteOff:
    pieces = tuple((line["sku"], int(Decimal(line["quantity"]))) for line in row["lines"])
    rma, mark = _ABOUT.search(row["notes"]), MARK.search(row["notes"])
    return WriteOff(row["account"], pieces, rma.group(1) if rma else "", mark.group(0) if mark else "")


def _payment(row: dict[str, Any]) -> Payment:
    mark = MARK.search(row["reference"] or "")
    return Payment(row["sale_id"], Decimal(row["amount"]), row["account"], mark.group(0) if mark else "")


def _told(desk: Desk, rma: str) -> int:
    comments = desk.get(f"/returngo/rmas/{rma}")["comments"]
    return sum("the refund may go" in row["htmlText"] for row in comments)


def _last_deliveries(stage: Stage, player: Player) -> tuple[list[bytes | None], int]:
    """The bodies answered 202 as the senders saw them, and how many of them joined an identical one in the inbox."""
    window: LedgerWindow = player.window
    deadline = time.monotonic() + LAST_DELIVERIES_SECONDS
    while True:
        accepted, coalesced = _accepted(stage.desk, player.stray), _coalesced(stage)
        all_there = len(accepted) == window.look().admitted + coalesced
        quiet = not stage.desk.get("/returngo/deliveries")["waiting"]
        if (all_there and quiet) or time.monotonic() > deadline:
            return accepted, coalesced
        time.sleep(0.3)


def _accepted(desk: Desk, stray: list[dict[str, Any]]) -> list[bytes | None]:
    posted = [*desk.get("/returngo/deliveries")["attempts"], *desk.get("/deliveries")]
    bodies: list[bytes | None] = [one["body"].encode() for one in posted if one["status"] == 202]
    return [*bodies, *(None for one in stray if one["status"] == 202)]


def fingerprint(body: bytes) -> object:
    """What makes a delivery recognisable in the ledger, which keeps ids and states but no free text of a body."""
    try:
        return tuple(sorted(_ids(json.loads(body))))
    except ValueError:
        return body


def _ids(part: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(part, dict):
        for key, value in part.items():
            yield from _ids(value, str(key))
    elif isinstance(part, list):
        for value in part:
            yield from _ids(value, name)
    elif name.lower().endswith(("id", "eventname")):
        yield name, str(part)


def _coalesced(stage: Stage) -> int:
    key = {"authorization": f"Bearer {stage.metrics_token}"}
    answer = httpx.get(f"{stage.ingress_url}/metrics", headers=key, timeout=10.0, trust_env=False)
    samples = (sample for family in text_string_to_metric_families(answer.text) for sample in family.samples)
    return int(sum(sample.value for sample in samples if sample.labels.get("outcome") == "coalesced"))


def _stock(desk: Desk) -> dict[tuple[str, str], Decimal]:
    found: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in desk.get("/stock"):
        found[row["sku"], row["location"]] += Decimal(row["on_hand"])
    return dict(found)


def _accounts(desk: Desk) -> dict[str, Decimal]:
    return {str(code): Decimal(amount) for code, amount in desk.get("/trial-balance").items()}


def _notes(books: dict[str, Any]) -> list[Note]:
    inclusive = {sale["sale_id"]: sale["tax_inclusive"] for sale in books["sales"]}
    return [_note(row, inclusive=inclusive[row["sale_id"]]) for row in books["credit_notes"]]


def _note(row: dict[str, Any], *, inclusive: bool) -> Note:
    by_rule: defaultdict[str, Amounts] = defaultdict(Amounts)
    for line in [*row["lines"], *row["charges"]]:
        shown, tax = Decimal(line["amount"]), Decimal(line["tax"])
        by_rule[line["tax_rule"]] += Amounts(shown - tax if inclusive else shown, tax)
    rma, mark = _ABOUT.search(row["memo"] or ""), MARK.search(row["memo"] or "")
    back = tuple((line["sku"], int(Decimal(line["quantity"])), line["to"]) for line in row["restock"] if line["posted"])
    return Note(
        row["number"],
        row["status"],
        row["sale_id"],
        row["currency"],
        sum(by_rule.values(), Amounts()),
        dict(by_rule),
        back,
        rma.group(1) if rma else "",
        mark.group(0) if mark else "",
        row["date"],
        row["memo"] or "",
    )
