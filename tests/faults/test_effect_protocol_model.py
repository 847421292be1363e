"""The effect protocol against an adversary, thousands of seeded runs; and the proof that the adversary is one.

RETURNLINE_SEED=<seed> plays one run again and prints its story when it breaks a promise.
"""

from __future__ import annotations

import os

import pytest

from tests.faults.explorer import BrokenPromiseError, Run, Variant, explore
from tests.faults.metadata import fault, tell
from tests.faults.model_cin7 import DIRECT, STYLES
from tests.faults.mutants import MUTANTS

RUNS, CHUNKS = 3000, 6
#: Enough for every mutant; most are noticed within a hundred runs.
MUTANT_RUNS = 6000


def _seeds(first: int, count: int) -> range:
    asked = os.environ.get("RETURNLINE_SEED", "")
    return range(int(asked), int(asked) + 1) if asked else range(first, first + count)


@fault(
    "F40 F41 F42 F43 F45 F49 F50 F57 F60 F61 F62 F63 F64 F65 F66 F67 F68 F70 F74",
    "a model of Cin7 that commits late, not at all or without an answer, shows old books and refuses; workers die or "
    "freeze at every single call, hints are doubled, the ledger is restored from a backup",
    "at most one authorised document per business key, ever; every effect ends confirmed, refused or with a person",
)
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_no_order_of_failures_makes_a_second_document_or_forgets_an_effect(chunk: int) -> None:
    seeds = _seeds(1 + chunk * RUNS // CHUNKS, RUNS // CHUNKS)
    ends = explore(seeds)
    tell(f"seeds {seeds.start}..{seeds.stop - 1}: {ends}")
    assert ends.get("CONFIRMED", 0) > 0


@pytest.mark.parametrize("style", STYLES)
def test_the_shortest_lease_that_the_settings_allow_is_long_enough(style: str) -> None:
    explore(_seeds(50_000, 400), Variant("short lease", styles=(style,), leases=(60,)))


@fault(
    "F21",
    "the protocol broken on purpose, one rule at a time",
    "the model checker finds a second document, a lost effect or a false confirmation",
)
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_breaking_the_protocol_is_noticed(mutant: Variant) -> None:
    with pytest.raises(BrokenPromiseError) as noticed:
        explore(range(1, MUTANT_RUNS), mutant)
    tell(str(noticed.value).partition("\n0")[0])


def test_a_broken_promise_tells_the_seed_and_the_same_seed_tells_the_same_story() -> None:
    mutant = MUTANTS[0]
    with pytest.raises(BrokenPromiseError) as first:
        explore(range(1, MUTANT_RUNS), mutant)
    seed = int(str(first.value).partition("RETURNLINE_SEED=")[2].split()[0])
    with pytest.raises(BrokenPromiseError) as again:
        Run(seed, mutant).play()
    assert str(again.value) == str(first.value)


def test_two_honest_refunds_on_one_sale_both_post() -> None:
    """The difference is taken per business key, never per sale."""
    both = 0
    for seed in range(1, 200):
        run = Run(seed, Variant("direct only", styles=(DIRECT,)))
        run.play()
        both += all(len(run.cin7.authorised(action.marker)) == 1 for action in run.actions) and len(run.actions) == 2
    assert both > 10
