"""An exchange from the portal's draft to the authorised order in Cin7's books: late, never early, and once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from pipeline.ledger.schema import all as t
from schemas.concerns import ConcernType
from tasks.polls import drafts
from tasks.stages import sweep
from tests.flow.inprocess import SHOP, Line, Served, line

TEE = {"sku": "TEE-BLK-M", "quantity": "2", "price": "30"}
NEW = {"sku": "TEE-BLK-L", "quantity": "1", "price": "30"}
SWAP = {
    "sku": "TEE-BLK-M",
    "paid_price": "30.00",
    "paid_tax": "5.00",
    "resolution": "InstantVariantExchange",
    "exchange_items": [{"sku": "TEE-BLK-L", "price": "30.00"}],
}
HOUR, DAY = 3600, 86400
OPT_IN = "release_exchanges = true\ncheck_restock_value = false"
ASK = "check_restock_value = false"


@pytest.fixture
def make(tmp_path: Path, served: Served) -> Iterator[Callable[..., Line]]:
    with ExitStack() as stack:

        def one(terms: str = OPT_IN, **settings: Any) -> Line:
            return stack.enter_context(line(tmp_path, served, terms=terms, **settings))

        yield one


def an_exchange(it: Line, status: str = "Received", order: str = "#1", **more: Any) -> str:
    it.sell(order, [TEE])
    rma, _ = it.open_rma(order, [{**SWAP, **more}], status)
    return rma


def portal(it: Line, rma: str) -> dict[str, Any]:
    answer = it.desk.world.control.get(f"/returngo/rmas/{rma}")
    told: dict[str, Any] = answer.json()
    return told


def a_draft(it: Line, reference: str, *lines: Mapping[str, Any], **more: Any) -> str:
    """The exchange's order as it lies in Cin7; gives the sale's id."""
    sale = it.sell(reference, lines or [NEW], **{"order_status": "DRAFT", "kind": "Simple Sale", **more})
    return str(sale["sale_id"])


def draft_of(it: Line, rma: str) -> str:
    return str(portal(it, rma)["exchangeOrders"][0]["orderName"])


def patrol(it: Line) -> None:
    drafts.drafts(it.parts, SHOP)


def the_sale(it: Line, sale_id: str) -> dict[str, Any]:
    return next(row for row in it.books()["sales"] if row["sale_id"] == sale_id)


def order_posts(it: Line) -> list[dict[str, Any]]:
    return it.desk.calls("cin7", "POST", "sale/order")


def our_comments(it: Line, rma: str) -> list[str]:
    return [row["htmlText"] for row in portal(it, rma)["comments"] if "may be released" in row["htmlText"]]


def released_at(it: Line, rma: str) -> object:
    return it.units(rma)[0]["exchange_released_at"]


def ready(it: Line, *lines: Mapping[str, Any]) -> tuple[str, str]:
    """A received exchange whose draft lies in Cin7 and is indexed: the RMA and the draft's sale id."""
    rma = an_exchange(it)
    sale = a_draft(it, draft_of(it, rma), *lines, note="leave at the door")
    patrol(it)
    return rma, sale


# -- the whole way ----------------------------------------------------------------------------------------------------


def test_a_received_and_credited_exchange_is_authorised_once_and_closed(make: Callable[..., Line]) -> None:
    it = make()
    rma, sale = ready(it)
    states = it.nudge_and_settle(rma, rounds=8)
    it.nudge_and_settle(rma)
    assert the_sale(it, sale)["order_status"] == "AUTHORISED"
    assert len(order_posts(it)) == 1
    assert len(our_comments(it, rma)) == 1
    assert released_at(it, rma) is not None
    assert states["exchange-orders"] == "settled"
    assert it.kinds(rma) == {}


def test_the_credit_note_comes_before_the_release(make: Callable[..., Line]) -> None:
    it = make()
    rma, _ = ready(it)
    it.nudge_and_settle(rma, rounds=8)
    writes = [call["path"] for call in it.desk.calls("cin7", "POST")]
    assert max(i for i, p in enumerate(writes) if "creditnote" in p) < next(
        i for i, p in enumerate(writes) if p.endswith("sale/order")
    )


