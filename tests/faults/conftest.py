"""One practice world, one Valkey and one nursery of workers for a module of fault tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.killing import Cell, Nursery, Recovery, nursery
from tests.sandbox_server import SandboxHandle, running_sandbox
from tests.tasks.practice import SKU, stock_up
from tests.valkey_server import ValkeyHandle, running_valkey

CellMaker = Callable[[str, Recovery], Cell]


@pytest.fixture(scope="module")
def valkey() -> Iterator[ValkeyHandle]:
    with running_valkey() as server:
        yield server


@pytest.fixture(scope="module")
def world() -> Iterator[SandboxHandle]:
    with running_sandbox(quota=100000) as server:
        stock_up(server)
        server.control.post("/shopify/variants", json={"variants": [{"sku": SKU, "levels": {"Shop floor": 0}}]})
        yield server


@pytest.fixture(scope="module")
def forks() -> Iterator[Nursery]:
    with nursery() as made:
        yield made


@pytest.fixture
def make_cell(
    tmp_path: Path, world: SandboxHandle, valkey: ValkeyHandle, blank: Path, forks: Nursery
) -> Iterator[CellMaker]:
    made: list[Cell] = []

    def make(point: str, recovery: Recovery) -> Cell:
        made.append(Cell(point, recovery, tmp_path / point, world, valkey, blank, forks))
        return made[-1]

    yield make
    world.control.delete("/faults")
    for cell in made:
        cell.end()
