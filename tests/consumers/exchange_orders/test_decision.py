"""When an exchange waits, when it is released, and what a person hears meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from consumers.exchange_orders import decision
from schemas.actions import CommentOnReturn
from schemas.concerns import Concern, ConcernType, Owner, owner_of
from schemas.effects import EffectState
from schemas.returns import APPROVED, CANCELED, DONE, PENDING, RECEIVED, REJECTED, VALIDATED, ExchangeItem, Return
from schemas.sales import AUTHORISED, VOIDED, Sale
from schemas.terms import EffectOwner, Gate
from tests.consumers.builders import (
    CREATED,
    MAIN,
    NOW,
    a_fulfilment,
    a_line,
    a_pick,
    a_return,
    a_unit,
    an_approved_return,
    found_faulty,
    found_good,
    gbp,
    not_found,
    some_terms,
)
from tests.consumers.exchange_orders.exchange_stories import (
    CREDITED_AT,
    a_draft,
    a_payment,
    a_swap,
    an_exchange,
    an_order,
    credited,
    done_kinds,
    on_shelf,
    performed,
    raised,
    the_records,
    the_release,
    watched,
)

T = ConcernType
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
RELEASE: dict[str, Any] = {"release_exchanges": True}


# -- who is listened to -----------------------------------------------------------------------------------------------


def test_a_return_with_an_exchange_is_heard_and_a_plain_refund_is_not() -> None:
    assert decision.hears(an_exchange(), some_terms())
    assert not decision.hears(a_return(), some_terms())


def test_a_product_exchange_named_only_on_the_return_is_heard() -> None:
    told = a_return(exchange_items=(ExchangeItem("TEE-BLK-L", "v", 1),))
    assert decision.hears(told, some_terms())


def test_a_fee_order_is_no_exchange() -> None:
    assert not decision.hears(a_return(exchange_orders=(an_order(kind="Fee"),)), some_terms())


def test_nothing_is_done_for_a_return_made_before_go_live() -> None:
    old = an_exchange(created_at=CREATED - 90 * DAY)
    assert watched(old, credited()).refusal.startswith("before go-live")
    assert "no go-live date" in watched(go_live=None).refusal


def test_an_exchange_that_is_not_approved_waits_quietly() -> None:
    plan = watched(an_exchange(status=PENDING))
    assert (plan.actions, raised(plan), len(plan.waits)) == ((), {}, 1)


# -- what it waits for ------------------------------------------------------------------------------------------------


def test_an_exchange_waits_for_the_returned_item() -> None:
    on_its_way = an_approved_return(a_swap(), exchange_orders=(an_order(),))
    plan = watched(on_its_way, now=CREATED + 6 * DAY)
    assert "TEE-BLK-M is not received yet" in plan.waits[0].reason
    assert raised(plan) == {}


def test_after_a_week_without_the_item_customer_experience_is_told_with_age_and_value() -> None:
    on_its_way = an_approved_return(a_swap(), exchange_orders=(an_order(),))
    stuck = raised(watched(on_its_way, now=CREATED + 8 * DAY))[T.EXCHANGE_DRAFT_STUCK]
    assert owner_of(stuck.kind) is Owner.CUSTOMER_EXPERIENCE
    assert "has waited 8 days" in stuck.cause
    assert (stuck.money, stuck.units, stuck.details["reason"]) == (gbp(36), ("u1",), "item")


def test_an_item_missing_from_an_inspected_parcel_is_told_at_once() -> None:
    told = an_exchange(a_swap(inspection=not_found()))
    stuck = raised(watched(told, now=CREATED + HOUR))[T.EXCHANGE_DRAFT_STUCK]
    assert "was not in it" in stuck.cause


def test_an_exchange_waits_for_inspection_only_where_the_gate_asks_for_one() -> None:
    received = an_exchange(status=RECEIVED)
    held = watched(received, credited(), gate=Gate.INSPECTED, now=CREATED + DAY)
    free = watched(received, credited(), gate=Gate.RECEIVED, now=CREATED + DAY)
    assert "not inspected yet" in held.waits[0].reason
    assert done_kinds(held) == []
    assert done_kinds(free) == ["CommentOnReturn"]


def test_an_inspected_exchange_passes_the_inspection_gate_even_when_faulty() -> None:
    told = an_exchange(a_swap(inspection=found_faulty()))
    assert done_kinds(watched(told, credited(), gate=Gate.INSPECTED)) == ["CommentOnReturn"]


def test_an_exchange_waits_for_its_credit_note() -> None:
    plan = watched(now=CREATED + 2 * HOUR)
    assert "credit note for TEE-BLK-M is not made yet" in plan.waits[0].reason
    assert (plan.actions, raised(plan)) == ((), {})


def test_a_credit_note_that_is_only_planned_does_not_release() -> None:
    assert done_kinds(watched(None, replace(credited(), state=EffectState.SENDING))) == []


def test_the_credit_note_of_another_unit_does_not_release() -> None:
    assert done_kinds(watched(None, credited("u9"))) == []


def test_where_nobody_makes_credit_notes_the_exchange_does_not_wait_for_one() -> None:
    plan = watched(credit_note_owner=EffectOwner.NOBODY)
    assert done_kinds(plan) == ["CommentOnReturn"]


def test_a_kept_item_is_not_waited_for() -> None:
    kept = an_approved_return(a_swap(method="No shipment required"), exchange_orders=(an_order(),))
    plan = watched(kept, credited())
    assert "nothing must be sent back" in plan.actions[0].text  # type: ignore[union-attr]


def test_a_refunded_unit_of_the_same_return_does_not_hold_up_the_exchange() -> None:
    other = a_unit("u2", resolution="RefundToPaymentMethod", inspection=not_found())
    assert done_kinds(watched(an_exchange(a_swap(), other), credited())) == ["CommentOnReturn"]


# -- payment ----------------------------------------------------------------------------------------------------------


def test_an_open_invoice_holds_the_exchange_and_becomes_an_exception_after_three_days() -> None:
    told = an_exchange(transactions=(a_payment(),))
    early = watched(told, credited(), now=CREATED + 2 * DAY)
    late = watched(told, credited(), now=CREATED + 3 * DAY)
    assert (done_kinds(early), raised(early)) == ([], {})
    assert "has not paid 18.00 GBP" in raised(late)[T.EXCHANGE_UNPAID].cause


def test_a_failed_payment_is_no_payment() -> None:
    told = an_exchange(transactions=(a_payment("Failed"),))
    assert done_kinds(watched(told, credited(), **RELEASE, sale=a_draft())) == []


def test_a_paid_upsell_may_go() -> None:
    dearer = an_exchange(a_swap(price="54"), transactions=(a_payment("Success"),))
    assert done_kinds(watched(dearer, credited())) == ["CommentOnReturn"]


def test_a_dearer_item_without_any_payment_is_unpaid() -> None:
    plan = watched(an_exchange(a_swap(price="54")), credited())
    assert "18.00 GBP more" in raised(plan)[T.EXCHANGE_UNPAID].cause
    assert plan.actions == ()


def test_a_payment_of_too_little_leaves_the_rest_unpaid() -> None:
    dearer = an_exchange(a_swap(price="54"), transactions=(a_payment("Success", "10"),))
    assert "8.00 GBP more" in raised(watched(dearer, credited()))[T.EXCHANGE_UNPAID].cause


def test_an_order_released_by_the_portal_is_not_asked_for_a_price_difference_again() -> None:
    dearer = an_exchange(a_swap(price="54"), order=an_order(released=True))
    plan = watched(dearer, credited(), sale=a_draft(reference="#1044"))
    assert T.EXCHANGE_UNPAID not in raised(plan)


def test_a_cheaper_exchange_owes_nothing() -> None:
    assert done_kinds(watched(an_exchange(a_swap(price="20")), credited())) == ["CommentOnReturn"]


def test_accepting_the_unpaid_invoice_lets_the_exchange_go() -> None:
    told = an_exchange(transactions=(a_payment(),))
    assert done_kinds(watched(told, credited(), accepted=frozenset({T.EXCHANGE_UNPAID}))) == ["CommentOnReturn"]


def test_item_and_payment_are_both_named_while_both_lack() -> None:
    told = an_approved_return(a_swap(), exchange_orders=(an_order(),), transactions=(a_payment(),))
    plan = watched(told)
    assert set(raised(plan)) == {T.EXCHANGE_DRAFT_STUCK, T.EXCHANGE_UNPAID}
    assert len(plan.waits) == 2


# -- stock ------------------------------------------------------------------------------------------------------------


def test_available_decides_and_not_what_is_on_hand() -> None:
    plan = watched(None, credited(), sale=a_draft(), stock=(on_shelf("0"),), **RELEASE)
    short = raised(plan)[T.EXCHANGE_OUT_OF_STOCK]
    assert "TEE-BLK-L: 0 of 1" in short.cause
    assert plan.actions == ()


def test_stock_at_another_location_does_not_serve_the_order() -> None:
    plan = watched(None, credited(), sale=a_draft(), stock=(on_shelf("9", location="Outlet"),), **RELEASE)
    assert T.EXCHANGE_OUT_OF_STOCK in raised(plan)


def test_two_of_a_kind_need_two_available() -> None:
    two = a_draft(order_lines=(a_line("TEE-BLK-L", 2, "30"),))
    assert T.EXCHANGE_OUT_OF_STOCK in raised(watched(None, credited(), sale=two, stock=(on_shelf("1"),)))
    assert T.EXCHANGE_OUT_OF_STOCK not in raised(watched(None, credited(), sale=two, stock=(on_shelf("2"),)))


def test_a_drop_shipped_line_needs_no_stock() -> None:
    far = a_draft(order_lines=(a_line("TEE-BLK-L", drop_ship=True),))
    assert done_kinds(watched(None, credited(), sale=far, stock=(on_shelf("0"),))) == ["CommentOnReturn"]


def test_a_service_on_the_order_needs_no_stock() -> None:
    wrapped = a_draft(order_lines=(a_line("TEE-BLK-L"), a_line("GIFT-WRAP")))
    assert T.EXCHANGE_OUT_OF_STOCK in raised(watched(None, credited(), sale=wrapped))
    assert done_kinds(watched(None, credited(), sale=wrapped, services={"GIFT-WRAP"})) == ["CommentOnReturn"]


def test_a_learned_alias_finds_the_stock_of_what_the_portal_promises() -> None:
    plan = watched(None, credited(), stock=(on_shelf(sku="TEE-L"),), aliases={"TEE-BLK-L": "TEE-L"})
    assert done_kinds(plan) == ["CommentOnReturn"]


def test_accepting_the_shortage_releases_with_a_back_order() -> None:
    short = (on_shelf("0"),)
    plan = watched(
        None, credited(), sale=a_draft(), stock=short, accepted=frozenset({T.EXCHANGE_OUT_OF_STOCK}), **RELEASE
    )
    assert "AuthoriseOrder" in done_kinds(plan)


def test_stock_is_not_asked_for_while_something_else_is_missing() -> None:
    facts_plan = watched(None, sale=a_draft(), stock=(on_shelf("0"),))
    assert T.EXCHANGE_OUT_OF_STOCK not in raised(facts_plan)


def test_without_a_cin7_order_the_stock_of_what_the_portal_promises_is_checked() -> None:
    assert T.EXCHANGE_OUT_OF_STOCK in raised(watched(None, credited(), stock=(on_shelf("0"),)))
    aliased = watched(None, credited(), stock=(on_shelf(sku="TEE-L"),), sku_aliases={"TEE-BLK-L": "TEE-L"})
    assert T.EXCHANGE_OUT_OF_STOCK not in raised(aliased)


# -- released by a person ---------------------------------------------------------------------------------------------


def test_without_opt_in_the_exchange_is_only_proposed_once() -> None:
    first = watched(None, credited(), sale=a_draft())
    assert done_kinds(first) == ["CommentOnReturn"]
    again = watched(None, credited(), performed(first.actions[0]), sale=a_draft())
    assert again.actions == ()


def test_the_proposal_names_the_note_and_the_draft_and_no_person() -> None:
    [comment] = watched(None, credited(), sale=a_draft()).actions
    assert isinstance(comment, CommentOnReturn)
    assert comment.text == (
        "Exchange #D26 may be released: the returned goods are in, credited with CR-1, and the new goods are "
        "available. Its Cin7 order SO-77 is still a draft: authorise it there."
    )


def test_the_proposal_does_not_claim_stock_that_was_not_there() -> None:
    accepted = frozenset({T.EXCHANGE_OUT_OF_STOCK})
    [comment] = watched(None, credited(), stock=(on_shelf("0"),), accepted=accepted).actions
    assert isinstance(comment, CommentOnReturn)
    assert "available" not in comment.text


def test_a_day_after_its_conditions_are_met_an_unreleased_exchange_is_stuck() -> None:
    early = watched(None, credited(), sale=a_draft(), now=CREDITED_AT + 23 * HOUR)
    late = watched(None, credited(), sale=a_draft(), now=CREDITED_AT + 24 * HOUR)
    assert raised(early) == {}
    assert "nobody released it" in raised(late)[T.EXCHANGE_DRAFT_STUCK].cause
    assert "SO-77" in raised(late)[T.EXCHANGE_DRAFT_STUCK].next_step


def test_the_next_look_is_when_the_timer_ends() -> None:
    plan = watched(None, credited(), sale=a_draft(), now=CREDITED_AT + 23 * HOUR)
    assert plan.waits[0].look_again == HOUR


def test_the_merchant_sets_the_timer_of_each_reason() -> None:
    plan = watched(None, credited(), sale=a_draft(), now=CREDITED_AT + 2 * HOUR, exchange_timers={"release": 1})
    assert T.EXCHANGE_DRAFT_STUCK in raised(plan)


def test_an_accepted_stuck_draft_is_quiet() -> None:
    plan = watched(None, credited(), sale=a_draft(), accepted=frozenset({T.EXCHANGE_DRAFT_STUCK}))
    assert raised(plan) == {}


# -- released by us ---------------------------------------------------------------------------------------------------


def test_where_the_merchant_opted_in_the_whole_order_is_authorised() -> None:
    draft = a_draft()
    action = the_release(watched(None, credited(), sale=draft, **RELEASE))
    assert (action.lines, action.charges, action.order_total) == (draft.order_lines, draft.order_charges, gbp(36))
    assert action.memo == f"gift wrap {action.marker}"
    assert action.released == ("u1",)


def test_an_order_that_is_not_in_cin7_cannot_be_authorised() -> None:
    assert done_kinds(watched(None, credited(), **RELEASE)) == ["CommentOnReturn"]


def test_a_release_is_planned_once() -> None:
    first = the_release(watched(None, credited(), sale=a_draft(), **RELEASE))
    for state in ("SENDING", "UNCERTAIN", "CONFIRMED", "REJECTED"):
        plan = watched(None, credited(), performed(first, state=state), sale=a_draft(), **RELEASE)
        assert "AuthoriseOrder" not in done_kinds(plan)


def test_a_refused_release_ages_as_released_by_nobody() -> None:
    first = the_release(watched(None, credited(), sale=a_draft(), **RELEASE))
    plan = watched(None, credited(), performed(first, state="REJECTED"), sale=a_draft(), **RELEASE)
    assert T.EXCHANGE_DRAFT_STUCK in raised(plan)


def test_an_order_with_other_goods_than_the_shopper_chose_is_left_to_a_person() -> None:
    other = a_draft(order_lines=(a_line("HOODIE-GRY-L"),))
    plan = watched(None, credited(), sale=other, stock=(on_shelf(sku="HOODIE-GRY-L"),), **RELEASE)
    assert done_kinds(plan) == ["CommentOnReturn"]
    assert "does not hold TEE-BLK-L" in raised(plan)[T.EXCHANGE_DRAFT_STUCK].cause


def test_an_order_without_lines_is_not_authorised() -> None:
    assert done_kinds(watched(None, credited(), sale=a_draft(order_lines=()), **RELEASE)) == ["CommentOnReturn"]


def test_after_the_release_the_order_is_read_back_soon() -> None:
    plan = watched(None, credited(), sale=a_draft(), **RELEASE)
    assert plan.waits[0].look_again <= timedelta(minutes=1)


def test_back_ordered_lines_after_our_release_are_an_exception() -> None:
    ours = performed(the_release(watched(None, credited(), sale=a_draft(), **RELEASE)))
    line = a_line("TEE-BLK-L", price="30", tax="6", back_ordered=Decimal(1))
    plan = watched(None, credited(), ours, sale=a_draft(AUTHORISED, order_lines=(line,)), **RELEASE)
    assert "on back-order: TEE-BLK-L: 1" in raised(plan)[T.EXCHANGE_CHANGED_ON_RELEASE].cause
    assert the_records(plan) == []


def test_a_total_changed_by_automatic_discounts_is_an_exception() -> None:
    ours = performed(the_release(watched(None, credited(), sale=a_draft(), **RELEASE)))
    plan = watched(None, credited(), ours, sale=a_draft(AUTHORISED, order_total=gbp("32.40")), **RELEASE)
    changed = raised(plan)[T.EXCHANGE_CHANGED_ON_RELEASE]
    assert "its total is 32.40 GBP, and was 36.00 GBP before" in changed.cause


def test_the_exception_closes_when_the_back_order_is_gone() -> None:
    ours = performed(the_release(watched(None, credited(), sale=a_draft(), **RELEASE)))
    plan = watched(None, credited(), ours, sale=a_draft(AUTHORISED), **RELEASE)
    assert (raised(plan), len(the_records(plan))) == ({}, 1)


def test_the_moment_of_release_is_that_of_our_own_release_or_when_it_was_first_seen_out_of_draft() -> None:
    ours = performed(the_release(watched(None, credited(), sale=a_draft(), **RELEASE)))
    [by_us] = the_records(watched(None, credited(), ours, sale=a_draft(AUTHORISED), **RELEASE))
    [by_hand] = the_records(watched(None, credited(), sale=a_draft(AUTHORISED), **RELEASE))
    assert (by_us.released, by_hand.released) == ((), ("u1",))


def test_an_order_authorised_by_hand_with_a_back_order_is_out_of_stock() -> None:
    line = a_line("TEE-BLK-L", back_ordered=Decimal(1))
    plan = watched(None, credited(), sale=a_draft(AUTHORISED, order_lines=(line,)))
    assert T.EXCHANGE_OUT_OF_STOCK in raised(plan)


def test_an_even_exchange_reports_that_clearing_ends_at_nothing() -> None:
    plan = watched(None, credited(), sale=a_draft(AUTHORISED))
    [remark] = plan.remarks
    assert "credited 36.00 GBP, new order 36.00 GBP, difference 0.00 GBP" in remark


def test_once_recorded_nothing_is_read_or_said_any_more() -> None:
    [record] = the_records(watched(None, credited(), sale=a_draft(AUTHORISED)))
    plan = watched(None, credited(), performed(record), sale=Concern(T.ORDER_NOT_FOUND, "must not be read", ""))
    assert (plan.actions, raised(plan), plan.waits) == ((), {}, ())


# -- released before the item came back -------------------------------------------------------------------------------


def shipped_ahead() -> tuple[Return, Sale]:
    told = an_approved_return(a_swap(), exchange_orders=(an_order(released=True),))
    sale = a_draft(AUTHORISED, "#1044", fulfilments=(a_fulfilment(a_pick("TEE-BLK-L")),))
    return told, sale


def test_an_advance_exchange_is_remembered_when_first_seen() -> None:
    told, sale = shipped_ahead()
    plan = watched(told, sale=sale)
    assert len(the_records(plan)) == 2
    assert raised(plan) == {}


def test_goods_that_never_came_back_are_told_before_the_card_authorisation_ends() -> None:
    told, sale = shipped_ahead()
    records = [performed(one, NOW) for one in the_records(watched(told, sale=sale))]
    early = watched(told, *records, sale=sale, now=NOW + 4 * DAY)
    late = watched(told, *records, sale=sale, now=NOW + 5 * DAY)
    assert raised(early) == {}
    overdue = raised(late)[T.ADVANCE_EXCHANGE_OVERDUE]
    assert (overdue.money, "charge the card" in overdue.next_step) == (gbp(36), True)


def test_the_overdue_exception_closes_when_the_goods_arrive() -> None:
    told, sale = shipped_ahead()
    records = [performed(one, NOW) for one in the_records(watched(told, sale=sale))]
    back = an_exchange(order=an_order(released=True))
    plan = watched(back, *records, sale=sale, now=NOW + 9 * DAY)
    assert (raised(plan), plan.waits) == ({}, ())


def test_a_released_order_that_did_not_ship_is_not_overdue() -> None:
    told, _ = shipped_ahead()
    idle = a_draft(AUTHORISED, "#1044")
    records = [performed(one, NOW) for one in the_records(watched(told, sale=idle))]
    assert raised(watched(told, *records, sale=idle, now=NOW + 30 * DAY)) == {}


# -- the portal and Cin7 disagree -------------------------------------------------------------------------------------


def test_a_released_order_that_cin7_does_not_know_is_missed_after_a_day() -> None:
    told = an_exchange(order=an_order(released=True))
    [seen] = the_records(watched(told, credited()))
    assert seen.released == ()
    early = watched(told, credited(), performed(seen, NOW), now=NOW + 23 * HOUR)
    late = watched(told, credited(), performed(seen, NOW), now=NOW + 24 * HOUR)
    assert raised(early) == {}
    assert "#1044" in raised(late)[T.ORDER_NOT_FOUND].next_step


def test_several_sales_that_could_be_the_exchange_stop_it() -> None:
    several = Concern(T.CONSOLIDATED_SALE_AMBIGUOUS, "two sales", "void one")
    plan = watched(None, credited(), sale=several, **RELEASE)
    assert (plan.actions, set(raised(plan))) == ((), {T.CONSOLIDATED_SALE_AMBIGUOUS})


def test_a_voided_exchange_sale_is_told() -> None:
    plan = watched(None, credited(), sale=a_draft(VOIDED, status=VOIDED), **RELEASE)
    assert (plan.actions, set(raised(plan))) == ((), {T.SALE_VOIDED})


@pytest.mark.parametrize("status", [CANCELED, REJECTED])
def test_the_draft_of_a_return_that_is_off_must_be_voided(status: str) -> None:
    plan = watched(an_exchange(status=status), credited(), sale=a_draft(), **RELEASE)
    stuck = raised(plan)[T.EXCHANGE_DRAFT_STUCK]
    assert (plan.actions, stuck.next_step) == ((), "void order SO-77 in Cin7")


def test_goods_sent_for_a_return_that_is_off_are_told_at_once() -> None:
    off = an_approved_return(a_swap(), exchange_orders=(an_order(released=True),), status=CANCELED)
    sale = a_draft(AUTHORISED, "#1044", fulfilments=(a_fulfilment(a_pick("TEE-BLK-L")),))
    assert T.ADVANCE_EXCHANGE_OVERDUE in raised(watched(off, sale=sale))


def test_an_order_the_portal_released_of_a_return_that_is_off_is_told_even_where_cin7_does_not_know_it() -> None:
    off = an_approved_return(a_swap(), exchange_orders=(an_order(released=True),), status=CANCELED)
    assert T.ADVANCE_EXCHANGE_OVERDUE in raised(watched(off))


def test_a_return_that_is_off_and_left_no_draft_is_closed() -> None:
    plan = watched(an_exchange(status=CANCELED))
    assert (plan.actions, plan.waits, raised(plan)) == ((), (), {})


# -- native exchanges -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [RECEIVED, VALIDATED, DONE])
def test_an_exchange_on_the_original_order_is_only_linked(status: str) -> None:
    plan = watched(an_exchange(status=status, exchange_orders=()), credited(), **RELEASE)
    [record] = the_records(plan)
    assert (done_kinds(plan), record.number, record.released) == (["LinkExchangeOrder"], "#1001", ("u1",))


def test_an_exchange_order_named_as_the_original_order_is_native_too() -> None:
    told = an_exchange(order=an_order(name="#1001"))
    assert done_kinds(watched(told, credited(), sale=a_draft(reference="#1001"), **RELEASE)) == ["LinkExchangeOrder"]


def test_before_the_goods_came_a_draft_may_still_be_made() -> None:
    plan = watched(an_exchange(status=APPROVED, exchange_orders=()))
    assert (plan.actions, len(plan.waits)) == ((), 1)


# -- several exchanges of one return ----------------------------------------------------------------------------------


def test_exceptions_of_one_type_over_several_exchanges_become_one() -> None:
    two = an_exchange(exchange_orders=(an_order(), an_order(name="#D27", draft="901")))
    [stuck] = watched(two, credited()).all_concerns()
    assert "#D26" in stuck.cause
    assert "#D27" in stuck.cause
    assert stuck.money == gbp(72)


def test_each_exchange_of_a_return_gets_its_own_comment() -> None:
    two = an_exchange(exchange_orders=(an_order(), an_order(name="#D27", draft="901")))
    assert len({action.key for action in watched(two, credited()).actions}) == 2


def test_the_comment_never_shares_a_unit_with_the_refund_comment_of_the_same_return() -> None:
    [comment] = watched(None, credited()).actions
    assert set(comment.units) & {"u1"} == set()


def test_a_found_good_item_at_the_right_place_needs_no_more() -> None:
    told = an_exchange(a_swap(inspection=found_good(MAIN.name)))
    assert done_kinds(watched(told, credited(), gate=Gate.INSPECTED)) == ["CommentOnReturn"]


def test_an_order_in_a_word_nobody_knows_is_not_taken_for_released() -> None:
    plan = watched(sale=a_draft("SUBMITTED"), release_exchanges=True)
    assert (plan.actions, set(raised(plan))) == ((), {T.UNKNOWN_STATUS})


def test_an_invoice_that_was_taken_back_asks_the_shopper_for_nothing() -> None:
    late = NOW + 30 * DAY
    taken_back, paid = a_payment("Canceled", "10"), a_payment("Success", "10")
    assert T.EXCHANGE_UNPAID not in raised(watched(an_exchange(transactions=(taken_back, paid)), now=late))
    in_no_known_word = a_payment("Settled", "10")
    assert T.EXCHANGE_UNPAID in raised(watched(an_exchange(transactions=(in_no_known_word,)), now=late))