def test_nothing_is_released_before_the_goods_are_in(make: Callable[..., Line]) -> None:
    it = make()
    rma = an_exchange(it, "Approved")
    sale = a_draft(it, draft_of(it, rma))
    patrol(it)
    it.nudge_and_settle(rma)
    assert (the_sale(it, sale)["order_status"], order_posts(it), our_comments(it, rma)) == ("DRAFT", [], [])
    it.control(f"/returngo/rmas/{rma}/receive")
    it.nudge_and_settle(rma, rounds=8)
    assert the_sale(it, sale)["order_status"] == "AUTHORISED"


def test_without_opt_in_a_person_is_told_and_the_exception_closes_when_they_authorise(
    make: Callable[..., Line],
) -> None:
    it = make(ASK)
    rma, sale = ready(it)
    it.nudge_and_settle(rma, rounds=6)
    assert (order_posts(it), len(our_comments(it, rma)), it.kinds(rma)) == ([], 1, {})
    it.clock.forward(25 * HOUR)
    it.settle(rma)
    stuck = it.kinds(rma)[ConcernType.EXCHANGE_DRAFT_STUCK]
    assert "nobody released it" in stuck
    it.control(f"/sales/{sale}/authorise-order")
    patrol(it)
    it.settle(rma)
    assert it.kinds(rma) == {}
    assert it.entry(rma, "exchange-orders")["state"] == "settled"
    assert released_at(it, rma) is not None


def test_the_memo_of_the_draft_survives_the_release(make: Callable[..., Line]) -> None:
    it = make()
    rma, sale = ready(it)
    told = it.parts.shop(SHOP).cin7.order(sale, "GBP", tax_inclusive=True)
    it.nudge_and_settle(rma, rounds=8)
    after = it.parts.shop(SHOP).cin7.order(sale, "GBP", tax_inclusive=True)
    assert after.memo.startswith(told.memo)
    assert "RL-" in after.memo
    assert (after.total, [x.sku for x in after.lines]) == (told.total, [x.sku for x in told.lines])


def test_the_exchange_sale_does_not_become_the_returns_own_sale(make: Callable[..., Line]) -> None:
    it = make()
    rma, sale = ready(it)
    it.nudge_and_settle(rma, rounds=8)
    assert it.the_return(rma)["sale_id"] not in {"", sale}


# -- stock, changes and money -----------------------------------------------------------------------------------------


def test_a_draft_without_available_stock_is_not_authorised_into_a_back_order(make: Callable[..., Line]) -> None:
    it = make()
    rma, sale = ready(it, {**NEW, "quantity": "100000"})
    it.nudge_and_settle(rma, rounds=6)
    it.clock.forward(2 * HOUR)
    it.settle(rma)
    assert the_sale(it, sale)["order_status"] == "DRAFT"
    assert ConcernType.EXCHANGE_OUT_OF_STOCK in it.kinds(rma)
    it.control("/stock", {"sku": "TEE-BLK-L", "quantity": "200000", "cost": "9", "location": "Main Warehouse"})
    it.clock.forward(7 * HOUR)
    it.settle(rma, rounds=6)
    assert the_sale(it, sale)["order_status"] == "AUTHORISED"
    assert it.kinds(rma) == {}


def test_an_accepted_shortage_is_released_and_the_back_order_told(make: Callable[..., Line]) -> None:
    it = make()
    rma, sale = ready(it, {**NEW, "quantity": "100000"})
    it.nudge_and_settle(rma, rounds=6)
    it.accept(rma, ConcernType.EXCHANGE_OUT_OF_STOCK)
    it.clock.forward(60)
    it.settle(rma, rounds=6)
    assert the_sale(it, sale)["order_status"] == "AUTHORISED"
    assert "on back-order" in it.kinds(rma)[ConcernType.EXCHANGE_CHANGED_ON_RELEASE]


def test_a_discount_applied_on_authorising_is_told_with_both_totals(make: Callable[..., Line]) -> None:
    it = make()
    rma, _ = ready(it)
    it.control("/tenant", {"company": {"AutomaticallyApplyDiscounts": True}})
    it.desk.world.control.patch("/settings", json={"auto_discount_percent": "10"})
    try:
        it.nudge_and_settle(rma, rounds=8)
        cause = it.kinds(rma)[ConcernType.EXCHANGE_CHANGED_ON_RELEASE]
    finally:
        it.desk.world.control.patch("/settings", json={"auto_discount_percent": "0"})
    assert "its total is 27.00 GBP, and was 30.00 GBP before" in cause


