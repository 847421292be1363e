"""After the credit: write-offs, transfers and what a person must know, as decisions without any system."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from consumers.case import Case
from consumers.stock_adjustments import decision
from schemas.actions import Action, TransferStock, WriteOffStock
from schemas.concerns import ConcernType
from schemas.effects import EffectState
from schemas.returns import CANCELED, NO_SHIPMENT, Return
from schemas.sales import Location
from schemas.terms import Disposition, DispositionRule, EffectOwner, Finding, Gate, Terms
from tests.consumers.builders import (
    CAGE,
    MAIN,
    NOW,
    FakeBooks,
    a_case,
    a_fulfilment,
    a_pick,
    a_return,
    a_tenant,
    a_unit,
    d,
    found_faulty,
    found_good,
    gbp,
    not_found,
)
from tests.consumers.decide import kinds
from tests.consumers.stock_adjustments.goods import (
    confirmed,
    credited,
    damage_terms,
    goods_plan,
    later,
    on_shelf,
    sold,
    stock_actions,
)

FAULTY = a_return(a_unit(reason="Faulty"))
GRADE_B = Location("loc-b", "Grade B")
HOUR_LATER = NOW + timedelta(hours=1)


def damaged() -> Case:
    return credited(FAULTY)


def the_write_off(case: Case, *args: Any, **more: Any) -> WriteOffStock:
    [action] = stock_actions(goods_plan(case, *args, **more))
    assert isinstance(action, WriteOffStock)
    return action


def the_transfer(case: Case, *args: Any, **more: Any) -> TransferStock:
    [action] = stock_actions(goods_plan(case, *args, **more))
    assert isinstance(action, TransferStock)
    return action


# -- write-offs -------------------------------------------------------------------------------------------------------


def test_nothing_is_asked_and_nothing_done_before_the_credit() -> None:
    books = FakeBooks()
    facts = decision.gather(a_case(FAULTY), damage_terms(), books)
    plan = decision.plan(a_case(FAULTY), facts, damage_terms(), NOW)
    assert (books.asked, plan.actions, plan.remarks) == (0, (), ("nothing of this return is credited yet",))


def test_damaged_goods_are_written_off_from_quarantine_to_the_mapped_account() -> None:
    action = the_write_off(damaged())
    assert (action.location_id, action.account, action.effective_on) == (CAGE.location_id, "403", date(2026, 3, 20))
    assert [(line.sku, line.quantity) for line in action.lines] == [("TEE-BLK-M", d(1))]
    assert [goods.cost for goods in action.goods] == [d("9.4")]
    assert action.key == "alder:RMA1001:write-off:u1"


def test_the_account_of_the_disposition_goes_before_the_general_one() -> None:
    rules = (DispositionRule("Faulty", None, Disposition.WRITE_OFF, account="310"),)
    terms = damage_terms(dispositions=rules)
    assert the_write_off(credited(FAULTY, terms=terms), terms).account == "310"


def test_units_of_one_place_and_account_share_a_document() -> None:
    ret = a_return(a_unit("u1", reason="Faulty"), a_unit("u2", reason="Faulty"))
    action = the_write_off(credited(ret))
    assert (action.units, action.lines[0].quantity) == (("u1", "u2"), d(2))


def test_a_batch_is_written_off_under_its_own_number() -> None:
    sale = sold(fulfilments=(a_fulfilment(a_pick(quantity=3, batch="B7", expiry=date(2027, 1, 1))),))
    action = the_write_off(credited(FAULTY, sale), stock=(on_shelf(batch="B7"),))
    assert (action.lines[0].batch, action.lines[0].expiry) == ("B7", date(2027, 1, 1))


@pytest.mark.parametrize("state", ["PLANNED", "CLAIMED", "SENDING", "UNCERTAIN", "REJECTED", "DISCARDED", "CONFIRMED"])
def test_a_write_off_that_exists_in_any_state_is_not_planned_beside(state: str) -> None:
    case = damaged()
    before = replace(confirmed(the_write_off(case)), state=EffectState(state))
    assert stock_actions(goods_plan(later(case, before))) == []


def test_a_withdrawn_write_off_is_planned_anew() -> None:
    case = damaged()
    before = replace(confirmed(the_write_off(case)), state=EffectState.WITHDRAWN)
    assert the_write_off(later(case, before)).units == ("u1",)


@pytest.mark.parametrize("state", ["CLAIMED", "SENDING", "UNCERTAIN", "REJECTED"])
def test_goods_are_not_written_off_before_their_credit_is_confirmed(state: str) -> None:
    case = damaged()
    waiting = a_case(FAULTY, replace(case.effects[0], state=EffectState(state), confirmed_at=None))
    assert goods_plan(waiting).actions == ()


def test_goods_whose_restock_is_a_draft_wait_for_it() -> None:
    case = credited(FAULTY, details={"restock_status": "DRAFT"})
    plan = goods_plan(case)
    assert plan.actions == ()
    assert "not posted" in plan.waits[0].reason


def test_goods_never_restocked_are_never_written_off_too() -> None:
    unshipped = sold(fulfilments=(a_fulfilment(a_pick(), shipped=False),))
    plan = goods_plan(credited(FAULTY, unshipped))
    assert (plan.actions, kinds(plan)) == ((), set())


@pytest.mark.parametrize("owner", [EffectOwner.NATIVE, EffectOwner.NOBODY])
def test_a_write_off_of_another_owner_is_left_alone(owner: EffectOwner) -> None:
    plan = goods_plan(damaged(), damage_terms(write_off_owner=owner))
    assert stock_actions(plan) == []
    assert "write_off_owner" in plan.remarks[0]


@pytest.mark.parametrize("account", ["", "404", "999"])
def test_without_a_usable_account_nothing_is_written_off(account: str) -> None:
    plan = goods_plan(damaged(), damage_terms(write_off_account=account))
    assert (stock_actions(plan), kinds(plan)) == ([], {ConcernType.STOCK_ACCOUNT_UNMAPPED})


@pytest.mark.parametrize(("limit", "goes"), [(None, True), ("9.40", True), ("9.39", False), ("0", False)])
def test_above_the_limit_finance_approves(limit: str | None, goes: bool) -> None:
    terms = damage_terms(write_off_approval_above=d(limit) if limit else None)
    plan = goods_plan(damaged(), terms)
    assert bool(stock_actions(plan)) is goes
    assert kinds(plan) == (set() if goes else {ConcernType.WRITEOFF_APPROVAL})


def test_an_approval_shows_the_money_and_lets_the_write_off_go() -> None:
    terms = damage_terms(write_off_approval_above=d(1))
    [concern] = goods_plan(damaged(), terms).all_concerns()
    assert concern.money == gbp("9.4")
    approved = later(damaged(), accepted=frozenset({ConcernType.WRITEOFF_APPROVAL}))
    assert the_write_off(approved, terms)


def test_goods_of_unknown_cost_need_approval_where_there_is_a_limit() -> None:
    case = credited(FAULTY, sold(movements=()))
    assert kinds(goods_plan(case, damage_terms(write_off_approval_above=d(100)))) == {ConcernType.WRITEOFF_APPROVAL}


def test_write_offs_of_one_return_count_together_against_the_limit() -> None:
    ret = a_return(a_unit("u1", reason="Faulty"), a_unit("u2"))
    case = credited(ret)
    first = confirmed(the_write_off(case))
    worse = a_return(ret.units[0], a_unit("u2", inspection=found_faulty()))
    moved = confirmed(the_transfer(later(case, first, ret=worse)))
    terms = damage_terms(write_off_approval_above=d(10))
    assert kinds(goods_plan(later(case, first, moved, ret=worse), terms)) == {ConcernType.WRITEOFF_APPROVAL}


SHORT: list[dict[str, Any]] = [
    {"on_hand": "0"},
    {"bin": "Q-01"},
    {"available": d(0)},
    {"location": MAIN.name},
    {"sku": "OTHER"},
]


@pytest.mark.parametrize("row", SHORT)
def test_goods_not_on_hand_in_quarantine_wait_quietly_then_loudly(row: dict[str, Any]) -> None:
    stock = (on_shelf(**row),)
    soon, late = goods_plan(damaged(), stock=stock), goods_plan(damaged(), now=HOUR_LATER, stock=stock)
    assert (stock_actions(soon), kinds(soon)) == ([], set())
    assert (stock_actions(late), kinds(late)) == ([], {ConcernType.STOCK_MOVED_MEANWHILE})


def test_a_locked_period_moves_the_date_of_the_write_off() -> None:
    company = a_tenant(lock_date=date(2026, 3, 31))
    assert the_write_off(damaged(), company=company).effective_on == date(2026, 4, 1)


def test_a_return_that_ended_after_its_credit_keeps_its_goods_where_they_are() -> None:
    case = later(damaged(), ret=replace(FAULTY, status=CANCELED))
    assert goods_plan(case).actions == ()


# -- what the warehouse finds later -----------------------------------------------------------------------------------


def restocked() -> Case:
    return credited(a_return())


def found(case: Case, **inspection: Any) -> Return:
    """The return after an inspection an hour later."""
    at = NOW + timedelta(hours=1)
    return replace(
        case.ret, units=tuple(replace(u, inspection=found_good(at=at, **inspection)) for u in case.ret.units)
    )


def test_goods_found_damaged_after_their_restock_move_to_quarantine_first() -> None:
    case = restocked()
    action = the_transfer(later(case, ret=found(case, restockable=False)))
    assert (action.from_location_id, action.to_location_id) == (MAIN.location_id, CAGE.location_id)
    assert action.goods[0].disposition == "write_off"


def test_and_are_written_off_from_there_once() -> None:
    case = restocked()
    case = later(case, ret=found(case, restockable=False))
    case = later(case, confirmed(the_transfer(case)))
    action = the_write_off(case)
    assert action.location_id == CAGE.location_id
    assert stock_actions(goods_plan(later(case, confirmed(action)))) == []


def test_a_good_finding_that_changes_nothing_moves_nothing() -> None:
    case = restocked()
    plan = goods_plan(later(case, ret=found(case)))
    assert (stock_actions(plan), kinds(plan)) == ([], set())


def test_changed_settings_alone_move_no_goods() -> None:
    terms = damage_terms(sellable_location=CAGE.name, dispositions=(DispositionRule("*", None, Disposition.WRITE_OFF),))
    assert stock_actions(goods_plan(restocked(), terms)) == []


def test_quarantined_goods_found_good_go_back_on_sale() -> None:
    rules = (
        DispositionRule("Faulty", Finding.UNINSPECTED, Disposition.QUARANTINE),
        DispositionRule("*", None, Disposition.RESTOCK),
    )
    terms = damage_terms(dispositions=rules)
    case = credited(FAULTY, terms=terms)
    action = the_transfer(later(case, ret=found(case)), terms)
    assert (action.from_location_id, action.to_location_id) == (CAGE.location_id, MAIN.location_id)


def test_each_further_move_of_a_unit_is_an_effect_of_its_own() -> None:
    case = restocked()
    worse = later(case, ret=found(case, restockable=False))
    first = the_transfer(worse, damage_terms(write_off_owner=EffectOwner.NOBODY))
    at = NOW + timedelta(hours=2)
    good = replace(case.ret, units=(replace(case.ret.units[0], inspection=found_good(at=at)),))
    second = the_transfer(later(worse, confirmed(first), ret=good))
    assert (first.units, second.units) == (("u1",), ("u1/2",))
    assert second.goods[0].unit == "u1"


def test_a_grade_location_is_reached_by_transfer_when_the_grade_is_found_later() -> None:
    rules = (
        DispositionRule("*", Finding.NOT_RESTOCKABLE, Disposition.RESTOCK, location=GRADE_B.name),
        DispositionRule("*", None, Disposition.RESTOCK),
    )
    terms = damage_terms(dispositions=rules)
    case = credited(a_return(), terms=terms)
    worse = later(case, ret=found(case, restockable=False))
    assert the_transfer(worse, terms, locations=(MAIN, CAGE, GRADE_B)).to_location_id == GRADE_B.location_id


def test_goods_are_not_moved_while_an_earlier_move_is_unfinished() -> None:
    case = restocked()
    worse = later(case, ret=found(case, restockable=False))
    under_way = replace(confirmed(the_transfer(worse)), state=EffectState.UNCERTAIN, confirmed_at=None)
    plan = goods_plan(later(worse, under_way))
    assert stock_actions(plan) == []
    assert "not finished" in plan.waits[0].reason


UNDECIDED: list[tuple[Terms, ConcernType]] = [
    (damage_terms(dispositions=(DispositionRule("*", None, Disposition.HOLD),)), ConcernType.ON_HOLD),
    (damage_terms(dispositions=(DispositionRule("*", None, Disposition.KEEP),)), ConcernType.ON_HOLD),
    (damage_terms(dispositions=()), ConcernType.REASON_UNMAPPED),
    (damage_terms(quarantine_location="Nowhere"), ConcernType.LOCATION_INVALID),
    (damage_terms(quarantine_location=""), ConcernType.LOCATION_UNMAPPED),
]


@pytest.mark.parametrize(("terms", "kind"), UNDECIDED)
def test_a_later_finding_without_a_decided_place_waits_for_a_person(terms: Terms, kind: ConcernType) -> None:
    case = restocked()
    worse = later(case, ret=found(case, restockable=False))
    plan = goods_plan(worse, terms)
    assert (stock_actions(plan), kinds(plan)) == ([], {kind})
    assert kinds(goods_plan(later(worse, accepted=frozenset({kind})), terms)) == set()


def test_goods_that_another_system_restocks_are_not_moved_by_us() -> None:
    case = restocked()
    worse = later(case, ret=found(case, restockable=False))
    plan = goods_plan(worse, damage_terms(restock_owner=EffectOwner.NATIVE))
    assert plan.actions == ()
    assert "moving the goods is not ours" in plan.remarks[0]


def test_written_off_goods_found_good_after_all_need_a_person() -> None:
    case = damaged()
    case = later(case, confirmed(the_write_off(case)))
    good = later(case, ret=found(case))
    assert (stock_actions(goods_plan(good)), kinds(goods_plan(good))) == ([], {ConcernType.ON_HOLD})
    still = later(case, ret=found(case, restockable=False))
    assert kinds(goods_plan(still)) == set()


# -- what a person must know ------------------------------------------------------------------------------------------


def test_goods_restocked_on_receipt_and_missed_at_inspection_are_told_and_not_moved() -> None:
    case = restocked()
    gone = replace(case.ret, units=(replace(case.ret.units[0], inspection=not_found()),))
    plan = goods_plan(later(case, ret=gone))
    assert (stock_actions(plan), kinds(plan)) == ([], {ConcernType.QTY_MISMATCH})


WORDS = ["Wrong item", "different product received", "Counterfeit", "not on the order", "Unknown article"]


@pytest.mark.parametrize("words", WORDS)
def test_goods_that_are_something_else_are_told_with_the_warehouse_s_words(words: str) -> None:
    wrong = a_return(a_unit(inspection=found_good(returned=False, restockable=False, not_returned_reason=words)))
    [concern] = goods_plan(a_case(wrong)).all_concerns()
    assert (concern.kind, words in concern.cause) == (ConcernType.UNIDENTIFIED_ITEM, True)


def test_an_empty_parcel_is_no_unidentified_item() -> None:
    empty = a_return(a_unit(inspection=found_good(returned=False, restockable=False, not_returned_reason="Empty box")))
    assert goods_plan(a_case(empty)).all_concerns() == ()


def test_a_serial_that_differs_after_the_credit_stops_every_move() -> None:
    case = restocked()
    other = later(case, ret=found(case, restockable=False, not_restockable_reason="Different serial number"))
    assert (stock_actions(goods_plan(other)), kinds(goods_plan(other))) == ([], {ConcernType.SERIAL_MISMATCH})


def test_goods_the_shopper_keeps_leave_nothing_to_do() -> None:
    kept = a_return(a_unit(method=NO_SHIPMENT, shipment_id=""), shipments=())
    plan = goods_plan(credited(kept))
    assert (plan.actions, plan.waits, plan.concerns) == ((), (), ())


def test_a_note_that_was_taken_back_has_no_restock_value_to_check() -> None:
    case = restocked()
    [check] = goods_plan(case).actions
    back = replace(case.effects[0], details={**case.effects[0].details, "taken_back": "VOIDED"})
    details = {"value": "12", "low": "9.4", "high": "9.4", "note": "CR-1"}
    for known in ((), (confirmed(check, details=details),)):
        plan = goods_plan(replace(case, effects=(back, *known)))
        assert (plan.actions, kinds(plan)) == ((), set())


def test_goods_of_a_note_that_was_taken_back_are_moved_no_more() -> None:
    case = restocked()
    back = replace(case.effects[0], details={**case.effects[0].details, "taken_back": "VOIDED"})
    broken = replace(case, effects=(back,), ret=found(case, restockable=False))
    plan = goods_plan(broken)
    assert (stock_actions(plan), kinds(plan)) == ([], set())
    assert stock_actions(goods_plan(replace(broken, effects=case.effects)))


VALUES = [("9.4", False), ("9.41", False), ("9.42", True), ("12", True), ("", False)]


@pytest.mark.parametrize(("value", "told"), VALUES)
def test_a_restock_value_off_by_more_than_the_tolerance_is_told(value: str, told: bool) -> None:
    case = restocked()
    [check] = goods_plan(case).actions
    details = {"value": value, "low": "9.4", "high": "9.4", "note": "CR-1"}
    plan = goods_plan(later(case, confirmed(check, details=details)))
    assert kinds(plan) == ({ConcernType.RESTOCK_VALUE_VARIANCE} if told else set())
    assert plan.actions == ()


def test_a_shop_may_do_without_the_look_at_the_restock_value() -> None:
    assert goods_plan(restocked(), damage_terms(check_restock_value=False)).actions == ()


def test_an_adjustment_that_changed_something_else_is_told() -> None:
    case = restocked()
    action: Action = replace(the_write_off(damaged()), key="k")
    odd = replace(confirmed(action, details={"moved": "-1 were added instead of 1"}), kind="adjust")
    assert ConcernType.STOCK_MOVED_MEANWHILE in kinds(goods_plan(later(case, odd)))


def test_the_plan_is_the_same_for_the_same_facts() -> None:
    ret = a_return(*(a_unit(f"u{n}", reason="Faulty") for n in (1, 2, 3)))
    case = credited(ret)
    shuffled = replace(case, ret=replace(ret, units=tuple(reversed(ret.units))))
    assert goods_plan(case) == goods_plan(shuffled)


def test_goods_not_back_yet_are_waited_for_only_while_the_return_is_open() -> None:
    away = a_return(parcel="Shipped", status="Approved", received_at=None)
    terms = damage_terms(gate=Gate.APPROVED)
    case = credited(away, terms=terms)
    assert [wait.reason for wait in goods_plan(case, terms).waits] == ["the goods are not here yet"]
    assert goods_plan(later(case, ret=replace(away, status="Done")), terms).waits == ()
