"""Files of payouts: our own form with refund ids, and Shopify's two exports as they come out of its admin.

Where the facts about Shopify's exports are from (looked up in 2026; Shopify publishes no list of columns):

- Both exports exist and are CSV: Shopify Help Center, "Viewing and exporting your Shopify Payments payout details".
- `payment_transactions_export`: the header `Transaction Date,Type,Order,Card Brand,Card Source,Payout Status,Payout
  Date,Payout ID,Available On,Amount,Fee,Net,Checkout,Payment Method Name,Presentment Amount,Presentment
  Currency,Currency` stands alike in test files of many public repositories; some end with `VAT`, or with `Business
  Entity Name,Business Entity ID`; older ones have no `Payout ID`. There a refund is a row of Type `refund` with a
  negative `Amount` in `Currency` (the payout's) and a positive `Presentment Amount` (the shopper's currency); `Payout
  ID` is empty while `Payout Status` is `pending`; times are written `2026-08-30 16:59:53 +0400`.
- `payouts_export`: the header `Payout Date,Status,Charges,Refunds,Adjustments,Reserved Funds,Fees,Retried
  Amount,Total,Currency` is seen alike; newer ones have `Marketplace Sales Tax`, `Advances` and `Bank Reference` too. It
  holds no refund and no id, only the day's sum of refunds (negative).
- Payout statuses: Help Center (scheduled, in transit, paid, failed) and the Admin API (canceled as well).

Unknown: whether other admin languages translate the header (such a file is refused by its columns); every word of Type
(the Admin API knows dozens; those that begin with "refund" are refunds, the others are left out and counted); how money
that came back is written (a positive amount in such a row is taken for it); what a failed payout's refunds do next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from pipeline.sheets.cells import bare, decimal_mark, read_amount, read_day, read_id
from pipeline.sheets.sheet import Row, Sheet, SheetError, SheetForm, read_sheet
from schemas.money import Money
from schemas.payouts import MOST, PayoutLine

OWN = SheetForm("a list of refunds", ("payout_id", "refund_id", "amount", "currency", "settled"))
TRANSACTIONS = SheetForm(
    "Shopify's payment transactions export",
    ("transaction_date", "type", "order", "payout_status", "payout_date", "amount", "currency"),
    ("payout_id", "presentment_amount", "presentment_currency"),
)
PAYOUTS = SheetForm("Shopify's payouts export", ("payout_date", "status", "refunds", "total", "currency"))
_AMOUNTS = {OWN: ("amount",), TRANSACTIONS: ("amount", "presentment_amount", "net"), PAYOUTS: ("refunds", "total")}
_PAID = "paid"
#: An order name and a moment must fit the ledger's column beside each other.
_LONGEST_ORDER = 50


@dataclass(frozen=True, slots=True)
class PayoutFile:
    """What a file holds: the refunds, and what it held besides, in words with a count.

    The amounts of our own form are as written, so that somebody must still say what its sign means (`form` is OWN); all
    others are positive where money went to the shopper.
    """

    form: SheetForm
    lines: tuple[PayoutLine, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Reading:
    """What the cells of one file are read with."""

    mark: str
    now: datetime
    left_out: Counter[str]


def read_payouts(content: bytes, now: datetime) -> PayoutFile:
    """The refunds of a file. Raises SheetError with every problem of every line: then nothing of it can be used."""
    sheet = read_sheet(content, (OWN, TRANSACTIONS, PAYOUTS))
    cells = [row.cells.get(name, "") for row in sheet.rows for name in _AMOUNTS[sheet.form]]
    reading = _Reading(decimal_mark(cells), now, Counter())
    lines = _all(sheet, _READ[sheet.form], reading)
    if sheet.form is TRANSACTIONS:
        lines = _told_apart(lines)
    if sheet.form is PAYOUTS:
        lines = _by_day(lines)
    return PayoutFile(sheet.form, tuple(lines), dict(sorted(reading.left_out.items())))


def _all(sheet: Sheet, read: Callable[[Row, _Reading], PayoutLine | None], reading: _Reading) -> list[PayoutLine]:
    lines: list[PayoutLine] = []
    problems: list[str] = []
    for row in sheet.rows:
        try:
            line = read(row, reading)
        except ValueError as error:
            problems.append(f"line {row.line}: {error}")
            continue
        lines += [line] if line else []
    if problems:
        raise SheetError(problems)
    return lines


def _own(row: Row, reading: _Reading) -> PayoutLine:
    cells = row.cells
    if not bare(cells["payout_id"]) or not bare(cells["refund_id"]):
        raise ValueError("payout_id or refund_id is empty; every refund of a payout has both")
    return PayoutLine(
        read_id(cells["payout_id"], "payout_id"),
        read_id(cells["refund_id"], "refund_id", "Refund"),
        read_amount(cells["amount"], cells["currency"], reading.mark),
        read_day(cells["settled"], "settled", reading.now),
        row=row.line,
    )


def _transaction(row: Row, reading: _Reading) -> PayoutLine | None:
    cells = row.cells
    kind, status = _word(cells["type"]), _word(cells["payout_status"])
    if not kind.startswith("refund"):
        reading.left_out[f"rows of type {kind or '(none)'}"] += 1
        return None
    if status != _PAID:
        reading.left_out[f"refunds of a payout that is {status or '(no status)'}"] += 1
        return None
    amount = read_amount(cells["amount"], cells["currency"], reading.mark)
    order = bare(cells["order"])
    if not order:
        reading.left_out["refunds that name no order"] += 1
        return None
    if len(order) > _LONGEST_ORDER:
        raise ValueError(f"order {order[:20]!r}... is longer than {_LONGEST_ORDER} characters; correct it")
    paid_on = read_day(cells["payout_date"], "payout date", reading.now)
    payout = cells["payout_id"]
    return PayoutLine(
        read_id(payout, "payout id") if bare(payout) else f"payout of {paid_on:%Y-%m-%d}",
        order,
        -amount,
        paid_on,
        order=order,
        moved_at=read_day(cells["transaction_date"], "transaction date", reading.now),
        presented=_presented(cells, -amount, reading),
        signed=True,
        row=row.line,
    )


def _presented(cells: Mapping[str, str], amount: Money, reading: _Reading) -> Money | None:
    """What the shopper got in their own currency, with the sign of what left the payout."""
    written, currency = cells["presentment_amount"], cells["presentment_currency"]
    if not bare(written) or not bare(currency):
        return None
    shown = abs(read_amount(written, currency, reading.mark, "presentment amount"))
    return -shown if amount.amount < 0 else shown


def _told_apart(lines: list[PayoutLine]) -> list[PayoutLine]:
    """Each line under a name of its own: its order and moment, counted where one order has several at one moment."""
    seen: Counter[str] = Counter()
    named: list[PayoutLine] = []
    for line in sorted(lines, key=lambda line: (line.order, line.moved_at or line.settled_at, line.amount.amount)):
        name = f"{line.order} {line.moved_at:%Y-%m-%dT%H:%M:%SZ}"
        seen[name] += 1
        named.append(replace(line, refund_id=name if seen[name] == 1 else f"{name} {seen[name]}"))
    return sorted(named, key=lambda line: line.row)


def _payout(row: Row, reading: _Reading) -> PayoutLine | None:
    cells = row.cells
    status = _word(cells["status"])
    if status != _PAID:
        reading.left_out[f"payouts that are {status or '(no status)'}"] += 1
        return None
    amount = read_amount(cells["refunds"] or "0", cells["currency"], reading.mark, "refunds")
    day = read_day(cells["payout_date"], "payout date", reading.now)
    payout = f"payouts of {day:%Y-%m-%d} in {amount.currency}"
    return PayoutLine(payout, "", -amount, day, signed=True, row=row.line)


def _by_day(lines: list[PayoutLine]) -> list[PayoutLine]:
    days: dict[str, PayoutLine] = {}
    for line in lines:
        before = days.get(line.payout_id)
        days[line.payout_id] = replace(before, amount=before.amount + line.amount) if before else line
        if abs(days[line.payout_id].amount.amount) > MOST:
            raise SheetError([f"line {line.row}: the refunds of this day are beyond {MOST:,}; correct the amounts"])
    return list(days.values())


def _word(cell: str) -> str:
    return bare(cell).casefold().replace("_", " ")


_READ: dict[SheetForm, Callable[[Row, _Reading], PayoutLine | None]] = {
    OWN: _own,
    TRANSACTIONS: _transaction,
    PAYOUTS: _payout,
}
