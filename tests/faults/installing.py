"""Installations for fault tests on the Valkey that a test brings, and a Valkey of its own to be killed.

A test module takes them by name: `install, own_valkey = installing.install, installing.own_valkey`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks.stages import sweep
from tests.sandbox_server import SandboxHandle
from tests.tasks.practice import Bench, stock_up
from tests.valkey_server import ValkeyHandle, running_valkey

Installing = Callable[..., Bench]


@pytest.fixture
def own_valkey() -> Iterator[ValkeyHandle]:
    """A server that the test may kill, roll back and fill."""
    with running_valkey() as server:
        yield server


@pytest.fixture
def install(tmp_path: Path, world: SandboxHandle, blank: Path) -> Iterator[Installing]:
    """One installation on this Valkey: `install(valkey, limit=60)`. The books are reset first."""
    made: list[Bench] = []

    def make(server: ValkeyHandle, **settings: Any) -> Bench:
        folder = tmp_path / f"installation-{len(made)}"
        folder.mkdir()
        bench = Bench(folder, world, server.url, blank, **settings)
        bench.redis.flushall()
        made.append(bench)
        return bench

    fresh_books(world)
    yield make
    world.control.delete("/faults")
    for bench in made:
        bench.close()


def fresh_books(world: SandboxHandle) -> None:
    """Everything forgotten, and goods in stock."""
    world.control.post("/reset")
    world.control.delete("/faults")
    world.control.delete("/calls")
    stock_up(world)


def goes_on(bench: Bench, order: str, rma: str) -> None:
    """By itself, with the sweep and the workers as usual, and to exactly one note."""
    for _ in range(6):
        bench.clock.forward(200)
        sweep.repair(bench.parts)
        bench.consume(rma)
    assert bench.entry(rma)["state"] == "settled"
    assert [note["status"] for note in bench.desk.notes(order)] == ["AUTHORISED"]
    assert [one["state"] for one in bench.effects(rma) if one["kind"] == "credit"] == ["CONFIRMED"]
