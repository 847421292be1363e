"""Money out, from ReturnGO's transaction to the payment in Cin7's books, and the word that lets a refund go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from schemas.concerns import ConcernType
from tests.flow.inprocess import Line, Served, line
from tests.tasks.practice import PORTAL_KEY, PORTAL_SHOP

TERMS = """
refund_owner = "returnline"
refund_release = "{release}"
write_off_account = "403"
check_restock_value = false

[shops.alder.terms.refund_accounts]
card = "712"
store_credit = "850"

[[shops.alder.terms.dispositions]]
reason = "Faulty"
disposition = "write_off"
"""
TEE = {"sku": "TEE-BLK-M", "quantity": "2", "price": "30"}
UNIT = {"sku": "TEE-BLK-M", "paid_price": "30.00", "paid_tax": "5.00", "resolution": "RefundToPaymentMethod"}
HOUR = 3600


@pytest.fixture
def make(tmp_path: Path, served: Served) -> Iterator[Callable[..., Line]]:
    with ExitStack() as stack:

        def one(release: str = "none", more: str = "", first: str = "", **settings: Any) -> Line:
            terms = first + TERMS.format(release=release) + more
            return stack.enter_context(line(tmp_path, served, terms=terms, **settings))

        yield one


@pytest.fixture
def it(make: Callable[..., Line]) -> Line:
    return make()


def a_return(it: Line, order: str = "#1", status: str = "Received", **more: Any) -> str:
    it.sell(order, [TEE])
    rma, _ = it.open_rma(order, [{**UNIT, **more}], status)
    return rma


def refund(it: Line, rma: str, **more: Any) -> int:
    """The shopper is paid in ReturnGO, at once and for good unless said otherwise."""
    answer = it.control(f"/returngo/rmas/{rma}/refund", {"settles_after": "0", "outcome": "Success", **more})
    return answer["transaction_ids"][0]  # type: ignore[no-any-return]


def paid(it: Line) -> list[tuple[float, str, str]]:
    """Every refund in Cin7's books: amount, account, reference."""
    rows = it.books()["payments"]
    return [(float(row["amount"]), row["account"], row["reference"]) for row in rows if row["kind"] == "REFUND"]


def balance(it: Line, account: str) -> float:
    rows: Any = it.desk.world.control.get("/trial-balance").json()
    return float(rows.get(account, 0))


def timeline(it: Line, rma: str) -> list[str]:
    told: Any = it.desk.world.control.get(f"/returngo/rmas/{rma}").json()
    return [row["htmlText"] for row in told["comments"]]


def words(it: Line, rma: str) -> list[str]:
    return [text for text in timeline(it, rma) if "the refund may go" in text]


def warehouse_says_received(it: Line, rma: str) -> None:
    """The whole return is moved to Received by hand; the parcel itself stays on its way."""
    answer = httpx.put(
        f"{it.desk.world.returngo_url}/rma/{rma}/status",
        json={"status": "Received"},
        headers={"x-api-key": PORTAL_KEY, "x-shop-name": PORTAL_SHOP},
        trust_env=False,
    )
    assert answer.status_code == 200, answer.text


def parcels(it: Line, rma: str) -> list[str]:
    told: Any = it.desk.world.control.get(f"/returngo/rmas/{rma}").json()
    return [one["status"] for one in told["shipments"]]


# -- payments ---------------------------------------------------------------------------------------------------------


def test_a_successful_refund_is_recorded_once_on_the_credit_note_of_its_items(it: Line) -> None:
    rma = a_return(it)
    number = refund(it, rma)
    assert set(it.nudge_and_settle(rma).values()) == {"settled"}
    it.nudge_and_settle(rma)
    [(amount, account, reference)] = paid(it)
    assert (amount, account) == (30.0, "712")
    assert reference.startswith("RL-")
    assert f"refund {number}" in reference
    assert it.kinds(rma) == {}


