"""The table of providers: every action has its own, and says itself what the rest must know of it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar, get_args, get_type_hints

import pytest

from schemas.actions import MOVING, Action, AdoptCreditNote, Effect, LinkExchangeOrder, System
from schemas.money import Money
from tasks.effects.providers import PROVIDERS, provider_for
from tasks.effects.record import RecordKeeper, adopted
from tests.tasks.practice import Bench

ACTIONS: tuple[type[Effect], ...] = get_args(Action)


def test_every_action_has_a_provider_and_nothing_else_has() -> None:
    assert set(PROVIDERS) == set(ACTIONS)


@pytest.mark.parametrize("action", ACTIONS)
def test_a_provider_performs_the_action_of_its_line(bench: Bench, action: type[Effect]) -> None:
    provider = provider_for(bench.parts, _Row(action), None)  # type: ignore[arg-type]
    steps: tuple[Callable[..., Any], ...] = (type(provider).look_up, type(provider).send)
    for step in steps:
        performed = get_type_hints(step)["wanted"]
        assert performed is action or (isinstance(performed, TypeVar) and isinstance(provider, RecordKeeper))


class _Row:
    """As much of an effect as its provider is made from."""

    shop, reconcile_first, planned_at = "alder", False, None

    def __init__(self, action: type[Effect]) -> None:
        self.action = object.__new__(action)


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_says_its_kind_and_who_holds_its_document(action: type[Effect]) -> None:
    assert action.kind
    assert action.system in System
    assert (action.kind in MOVING) is (action.goods_end is not None)


def test_only_notes_made_or_adopted_share_a_kind() -> None:
    kinds = [action.kind for action in ACTIONS if action is not AdoptCreditNote]
    assert len(kinds) == len(set(kinds))


@pytest.mark.parametrize(("amount", "money"), [("12.50", Money(Decimal("12.50"), "GBP")), ("0", None)])
def test_an_action_says_the_money_it_moves_and_nothing_is_no_money(amount: str, money: Money | None) -> None:
    gross = Money(Decimal(amount), "GBP")
    shared = {"key": "k", "sale_id": "s", "units": ("u1",)}
    note = AdoptCreditNote(**shared, task_id="t", number="CR-9", net=gross, tax=gross * 0, gross=gross)  # type: ignore[arg-type]
    assert note.money == money
    assert LinkExchangeOrder(**shared, number="#2", order_total=gross).money == money  # type: ignore[arg-type]
    assert LinkExchangeOrder(**shared, number="#2").money is None  # type: ignore[arg-type]


def test_an_adopted_note_is_confirmed_as_somebody_elses() -> None:
    gross = Money(Decimal(36), "GBP")
    note = AdoptCreditNote(
        key="k", sale_id="s", units=("u1",), task_id="t", number="CR-9", net=gross, tax=gross * 0, gross=gross
    )
    outcome = RecordKeeper(adopted).look_up(note, {}).outcome  # type: ignore[union-attr]
    assert outcome is not None
    assert (outcome.reference, outcome.number, outcome.gross, outcome.ours) == ("t", "CR-9", gross, False)
