"""What a batch comes to: totals, a summary journal, PASS/FAIL checks and the CSV. Closing freezes the CSV for good."""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from pipeline.ledger.batches import batches
from pipeline.ledger.batches.batches import CLOSED, DROPPED, FAILED, GOES, HELD, MOVED, POSTED
from pipeline.ledger.batches.lines import COLUMNS, unit_rows
from pipeline.ledger.batches.notes import Note, notes_of
from schemas.actions import PostCreditNote
from schemas.effects import EffectState

PASS, FAIL, OPEN = "PASS", "FAIL", "OPEN"
_NONE = Decimal(0)
#: Items that count in totals: what is posted, or would be.
COUNTED = (HELD, GOES, POSTED)


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the footer. OPEN where Returnline cannot know the answer (yet)."""

    name: str
    verdict: str
    told: str


@dataclass(frozen=True, slots=True)
class Report:
    """One batch as finance reads it. Amounts are in document currency."""

    batch: Mapping[str, Any]
    notes: Sequence[Note]
    rows: Sequence[Mapping[str, str]]

    @property
    def counted(self) -> list[Note]:
        """The notes that are posted, or would be."""
        return [note for note in self.notes if note.item["state"] in COUNTED]

    def totals(self) -> dict[str, list[dict[str, str]]]:
        """By currency, by tax rule and by account: how much and, for the currency, how many notes."""
        lines = [line for note in self.counted for line in note.lines]
        return {
            "currency": self._by_currency(),
            "tax_rule": _sums(lines, lambda line: (line.currency, line.tax_rule), ("currency", "tax_rule")),
            "account": _sums(lines, lambda line: (line.currency, line.account), ("currency", "account")),
        }

    def _by_currency(self) -> list[dict[str, str]]:
        told = []
        for currency in sorted({note.action.gross.currency for note in self.counted}):
            mine = [note for note in self.counted if note.action.gross.currency == currency]
            told.append({"currency": currency, "notes": str(len(mine)), **_figures(mine)})
        return told

    def journal(self) -> list[dict[str, str]]:
        """The summary journal of the notes: returns, tax by rule, fees and shipping by account, against the customers.

        Cost and stock are in the company's own currency and only as far as the sales' movements tell.
        """
        booked: dict[tuple[str, str, str], Decimal] = {}
        for note in self.counted:
            for line in note.lines:
                _add(booked, (line.currency, line.kind, line.account or "(account of the product)"), line.net)
                _add(booked, (line.currency, "tax", line.tax_rule or "(no rule)"), line.tax)
            _add(booked, (note.action.gross.currency, "customers", "accounts receivable"), -note.action.gross.amount)
            _add(booked, (self.batch["base_currency"], "goods back", "inventory"), note.restock_cost)
            _add(booked, (self.batch["base_currency"], "goods back", "cost of sales"), -note.restock_cost)
        return [
            {
                "currency": currency,
                "what": what,
                "account": account,
                "debit": _text(max(amount, _NONE)) if amount > 0 else "",
                "credit": _text(-amount) if amount < 0 else "",
            }
            for (currency, what, account), amount in sorted(booked.items())
            if amount
        ]

    def checks(self) -> list[Check]:
        """The footer. A check that needs facts Returnline does not have is OPEN, never PASS."""
        return [_money_out(self), _tax(self), _restock(self), _count(self), _payouts(), self._hash()]

    def body(self) -> str:
        """The CSV's rows, one for each returned item."""
        return _csv([COLUMNS, *([row[name] for name in COLUMNS] for row in self.rows)])

    def digest(self) -> str:
        """SHA-256 of the rows."""
        return hashlib.sha256(self.body().encode()).hexdigest()

    def _hash(self) -> Check:
        return Check("sha256 of the rows above", PASS, self.digest())

    def csv(self) -> str:
        """Rows, then the footer: one "#" row for each check."""
        return self.body() + _csv([["#", check.name, check.verdict, check.told] for check in self.checks()])


def build(conn: sa.Connection, batch_id: int) -> Report:
    """The report from today's facts. Raises NoResultFound."""
    batch = batches.one(conn, batch_id)
    notes = notes_of(conn, batch)
    return Report(batch, notes, [row for note in notes for row in unit_rows(batch, note)])


def export(conn: sa.Connection, batch_id: int) -> str:
    """The CSV: of a closed batch the one kept at closing, byte for byte. Raises NoResultFound."""
    batch = batches.one(conn, batch_id)
    return str(batch["csv"]) if batch["state"] == CLOSED else build(conn, batch_id).csv()


def kept(batch: Mapping[str, Any]) -> tuple[list[dict[str, str]], list[Check]]:
    """The rows and checks of a closed batch as they were when it closed."""
    told = list(csv.reader(io.StringIO(str(batch["csv"]))))
    rows = [dict(zip(told[0], row, strict=True)) for row in told[1:] if row[0] != "#"]
    return rows, [Check(*row[1:]) for row in told if row[0] == "#"]


def untouched(batch: Mapping[str, Any]) -> bool:
    """Whether a closed batch's CSV is still the one that was kept."""
    return hashlib.sha256(str(batch["csv"]).encode()).hexdigest() == str(batch["digest"])


