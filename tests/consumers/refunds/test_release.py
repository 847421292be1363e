"""When ReturnGO is told that it may pay: never before every item of the parcel is credited and where it belongs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from consumers.case import Done, Plan
from consumers.refunds import decision
from schemas.actions import AdoptCreditNote, CommentOnReturn, PostCreditNote, ReceiveShipment, UnitGoods, marker
from schemas.effects import EffectState
from schemas.returns import APPROVED, CANCELED, NO_SHIPMENT, RECEIVED, REFUND, ExchangeOrder, Shipment, Unit
from schemas.sales import Sale
from schemas.terms import EffectOwner, RefundRelease, Terms
from tests.consumers.builders import (
    NOW,
    SALE_ID,
    FakeBooks,
    a_case,
    a_note,
    a_return,
    a_sale,
    a_unit,
    found_good,
    gbp,
    not_found,
    some_terms,
)
from tests.consumers.refunds.test_decision import a_refund, credited

COMMENT = some_terms(refund_release=RefundRelease.COMMENT)
PARCEL = some_terms(refund_release=RefundRelease.SHIPMENT_RECEIVED)


def unit(name: str = "u1", **more: Any) -> Unit:
    return a_unit(name, **{"resolution": REFUND, **more})


def told(ret: Any, *effects: Done, used: Terms = COMMENT, sale: Sale | None = None) -> Plan:
    case = a_case(ret, *effects)
    books = FakeBooks(sale=sale or a_sale())
    return decision.plan(case, decision.gather(case, used, books), used, NOW)


def the_comment(plan: Plan) -> CommentOnReturn:
    [action] = plan.actions
    assert isinstance(action, CommentOnReturn)
    return action


def waiting(plan: Plan) -> str:
    assert plan.actions == ()
    return "; ".join(wait.reason for wait in plan.waits)


def placed(disposition: str, location: str = "loc-cage", name: str = "u1", **more: Any) -> Done:
    """Our note with the unit's goods at this place."""
    base = credited(name, **more)
    assert isinstance(base.action, PostCreditNote)
    goods = (UnitGoods(name, gbp("36"), disposition, location),)
    return replace(base, action=replace(base.action, goods=goods))


def moved(kind: str, name: str = "u1", state: str = EffectState.CONFIRMED) -> Done:
    return Done(key=f"k-{kind}", kind=kind, state=EffectState(state), units=(name,))


# -- the word ---------------------------------------------------------------------------------------------------------


def test_a_comment_says_that_the_items_are_credited_and_booked_in() -> None:
    action = the_comment(told(a_return(unit()), credited("u1")))
    assert "1 item is credited by CR-1 and the goods are booked in" in action.text
    assert marker(action.key) in action.text


def test_the_comment_repeats_no_free_text() -> None:
    words = a_return(unit(reason="ring Jo Bloggs on 07700", method_name="Jo's drop-off"), order_name="#1001 Jo")
    text = the_comment(told(words, credited("u1"))).text
    assert not {word for word in ("Jo", "07700", "Bloggs") if word in text}


def test_a_parcel_on_its_way_in_the_portal_is_received_once_its_goods_are_booked() -> None:
    """The warehouse moved the whole return to Received; the parcel itself is ours to close."""
    [action] = told(a_return(unit(), status=RECEIVED, parcel="Shipped"), credited("u1"), used=PARCEL).actions
    assert isinstance(action, ReceiveShipment)
    assert (action.shipment_id, action.rma_id, action.sale_id) == ("s1", "RMA1001", SALE_ID)


def test_a_parcel_that_is_received_already_is_not_received_again() -> None:
    plan = told(a_return(unit()), credited("u1"), used=PARCEL)
    assert plan.actions == ()


def test_nothing_is_told_where_the_merchant_wants_silence() -> None:
    assert told(a_return(unit()), credited("u1"), used=some_terms()).actions == ()


@pytest.mark.parametrize("state", ["CONFIRMED", "UNCERTAIN", "REJECTED", "DISCARDED"])
def test_the_word_is_given_once(state: str) -> None:
    action = the_comment(told(a_return(unit()), credited("u1")))
    before = Done(key=action.key, kind="comment", state=EffectState(state), units=action.units)
    assert told(a_return(unit()), credited("u1"), before).actions == ()


