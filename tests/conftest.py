"""One Valkey, one practice world and one empty ledger for a whole test session; one installation for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox_server import SandboxHandle, running_sandbox
from tests.tasks.practice import Bench, empty_ledger, stock_up
from tests.valkey_server import ValkeyHandle, running_valkey


@pytest.fixture(scope="session")
def valkey() -> Iterator[ValkeyHandle]:
    with running_valkey() as server:
        yield server


@pytest.fixture(scope="session")
def world() -> Iterator[SandboxHandle]:
    with running_sandbox(quota=100000) as server:
        stock_up(server)
        yield server


@pytest.fixture(scope="session")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return empty_ledger(tmp_path_factory.mktemp("ledger"))


@pytest.fixture
def make_bench(
    tmp_path: Path, valkey: ValkeyHandle, world: SandboxHandle, blank: Path
) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(**settings: Any) -> Bench:
        bench = Bench(tmp_path, world, valkey.url, blank, **settings)
        bench.redis.flushall()
        made.append(bench)
        return bench

    yield make
    world.control.delete("/faults")
    for bench in made:
        bench.close()


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    return make_bench()