def close(conn: sa.Connection, batch_id: int, now: datetime) -> str:
    """Freeze the batch. Gives its outcome: posted, partial or empty."""
    batches.step(conn, batch_id, (batches.PREPARED, batches.POSTING), closed_at=now, outcome=_outcome(conn, batch_id))
    frozen = build(conn, batch_id).csv()
    digest = hashlib.sha256(frozen.encode()).hexdigest()
    batches.step(conn, batch_id, (batches.PREPARED, batches.POSTING), state=CLOSED, csv=frozen, digest=digest)
    return str(batches.one(conn, batch_id)["outcome"])


def _outcome(conn: sa.Connection, batch_id: int) -> str:
    released = batches.one(conn, batch_id)["released_at"]
    found = batches.items(conn, batch_id)
    posted = [item for item in found if item["state"] == POSTED]
    missed = [item for item in found if item["state"] != POSTED and released and item["changed_at"] >= released]
    if missed or not all(item["verified"] for item in posted):
        return batches.PARTIAL
    return batches.WHOLE if posted else batches.EMPTY


# -- figures
def _add(booked: dict[tuple[str, str, str], Decimal], key: tuple[str, str, str], amount: Decimal) -> None:
    booked[key] = booked.get(key, _NONE) + amount


def _sums(lines: Iterable[Any], key: Callable[[Any], tuple[str, str]], names: tuple[str, str]) -> list[dict[str, str]]:
    nets: dict[tuple[str, str], Decimal] = {}
    taxes: dict[tuple[str, str], Decimal] = {}
    for line in lines:
        nets[key(line)] = nets.get(key(line), _NONE) + line.net
        taxes[key(line)] = taxes.get(key(line), _NONE) + line.tax
    return [
        {
            names[0]: k[0],
            names[1]: k[1],
            "net": _text(nets[k]),
            "tax": _text(taxes[k]),
            "gross": _text(nets[k] + taxes[k]),
        }
        for k in sorted(nets)
    ]


def _figures(notes: Sequence[Note]) -> dict[str, str]:
    def total(pick: Callable[[PostCreditNote], Decimal]) -> str:
        return _text(sum((pick(note.action) for note in notes), _NONE))

    base = sum((note.item["base_gross"] for note in notes), _NONE)
    return {
        "net": total(lambda action: action.net.amount),
        "tax": total(lambda action: action.tax.amount),
        "gross": total(lambda action: action.gross.amount),
        "base_gross": _text(base),
    }


def _text(amount: Decimal) -> str:
    return format(amount.quantize(Decimal("0.0001")), "f")


def _csv(rows: Iterable[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([[_harmless(cell) for cell in row] for row in rows])
    return out.getvalue()


def _harmless(cell: str) -> str:
    """A text that a spreadsheet would take for a formula is shown as text; a negative number stays one."""
    risky = cell[:1] in {"=", "+", "@", "\t", "\r"} or (cell[:1] == "-" and not cell[1:2].isdigit())
    return f"'{cell}" if risky else cell


# -- checks
def _money_out(report: Report) -> Check:
    name = "credited = refunds + store credit + exchange applied + open customer credit"
    gross, paid = _NONE, _NONE
    over: list[str] = []
    for note in report.counted:
        gross += note.action.gross.amount
        paid += note.refunded
        if note.refunded > note.action.gross.amount:
            over.append(note.item["rma_id"])
    told = f"{_text(gross)} credited, {_text(paid)} paid out, {_text(gross - paid)} open or applied to exchanges"
    if len({note.action.gross.currency for note in report.counted}) > 1:
        told = "several currencies, each note compared with its own refunds"
    return Check(name, FAIL if over else PASS, f"paid more than credited: {', '.join(over)}" if over else told)


def _tax(report: Report) -> Check:
    wrong = [
        note.item["rma_id"]
        for note in report.counted
        if abs(sum((line.tax for line in note.lines), _NONE) - note.action.tax.amount) > Decimal("0.00005")
        or (note.tax is not None and note.tax != note.action.tax.amount)
    ]
    told = f"differs for RMA {', '.join(wrong)}" if wrong else "every note"
    return Check("tax of the notes = sum by tax rule", FAIL if wrong else PASS, told)


def _restock(report: Report) -> Check:
    name = "restock value = Cin7's movements"
    wanted = [note for note in report.counted if note.action.restock]
    unread = [note for note in wanted if note.moved is None or note.expected is None]
    wrong = [n for n in wanted if n.moved is not None and n.expected is not None and not n.value_agrees]
    if wrong:
        return Check(name, FAIL, f"differs for RMA {', '.join(note.item['rma_id'] for note in wrong)}")
    if unread:
        return Check(name, OPEN, f"{len(unread)} of {len(wanted)} restocks not read back with their value")
    return Check(name, PASS, f"{len(wanted)} restocks")


def _count(report: Report) -> Check:
    states = Counter(note.item["state"] for note in report.notes)
    unsaid = [n for n in report.notes if n.item["state"] in {FAILED, DROPPED, MOVED} and not n.item["reason"]]
    posted = [note for note in report.notes if note.item["state"] == POSTED]
    wrong = [note for note in posted if note.effect["state"] != EffectState.CONFIRMED or not note.item["verified"]]
    told = ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "nothing"
    if wrong:
        told += f"; not confirmed and read back: RMA {', '.join(note.item['rma_id'] for note in wrong)}"
    return Check("notes in the batch = notes in the ledger, read back", FAIL if wrong or unsaid else PASS, told)


def _payouts() -> Check:
    return Check("difference to the payouts", OPEN, "payouts are not known to Returnline")
