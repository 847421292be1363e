"""Payouts as imported from a payment provider's export, and what does not meet between them and the returns."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import sqlalchemy as sa

from pipeline.ledger import tables as t
from pipeline.ledger.gap_facts import ReturnFacts
from pipeline.ledger.gap_rules import Found
from pipeline.ledger.store import insert_once
from schemas.gaps import Gap
from schemas.money import Money
from schemas.returns import REFUND, REFUND_ID, SUCCESS, Transaction

COLUMNS = ("payout_id", "refund_id", "amount", "currency", "settled")
_P = t.payouts.c


@dataclass(frozen=True, slots=True)
class PayoutLine:
    """One refund inside a payout; the amount is positive."""

    payout_id: str
    refund_id: str
    amount: Money
    settled_at: datetime


class PayoutFileError(ValueError):
    """The file cannot be taken; `problems` names each line and its fix."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def read_csv(lines: Iterable[str]) -> list[PayoutLine]:
    """The lines of a CSV with the columns payout_id, refund_id, amount, currency, settled. Raises PayoutFileError with
    every problem; refunds may be written as negative amounts."""
    reader = csv.DictReader(lines)
    lacking = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if lacking:
        raise PayoutFileError([f"columns missing: {', '.join(lacking)}; the first line must be {','.join(COLUMNS)}"])
    found: list[PayoutLine] = []
    problems: list[str] = []
    for number, row in enumerate(reader, start=2):
        try:
            found.append(_line(row))
        except ValueError as error:
            problems.append(f"line {number}: {error}")
    if problems:
        raise PayoutFileError(problems)
    return found


def _line(row: Mapping[str, Any]) -> PayoutLine:
    told = {name: str(row.get(name) or "").strip() for name in COLUMNS}
    if not told["payout_id"] or not told["refund_id"]:
        raise ValueError("payout_id or refund_id is empty; every refund of a payout has both")
    try:
        amount = Money(abs(Decimal(told["amount"])), told["currency"].upper())
    except (InvalidOperation, ValueError):
        raise ValueError(
            f"{told['amount']!r} {told['currency']!r} is no amount; write 12.50 and a code such as GBP"
        ) from None
    return PayoutLine(told["payout_id"], told["refund_id"], amount, _settled(told["settled"]))


def _settled(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"settled {text!r} is no date; write 2026-11-23") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def keep(conn: sa.Connection, shop: str, lines: Iterable[PayoutLine], now: datetime) -> int:
    """Write the lines down, each once however often the file is imported. Gives how many were new."""
    new = 0
    for line in lines:
        new += insert_once(
            conn,
            t.payouts,
            shop=shop,
            payout_id=line.payout_id,
            refund_id=line.refund_id,
            amount=line.amount.amount,
            currency=line.amount.currency,
            settled_at=line.settled_at,
            imported_at=now,
        )
    return new


def missing(conn: sa.Connection, known: list[ReturnFacts], as_of: datetime) -> Iterator[tuple[ReturnFacts, Found]]:
    """Refunds of known returns that a payout holds without a credit note or at another amount, and those that no payout
    holds although payouts up to their day were imported."""
    lines, newest = _imported(conn, as_of)
    for one in known:
        for x in _payable(one):
            line = lines.get((one.shop, x.reference))
            found = _uncredited(one, x, line) if line else _unpaid(x, newest.get(one.shop))
            if found is not None:
                yield one, found


def strangers(conn: sa.Connection, as_of: datetime, shop: str = "") -> Iterator[tuple[str, Found]]:
    """Refunds in payouts that no return knows: made directly in the shop, or charged back."""
    lines, _ = _imported(conn, as_of)
    known = _references(conn)
    for (name, reference), line in lines.items():
        if (name, reference) not in known and shop in {"", name}:
            cause = f"refund {reference} in payout {line.payout_id} belongs to no return; made directly in the shop?"
            yield name, Found(Gap.PAYOUT_UNMATCHED, line.settled_at, line.amount, cause)


def _imported(conn: sa.Connection, as_of: datetime) -> tuple[dict[tuple[str, str], PayoutLine], dict[str, datetime]]:
    lines: dict[tuple[str, str], PayoutLine] = {}
    newest: dict[str, datetime] = {}
    query = sa.select(t.payouts).where(_P.settled_at <= as_of).order_by(_P.settled_at, _P.id)
    for row in conn.execute(query).mappings():
        key, amount = (row["shop"], row["refund_id"]), Money(row["amount"], row["currency"])
        before = lines.get(key)
        if before is not None and before.amount.currency == amount.currency:
            amount = amount + before.amount
        lines[key] = PayoutLine(row["payout_id"], row["refund_id"], amount, row["settled_at"])
        newest[row["shop"]] = row["settled_at"]
    return lines, newest


def _payable(one: ReturnFacts) -> Iterator[Transaction]:
    """Refunds that a payout must hold: store credit and bank transfers never reach one."""
    for x in one.told.transactions:
        if x.status == SUCCESS and x.kind == REFUND and x.reference and x.reference_kind == REFUND_ID:
            yield x


def _uncredited(one: ReturnFacts, x: Transaction, line: PayoutLine) -> Found | None:
    credited = {unit for credit in one.credits for unit in credit.action.units}
    covered = set(x.unit_ids) <= credited if x.unit_ids else bool(credited)
    if not covered:
        cause = f"payout {line.payout_id} holds refund {x.reference}; no credit note covers it"
        return Found(Gap.PAYOUT_UNMATCHED, line.settled_at, line.amount, cause)
    told = {money.currency: money for money in (x.amount, x.shop_amount) if money is not None}
    same = told.get(line.amount.currency)
    if same is None or same.to_minor() == line.amount.to_minor():
        return None
    delta = abs(same - line.amount)
    cause = f"payout {line.payout_id} holds {line.amount} for refund {x.reference}, ReturnGO says {same}"
    return Found(Gap.PAYOUT_UNMATCHED, line.settled_at, delta, cause)


def _unpaid(x: Transaction, newest: datetime | None) -> Found | None:
    moved = x.updated_at or x.created_at
    if newest is None or moved is None or moved > newest:
        return None
    cause = f"no imported payout holds refund {x.reference}"
    return Found(Gap.PAYOUT_UNMATCHED, moved, x.amount, cause)


def _references(conn: sa.Connection) -> set[tuple[str, str]]:
    r = t.returns.c
    rows = conn.execute(sa.select(r.shop, r.told).where(r.told.is_not(None)))
    return {(shop, str(x.get("reference", ""))) for shop, told in rows for x in told.get("transactions", ())}
