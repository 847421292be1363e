"""Which refund becomes a payment on which note, and what stops it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.case import Case, Done, Plan
from consumers.refunds import decision
from consumers.refunds.payments import Share, filled
from schemas.actions import AdoptCreditNote, PostCreditNote, RecordRefund, UnitGoods, marker
from schemas.concerns import ConcernType
from schemas.effects import EffectState
from schemas.money import Money
from schemas.returns import REFUND, STORE_CREDIT, Transaction
from schemas.sales import ZERO_GUID, CreditNote, Payment, Sale
from schemas.terms import EffectOwner, Terms
from tests.consumers.builders import (
    NOW,
    SALE_ID,
    FakeBooks,
    a_case,
    a_line,
    a_note,
    a_return,
    a_sale,
    a_tenant,
    a_unit,
    d,
    gbp,
    some_terms,
)

K = ConcernType
PAID_AT = NOW - timedelta(hours=2)


def a_refund(
    number: str = "7001", amount: str = "36", *units: str, status: str = "Success", **more: Any
) -> Transaction:
    money = more.pop("money", gbp(amount))
    return Transaction(
        **{
            "transaction_id": number,
            "kind": REFUND,
            "status": status,
            "amount": money,
            "unit_ids": units or ("u1",),
            "created_at": PAID_AT,
            "updated_at": PAID_AT,
            "shop_amount": money,
            "processor": "Shopify",
            **more,
        }
    )


def credited(*units: str, number: str = "CR-1", each: str = "36", currency: str = "GBP", **more: Any) -> Done:
    """Our own confirmed note, 36.00 for each unit, restocked."""
    goods = tuple(UnitGoods(u, Money(d(each), currency), "restock", "loc-main") for u in units)
    gross = Money(d(each) * len(units), currency)
    action = PostCreditNote(
        key=f"alder:RMA1001:credit:{','.join(units)}",
        sale_id=SALE_ID,
        units=units,
        task_id=ZERO_GUID,
        simple=False,
        invoice_number="INV-1",
        memo="",
        noted_on=date(2026, 3, 19),
        rate=d("1"),
        lines=(),
        charges=(),
        restock=(),
        net=gross,
        tax=gross * 0,
        gross=gross,
        goods=goods,
        fees_withheld=more.pop("fees_withheld", None),
    )
    return Done(
        **{
            "key": action.key,
            "kind": "credit",
            "state": EffectState.CONFIRMED,
            "units": units,
            "reference": f"task-{number}",
            "number": number,
            "gross": gross,
            "details": {"restock_status": "AUTHORISED"},
            "action": action,
            "confirmed_at": NOW - timedelta(hours=1),
            **more,
        }
    )


def shown(total: str = "36", *paid: Payment, number: str = "CR-1", **more: Any) -> CreditNote:
    """The note as the sale shows it, tax included."""
    currency = more.pop("currency", "GBP")
    line = a_line(price=total, currency=currency)
    return a_note(line, number=number, inclusive=True, refunds=paid, **more)


def a_payment(amount: str = "36", reference: str = "by hand") -> Payment:
    return Payment("pay-1", "Refund", reference, gbp(amount), date(2026, 3, 20), "712", d(1))


def terms(**more: Any) -> Terms:
    accounts = {"card": "712", "store_credit": "850"}
    return some_terms(**{"refund_owner": EffectOwner.RETURNLINE, "refund_accounts": accounts, **more})


def decided(case: Case, sale: Sale | None = None, used: Terms | None = None, now: datetime = NOW, **books: Any) -> Plan:
    asked = FakeBooks(sale=sale or a_sale(notes=[shown()]), **books)
    rules = used or terms()
    return decision.plan(case, decision.gather(case, rules, asked), rules, now)


def a_paid_case(
    *effects: Done, units: Sequence[str] = ("u1",), refunds_: Sequence[Transaction] = (), **more: Any
) -> Case:
    ret = a_return(*(a_unit(u, resolution=REFUND) for u in units), transactions=tuple(refunds_) or (a_refund(),))
    return a_case(ret, *(effects or (credited("u1"),)), **more)


def payments(plan: Plan) -> list[RecordRefund]:
    return [action for action in plan.actions if isinstance(action, RecordRefund)]


def kinds(plan: Plan) -> set[ConcernType]:
    return {concern.kind for concern in plan.all_concerns()}


def the_payment(plan: Plan) -> RecordRefund:
    [action] = payments(plan)
    assert kinds(plan) == set()
    return action


# -- what is recorded -------------------------------------------------------------------------------------------------


def test_a_refund_is_recorded_on_the_note_of_its_items() -> None:
    action = the_payment(decided(a_paid_case()))
    assert (action.task_id, action.amount, action.account, action.rate) == ("task-CR-1", gbp("36"), "712", d(1))
    assert (action.units, action.settles, action.sale_id) == (("tx:7001",), ("u1",), SALE_ID)


def test_the_reference_names_our_mark_the_transaction_and_the_platforms_refund() -> None:
    case = a_paid_case(refunds_=[a_refund(reference="880077", reference_kind="PlatformRefundId")])
    action = the_payment(decided(case))
    assert action.reference == f"{marker(action.key)} refund 7001 880077"


@pytest.mark.parametrize("owner", [EffectOwner.NOBODY, EffectOwner.NATIVE])
def test_nothing_is_recorded_where_somebody_else_owns_refund_payments(owner: EffectOwner) -> None:
    assert payments(decided(a_paid_case(), used=terms(refund_owner=owner))) == []


def test_only_success_is_money_out() -> None:
    for status in ("Requested", "Failed"):
        assert payments(decided(a_paid_case(refunds_=[a_refund(status=status)]))) == []


def test_a_payment_by_the_shopper_is_no_refund() -> None:
    assert payments(decided(a_paid_case(refunds_=[a_refund(kind="InvoicePayment")]))) == []


def test_money_waits_until_every_item_it_pays_back_is_credited() -> None:
    case = a_paid_case(units=("u1", "u2"), refunds_=[a_refund("7001", "72", "u1", "u2")])
    assert payments(decided(case)) == []


def test_a_note_that_is_not_confirmed_is_no_note() -> None:
    assert payments(decided(a_paid_case(credited("u1", state="UNCERTAIN")))) == []


def test_an_adopted_note_is_paid_like_our_own() -> None:
    adopted = AdoptCreditNote(
        key="k",
        sale_id=SALE_ID,
        units=("u1",),
        task_id="task-CR-1",
        number="CR-1",
        net=gbp(30),
        tax=gbp(6),
        gross=gbp(36),
    )
    action = the_payment(decided(a_paid_case(replace(credited("u1"), action=adopted))))
    assert (action.task_id, action.amount) == ("task-CR-1", gbp("36"))


def test_two_refunds_of_one_item_are_two_payments_on_two_accounts() -> None:
    legs = [a_refund("1", "30"), a_refund("2", "6", kind=STORE_CREDIT)]
    found = payments(decided(a_paid_case(refunds_=legs)))
    assert [(a.amount, a.account, a.units) for a in found] == [
        (gbp("30"), "712", ("tx:1",)),
        (gbp("6"), "850", ("tx:2",)),
    ]


def test_a_refund_over_two_notes_is_split_by_their_goods() -> None:
    case = a_paid_case(
        credited("u1"),
        credited("u2", number="CR-2", each="24"),
        units=("u1", "u2"),
        refunds_=[a_refund("7001", "60", "u1", "u2")],
    )
    found = payments(decided(case, a_sale(notes=[shown(), shown("24", number="CR-2")])))
    assert [(a.task_id, a.amount, a.settles) for a in found] == [
        ("task-CR-1", gbp("36"), ("u1",)),
        ("task-CR-2", gbp("24"), ("u2",)),
    ]
    assert len({a.key for a in found}) == 2


def test_the_part_of_a_split_refund_that_is_left_is_recorded_without_the_other() -> None:
    first, second = credited("u1"), credited("u2", number="CR-2")
    bill = [a_refund("7001", "72", "u1", "u2")]
    sale = a_sale(notes=[shown(), shown(number="CR-2")])
    both = payments(decided(a_paid_case(first, second, units=("u1", "u2"), refunds_=bill), sale))
    case = a_paid_case(first, second, a_recorded(both[0]), units=("u1", "u2"), refunds_=bill)
    assert payments(decided(case, sale)) == [both[1]]


def a_recorded(action: RecordRefund, state: str = EffectState.CONFIRMED) -> Done:
    return Done(key=action.key, kind="refund", state=EffectState(state), units=action.units, action=action)


def test_money_beside_the_items_goes_to_the_note_made_for_it() -> None:
    """The credit decision makes a note of its own for money above the items; its unit is the transaction."""
    gap = credited("tx:7001", number="CR-2", each="10")
    case = a_paid_case(credited("u1"), gap, refunds_=[a_refund("7001", "46")])
    found = payments(decided(case, a_sale(notes=[shown(), shown("10", number="CR-2")])))
    assert sorted((a.task_id, a.amount.amount) for a in found) == [("task-CR-1", d(36)), ("task-CR-2", d(10))]


def test_a_refund_without_items_is_recorded_on_what_the_return_has_open() -> None:
    case = a_paid_case(refunds_=[replace(a_refund(), unit_ids=())])
    assert the_payment(decided(case)).amount == gbp("36")


@pytest.mark.parametrize("state", ["CONFIRMED", "UNCERTAIN", "SENDING", "REJECTED", "DISCARDED"])
def test_a_refund_is_never_planned_beside_an_effect_of_the_same_transaction(state: str) -> None:
    action = the_payment(decided(a_paid_case()))
    again = decided(a_paid_case(credited("u1"), a_recorded(action, state)))
    assert payments(again) == []


def test_a_settled_return_costs_no_call() -> None:
    action = the_payment(decided(a_paid_case()))
    books = FakeBooks(sale=a_sale(notes=[shown()]))
    decision.gather(a_paid_case(credited("u1"), a_recorded(action)), terms(), books)
    assert books.asked == 0


def test_a_refund_recorded_whole_asks_nothing_about_the_other_notes_of_the_return() -> None:
    bill, both = [replace(a_refund(), unit_ids=())], (credited("u1"), credited("u2", number="CR-2"))
    sale = a_sale(notes=[shown(), shown(number="CR-2")])
    action = the_payment(decided(a_paid_case(*both, units=("u1", "u2"), refunds_=bill), sale))
    books = FakeBooks(sale=sale)
    decision.gather(a_paid_case(*both, a_recorded(action), units=("u1", "u2"), refunds_=bill), terms(), books)
    assert books.asked == 0


# -- accounts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("refund", "accounts", "code"),
    [
        (a_refund(), {"card": "712"}, "712"),
        (a_refund(), {"card": "712", "shopify": "714"}, "714"),
        (a_refund(), {REFUND: "713"}, "713"),
        (a_refund(processor="Stripe"), {"Shopify": "714", "Stripe": "715"}, "715"),
        (a_refund(kind=STORE_CREDIT), {"Shopify": "714", "store_credit": "850"}, "850"),
        (a_refund(kind="RefundToBankAccount"), {"bank": "120"}, "120"),
        (a_refund(kind="RefundToGiftCard"), {"gift_card": "851"}, "851"),
    ],
)
def test_the_account_follows_the_way_of_the_money(refund: Transaction, accounts: dict[str, str], code: str) -> None:
    plan = decided(a_paid_case(refunds_=[refund]), used=terms(refund_accounts=accounts))
    assert the_payment(plan).account == code


@pytest.mark.parametrize("kind", [STORE_CREDIT, "RefundToBankAccount", "RefundToSomethingNew"])
def test_other_money_never_lands_in_the_cards_clearing_account(kind: str) -> None:
    plan = decided(
        a_paid_case(refunds_=[a_refund(kind=kind)]), used=terms(refund_accounts={"card": "1", "Shopify": "2"})
    )
    assert payments(plan) == []
    assert kinds(plan) == {K.REFUND_ACCOUNT_UNMAPPED}


@pytest.mark.parametrize("flaw", [{"active": False}, {"for_payments": False}])
def test_an_account_that_takes_no_payments_is_named_before_cin7_refuses_it(flaw: dict[str, bool]) -> None:
    class Chart(FakeBooks):
        def account(self, code: str) -> Any:
            return replace(super().account(code), **flaw)  # type: ignore[type-var]

    case, asked = a_paid_case(), Chart(sale=a_sale(notes=[shown()]))
    plan = decision.plan(case, decision.gather(case, terms(), asked), terms(), NOW)
    assert kinds(plan) == {K.REFUND_ACCOUNT_UNMAPPED}


# -- amounts ----------------------------------------------------------------------------------------------------------


def test_more_than_the_note_has_open_is_never_recorded() -> None:
    plan = decided(a_paid_case(refunds_=[a_refund(amount="36.01")]))
    assert payments(plan) == []
    [concern] = plan.all_concerns()
    assert (concern.kind, concern.details) == (K.AMOUNT_MISMATCH, {"refund": "36.01", "open": "36.00"})
    assert concern.money == gbp("36.01")


def test_an_accepted_difference_records_what_is_open_and_says_the_rest() -> None:
    case = a_paid_case(refunds_=[a_refund(amount="40")], accepted=frozenset({K.AMOUNT_MISMATCH}))
    plan = decided(case)
    assert the_payment(plan).amount == gbp("36")
    assert any("4.00 GBP" in remark for remark in plan.remarks)


def test_a_payment_made_by_hand_takes_from_what_is_open() -> None:
    plan = decided(a_paid_case(), a_sale(notes=[shown("36", a_payment("36"))]))
    assert payments(plan) == []
    assert "36.00 GBP is already recorded" in plan.all_concerns()[0].cause


def test_a_payment_by_others_that_names_this_refund_is_enough() -> None:
    plan = decided(a_paid_case(), a_sale(notes=[shown("36", a_payment("36", "Shopify refund 7001"))]))
    assert (payments(plan), kinds(plan)) == ([], set())
    assert plan.remarks


def test_our_own_payment_that_the_ledger_lost_is_planned_again_to_be_found() -> None:
    action = the_payment(decided(a_paid_case()))
    sale = a_sale(notes=[shown("36", a_payment("36", action.reference))])
    assert payments(decided(a_paid_case(), sale)) == [action]


def test_a_payment_on_its_way_is_reserved() -> None:
    bill = [a_refund("1", "36"), a_refund("2", "36")]
    first = payments(decided(a_paid_case(refunds_=bill[:1])))[0]
    plan = decided(a_paid_case(credited("u1"), a_recorded(first, "UNCERTAIN"), refunds_=bill))
    assert (payments(plan), kinds(plan)) == ([], {K.AMOUNT_MISMATCH})


def test_two_refunds_in_one_plan_share_what_is_open() -> None:
    plan = decided(a_paid_case(refunds_=[a_refund("1", "36"), a_refund("2", "36")]))
    assert [a.units for a in payments(plan)] == [("tx:1",)]
    assert kinds(plan) == {K.AMOUNT_MISMATCH}


def test_a_fee_kept_beside_the_note_stays_on_its_balance() -> None:
    note = credited("u1", fees_withheld=gbp("5"))
    assert the_payment(decided(a_paid_case(note, refunds_=[a_refund(amount="31")]))).amount == gbp("31")
    assert kinds(decided(a_paid_case(note))) == {K.AMOUNT_MISMATCH}


@pytest.mark.parametrize("notes", [[], [shown(status="VOIDED")], [shown(status="DRAFT")]])
def test_a_note_taken_back_by_hand_gets_no_payment(notes: list[CreditNote]) -> None:
    plan = decided(a_paid_case(), a_sale(notes=notes))
    assert (payments(plan), kinds(plan)) == ([], {K.CN_DRIFT})


def test_a_lookalike_amount_with_three_places_is_not_rounded_silently() -> None:
    plan = decided(a_paid_case(refunds_=[a_refund(amount="35.999")]))
    assert (payments(plan), kinds(plan)) == ([], {K.AMOUNT_MISMATCH})


# -- currency and day -------------------------------------------------------------------------------------------------


def in_euros(shop: Money | None) -> Plan:
    bill = a_refund(money=Money(d("85"), "EUR"), shop_amount=shop)
    note = shown("85", currency="EUR", rate=d("1.18"))
    sale = a_sale(notes=[note], currency="EUR", rate=d("1.18"))
    return decided(a_paid_case(credited("u1", each="85", currency="EUR"), refunds_=[bill]), sale)


def test_the_rate_is_that_of_the_refund_itself_so_that_the_difference_is_realised() -> None:
    assert the_payment(in_euros(Money(d("109.65"), "GBP"))).rate == d("1.29")


@pytest.mark.parametrize("shop", [None, Money(d("99"), "USD")])
def test_a_refund_without_a_rate_to_the_base_currency_takes_the_notes(shop: Money | None) -> None:
    plan = in_euros(shop)
    assert the_payment(plan).rate == d("1.18")
    assert any("names no rate" in remark for remark in plan.remarks)


def test_a_refund_told_in_the_shoppers_money_is_recorded_in_the_sales() -> None:
    bill = a_refund(money=Money(d("42.50"), "EUR"), shop_amount=gbp("36"))
    action = the_payment(decided(a_paid_case(refunds_=[bill])))
    assert (action.amount, action.rate) == (gbp("36"), d(1))


def test_a_currency_that_the_sale_does_not_know_goes_to_a_person() -> None:
    bill = a_refund(money=Money(d("42.50"), "EUR"))
    assert kinds(decided(a_paid_case(refunds_=[bill]))) == {K.CURRENCY_MISMATCH}


def test_the_payment_is_dated_by_the_companys_calendar() -> None:
    late = a_refund(updated_at=datetime(2026, 6, 30, 23, 30, tzinfo=UTC))
    plan = decided(a_paid_case(refunds_=[late]), now=datetime(2026, 7, 1, 9, tzinfo=UTC))
    assert payments(plan)[0].paid_on == date(2026, 7, 1)


def test_a_day_in_a_locked_period_moves_to_the_first_open_one() -> None:
    plan = decided(a_paid_case(), company=a_tenant(lock_date=date(2026, 3, 31)))
    assert the_payment(plan).paid_on == date(2026, 4, 1)
    assert any("2026-03-20" in remark for remark in plan.remarks)


# -- before anything --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("go_live", [None, date(2026, 3, 11)])
def test_nothing_is_done_for_a_return_before_go_live(go_live: date | None) -> None:
    plan = decided(a_paid_case(), used=terms(go_live=go_live))
    assert plan.actions == ()
    assert "go-live" in plan.refusal


def test_money_is_recorded_also_when_the_return_is_cancelled_afterwards() -> None:
    case = a_paid_case()
    plan = decided(replace(case, ret=replace(case.ret, status="Canceled")))
    assert payments(plan)


def test_amounts_stay_exact() -> None:
    assert isinstance(the_payment(decided(a_paid_case())).amount.amount, Decimal)


# -- what a person accepted -------------------------------------------------------------------------------------------


def test_what_a_person_recorded_by_hand_is_let_be() -> None:
    bill = a_refund(money=Money(d("42.50"), "EUR"))
    plan = decided(a_paid_case(refunds_=[bill], accepted=frozenset({K.CURRENCY_MISMATCH})))
    assert (plan.actions, plan.waits) == ((), ())
    assert "a person accepted that" in plan.remarks[0]


def test_a_note_of_a_converted_sale_is_known_by_its_number_and_paid_once() -> None:
    """Cin7 gives the documents of an advanced sale tasks of their own."""
    sale = a_sale(notes=[shown(task_id="task-other")])
    action = the_payment(decided(a_paid_case(), sale))
    assert action.task_id == "task-other"
    assert payments(decided(a_paid_case(credited("u1"), a_recorded(action)), sale)) == []


# -- any split --------------------------------------------------------------------------------------------------------

CENTS = st.integers(0, 20_000).map(lambda cents: Decimal(cents) / 100)


@given(amount=CENTS, rooms=st.lists(st.tuples(CENTS, CENTS), min_size=1, max_size=5))
def test_any_split_adds_up_and_never_overfills_a_note(amount: Decimal, rooms: list[tuple[Decimal, Decimal]]) -> None:
    note = shown()
    shares = [Share(credited("u1"), note, Money(room, "GBP"), weight, gbp("0")) for room, weight in rooms]
    found, left = filled(Money(amount, "GBP"), shares)
    assert sum((share.amount.amount for share in found), left.amount) == amount
    assert all(0 <= share.amount.amount <= share.open.amount for share in found)
    assert left.amount == max(amount - sum(room for room, _ in rooms), 0)
    assert all(share.amount.amount == share.amount.amount.quantize(d("0.01")) for share in found)
