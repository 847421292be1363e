"""What happens to our notes after us: seen when Cin7 says the sale changed, told to finance, closed when mended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipeline.ledger.gaps import board, payouts
from pipeline.ledger.schema import all as t
from schemas.concerns import ConcernType
from schemas.gaps import Gap
from schemas.money import Money
from tasks.polls import drift, gap_watch, polls
from tasks.stages import sweep
from tests.flow.inprocess import SHOP, Line, Served, line

TEE = {"sku": "TEE-BLK-M", "quantity": "2", "price": "30"}
UNIT = {"sku": "TEE-BLK-M", "paid_price": "30.00", "paid_tax": "5.00", "resolution": "RefundToPaymentMethod"}
#: Longer than the time after our own write in which a touch is taken for ours.
LATER = 600


@pytest.fixture
def it(tmp_path: Path, served: Served) -> Iterator[Line]:
    with line(tmp_path, served, terms="check_restock_value = false") as made:
        time_passes(made, 0)
        yield made


def a_credited_return(it: Line, order: str = "#1") -> str:
    it.sell(order, [TEE])
    rma, _ = it.open_rma(order, [UNIT])
    it.nudge_and_settle(rma)
    assert it.made(rma) == [("credit", "CONFIRMED")]
    return rma


def the_note(it: Line) -> dict[str, Any]:
    return next(note for note in it.books()["credit_notes"] if note["memo"])


def time_passes(it: Line, seconds: float = LATER) -> None:
    it.clock.forward(seconds)
    it.control("/clock", {"now": it.clock().isoformat()})


def swept(it: Line) -> dict[str, str]:
    """Index what changed in Cin7, then compare; gives the open exceptions by type."""
    polls.sales(it.parts, SHOP)
    polls.credit_notes(it.parts, SHOP)
    drift.look(it.parts, SHOP)
    return {row["type"]: row["cause"] for row in it.exceptions()}


def shown(it: Line) -> set[Gap]:
    terms = {SHOP: it.parts.shop(SHOP).terms}
    with it.parts.ledger.read() as conn:
        return {item.gap for item in board.find(conn, terms, it.clock())}


def test_a_note_that_the_bulk_list_shows_right_never_costs_a_read_of_its_own(it: Line) -> None:
    a_credited_return(it)
    assert swept(it) == {}
    it.desk.forget_calls()
    drift.look(it.parts, SHOP)
    time_passes(it, 90_000)
    drift.look(it.parts, SHOP)
    assert it.desk.calls("cin7") == []
    assert it.exceptions() == []


def test_a_note_that_the_bulk_list_does_not_vouch_for_is_read_once_the_day_after(it: Line) -> None:
    a_credited_return(it)
    assert swept(it) == {}
    it.change(t.sales, t.sales.c.shop == SHOP, credited=None)
    it.desk.forget_calls()
    drift.look(it.parts, SHOP)
    assert it.desk.calls("cin7") == []
    time_passes(it, 90_000)
    drift.look(it.parts, SHOP)
    assert len(it.desk.calls("cin7")) == 1
    assert it.exceptions() == []
    drift.look(it.parts, SHOP)
    assert len(it.desk.calls("cin7")) == 1


def at_once(it: Line) -> None:
    """What follows is dated a minute after our last posting, where a touch could be our own."""
    posted = max(row["confirmed_at"] for row in it.rows(t.effects, t.effects.c.kind == "credit"))
    it.control("/clock", {"now": (posted + timedelta(minutes=1)).isoformat()})


def test_a_foreign_note_within_minutes_of_ours_is_told_at_once(it: Line) -> None:
    rma = a_credited_return(it)
    at_once(it)
    it.control(
        f"/sales/{the_note(it)['sale_id']}/foreign-credit-note", {"lines": [{"sku": "TEE-BLK-M", "quantity": "1"}]}
    )
    assert set(swept(it)) == {"NATIVE_DUPLICATE"}
    assert it.exceptions()[0]["rma_id"] == rma


@pytest.mark.parametrize(("how", "word"), [("void", "VOIDED"), ("undo", "DRAFT")])
def test_a_note_taken_back_within_minutes_of_its_posting_is_told_at_once(it: Line, how: str, word: str) -> None:
    a_credited_return(it)
    at_once(it)
    it.control(f"/credit-notes/{the_note(it)['task_id']}/{how}", {})
    assert word in swept(it)["CN_DRIFT"]


def test_an_amount_changed_within_minutes_of_the_posting_is_told_at_once(it: Line) -> None:
    a_credited_return(it)
    at_once(it)
    it.control(f"/credit-notes/{the_note(it)['task_id']}/edit", {"lines": [{"sku": "TEE-BLK-M", "price": "25"}]})
    assert "25.00 GBP instead of 30.00 GBP" in swept(it)["CN_DRIFT"]


def test_a_void_of_the_first_note_is_told_though_a_second_was_posted_meanwhile(it: Line) -> None:
    first = a_credited_return(it)
    note = the_note(it)
    at_once(it)
    it.control(f"/credit-notes/{note['task_id']}/void", {})
    second, _ = it.open_rma("#1", [UNIT])
    it.nudge_and_settle(second)
    assert [one["state"] for one in it.effects(second)] == ["CONFIRMED"]
    assert note["number"] in swept(it)["CN_DRIFT"]
    assert [row["rma_id"] for row in it.exceptions()] == [first]


def test_a_note_a_day_brings_does_not_put_off_the_first_check_of_the_one_before(it: Line) -> None:
    it.sell("#1", [{**TEE, "quantity": "9"}])
    for _ in range(3):
        rma, _ = it.open_rma("#1", [UNIT])
        it.nudge_and_settle(rma)
        it.change(t.sales, t.sales.c.shop == SHOP, credited=None)
        time_passes(it, 80_000)
    it.desk.forget_calls()
    drift.look(it.parts, SHOP)
    assert len(it.desk.calls("cin7")) == 1


def test_our_own_postings_cost_no_read_back_however_many_a_sale_has(it: Line) -> None:
    it.sell("#1", [{**TEE, "quantity": "9"}])
    for _ in range(3):
        rma, _ = it.open_rma("#1", [UNIT])
        it.nudge_and_settle(rma)
        polls.sales(it.parts, SHOP)
        it.desk.forget_calls()
        drift.look(it.parts, SHOP)
        assert it.desk.calls("cin7") == []


def test_a_foreign_note_that_a_person_accepted_costs_one_read_and_not_one_each_round(it: Line) -> None:
    rma = a_credited_return(it)
    at_once(it)
    it.control(
        f"/sales/{the_note(it)['sale_id']}/foreign-credit-note", {"lines": [{"sku": "TEE-BLK-M", "quantity": "1"}]}
    )
    assert "NATIVE_DUPLICATE" in swept(it)
    it.accept(rma, ConcernType.NATIVE_DUPLICATE)
    time_passes(it, 4000)
    assert swept(it) == {}
    it.desk.forget_calls()
    drift.look(it.parts, SHOP)
    assert it.desk.calls("cin7") == []


def test_an_amount_changed_by_hand_is_drift_with_the_difference_at_risk(it: Line) -> None:
    rma = a_credited_return(it)
    note = the_note(it)
    time_passes(it)
    it.control(f"/credit-notes/{note['task_id']}/edit", {"lines": [{"sku": "TEE-BLK-M", "price": "25"}]})
    assert "25.00 GBP instead of 30.00 GBP" in swept(it)["CN_DRIFT"]
    (row,) = it.exceptions()
    assert (row["rma_id"], row["owner"], f"{row['money']:.2f}") == (rma, "finance", "5.00")
    assert Gap.NOTE_DRIFT in shown(it)


def test_a_note_put_back_closes_its_drift(it: Line) -> None:
    a_credited_return(it)
    note = the_note(it)
    time_passes(it)
    it.control(f"/credit-notes/{note['task_id']}/edit", {"lines": [{"sku": "TEE-BLK-M", "price": "25"}]})
    assert "CN_DRIFT" in swept(it)
    time_passes(it)
    it.control(f"/credit-notes/{note['task_id']}/edit", {"lines": [{"sku": "TEE-BLK-M", "price": "30"}]})
    assert swept(it) == {}
    assert Gap.NOTE_DRIFT not in shown(it)


@pytest.mark.parametrize(("how", "word"), [("void", "VOIDED"), ("undo", "DRAFT")])
def test_a_note_taken_back_by_hand_is_drift_over_its_whole_amount(it: Line, how: str, word: str) -> None:
    a_credited_return(it)
    note = the_note(it)
    time_passes(it)
    it.control(f"/credit-notes/{note['task_id']}/{how}", {})
    assert word in swept(it)["CN_DRIFT"]
    assert f"{it.exceptions()[0]['money']:.2f}" == "30.00"


def test_a_sale_deleted_in_cin7_is_drift_of_its_note(it: Line) -> None:
    a_credited_return(it)
    note = the_note(it)
    it.control(f"/credit-notes/{note['task_id']}/undo", {})
    it.control(f"/sales/{note['sale_id']}/delete", {})
    time_passes(it, 90_000)
    assert "no longer in Cin7" in swept(it)["CN_DRIFT"]


def test_a_foreign_note_after_ours_is_a_native_duplicate(it: Line) -> None:
    rma = a_credited_return(it)
    sale = the_note(it)["sale_id"]
    time_passes(it)
    it.control(f"/sales/{sale}/foreign-credit-note", {"lines": [{"sku": "TEE-BLK-M", "quantity": "1"}]})
    assert "outside Returnline" in swept(it)["NATIVE_DUPLICATE"]
    (row,) = it.exceptions()
    assert (row["rma_id"], row["owner"], row["details"]["priority"]) == (rma, "finance", "highest")
    assert Gap.NATIVE_DUPLICATE in shown(it)


def test_a_duplicate_that_is_voided_closes_by_itself(it: Line) -> None:
    a_credited_return(it)
    time_passes(it)
    made = it.control(
        f"/sales/{the_note(it)['sale_id']}/foreign-credit-note", {"lines": [{"sku": "TEE-BLK-M", "quantity": "1"}]}
    )
    assert "NATIVE_DUPLICATE" in swept(it)
    time_passes(it)
    it.control(f"/credit-notes/{made['task_id']}/void", {})
    assert swept(it) == {}
    assert Gap.NATIVE_DUPLICATE not in shown(it)


def test_what_a_person_accepted_is_not_raised_again(it: Line) -> None:
    rma = a_credited_return(it)
    note = the_note(it)
    time_passes(it)
    it.control(f"/credit-notes/{note['task_id']}/edit", {"lines": [{"sku": "TEE-BLK-M", "price": "25"}]})
    assert "CN_DRIFT" in swept(it)
    it.accept(rma, ConcernType.CN_DRIFT)
    time_passes(it, 4000)
    assert swept(it) == {}
    assert Gap.NOTE_DRIFT not in shown(it)


def test_a_note_of_another_product_on_the_sale_is_nobodys_duplicate(it: Line) -> None:
    it.sell("#1", [TEE, {"sku": "TEE-BLK-L", "quantity": "1", "price": "12"}])
    rma, _ = it.open_rma("#1", [UNIT])
    it.nudge_and_settle(rma)
    time_passes(it)
    it.control(
        f"/sales/{the_note(it)['sale_id']}/foreign-credit-note", {"lines": [{"sku": "TEE-BLK-L", "quantity": "1"}]}
    )
    assert swept(it) == {}


def test_the_sweep_makes_the_look_on_the_clock(it: Line) -> None:
    a_credited_return(it)
    poll = next(poll for poll in sweep.polls_of(it.parts) if poll.name == drift.POLL)
    time_passes(it, 90_000)
    it.desk.forget_calls()
    sweep.run_poll(it.parts, SHOP, poll)
    assert len(it.desk.calls("cin7")) == 1


def test_a_payout_that_meets_no_return_becomes_an_exception_until_it_does(it: Line) -> None:
    with it.parts.ledger.write() as conn:
        line_ = payouts.PayoutLine("po-1", "r-77", Money(Decimal("12.00"), "GBP"), it.clock())
        payouts.keep(conn, SHOP, [line_], it.clock())
    gap_watch.look(it.parts, SHOP)
    assert it.exceptions() == []
    time_passes(it, 6 * 86_400)
    gap_watch.look(it.parts, SHOP)
    (row,) = it.exceptions("PAYOUT_UNMATCHED")
    assert (row["subject"], f"{row['money']:.2f}", row["owner"]) == ("payouts", "12.00", "finance")
    assert Gap.PAYOUT_UNMATCHED in shown(it)
    with it.parts.ledger.write() as conn:
        conn.execute(t.payouts.delete())
    gap_watch.look(it.parts, SHOP)
    assert it.exceptions() == []


def test_a_received_return_that_waits_for_its_invoice_is_not_stocked_until_it_is_credited(it: Line) -> None:
    sale = it.sell("#1", [TEE], invoice_status="DRAFT")
    rma, _ = it.open_rma("#1", [UNIT])
    it.nudge_and_settle(rma)
    time_passes(it, 3 * 86_400)
    gap_watch.look(it.parts, SHOP)
    assert "no stock movement" in it.kinds(rma)["NOT_STOCKED_AGED"]
    assert len([gap for gap in shown(it) if gap is Gap.RECEIVED_NOT_STOCKED]) == 1
    it.control(f"/sales/{sale['sale_id']}/authorise-invoice", {})
    it.nudge_and_settle(rma)
    gap_watch.look(it.parts, SHOP)
    assert "NOT_STOCKED_AGED" not in it.kinds(rma)


def test_the_watch_of_gaps_costs_no_call_and_runs_on_the_clock(it: Line) -> None:
    a_credited_return(it)
    it.desk.forget_calls()
    poll = next(poll for poll in sweep.polls_of(it.parts) if poll.name == gap_watch.POLL)
    sweep.run_poll(it.parts, SHOP, poll)
    assert it.desk.calls("cin7") + it.desk.calls("returngo") == []


def test_a_sale_credited_whole_is_no_conflict(it: Line) -> None:
    it.sell("#1", [{**TEE, "quantity": "1"}])
    rma, _ = it.open_rma("#1", [UNIT])
    it.nudge_and_settle(rma)
    time_passes(it)
    swept(it)
    assert Gap.CREDIT_CONFLICT not in shown(it)


# -- one cause, one exception -----------------------------------------------------------------------------------------


def ever(it: Line, rma: str) -> set[tuple[str, str]]:
    """Every exception that was ever raised about the return: type and owner."""
    return {(row["type"], row["owner"]) for row in it.rows(t.exceptions, t.exceptions.c.subject == rma)}


def test_a_return_of_more_than_was_sold_is_one_exception_of_one_type_for_good(it: Line) -> None:
    it.sell("#1", [TEE])
    rma, _ = it.open_rma("#1", [UNIT] * 3)
    it.nudge_and_settle(rma)
    for _ in range(3):
        it.clock.forward(3601)
        it.settle(rma, rounds=1)
    assert it.made(rma) == [("credit", "CONFIRMED")]
    assert ever(it, rma) == {("OVER_RETURN", "operations")}


@pytest.fixture
def dear(tmp_path: Path, served: Served) -> Iterator[Line]:
    """A tenant that restocks at today's cost, with the check of it switched on."""
    with line(tmp_path, served) as made:
        time_passes(made, 0)
        made.desk.world.control.patch("/settings", json={"restock_cost": "latest"})
        yield made


