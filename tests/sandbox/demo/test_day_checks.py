"""The checks of a demo: a perfect evening passes all of them, and each kind of mischief is found by the right one."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from rich.console import Console

from sandbox.demo.checks import busiest, run_checks
from sandbox.demo.day import make_day
from sandbox.demo.day.arithmetic import Amounts, Entitlement, entitlements, moved_accounts, moved_stock
from sandbox.demo.day.words import Day, Ending
from sandbox.demo.evening import Evening, Morning, Note, Payment, WriteOff, fingerprint
from sandbox.demo.facts import Facts
from sandbox.demo.ledger import Standing, View
from sandbox.demo.report import make_report
from sandbox.demo.shelves import Shelf
from sandbox.demo.show import print_report

DAY = make_day(34, 7)
RMAS = {one.name: str(55_500_000 + number) for number, one in enumerate(DAY.returns, start=1)}
SALES = {sale.order_name: f"sale-{sale.order_name}" for sale in DAY.sales}
LOCK = date(2026, 11, 23)
BATCH = {"id": 1, "shop": "cedar", "state": "closed", "released_by": "Finance", "notes": 3, "gross": {"GBP": "102.99"}}
BOUGHT = Morning({("TEE-BLK-M", "Main Warehouse"): Decimal(40)}, {"300": Decimal(0)}, {})


def costs() -> dict[str, Decimal]:
    return {line.sku: Decimal("9.4") for sale in DAY.sales for line in sale.lines}


def note(name: str, due: Entitlement, number: int) -> Note:
    order = next(one.order_name for one in DAY.returns if one.name == name)
    back = tuple((sku, count, place) for (sku, place), count in due.pieces.items())
    rma, mark = (RMAS[name], f"RL-{RMAS[name]}") if name != "native" else ("", "")
    day, memo = ("2026-11-24", f"event date {LOCK}") if name == "after the lock" else ("2026-11-23", "")
    money = (due.total, dict(due.amounts))
    return Note(f"CR-{number}", "AUTHORISED", SALES[order], due.currency, *money, back, rma, mark, day, memo)


def standings(day: Day) -> dict[str, Standing]:
    states = {Ending.CREDITED: "settled", Ending.WAITS: "parked", Ending.NOTHING: "refused"}
    found = {}
    for one in day.returns:
        waits = one.ending is Ending.WAITS
        seen = frozenset({one.waits_for} if one.waits_for else ())
        open_ = {one.waits_for: "cause"} if waits else {}
        found[RMAS[one.name]] = Standing(states[one.ending], "", open_, seen, one.effects)
    return found


def call(**changes: Any) -> dict[str, Any]:
    plain = {"system": "cin7", "method": "GET", "path": "/cin7/ExternalApi/v2/sale", "query": "", "body": ""}
    return {**plain, "monotonic": 1.0, "throttled": False, "fault": None, "rule": None, **changes}


def a_rule(**changes: Any) -> dict[str, Any]:
    plain = {"id": 9, "kind": "throttle", "system": "cin7", "path": "x", "status": 500, "fired": 1, "times": 1}
    return {**plain, "lasts": None, **changes}


def perfect() -> Facts:
    stock, accounts = Counter[tuple[str, str]](), dict(BOUGHT.accounts)
    stock.update({place: int(count) for place, count in BOUGHT.stock.items()})
    stock.update(moved_stock(DAY))
    accounts |= moved_accounts(DAY, costs())
    view = View(standings(DAY), {"admitted": 2, "unreadable": 1}, 0, 0, {}, {"intake": 1}, {}, {"authorise": 1}, LOCK)
    evening = Evening(
        notes=[note(name, due, number) for number, (name, due) in enumerate(entitlements(DAY).items())],
        stock={place: Decimal(count) for place, count in stock.items()},
        accounts=accounts,
        calls=[call(query="ID=00000000-0000-4000-8000-000000000001"), call(throttled=True, fault="throttle")],
        faults=[
            {"kind": "throttle", "system": "cin7", "path": "x", "status": 500, "fired": 1, "times": 1, "lasts": None}
        ],
        accepted=[b"one", b"two", b"two", None],
        coalesced=1,
        bodies=[b"one", b"two", b"<html>"],
        view=view,
        write_offs=[WriteOff("403", (("JEANS-32", 1),), RMAS["damaged"], "RL-1")],
        payments=[
            Payment(SALES["#1021"], Decimal(24), "712", "RL-2"),
            Payment(SALES["#1022"], Decimal(55), "850", "RL-3"),
            Payment(SALES["#1057"], Decimal("604.80"), "712", "RL-4"),
        ],
        orders={"draft": "AUTHORISED", "voided": "VOIDED"},
        words={RMAS[one.name]: int("comment" in one.effects) for one in DAY.returns},
        shelves=[Shelf("TEE-BLK-M", 12, 12)],
        changes={"TEE-BLK-M": 2},
        batches=[BATCH],
    )
    again = {"imported again": "voided"}
    return Facts(DAY, replace(BOUGHT, costs=costs()), evening, RMAS, SALES, 600, 1, {"exchange": "draft"}, [], again)


def failed(facts: Facts) -> set[str]:
    return {check.name for check in run_checks(facts) if not check.passed}


def changed(**changes: Any) -> Facts:
    facts = perfect()
    return replace(facts, evening=replace(facts.evening, **changes))


def with_standing(name: str, **changes: Any) -> Facts:
    view = perfect().evening.view
    known = view.standings
    return changed(view=replace(view, standings=known | {RMAS[name]: replace(known[RMAS[name]], **changes)}))


def a_foreign_note() -> Facts:
    share = Amounts(Decimal(25), Decimal(5))
    alien = Note("CR-99", "AUTHORISED", SALES["#1001"], "GBP", share, {"20% (VAT on Income)": share}, (), "", "")
    return changed(notes=[*perfect().evening.notes, alien])


def a_doubled_note() -> Facts:
    notes = perfect().evening.notes
    return changed(notes=[*notes, replace(notes[0], number="CR-98")])


def an_announced_one() -> Facts:
    evening = perfect().evening
    body = b'{"rmaId": "%s"}' % RMAS["ended unseen"].encode()
    return changed(accepted=[*evening.accepted, body], bodies=[*evening.bodies, body])


def one_that_was_never_found() -> Facts:
    return changed(notes=[note for note in perfect().evening.notes if note.rma != RMAS["ended unseen"]])


def a_draft_left() -> Facts:
    notes = perfect().evening.notes
    return changed(notes=[replace(notes[0], status="DRAFT"), *notes[1:]])


def a_note_on_the_sale_that_was_voided() -> Facts:
    notes = perfect().evening.notes
    return changed(
        notes=[replace(one, sale_id="voided") if one.rma == RMAS["imported again"] else one for one in notes]
    )


def a_note_on_a_strangers_sale() -> Facts:
    notes = perfect().evening.notes
    stranger = next(order for order in SALES if order.startswith("#5"))
    return changed(notes=[replace(notes[0], sale_id=SALES[stranger]), *notes[1:]])


def the_shipping_of_many_let_be() -> Facts:
    notes = perfect().evening.notes
    many = RMAS["shipping of many"]
    less = Amounts(Decimal(500), Decimal(100))
    return changed(notes=[replace(one, total=less) if one.rma == many else one for one in notes])


def a_penny_too_much() -> Facts:
    notes = perfect().evening.notes
    more = {rule: each + Amounts(Decimal("0.01")) for rule, each in notes[0].by_rule.items()}
    return changed(notes=[replace(notes[0], by_rule=more), *notes[1:]])


def a_piece_too_few() -> Facts:
    stock = dict(perfect().evening.stock)
    stock["DRESS-BLU", "Quarantine"] -= 1
    return changed(stock=stock)


def books_that_do_not_balance() -> Facts:
    return changed(accounts=perfect().evening.accounts | {"999": Decimal("0.02")})


def an_effect_nobody_knows() -> Facts:
    return changed(view=replace(perfect().evening.view, undecided=1))


def an_entry_nobody_looked_at() -> Facts:
    return changed(view=replace(perfect().evening.view, unseen=1))


def a_buried_return() -> Facts:
    return changed(view=replace(perfect().evening.view, buried={"intake": 1, "credit-notes": 1}))


def an_idle_fault() -> Facts:
    return changed(faults=[a_rule(fired=0)])


def an_outage_of_writes(fired: int, kept: str) -> Facts:
    """The practice world refused the write of the document with this mark."""
    refused = call(path="/cin7/sale/creditnote", rule=9, fault="status_before", body=f'{{"Memo": "{kept}"}}')
    return changed(
        faults=[a_rule(kind="status_before", status=503, fired=fired, times=None, lasts=9.0)], calls=[refused]
    )


def without_the_write_off() -> Facts:
    return changed(write_offs=[])


def a_second_write_off() -> Facts:
    return changed(write_offs=[*perfect().evening.write_offs] * 2)


def a_fee_on_the_sales_account() -> Facts:
    accounts = dict(perfect().evening.accounts)
    accounts["260"] += 5
    accounts["200"] -= 5
    return changed(accounts=accounts)


def a_refund_paid_twice() -> Facts:
    return changed(payments=[*perfect().evening.payments, perfect().evening.payments[0]])


def a_store_credit_paid_from_the_bank() -> Facts:
    card, credit, *others = perfect().evening.payments
    return changed(payments=[card, replace(credit, account="712"), *others])


def two_words_about_one_return() -> Facts:
    return changed(words=perfect().evening.words | {RMAS["plain"]: 2})


def our_own_note_beside_the_channels() -> Facts:
    notes = perfect().evening.notes
    ours = replace(notes[0], number="CR-96", sale_id=SALES["#1024"], rma=RMAS["native"], mark="RL-9")
    return changed(notes=[*notes, ours])


def with_batch(**changes: Any) -> Facts:
    return changed(batches=[BATCH | changes])


def dated_into_the_locked_period() -> Facts:
    notes = perfect().evening.notes
    return changed(notes=[replace(one, day="2026-11-23") for one in notes])


CREDITS = "credit totals equal the entitlement, per currency and tax rule"
EACH = "each return was credited what it was entitled to"
ONE_NOTE = "one credit note for each return, under its own mark"
WRITE_OFF = "damaged goods went through quarantine to the write-off account, once"
UNSEEN = "a return that ended before anybody told us of it was found and credited"
REFUNDS = "each refund is recorded once, on its credit note"
EXCHANGES = "the exchange stuck in draft was seen, and released when its goods came"
AGAIN = "where the sale was voided and the order imported again, the new sale was credited"
BATCHES = "the batch went when finance released what it saw, and closed whole"
SHELVES = "the shop shows Available less the buffer, and followed the day"
EVENTS = "every accepted event is accounted for"
WRITTEN_AFTER = "an outage of writes buried nothing, and what it kept back was written once after it"
WAITING = "what must wait waits, with the right exception, and nothing else"
OPEN = "nothing is left uncertain, and no draft note is left behind"
MISCHIEF: list[tuple[Callable[[], Facts], str]] = [
    (a_foreign_note, CREDITS),
    (a_foreign_note, ONE_NOTE),
    (a_doubled_note, ONE_NOTE),
    (a_draft_left, OPEN),
    (an_announced_one, UNSEEN),
    (one_that_was_never_found, UNSEEN),
    (without_the_write_off, WRITE_OFF),
    (a_second_write_off, WRITE_OFF),
    (a_fee_on_the_sales_account, "fees, write-offs and refunds stand on their own accounts"),
    (a_refund_paid_twice, REFUNDS),
    (the_shipping_of_many_let_be, "a refund of many pieces with their shipping is credited to the penny"),
    (a_store_credit_paid_from_the_bank, REFUNDS),
    (two_words_about_one_return, "the portal was told once that a refund may go, where the goods are in"),
    (lambda: changed(orders={"draft": "DRAFT"}), EXCHANGES),
    (lambda: with_standing("exchange", seen=frozenset()), EXCHANGES),
    (a_note_on_the_sale_that_was_voided, AGAIN),
    (lambda: changed(orders={"draft": "AUTHORISED", "voided": "ORDERED"}), AGAIN),
    (lambda: with_standing("imported again", open={"SALE_VOIDED": "x"}), AGAIN),
    (our_own_note_beside_the_channels, "the note of Cin7's own channel was adopted, and none made beside it"),
    (lambda: with_batch(released_by=""), BATCHES),
    (lambda: with_batch(state="posting"), BATCHES),
    (lambda: with_batch(notes=2), BATCHES),
    (lambda: changed(shelves=[Shelf("TEE-BLK-M", 13, 12)]), SHELVES),
    (lambda: changed(changes={"TEE-BLK-M": 1}), SHELVES),
    (
        dated_into_the_locked_period,
        "after the lock date a note carries the first open day, and its true one in the memo",
    ),
    (a_note_on_a_strangers_sale, "sales without a return were left alone"),
    (a_penny_too_much, EACH),
    (a_penny_too_much, CREDITS),
    (a_piece_too_few, "stock on hand moved by exactly the restocked pieces"),
    (books_that_do_not_balance, "the books balance, and moved by exactly this day"),
    (an_effect_nobody_knows, OPEN),
    (an_entry_nobody_looked_at, OPEN),
    (a_buried_return, "the unreadable delivery lies in the dead letters"),
    (an_idle_fault, "every fault of the day struck"),
    (lambda: an_outage_of_writes(0, "no mark"), "every fault of the day struck"),
    (lambda: an_outage_of_writes(1, "RL-000000000000"), WRITTEN_AFTER),
    (lambda: changed(bodies=[b"one", b"two"]), EVENTS),
    (lambda: changed(bodies=[b"one", b"other", b"<html>"]), EVENTS),
    (lambda: with_standing("unknown SKU", open={}), WAITING),
    (lambda: with_standing("unknown SKU", open={"SKU_AMBIGUOUS": "x"}), WAITING),
    (lambda: with_standing("plain", open={"OVER_CREDIT": "x"}), WAITING),
    (lambda: with_standing("draft invoice", seen=frozenset()), "what waited for a person went on by itself"),
    (lambda: changed(calls=[call(throttled=True)]), "no throttled call but the ones ordered"),
    (lambda: changed(calls=[call()] * 601), "never more calls than the quota in any 60 seconds"),
]


def test_a_perfect_evening_passes_every_check() -> None:
    assert failed(perfect()) == set()


@pytest.mark.parametrize(("mischief", "check"), MISCHIEF)
def test_mischief_is_found_by_the_check_it_belongs_to(mischief: Callable[[], Facts], check: str) -> None:
    assert check in failed(mischief())


def test_a_document_that_was_written_after_an_outage_of_writes_is_as_it_must_be() -> None:
    mark = "RL-0123456789ab"
    notes = perfect().evening.notes
    marked = [replace(notes[0], mark=mark), *notes[1:]]
    outage = an_outage_of_writes(1, mark).evening
    assert WRITTEN_AFTER not in failed(changed(notes=marked, faults=outage.faults, calls=outage.calls))


def test_a_voided_note_counts_for_nothing() -> None:
    notes = perfect().evening.notes
    assert failed(changed(notes=[*notes, replace(notes[0], number="CR-97", status="VOIDED")])) == set()


def test_calls_of_different_minutes_do_not_count_together() -> None:
    assert busiest([0.0, 30.0, 59.9, 60.0, 119.0]) == 3
    assert busiest([]) == 0


def test_the_report_says_the_same_as_data() -> None:
    facts = perfect()
    report = make_report(facts, run_checks(facts), 12.34)
    data = json.loads(report.as_json())
    assert data["ok"] is True
    assert len(data["returns"]) == 34
    assert {row["status"] for row in data["returns"]} == {"credited", "waits", "nothing to do"}
    assert all(total["agrees"] for total in data["totals"])


def test_the_last_line_says_in_one_sentence_what_happened() -> None:
    facts = perfect()
    said = make_report(facts, run_checks(facts), 1.0).sentence
    for words in (
        "of 34 returns credited",
        "2 returns waiting",
        "1 piece written off",
        "3 refunds recorded",
        "1 batch posted",
    ):
        assert words in said


def test_a_delivery_is_recognised_by_its_ids_though_the_ledger_keeps_no_names() -> None:
    sent = b'{"SaleID": "7A", "CustomerName": "Asha", "lines": [{"ID": 4}]}'
    assert fingerprint(sent) == fingerprint(b'{"SaleID":"7A","CustomerName":"text of 4","lines":[{"ID":4}]}')
    assert fingerprint(sent) != fingerprint(b'{"SaleID":"7B","CustomerName":"Asha","lines":[{"ID":4}]}')
    assert fingerprint(b"<html>") == b"<html>"


def test_the_report_names_the_place_of_faulty_goods_and_the_reason_of_a_wait() -> None:
    facts = perfect()
    rows = {row.story: row for row in make_report(facts, run_checks(facts), 1.0).rows}
    assert rows["two faulty pieces, inspected, not for sale again"].restocked == (("DRESS-BLU", 2, "Quarantine"),)
    assert rows["the portal names a SKU that is not on the order"].exception == "SKU_UNMATCHED"


def test_reads_of_a_sale_and_writes_about_an_rma_count_for_their_return() -> None:
    rma = RMAS["plain"]
    calls = [
        call(system="returngo", path=f"/returngo/rma/{rma}"),
        call(method="POST", path="/cin7/ExternalApi/v2/sale/creditnote", body=f'{{"Memo": "x RMA {rma} order #1001"}}'),
        call(path="/cin7/ExternalApi/v2/saleList"),
    ]
    report = make_report(changed(calls=calls), [], 1.0)
    row = next(row for row in report.rows if row.rma == rma)
    assert (row.cin7_calls, row.returngo_calls, report.calls.on_the_clock["cin7"]) == (1, 1, 1)


@pytest.mark.parametrize("width", [80, 160])
def test_a_finance_person_reads_the_note_the_money_and_the_verdict_on_any_terminal(width: int) -> None:
    console = Console(record=True, width=width, file=io.StringIO())
    facts = a_foreign_note()
    print_report(console, make_report(facts, run_checks(facts), 1.0))
    text = console.export_text()
    for word in (
        "#1003",
        "CR-2",
        "25.00",
        "5.00",
        "30.00",
        "GBP",
        "credited",
        "waits",
        "SKU_UNMATCHED",
        "PASS",
        "FAIL",
    ):
        assert word in text
    assert "note CR-99 carries no mark of ours" in text
