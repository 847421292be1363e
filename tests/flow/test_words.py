"""Words of ReturnGO and Cin7 in any case, and words nobody knows, from the wire to the books."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from schemas.concerns import ConcernType
from tasks.polls import drift, polls
from tests.flow.inprocess import SHOP, Line, Served, line

TERMS = """check_restock_value = false
refund_owner = "returnline"
[shops.alder.terms.refund_accounts]
card = "712"
"""
TEE = {"sku": "TEE-BLK-M", "quantity": "2", "price": "30"}
UNIT = {"sku": "TEE-BLK-M", "paid_price": "30.00", "paid_tax": "5.00", "resolution": "RefundToPaymentMethod"}
YEARS = "900000000"


@pytest.fixture
def it(tmp_path: Path, served: Served) -> Iterator[Line]:
    with line(tmp_path, served, terms=TERMS) as made:
        yield made


@contextmanager
def speaking(it: Line, *, portal: dict[str, Any] | None = None, cin7: dict[str, Any] | None = None) -> Iterator[None]:
    """The practice APIs use other words for a while."""
    control, rest = it.desk.world.control, {"spelling": "own", "other_words": {}}
    try:
        assert control.patch("/returngo/settings", json=portal or rest).status_code == 200
        assert control.patch("/settings", json=cin7 or rest).status_code == 200
        yield
    finally:
        control.patch("/returngo/settings", json=rest)
        control.patch("/settings", json=rest)


def a_return(it: Line, order: str = "#1", **sale: Any) -> str:
    it.sell(order, [TEE], **sale)
    return it.open_rma(order, [UNIT])[0]


def refund(it: Line, rma: str, amount: str, outcome: str = "Success", **more: Any) -> None:
    body = {"settles_after": "0", "amount": amount, "outcome": outcome, **more}
    it.control(f"/returngo/rmas/{rma}/refund", body)


@pytest.mark.parametrize(
    ("spelling", "kind"),
    [("lower", "Simple Sale"), ("upper", "Advanced Sale"), ("title", "Simple Sale"), ("spaced", "Advanced Sale")],
)
def test_a_whole_return_comes_out_the_same_in_every_spelling(it: Line, spelling: str, kind: str) -> None:
    with speaking(it, portal={"spelling": spelling}, cin7={"spelling": spelling}):
        rma = a_return(it, kind=kind)
        refund(it, rma, "30.00")
        it.control(f"/returngo/rmas/{rma}/done")
        it.nudge_and_settle(rma)
        assert it.made(rma) == [("credit", "CONFIRMED"), ("refund", "CONFIRMED")]
        assert it.kinds(rma) == {}
        assert it.on_hand("TEE-BLK-M", "Main Warehouse") > 0
        polls.open_returns(it.parts, SHOP)
        polls.sales(it.parts, SHOP)
        it.clock.forward(600)
        drift.look(it.parts, SHOP)
        assert it.kinds(rma) == {}
    [note] = [note for note in it.books()["credit_notes"] if note["memo"]]
    assert (note["status"], Decimal(note["total"])) == ("AUTHORISED", Decimal(30))


@pytest.mark.parametrize("word", ["Canceled", "cancelled", "Error", "Voided", "Bounced"])
def test_a_refund_that_never_went_out_does_not_hide_that_another_was_too_high(it: Line, word: str) -> None:
    rma = a_return(it)
    it.nudge_and_settle(rma)
    assert it.made(rma) == [("credit", "CONFIRMED")]
    refund(it, rma, "30.00", word)
    refund(it, rma, "40.00")
    it.control(f"/returngo/rmas/{rma}/done")
    it.nudge_and_settle(rma)
    told = it.kinds(rma)
    assert "40.00 GBP" in told[ConcernType.AMOUNT_MISMATCH]
    assert (ConcernType.UNKNOWN_STATUS in told) is (word == "Bounced")


@pytest.mark.parametrize("change", [{"outcome": "Settled"}, {"type": "Payout"}])
def test_money_in_words_nobody_knows_is_told_and_counts_for_nothing(it: Line, change: dict[str, str]) -> None:
    rma = a_return(it)
    refund(it, rma, "40.00", **change)
    it.nudge_and_settle(rma)
    assert it.made(rma) == [("credit", "CONFIRMED")]
    assert "40" in it.kinds(rma)[ConcernType.UNKNOWN_STATUS]
    it.accept(rma, ConcernType.UNKNOWN_STATUS)
    it.settle(rma)
    assert ConcernType.UNKNOWN_STATUS not in it.kinds(rma)


@pytest.mark.parametrize(
    "kind", ["success", "StoreCredit", "CompensationRefund", "refundtostorecredit", "RefundToGiftCard"]
)
def test_too_much_money_of_any_kind_and_case_is_told(it: Line, kind: str) -> None:
    rma = a_return(it)
    it.nudge_and_settle(rma)
    words = {"outcome": kind} if kind == "success" else {"type": kind}
    refund(it, rma, "40.00", **words)
    it.control(f"/returngo/rmas/{rma}/done")
    it.nudge_and_settle(rma)
    # Store credit above the price is a bonus, for which this shop names no account.
    asked = ConcernType.FEE_UNMAPPED if "credit" in kind.lower() else ConcernType.AMOUNT_MISMATCH
    assert "40.00 GBP" in it.kinds(rma)[asked]


def test_a_refund_asked_for_that_never_moves_is_told_after_days(it: Line) -> None:
    rma = a_return(it)
    refund(it, rma, "20.00")
    it.nudge_and_settle(rma)
    refund(it, rma, "10.00", settles_after=YEARS)
    it.nudge_and_settle(rma)
    assert it.kinds(rma) == {}
    it.clock.forward(73 * 3600)
    it.nudge_and_settle(rma)
    assert "neither out nor failed" in it.kinds(rma)[ConcernType.CREDITED_NOT_REFUNDED]


@pytest.mark.parametrize("word", ["AUTHORISED", "ORDERED", "FULFILLED", "PAID", "Advanced Sale"])
def test_a_sale_in_words_nobody_knows_stops_until_they_are_known(it: Line, word: str) -> None:
    rma = a_return(it)
    with speaking(it, cin7={"other_words": {word: "FINALISED"}}):
        it.nudge_and_settle(rma)
        assert it.made(rma) == []
        assert "'FINALISED'" in it.kinds(rma)[ConcernType.UNKNOWN_STATUS]
    it.clock.forward(3600)
    it.settle(rma)
    assert it.made(rma) == [("credit", "CONFIRMED")]
    assert ConcernType.UNKNOWN_STATUS not in it.kinds(rma)


def test_our_own_note_in_a_word_nobody_knows_is_told_and_no_second_one_is_made(it: Line) -> None:
    rma = a_return(it)
    it.nudge_and_settle(rma)
    sale_id = it.the_return(rma)["sale_id"]
    it.clock.forward(600)
    it.control("/clock", {"now": it.clock().isoformat()})
    it.control(f"/sales/{sale_id}/touch")
    polls.sales(it.parts, SHOP)
    with speaking(it, cin7={"other_words": {"AUTHORISED": "FINALISED"}}):
        drift.look(it.parts, SHOP)
    assert "FINALISED" in it.kinds(rma)[ConcernType.UNKNOWN_STATUS]
    assert it.made(rma) == [("credit", "CONFIRMED")]
