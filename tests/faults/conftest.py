"""One practice world and one empty ledger for the session; installations on the Valkey that a test brings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox_server import SandboxHandle, running_sandbox
from tests.tasks.practice import Bench, empty_ledger, stock_up
from tests.valkey_server import ValkeyHandle, running_valkey

Installing = Callable[..., Bench]


@pytest.fixture(scope="session")
def world() -> Iterator[SandboxHandle]:
    with running_sandbox(quota=100000) as server:
        stock_up(server)
        yield server


@pytest.fixture(scope="session")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return empty_ledger(tmp_path_factory.mktemp("ledger"))


@pytest.fixture(scope="session")
def shared_valkey() -> Iterator[ValkeyHandle]:
    with running_valkey() as server:
        yield server


@pytest.fixture
def own_valkey() -> Iterator[ValkeyHandle]:
    """A server that the test may kill, roll back and fill."""
    with running_valkey() as server:
        yield server


@pytest.fixture
def install(tmp_path: Path, world: SandboxHandle, blank: Path) -> Iterator[Installing]:
    """One installation on this Valkey: `install(valkey, limit=60)`. The books are reset first."""
    made: list[Bench] = []

    def make(valkey: ValkeyHandle, **settings: Any) -> Bench:
        folder = tmp_path / f"installation-{len(made)}"
        folder.mkdir()
        bench = Bench(folder, world, valkey.url, blank, **settings)
        bench.redis.flushall()
        made.append(bench)
        return bench

    world.control.post("/reset")
    world.control.delete("/faults")
    world.control.delete("/calls")
    stock_up(world)
    yield make
    world.control.delete("/faults")
    for bench in made:
        bench.close()
