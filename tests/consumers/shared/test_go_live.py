"""Go-live is one rule: every consumer, gap and report answers the same for the same return."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.case import Case, Plan
from consumers.consumer import Consumer
from consumers.roster import ROSTER
from schemas.actions import AuthoriseOrder
from schemas.concerns import ConcernType
from schemas.go_live import GoLive, standing, zone_named
from schemas.returns import Return
from schemas.terms import EffectOwner, Terms
from tests.consumers.builders import NOW, FakeBooks, a_return, a_unit, some_terms
from tests.consumers.exchange_orders.exchange_stories import a_draft, an_exchange, credited, on_shelf
from tests.consumers.stock_adjustments.goods import credited as goods_credited
from tests.consumers.stock_adjustments.goods import damage_terms
from tests.consumers.stock_adjustments.goods import on_shelf as in_the_cage

HEARERS = [consumer for consumer in ROSTER if consumer.hears(an_exchange(), some_terms())]
EVERY = pytest.mark.parametrize("consumer", HEARERS, ids=lambda consumer: consumer.name)
#: Half past eleven in the evening in UTC is already the next day in London in June.
EVENING, LONDON_DAY = datetime(2026, 6, 30, 23, 30, tzinfo=UTC), date(2026, 7, 1)


def planned(consumer: Consumer, ret: Return, terms: Terms, *effects: object, books: FakeBooks | None = None) -> Plan:
    case = Case("alder", ret, effects, first_seen=NOW)  # type: ignore[arg-type]
    asked = books or FakeBooks(exchange=a_draft(), stock=(on_shelf(),))
    plan: Plan = consumer.plan(case, consumer.gather(case, terms, asked), terms, NOW)
    return plan


def test_all_consumers_of_returns_are_asked() -> None:
    assert {consumer.name for consumer in HEARERS} == {
        "credit-notes",
        "stock-adjustments",
        "refunds",
        "exchange-orders",
    }


@EVERY
def test_before_go_live_every_consumer_refuses(consumer: Consumer) -> None:
    plan = planned(consumer, an_exchange(created_at=EVENING), some_terms(go_live=date(2026, 7, 2)), credited())
    assert plan.refusal == "before go-live: created 2026-07-01, go-live is 2026-07-02"
    assert (plan.actions, plan.all_concerns()) == ((), ())


@EVERY
def test_the_go_live_day_itself_is_a_day_of_the_companys_calendar_for_every_consumer(consumer: Consumer) -> None:
    plan = planned(consumer, an_exchange(created_at=EVENING), some_terms(go_live=LONDON_DAY), credited())
    assert "go-live" not in plan.refusal


@EVERY
def test_without_a_go_live_date_every_consumer_refuses(consumer: Consumer) -> None:
    assert "no go-live date" in planned(consumer, an_exchange(), some_terms(go_live=None), credited()).refusal


@EVERY
def test_a_return_without_a_creation_date_is_held_by_every_consumer(consumer: Consumer) -> None:
    plan = planned(consumer, an_exchange(created_at=None), some_terms(release_exchanges=True), credited())
    assert (plan.actions, plan.refusal) == ((), "")
    assert ["no creation date" in wait.reason for wait in plan.waits] == [True]


def test_a_return_without_a_creation_date_is_told_by_one_exception_with_its_money() -> None:
    told = [c for one in HEARERS for c in planned(one, an_exchange(created_at=None), some_terms()).all_concerns()]
    assert [(concern.kind, concern.money is not None) for concern in told] == [(ConcernType.SCHEMA_INVALID, True)]


def test_it_is_told_even_where_nobody_makes_credit_notes() -> None:
    terms = some_terms(credit_note_owner=EffectOwner.NOBODY)
    assert planned(HEARERS[0], a_return(created_at=None), terms).all_concerns()


def test_a_return_without_a_creation_date_never_reaches_the_release_of_its_exchange() -> None:
    exchanges = next(one for one in HEARERS if one.name == "exchange-orders")
    terms, ret = some_terms(release_exchanges=True), an_exchange()
    live = planned(exchanges, ret, terms, credited())
    assert any(isinstance(action, AuthoriseOrder) for action in live.actions), "the story must be one that is released"
    assert planned(exchanges, replace(ret, created_at=None), terms, credited()).actions == ()


def test_goods_of_a_return_from_before_go_live_are_not_moved() -> None:
    stock = next(one for one in HEARERS if one.name == "stock-adjustments")
    case = goods_credited(a_return(a_unit(reason="Faulty")))
    for go_live, moved in ((date(2026, 2, 1), 1), (date(2026, 12, 1), 0)):
        terms, books = damage_terms(go_live=go_live), FakeBooks(stock=(in_the_cage(),))
        plan: Plan = stock.plan(case, stock.gather(case, terms, books), terms, NOW)
        assert len(plan.actions) >= moved if moved else plan.actions == ()


@given(
    day=st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    at=st.times(),
    shift=st.integers(-12, 14),
    go_live=st.dates(date(2020, 1, 1), date(2030, 1, 1)),
)
def test_the_rule_depends_on_the_local_day_alone(day: date, at: time, shift: int, go_live: date) -> None:
    zone = timezone(timedelta(hours=shift))
    moment = datetime.combine(day, at, zone)
    assert (standing(moment.astimezone(UTC), go_live, zone) is GoLive.LIVE) == (day >= go_live)


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../etc/passwd", "(UTC+01:00) Somewhere"])
def test_a_time_zone_that_nobody_knows_is_utc(name: str) -> None:
    assert zone_named(name) is UTC
