"""Every kill point × every recovery, with real processes and SIGKILL. The oracle is the practice world's own books."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.kill_points import POINTS
from tests.faults.killing import Cell, Recovery, alive
from tests.faults.metadata import fault, tell
from tests.valkey_server import ValkeyHandle
from tests.waiting import until

CellMaker = Callable[[str, Recovery], Cell]

ROOT = Path(__file__).resolve().parents[2]
#: Reached only when something is refused, or when a person acts: these cells have stories of their own below.
BY_HAND = ("dead.buried", "requeue.reopened")
STAGES: dict[str, list[str]] = {}
for _point in POINTS:
    if _point not in BY_HAND:
        STAGES.setdefault(_point.partition(".")[0], []).append(_point)


def test_every_point_is_in_the_matrix() -> None:
    assert sorted([*(point for points in STAGES.values() for point in points), *BY_HAND]) == sorted(POINTS)


def test_every_point_is_called_by_the_code() -> None:
    """A point that no code calls proves nothing; a call of an unknown point raises."""
    sources = [path.read_text() for part in ("tasks", "pipeline", "console") for path in (ROOT / part).rglob("*.py")]
    called = {name for source in sources for name in re.findall(r"\breach\(\s*\"([^\"]+)\"", source)}
    assert called == set(POINTS)


@fault(
    "F20 F21 F25 F28 F36 F60 F61 F62 F63 F64 F65 F66",
    "SIGKILL at each named point, in real processes; then a restart, a second worker, or Valkey killed too",
    "nothing: the return settles by itself with exactly one authorised credit note",
)
@pytest.mark.timeout(300)
@pytest.mark.parametrize("recovery", Recovery, ids=lambda recovery: recovery.name.lower())
@pytest.mark.parametrize("stage", STAGES)
def test_a_death_at_any_point_loses_nothing_and_doubles_nothing(
    stage: str, recovery: Recovery, make_cell: CellMaker, valkey: ValkeyHandle
) -> None:
    cells = [make_cell(point, recovery) for point in STAGES[stage]]
    for cell in cells:
        cell.arrive()
        cell.begin()
    for cell in cells:
        cell.wait_for_death()
    if recovery is Recovery.VALKEY:
        valkey.kill()
        valkey.restart()
    for cell in cells:
        cell.recover()
    for cell in cells:
        until(f"{cell.point}: all is well", cell.well, log=cell.log)
        if stage == "availability":
            until("the shop shows the stock", cell.shown)
    tell("\n".join(f"{cell.point} × {recovery.value}: one note" for cell in cells))


def _refuse_next_note(cell: Cell) -> None:
    cell.bench.desk.fault("status_before", system="cin7", method="POST", path="creditnote", status=400, text="Locked")


@fault("F21 F69", "SIGKILL while a dead letter is being buried", "one dead letter, no document, nothing sent again")
@pytest.mark.parametrize("recovery", Recovery, ids=lambda recovery: recovery.name.lower())
def test_a_death_while_burying_leaves_one_letter_and_no_document(
    recovery: Recovery, make_cell: CellMaker, valkey: ValkeyHandle
) -> None:
    cell = make_cell("dead.buried", recovery)
    cell.arrive()
    _refuse_next_note(cell)
    cell.begin()
    cell.wait_for_death()
    if recovery is Recovery.VALKEY:
        valkey.kill()
        valkey.restart()
    cell.recover()
    until("buried", lambda: cell.credit_entry() == "buried")
    assert [letter["state"] for letter in cell.bench.letters()] == ["open"]
    assert cell.bench.desk.notes(cell.order) == []


@fault(
    "F69 F72", "SIGKILL of `returnline requeue --yes` after it reopened a letter", "one note; running it again is safe"
)
@pytest.mark.parametrize("recovery", Recovery, ids=lambda recovery: recovery.name.lower())
def test_a_requeue_that_is_killed_may_be_run_again(
    recovery: Recovery, make_cell: CellMaker, valkey: ValkeyHandle
) -> None:
    cell = make_cell("requeue.reopened", recovery)
    cell.arrive()
    _refuse_next_note(cell)
    worker = cell.start(armed=False)
    until("buried", lambda: bool(cell.bench.letters()), log=cell.log)
    command = ["requeue", "--rma", cell.rma, "--yes"]
    cell.start(armed=True, command=command)
    until(f"{cell.point} is reached", cell.died.exists, log=cell.log)
    if recovery is Recovery.VALKEY:
        valkey.kill()
        valkey.restart()
    again = cell.start(armed=False, command=command)
    until("all is well", cell.well, log=cell.log)
    until("the second run ends", lambda: not alive(again))
    assert alive(worker)
    assert cell.verdict() == ""
