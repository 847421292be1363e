from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.credit_notes.remaining import left_over
from consumers.shared.line_total_rule import TotalRule
from schemas.actions import PostCreditNote
from schemas.concerns import ConcernType
from schemas.sales import DRAFT, CreditNote, Sale
from tests.consumers.builders import a_case, a_line, a_note, a_return, a_sale, a_unit, an_invoice, d, gbp
from tests.consumers.decide import decided

OTHERS = "Returnline RL-000000000000 RMA RMA0900 order #1001"
CHEAP, DEAR = a_line(quantity=2, price="10", tax="4"), a_line(quantity=2, price="30", tax="12")
TWICE = a_sale(an_invoice(CHEAP, DEAR))


def left(sale: Sale, *notes: CreditNote) -> list[tuple[object, object, object]]:
    lines = left_over(sale, notes, TotalRule.PLAIN)
    return [(line.left.quantity, line.left.extended, line.left.tax) for line in lines]


def test_a_note_is_taken_from_the_line_at_its_price() -> None:
    note = a_note(a_line(quantity=1, price="30", tax="6"))
    assert left(TWICE, note) == [(2, 20, 4), (1, 30, 6)]


def test_a_note_for_more_than_one_line_holds_goes_on_to_the_next() -> None:
    note = a_note(a_line(quantity=4, price="20", tax="16"))
    assert [quantity for quantity, _, _ in left(TWICE, note)] == [0, 0]
    lines = left_over(TWICE, [note], TotalRule.PLAIN)
    assert sum(line.left.extended for line in lines) == 0


def test_what_a_note_credits_above_the_sale_shows_as_less_than_nothing() -> None:
    note = a_note(a_line(quantity=3, price="10", tax="6"))
    sale = a_sale(an_invoice(CHEAP))
    assert left(sale, note) == [(-1, -10, -2)]


def test_a_note_that_names_no_invoice_still_counts() -> None:
    note = a_note(a_line(quantity=1, price="10", tax="2"), invoice_number="")
    assert left(TWICE, note)[0] == (1, 10, 2)


def test_a_note_for_another_product_takes_nothing() -> None:
    assert left(TWICE, a_note(a_line("HAT"))) == [(2, 20, 4), (2, 60, 12)]


def test_drafts_are_no_source_of_credit() -> None:
    assert left(a_sale(an_invoice(status=DRAFT))) == []


@pytest.mark.parametrize("number", ["", "CR-9"])
def test_the_notes_that_took_it_are_named(number: str) -> None:
    [line] = left_over(a_sale(), [a_note(a_line(tax="6"), number=number, task_id="t9")], TotalRule.PLAIN)
    assert line.notes == [number or "authorised note t9"]


notes = st.lists(st.tuples(st.integers(1, 4), st.integers(0, 400_000).map(lambda n: Decimal(n).scaleb(-4))), max_size=4)


@given(others=notes, wanted=st.integers(1, 6))
def test_whatever_others_credited_we_never_credit_more_than_is_left(
    others: list[tuple[int, Decimal]], wanted: int
) -> None:
    sold = a_line(quantity=5, price="30", tax="30")
    made = [
        replace(a_note(a_line(quantity=q, price=str(p), tax=str(p * q / 5)), number=f"CR-{n}"), memo=OTHERS)
        for n, (q, p) in enumerate(others)
    ]
    units = [a_unit(f"u{n}") for n in range(wanted)]
    case = a_case(a_return(*units), accepted=frozenset({ConcernType.AMOUNT_MISMATCH}))
    plan = decided(case, a_sale(an_invoice(sold), notes=made))
    credited = [action for action in plan.actions if isinstance(action, PostCreditNote)]
    pieces = sum(len(action.units) for action in credited)
    assert pieces == 0 or pieces + sum(q for q, _ in others) <= 5
    gross = sum((action.gross.amount for action in credited), Decimal(0)) + sum(n.total.amount for n in made)
    assert not credited or gross <= gbp(180).amount + d("0.01") * (len(made) + 1)
    held = {unit for concern in plan.all_concerns() for unit in concern.units}
    assert held | {unit for action in credited for unit in action.units} == {f"u{n}" for n in range(wanted)}
