"""Cases of docs/edge-cases.md that have no better home: old orders, warranty, long exchange rates, tax of a swap."""

from __future__ import annotations

from datetime import date

from schemas.concerns import ConcernType
from schemas.terms import Disposition, DispositionRule
from tests.consumers.builders import a_line, a_return, a_sale, a_unit, an_invoice, d, gbp, some_terms
from tests.consumers.decide import decided, kinds, the_note

RULES = (DispositionRule("Warranty", None, Disposition.HOLD), DispositionRule("*", None, Disposition.RESTOCK))


def test_an_order_of_any_age_is_credited_from_its_sale_in_cin7() -> None:
    sale = a_sale(an_invoice(a_line(tax="6"), invoiced_on=date(2021, 3, 1)))
    assert the_note(decided(sale=sale)).gross == gbp(36)


def test_a_warranty_reason_put_on_hold_is_not_credited_while_the_rest_of_the_return_is() -> None:
    swapped, refunded = a_unit("u1", reason="Warranty"), a_unit("u2")
    sale = a_sale(an_invoice(a_line(quantity=2, tax="12")))
    plan = decided(a_return(swapped, refunded), sale, some_terms(dispositions=RULES))
    assert (the_note(plan).units, kinds(plan)) == (("u2",), {ConcernType.ON_HOLD})


def test_an_exchange_rate_of_five_places_reaches_the_note_unrounded() -> None:
    sale = a_sale(an_invoice(a_line(tax="6"), rate=d("1.16263")))
    assert str(the_note(decided(sale=sale)).rate) == "1.16263"


def test_a_swapped_item_is_credited_with_the_tax_of_its_own_invoice() -> None:
    unit = a_unit(resolution="InstantVariantExchange")
    note = the_note(decided(a_return(unit), a_sale(an_invoice(a_line(tax="6")))))
    assert (note.tax, note.lines[0].tax_rule) == (gbp(6), "20% (VAT on Income)")
