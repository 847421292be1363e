"""A long soak: returns flow while everything is killed, frozen or lying; then every promise is checked.

    python -m bench.soak [--minutes 5] [--returns 300] [--seed 7] [--report build/soak.txt]

The same seed chooses the same faults in the same order; what they meet depends on the machine.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.faults.killing import nursery
from tests.faults.soaking import Orders, Outcome, Soak, soak_cell
from tests.sandbox_server import running_sandbox
from tests.tasks.practice import empty_ledger, stock_up
from tests.valkey_server import running_valkey


def soak(orders: Orders) -> Outcome:
    """Start everything, storm, reckon, stop everything."""
    with (
        tempfile.TemporaryDirectory(prefix="returnline-soak-") as home,
        running_valkey() as valkey,
        running_sandbox(quota=100000) as world,
        nursery() as forks,
    ):
        stock_up(world)
        cell = soak_cell(Path(home, "soak"), world, valkey, empty_ledger(Path(home)), forks)
        try:
            return Soak(cell, orders).run()
        finally:
            cell.end()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--returns", type=int, default=60)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--report", type=Path, default=Path("build/soak.txt"))
    asked = parser.parse_args()
    outcome = soak(Orders(asked.minutes * 60, asked.returns, asked.seed))
    text = "\n".join(outcome.lines()) + "\n"
    asked.report.parent.mkdir(parents=True, exist_ok=True)
    asked.report.write_text(text)
    print(text, end="")
    return 1 if outcome.broken else 0


if __name__ == "__main__":
    sys.exit(main())