def test_an_unpaid_upsell_is_held_until_the_shopper_paid(make: Callable[..., Line]) -> None:
    it = make()
    rma = an_exchange(it, exchange_items=[{"sku": "TEE-BLK-L", "price": "48.00"}])
    sale = a_draft(it, draft_of(it, rma), {**NEW, "price": "48"})
    patrol(it)
    it.nudge_and_settle(rma, rounds=6)
    it.clock.forward(4 * DAY)
    it.settle(rma)
    assert ConcernType.EXCHANGE_UNPAID in it.kinds(rma)
    paid = {"type": "InvoicePayment", "amount": "18.00", "settles_after": "0", "outcome": "Success"}
    it.control(f"/returngo/rmas/{rma}/refund", {**paid, "order_level": True})
    it.nudge_and_settle(rma, rounds=8)
    assert the_sale(it, sale)["order_status"] == "AUTHORISED"
    assert it.kinds(rma) == {}


# -- faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["timeout_after", "reset_after", "status_after", "html_200_after", "empty_200_after"])
def test_a_release_whose_answer_is_lost_is_found_and_not_sent_again(make: Callable[..., Line], kind: str) -> None:
    it = make()
    rma, sale = ready(it)
    it.desk.fault(kind, system="cin7", method="POST", path="sale/order", seconds=9)
    it.nudge_and_settle(rma, rounds=6)
    it.clock.forward(600)
    it.settle(rma, rounds=6)
    assert the_sale(it, sale)["order_status"] == "AUTHORISED"
    assert len(order_posts(it)) == 1
    assert ("authorise", "CONFIRMED") in it.made(rma)


@pytest.mark.parametrize("kind", ["timeout_before", "status_before"])
def test_a_release_that_never_arrived_is_sent_again_only_after_two_looks(make: Callable[..., Line], kind: str) -> None:
    it = make()
    rma, sale = ready(it)
    it.desk.fault(kind, system="cin7", method="POST", path="sale/order", seconds=9)
    it.nudge_and_settle(rma, rounds=6)
    for _ in range(4):
        it.clock.forward(300)
        it.settle(rma, rounds=1)
    assert the_sale(it, sale)["order_status"] == "AUTHORISED"
    assert len(order_posts(it)) == 2


def test_an_order_that_somebody_authorised_meanwhile_is_not_sent_again(make: Callable[..., Line]) -> None:
    it = make()
    rma, sale = ready(it)
    it.control(f"/sales/{sale}/authorise-order")
    it.nudge_and_settle(rma, rounds=8)
    assert order_posts(it) == []
    assert it.entry(rma, "exchange-orders")["state"] == "settled"


# -- the patrol -------------------------------------------------------------------------------------------------------


def test_the_patrol_finds_a_draft_that_comes_after_everything_else_is_ready(make: Callable[..., Line]) -> None:
    it = make()
    rma = an_exchange(it)
    it.nudge_and_settle(rma, rounds=6)
    assert it.entry(rma, "exchange-orders")["state"] == "parked"
    sale = a_draft(it, draft_of(it, rma))
    patrol(it)
    it.settle(rma, rounds=6)
    assert the_sale(it, sale)["order_status"] == "AUTHORISED"


def test_the_patrol_wakes_nobody_when_nothing_changed(make: Callable[..., Line]) -> None:
    it = make(ASK)
    rma, _ = ready(it)
    it.nudge_and_settle(rma, rounds=6)
    before = it.entry(rma, "exchange-orders")["wakes"]
    patrol(it)
    assert it.entry(rma, "exchange-orders")["wakes"] == before


def test_a_draft_that_left_draft_is_forgotten_as_a_draft(make: Callable[..., Line]) -> None:
    it = make(ASK)
    _, sale = ready(it)
    it.control(f"/sales/{sale}/authorise-order")
    patrol(it)
    [row] = it.rows(t.sales, t.sales.c.sale_id == sale)
    assert row["order_status"] == ""


