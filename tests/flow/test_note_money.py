"""Fees, shipping, goodwill, store credit and refunds without items: from ReturnGO's figures to Cin7's trial balance."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from schemas.concerns import ConcernType
from tasks.books.books import LedgerBooks
from tests.flow.inprocess import SHOP, Line, Served, line
from tests.flow.moments import books_day
from tests.tasks.practice import PORTAL_SHOP

CHARGE = """
[shops.alder.terms.{table}.{name}]
description = "{description}"
account = "{account}"
tax_rule = "{rule}"
"""
VAT = "20% (VAT on Income)"
MAPPED = [
    ("fees", "restocking", "Restocking fee", "260", VAT),
    ("fees", "return", "Return label fee", "260", VAT),
    ("fees", "cancellation", "Return label fee", "260", VAT),
    ("adjustments", "goodwill", "Goodwill", "404", "*"),
    ("adjustments", "bonus", "Goodwill", "404", VAT),
    ("adjustments", "order_refund", "Goodwill", "404", VAT),
]
TEE = {"sku": "TEE-BLK-M", "quantity": "2", "price": "30"}
UNIT = {"sku": "TEE-BLK-M", "paid_price": "30.00", "paid_tax": "5.00", "resolution": "RefundToPaymentMethod"}


def terms(*, extra: str = "") -> str:
    names = ("table", "name", "description", "account", "rule")
    return f"check_restock_value = false\n{extra}\n" + "".join(
        CHARGE.format(**dict(zip(names, row, strict=True))) for row in MAPPED
    )


@pytest.fixture
def make(tmp_path: Path, served: Served) -> Iterator[Callable[..., Line]]:
    with ExitStack() as stack:
        yield lambda extra="", **settings: stack.enter_context(
            line(tmp_path, served, terms=terms(extra=extra), **settings)
        )


@pytest.fixture
def it(make: Callable[..., Line]) -> Line:
    return make()


def a_return(it: Line, order: str = "#1", units: int = 1, sale: dict[str, Any] | None = None, **unit: Any) -> str:
    it.sell(order, [TEE], **(sale or {}))
    rma, _ = it.open_rma(order, [{**UNIT, **unit}] * units)
    return rma


def refund(it: Line, rma: str, **more: Any) -> None:
    it.control(f"/returngo/rmas/{rma}/refund", {"settles_after": "0", "outcome": "Success", **more})


@contextmanager
def set_in_cin7(it: Line, **settings: str) -> Iterator[None]:
    """The practice tenant behaves so for a while."""
    control = it.desk.world.control
    before = control.get("/settings").json()
    assert control.patch("/settings", json=settings).status_code == 200
    try:
        yield
    finally:
        control.patch("/settings", json={name: before[name] for name in settings if name in before})


def balance(it: Line, account: str) -> Decimal:
    return Decimal(it.desk.world.control.get("/trial-balance").json().get(account, "0"))


def notes(it: Line) -> list[dict[str, Any]]:
    return [note for note in it.books()["credit_notes"] if note["status"] == "AUTHORISED"]


def credited(it: Line, rma: str) -> list[tuple[str, Decimal]]:
    rows = [row for row in it.effects(rma) if row["kind"] == "credit"]
    return [(row["state"], Decimal(row["gross"]).quantize(Decimal("0.01"))) for row in rows]


def moved(it: Line, rma: str, *accounts: str) -> dict[str, Decimal]:
    """What settling the return does to these accounts."""
    before = {account: balance(it, account) for account in accounts}
    it.nudge_and_settle(rma)
    return {account: balance(it, account) - before[account] for account in accounts}


def test_a_restocking_fee_is_income_of_its_own_in_the_books(it: Line) -> None:
    rma = a_return(it, restocking_fee="6")
    change = moved(it, rma, "200", "260")
    assert credited(it, rma) == [("CONFIRMED", Decimal("24.00"))]
    assert (change["260"], change["200"]) == (Decimal(-5), Decimal(25))
    assert it.kinds(rma) == {}


def test_the_note_is_compared_charge_by_charge_with_what_was_sent(it: Line) -> None:
    rma = a_return(it, restocking_fee="6")
    it.nudge_and_settle(rma)
    [effect] = [row for row in it.effects(rma) if row["kind"] == "credit"]
    assert "differences" not in effect["progress"]
    assert effect["action"]["extras"][0]["kind"] == "fee:restocking"


def test_where_cin7_refuses_negative_charges_the_note_is_whole_and_the_fee_withheld(make: Callable[..., Line]) -> None:
    it = make("negative_charges = false")
    with set_in_cin7(it, negative_charge="refuse"):
        rma = a_return(it, restocking_fee="6")
        it.nudge_and_settle(rma)
    [effect] = [row for row in it.effects(rma) if row["kind"] == "credit"]
    assert credited(it, rma) == [("CONFIRMED", Decimal("30.00"))]
    assert effect["action"]["fees_withheld"] == {"amount": "6.0000", "currency": "GBP"}
    assert ConcernType.FEE_TO_POST in it.kinds(rma)


def test_a_refused_negative_charge_names_the_reason_and_posts_nothing(it: Line) -> None:
    with set_in_cin7(it, negative_charge="refuse"):
        rma = a_return(it, restocking_fee="6")
        it.nudge_and_settle(rma)
    assert notes(it) == []
    assert ConcernType.WRITE_REJECTED in it.kinds(rma)


def test_shipping_is_given_back_once_for_two_returns_of_an_order(it: Line) -> None:
    it.sell("#1", [TEE], charges=[{"price": "6"}])
    first, _ = it.open_rma("#1", [UNIT])
    refund(it, first, amount="36")
    it.nudge_and_settle(first)
    assert credited(it, first) == [("CONFIRMED", Decimal("36.00"))]
    second, _ = it.open_rma("#1", [UNIT])
    refund(it, second, amount="36")
    it.nudge_and_settle(second)
    assert len(notes(it)) == 1
    assert ConcernType.AMOUNT_MISMATCH in it.kinds(second)


def test_an_overridden_refund_waits_until_finance_accepts_it(it: Line) -> None:
    rma = a_return(it)
    refund(it, rma, amount="33")
    it.nudge_and_settle(rma)
    assert "33.00 GBP" in it.kinds(rma)[ConcernType.AMOUNT_MISMATCH]
    it.accept(rma, ConcernType.AMOUNT_MISMATCH)
    it.settle(rma)
    assert credited(it, rma) == [("CONFIRMED", Decimal("33.00"))]
    assert it.kinds(rma) == {}


def test_a_store_credit_bonus_goes_to_its_own_account(it: Line) -> None:
    rma = a_return(it, resolution="RefundToStoreCredit")
    refund(it, rma, amount="33")
    change = moved(it, rma, "404")
    assert change == {"404": Decimal("2.5")}
    assert credited(it, rma) == [("CONFIRMED", Decimal("33.00"))]


def test_money_refunded_after_the_credit_gets_its_own_note_once(it: Line) -> None:
    rma = a_return(it)
    refund(it, rma)
    it.nudge_and_settle(rma)
    refund(it, rma, amount="6", order_level=True)
    it.nudge_and_settle(rma)
    assert ConcernType.REFUND_WITHOUT_ITEMS in it.kinds(rma)
    it.accept(rma, ConcernType.REFUND_WITHOUT_ITEMS)
    it.settle(rma)
    it.nudge_and_settle(rma)
    assert credited(it, rma) == [("CONFIRMED", Decimal("30.00")), ("CONFIRMED", Decimal("6.00"))]
    assert it.kinds(rma) == {}


def test_an_answer_lost_after_the_note_with_its_fee_does_not_make_a_second(it: Line) -> None:
    rma = a_return(it, restocking_fee="6")
    it.desk.fault("timeout_after", path="/sale/creditnote", method="POST", seconds=9)
    it.nudge_and_settle(rma, rounds=8)
    assert len(notes(it)) == 1
    assert credited(it, rma) == [("CONFIRMED", Decimal("24.00"))]


def test_the_cancellation_fee_is_taken_once_though_a_unit_is_added_later(it: Line) -> None:
    it.sell("#1", [TEE])
    rma = it.control(
        "/returngo/rmas",
        {
            "shop_name": PORTAL_SHOP, "order_name": "#1", "currency": "GBP", "status": "Received", "shipment": True,
            "cancellation_fee": "6", "units": [{**UNIT, "line_item_id": "1", "reason": "Too small"}],
        },
    )["rma_id"]  # fmt: skip
    it.nudge_and_settle(str(rma))
    it.control(f"/returngo/rmas/{rma}/add-unit", {**UNIT, "line_item_id": "1", "reason": "Too small"})
    it.nudge_and_settle(str(rma))
    assert credited(it, str(rma)) == [("CONFIRMED", Decimal("24.00")), ("CONFIRMED", Decimal("30.00"))]


def test_a_cancelled_and_reopened_return_is_credited_once(it: Line) -> None:
    rma = a_return(it)
    it.nudge_and_settle(rma)
    it.desk.act(rma, "cancel")
    it.nudge_and_settle(rma)
    assert ConcernType.CANCELLED_AFTER_CREDIT in it.kinds(rma)
    it.desk.act(rma, "reopen")
    it.nudge_and_settle(rma)
    assert it.kinds(rma) == {}
    assert len(notes(it)) == 1


def test_a_locked_period_moves_the_note_to_the_first_open_day(it: Line) -> None:
    rma = a_return(it)
    locked = books_day(it.clock()).isoformat()
    with set_in_cin7(it, lock_date=locked):
        it.nudge_and_settle(rma)
    [note] = notes(it)
    assert note["date"] > locked
    assert f"event date {locked}" in note["memo"]


def test_the_companys_rule_of_totals_is_remembered_for_sales_that_do_not_show_it(it: Line) -> None:
    with set_in_cin7(it, total_rule="plus_tax"):
        rma = a_return(it, sale={"tax_inclusive": False}, paid_price="36.00", paid_tax="6.00")
        it.nudge_and_settle(rma)
    assert LedgerBooks(it.parts, it.parts.shop(SHOP), None, "test").learned_rule() == "plus_tax"


def test_a_note_that_a_return_adopted_is_known_to_every_other_return(make: Callable[..., Line]) -> None:
    it = make('credit_note_owner = "native"')
    sale = it.sell("#1", [TEE])
    foreign = {"lines": [{"sku": "TEE-BLK-M", "quantity": "1", "price": "30"}]}
    it.control(f"/sales/{sale['sale_id']}/foreign-credit-note", foreign)
    rma, _ = it.open_rma("#1", [UNIT])
    books = LedgerBooks(it.parts, it.parts.shop(SHOP), None, "test")
    assert books.claimed_notes(sale["sale_id"]) == frozenset()
    it.nudge_and_settle(rma)
    [note] = notes(it)
    assert note["number"] in books.claimed_notes(sale["sale_id"])


def test_an_order_among_others_on_one_sale_is_credited_only_where_a_line_can_be_nobody_elses(
    make: Callable[..., Line],
) -> None:
    it = make('consolidated_sales = "unique"')
    lines = [{**TEE, "quantity": "1"}, {**TEE, "price": "24", "quantity": "5"}]
    it.sell("#7", lines, order_name="SO-DAY", customer_reference="#1, #2, #3")
    rma, _ = it.open_rma("#2", [UNIT])
    it.nudge_and_settle(rma)
    assert credited(it, rma) == [("CONFIRMED", Decimal("30.00"))]
    for price, tax in (("24.00", "4.00"), ("27.00", "4.50")):
        strange, _ = it.open_rma("#3", [{**UNIT, "paid_price": price, "paid_tax": tax}])
        it.nudge_and_settle(strange)
        assert credited(it, strange) == []
        assert ConcernType.CONSOLIDATED_SALE_AMBIGUOUS in it.kinds(strange)


def test_a_sale_of_several_orders_is_a_question_unless_the_merchant_says_otherwise(it: Line) -> None:
    it.sell("#7", [{**TEE, "quantity": "6"}], order_name="SO-DAY", customer_reference="#1, #2")
    rma, _ = it.open_rma("#2", [UNIT])
    it.nudge_and_settle(rma)
    assert (credited(it, rma), set(it.kinds(rma))) == ([], {"CONSOLIDATED_SALE_AMBIGUOUS"})
    it.accept(rma, ConcernType.CONSOLIDATED_SALE_AMBIGUOUS)
    it.settle(rma)
    assert (credited(it, rma), it.kinds(rma)) == ([("CONFIRMED", Decimal("30.00"))], {})
