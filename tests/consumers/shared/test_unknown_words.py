"""A word nobody knows is neither "fine" nor "not yet": it stops, or it is told, and no check falls silent for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from consumers.case import Case, Plan
from consumers.refunds import decision as refunds_consumer
from consumers.stock_adjustments import decision
from schemas.concerns import ConcernType
from schemas.returns import CANCELED, DONE, FAILED, REQUESTED, Shipment, Transaction
from schemas.sales import Sale
from schemas.terms import EffectOwner, RefundRelease, Terms
from tests.consumers.builders import (
    CREATED,
    NOW,
    FakeBooks,
    a_case,
    a_fulfilment,
    a_note,
    a_return,
    a_sale,
    a_unit,
    an_invoice,
    gbp,
    some_terms,
)
from tests.consumers.credit_notes.money_stories import a_refund, money_terms, posted, taken
from tests.consumers.decide import decided, kinds, the_note

UNKNOWN = ConcernType.UNKNOWN_STATUS
NOTE = the_note(decided())
CREDITED = a_sale(notes=[posted(NOTE)])


def paid(*rows: Transaction, **more: Any) -> Case:
    """A return that is done, its one unit of 36.00 not credited yet."""
    return a_case(a_return(status=DONE, parcel="Received", transactions=rows), **more)


def credited(*rows: Transaction, **more: Any) -> Case:
    """The same with its note over 36.00."""
    return paid(*rows, effects=(taken(NOTE, confirmed_at=NOW - timedelta(hours=1)),), **more)


def money_plan(case: Case, terms: Terms | None = None, sale: Sale | None = None) -> Plan:
    """What the refunds consumer makes of it."""
    used, books = terms or money_terms(), FakeBooks(sale=sale or CREDITED)
    return refunds_consumer.plan(case, refunds_consumer.gather(case, used, books), used, NOW)


# -- transactions -----------------------------------------------------------------------------------------------------

GONE = [CANCELED, FAILED, "Settled", "Reversed"]


@pytest.mark.parametrize("word", GONE)
def test_a_refund_that_is_not_on_its_way_never_silences_the_one_that_went_out(word: str) -> None:
    rows = (a_refund("36", "u1", status=word), a_refund("46", "u1", number="t2"))
    before = decided(paid(*rows), terms=money_terms())
    assert (before.actions, kinds(before)) == ((), {ConcernType.AMOUNT_MISMATCH})
    [concern] = decided(credited(*rows), CREDITED, money_terms()).all_concerns()
    assert (concern.kind, concern.money) == (ConcernType.AMOUNT_MISMATCH, gbp(10))


def test_too_much_is_told_although_another_refund_is_still_on_its_way() -> None:
    rows = (a_refund("46", "u1"), a_refund("36", "u1", number="t2", status=REQUESTED))
    [concern] = decided(credited(*rows), CREDITED, money_terms()).all_concerns()
    assert (concern.kind, concern.money) == (ConcernType.AMOUNT_MISMATCH, gbp(10))


def test_too_little_is_not_told_while_the_rest_is_on_its_way() -> None:
    rows = (a_refund("20", "u1"), a_refund("16", "u1", number="t2", status=REQUESTED))
    assert decided(credited(*rows), CREDITED, money_terms()).all_concerns() == ()


def test_too_little_is_told_where_the_rest_was_cancelled() -> None:
    rows = (a_refund("20", "u1"), a_refund("16", "u1", number="t2", status=CANCELED))
    assert kinds(decided(credited(*rows), CREDITED, money_terms())) == {ConcernType.AMOUNT_MISMATCH}


@pytest.mark.parametrize("change", [{"status": "Settled"}, {"kind": "Payout"}, {"kind": "RefundFee"}, {"status": ""}])
def test_money_in_words_nobody_knows_is_told_with_its_amount(change: dict[str, str]) -> None:
    [wait] = [
        w for w in money_plan(paid(a_refund("46", "u1", **change))).waits if w.concern and w.concern.kind is UNKNOWN
    ]
    assert wait.concern is not None
    assert (wait.concern.money, wait.concern.units) == (gbp(46), ("u1",))
    assert all(repr(word) in wait.concern.cause for word in change.values())


def test_a_person_accepts_money_in_unknown_words() -> None:
    case = paid(a_refund("46", "u1", status="Settled"), accepted=frozenset({UNKNOWN}))
    assert UNKNOWN not in kinds(money_plan(case))


def test_money_in_words_we_know_is_not_told() -> None:
    rows = (a_refund("36", "u1"), a_refund("36", "u1", number="t2", status=FAILED))
    assert UNKNOWN not in kinds(money_plan(paid(*rows)))


def test_a_refund_of_a_kind_of_its_own_counts_as_money_out() -> None:
    rows = (a_refund("36", "u1"), a_refund("10", "u1", number="t2", kind="CompensationRefund"))
    [concern] = decided(credited(*rows), CREDITED, money_terms()).all_concerns()
    assert (concern.kind, concern.money) == (ConcernType.AMOUNT_MISMATCH, gbp(10))


def test_a_cancelled_refund_is_no_failure_to_repeat() -> None:
    assert ConcernType.REFUND_FAILED not in kinds(money_plan(paid(a_refund("36", "u1", status=CANCELED))))


def test_the_refund_is_not_let_go_while_nobody_knows_whether_it_went() -> None:
    terms = replace(money_terms(), refund_release=RefundRelease.COMMENT)
    ret = a_return(transactions=(a_refund("36", "u1", status="Settled"),))
    case = a_case(ret, taken(NOTE, details={"restock_status": "AUTHORISED"}))
    assert money_plan(case, terms).actions == ()
    known = replace(case, ret=replace(ret, transactions=(a_refund("36", "u1", status=CANCELED),)))
    assert len(money_plan(known, terms).actions) == 1


def hanging(*, hours: int, amount: str = "36") -> Transaction:
    """Asked for so long ago, and neither out nor failed."""
    return a_refund(amount, "u1", number="t9", status=REQUESTED, updated_at=NOW - timedelta(hours=hours))


@pytest.mark.parametrize(("hours", "told"), [(71, False), (73, True)])
def test_the_rest_of_a_refund_that_never_moves_is_told(hours: int, told: bool) -> None:
    plan = money_plan(credited(a_refund("20", "u1", updated_at=NOW), hanging(hours=hours, amount="16")))
    assert (ConcernType.CREDITED_NOT_REFUNDED in kinds(plan)) is told


def test_a_refund_that_hangs_is_not_told_once_the_shopper_has_the_whole_money_by_another() -> None:
    plan = money_plan(credited(a_refund("36", "u1", updated_at=NOW), hanging(hours=1000)))
    assert plan.all_concerns() == ()


def test_a_refund_of_several_units_that_is_short_hides_no_hanging_rest() -> None:
    two = a_case(a_return(a_unit(), a_unit("u2"), transactions=(a_refund("60", "u1", "u2"), hanging(hours=73))))
    assert ConcernType.REFUND_FAILED in kinds(money_plan(two))


@pytest.mark.parametrize(("hours", "told"), [(71, False), (73, True)])
def test_a_refund_asked_for_that_never_moves_is_told_before_any_credit(hours: int, told: bool) -> None:
    case = paid(hanging(hours=hours))
    plan = money_plan(replace(case, ret=replace(case.ret, shipments=(Shipment("s1", "Shipped"),))))
    assert (ConcernType.REFUND_FAILED in kinds(plan)) is told


def test_a_refund_that_hangs_is_told_once() -> None:
    case = replace(credited(hanging(hours=100)), effects=(taken(NOTE, confirmed_at=NOW - timedelta(hours=100)),))
    [concern] = [c for c in money_plan(case).all_concerns() if c.kind is ConcernType.CREDITED_NOT_REFUNDED]
    assert concern.money == gbp(36)


# -- the sale and its documents ---------------------------------------------------------------------------------------

STRANGE: list[Sale] = [
    a_sale(kind="Subscription Sale"),
    a_sale(status="ARCHIVED"),
    a_sale(order_status="SUBMITTED"),
    a_sale(an_invoice(status="POSTED")),
    a_sale(an_invoice(), an_invoice(number="INV-2", status="FINALISED")),
    a_sale(notes=[a_note(status="APPROVED")]),
    a_sale(notes=[a_note(number="", status="SUBMITTED")]),
    a_sale(fulfilments=(replace(a_fulfilment(), status="SPLIT"),)),
    a_sale(fulfilments=(replace(a_fulfilment(), ship_status="EN ROUTE"),)),
]


@pytest.mark.parametrize("sale", STRANGE)
def test_a_sale_in_words_nobody_knows_stops_its_credit_and_is_told(sale: Sale) -> None:
    plan = decided(sale=sale)
    assert (plan.actions, kinds(plan)) == ((), {UNKNOWN})


def test_a_channels_note_in_words_nobody_knows_is_not_waited_for_in_silence() -> None:
    terms = some_terms(credit_note_owner=EffectOwner.NATIVE)
    plan = decided(sale=a_sale(notes=[a_note(status="APPROVED")]), terms=terms)
    assert (plan.actions, kinds(plan)) == ((), {UNKNOWN})


def test_a_person_accepts_the_sales_words_and_the_credit_goes_on() -> None:
    case = a_case(a_return(), accepted=frozenset({UNKNOWN}))
    assert len(decided(case, a_sale(status="ARCHIVED")).actions) == 1
    # An invoice is still credited only where it is known to be authorised.
    assert kinds(decided(case, a_sale(an_invoice(status="POSTED")))) == {ConcernType.INVOICE_NOT_AUTHORISED}


def test_money_that_no_item_explains_is_not_posted_on_such_a_sale() -> None:
    case = credited(a_refund("46", "u1"), accepted=frozenset({ConcernType.AMOUNT_MISMATCH}))
    plan = decided(case, replace(CREDITED, status="ARCHIVED"), money_terms())
    assert (plan.actions, kinds(plan)) == ((), {UNKNOWN})


def test_a_refund_is_not_recorded_on_a_note_in_words_nobody_knows() -> None:
    terms = replace(money_terms(), refund_owner=EffectOwner.RETURNLINE, refund_accounts={"card": "712"})
    sale = a_sale(notes=[replace(posted(NOTE), status="APPROVED")])
    plan = money_plan(credited(a_refund("36", "u1", created_at=CREATED)), terms, sale)
    assert [action for action in plan.actions if type(action).__name__ == "RecordRefund"] == []
    assert UNKNOWN in kinds(plan)


# -- goods ------------------------------------------------------------------------------------------------------------


def test_a_parcel_in_words_nobody_knows_is_not_merely_on_its_way() -> None:
    plan = decided(a_return(status="Approved", parcel="Lost at Sea"))
    assert (plan.actions, kinds(plan)) == ((), {UNKNOWN})


def test_an_outbound_parcel_does_not_matter() -> None:
    ret = a_return(status="Approved", parcel="Shipped")
    ret = replace(ret, shipments=(*ret.shipments, Shipment("s9", "Lost at Sea", outbound=True)))
    assert decided(ret).all_concerns() == ()


def test_a_restock_in_words_nobody_knows_is_not_in_stock() -> None:
    case = a_case(a_return(a_unit()), taken(NOTE, details={"restock_status": "PENDING REVIEW"}))
    books, terms = FakeBooks(sale=CREDITED), some_terms()
    plan = decision.plan(case, decision.gather(case, terms, books), terms, NOW)
    assert UNKNOWN in kinds(plan)
    shown = a_sale(notes=[replace(posted(NOTE), task_id=case.effects[0].reference, restock_status="AUTHORISED")])
    books = FakeBooks(sale=shown)
    plan = decision.plan(case, decision.gather(case, terms, books), terms, NOW)
    assert UNKNOWN not in kinds(plan)
