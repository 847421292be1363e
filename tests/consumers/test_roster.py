"""The roster has two kinds, and neither pretends to be the other."""

from __future__ import annotations

import pytest

from consumers.roster import NAMES, ROSTER, SHOP_TASKS, consumer
from tests.consumers.builders import some_terms
from tests.consumers.exchange_orders.exchange_stories import an_exchange


def test_every_consumer_hears_some_return() -> None:
    assert [entry.name for entry in ROSTER if not entry.hears(an_exchange(), some_terms())] == []


def test_a_name_belongs_to_one_worker_only() -> None:
    assert len(NAMES) == len(set(NAMES)) == len(ROSTER) + len(SHOP_TASKS)


@pytest.mark.parametrize("name", [*(task.name for task in SHOP_TASKS), "no-such-thing"])
def test_what_is_no_consumer_is_never_asked_for_a_plan(name: str) -> None:
    with pytest.raises(KeyError, match=r"no consumer named .*; the roster has credit-notes, "):
        consumer(name)