def test_the_items_know_their_payment(it: Line) -> None:
    rma = a_return(it)
    refund(it, rma)
    it.nudge_and_settle(rma)
    [unit] = it.units(rma)
    [payment] = [row for row in it.books()["payments"] if row["kind"] == "REFUND"]
    assert unit["refund_payment"] == payment["id"]


def test_the_whole_return_leaves_the_receivable_where_it_was(it: Line) -> None:
    it.sell("#1", [TEE])
    before = balance(it, "610")
    rma, _ = it.open_rma("#1", [UNIT])
    refund(it, rma)
    it.nudge_and_settle(rma)
    assert balance(it, "610") == before
    assert paid(it)


@pytest.mark.parametrize("fault", ["timeout_after", "status_after", "reset_after", "empty_200_after"])
def test_a_payment_whose_answer_was_lost_is_made_once(make: Callable[..., Line], fault: str) -> None:
    it = make(write_deadline=3.0)
    rma = a_return(it)
    refund(it, rma)
    it.desk.fault(fault, system="cin7", method="POST", path="sale/payment", seconds=9)
    it.nudge_and_settle(rma, rounds=8)
    assert len(paid(it)) == 1
    assert ("refund", "CONFIRMED") in it.made(rma)


def test_a_payment_that_was_never_made_is_sent_once_more_and_no_more(make: Callable[..., Line]) -> None:
    it = make(write_deadline=3.0)
    rma = a_return(it)
    refund(it, rma)
    it.desk.fault("status_before", system="cin7", method="POST", path="sale/payment", status=500)
    it.nudge_and_settle(rma, rounds=12)
    assert len(paid(it)) == 1
    assert len(it.desk.calls("cin7", "POST", "sale/payment")) == 2


def test_a_plain_refund_costs_two_calls_of_cin7(it: Line) -> None:
    rma = a_return(it)
    it.nudge_and_settle(rma)
    it.desk.forget_calls()
    refund(it, rma)
    it.nudge_and_settle(rma)
    assert [(call["method"], call["path"].rsplit("/v2/")[-1]) for call in it.desk.calls("cin7")] == [
        ("GET", "sale"),
        ("POST", "sale/payment"),
    ]


def test_store_credit_becomes_a_liability_and_its_code_is_kept_nowhere(it: Line, capsys: Any) -> None:
    rma = a_return(it, resolution="RefundToStoreCredit")
    refund(it, rma)
    told: Any = it.desk.world.control.get(f"/returngo/rmas/{rma}").json()
    it.nudge_and_settle(rma)
    assert [(amount, account) for amount, account, _ in paid(it)] == [(30.0, "850")]
    [row] = [one for one in told["transactions"] if one["externalReferenceType"] == "StoreCreditCode"]
    kept = capsys.readouterr().out + it.settings.data_dir.joinpath("ledger.sqlite").read_bytes().decode("latin-1")
    assert len(row["externalReferenceId"]) == 16
    assert row["externalReferenceId"] not in kept


def test_a_refund_at_another_rate_realises_the_difference(it: Line) -> None:
    """85 EUR sold at 1.18 and paid back at 1.29 costs 9.35 in base currency (domain case C2)."""
    line_ = {"sku": "TEE-BLK-M", "quantity": "1", "price": "85"}
    it.sell("#1", [line_], currency="EUR", rate="1.18")
    unit = {**UNIT, "paid_price": "85.00", "paid_tax": "14.17", "tax_included": True, "line_item_id": "1"}
    told = {"shop_name": PORTAL_SHOP, "order_name": "#1", "currency": "EUR", "shop_currency": "GBP", "rate": "1.29"}
    body = {**told, "units": [{**unit, "reason": "Too small"}], "status": "Received", "shipment": True}
    rma = str(it.control("/returngo/rmas", {**body, "method": "Ship with any carrier"})["rma_id"])
    refund(it, rma)
    it.nudge_and_settle(rma)
    [payment] = [row for row in it.books()["payments"] if row["kind"] == "REFUND"]
    assert (float(payment["amount"]), float(payment["rate"])) == (85.0, 1.29)
    assert balance(it, "840") == 9.35


