"""Goods after the credit, through the whole line in one process: what Cin7's books show in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipeline.ledger.letters import letters, requeueing
from schemas.concerns import ConcernType
from tests.flow.inprocess import Line, Served, line

TERMS = """
write_off_account = "403"
late_arrival_account = "310"
portal_locations = { online = "Main Warehouse" }

[[shops.alder.terms.dispositions]]
reason = "*"
finding = "not_restockable"
disposition = "write_off"

[[shops.alder.terms.dispositions]]
reason = "Faulty"
disposition = "write_off"
"""
TEE = {"sku": "TEE-BLK-M", "quantity": "2", "price": "30"}
TEE_UNIT = {"sku": "TEE-BLK-M", "paid_price": "30.00", "paid_tax": "5.00"}


@pytest.fixture
def make(tmp_path: Path, served: Served) -> Iterator[Callable[..., Line]]:
    with ExitStack() as stack:
        yield lambda terms=TERMS, **more: stack.enter_context(line(tmp_path, served, terms=terms, **more))


@pytest.fixture
def it(make: Callable[..., Line]) -> Line:
    return make()


def write_offs(it: Line) -> list[tuple[str, str, str]]:
    return [(one["status"], one["account"], one["lines"][0]["quantity"]) for one in it.books()["write_offs"]]


def balance(it: Line, account: str) -> float:
    rows: Any = it.desk.world.control.get("/trial-balance").json()
    return float(rows.get(account, 0))


def faulty(it: Line, order: str = "#1") -> str:
    it.sell(order, [TEE])
    rma, _ = it.open_rma(order, [{**TEE_UNIT, "reason": "Faulty"}])
    return rma


def test_damaged_goods_are_credited_restocked_into_quarantine_and_written_off_once(it: Line) -> None:
    rma = faulty(it)
    assert it.nudge_and_settle(rma)["stock-adjustments"] == "settled"
    assert write_offs(it) == [("COMPLETED", "403", "1")]
    assert it.on_hand("TEE-BLK-M", "Quarantine") == 0
    it.nudge_and_settle(rma)
    assert len(it.books()["write_offs"]) == 1
    assert [(u["stocked_as"], u["stocked_where"]) for u in it.units(rma)] == [("written_off", "Quarantine")]
    assert it.kinds(rma) == {}


def test_the_loss_of_damaged_goods_shows_as_write_off_and_not_in_cost_of_sales(it: Line) -> None:
    sold = balance(it, "310")
    rma = faulty(it)
    it.nudge_and_settle(rma)
    # Two left at 9.40 each, one came back: one is cost of sales, the other the write-off.
    assert round(balance(it, "310") - sold, 2) == 9.40
    assert round(balance(it, "403"), 2) == 9.40


def test_a_write_off_above_the_limit_waits_for_finance_and_goes_once_approved(make: Callable[..., Line]) -> None:
    it = make('write_off_approval_above = "9.39"\n' + TERMS)
    rma = faulty(it)
    it.nudge_and_settle(rma)
    assert write_offs(it) == []
    assert "9.4" in it.kinds(rma)["WRITEOFF_APPROVAL"]
    it.accept(rma, ConcernType.WRITEOFF_APPROVAL)
    it.settle(rma)
    assert (write_offs(it), it.kinds(rma)) == ([("COMPLETED", "403", "1")], {})


def test_nothing_is_written_off_while_the_restock_is_a_draft(it: Line) -> None:
    it.desk.world.control.patch("/settings", json={"restock_posts": "manual"})
    rma = faulty(it)
    it.nudge_and_settle(rma)
    assert (write_offs(it), set(it.kinds(rma))) == ([], {"NOT_STOCKED_AGED"})
    [note] = it.desk.notes("#1")
    it.control(f"/credit-notes/{note['task_id']}/authorise-restock")
    it.clock.forward(3600)
    it.settle(rma)
    assert write_offs(it) == [("COMPLETED", "403", "1")]
    assert [unit["stocked_as"] for unit in it.units(rma)] == ["written_off"]


def test_a_write_off_that_is_not_ours_is_left_to_its_owner(make: Callable[..., Line]) -> None:
    it = make('write_off_owner = "nobody"\n' + TERMS)
    rma = faulty(it)
    it.nudge_and_settle(rma)
    assert (write_offs(it), it.on_hand("TEE-BLK-M", "Quarantine")) == ([], 1)


def test_goods_found_damaged_after_their_restock_move_to_quarantine_and_are_written_off(it: Line) -> None:
    it.sell("#1", [TEE])
    before = it.on_hand("TEE-BLK-M", "Main Warehouse")
    rma, [unit] = it.open_rma("#1", [TEE_UNIT])
    it.nudge_and_settle(rma)
    assert it.on_hand("TEE-BLK-M", "Main Warehouse") == before + 1
    it.clock.forward(60)
    it.inspect(rma, **{unit: {"restockable": False, "reason": "Torn"}})
    it.nudge_and_settle(rma)
    assert it.on_hand("TEE-BLK-M", "Main Warehouse") == before
    assert (write_offs(it), len(it.desk.notes("#1"))) == ([("COMPLETED", "403", "1")], 1)
    assert it.made(rma) == [(kind, "CONFIRMED") for kind in ("credit", "value", "transfer", "write-off")]


def test_quarantined_goods_found_good_go_back_on_sale_and_may_move_again(make: Callable[..., Line]) -> None:
    it = make(
        TERMS.replace(
            '"Faulty"\ndisposition = "write_off"', '"Faulty"\ndisposition = "quarantine"\nfinding = "uninspected"'
        )
    )
    rma = faulty(it)
    it.nudge_and_settle(rma)
    assert it.on_hand("TEE-BLK-M", "Quarantine") == 1
    unit = it.units(rma)[0]["returned_item_id"]
    it.inspect(rma, **{unit: {"restockable": True}})
    it.nudge_and_settle(rma)
    assert (it.on_hand("TEE-BLK-M", "Quarantine"), it.units(rma)[0]["stocked_where"]) == (0, "Main Warehouse")
    it.inspect(rma, **{unit: {"restockable": False}})
    it.nudge_and_settle(rma)
    assert [one["status"] for one in it.books()["transfers"]] == ["COMPLETED", "COMPLETED"]
    assert write_offs(it) == [("COMPLETED", "403", "1")]


def early(it: Line, units: int = 1) -> str:
    """Credited on approval; the goods are still on their way."""
    it.sell("#1", [TEE])
    rma, _ = it.open_rma("#1", [TEE_UNIT] * units, status="Approved")
    it.nudge_and_settle(rma)
    return rma


def test_goods_credited_on_approval_come_into_stock_when_they_arrive(make: Callable[..., Line]) -> None:
    it = make(gate="approved")
    rma = early(it)
    before, cost = it.on_hand("TEE-BLK-M", "Main Warehouse"), balance(it, "310")
    it.desk.act(rma, "receive")
    it.nudge_and_settle(rma)
    it.nudge_and_settle(rma)
    assert it.on_hand("TEE-BLK-M", "Main Warehouse") == before + 1
    assert round(cost - balance(it, "310"), 2) == 9.40
    assert (len(it.books()["adjustments"]), len(it.desk.notes("#1")), it.kinds(rma)) == (1, 1, {})
    assert it.units(rma)[0]["stocked_where"] == "Main Warehouse"


def test_late_goods_wait_while_no_account_is_set_to_book_them_against(make: Callable[..., Line]) -> None:
    it = make(TERMS.replace('late_arrival_account = "310"', ""), gate="approved")
    rma = early(it)
    it.desk.act(rma, "receive")
    it.nudge_and_settle(rma)
    assert (set(it.kinds(rma)), it.books()["adjustments"]) == ({"STOCK_ACCOUNT_UNMAPPED"}, [])


def test_late_goods_that_are_damaged_stay_in_cost_of_sales_and_are_not_written_off_too(
    make: Callable[..., Line],
) -> None:
    it = make(gate="approved")
    rma = early(it)
    unit = it.units(rma)[0]["returned_item_id"]
    it.desk.act(rma, "receive")
    it.inspect(rma, **{unit: {"restockable": False}})
    it.nudge_and_settle(rma)
    assert (write_offs(it), it.books()["adjustments"]) == ([], [])


def test_stock_that_moved_while_it_was_counted_is_told_to_operations(make: Callable[..., Line]) -> None:
    it = make(gate="approved")
    rma = early(it)
    it.desk.act(rma, "receive")
    it.desk.fault("stale_reads", system="cin7", path="productavailability", seconds=3600)
    it.sell("#2", [TEE])
    other, _ = it.open_rma("#2", [TEE_UNIT] * 2)
    it.nudge_and_settle(other)
    it.nudge_and_settle(rma)
    assert "-1 were added instead of 1" in it.kinds(rma)["STOCK_MOVED_MEANWHILE"].replace(".0000", "")
    assert len(it.books()["adjustments"]) == 1


def test_goods_gone_from_quarantine_wait_and_are_written_off_once_they_are_back(it: Line) -> None:
    it.desk.world.control.patch("/settings", json={"restock_posts": "manual"})
    rma = faulty(it)
    it.nudge_and_settle(rma)
    [note] = it.desk.notes("#1")
    it.control(f"/credit-notes/{note['task_id']}/authorise-restock")
    move(it, "Quarantine", "Leeds")
    it.clock.forward(3600)
    it.settle(rma)
    assert (write_offs(it), set(it.kinds(rma))) == ([], {"STOCK_MOVED_MEANWHILE"})
    move(it, "Leeds", "Quarantine")
    it.clock.forward(3600)
    it.settle(rma)
    assert (write_offs(it), it.kinds(rma)) == ([("COMPLETED", "403", "1")], {})


def test_a_write_off_that_cin7_made_only_half_waits_for_a_person_and_goes_once_it_is_requeued(it: Line) -> None:
    it.desk.world.control.patch("/settings", json={"restock_posts": "manual"})
    rma = faulty(it)
    it.nudge_and_settle(rma)
    [note] = it.desk.notes("#1")
    it.control(f"/credit-notes/{note['task_id']}/authorise-restock")
    it.desk.fault("stale_reads", system="cin7", path="productavailability", seconds=3600)
    move(it, "Quarantine", "Leeds")
    it.clock.forward(3600)
    it.settle(rma)
    assert [one["status"] for one in it.books()["write_offs"]] == ["DRAFT"]
    assert "void it there" in it.kinds(rma)["WRITE_REJECTED"]
    assert [letter["queue"] for letter in it.letters()] == ["stock-adjustments"]
    assert [unit["stocked_as"] for unit in it.units(rma)] == ["write_off"]
    it.clock.forward(3600)
    it.nudge_and_settle(rma)
    assert len(it.books()["write_offs"]) == 1
    mend_by_hand(it, rma)
    it.settle(rma)
    assert sorted(one["status"] for one in it.books()["write_offs"]) == ["COMPLETED", "VOIDED"]
    assert it.kinds(rma) == {}


def mend_by_hand(it: Line, rma: str) -> None:
    """A person voids the draft, brings the goods back and requeues the letter."""
    it.desk.heal()
    [draft] = it.books()["write_offs"]
    access = it.parts.shop("alder").cin7.access
    query = {"ID": draft["task_id"], "Void": "true"}
    httpx.delete(f"{access.base_url}/inventoryWriteOff", params=query, headers=access.headers, trust_env=False)
    move(it, "Leeds", "Quarantine")
    with it.parts.ledger.write() as conn:
        [letter] = letters.find(conn, letters.Filter(rma=rma), whole=True)
        requeueing.requeue(conn, letter, "Priya", "run-1", it.clock())


def test_another_serial_than_the_one_sold_is_not_credited(it: Line) -> None:
    it.sell("#1", [{"sku": "WATCH-S1", "quantity": "1", "price": "240"}])
    rma, [unit] = it.open_rma("#1", [{"sku": "WATCH-S1", "paid_price": "240.00", "paid_tax": "40.00"}])
    it.inspect(rma, **{unit: {"restockable": False, "reason": "Serial number does not match"}})
    it.nudge_and_settle(rma)
    assert (set(it.kinds(rma)), it.desk.notes("#1")) == ({"SERIAL_MISMATCH"}, [])


def test_a_serial_comes_back_and_is_written_off_under_its_own_number(it: Line) -> None:
    it.sell("#1", [{"sku": "WATCH-S1", "quantity": "1", "price": "240"}])
    watch = {"sku": "WATCH-S1", "paid_price": "240.00", "paid_tax": "40.00", "reason": "Faulty"}
    rma, _ = it.open_rma("#1", [watch])
    it.nudge_and_settle(rma)
    [document] = it.books()["write_offs"]
    assert (document["status"], document["lines"][0]["batch"]) == ("COMPLETED", "SN-1001")


def test_a_service_is_credited_and_leaves_nothing_to_do_in_stock(it: Line) -> None:
    it.sell("#1", [{"sku": "CARD-THX", "quantity": "1", "price": "2"}])
    rma, _ = it.open_rma("#1", [{"sku": "CARD-THX", "paid_price": "2.00", "paid_tax": "0.33"}])
    assert it.nudge_and_settle(rma)["stock-adjustments"] == "settled"
    assert (it.kinds(rma), it.made(rma)) == ({}, [("credit", "CONFIRMED")])


@pytest.mark.parametrize("kind", ["timeout_after", "reset_after", "html_200_after", "status_after"])
def test_a_write_off_whose_answer_is_lost_is_found_and_not_made_again(it: Line, kind: str) -> None:
    rma = faulty(it)
    it.desk.fault(kind, system="cin7", method="POST", path="inventoryWriteOff", seconds=9)
    it.nudge_and_settle(rma)
    it.clock.forward(600)
    it.settle(rma)
    assert write_offs(it) == [("COMPLETED", "403", "1")]
    assert ("write-off", "CONFIRMED") in it.made(rma)


def move(it: Line, origin: str, target: str) -> None:
    """Somebody moves the goods in Cin7's own screens."""
    places = it.control("/tenant")["locations"]
    body = {
        "Status": "COMPLETED",
        "From": places[origin]["id"],
        "To": places[target]["id"],
        "CompletionDate": "2026-11-20T00:00:00",
        "Lines": [{"SKU": "TEE-BLK-M", "TransferQuantity": 1}],
    }
    it.parts.shop("alder").cin7.post_transfer(body)


