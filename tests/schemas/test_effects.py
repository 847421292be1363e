"""The life of an effect: each state is in exactly the groups that its meaning says."""

from __future__ import annotations

import pytest

from schemas.effects import LIVE, STANDING, EffectState

S = EffectState


@pytest.mark.parametrize("state", EffectState)
def test_a_state_stands_or_is_over_and_what_is_live_stands(state: EffectState) -> None:
    assert state.standing is not state.over
    assert state.standing or not state.live


def test_the_groups_are_those_that_the_ledger_asks_for() -> None:
    assert {state for state in S if state.live} == set(LIVE) == {S.PLANNED, S.CLAIMED, S.SENDING, S.UNCERTAIN}
    assert {state for state in S if state.standing} == set(STANDING) == {*LIVE, S.CONFIRMED, S.REJECTED}
    assert {state for state in S if state.over} == {S.WITHDRAWN, S.DISCARDED}


@pytest.mark.parametrize("state", EffectState)
def test_a_state_is_its_word_in_the_ledger(state: EffectState) -> None:
    assert state == state.value == state.name
    assert f"{state}" == state.name
