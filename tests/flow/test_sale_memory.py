"""What the ledger remembers of Cin7 is believed only while it lives: a sale that was voided, deleted or renamed is
looked for again; where a note of ours is on it, a person decides."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from consumers.shared.order_names import ExchangeNames
from pipeline.ledger.schema import all as t
from schemas.concerns import Concern, ConcernType
from schemas.sales import Sale
from tasks.books.books import LedgerBooks
from tasks.polls import drift, polls
from tasks.stages import consume
from tests.flow.inprocess import SHOP, Line, Served, line

TEE = {"sku": "TEE-BLK-M", "quantity": "2", "price": "30"}
UNIT = {"sku": "TEE-BLK-M", "paid_price": "30.00", "paid_tax": "5.00", "resolution": "RefundToPaymentMethod"}
HOUR = 3601
Goes = Callable[[Line, str], None]


@pytest.fixture
def it(tmp_path: Path, served: Served) -> Iterator[Line]:
    with line(tmp_path, served, terms="check_restock_value = false") as made:
        yield made


def voids(it: Line, sale_id: str) -> None:
    it.control(f"/sales/{sale_id}/void", {})


def deletes(it: Line, sale_id: str) -> None:
    it.control(f"/sales/{sale_id}/delete", {})


def waiting_for_its_invoice(it: Line, order: str = "#1") -> tuple[str, str]:
    """A return that waits for the draft invoice of its sale: RMA, sale id."""
    sale = it.sell(order, [TEE], invoice_status="DRAFT")
    rma, _ = it.open_rma(order, [UNIT])
    it.nudge_and_settle(rma, rounds=1)
    assert set(it.kinds(rma)) == {"INVOICE_NOT_AUTHORISED"}
    return rma, str(sale["sale_id"])


def imported_again(it: Line, order: str = "#1", **more: Any) -> str:
    return str(it.sell(order, [TEE], **more)["sale_id"])


def listed(it: Line) -> None:
    polls.sales(it.parts, SHOP)


def looked_at_again(it: Line, rma: str) -> dict[str, str]:
    it.clock.forward(HOUR)
    return it.settle(rma, rounds=1)


def credits_by_sale(it: Line) -> dict[str, int]:
    notes = [note for note in it.books()["credit_notes"] if note["status"] == "AUTHORISED"]
    return {note["sale_id"]: sum(1 for one in notes if one["sale_id"] == note["sale_id"]) for note in notes}


# -- nothing of ours on it -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("goes", [voids, deletes])
def test_a_return_that_waits_on_a_lost_sale_is_credited_on_the_one_that_replaced_it(it: Line, goes: Goes) -> None:
    rma, old = waiting_for_its_invoice(it)
    goes(it, old)
    new = imported_again(it)
    assert looked_at_again(it, rma)["credit-notes"] == "settled"
    assert credits_by_sale(it) == {new: 1}
    assert (it.kinds(rma), it.letters()) == ({}, [])


@pytest.mark.parametrize(("goes", "word"), [(voids, "SALE_VOIDED"), (deletes, "ORDER_NOT_FOUND")])
def test_until_the_order_is_imported_again_a_person_is_told_and_nothing_is_buried(
    it: Line, goes: Goes, word: str
) -> None:
    rma, old = waiting_for_its_invoice(it)
    goes(it, old)
    for _ in range(6):
        looked_at_again(it, rma)
    assert (set(it.kinds(rma)), it.letters()) == ({word}, [])
    imported_again(it)
    looked_at_again(it, rma)
    assert (it.kinds(rma), sum(credits_by_sale(it).values())) == ({}, 1)


@pytest.mark.parametrize("goes", [voids, deletes])
def test_the_list_that_first_shows_the_new_sale_wakes_who_waited_on_the_old_one(it: Line, goes: Goes) -> None:
    rma, old = waiting_for_its_invoice(it)
    goes(it, old)
    imported_again(it)
    listed(it)
    assert it.entry(rma)["due_at"] <= it.clock()
    it.settle(rma, rounds=1)
    assert it.kinds(rma) == {}


def test_a_sale_whose_deletion_is_answered_with_a_bare_404_is_looked_for_again(it: Line) -> None:
    rma, old = waiting_for_its_invoice(it)
    deletes(it, old)
    imported_again(it)
    it.desk.fault("status_before", system="cin7", method="GET", path="/v2/sale$", status=404, form="text")
    assert looked_at_again(it, rma)["credit-notes"] == "settled"


def test_an_order_voided_and_imported_more_than_once_is_no_riddle(it: Line) -> None:
    rma, old = waiting_for_its_invoice(it)
    voids(it, old)
    second = imported_again(it, invoice_status="DRAFT")
    looked_at_again(it, rma)
    voids(it, second)
    looked_at_again(it, rma)
    assert set(it.kinds(rma)) == {"SALE_VOIDED"}
    third = imported_again(it)
    looked_at_again(it, rma)
    assert (it.kinds(rma), credits_by_sale(it)) == ({}, {third: 1})


def test_every_return_of_the_order_finds_the_new_sale(it: Line) -> None:
    rma, old = waiting_for_its_invoice(it)
    other, _ = it.open_rma("#1", [UNIT])
    it.nudge_and_settle(other, rounds=1)
    voids(it, old)
    new = imported_again(it)
    for one in (rma, other):
        looked_at_again(it, one)
    assert credits_by_sale(it) == {new: 2}


def test_a_return_that_a_person_settled_outside_its_voided_sale_is_never_credited_on_a_new_one(it: Line) -> None:
    rma, old = waiting_for_its_invoice(it)
    voids(it, old)
    looked_at_again(it, rma)
    it.accept(rma, ConcernType.SALE_VOIDED)
    assert it.settle(rma, rounds=1)["credit-notes"] == "refused"
    imported_again(it)
    listed(it)
    it.nudge_and_settle(rma)
    assert credits_by_sale(it) == {}


def test_a_sale_that_was_given_to_another_order_is_looked_for_again(it: Line) -> None:
    rma, old = waiting_for_its_invoice(it)
    it.control(f"/sales/{old}/rename", {"customer_reference": "#2"})
    new = imported_again(it)
    looked_at_again(it, rma)
    assert (it.kinds(rma), credits_by_sale(it)) == ({}, {new: 1})


def test_a_sale_that_names_the_order_no_more_is_credited_only_once_it_does_again(it: Line) -> None:
    rma, old = waiting_for_its_invoice(it)
    it.control(f"/sales/{old}/rename", {"customer_reference": "#2"})
    it.control(f"/sales/{old}/authorise-invoice", {})
    looked_at_again(it, rma)
    assert (set(it.kinds(rma)), credits_by_sale(it)) == ({"ORDER_NOT_FOUND"}, {})
    it.control(f"/sales/{old}/rename", {"customer_reference": "#1"})
    looked_at_again(it, rma)
    assert (it.kinds(rma), credits_by_sale(it)) == ({}, {old: 1})


# -- a note of ours on it --------------------------------------------------------------------------------------------


def half_credited(it: Line) -> tuple[str, str]:
    """A return of two, one of which came and is credited; the other arrives when its sale is lost: RMA, sale id."""
    sale = it.sell("#1", [TEE])
    rma, _ = it.open_rma("#1", [UNIT])
    it.nudge_and_settle(rma)
    (note,) = it.books()["credit_notes"]
    it.control(f"/credit-notes/{note['task_id']}/void", {})
    other, _ = it.open_rma("#1", [UNIT])
    return other, str(sale["sale_id"])


@pytest.mark.parametrize("goes", [voids, deletes])
def test_with_a_note_of_ours_on_the_lost_sale_a_person_decides(it: Line, goes: Goes) -> None:
    rma, old = half_credited(it)
    goes(it, old)
    imported_again(it)
    it.nudge_and_settle(rma)
    assert credits_by_sale(it) == {}
    assert len(it.kinds(rma)) == 1
    assert "CR-" in next(iter(it.kinds(rma).values()))
    assert it.letters() == []


def test_a_refund_on_a_note_whose_sale_was_deleted_waits_for_a_person_without_a_dead_letter(
    tmp_path: Path, served: Served
) -> None:
    with line(tmp_path, served, terms='refund_owner = "returnline"\nrefund_accounts = { card = "712" }') as it:
        sale = it.sell("#1", [TEE])
        rma, _ = it.open_rma("#1", [UNIT])
        it.nudge_and_settle(rma)
        note = next(note for note in it.books()["credit_notes"] if note["memo"])
        it.control(f"/credit-notes/{note['task_id']}/void", {})
        deletes(it, str(sale["sale_id"]))
        it.control(f"/returngo/rmas/{rma}/refund", {"settles_after": "0", "outcome": "Success"})
        for _ in range(6):
            it.clock.forward(HOUR)
            it.nudge_and_settle(rma, rounds=1)
        assert (set(it.kinds(rma)), it.letters()) == ({"CN_DRIFT"}, [])
        drift.look(it.parts, SHOP)
        assert len([row for row in it.exceptions() if row["rma_id"] == rma]) == 1


# -- while it is being written ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("goes", [voids, deletes])
def test_a_sale_lost_between_the_plan_and_the_send_is_looked_for_again(
    it: Line, goes: Goes, monkeypatch: pytest.MonkeyPatch
) -> None:
    sale = it.sell("#1", [TEE])
    rma, _ = it.open_rma("#1", [UNIT])
    performed = consume._perform

    def lost_first(*given: Any) -> None:
        monkeypatch.setattr(consume, "_perform", performed)
        goes(it, str(sale["sale_id"]))
        performed(*given)

    monkeypatch.setattr(consume, "_perform", lost_first)
    it.nudge_and_settle(rma, rounds=1)
    new = imported_again(it)
    looked_at_again(it, rma)
    assert (credits_by_sale(it), it.kinds(rma), it.letters()) == ({new: 1}, {}, [])


def test_a_note_of_unknown_outcome_on_a_sale_deleted_since_is_made_on_the_new_one(it: Line) -> None:
    sale = it.sell("#1", [TEE])
    rma, _ = it.open_rma("#1", [UNIT])
    it.desk.fault("timeout_before", system="cin7", method="POST", path="/sale/creditnote", seconds=3.0)
    it.nudge_and_settle(rma, rounds=1)
    assert it.made(rma) == [("credit", "UNCERTAIN")]
    deletes(it, str(sale["sale_id"]))
    new = imported_again(it)
    for _ in range(4):
        looked_at_again(it, rma)
    assert (credits_by_sale(it), it.kinds(rma), it.letters()) == ({new: 1}, {}, [])


def test_a_location_that_cin7_made_anew_since_it_was_read_is_read_again_when_the_note_is_refused(it: Line) -> None:
    it.sell("#1", [TEE])
    rma, _ = it.open_rma("#1", [UNIT])
    polls.reference_books(it.parts, SHOP)
    locations = t.references.c.book == "locations"
    [row] = it.rows(t.references, locations)
    former = [{**one, "location_id": "0b000000-0000-4000-8000-000000000001"} for one in row["content"]]
    it.change(t.references, locations, content=former)
    it.nudge_and_settle(rma)
    refused = [call["status"] for call in it.desk.calls("cin7", "POST", "sale/creditnote")]
    assert (refused[0], it.made(rma)[0], it.letters()) == (400, ("credit", "CONFIRMED"), [])


def test_a_refusal_that_nothing_remembered_explains_is_told_to_a_person(it: Line) -> None:
    it.sell("#1", [TEE])
    rma, _ = it.open_rma("#1", [UNIT])
    polls.reference_books(it.parts, SHOP)
    it.desk.fault("status_before", system="cin7", method="POST", path="/sale/creditnote", status=400, form="array")
    it.nudge_and_settle(rma)
    assert (it.made(rma)[0], set(it.kinds(rma))) == (("credit", "REJECTED"), {"WRITE_REJECTED"})


def test_a_draft_of_ours_that_somebody_deleted_is_drafted_anew(it: Line) -> None:
    it.sell("#1", [TEE])
    rma, _ = it.open_rma("#1", [UNIT])
    it.desk.fault(
        "status_before",
        system="cin7",
        method="POST",
        path="/sale/creditnote",
        body='"Status": ?"AUTHORISED"',
        form="html",
    )
    it.nudge_and_settle(rma, rounds=1)
    (draft,) = it.books()["credit_notes"]
    assert (draft["status"], it.made(rma)) == ("DRAFT", [("credit", "UNCERTAIN")])
    it.control(f"/credit-notes/{draft['task_id']}/delete", {})
    for _ in range(6):
        looked_at_again(it, rma)
    (note,) = it.books()["credit_notes"]
    assert (note["status"], it.made(rma)[0], it.letters()) == ("AUTHORISED", ("credit", "CONFIRMED"), [])


# -- the sale of an exchange -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("goes", [voids, deletes])
def test_the_lost_sale_of_an_exchange_is_no_rival_of_the_one_that_replaced_it(it: Line, goes: Goes) -> None:
    names = ExchangeNames(exact=frozenset({"EXC-1"}))
    first = it.sell("EXC-1", [TEE], order_status="DRAFT")
    second = it.sell("EXC-1", [TEE], order_status="DRAFT")
    listed(it)
    books = LedgerBooks(it.parts, it.parts.shop(SHOP), None, "test")
    assert isinstance(books.exchange_sale(names), Concern)
    goes(it, str(first["sale_id"]))
    found = books.exchange_sale(names)
    books.release()
    assert isinstance(found, Sale)
    assert found.sale_id == second["sale_id"]


def test_sales_of_an_exchange_that_are_all_voided_are_one_voided_exchange(it: Line) -> None:
    sales = [it.sell("EXC-1", [TEE], order_status="DRAFT") for _ in range(2)]
    listed(it)
    for sale in sales:
        voids(it, str(sale["sale_id"]))
    books = LedgerBooks(it.parts, it.parts.shop(SHOP), None, "test")
    found = books.exchange_sale(ExchangeNames(exact=frozenset({"EXC-1"})))
    books.release()
    assert isinstance(found, Sale)
    assert found.voided


@pytest.mark.parametrize("goes", [voids, deletes])
def test_a_sale_that_only_the_index_still_knows_is_no_rival_of_the_orders_sale(it: Line, goes: Goes) -> None:
    old = it.sell("#1", [TEE], invoice_status="AUTHORISED")
    listed(it)
    goes(it, str(old["sale_id"]))
    new = imported_again(it)
    listed(it)
    rma, _ = it.open_rma("#1", [UNIT])
    it.nudge_and_settle(rma)
    assert (it.kinds(rma), credits_by_sale(it)) == ({}, {new: 1})
