"""The evening as rows a finance person reads, and the same as plain data."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sandbox.demo.checks import Check, Total, totals
from sandbox.demo.day.arithmetic import Amounts
from sandbox.demo.day.words import ReturnOfDay, many
from sandbox.demo.evening import Note
from sandbox.demo.facts import Facts

_STATES = {
    "settled": "credited",
    "parked": "waits",
    "open": "waits",
    "refused": "nothing to do",
    "buried": "dead letter",
}
_SALE_READ = re.compile(r"(?:^|&)id=([0-9a-f-]{36})", re.IGNORECASE)
_RMA_READ = re.compile(r"/rma/(\d+)$")


@dataclass(frozen=True, slots=True)
class Row:
    """One return as the table shows it. `calls` are those that only this return (or its sale) asked for."""

    rma: str
    order: str
    shop: str
    story: str
    notes: tuple[str, ...]
    amounts: Amounts
    currency: str
    restocked: tuple[tuple[str, int, str], ...]
    status: str
    exception: str
    reason: str
    cin7_calls: int
    returngo_calls: int

    def as_data(self) -> dict[str, Any]:
        """JSON-ready; money as strings."""
        return {
            "rma": self.rma,
            "order": self.order,
            "shop": self.shop,
            "story": self.story,
            "credit_notes": list(self.notes),
            **_money(self.amounts),
            "currency": self.currency,
            "restocked": [{"sku": sku, "quantity": count, "location": place} for sku, count, place in self.restocked],
            "status": self.status,
            "exception": self.exception,
            "reason": self.reason,
            "calls": {"cin7": self.cin7_calls, "returngo": self.returngo_calls},
        }


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls by the practice world's own log: those a return asked for, and those made on the clock for everybody."""

    for_returns: Counter[str]
    on_the_clock: Counter[str]
    returns: int

    def each(self, system: str) -> Decimal:
        """Calls to this system for one return, to one decimal."""
        return (Decimal(self.for_returns[system]) / max(self.returns, 1)).quantize(Decimal("0.1"))

    def as_data(self) -> dict[str, Any]:
        """JSON-ready."""
        systems = ("cin7", "returngo")
        return {
            "per_return": {system: str(self.each(system)) for system in systems},
            "for_returns": {system: self.for_returns[system] for system in systems},
            "on_the_clock": {system: self.on_the_clock[system] for system in systems},
        }


@dataclass(frozen=True, slots=True)
class Report:
    """Everything a demo says in the end."""

    rows: list[Row]
    totals: list[Total]
    calls: Calls
    checks: list[Check]
    seed: int
    seconds: float
    sentence: str = ""

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)

    def as_json(self) -> str:
        """The whole report as one JSON document."""
        data = {
            "ok": self.passed,
            "seed": self.seed,
            "said": self.sentence,
            "seconds": round(self.seconds, 1),
            "returns": [row.as_data() for row in self.rows],
            "totals": [_total(one) for one in self.totals],
            "calls": self.calls.as_data(),
            "checks": [{"name": one.name, "passed": one.passed, "found": one.found} for one in self.checks],
        }
        return json.dumps(data, indent=1, ensure_ascii=False)


def make_report(facts: Facts, checks: list[Check], seconds: float) -> Report:
    """Rows, totals and calls of the evening."""
    asked = _Asked(facts)
    rows = [_row(facts, one, asked) for one in facts.day.returns]
    said = _sentence(facts, rows)
    return Report(rows, totals(facts), asked.summary(), checks, facts.day.seed, seconds, said)


def _sentence(facts: Facts, rows: list[Row]) -> str:
    status = Counter(row.status for row in rows)
    gross: dict[str, Decimal] = {}
    for one in totals(facts):
        gross[one.currency] = gross.get(one.currency, Decimal(0)) + one.credited.gross
    money = " and ".join(f"{amount:,.2f} {currency}" for currency, amount in sorted(gross.items()))
    evening = facts.evening
    gone = sum(count for one in evening.write_offs for _, count in one.pieces)
    back = sum(count for row in rows for _, count, _ in row.restocked) - gone
    parts = [
        f"{status['credited']} of {many(len(rows), 'return')} credited ({money or 'nothing'})",
        f"{many(status['waits'], 'return')} waiting for a person",
        f"{many(back, 'piece')} back in stock",
        f"{many(gone, 'piece')} written off",
        f"{many(len(evening.payments), 'refund')} recorded",
        f"{many(evening.view.effects.get('authorise', 0), 'exchange')} released",
        f"{many(len(evening.batches), 'batch', 'batches')} posted",
    ]
    return f"{', '.join(parts)}."


def _row(facts: Facts, one: ReturnOfDay, asked: _Asked) -> Row:
    rma, notes = facts.rma_ids[one.name], facts.notes_of(one.name)
    standing = facts.evening.view.of(rma)
    status = _STATES.get(standing.state, "not seen")
    reason = next(iter(standing.open.values()), standing.reason if status != "credited" else "")
    return Row(
        rma,
        one.order_name,
        one.shop,
        one.story,
        tuple(note.number for note in notes),
        sum((note.total for note in notes), Amounts()),
        facts.day.sale(one.order_name).currency,
        _restocked(notes),
        "nothing to do" if status == "credited" and not notes else status,
        next(iter(standing.open), ""),
        reason,
        asked.cin7(rma, facts.sale_ids[one.order_name]),
        asked.portal[rma],
    )


def _restocked(notes: list[Note]) -> tuple[tuple[str, int, str], ...]:
    return tuple(line for note in notes for line in note.restocked)


class _Asked:
    """Who asked for each call: a credit note's memo names the return, a sale's id its sale, an RMA's path the RMA."""

    def __init__(self, facts: Facts) -> None:
        self.portal: Counter[str] = Counter()
        self._writes: Counter[str] = Counter()
        self._reads: Counter[str] = Counter()
        self._clock: Counter[str] = Counter()
        self._returns = len(facts.day.returns)
        for call in facts.evening.calls:
            self._sort(call)

    def cin7(self, rma: str, sale_id: str) -> int:
        """Writes for this return and reads of its sale; the reads of a shared sale count for each of its returns."""
        return self._writes[rma] + self._reads[sale_id]

    def summary(self) -> Calls:
        """All of them."""
        own = Counter({"cin7": self._writes.total() + self._reads.total(), "returngo": self.portal.total()})
        return Calls(own, self._clock, self._returns)

    def _sort(self, call: dict[str, Any]) -> None:
        path = call["path"].lower()
        if found := _RMA_READ.search(path):
            self.portal[found.group(1)] += 1
        elif path.endswith(("/sale", "/sale/creditnote")) and call["method"] == "GET":
            found = _SALE_READ.search(call["query"].replace("SaleID", "ID"))
            self._reads[found.group(1).lower() if found else ""] += 1
        elif path.endswith("/sale/creditnote"):
            about = re.search(r"\bRMA (\d+)\b", call["body"])
            self._writes[about.group(1) if about else ""] += 1
        else:
            self._clock[call["system"]] += 1


def _money(amounts: Amounts) -> dict[str, str]:
    return {"net": f"{amounts.net:.4f}", "tax": f"{amounts.tax:.4f}", "gross": f"{amounts.gross:.4f}"}


def _total(one: Total) -> dict[str, Any]:
    return {
        "currency": one.currency,
        "tax_rule": one.tax_rule,
        **_money(one.credited),
        "due": _money(one.due),
        "agrees": one.agrees,
    }
