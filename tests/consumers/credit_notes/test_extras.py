from __future__ import annotations

from dataclasses import replace

from schemas.concerns import ConcernType
from schemas.sales import Sale
from tests.consumers.builders import a_case, a_line, a_return, a_sale, a_tenant, a_unit, an_invoice, d, gbp
from tests.consumers.credit_notes.money_stories import money_terms
from tests.consumers.decide import decided, kinds, the_note

TOTAL = a_tenant(tax_calculation="Total")
#: 0.1980 and 0.1980 of tax row by row; 0.40 over the document.
CHEAP = (a_line("PIN", price="0.99", tax="0.1980"), a_line("PEN", price="0.99", tax="0.1980"))
UNITS = (a_unit("u1", "PIN", "1.19", tax="0.20"), a_unit("u2", "PEN", "1.19", tax="0.20"))


def cheap_sale(tax: str) -> Sale:
    invoice = an_invoice(*CHEAP)
    return a_sale(replace(invoice, tax=gbp(tax), total=gbp("1.98") + gbp(tax)))


def test_row_by_row_the_note_adds_up_its_rows() -> None:
    note = the_note(decided(a_return(*UNITS), cheap_sale("0.396")))
    assert note.tax == gbp("0.3960")


def test_over_the_total_the_note_expects_the_rounding_of_the_invoice() -> None:
    plan = decided(a_return(*UNITS), cheap_sale("0.40"), company=TOTAL)
    assert (the_note(plan).tax, the_note(plan).gross) == (gbp("0.40"), gbp("2.38"))


def test_an_invoice_that_does_not_follow_the_rule_is_no_evidence() -> None:
    note = the_note(decided(a_return(*UNITS), cheap_sale("0.396"), company=TOTAL))
    assert note.tax == gbp("0.3960")


def test_a_difference_above_the_tolerance_is_for_finance() -> None:
    lines = tuple(a_line(f"P{n}", price="0.99", tax="0.15") for n in range(10))
    invoice = an_invoice(*lines)
    sale = a_sale(replace(invoice, tax=gbp("1.98"), total=gbp("11.88")))
    units = [a_unit(f"u{n}", f"P{n}", "1.14", tax="0.15") for n in range(10)]
    assert kinds(decided(a_return(*units), sale, company=TOTAL)) == {ConcernType.TAX_VARIANCE}
    accepted = a_case(a_return(*units), accepted=frozenset({ConcernType.TAX_VARIANCE}))
    assert the_note(decided(accepted, sale, company=TOTAL)).tax == gbp("1.98")


def test_on_an_inclusive_sale_the_net_takes_the_difference() -> None:
    lines = (a_line("PIN", price="1.19", tax="0.1983"), a_line("PEN", price="1.19", tax="0.1983"))
    invoice = an_invoice(*lines, inclusive=True)
    sale = a_sale(replace(invoice, tax=gbp("0.40")), tax_inclusive=True)
    note = the_note(decided(a_return(*UNITS), sale, money_terms(amount_tolerance=d("0.05")), company=TOTAL))
    assert (note.gross, note.tax, note.net) == (gbp("2.38"), gbp("0.40"), gbp("1.98"))