def test_an_item_added_later_does_not_give_the_word_twice() -> None:
    action = the_comment(told(a_return(unit()), credited("u1")))
    before = Done(key=action.key, kind="comment", state=EffectState.CONFIRMED, units=action.units)
    assert told(a_return(unit(), unit("u2")), credited("u1", "u2"), before).actions == ()


# -- never before -----------------------------------------------------------------------------------------------------


def test_one_item_without_credit_holds_up_the_parcel() -> None:
    plan = told(a_return(unit(), unit("u2", sku="CAP-NVY")), credited("u1"))
    assert "CAP-NVY is not credited" in waiting(plan)


@pytest.mark.parametrize("state", ["PLANNED", "SENDING", "UNCERTAIN", "REJECTED"])
def test_a_note_that_is_not_confirmed_lets_nothing_go(state: str) -> None:
    assert "not credited" in waiting(told(a_return(unit()), credited("u1", state=EffectState(state))))


def test_an_item_that_was_not_in_the_parcel_holds_it_up() -> None:
    assert "was not in the parcel" in waiting(told(a_return(unit(inspection=not_found())), credited("u1")))


def test_goods_credited_before_they_came_are_waited_for() -> None:
    early = a_return(unit(), status=APPROVED, parcel="Shipped")
    assert "not received" in waiting(told(early, placed("", "")))
    assert "not in stock" in waiting(told(a_return(unit()), placed("", "")))
    the_comment(told(a_return(unit()), placed("", ""), moved("adjust")))


@pytest.mark.parametrize("kind", ["write-off", "transfer", "adjust"])
@pytest.mark.parametrize("state", ["PLANNED", "UNCERTAIN", "REJECTED"])
def test_goods_on_the_move_are_waited_for(kind: str, state: str) -> None:
    plan = told(a_return(unit()), credited("u1"), moved(kind, state=EffectState(state)))
    assert "still being moved" in waiting(plan)


def test_goods_to_be_written_off_are_waited_for_where_that_is_ours() -> None:
    assert "not written off" in waiting(told(a_return(unit()), placed("write_off")))
    the_comment(told(a_return(unit()), placed("write_off"), moved("write-off")))
    theirs = replace(COMMENT, write_off_owner=EffectOwner.NOBODY)
    the_comment(told(a_return(unit()), placed("write_off"), used=theirs))


def test_quarantined_goods_are_where_they_belong() -> None:
    the_comment(told(a_return(unit()), placed("quarantine")))


@pytest.mark.parametrize("fate", ["keep", "not_stock"])
def test_what_is_no_stock_of_ours_needs_no_place(fate: str) -> None:
    the_comment(told(a_return(unit()), placed(fate, "")))


def test_goods_that_the_shopper_keeps_need_no_parcel() -> None:
    kept = a_return(unit(method=NO_SHIPMENT, shipment_id=""), status=APPROVED, shipments=())
    assert "no goods are expected" in the_comment(told(kept, placed("keep", ""))).text


@pytest.mark.parametrize("status", [CANCELED, "Rejected", "Pending"])
def test_nothing_is_let_go_that_nobody_agreed_to(status: str) -> None:
    assert told(a_return(unit(), status=status), credited("u1")).actions == ()


# -- verified by a look at Cin7 ---------------------------------------------------------------------------------------


def test_a_restock_left_in_draft_is_looked_at_again_and_then_believed() -> None:
    draft = credited("u1", details={"restock_status": "DRAFT"})
    shown = [a_note(number="CR-1", restock_status=status) for status in ("DRAFT", "AUTHORISED")]
    assert "restock is not authorised" in waiting(told(a_return(unit()), draft, sale=a_sale(notes=shown[:1])))
    the_comment(told(a_return(unit()), draft, sale=a_sale(notes=shown[1:])))


