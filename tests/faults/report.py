"""Writes `docs/faults.md` from the marks beside the fault tests: `python -m tests.faults.report`."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from tests.faults.metadata import Fault

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "faults.md"
HEAD = """# Faults, and what becomes of them

Each row is a test that provokes the fault and checks the outcome; the numbers are those of our fault catalogue.
This page is made by `python -m tests.faults.report`, and a test keeps it up to date.

| Fault | How it is provoked | What the user sees | Test |
|---|---|---|---|
"""
FOOT = """
Where a test draws its faults by chance it prints its seed; `RETURNLINE_SEED=<seed>` plays it again.
A longer soak: `python -m bench.soak --minutes 5 --returns 300 --seed 7`; its report is kept in `build/soak.txt`.
"""


def page() -> str:
    """The page as it should be."""
    rows = sorted({row for module in _modules() for row in _rows(module)}, key=lambda row: (_first(row), row))
    return HEAD + "".join(f"{row}\n" for row in rows) + FOOT


def _modules() -> Iterator[ModuleType]:
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        if "from tests.faults.metadata import" in path.read_text():
            yield importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))


def _rows(module: ModuleType) -> Iterator[str]:
    for name, test in vars(module).items():
        proofs: list[Fault] = getattr(test, "proves", []) if name.startswith("test_") else []
        for proof in proofs:
            place = f"`{module.__name__.removeprefix('tests.').replace('.', '/')}.py::{name}`"
            yield f"| {', '.join(proof.numbers)} | {proof.provoked} | {proof.seen} | {place} |"


def _first(row: str) -> int:
    found = re.search(r"F(\d+)", row)
    return int(found.group(1)) if found else 0


def main() -> None:
    """Write the page."""
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
