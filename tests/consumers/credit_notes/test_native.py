from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.actions import AdoptCreditNote
from schemas.concerns import ConcernType
from schemas.sales import DRAFT, Sale
from schemas.terms import EffectOwner
from tests.consumers.builders import (
    a_case,
    a_line,
    a_note,
    a_return,
    a_sale,
    a_simple_sale,
    a_unit,
    an_approved_return,
    an_invoice,
    done,
    gbp,
    some_terms,
)
from tests.consumers.credit_notes.money_stories import a_refund
from tests.consumers.decide import decided, kinds, the_note

NATIVE = some_terms(credit_note_owner=EffectOwner.NATIVE)
TWO = an_invoice(a_line(quantity=2, tax="12"))
FOREIGN = a_note(a_line(tax="6"), memo="Shopify refund")


@pytest.mark.parametrize(
    "sale", [a_sale(notes=[FOREIGN]), a_sale(TWO, notes=[FOREIGN]), a_simple_sale(notes=[FOREIGN])]
)
def test_a_note_from_elsewhere_for_the_same_product_is_never_doubled(sale: Sale) -> None:
    plan = decided(sale=sale)
    [concern] = plan.all_concerns()
    assert (plan.actions, concern.kind) == ((), ConcernType.NATIVE_DUPLICATE)
    assert "CR-1" in concern.cause


def test_a_draft_from_elsewhere_stops_us_too() -> None:
    plan = decided(sale=a_sale(TWO, notes=[replace(FOREIGN, status=DRAFT, number="")]))
    assert kinds(plan) == {ConcernType.NATIVE_DUPLICATE}


def test_a_lump_sum_of_the_same_amount_from_elsewhere_stops_us() -> None:
    lump = replace(a_note(), total=gbp(36))
    assert kinds(decided(sale=a_sale(TWO, notes=[lump]))) == {ConcernType.NATIVE_DUPLICATE}


def test_a_note_from_elsewhere_for_another_product_does_not_matter() -> None:
    invoice = an_invoice(a_line(tax="6"), a_line("HAT", tax="6"))
    hat = a_note(a_line("HAT", tax="6"))
    assert the_note(decided(sale=a_sale(invoice, notes=[hat]))).units == ("u1",)


def test_an_accepted_duplicate_is_posted_as_long_as_enough_is_left() -> None:
    case = a_case(accepted=frozenset({ConcernType.NATIVE_DUPLICATE}))
    assert the_note(decided(case, a_sale(TWO, notes=[FOREIGN]))).units == ("u1",)
    assert kinds(decided(case, a_sale(notes=[FOREIGN]))) == {ConcernType.OVER_CREDIT}


def test_a_note_another_return_adopted_is_no_duplicate() -> None:
    plan = decided(sale=a_sale(TWO, notes=[FOREIGN]), claimed=frozenset({"CR-1"}))
    assert the_note(plan).units == ("u1",)


def test_where_cin7s_channel_owns_the_notes_its_note_is_adopted_before_the_goods_arrive() -> None:
    [action] = decided(an_approved_return(), a_sale(notes=[FOREIGN]), NATIVE).actions
    assert isinstance(action, AdoptCreditNote)
    assert (action.number, action.units, action.gross) == ("CR-1", ("u1",), gbp(36))


def test_a_note_for_more_pieces_is_adopted_with_the_share_of_the_units() -> None:
    both = a_note(a_line(quantity=2, tax="12"))
    [action] = decided(sale=a_sale(TWO, notes=[both]), terms=NATIVE).actions
    assert isinstance(action, AdoptCreditNote)
    assert (action.net, action.tax, action.gross) == (gbp(30), gbp(6), gbp(36))


def test_units_without_a_native_note_wait_quietly() -> None:
    plan = decided(a_return(a_unit("u1"), a_unit("u2")), a_sale(TWO, notes=[FOREIGN]), NATIVE)
    assert [action.units for action in plan.actions] == [("u1",)]
    assert (len(plan.waits), kinds(plan)) == (1, set())


def test_a_native_draft_is_not_adopted_yet() -> None:
    plan = decided(sale=a_sale(notes=[replace(FOREIGN, status=DRAFT)]), terms=NATIVE)
    assert (plan.actions, len(plan.waits)) == ((), 1)


def test_a_note_is_adopted_once_for_its_pieces() -> None:
    case = a_case(a_return(a_unit("u1"), a_unit("u2")), done("u1"))
    assert decided(case, a_sale(TWO, notes=[FOREIGN]), NATIVE).actions == ()


def test_a_native_lump_sum_is_adopted_where_it_is_just_what_was_refunded() -> None:
    lump = a_note(total=gbp(36), total_before_tax=gbp(30), tax=gbp(6))
    ret = a_return(transactions=(a_refund("36", "u1"),))
    [action] = decided(ret, a_sale(notes=[lump]), NATIVE).actions
    assert isinstance(action, AdoptCreditNote)
    assert (action.units, action.net, action.gross) == (("u1",), gbp(30), gbp(36))


@pytest.mark.parametrize("amount", ["30", "42"])
def test_a_native_lump_sum_of_another_amount_is_nobodys(amount: str) -> None:
    ret = a_return(transactions=(a_refund(amount, "u1"),))
    assert decided(ret, a_sale(notes=[a_note(total=gbp(36))]), NATIVE).actions == ()