def test_a_refund_of_a_locked_day_is_dated_on_the_first_open_one(it: Line) -> None:
    rma = a_return(it)
    it.desk.world.control.patch("/settings", json={"lock_date": "2026-12-31"})
    refund(it, rma)
    it.nudge_and_settle(rma)
    [payment] = [row for row in it.books()["payments"] if row["kind"] == "REFUND"]
    assert payment["day"] == "2027-01-01"


def test_two_returns_of_one_order_are_each_paid_on_their_own_note(it: Line) -> None:
    it.sell("#1", [TEE])
    for _ in range(2):
        rma, _ = it.open_rma("#1", [UNIT])
        refund(it, rma)
        it.nudge_and_settle(rma)
    tasks = [row["task_id"] for row in it.books()["payments"] if row["kind"] == "REFUND"]
    assert len(set(tasks)) == len(tasks) == 2


def test_a_refund_too_large_for_its_note_waits_until_the_note_is_right(it: Line) -> None:
    rma = a_return(it)
    it.nudge_and_settle(rma)
    refund(it, rma, amount="31.00")
    it.nudge_and_settle(rma)
    assert paid(it) == []
    assert ConcernType.AMOUNT_MISMATCH in it.kinds(rma)
    it.accept(rma, ConcernType.AMOUNT_MISMATCH)
    it.settle(rma)
    assert [amount for amount, _, _ in paid(it)] == [30.0]


# -- ageing -----------------------------------------------------------------------------------------------------------


def test_a_credit_ages_until_its_refund_succeeds(it: Line) -> None:
    rma = a_return(it)
    refund(it, rma, settles_after="999999")
    it.nudge_and_settle(rma)
    assert (it.kinds(rma), paid(it)) == ({}, [])
    it.clock.forward(73 * HOUR)
    it.settle(rma, rounds=1)
    assert set(it.kinds(rma)) == {"CREDITED_NOT_REFUNDED"}
    refund(it, rma)
    it.nudge_and_settle(rma)
    assert it.kinds(rma) == {}
    assert len(paid(it)) == 1


def test_a_failed_refund_is_told_and_closes_with_the_next_try(it: Line) -> None:
    rma = a_return(it)
    refund(it, rma, outcome="Failed")
    it.nudge_and_settle(rma)
    assert set(it.kinds(rma)) == {"REFUND_FAILED"}
    refund(it, rma)
    it.nudge_and_settle(rma)
    assert it.kinds(rma) == {}
    assert len(paid(it)) == 1


def test_money_without_goods_and_note_ages_to_both_owners(it: Line) -> None:
    rma = a_return(it, status="Approved")
    refund(it, rma)
    it.nudge_and_settle(rma)
    it.clock.forward(15 * 24 * HOUR)
    it.settle(rma)
    owners = {row["type"]: row["owner"] for row in it.exceptions()}
    assert owners == {"REFUNDED_NOT_CREDITED": "finance", "REFUNDED_NOT_RECEIVED": "customer experience"}
    it.desk.act(rma, "receive")
    it.nudge_and_settle(rma)
    assert it.kinds(rma) == {}


def test_received_goods_of_a_cancelled_return_are_held_until_it_is_reopened(it: Line) -> None:
    rma = a_return(it, status="Approved")
    it.desk.act(rma, "cancel")
    it.desk.act(rma, "receive")
    it.nudge_and_settle(rma)
    assert set(it.kinds(rma)) == {"REFUND_REFUSED_HOLD"}
    it.desk.act(rma, "reopen")
    it.nudge_and_settle(rma)
    assert it.kinds(rma) == {}


# -- release ----------------------------------------------------------------------------------------------------------


def test_the_refund_is_let_go_by_one_comment_once_the_goods_are_booked(make: Callable[..., Line]) -> None:
    it = make("comment")
    rma = a_return(it)
    it.nudge_and_settle(rma)
    it.nudge_and_settle(rma)
    [text] = words(it, rma)
    [note] = it.books()["credit_notes"]
    assert note["number"] in text