def test_a_restock_at_todays_cost_is_told_to_finance(it: Line) -> None:
    it.desk.world.control.patch("/settings", json={"restock_cost": "latest"})
    it.sell("#1", [TEE])
    it.control("/stock", {"sku": "TEE-BLK-M", "quantity": "5", "cost": "12.00", "location": "Main Warehouse"})
    rma, _ = it.open_rma("#1", [TEE_UNIT])
    it.nudge_and_settle(rma)
    assert "back at 12 GBP, but they had left at 9.4" in it.kinds(rma)["RESTOCK_VALUE_VARIANCE"]
    it.accept(rma, ConcernType.RESTOCK_VALUE_VARIANCE)
    it.settle(rma)
    assert it.kinds(rma) == {}


def test_a_restock_at_original_cost_is_looked_at_once_and_found_right(it: Line) -> None:
    it.sell("#1", [TEE])
    rma, _ = it.open_rma("#1", [TEE_UNIT])
    it.nudge_and_settle(rma)
    it.desk.forget_calls()
    it.nudge_and_settle(rma)
    assert (it.desk.calls("cin7"), it.kinds(rma)) == ([], {})
    assert it.effects(rma)[1]["progress"]["value"] == it.effects(rma)[1]["progress"]["low"]


def test_a_whole_bundle_comes_back_in_its_parts(it: Line) -> None:
    it.sell("#1", [{"sku": "WINTER-SET", "quantity": "1", "price": "70"}])
    caps, scarves = it.on_hand("CAP-NVY", "Main Warehouse"), it.on_hand("SCARF-WOL", "Main Warehouse")
    rma, _ = it.open_rma("#1", [{"sku": "WINTER-SET", "paid_price": "70.00", "paid_tax": "11.67"}])
    it.nudge_and_settle(rma)
    assert it.on_hand("CAP-NVY", "Main Warehouse") == caps + 2
    assert it.on_hand("SCARF-WOL", "Main Warehouse") == scarves + 1
    assert it.kinds(rma) == {}


