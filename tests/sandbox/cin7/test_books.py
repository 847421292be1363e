from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.books import building, crediting, selling, storing
from sandbox.books.journal import Journal, Leg, Unbalanced
from sandbox.books.ledger import Books, Refused
from sandbox.books.numbers import tax_of
from sandbox.books.sales import CreditNote, RestockLine
from sandbox.books.stock import NotEnough, Slot, StockRoom, value_of
from sandbox.books.tenant import default_tenant, set_up
from sandbox.books.warehouse import Adjustment, AdjustmentLine, MoveLine, Transfer, WriteOff

NOW = datetime(2026, 3, 20, 9, tzinfo=UTC)
DAY = date(2026, 3, 20)
Step = tuple[Callable[[Books, str, int], None], str, int]
SKUS = ("CAP-NVY", "BOOT-42", "SOCK-3PK", "GIFT-SET")


def fresh() -> Books:
    books = Books(1)
    set_up(books, default_tenant())
    return books


def sell(books: Books, sku: str, quantity: int) -> None:
    lines = [{"sku": sku, "quantity": str(quantity), "price": "19.99", "discount": "7.5"}]
    building.build_sale(books, {"order_name": "#1", "lines": lines, "invoice_status": "PAID"}, NOW)


def credit(books: Books, sku: str, quantity: int) -> None:
    sale = next((one for one in books.sales.values() if not one.notes), None)
    if sale is not None:
        building.foreign_credit_note(books, sale, {}, NOW)


def void(books: Books, sku: str, quantity: int) -> None:
    for sale in books.sales.values():
        for note in sale.notes:
            if note.status == "AUTHORISED":
                crediting.unwind_note(books, sale, note, NOW, void=True)


def write_off(books: Books, sku: str, quantity: int) -> None:
    main = books.catalogue.default_location().id
    lines = [MoveLine("", sku, Decimal(quantity))]
    storing.complete_write_off(books, WriteOff(books.guid(), "IWO", "DRAFT", main, "403", "", lines, DAY))


def move(books: Books, sku: str, quantity: int) -> None:
    main, target = books.catalogue.default_location().id, books.catalogue.place(name="Quarantine")
    assert target is not None
    lines = [MoveLine("", sku, Decimal(quantity))]
    storing.complete_transfer(books, Transfer("t", "TR", "DRAFT", main, target.id, "", lines, NOW), NOW)


def count(books: Books, sku: str, quantity: int) -> None:
    main = books.catalogue.default_location().id
    lines = [AdjustmentLine("", sku, Decimal(quantity * 7), Decimal("3.3333"), main)]
    storing.complete_adjustment(books, Adjustment(books.guid(), "ST", "DRAFT", DAY, "403", "", "", lines))


STEPS = st.lists(
    st.tuples(st.sampled_from((sell, credit, void, write_off, move, count)), st.sampled_from(SKUS), st.integers(1, 4)),
    max_size=12,
)


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_whatever_happens_debits_equal_credits_and_inventory_equals_the_layers(
    steps: list[Step],
) -> None:
    books = fresh()
    for step, sku, quantity in steps:
        with suppress(Refused):
            step(books, sku, quantity)
        books.check()
    assert sum(books.journal.trial_balance().values()) == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 20), st.decimals("0.01", "99", places=4)), min_size=1, max_size=6), st.data())
def test_units_leave_first_in_first_out_and_no_cost_is_lost(
    lots: list[tuple[int, Decimal]], data: st.DataObject
) -> None:
    room, slot = StockRoom(), Slot("A", "main")
    for number, (quantity, cost) in enumerate(lots, start=1):
        room.receive(slot, Decimal(quantity), cost, date(2026, 1, number))
    before, total = room.value(), sum(quantity for quantity, _ in lots)
    pieces = room.take("A", "main", Decimal(data.draw(st.integers(1, total))))
    assert [piece.received for piece in pieces] == sorted(piece.received for piece in pieces)
    assert room.value() + value_of(pieces) == before


@given(st.decimals("0", "5000", places=2), st.sampled_from(("0", "5", "15", "20")))
def test_truncated_tax_is_never_above_the_rounded_one(amount: Decimal, percent: str) -> None:
    for inclusive in (True, False):
        cut, rounded = (
            tax_of(amount, Decimal(percent), inclusive=inclusive, rounding=way) for way in ("truncate", "half_up")
        )
        assert Decimal(0) <= rounded - cut <= Decimal("0.0001")


def test_a_posting_that_does_not_balance_is_impossible() -> None:
    with pytest.raises(Unbalanced):
        Journal().post("1", "t", DAY, "", "", [Leg("200", Decimal(1)), Leg("610", Decimal(-2))])


