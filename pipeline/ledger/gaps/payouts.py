"""Payouts as imported from a payment provider's export: each line once, and never changed without a word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from pipeline.ledger.schema import all as t
from pipeline.sheets.cells import plain_id
from pipeline.sheets.sheet import SheetError
from schemas.money import Money
from schemas.payouts import MOST, PayoutLine

__all__ = ["Kept", "PayoutLine", "Replaced", "directed", "keep", "line_of"]

_P = t.payouts.c
#: What a file's signs may mean.
NEGATIVE, POSITIVE = "negative", "positive"
_Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Replaced:
    """A line that another file said otherwise."""

    payout_id: str
    refund_id: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What an import changed."""

    lines: int
    new: int
    replaced: tuple[Replaced, ...] = ()


def line_of(row: Mapping[str, Any]) -> PayoutLine:
    """A row of the ledger as a line; ids as everybody writes them, whatever an older import kept."""
    order = row["order_name"]
    presented = None if row["presented"] is None else Money(row["presented"], row["presented_currency"])
    return PayoutLine(
        payout_id=plain_id(row["payout_id"]),
        refund_id=row["refund_id"] if order else plain_id(row["refund_id"]),
        amount=Money(row["amount"], row["currency"]),
        settled_at=row["settled_at"],
        order=order,
        moved_at=row["moved_at"],
        presented=presented,
        signed=row["signed"],
    )


def directed(conn: sa.Connection, shop: str, written: Sequence[PayoutLine], refunds_are: str = "") -> list[PayoutLine]:
    """The lines of a file with refund ids, positive where money went to the shopper, whatever sign the file uses.

    `refunds_are` says it. Without it a file of one sign holds refunds; where signs differ a negative amount is a refund
    and a positive one came back; and a file of positive amounts that all undo refunds, where this shop's files write
    refunds as negative, came back as well. Raises SheetError where that would take back what never left.
    """
    stored = _stored(conn, shop)
    negative = refunds_are == NEGATIVE or (not refunds_are and any(line.amount.amount < 0 for line in written))
    if not negative and not refunds_are and any(line.signed and not line.order for _, line in stored.values()):
        undone = [line for line in written if _out(stored, line) >= abs(line.amount.amount) > 0]
        negative = len(undone) == len(written)
        if undone and not negative:
            raise SheetError([_unclear(line) for line in undone])
    lines = [replace(line, amount=-line.amount if negative else line.amount, signed=negative) for line in written]
    if not refunds_are:
        _refuse_unpaid(stored, lines)
    return lines


def _out(stored: Mapping[_Key, tuple[int, PayoutLine]], line: PayoutLine) -> Decimal:
    """What the ledger knows to be with the shopper of this refund, by other payouts."""
    others = (other for _, other in stored.values() if other.refund_id == line.refund_id)
    same = (o.amount.amount for o in others if o.payout_id != line.payout_id and o.amount.currency == _code(line))
    return sum(same, Decimal(0))


def _code(line: PayoutLine) -> str:
    return line.amount.currency


def _refuse_unpaid(stored: Mapping[_Key, tuple[int, PayoutLine]], lines: Sequence[PayoutLine]) -> None:
    problems: list[str] = []
    for line in lines:
        if line.amount.amount < 0:
            mine = {o.payout_id for o in lines if o.refund_id == line.refund_id}
            others = [o for _, o in stored.values() if o.refund_id == line.refund_id and o.payout_id not in mine]
            alike = [o for o in [*lines, *others] if o.refund_id == line.refund_id and _code(o) == _code(line)]
            if sum((o.amount.amount for o in alike), Decimal(0)) < 0:
                problems.append(_unclear(line))
    if problems:
        raise SheetError(problems)


def _unclear(line: PayoutLine) -> str:
    return (
        f"line {line.row}: refund {line.refund_id} of {abs(line.amount)} has another sign than the refunds; if it came "
        "back, first import the payout in which it left, or say --refunds-are negative; if the file writes refunds as "
        "positive amounts, say --refunds-are positive"
    )


