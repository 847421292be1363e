from __future__ import annotations

from decimal import ROUND_DOWN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.credit_notes.entitlement import Figures, NotEnoughLeftError, note_lines, share_of
from consumers.shared.line_total_rule import TotalRule, formula
from tests.consumers.builders import a_line, d

NONE = Figures(d(0), d(0), d(0))


def sold(quantity: int, extended: str, tax: str = "0") -> Figures:
    return Figures(d(quantity), d(extended), d(tax))


def credited(line: Figures, split: list[int]) -> list[Figures]:
    left, shares = line, []
    for count in split:
        share = share_of(line, left, count)
        left -= share
        shares.append(share)
    return shares


def test_a_full_return_of_a_discounted_inclusive_line_gives_the_invoiced_179_25_and_not_a_penny_more() -> None:
    line = sold(10, "179.25", "29.875")
    assert share_of(line, line, 10) == line


def test_a_discounted_inclusive_line_returned_piece_by_piece_still_adds_up_to_179_25() -> None:
    shares = credited(sold(10, "179.25", "29.875"), [1] * 10)
    assert sum(share.extended for share in shares) == d("179.25")
    assert {share.extended for share in shares} == {d("17.925")}


def test_a_price_of_9_99_stored_as_8_33_and_1_67_is_capped_at_what_the_invoice_holds() -> None:
    line = sold(1, "8.33", "1.67")
    assert share_of(line, line, 1).gross(inclusive=False) == d("10.00")


def test_three_pieces_of_9_99_credited_one_by_one_leave_no_residue_in_tax() -> None:
    shares = credited(sold(3, "24.98", "5.00"), [1, 1, 1])
    assert [share.tax for share in shares] == [d("1.6667"), d("1.6667"), d("1.6666")]
    assert sum(share.extended for share in shares) == d("24.98")


def test_a_line_rounded_up_to_701_30_is_credited_up_to_701_30_whatever_the_discount_formula_says() -> None:
    shares = credited(sold(10, "701.30"), [3, 3, 3, 1])
    assert [share.extended for share in shares] == [d("210.39"), d("210.39"), d("210.39"), d("70.13")]


def test_lines_of_a_rounded_up_invoice_are_written_with_net_prices_that_cin7_accepts() -> None:
    source = a_line(quantity=10, price="82.50", discount="15", total_="701.30")
    [line] = note_lines(source, sold(10, "701.30"), TotalRule.PLAIN)
    assert (line.price.amount, line.discount, line.total.amount) == (d("70.13"), d(0), d("701.30"))


def test_a_share_the_formula_gives_keeps_the_invoice_price_and_discount() -> None:
    source = a_line(quantity=10, price="23.90", discount="25")
    [line] = note_lines(source, sold(4, "71.70", "11.95"), TotalRule.PLAIN)
    assert (line.price, line.discount, line.quantity) == (source.price, d(25), d(4))


def test_a_price_that_only_rounding_would_give_is_written_net() -> None:
    source = a_line(quantity=3, price="0.3333", discount="50", total_="0.5000")
    [line] = note_lines(source, sold(1, "0.1667"), TotalRule.PLAIN)
    assert (line.price.amount, line.discount) == (d("0.1667"), d(0))


def test_a_share_no_single_price_can_give_becomes_two_lines_a_ten_thousandth_apart() -> None:
    lines = note_lines(a_line(quantity=3, price="10"), sold(3, "10.0000", "2.0000"), TotalRule.PLAIN)
    assert [(line.quantity, line.price.amount) for line in lines] == [(d(2), d("3.3333")), (d(1), d("3.3334"))]


def test_a_total_that_includes_tax_is_written_with_tax() -> None:
    [line] = note_lines(a_line(price="2.50"), sold(1, "2.50", "0.23"), TotalRule.PLUS_TAX)
    assert line.total.amount == d("2.73")


def test_tax_of_a_part_is_cut_where_the_company_cuts_it() -> None:
    line = sold(3, "14000", "1826.0869")
    assert share_of(line, line, 1, tax_rounding=ROUND_DOWN).tax == d("608.6956")


def test_more_pieces_than_are_left_are_refused() -> None:
    with pytest.raises(NotEnoughLeftError, match="2 pieces asked, 1 left"):
        share_of(sold(3, "30"), sold(1, "10"), 2)


def test_what_somebody_else_credited_too_high_is_not_credited_again() -> None:
    with pytest.raises(NotEnoughLeftError, match="asked"):
        share_of(sold(2, "20"), sold(1, "5"), 1)


def test_what_somebody_else_credited_too_low_does_not_raise_the_next_share() -> None:
    assert share_of(sold(2, "20"), sold(1, "15"), 1).extended == d("10")


def test_a_foreign_note_rounded_to_the_coin_is_no_reason_to_stop() -> None:
    assert share_of(sold(3, "10"), sold(2, "6.67"), 2).extended == d("6.67")


money = st.integers(0, 10**8).map(lambda n: Decimal(n).scaleb(-4))
splits = st.lists(st.integers(1, 9), min_size=1, max_size=8)


@given(extended=money, tax=money, split=splits)
def test_any_split_into_partial_returns_adds_up_to_the_invoice_line_exactly(
    extended: Decimal, tax: Decimal, split: list[int]
) -> None:
    line = Figures(d(sum(split)), extended, tax)
    left = line
    for share in credited(line, split):
        left -= share
    assert left == NONE


@given(extended=money, tax=money, split=splits)
def test_no_step_of_any_split_credits_more_than_is_left(extended: Decimal, tax: Decimal, split: list[int]) -> None:
    line = Figures(d(sum(split)), extended, tax)
    left = line
    for share in credited(line, split):
        left -= share
        assert min(left.extended, left.tax, share.extended, share.tax) >= 0


@given(
    price=money,
    discount=st.integers(0, 10000).map(lambda n: Decimal(n).scaleb(-2)),
    share=st.builds(Figures, st.integers(1, 500).map(Decimal), money, money),
    rule=st.sampled_from(TotalRule),
)
def test_every_credit_line_obeys_the_total_formula_and_together_they_give_the_share(
    price: Decimal, discount: Decimal, share: Figures, rule: TotalRule
) -> None:
    lines = note_lines(a_line(quantity=1, price=str(price), discount=str(discount)), share, rule)
    for line in lines:
        tax = line.tax.amount if rule is TotalRule.PLUS_TAX else 0
        assert line.total.amount - tax == formula(line.quantity, line.price.amount, line.discount)
    assert sum(line.quantity for line in lines) == share.quantity
    assert sum(line.tax.amount for line in lines) == share.tax
    carried = share.tax if rule is TotalRule.PLUS_TAX else 0
    assert sum(line.total.amount for line in lines) == share.extended + carried
