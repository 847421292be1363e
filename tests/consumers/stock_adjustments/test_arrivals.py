"""Goods that come after their credit: into stock once, at the cost they left with, or to a person."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from consumers.case import Case
from consumers.stock_adjustments import decision
from schemas.actions import AdjustStock
from schemas.concerns import Concern, ConcernType
from schemas.returns import Return
from schemas.sales import Movement, Sale
from schemas.terms import Disposition, DispositionRule, EffectOwner, Gate
from tests.consumers.builders import (
    CAGE,
    MAIN,
    NOW,
    FakeBooks,
    a_fulfilment,
    a_line,
    a_pick,
    a_return,
    a_unit,
    an_approved_return,
    an_invoice,
    d,
    found_faulty,
    found_good,
)
from tests.consumers.decide import kinds
from tests.consumers.stock_adjustments.goods import (
    THREE,
    Shelves,
    confirmed,
    credited,
    damage_terms,
    goods_plan,
    later,
    on_shelf,
    sold,
    stock_actions,
)

EARLY = damage_terms(gate=Gate.APPROVED)


def came(*units: Any, sale: Sale | None = None) -> Case:
    """Credited on approval, and now here."""
    away = an_approved_return(*(units or (a_unit(),)))
    case = credited(away, sale, EARLY, details={"restock_status": "NOT AVAILABLE"})
    return later(case, ret=here(away))


def here(ret: Return, **more: Any) -> Return:
    return replace(a_return(*ret.units), **more)


def the_adjustment(case: Case, **more: Any) -> AdjustStock:
    [action] = goods_plan(case, more.pop("terms", EARLY), **more).actions
    assert isinstance(action, AdjustStock)
    return action


def test_goods_still_away_are_not_put_into_stock_and_cost_no_call() -> None:
    away = an_approved_return()
    case = credited(away, terms=EARLY)
    books = FakeBooks()
    assert goods_plan(case, EARLY).actions == ()
    assert books.asked == 0


def test_goods_that_arrive_after_their_credit_are_put_into_stock_at_original_cost() -> None:
    action = the_adjustment(came())
    assert (action.line.sku, action.line.quantity, action.unit_cost) == ("TEE-BLK-M", d(1), d("9.4"))
    assert (action.location_id, action.account) == (MAIN.location_id, "310")
    assert action.line.restock_location == MAIN.name


def test_pieces_of_one_product_and_place_share_one_adjustment() -> None:
    action = the_adjustment(came(a_unit("u1"), a_unit("u2")))
    assert (action.units, action.line.quantity) == (("u1", "u2"), d(2))


def test_late_goods_are_put_into_stock_once() -> None:
    case = came()
    again = later(case, confirmed(the_adjustment(case)))
    assert goods_plan(again, EARLY).actions == ()


def test_quarantined_late_goods_go_to_the_cage() -> None:
    rules = (DispositionRule("*", None, Disposition.QUARANTINE),)
    assert the_adjustment(came(), terms=replace(EARLY, dispositions=rules)).location_id == CAGE.location_id


def test_late_goods_that_move_again_are_transferred_from_where_they_were_put() -> None:
    case = came()
    case = later(case, confirmed(the_adjustment(case)))
    unit = replace(case.ret.units[0], inspection=found_faulty())
    [action] = stock_actions(goods_plan(later(case, ret=replace(case.ret, units=(unit,))), EARLY))
    assert type(action).__name__ == "TransferStock"


def test_late_damaged_goods_stay_in_cost_of_sales_and_are_not_written_off_too() -> None:
    case = came()
    worse = later(case, ret=replace(case.ret, units=(replace(case.ret.units[0], inspection=found_faulty()),)))
    plan = goods_plan(worse, EARLY)
    assert (plan.actions, kinds(plan)) == ((), set())
    assert "nothing is written off" in plan.remarks[0]


@pytest.mark.parametrize("account", ["", "404", "999"])
def test_without_a_usable_account_late_goods_wait(account: str) -> None:
    plan = goods_plan(came(), replace(EARLY, late_arrival_account=account))
    assert (plan.actions, kinds(plan)) == ((), {ConcernType.STOCK_ACCOUNT_UNMAPPED})


def test_goods_another_system_restocks_are_not_put_into_stock_by_us() -> None:
    plan = goods_plan(came(), replace(EARLY, restock_owner=EffectOwner.NATIVE))
    assert (plan.actions, kinds(plan)) == ((), set())


def _batches() -> Sale:
    return sold(fulfilments=(a_fulfilment(a_pick(batch="B1"), a_pick(quantity=2, batch="B2")),))


def _unknown_cost() -> Sale:
    return sold(movements=())


def _bundle() -> Sale:
    return sold(
        an_invoice(a_line(quantity=1, tax="6")),
        fulfilments=(a_fulfilment(a_pick("PART-A"), a_pick("PART-B")),),
        movements=(Movement("task-ship-INV-1", "p-part-a", d(-3)),),
    )


STOPPED = [
    (_batches(), ConcernType.BATCH_SERIAL_REQUIRED),
    (_unknown_cost(), ConcernType.RESTOCK_VALUE_VARIANCE),
    (_bundle(), ConcernType.KIT_RULE_MISSING),
    (sold(an_invoice(a_line("OTHER", quantity=1, tax="6"))), ConcernType.SKU_UNMATCHED),
]


@pytest.mark.parametrize(("sale", "kind"), STOPPED, ids=[kind for _, kind in STOPPED])
def test_late_goods_that_nobody_can_place_for_sure_wait_for_a_person(sale: Sale, kind: ConcernType) -> None:
    plan = goods_plan(came(), EARLY, sale=sale)
    assert (plan.actions, kinds(plan)) == ((), {kind})
    accepted = later(came(), accepted=frozenset({kind}))
    assert kinds(goods_plan(accepted, EARLY, sale=sale)) == set()


def test_pieces_that_all_came_back_already_are_not_put_into_stock_again() -> None:
    one = sold(an_invoice(a_line(quantity=1, tax="6")), cost="9.40")
    case = came(sale=one)
    back = replace(confirmed(the_adjustment(case, sale=one)), units=("u9",))
    plan = goods_plan(later(case, back), EARLY, sale=one)
    assert kinds(plan) == {ConcernType.BATCH_SERIAL_REQUIRED}


def test_a_supplier_s_goods_that_come_to_us_are_claimed_and_not_stocked() -> None:
    sale = sold(an_invoice(a_line(quantity=3, tax="18", drop_ship=True)))
    plan = goods_plan(came(sale=sale), EARLY, sale=sale)
    assert (plan.actions, kinds(plan)) == ((), {ConcernType.DROPSHIP_CLAIM})


def test_a_supplier_s_goods_credited_on_receipt_are_claimed_until_a_person_says_it_is_done() -> None:
    sale = sold(an_invoice(a_line(quantity=3, tax="18", drop_ship=True)))
    case = credited(a_return(), sale)
    assert kinds(goods_plan(case)) == {ConcernType.DROPSHIP_CLAIM}
    assert kinds(goods_plan(later(case, accepted=frozenset({ConcernType.DROPSHIP_CLAIM})))) == set()


def test_no_stock_item_leaves_nothing_to_do() -> None:
    sale = sold(fulfilments=(a_fulfilment(a_pick(quantity=3, non_inventory=True)),))
    plan = goods_plan(came(sale=sale), EARLY, sale=sale)
    assert (plan.actions, kinds(plan)) == ((), set())


def test_a_sale_deleted_under_its_note_holds_late_goods_with_its_reason() -> None:
    plan = goods_plan(came(), EARLY, sale=None)
    assert (plan.actions, kinds(plan)) == ((), {ConcernType.CN_DRIFT})


def test_late_goods_belong_to_the_sale_of_their_note_whatever_sale_carries_the_order_now() -> None:
    class Renamed(Shelves):
        def sale_of(self, order_name: str, order_id: str) -> Sale | Concern:
            return Concern(ConcernType.ORDER_NOT_FOUND, "no sale carries the name", "import it")

    case, sale = came(), sold()
    books = Renamed(sale=sale, stock=(on_shelf(MAIN.name),))
    plan = decision.plan(case, decision.gather(case, EARLY, books), EARLY, NOW)
    assert [action.sale_id for action in plan.actions] == [sale.sale_id]


def test_a_parcel_missed_at_inspection_and_found_later_comes_into_stock() -> None:
    case = came()
    found = replace(case.ret, units=(replace(case.ret.units[0], inspection=found_good()),))
    assert the_adjustment(later(case, ret=found), sale=sold(THREE)).units == ("u1",)