def keep(
    conn: sa.Connection, shop: str, lines: Iterable[PayoutLine], now: datetime, *, replacing: bool = False
) -> Kept:
    """Write the lines down, each once however often the file is imported; the parts of one refund in one payout are
    added up. Raises SheetError naming both figures where the ledger holds another, unless `replacing`."""
    stored = _stored(conn, shop)
    wanted = _added_up(lines)
    changed: list[tuple[int, PayoutLine, Replaced]] = []
    for key, line in wanted.items():
        row_id, before = stored.get(key, (0, line))
        if not _same(before, line):
            told = Replaced(line.payout_id, line.refund_id, figure(before), figure(line))
            changed.append((row_id, line, told))
    if changed and not replacing:
        raise SheetError([_contradicted(line, told) for _, line, told in changed])
    new = [line for key, line in wanted.items() if key not in stored]
    if new:
        conn.execute(t.payouts.insert(), [_values(line) | {"shop": shop, "imported_at": now} for line in new])
    for row_id, line, _ in changed:
        values = _values(line) | {"imported_at": now}
        conn.execute(t.payouts.update().where(_P.id == row_id).values(**values))
    return Kept(len(wanted), len(new), tuple(told for _, _, told in changed))


def _stored(conn: sa.Connection, shop: str) -> dict[_Key, tuple[int, PayoutLine]]:
    rows = conn.execute(sa.select(t.payouts).where(_P.shop == shop).order_by(_P.id)).mappings()
    return {_key(line): (row["id"], line) for row in rows for line in (line_of(dict(row)),)}


def _key(line: PayoutLine) -> _Key:
    """An order's movement is one, in whichever payout an export shows it."""
    return ("", line.refund_id) if line.order else (line.payout_id, line.refund_id)


def _added_up(lines: Iterable[PayoutLine]) -> dict[_Key, PayoutLine]:
    wanted: dict[_Key, PayoutLine] = {}
    problems: list[str] = []
    for line in lines:
        before = wanted.get(_key(line))
        if before is None:
            wanted[_key(line)] = line
        elif _code(before) != _code(line):
            problems.append(
                f"line {line.row}: refund {line.refund_id} is in {_code(before)} on line {before.row} and in "
                f"{_code(line)} here; correct the currency"
            )
        else:
            latest = max(before.settled_at, line.settled_at)
            wanted[_key(line)] = replace(before, amount=before.amount + line.amount, settled_at=latest)
    if problems:
        raise SheetError(problems)
    return wanted


def _same(before: PayoutLine, line: PayoutLine) -> bool:
    if before.amount != line.amount:
        return False
    return bool(line.order) or before.settled_at == line.settled_at


def figure(line: PayoutLine) -> str:
    """The line's amount and day in words, even an amount that no currency can have."""
    amount = line.amount
    shown = str(amount) if abs(amount.amount) <= MOST else f"{amount.amount:f} {amount.currency}"
    return f"{shown} of {line.settled_at:%Y-%m-%d}"


def _contradicted(line: PayoutLine, told: Replaced) -> str:
    what = (
        f"refund {line.refund_id} in payout {line.payout_id}" if line.refund_id else f"the refunds of {line.payout_id}"
    )
    return (
        f"line {line.row}: {what}: imported before as {told.before}, this file says {told.after}; if this file "
        "is right and whole, import it with --replace"
    )


def _values(line: PayoutLine) -> dict[str, Any]:
    return {
        "payout_id": line.payout_id,
        "refund_id": line.refund_id,
        "amount": line.amount.amount,
        "currency": line.amount.currency,
        "settled_at": line.settled_at,
        "order_name": line.order,
        "moved_at": line.moved_at,
        "presented": line.presented.amount if line.presented else None,
        "presented_currency": line.presented.currency if line.presented else "",
        "signed": line.signed,
    }
