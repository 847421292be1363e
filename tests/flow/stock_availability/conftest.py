"""One practice world for all of these tests; one installation for each."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.flow.stock_availability.line import Line
from tests.sandbox_server import SandboxHandle, running_sandbox
from tests.tasks.practice import Bench
from tests.valkey_server import ValkeyHandle

SHOPIFY = """
[shops.alder.shopify]
base_url = "{url}"
shop = "alder"
access_token = "practice-token"
location_id = "{location}"
"""
INTERVALS = "availability_min = 60\navailability_max = 900\n"


@pytest.fixture(scope="session")
def served() -> Iterator[SandboxHandle]:
    with running_sandbox(quota=100000) as server:
        yield server


@pytest.fixture
def world(served: SandboxHandle) -> SandboxHandle:
    served.control.post("/reset")
    served.control.delete("/faults")
    return served


@pytest.fixture
def make_line(tmp_path: Path, world: SandboxHandle, valkey: ValkeyHandle, blank: Path) -> Iterator[Any]:
    made: list[Bench] = []

    def make(terms: str = 'availability_target = "shopify"', *, location: str = "", fresh: bool = True) -> Line:
        shopify = SHOPIFY.format(url=world.shopify_url, location=location)
        # A second installation on the same ledger keeps what the first one wrote.
        ledger = blank if fresh else tmp_path / "data" / "ledger.sqlite"
        kept = tmp_path / f"kept-{len(made)}.sqlite"
        shutil.copyfile(ledger, kept)
        bench = Bench(tmp_path, world, valkey.url, kept, terms=terms, intervals=f"{INTERVALS}{shopify}")
        if made and not fresh:
            bench.clock.now = made[-1].clock.now
        bench.redis.flushall()
        made.append(bench)
        return Line(bench, world)

    yield make
    for bench in made:
        bench.close()


@pytest.fixture
def line(make_line: Any) -> Line:
    made: Line = make_line()
    return made
