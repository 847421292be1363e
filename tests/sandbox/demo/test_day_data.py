"""A demo day as data: always the same for a seed, with every case that must be in it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.books import building, tenant
from sandbox.books.ledger import DEFAULT_RULES, Books
from sandbox.books.sales import document_totals
from sandbox.demo.day import make_day
from sandbox.demo.day.arithmetic import entitlements, invoiced, moved_accounts, moved_stock, piece, shipping_of
from sandbox.demo.day.words import ADVANCED, QUARANTINE, SIMPLE, Day, Ending, Sold, Step
from sandbox.demo.play import sale_form

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def forty() -> Day:
    return make_day(40, 7)


def test_the_same_seed_gives_the_same_day_and_another_seed_another() -> None:
    assert make_day(40, 7) == make_day(40, 7)
    assert make_day(40, 7) != make_day(40, 8)


@pytest.mark.parametrize("returns", [1, 2, 5, 14, 40, 130])
def test_a_day_has_as_many_returns_as_asked_and_more_sales(returns: int) -> None:
    day = make_day(returns, 3)
    assert len(day.returns) == returns
    assert len(day.sales) > len({one.order_name for one in day.returns})
    assert len({one.name for one in day.returns}) == returns


def test_a_day_without_returns_is_refused() -> None:
    with pytest.raises(ValueError, match="returns: a day needs at least 1"):
        make_day(0, 1)


def test_a_short_day_keeps_the_telling_cases_before_ordinary_ones() -> None:
    names = [one.name for one in make_day(6, 1).returns]
    told = ["plain", "draft invoice", "imported again", "simple first", "simple second"]
    assert names == [*told, "ended unseen"]


def test_the_day_sells_with_tax_inside_and_on_top_at_mixed_rates_discounted_and_abroad() -> None:
    sales = {one.name: forty().sale(one.order_name) for one in forty().returns}
    assert {sale.tax_inclusive for sale in sales.values()} == {True, False}
    assert len({line.tax_rule for line in sales["mixed rates"].lines}) == 3
    assert sales["discount"].lines[0].discount > 0
    assert sales["euro"].currency == "EUR"
    assert sales["euro"].rate != 1
    assert (sales["simple second"].kind, sales["advanced second"].kind) == (SIMPLE, ADVANCED)
    assert sales["draft invoice"].invoice == "DRAFT"


def test_the_day_has_every_trouble_a_webhook_can_have() -> None:
    manners = [one.manner for one in forty().returns]
    assert any(manner.duplicated for manner in manners)
    assert any(manner.reordered for manner in manners)
    assert any(manner.payload_form == "bare" for manner in manners)
    assert any(manner.lost for manner in manners)
    assert [step.do for step in forty().steps].count("stray") == 1


def test_the_day_has_a_timeout_after_commit_a_burst_of_5xx_and_a_throttle() -> None:
    kinds = Counter(step.body["kind"] for step in forty().steps if step.do == "fault")
    assert kinds["timeout_after"] == kinds["status_after"] == kinds["throttle"] == 1
    assert kinds["status_before"] == 3


def test_the_day_has_an_outage_of_writes_that_outlasts_two_sends_of_one_note() -> None:
    (rule,) = (step.body for step in forty().steps if step.do == "fault" and "lasts" in step.body)
    assert (rule["method"], rule["kind"], rule["form"]) == ("writes", "status_before", "html")
    assert rule["lasts"] >= 15


def test_returns_end_credited_waiting_or_with_nothing_to_do() -> None:
    endings = {one.ending for one in forty().returns}
    assert endings == {Ending.CREDITED, Ending.WAITS, Ending.NOTHING}
    assert all(one.waits_for for one in forty().returns if one.ending is Ending.WAITS)


def test_steps_are_in_order_of_time_and_every_return_has_its_own() -> None:
    day = forty()
    assert [step.at for step in day.steps] == sorted(step.at for step in day.steps)
    for one in day.returns:
        assert _life(day, one.name) in (
            ["request", "approve", "receive"],
            ["request", "approve", "receive", "refund"],
            ["request", "approve", "refund", "receive"],
            ["credit natively", "request", "approve", "receive"],
            ["request", "draft order", "receive"],
            ["request", "approve", "cancel"],
            ["arrive at once"],
            ["end unseen"],
        )


def _life(day: Day, name: str) -> list[str]:
    helped = {"authorise-invoice", "convert-to-advanced", "import again"}
    steps: list[Step] = [step for step in day.steps if step.name == name and step.do not in helped]
    return [step.do for step in steps]


def test_help_comes_only_after_the_exception_that_asks_for_it() -> None:
    help_ = {step.do: step for step in forty().steps if step.do in ("authorise-invoice", "convert-to-advanced")}
    assert {step.until.concern for step in help_.values() if step.until} == {
        "INVOICE_NOT_AUTHORISED",
        "SIMPLE_SALE_ALREADY_CREDITED",
    }


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_no_sale_gives_back_more_than_it_took(seed: int) -> None:
    day = make_day(30, seed)
    due: Counter[str] = Counter()
    for one in day.returns:
        for back in one.back:
            due[f"{one.order_name}/{back.line}"] += back.quantity
    sold = {f"{s.order_name}/{n}": line.quantity for s in day.sales for n, line in enumerate(s.lines)}
    assert all(count <= sold[place] for place, count in due.items())


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_what_the_accounts_must_move_by_is_balanced(seed: int) -> None:
    costs = {line.sku: Decimal("7.77") for sale in make_day(30, seed).sales for line in sale.lines}
    assert sum(moved_accounts(make_day(30, seed), costs).values()) == 0


def test_every_line_is_invoiced_as_the_practice_books_do() -> None:
    day = make_day(60, 5)
    books = Books(1, DEFAULT_RULES)
    tenant.set_up(books, tenant.default_tenant())
    for sale in day.sales:
        built = building.build_sale(books, sale_form(sale) | {"ship": False, "invoice_status": "AUTHORISED"}, NOW)
        own = sum((invoiced(line, inclusive=sale.tax_inclusive) for line in sale.lines), shipping_of(sale))
        made = built.invoices[0]
        totals = document_totals([*made.lines, *made.charges], inclusive=sale.tax_inclusive)
        assert totals == (own.net, own.tax, own.gross)


def test_two_returns_of_one_line_share_it_to_the_last_fraction() -> None:
    due = entitlements(forty())
    both = due["advanced first"].total + due["advanced second"].total
    assert both == invoiced(forty().sale("#1004").lines[0], inclusive=True)


def test_a_fee_is_taken_off_the_credit_and_off_the_refund() -> None:
    due = entitlements(forty())["fee"]
    assert (due.total.gross, due.fees.gross, due.refunds) == (Decimal(24), Decimal(6), {"712": Decimal(24)})


def test_shipping_given_back_is_in_the_credit_and_in_the_refund() -> None:
    due = entitlements(forty())["shipping of many"]
    assert (due.total.gross, due.shipping.gross) == (Decimal("604.80"), Decimal("4.80"))
    assert due.refunds == {"712": Decimal("604.80")}


def test_written_off_pieces_are_restocked_and_gone_again() -> None:
    assert entitlements(forty())["damaged"].pieces == {("JEANS-32", QUARANTINE): 1}
    assert entitlements(forty())["damaged"].written_off == {"JEANS-32": 1}
    assert ("JEANS-32", QUARANTINE) not in moved_stock(forty())


def test_every_shop_of_the_day_has_terms_of_its_own() -> None:
    assert forty().shops == ("alder", "birch", "cedar")
    assert make_day(2, 1).shops == ("alder",)


def test_what_a_return_must_end_with_follows_from_its_shop_and_its_goods() -> None:
    effects = {one.name: one.effects for one in forty().returns}
    assert effects["damaged"] == {"credit", "comment", "write-off"}
    assert effects["store credit"] == {"credit", "comment", "refund"}
    assert effects["shipping of many"] == {"credit", "refund"}
    assert effects["exchange"] == {"credit", "authorise"}
    assert effects["native"] == effects["batch first"] == {"credit"}
    assert effects["cancelled"] == frozenset()


def test_the_period_is_locked_after_everything_else_and_the_last_return_comes_after_it() -> None:
    kinds = {step.do: step.until.kind for step in forty().steps if step.until and "lock" in f"{step.do}{step.name}"}
    assert kinds == {"lock the period": "others", "request": "locked"}


def test_faulty_pieces_are_expected_in_quarantine() -> None:
    assert entitlements(forty())["faulty"].pieces == {("DRESS-BLU", QUARANTINE): 2}


def test_waiting_and_cancelled_returns_are_entitled_to_nothing_yet() -> None:
    assert {"unknown SKU", "overpaid", "cancelled"}.isdisjoint(entitlements(forty()))


def test_the_portal_says_what_one_piece_cost_to_the_cent() -> None:
    assert piece(Sold("SOCK-3PK", 3, Decimal("12.99")), inclusive=True) == (Decimal("12.99"), Decimal("2.17"))
    assert piece(Sold("JEANS-32", 2, Decimal(89), discount=Decimal(15)), inclusive=False) == (
        Decimal("75.65"),
        Decimal("15.13"),
    )
