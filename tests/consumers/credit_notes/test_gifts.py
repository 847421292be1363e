"""Free goods that the shopper keeps: counted by line and piece, over every note of the sale."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from consumers.case import Plan
from schemas.actions import PostCreditNote
from schemas.concerns import ConcernType
from schemas.returns import Return, Unit
from schemas.sales import CreditNote, DocumentLine, Sale
from tests.consumers.builders import (
    a_case,
    a_line,
    a_note,
    a_return,
    a_sale,
    a_unit,
    an_invoice,
    d,
    found_good,
    not_found,
    some_terms,
)
from tests.consumers.credit_notes.money_stories import posted, taken
from tests.consumers.decide import decided, kinds, the_note

PAID, FREE = a_line(tax="6"), a_line(discount="100")
SOCKS = a_line("SOCK", quantity=2, price="5", discount="100")
MUG = a_line("MUG", price="12", discount="100")
OTHERS = "Returnline RL-000000000000 RMA RMA0900 order #1001"


def free(unit_id: str = "u9", sku: str = "MUG", **more: Any) -> Unit:
    return a_unit(unit_id, sku, "0", tax="0", **more)


def other_note(*lines: DocumentLine, number: str = "CR-1", invoice: str = "INV-1") -> CreditNote:
    return a_note(*lines, number=number, memo=OTHERS, invoice_number=invoice)


def held(ret: Return, sale: Sale) -> bool:
    plan = decided(ret, sale)
    return kinds(plan) == {ConcernType.GIFT_UNEARNED} and not credited(plan)


def credited(plan: Plan) -> list[str]:
    notes = [note for note in plan.actions if isinstance(note, PostCreditNote)]
    return sorted(unit for note in notes for unit in note.units)


def test_the_paid_piece_of_a_sku_does_not_stand_for_its_free_piece() -> None:
    assert held(a_return(), a_sale(an_invoice(PAID, FREE)))


def test_the_free_piece_before_the_paid_one_on_the_invoice_is_still_the_free_one() -> None:
    assert held(a_return(), a_sale(an_invoice(FREE, PAID)))


def test_both_pieces_of_a_sku_bring_the_gift_back() -> None:
    ret = a_return(a_unit(), free("u2", "TEE-BLK-M"))
    assert credited(decided(ret, a_sale(an_invoice(PAID, FREE)))) == ["u1", "u2"]


def test_a_piece_beyond_the_paid_ones_is_the_free_one_whatever_the_portal_says_it_cost() -> None:
    ret = a_return(a_unit(), a_unit("u2", "MUG", "14.40", tax="2.40"))
    plan = decided(ret, a_sale(an_invoice(PAID, MUG)))
    assert (credited(plan), kinds(plan)) == (["u1"], {ConcernType.AMOUNT_MISMATCH})


@pytest.mark.parametrize(("pieces", "earned"), [((1, 1), True), ((2,), True), ((1,), False)])
def test_free_pieces_of_every_earlier_note_are_added_up(pieces: tuple[int, ...], earned: bool) -> None:
    line = a_line("SOCK", price="5", discount="100")
    notes = [other_note(replace(line, quantity=d(n)), number=f"CR-{i}") for i, n in enumerate(pieces)]
    sale = a_sale(an_invoice(PAID, SOCKS), notes=notes)
    assert (credited(decided(sale=sale)) == ["u1"]) is earned
    assert held(a_return(), sale) is not earned


def test_two_free_lines_of_one_sku_want_the_pieces_of_both() -> None:
    sale = a_sale(an_invoice(PAID, MUG, MUG))
    plan = decided(a_return(a_unit(), free()), sale)
    assert (credited(plan), kinds(plan)) == (["u9"], {ConcernType.GIFT_UNEARNED})
    assert credited(decided(a_return(a_unit(), free("u8"), free("u9")), sale)) == ["u1", "u8", "u9"]


def test_a_note_for_the_paid_piece_brings_no_free_piece_of_its_sku_back() -> None:
    two = a_line(quantity=2, tax="12")
    sale = a_sale(an_invoice(two, FREE), notes=[other_note(a_line(tax="6"))])
    assert held(a_return(), sale)


def test_a_gift_of_this_return_that_a_note_credits_already_counts_once() -> None:
    sale = a_sale(an_invoice(PAID, SOCKS))
    ret = a_return(free("u1", "SOCK"))
    first = the_note(decided(ret, sale))
    case = a_case(a_return(free("u1", "SOCK"), a_unit("u2")), taken(first))
    plan = decided(case, replace(sale, credit_notes=(posted(first),)))
    assert (credited(plan), kinds(plan)) == ([], {ConcernType.GIFT_UNEARNED})


def test_a_gift_that_is_declared_but_not_in_the_parcel_stayed_behind() -> None:
    units = (a_unit(inspection=found_good()), free(inspection=not_found()))
    plan = decided(a_return(*units), a_sale(an_invoice(PAID, MUG)))
    assert (credited(plan), ConcernType.GIFT_UNEARNED in kinds(plan)) == ([], True)


def test_a_gift_that_came_is_counted_whether_or_not_it_was_inspected() -> None:
    units = (a_unit(inspection=found_good()), free(inspection=found_good()))
    assert credited(decided(a_return(*units), a_sale(an_invoice(PAID, MUG)))) == ["u1", "u9"]


def test_a_gift_credited_on_another_invoice_earns_nothing_here() -> None:
    invoices = (an_invoice(PAID, MUG), an_invoice(a_line("CAP", tax="6"), MUG, number="INV-2"))
    sale = a_sale(*invoices, notes=[other_note(MUG, invoice="INV-2")])
    assert held(a_return(), sale)


def test_a_paid_piece_of_another_invoice_is_no_gift_of_this_one() -> None:
    gift = a_line("CAP", discount="100")
    invoices = (an_invoice(PAID, gift), an_invoice(a_line("CAP", tax="6"), number="INV-2"))
    plan = decided(a_return(a_unit(), a_unit("u2", "CAP")), a_sale(*invoices), some_terms())
    assert (credited(plan), kinds(plan)) == (["u2"], {ConcernType.GIFT_UNEARNED})
