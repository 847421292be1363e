"""What ages: quiet until the merchant's threshold, then an exception that closes with the facts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from consumers.case import Plan
from schemas.concerns import ConcernType
from schemas.returns import CANCELED, DONE, NO_SHIPMENT, REFUND, REJECTED, Transaction
from schemas.terms import EffectOwner, Gate
from tests.consumers.builders import (
    CREATED,
    NOW,
    a_case,
    a_return,
    a_unit,
    an_approved_return,
    found_good,
    gbp,
    not_found,
    some_terms,
)
from tests.consumers.refunds.test_decision import a_refund, credited, decided, kinds

K = ConcernType
HOUR = timedelta(hours=1)
#: Refund payments are somebody else's here: the gaps age all the same.
TERMS = some_terms()


def aged(ret: Any, *effects: Any, used: Any = TERMS, now: Any = NOW, **more: Any) -> Plan:
    return decided(a_case(ret, *effects, first_seen=CREATED, **more), used=used, now=now)


def wanting(**more: Any) -> Any:
    """A unit whose shopper wants the money back."""
    return a_unit(resolution=REFUND, **more)


def paid(hours: float, **more: Any) -> Transaction:
    return a_refund(updated_at=NOW - hours * HOUR, **more)


# -- credited, not refunded -------------------------------------------------------------------------------------------


def test_a_credit_without_its_refund_is_quiet_for_three_days() -> None:
    plan = aged(a_return(wanting()), credited("u1", confirmed_at=NOW - 71 * HOUR))
    assert kinds(plan) == set()
    assert [wait.look_again for wait in plan.waits] == [HOUR]


def test_a_credit_without_its_refund_for_three_days_is_an_exception() -> None:
    [concern] = aged(a_return(wanting()), credited("u1", confirmed_at=NOW - 72 * HOUR)).all_concerns()
    assert (concern.kind, concern.money, concern.units) == (K.CREDITED_NOT_REFUNDED, gbp("36"), ("u1",))
    assert concern.details["since"] == (NOW - 72 * HOUR).isoformat()


def test_a_refund_that_is_only_requested_ages_too() -> None:
    ret = a_return(wanting(), transactions=(a_refund(status="Requested"),))
    [concern] = aged(ret, credited("u1", confirmed_at=NOW - 80 * HOUR)).all_concerns()
    assert concern.kind is K.CREDITED_NOT_REFUNDED
    assert "asked for" in concern.cause


def test_the_merchant_sets_the_threshold() -> None:
    used = some_terms(thresholds={"CREDITED_NOT_REFUNDED": 2})
    plan = aged(a_return(wanting()), credited("u1", confirmed_at=NOW - 2 * HOUR), used=used)
    assert kinds(plan) == {K.CREDITED_NOT_REFUNDED}


def test_success_closes_the_gap() -> None:
    ret = a_return(wanting(), transactions=(paid(1),))
    assert aged(ret, credited("u1", confirmed_at=NOW - 80 * HOUR)).waits == ()


@pytest.mark.parametrize("resolution", ["InstantVariantExchange", "", "ManualExchange"])
def test_no_refund_is_expected_for_what_was_exchanged(resolution: str) -> None:
    ret = a_return(a_unit(resolution=resolution))
    assert aged(ret, credited("u1", confirmed_at=NOW - 99 * HOUR)).waits == ()


def test_a_free_item_is_owed_nothing() -> None:
    assert aged(a_return(wanting()), credited("u1", each="0", confirmed_at=NOW - 99 * HOUR)).waits == ()


def test_an_accepted_gap_is_quiet() -> None:
    case = credited("u1", confirmed_at=NOW - 99 * HOUR)
    assert aged(a_return(wanting()), case, accepted=frozenset({K.CREDITED_NOT_REFUNDED})).waits == ()


def test_many_units_are_one_exception_with_all_their_money() -> None:
    units = [a_unit(u, resolution=REFUND) for u in ("u1", "u2")]
    [concern] = aged(a_return(*units), credited("u1", "u2", confirmed_at=NOW - 99 * HOUR)).all_concerns()
    assert (concern.money, concern.units) == (gbp("72"), ("u1", "u2"))


# -- refunded, not credited -------------------------------------------------------------------------------------------


def test_money_without_a_note_is_an_exception_after_a_day() -> None:
    ret = a_return(wanting(), transactions=(paid(24),))
    [concern] = aged(ret).all_concerns()
    assert (concern.kind, concern.money) == (K.REFUNDED_NOT_CREDITED, gbp("36"))
    assert kinds(aged(ret, now=NOW - HOUR)) == set()


def test_the_note_closes_it() -> None:
    assert aged(a_return(wanting(), transactions=(paid(99),)), credited("u1")).waits == ()


@pytest.mark.parametrize("status", [REJECTED, CANCELED])
def test_money_for_an_ended_return_is_still_money_without_a_note(status: str) -> None:
    ret = an_approved_return(wanting(), status=status, transactions=(paid(30),))
    assert kinds(aged(ret)) == {K.REFUNDED_NOT_CREDITED}


def test_a_refund_without_items_and_without_any_note_is_one_too() -> None:
    ret = a_return(wanting(), transactions=(replace(paid(30), unit_ids=()),))
    [concern] = aged(ret).all_concerns()
    assert (concern.kind, concern.money) == (K.REFUNDED_NOT_CREDITED, gbp("36"))


def test_nobody_misses_a_note_where_credit_notes_are_switched_off() -> None:
    used = some_terms(credit_note_owner=EffectOwner.NOBODY)
    assert aged(a_return(wanting(), transactions=(paid(99),)), used=used).waits == ()


# -- refunded, not received -------------------------------------------------------------------------------------------


def test_money_without_its_goods_is_an_exception_after_two_weeks() -> None:
    ret = an_approved_return(wanting(), transactions=(paid(14 * 24),))
    [concern] = aged(ret, credited("u1")).all_concerns()
    assert (concern.kind, concern.units) == (K.REFUNDED_NOT_RECEIVED, ("u1",))
    assert kinds(aged(ret, credited("u1"), now=NOW - HOUR)) == set()


def test_an_item_that_was_not_in_the_parcel_is_not_received() -> None:
    ret = a_return(wanting(inspection=not_found()), transactions=(paid(15 * 24),))
    assert kinds(aged(ret, credited("u1"))) == {K.REFUNDED_NOT_RECEIVED}


def test_the_parcel_closes_it() -> None:
    ret = a_return(wanting(inspection=found_good()), transactions=(paid(15 * 24),))
    assert aged(ret, credited("u1")).waits == ()


def test_goods_that_the_shopper_keeps_are_not_missed() -> None:
    ret = an_approved_return(wanting(method=NO_SHIPMENT), transactions=(paid(15 * 24),))
    assert aged(ret, credited("u1")).waits == ()


def test_a_return_that_the_credit_decision_already_shouts_about_is_not_shouted_about_twice() -> None:
    ret = an_approved_return(wanting(), status=DONE, transactions=(paid(15 * 24),))
    assert K.REFUNDED_NOT_RECEIVED not in kinds(aged(ret))
    assert K.REFUNDED_NOT_RECEIVED in kinds(aged(ret, used=some_terms(gate=Gate.APPROVED)))


# -- refused by the gateway -------------------------------------------------------------------------------------------


def test_a_failed_refund_is_told_at_once() -> None:
    ret = a_return(wanting(), transactions=(a_refund(status="Failed"),))
    [concern] = aged(ret, credited("u1")).all_concerns()
    assert (concern.kind, concern.money, concern.units) == (K.REFUND_FAILED, gbp("36"), ("u1",))


@pytest.mark.parametrize("status", ["Success", "Requested"])
def test_another_try_for_the_same_item_closes_a_failed_refund(status: str) -> None:
    ret = a_return(wanting(), transactions=(a_refund("1", status="Failed"), a_refund("2", status=status)))
    assert K.REFUND_FAILED not in kinds(aged(ret, credited("u1")))


def test_the_refund_of_another_item_does_not_make_a_failed_one_good() -> None:
    rows = (a_refund("1", status="Failed"), a_refund("2", "36", "u2"))
    ret = a_return(wanting(), a_unit("u2", resolution=REFUND), transactions=rows)
    assert kinds(aged(ret, credited("u1", "u2"))) == {K.REFUND_FAILED}


def test_two_failed_refunds_are_one_exception_of_both_amounts() -> None:
    rows = (a_refund("1", "20", status="Failed"), a_refund("2", "16", status="Failed"))
    [concern] = aged(a_return(wanting(), transactions=rows), credited("u1")).all_concerns()
    assert (concern.kind, concern.money) == (K.REFUND_FAILED, gbp("36"))


def test_a_failed_refund_without_items_needs_a_later_one() -> None:
    failed = replace(a_refund("1", status="Failed"), unit_ids=(), created_at=NOW)
    early, late = a_refund("2", created_at=NOW - HOUR), a_refund("3", created_at=NOW + HOUR)
    for other, kind in ((early, {K.REFUND_FAILED}), (late, set())):
        assert kinds(aged(a_return(wanting(), transactions=(failed, other)), credited("u1"))) == kind


# -- refused by the merchant ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [REJECTED, CANCELED])
def test_received_goods_of_a_refused_return_are_held_for_the_shopper(status: str) -> None:
    plan = aged(a_return(wanting(), status=status))
    [concern] = plan.all_concerns()
    assert (concern.kind, concern.money, concern.units) == (K.REFUND_REFUSED_HOLD, gbp("36"), ("u1",))
    assert plan.actions == ()


def test_reopening_the_return_ends_the_hold() -> None:
    assert aged(a_return(wanting())).waits == ()


def test_a_refused_return_whose_parcel_never_came_is_over() -> None:
    assert aged(an_approved_return(wanting(), status=REJECTED)).waits == ()


def test_goods_that_are_credited_or_paid_are_not_held() -> None:
    assert aged(a_return(wanting(), status=CANCELED), credited("u1", confirmed_at=NOW)).all_concerns() == ()
    paid_for = a_return(wanting(), status=CANCELED, transactions=(paid(1),))
    assert K.REFUND_REFUSED_HOLD not in kinds(aged(paid_for))


# -- refunds that name no item ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("amount", "open_"), [("36", False), ("5", True)])
def test_a_refund_without_items_pays_the_items_only_when_it_is_enough_for_them(amount: str, open_: bool) -> None:
    loose = replace(paid(1, amount=amount), unit_ids=())
    ret = a_return(wanting(), transactions=(loose,))
    found = kinds(aged(ret, credited("u1", confirmed_at=NOW - 99 * HOUR)))
    assert (K.CREDITED_NOT_REFUNDED in found) is open_


def test_fees_kept_count_as_paid_back() -> None:
    loose = replace(paid(1, amount="31"), unit_ids=())
    ret = a_return(wanting(restocking_fee=5), transactions=(loose,))
    assert kinds(aged(ret, credited("u1", confirmed_at=NOW - 99 * HOUR))) == set()