def test_an_assembled_product_comes_back_as_itself_and_not_in_parts(it: Line) -> None:
    it.sell("#1", [{"sku": "GIFT-SET", "quantity": "1", "price": "60"}])
    parts = it.on_hand("CAP-NVY", "Main Warehouse")
    rma, _ = it.open_rma("#1", [{"sku": "GIFT-SET", "paid_price": "60.00", "paid_tax": "10.00"}])
    it.nudge_and_settle(rma)
    assert (it.on_hand("GIFT-SET", "Main Warehouse"), it.on_hand("CAP-NVY", "Main Warehouse")) == (1, parts)
    assert it.kinds(rma) == {}


def test_a_damaged_bundle_is_written_off_in_its_parts(it: Line) -> None:
    it.sell("#1", [{"sku": "WINTER-SET", "quantity": "2", "price": "70"}])
    unit = {"sku": "WINTER-SET", "paid_price": "70.00", "paid_tax": "11.67", "reason": "Faulty"}
    rma, _ = it.open_rma("#1", [unit])
    it.nudge_and_settle(rma)
    [document] = it.books()["write_offs"]
    lines = sorted((line["sku"], line["quantity"]) for line in document["lines"])
    assert (document["status"], lines) == ("COMPLETED", [("CAP-NVY", "2"), ("SCARF-WOL", "1")])
    assert it.kinds(rma) == {}


def test_goods_of_a_supplier_are_credited_and_claimed_but_never_stocked(it: Line) -> None:
    it.sell("#1", [{"sku": "POSTER-DS", "quantity": "1", "price": "25"}])
    rma, _ = it.open_rma("#1", [{"sku": "POSTER-DS", "paid_price": "25.00", "paid_tax": "4.17"}])
    it.nudge_and_settle(rma)
    assert set(it.kinds(rma)) == {"DROPSHIP_CLAIM"}
    assert it.desk.authorised("#1")[0]["restock"] == []
    it.accept(rma, ConcernType.DROPSHIP_CLAIM)
    it.settle(rma)
    assert it.kinds(rma) == {}


def test_something_else_in_the_parcel_is_neither_credited_nor_stocked(it: Line) -> None:
    it.sell("#1", [TEE])
    rma, [unit] = it.open_rma("#1", [TEE_UNIT])
    it.inspect(rma, **{unit: {"returned": False, "reason": "Wrong item in the parcel"}})
    it.nudge_and_settle(rma)
    assert (set(it.kinds(rma)), it.made(rma)) == ({"UNIDENTIFIED_ITEM"}, [])
