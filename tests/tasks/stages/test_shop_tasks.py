"""A task of a shop is known by its name, and a return's entry by having a return."""

from __future__ import annotations

import pytest

from consumers.consumer import ShopTask
from consumers.roster import ROSTER, SHOP_TASKS
from pipeline.ledger import entries
from pipeline.ledger.schema import all as t
from tasks.stages import consume
from tasks.stages.shop_tasks import WORK
from tests.tasks.practice import SHOP, Bench


def test_every_shop_task_of_the_roster_has_its_work_and_nothing_else_has() -> None:
    assert set(WORK) == {task.name for task in SHOP_TASKS}


@pytest.mark.parametrize("name", [consumer.name for consumer in ROSTER])
def test_a_consumers_entry_without_a_return_is_a_failure_and_not_taken_for_a_shops(bench: Bench, name: str) -> None:
    with bench.parts.ledger.write() as conn:
        entry_id = entries.wake(conn, SHOP, name, "55500099", None, bench.clock())
    assert consume.run(bench.parts, entry_id) != entries.SETTLED
    [entry] = [row for row in bench.rows(t.entries) if row["id"] == entry_id]
    assert "belongs to no return" in entry["reason"]


@pytest.mark.parametrize("task", SHOP_TASKS, ids=lambda task: task.name)
def test_a_shop_tasks_entry_is_worked_on_without_a_case(bench: Bench, task: ShopTask) -> None:
    with bench.parts.ledger.write() as conn:
        entry_id = entries.wake(conn, SHOP, task.name, f"stock:{SHOP}", None, bench.clock())
    assert consume.run(bench.parts, entry_id) == entries.SETTLED
