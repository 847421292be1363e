"""A short soak: half a minute of everything going wrong, then the reckoning. `python -m bench.soak` is the long one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.faults.killing import Nursery
from tests.faults.metadata import fault, tell
from tests.faults.soaking import Orders, Soak, soak_cell
from tests.sandbox_server import SandboxHandle
from tests.valkey_server import ValkeyHandle


@fault(
    "F01 F02 F03 F04 F20 F21 F25 F36 F40 F41 F42 F43 F44 F45 F46 F48 F49 F55 F70",
    "half a minute of returns while workers are killed and frozen, Valkey and the ingress are killed, and Cin7 resets, "
    "times out, commits late and answers nonsense, all from one seed",
    "every return settles, or is buried with a letter; what was answered 202 is in the ledger; no note twice",
)
@pytest.mark.timeout(240)
def test_a_short_soak_breaks_no_promise(
    tmp_path: Path, world: SandboxHandle, valkey: ValkeyHandle, blank: Path, forks: Nursery
) -> None:
    seed = int(os.environ.get("RETURNLINE_SEED") or 7)
    cell = soak_cell(tmp_path / "soak", world, valkey, blank, forks)
    try:
        outcome = Soak(cell, Orders(seconds=25.0, returns=25, seed=seed)).run()
    finally:
        cell.end()
    tell("\n".join(outcome.lines()))
    assert outcome.broken == [], cell.log()