@pytest.mark.parametrize("fault", ["timeout_after", "status_after", "reset_after"])
def test_a_comment_whose_answer_was_lost_is_written_once(make: Callable[..., Line], fault: str) -> None:
    it = make("comment", write_deadline=3.0)
    rma = a_return(it)
    it.desk.fault(fault, system="returngo", method="POST", path="comment", seconds=9)
    it.nudge_and_settle(rma, rounds=8)
    assert len(words(it, rma)) == 1
    assert ("comment", "CONFIRMED") in it.made(rma)


@pytest.mark.parametrize("field", ["htmlText", "comment", "either"])
def test_the_word_is_given_whatever_the_portal_calls_its_field(make: Callable[..., Line], field: str) -> None:
    it = make("comment")
    it.desk.world.control.patch("/returngo/settings", json={"comment_field": field})
    rma = a_return(it)
    it.nudge_and_settle(rma, rounds=8)
    assert len(words(it, rma)) == 1


def test_no_word_is_given_while_the_credit_note_is_in_doubt(make: Callable[..., Line]) -> None:
    it = make("comment", write_deadline=3.0)
    rma = a_return(it)
    it.desk.fault("timeout_after", system="cin7", method="POST", path="sale/creditnote", seconds=9)
    it.nudge_and_settle(rma, rounds=1)
    assert ("credit", "UNCERTAIN") in it.made(rma)
    assert words(it, rma) == []
    it.settle(rma, rounds=8)
    assert len(words(it, rma)) == 1


def test_no_word_is_given_while_the_restock_is_left_in_draft(make: Callable[..., Line]) -> None:
    it = make("comment")
    it.desk.world.control.patch("/settings", json={"restock_posts": "manual"})
    rma = a_return(it)
    it.nudge_and_settle(rma)
    assert words(it, rma) == []
    assert any(kind == "credit" for kind, _ in it.made(rma))


def test_damaged_goods_are_written_off_before_the_refund_goes(make: Callable[..., Line]) -> None:
    it = make("comment")
    rma = a_return(it, reason="Faulty")
    it.desk.fault("status_before", system="cin7", method="POST", path="inventoryWriteOff", status=400, times=1)
    it.nudge_and_settle(rma)
    assert words(it, rma) == []
    assert ("write-off", "REJECTED") in it.made(rma)


def test_damaged_goods_that_are_written_off_let_the_refund_go(make: Callable[..., Line]) -> None:
    it = make("comment")
    rma = a_return(it, reason="Faulty")
    it.nudge_and_settle(rma, rounds=6)
    assert ("write-off", "CONFIRMED") in it.made(rma)
    assert len(words(it, rma)) == 1


def test_the_parcel_is_received_only_after_its_goods_are_credited_and_stocked(make: Callable[..., Line]) -> None:
    it = make("shipment_received")
    rma = a_return(it, status="Approved")
    it.nudge_and_settle(rma)
    assert parcels(it, rma) != ["Received"]
    warehouse_says_received(it, rma)
    it.nudge_and_settle(rma)
    it.nudge_and_settle(rma)
    assert parcels(it, rma) == ["Received"]
    assert it.made(rma).count(("receive", "CONFIRMED")) == 1
    assert len(it.desk.calls("returngo", "PUT", "/shipment/")) == 1


@pytest.mark.parametrize("fault", ["timeout_after", "status_after", "empty_200_after"])
def test_a_parcel_whose_answer_was_lost_is_received_once(make: Callable[..., Line], fault: str) -> None:
    it = make("shipment_received", write_deadline=3.0)
    rma = a_return(it, status="Approved")
    warehouse_says_received(it, rma)
    it.desk.forget_calls()
    it.desk.fault(fault, system="returngo", method="PUT", path="/shipment/", seconds=9)
    it.nudge_and_settle(rma, rounds=8)
    assert parcels(it, rma) == ["Received"]
    assert len(it.desk.calls("returngo", "PUT", "/shipment/")) == 1


