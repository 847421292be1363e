from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_UP

import pytest

from consumers.shared.line_total_rule import TotalConflict, TotalRule, learn, tax_rounding
from schemas.sales import DocumentLine, TaxRule
from tests.consumers.builders import VAT, a_line, a_sale, an_invoice, d

PLAIN_LINE = a_line("A", 3, "2", tax="0.60", total_="6")
WITH_TAX = a_line("B", 1, "2.50", tax="0.23", total_="2.73")
UNTAXED = a_line("C", 1, "9")


@pytest.mark.parametrize(
    ("lines", "rule"),
    [
        ([PLAIN_LINE], TotalRule.PLAIN),
        ([WITH_TAX], TotalRule.PLUS_TAX),
        ([UNTAXED, WITH_TAX], TotalRule.PLUS_TAX),
        ([UNTAXED], TotalRule.PLAIN),
        ([a_line("D", 10, "82.50", discount="15", tax="140.26", total_="701.30")], TotalRule.PLAIN),
    ],
)
def test_the_sales_own_taxed_lines_say_whether_a_total_holds_tax(lines: list[DocumentLine], rule: TotalRule) -> None:
    assert learn(a_sale(an_invoice(*lines))) is rule


def test_a_sale_without_tax_takes_the_rule_learned_elsewhere() -> None:
    assert learn(a_sale(an_invoice(UNTAXED)), "plus_tax") is TotalRule.PLUS_TAX


def test_a_tax_inclusive_total_never_gets_tax_on_top() -> None:
    sale = a_sale(an_invoice(UNTAXED), tax_inclusive=True)
    assert learn(sale, "plus_tax") is TotalRule.PLAIN


@pytest.mark.parametrize("lines", [[PLAIN_LINE, WITH_TAX], [a_line("X", 1, "10", tax="2", total_="11")]])
def test_lines_that_contradict_each_other_or_fit_no_rule_are_a_conflict(lines: list[DocumentLine]) -> None:
    assert isinstance(learn(a_sale(an_invoice(*lines))), TotalConflict)


@pytest.mark.parametrize(("tax", "rounding"), [("1826.0869", ROUND_DOWN), ("1826.0870", ROUND_HALF_UP)])
def test_whether_tax_is_cut_or_rounded_is_read_off_an_invoice_line(tax: str, rounding: str) -> None:
    sale = a_sale(an_invoice(a_line(price="14000", tax=tax)), tax_inclusive=True)
    assert tax_rounding(sale, {VAT: TaxRule(VAT, d(15), active=True, for_sale=True)}, TotalRule.PLAIN) == rounding