def restocked_at_todays_cost(it: Line, rounds: int) -> str:
    it.sell("#1", [TEE])
    it.control("/stock", {"sku": "TEE-BLK-M", "quantity": "5", "cost": "12.00", "location": "Main Warehouse"})
    rma, _ = it.open_rma("#1", [UNIT])
    it.nudge_and_settle(rma, rounds)
    return rma


def test_a_note_voided_before_its_restock_value_was_read_raises_no_variance(dear: Line) -> None:
    rma = restocked_at_todays_cost(dear, rounds=1)
    dear.control(f"/credit-notes/{the_note(dear)['task_id']}/void", {})
    dear.settle(rma)
    swept(dear)
    dear.settle(rma)
    assert ever(dear, rma) == {("CN_DRIFT", "finance")}


def test_a_variance_closes_when_its_note_is_voided_and_opens_when_it_stands_again(dear: Line) -> None:
    rma = restocked_at_todays_cost(dear, rounds=4)
    assert set(dear.kinds(rma)) == {"RESTOCK_VALUE_VARIANCE"}
    note = the_note(dear)
    time_passes(dear)
    dear.control(f"/credit-notes/{note['task_id']}/undo", {})
    swept(dear)
    dear.settle(rma, rounds=1)
    assert set(dear.kinds(rma)) == {"CN_DRIFT"}
    time_passes(dear)
    dear.control(f"/credit-notes/{note['task_id']}/authorise", {})
    swept(dear)
    dear.settle(rma, rounds=1)
    assert "CN_DRIFT" not in dear.kinds(rma)
    assert "RESTOCK_VALUE_VARIANCE" in dear.kinds(rma)


def test_a_note_taken_back_is_one_exception_though_its_refund_waits_on_it_too(tmp_path: Path, served: Served) -> None:
    terms = 'check_restock_value = false\nrefund_owner = "returnline"\nrefund_accounts = { card = "712" }'
    with line(tmp_path, served, terms=terms) as it:
        time_passes(it, 0)
        rma = a_credited_return(it)
        it.control(f"/credit-notes/{the_note(it)['task_id']}/void", {})
        swept(it)
        it.control(f"/returngo/rmas/{rma}/refund", {"settles_after": "0", "outcome": "Success"})
        it.nudge_and_settle(rma)
        assert [row["type"] for row in it.exceptions() if row["rma_id"] == rma] == ["CN_DRIFT"]


def test_a_voided_note_is_in_no_gap_about_its_figures(it: Line) -> None:
    it.sell("#1", [TEE])
    rma, _ = it.open_rma("#1", [{**UNIT, "paid_tax": "4.00"}])
    it.nudge_and_settle(rma)
    assert Gap.TAX_VARIANCE in shown(it)
    time_passes(it)
    it.control(f"/credit-notes/{the_note(it)['task_id']}/void", {})
    swept(it)
    assert Gap.TAX_VARIANCE not in shown(it)