def test_taking_more_than_there_is_takes_nothing() -> None:
    room = StockRoom()
    room.receive(Slot("A", "main"), Decimal(2), Decimal(1), DAY)
    with pytest.raises(NotEnough):
        room.take("A", "main", Decimal(3))
    assert room.on_hand("A") == 2


def test_a_sale_posts_revenue_tax_receivable_and_cost() -> None:
    books = fresh()
    spec = {"order_name": "#1", "lines": [{"sku": "BOOT-42", "quantity": "3", "price": "140"}], "date": "2026-03-02"}
    building.build_sale(books, spec, NOW)
    balances = books.journal.trial_balance()
    assert balances["200"] == -420
    assert balances["820"] == -84
    assert balances["610"] == 504
    assert balances["310"] == Decimal("200.0001")


def test_a_return_over_two_cost_layers_comes_back_at_both_costs() -> None:
    books = fresh()
    spec = {"order_name": "#1", "lines": [{"sku": "CAP-NVY", "quantity": "12", "price": "18.5"}]}
    sale = building.build_sale(books, spec, NOW)
    note = CreditNote(sale.id, "CR-1", "DRAFT", sale.invoices[0].number, DAY, Decimal(1))
    main = books.catalogue.default_location().id
    note.restock = [RestockLine("", "CAP-NVY", Decimal(11), main, main)]
    crediting.authorise_note(books, sale, note, NOW)
    assert [(piece.quantity, piece.unit_cost) for piece in note.restock[0].pieces] == [
        (Decimal(10), Decimal("6.1")),
        (Decimal(1), Decimal("7.45")),
    ]


def test_two_returns_of_one_sale_never_use_the_same_cost_twice() -> None:
    books = fresh()
    spec = {
        "order_name": "#1", "kind": "Advanced Sale", "lines": [{"sku": "CAP-NVY", "quantity": "11", "price": "18.5"}],
    }  # fmt: skip
    sale = building.build_sale(books, spec, NOW)
    for quantity in ("10", "1"):
        building.foreign_credit_note(books, sale, {"lines": [{"sku": "CAP-NVY", "quantity": quantity}]}, NOW)
    assert books.journal.trial_balance()["310"] == 0


def test_a_voided_sale_leaves_no_trace_in_the_balances() -> None:
    books = fresh()
    before = books.journal.trial_balance()
    spec = {"order_name": "#1", "lines": [{"sku": "BOOT-42", "quantity": "3"}]}
    selling.void_sale(books, building.build_sale(books, spec, NOW), NOW)
    after = {code: amount for code, amount in books.journal.trial_balance().items() if amount}
    assert after == before
    assert books.stock.on_hand("BOOT-42") == 6


def test_a_foreign_sale_is_kept_in_base_currency() -> None:
    books = fresh()
    lines = [{"sku": "BOOT-42", "quantity": "1", "price": "100", "tax_rule": "Zero Rated Income"}]
    spec = {"lines": lines, "currency": "EUR", "rate": "0.85", "customer": "Euro Customer", "invoice_status": "PAID"}
    building.build_sale(books, spec, NOW)
    balances = books.journal.trial_balance()
    assert [balances["712"], balances["610"], balances["200"]] == [85, 0, -85]


def test_a_sale_of_more_than_there_is_cannot_ship() -> None:
    with pytest.raises(Refused, match="Not enough stock"):
        building.build_sale(fresh(), {"lines": [{"sku": "BOOT-42", "quantity": "7"}]}, NOW)


def test_a_sale_that_cannot_ship_whole_leaves_nothing_behind() -> None:
    books = fresh()
    before = {slot: books.stock.in_slot(slot) for slot in books.stock.slots}
    lines = [
        {"sku": sku, "quantity": quantity} for sku, quantity in (("GIFT-SET", "2"), ("CAP-NVY", "12"), ("BOOT-42", "7"))
    ]
    with pytest.raises(Refused, match="BOOT-42: 6 available, 7 needed"):
        building.build_sale(books, {"lines": lines}, NOW)
    assert books.sales == {}
    assert {slot: books.stock.in_slot(slot) for slot in books.stock.slots} == before
    assert all(held == 0 for held in books.stock.allocated.values())
    assert books.outbox == []
    books.check()


def test_a_voided_return_frees_its_cost_for_the_next_one() -> None:
    books = fresh()
    sold = {"kind": "Advanced Sale", "lines": [{"sku": "CAP-NVY", "quantity": "12", "price": "18.5"}]}
    sale = building.build_sale(books, sold, NOW)
    back = {"lines": [{"sku": "CAP-NVY", "quantity": "10"}]}
    crediting.unwind_note(books, sale, building.foreign_credit_note(books, sale, back, NOW), NOW, void=True)
    again = building.foreign_credit_note(books, sale, back, NOW)
    assert [piece.unit_cost for piece in again.restock[0].pieces] == [Decimal("6.1")]
