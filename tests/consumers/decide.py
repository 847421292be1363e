"""Gather and plan in one step, as the engine does."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from consumers.case import Case, Plan
from consumers.credit_notes import decision
from schemas.actions import PostCreditNote
from schemas.concerns import Concern, ConcernType
from schemas.returns import Return
from schemas.sales import Sale
from schemas.terms import Terms
from tests.consumers.builders import NOW, FakeBooks, a_case, a_sale, some_terms


def decided(
    ret: Return | Case | None = None,
    sale: Sale | Concern | None = None,
    terms: Terms | None = None,
    now: datetime = NOW,
    **books: Any,
) -> Plan:
    """The plan for this return beside this sale."""
    case = ret if isinstance(ret, Case) else a_case(ret)
    asked = FakeBooks(**{"sale": sale or a_sale(), **books})
    used = terms or some_terms()
    return decision.plan(case, decision.gather(case, used, asked), used, now)


def the_note(plan: Plan) -> PostCreditNote:
    """The plan's one credit note."""
    [action] = plan.actions
    assert isinstance(action, PostCreditNote)
    return action


def kinds(plan: Plan) -> set[ConcernType]:
    """The exceptions a person would see."""
    return {concern.kind for concern in plan.all_concerns()}
