from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from consumers.case import Case, Plan
from consumers.credit_notes import decision
from schemas.concerns import Concern, ConcernType
from schemas.returns import CANCELED, PENDING, REJECTED, Return
from schemas.terms import EffectOwner, Terms
from tests.consumers.builders import NOW, FakeBooks, a_case, a_return, an_approved_return, done, gbp, some_terms
from tests.consumers.decide import decided, kinds


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        (some_terms(go_live=None), "before go-live"),
        (some_terms(go_live=date(2026, 3, 11)), "before go-live"),
        (some_terms(credit_note_owner=EffectOwner.NOBODY), "nobody"),
    ],
)
def test_what_the_merchant_did_not_ask_for_is_refused(terms: Terms, words: str) -> None:
    plan = decided(terms=terms)
    assert words in plan.refusal
    assert (plan.actions, plan.waits) == ((), ())


def test_the_day_of_go_live_itself_counts_in_the_companys_calendar() -> None:
    ret = a_return(created_at=datetime(2026, 6, 30, 23, 30, tzinfo=UTC))
    assert decided(ret, terms=some_terms(go_live=date(2026, 7, 1))).actions


def test_without_a_creation_date_nothing_is_posted() -> None:
    assert kinds(decided(a_return(created_at=None))) == {ConcernType.SCHEMA_INVALID}


@pytest.mark.parametrize("status", [REJECTED, CANCELED])
def test_an_ended_return_without_credit_is_refused(status: str) -> None:
    assert status in decided(a_return(status=status)).refusal


def test_a_return_cancelled_after_its_credit_note_needs_finance_and_sends_nothing() -> None:
    case = a_case(a_return(status=CANCELED), done("u1", gross=gbp(36)))
    plan = decided(case)
    [concern] = plan.concerns
    assert (plan.actions, plan.refusal) == ((), "")
    assert (concern.kind, concern.money, concern.units) == (ConcernType.CANCELLED_AFTER_CREDIT, gbp(36), ("u1",))
    assert decided(replace(case, accepted=frozenset({concern.kind}))).all_concerns() == ()


def test_a_cancelled_return_waits_while_its_note_may_be_on_its_way() -> None:
    plan = decided(a_case(a_return(status=CANCELED), done("u1", state="UNCERTAIN")))
    assert (plan.refusal, len(plan.waits)) == ("", 1)


def test_a_status_nobody_knows_stops_and_is_told_to_engineering() -> None:
    plan = decided(a_return(status="Escalated"))
    assert (plan.actions, kinds(plan)) == ((), {ConcernType.UNKNOWN_STATUS})


QUIET = [a_return(status=PENDING), an_approved_return()]


@pytest.mark.parametrize("ret", QUIET)
def test_a_return_that_is_not_ready_waits_quietly_and_costs_no_call(ret: Return) -> None:
    books = FakeBooks()
    decision.gather(a_case(ret), some_terms(), books)
    plan = decided(ret)
    assert (books.asked, plan.all_concerns(), len(plan.waits)) == (0, (), 1)


def test_what_is_wrong_with_the_sale_is_passed_on() -> None:
    trouble = Concern(ConcernType.ORDER_NOT_FOUND, "no sale carries #1001", "import the order into Cin7", gbp(36))
    assert decided(sale=trouble).all_concerns() == (trouble,)


def test_a_return_without_units_is_refused() -> None:
    assert "no units" in decided(a_case(replace(a_return(), units=()))).refusal


WAITING: list[Case] = [
    *map(a_case, QUIET),
    a_case(a_return(status="Escalated")),
    a_case(a_return(created_at=None)),
    a_case(a_return(original_order="#9")),
    a_case(a_return(status=CANCELED), done("u1", state="SENDING")),
]


@pytest.mark.parametrize("case", WAITING)
def test_every_wait_says_why_and_looks_again_between_a_minute_and_six_hours(case: Case) -> None:
    plan: Plan = decided(case, now=NOW)
    assert plan.waits
    for wait in plan.waits:
        assert wait.reason
        assert timedelta(minutes=1) <= wait.look_again <= timedelta(hours=6)
        assert wait.concern is None or (wait.concern.cause and wait.concern.next_step and wait.concern.money)


def test_every_return_is_heard_so_that_each_gets_an_answer() -> None:
    assert decision.hears(a_return(), some_terms())