def test_an_incomplete_list_of_drafts_concludes_nothing(make: Callable[..., Line]) -> None:
    it = make(ASK)
    _, sale = ready(it)
    it.desk.fault("status_before", system="cin7", method="GET", path="salelist", status=500)
    poll = next(poll for poll in sweep.polls_of(it.parts) if poll.name == "cin7:drafts")
    sweep.run_poll(it.parts, SHOP, poll)
    [row] = it.rows(t.sales, t.sales.c.sale_id == sale)
    assert row["order_status"] == "DRAFT"


def test_the_merchants_marker_finds_a_draft_with_a_reference_of_its_own(make: Callable[..., Line]) -> None:
    it = make(OPT_IN + '\nexchange_marker = "EXCH"')
    rma = an_exchange(it)
    sale = a_draft(it, "EXCH for #1")
    patrol(it)
    it.nudge_and_settle(rma, rounds=8)
    assert the_sale(it, sale)["order_status"] == "AUTHORISED"


def test_a_marked_draft_of_no_known_return_is_told_after_a_day_until_it_is_gone(make: Callable[..., Line]) -> None:
    it = make('exchange_marker = "EXCH"')
    sale = a_draft(it, "EXCH for #404")
    patrol(it)
    assert it.exceptions() == []
    it.clock.forward(25 * HOUR)
    patrol(it)
    [stray] = it.exceptions()
    assert (stray["type"], stray["owner"]) == ("EXCHANGE_DRAFT_STUCK", "customer experience")
    it.control(f"/sales/{sale}/void")
    patrol(it)
    assert it.exceptions() == []


def test_a_marked_draft_of_a_known_return_is_no_stray(make: Callable[..., Line]) -> None:
    it = make(ASK + '\nexchange_marker = "EXCH"')
    rma = an_exchange(it)
    a_draft(it, f"EXCH RMA{rma}")
    it.nudge_and_settle(rma, rounds=1)
    patrol(it)
    it.clock.forward(25 * HOUR)
    patrol(it)
    assert [row for row in it.exceptions() if row["raised_by"] == "draft-patrol"] == []


def test_a_marked_draft_that_only_mentions_a_return_is_a_question_and_is_never_released(
    make: Callable[..., Line],
) -> None:
    it = make(OPT_IN + '\nexchange_marker = "EXCH"')
    rma = an_exchange(it)
    sale = a_draft(it, "EXCH PO 1 urgent")
    patrol(it)
    it.nudge_and_settle(rma, rounds=8)
    it.clock.forward(25 * HOUR)
    patrol(it)
    assert the_sale(it, sale)["order_status"] == "DRAFT"
    [stray] = [row for row in it.exceptions() if row["raised_by"] == "draft-patrol"]
    assert (stray["type"], "void" in stray["next_step"].casefold()) == ("EXCHANGE_DRAFT_STUCK", False)


# -- the portal's own release -----------------------------------------------------------------------------------------


def test_an_order_the_portal_released_and_cin7_keeps_in_draft_is_authorised(make: Callable[..., Line]) -> None:
    it = make()
    rma = an_exchange(it)
    it.control(f"/returngo/rmas/{rma}/release-exchange", {"order_name": "#1-X"})
    sale = a_draft(it, "#1-X")
    patrol(it)
    it.nudge_and_settle(rma, rounds=8)
    assert the_sale(it, sale)["order_status"] == "AUTHORISED"


def test_goods_sent_ahead_and_never_returned_are_told_and_the_exception_closes_on_receipt(
    make: Callable[..., Line],
) -> None:
    it = make()
    rma = an_exchange(it, "Approved")
    it.control(f"/returngo/rmas/{rma}/release-exchange", {"order_name": "#1-X"})
    it.sell("#1-X", [NEW])
    sweep.run_poll(it.parts, SHOP, next(p for p in sweep.polls_of(it.parts) if p.name == "cin7:sales"))
    it.nudge_and_settle(rma)
    assert it.kinds(rma) == {}
    it.clock.forward(6 * DAY)
    it.settle(rma)
    assert ConcernType.ADVANCE_EXCHANGE_OVERDUE in it.kinds(rma)
    it.control(f"/returngo/rmas/{rma}/receive")
    it.nudge_and_settle(rma, rounds=6)
    assert ConcernType.ADVANCE_EXCHANGE_OVERDUE not in it.kinds(rma)
    assert it.entry(rma, "exchange-orders")["state"] == "settled"
