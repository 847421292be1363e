"""What must be true beside the credit notes: write-offs, fees, refunds, exchanges, batches, shelves, the lock date."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from decimal import Decimal

from sandbox.demo.day.arithmetic import entitlements, moved_accounts
from sandbox.demo.day.words import (
    BIRCH,
    CEDAR,
    FEE_INCOME,
    PAID_FROM,
    SHIPPING_INCOME,
    WRITE_OFFS,
    Ending,
    ReturnOfDay,
    many,
)
from sandbox.demo.facts import Facts, Verdict
from sandbox.demo.finance import FINANCE

CENT = Decimal("0.01")
NONE_TODAY = "none today"


def _written_off(facts: Facts) -> Verdict:
    due = entitlements(facts.day)
    expected = {facts.rma_ids[name]: dict(one.written_off) for name, one in due.items() if one.written_off}
    wrong = []
    for rma, due_pieces in expected.items():
        found = [dict(one.pieces) for one in facts.evening.write_offs if one.rma == rma and one.account == WRITE_OFFS]
        if found != [due_pieces]:
            wrong.append(f"RMA {rma}: {found} on account {WRITE_OFFS}, not one of {due_pieces}")
    wrong += [
        f"{dict(one.pieces)} written off for nobody" for one in facts.evening.write_offs if one.rma not in expected
    ]
    pieces = sum(sum(each.values()) for each in expected.values())
    return wrong, many(pieces, "piece") if expected else NONE_TODAY


def _own_accounts(facts: Facts) -> Verdict:
    before, after = facts.morning.accounts, facts.evening.accounts
    due = moved_accounts(facts.day, facts.morning.costs)
    names = {
        FEE_INCOME: "fees",
        SHIPPING_INCOME: "shipping",
        WRITE_OFFS: "write-offs",
        **{code: f"account {code}" for code in PAID_FROM.values()},
    }
    moved = {code: after.get(code, Decimal(0)) - before.get(code, Decimal(0)) for code in names}
    wrong = [
        f"{names[code]}: {code} moved by {moved[code]:f}, not {due[code]:f}"
        for code in names
        if abs(moved[code] - due[code]) >= CENT
    ]
    return wrong, ", ".join(f"{names[code]} {abs(moved[code]):.2f}" for code in names)


def _shipping(facts: Facts) -> Verdict:
    due = entitlements(facts.day)
    wrong, found = [], []
    for one in facts.day.returns:
        if not one.shipping_back or one.ending is not Ending.CREDITED:
            continue
        paid = sum(due[one.name].refunds.values(), Decimal(0)).quantize(CENT)
        credited = sum((note.total.gross for note in facts.notes_of(one.name)), Decimal(0)).quantize(CENT)
        found.append(f"{many(sum(back.quantity for back in one.back), 'piece')}, {credited} credited")
        if credited != paid:
            wrong.append(f"{one.name}: {credited} credited, {paid} refunded")
    return wrong, "; ".join(found) or NONE_TODAY


def _refunds(facts: Facts) -> Verdict:
    expected: Counter[tuple[str, str, Decimal]] = Counter()
    for name, due in entitlements(facts.day).items():
        order = next(one.order_name for one in facts.day.returns if one.name == name)
        for account, paid in due.refunds.items():
            expected[facts.sale_ids[order], account, paid.quantize(CENT)] += 1
    found = Counter((one.sale_id, one.account, one.amount.quantize(CENT)) for one in facts.evening.payments)
    wrong = [f"{amount:f} from {account} is missing" for _, account, amount in expected - found]
    wrong += [f"{amount:f} from {account} is too much" for _, account, amount in found - expected]
    wrong += [f"{one.amount:f} from {one.account} has no mark" for one in facts.evening.payments if not one.mark]
    return wrong, many(sum(expected.values()), "refund") if expected else NONE_TODAY


def _words(facts: Facts) -> Verdict:
    wrong, told = [], 0
    for one in facts.day.returns:
        expected = int("comment" in one.effects)
        found = facts.evening.words.get(facts.rma_ids[one.name], 0)
        told += found
        # Of an exchange nobody is paid, but the portal may have been told before its order was out of draft.
        if found != expected and not (one.exchanged and found <= 1):
            wrong.append(f"{one.name}: told {found} times, not {expected}")
    return wrong, many(told, "comment")


def _exchanges(facts: Facts) -> Verdict:
    wrong = []
    exchanged = [one for one in facts.day.returns if one.exchanged]
    for one in exchanged:
        standing = facts.evening.view.of(facts.rma_ids[one.name])
        status = facts.evening.orders.get(facts.exchange_ids.get(one.name, ""), "not there")
        if one.waits_for not in standing.seen:
            wrong.append(f"{one.name} never showed {one.waits_for}")
        if one.waits_for in standing.open:
            wrong.append(f"{one.name} still shows {one.waits_for}")
        if status != "AUTHORISED":
            wrong.append(f"{one.name}: its order is {status}")
    return wrong, f"{len(exchanged)} seen, closed and released" if exchanged else NONE_TODAY


def _imported_again(facts: Facts) -> Verdict:
    wrong = []
    again = [one for one in facts.day.returns if one.imported_again]
    for one in again:
        old = facts.replaced_ids.get(one.name, "")
        if facts.evening.orders.get(old) != "VOIDED":
            wrong.append(f"{one.name}: its first sale is {facts.evening.orders.get(old, 'not there')}, not VOIDED")
        strange = [note for note in facts.notes_of(one.name) if note.sale_id != facts.sale_ids[one.order_name]]
        wrong += [f"{one.name}: note {note.number} is on another sale" for note in strange]
        if not facts.notes_of(one.name):
            wrong.append(f"{one.name} has no note on the new sale")
        if facts.evening.view.of(facts.rma_ids[one.name]).open:
            wrong.append(f"{one.name} still shows {', '.join(facts.evening.view.of(facts.rma_ids[one.name]).open)}")
    return wrong, f"{len(again)} credited on the new sale" if again else NONE_TODAY


def _adopted(facts: Facts) -> Verdict:
    wrong = []
    native = _of(facts, BIRCH)
    for one in native:
        notes = facts.notes_of(one.name)
        if [note.mark for note in notes] != [""]:
            wrong.append(f"{one.name}: notes {', '.join(note.number for note in notes) or 'none'}")
        if not facts.evening.view.of(facts.rma_ids[one.name]).credited:
            wrong.append(f"{one.name} is not adopted")
    return wrong, f"{len(native)} adopted" if native else NONE_TODAY


def _of(facts: Facts, shop: str) -> list[ReturnOfDay]:
    return [one for one in facts.day.returns if one.shop == shop and one.ending is Ending.CREDITED]


def _batches(facts: Facts) -> Verdict:
    held = len(_of(facts, CEDAR))
    rows = facts.evening.batches
    if not held:
        return [f"batch {row['id']} of {row['shop']}" for row in rows], NONE_TODAY
    wrong = [
        f"batch {row['id']} is {row['state']}, released by {row['released_by'] or 'nobody'}"
        for row in rows
        if (row["state"], row["released_by"]) != ("closed", FINANCE)
    ]
    if sum(row["notes"] for row in rows) != held:
        wrong.append(f"{sum(row['notes'] for row in rows)} notes in batches, {held} returns of {CEDAR}")
    gross = ", ".join(f"{amount} {currency}" for row in rows for currency, amount in row["gross"].items())
    return wrong, f"{many(len(rows), 'batch', 'batches')}, {many(held, 'note')}, {gross}"


def _shelves(facts: Facts) -> Verdict:
    shelves = facts.evening.shelves
    wrong = [
        f"{one.sku}: the shop shows {one.shown}, {one.offered} are to be offered"
        for one in shelves
        if one.shown != one.offered
    ]
    again = sum(1 for count in facts.evening.changes.values() if count > 1)
    if not shelves or not again:
        wrong.append("no figure in the shop followed the returns of the day")
    return wrong, f"{len(shelves)} SKUs agree; {again} followed the day's returns"


def _locked(facts: Facts) -> Verdict:
    late = [one for one in facts.day.returns if one.after_lock]
    lock = facts.evening.view.locked
    notes = [note for one in late for note in facts.notes_of(one.name)]
    said = str(lock)
    strange = [note for note in notes if note.day <= said or f"event date {said}" not in note.memo]
    wrong = [f"{note.number} is dated {note.day}, the period is locked to {lock}: {note.memo}" for note in strange]
    return wrong, f"locked to {lock}, {len(late)} dated after" if late else NONE_TODAY


def _unseen(facts: Facts) -> Verdict:
    unseen = [one for one in facts.day.returns if one.manner.lost]
    wrong = []
    for one in unseen:
        named = re.compile(rb"(?<!\d)%s(?!\d)" % facts.rma_ids[one.name].encode())
        if any(body is not None and named.search(body) for body in facts.evening.accepted):
            wrong.append(f"{one.order_name} ({one.name}) was announced after all")
        if not facts.notes_of(one.name):
            wrong.append(f"{one.order_name} ({one.name}) ended unseen and was never credited")
    return wrong, f"{len(unseen)} found by the status poll and credited" if unseen else NONE_TODAY


#: Name and question, in the order a reader wants them.
DOCUMENT_CHECKS: tuple[tuple[str, Callable[[Facts], Verdict]], ...] = (
    ("damaged goods went through quarantine to the write-off account, once", _written_off),
    ("fees, write-offs and refunds stand on their own accounts", _own_accounts),
    ("a refund of many pieces with their shipping is credited to the penny", _shipping),
    ("each refund is recorded once, on its credit note", _refunds),
    ("a return that ended before anybody told us of it was found and credited", _unseen),
    ("the portal was told once that a refund may go, where the goods are in", _words),
    ("the exchange stuck in draft was seen, and released when its goods came", _exchanges),
    ("where the sale was voided and the order imported again, the new sale was credited", _imported_again),
    ("the note of Cin7's own channel was adopted, and none made beside it", _adopted),
    ("the batch went when finance released what it saw, and closed whole", _batches),
    ("the shop shows Available less the buffer, and followed the day", _shelves),
    ("after the lock date a note carries the first open day, and its true one in the memo", _locked),
)
