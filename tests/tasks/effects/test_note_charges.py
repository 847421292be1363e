"""A credit note's charges are compared with what was sent, one by one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pipeline.ledger.codec import action_from_json, action_to_json
from schemas.actions import PostCreditNote
from schemas.sales import AUTHORISED, CreditNote
from tasks.effects.credit_note import compare
from tests.consumers.builders import a_return, a_unit, d, gbp
from tests.consumers.credit_notes.money_stories import money_terms, posted
from tests.consumers.decide import decided, the_note

FEE = a_return(a_unit(restocking_fee=d(5)))


def wanted() -> PostCreditNote:
    return the_note(decided(FEE, terms=money_terms()))


def shown(note: PostCreditNote, **charge: Any) -> CreditNote:
    there = posted(note)
    return replace(there, charges=tuple(replace(one, **charge) for one in there.charges))


def test_a_note_that_shows_the_charges_sent_agrees() -> None:
    assert compare(wanted(), shown(wanted()), AUTHORISED) == ()


@pytest.mark.parametrize("charge", [{"total": gbp("-4")}, {"tax_rule": "Zero"}, {"description": "Shipping - Standard"}])
def test_a_charge_that_cin7_changed_is_named(charge: dict[str, Any]) -> None:
    [difference] = compare(wanted(), shown(wanted(), **charge), AUTHORISED)
    assert "charges" in difference


def test_a_charge_that_cin7_dropped_is_named() -> None:
    note = wanted()
    assert any("charges" in d for d in compare(note, replace(posted(note), charges=()), AUTHORISED))


def test_the_ledger_gives_a_note_back_with_its_extras_and_what_the_refund_keeps() -> None:
    note = replace(wanted(), fees_withheld=gbp(5))
    assert action_from_json(action_to_json(note)) == note