def test_a_restock_that_the_answer_did_not_show_is_looked_up() -> None:
    silent = credited("u1", details={})
    the_comment(told(a_return(unit()), silent, sale=a_sale(notes=[a_note(number="CR-1", restock_status="AUTHORISED")])))


def test_a_restock_taken_back_meanwhile_is_not_counted() -> None:
    gone = told(a_return(unit()), credited("u1", details={}), sale=a_sale(notes=[]))
    assert "restock is not authorised" in waiting(gone)


def test_the_sale_is_not_read_while_anything_else_is_missing() -> None:
    case = a_case(a_return(unit(), unit("u2")), credited("u1", details={}))
    books = FakeBooks()
    decision.gather(case, COMMENT, books)
    assert books.asked == 0


def test_an_adopted_note_counts_once_its_restock_shows() -> None:
    action = AdoptCreditNote(
        key="k",
        sale_id=SALE_ID,
        units=("u1",),
        task_id="task-CR-1",
        number="CR-1",
        net=gbp(30),
        tax=gbp(6),
        gross=gbp(36),
    )
    adopted = credited("u1", details={}, action=action)
    for status, ready in (("AUTHORISED", True), ("DRAFT", False)):
        plan = told(a_return(unit()), adopted, sale=a_sale(notes=[a_note(number="CR-1", restock_status=status)]))
        assert bool(plan.actions) is ready


@pytest.mark.parametrize("owner", [EffectOwner.NATIVE, EffectOwner.NOBODY])
def test_where_the_restock_is_not_ours_the_goods_must_only_be_here(owner: EffectOwner) -> None:
    used = replace(COMMENT, restock_owner=owner)
    the_comment(told(a_return(unit()), placed("", ""), used=used))
    away = a_return(unit(), status=APPROVED, parcel="Shipped")
    assert "not received" in waiting(told(away, placed("", ""), used=used))


# -- facts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["Success", "Requested"])
def test_a_refund_that_already_happened_is_a_fact_and_needs_no_release(status: str) -> None:
    plan = told(a_return(unit(), transactions=(a_refund(status=status),)), credited("u1"))
    assert plan.actions == ()
    assert "nothing to let go" in " ".join(plan.remarks)


def test_a_failed_refund_is_still_owed() -> None:
    the_comment(told(a_return(unit(), transactions=(a_refund(status="Failed"),)), credited("u1")))


def test_one_paid_item_does_not_keep_the_other_from_its_release() -> None:
    ret = a_return(unit(), unit("u2"), transactions=(a_refund(),))
    the_comment(told(ret, credited("u1", "u2")))


def test_a_released_exchange_is_owed_nothing() -> None:
    swap = unit(resolution="InstantVariantExchange")
    for order_id, count in (("", 1), ("9", 0)):
        ret = a_return(swap, exchange_orders=(ExchangeOrder("d1", order_id, "#D1", "Exchange"),))
        assert len(told(ret, credited("u1")).actions) == count


# -- several parcels --------------------------------------------------------------------------------------------------


def test_each_parcel_is_released_by_itself() -> None:
    ret = a_return(
        unit(),
        unit("u2", shipment_id="s2"),
        status=RECEIVED,
        shipments=(Shipment("s1", RECEIVED), Shipment("s2", "Shipped")),
    )
    plan = told(ret, credited("u1"))
    assert [action.units for action in plan.actions] == [("parcel:s1",)]
    assert "not credited" in "; ".join(wait.reason for wait in plan.waits)


def test_our_own_parcel_to_the_shopper_is_none_to_receive() -> None:
    ret = a_return(
        unit(inspection=found_good()), shipments=(Shipment("s1", "Shipped"), Shipment("s9", "Shipped", outbound=True))
    )
    assert [a.shipment_id for a in told(ret, credited("u1"), used=PARCEL).actions] == ["s1"]  # type: ignore[union-attr]


def test_an_item_without_a_parcel_number_belongs_to_the_only_parcel() -> None:
    ret = a_return(unit(), unit("u2", shipment_id=""))
    assert "not credited" in waiting(told(ret, credited("u1")))
    assert the_comment(told(ret, credited("u1", "u2"))).units == ("parcel:s1",)