def test_a_refund_that_already_happened_is_accepted_and_nothing_is_let_go(make: Callable[..., Line]) -> None:
    it = make("comment")
    rma = a_return(it)
    refund(it, rma)
    it.nudge_and_settle(rma)
    assert words(it, rma) == []
    assert len(paid(it)) == 1


def test_a_restock_authorised_by_hand_lets_the_refund_go(make: Callable[..., Line]) -> None:
    it = make("comment")
    it.desk.world.control.patch("/settings", json={"restock_posts": "manual"})
    rma = a_return(it)
    it.nudge_and_settle(rma)
    [note] = it.desk.notes("#1")
    it.control(f"/credit-notes/{note['task_id']}/authorise-restock")
    it.clock.forward(7 * HOUR)
    it.settle(rma)
    assert len(words(it, rma)) == 1


def test_a_refused_comment_names_the_portal_and_not_cin7(make: Callable[..., Line]) -> None:
    it = make("comment")
    rma = a_return(it)
    it.desk.fault("status_before", system="returngo", method="POST", path="comment", status=400, times=2)
    it.nudge_and_settle(rma)
    assert it.kinds(rma)["WRITE_REJECTED"].startswith("ReturnGO refused")


# -- beside the credit decision ---------------------------------------------------------------------------------------

GOODWILL = """
[shops.alder.terms.adjustments.goodwill]
description = "Goodwill"
account = "404"
tax_rule = "*"
"""


def test_money_above_the_items_is_paid_on_the_note_that_was_made_for_it(make: Callable[..., Line]) -> None:
    it = make(more=GOODWILL)
    it.sell("#1", [TEE])
    rma, _ = it.open_rma("#1", [UNIT])
    it.nudge_and_settle(rma)
    refund(it, rma, amount="36.00")
    it.nudge_and_settle(rma)
    assert ConcernType.AMOUNT_MISMATCH in it.kinds(rma)
    it.accept(rma, ConcernType.AMOUNT_MISMATCH)
    it.settle(rma, rounds=8)
    credited = sum(float(note["total"]) for note in it.books()["credit_notes"])
    assert sum(amount for amount, _, _ in paid(it)) == credited


FEES = """
[shops.alder.terms.fees.restocking]
description = "Restocking fee"
account = "260"
tax_rule = "20% (VAT on Income)"
"""


@pytest.mark.parametrize(("on_note", "left"), [("true", 0.0), ("false", 5.0)])
def test_a_fee_is_kept_by_the_note_or_by_the_payment(make: Callable[..., Line], on_note: str, left: float) -> None:
    it = make(first=f"negative_charges = {on_note}\n", more=FEES)
    it.sell("#1", [TEE])
    rma, _ = it.open_rma("#1", [{**UNIT, "restocking_fee": "5.00"}])
    refund(it, rma, amount="25.00")
    it.nudge_and_settle(rma)
    [note] = it.books()["credit_notes"]
    assert [amount for amount, _, _ in paid(it)] == [25.0]
    assert float(note["total"]) - 25.0 == left


def test_a_refund_without_items_is_paid_on_what_is_credited(it: Line) -> None:
    rma = a_return(it)
    it.nudge_and_settle(rma)
    refund(it, rma, amount="30.00", order_level=True)
    it.nudge_and_settle(rma)
    assert ([amount for amount, _, _ in paid(it)], it.kinds(rma)) == ([30.0], {})


def test_a_sale_converted_between_credit_and_refund_is_paid_once(it: Line) -> None:
    it.desk.world.control.patch("/settings", json={"simple_second_note": "convert"})
    it.sell("#1", [TEE], kind="Simple Sale")
    first, _ = it.open_rma("#1", [UNIT])
    it.nudge_and_settle(first)
    it.control("/sales/" + it.books()["sales"][0]["sale_id"] + "/convert-to-advanced")
    refund(it, first)
    it.nudge_and_settle(first)
    it.nudge_and_settle(first)
    assert ([amount for amount, _, _ in paid(it)], it.kinds(first)) == ([30.0], {})
