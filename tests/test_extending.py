"""What it costs to add a thing: the files that must know of one, which `docs/howto/extend.md` names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from schemas.actions import Action, Effect

ROOT = Path(__file__).parents[1]
PRODUCT = ("schemas", "consumers", "pipeline", "tasks", "console")
#: What starts the product's processes, or holds its imports in check, knows the consumers by name.
RUNNING = ("Procfile", "docker-compose.yml", "pyproject.toml")
GUIDE = (ROOT / "docs/howto/extend.md").read_text()

#: An example that stands in the code: what its files call it, the most files it may have, and the files it has.
DOCUMENT = (
    r"\bTransferStock|\btransfer_body|\bpost_transfer|\bTransferProvider|\b_transfer\(|[\"']transfer[\"']",
    6,
    (
        "schemas/actions.py",
        "schemas/cin7/stock.py",
        "pipeline/cin7/stock.py",
        "tasks/effects/transfer.py",
        "tasks/effects/providers.py",
        "consumers/stock_adjustments/documents.py",
    ),
)
CONSUMER = (
    r"stock-adjustments|consumers\.stock_adjustments\b(?!\.)",
    5,
    (
        "consumers/stock_adjustments/decision.py",
        "consumers/roster.py",
        "Procfile",
        "docker-compose.yml",
        "pyproject.toml",
    ),
)
TERM = (
    r"\bwrite_off_approval_above\b",
    3,
    ("schemas/terms.py", "pipeline/settings/terms.py", "consumers/stock_adjustments/documents.py"),
)
EXCEPTION_TYPE = (r"\bWRITEOFF_APPROVAL\b", 2, ("schemas/concerns.py", "consumers/stock_adjustments/documents.py"))
EXAMPLES = {"document": DOCUMENT, "consumer": CONSUMER, "term": TERM, "exception type": EXCEPTION_TYPE}


def naming(words: str) -> set[str]:
    """The product files in which one of these words stands."""
    files = [path for folder in PRODUCT for path in (ROOT / folder).rglob("*.py")] + [ROOT / name for name in RUNNING]
    return {path.relative_to(ROOT).as_posix() for path in files if re.search(words, path.read_text())}


@pytest.mark.parametrize("example", EXAMPLES)
def test_one_more_of_its_kind_costs_no_more_files_than_promised(example: str) -> None:
    words, most, files = EXAMPLES[example]
    assert naming(words) == set(files)
    assert len(files) <= most


#: What plans, performs and settles effects of every kind.
MECHANISM = (
    "pipeline/ledger/effects.py",
    "tasks/effects/perform.py",
    "tasks/effects/protocol.py",
    "tasks/effects/write_outages.py",
    "tasks/stages/consume.py",
    "tasks/stages/settle.py",
)


@pytest.mark.parametrize("action", get_args(Action))
def test_what_performs_all_actions_knows_none_by_name(action: type[Effect]) -> None:
    assert naming(rf"\b{action.__name__}\b") & set(MECHANISM) == set()


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_guide_names_every_file_and_the_number_of_them(example: str) -> None:
    _, _, files = EXAMPLES[example]
    section = next(part for part in GUIDE.split("\n## ")[1:] if example in part.splitlines()[0].lower())
    assert f"({len(files)} files)" in section.splitlines()[0]
    assert [name for name in files if f"`{name}`" not in section] == []


def test_the_guide_names_no_file_that_is_not_there() -> None:
    named = re.findall(r"`((?:[\w-]+/)*[\w-]+\.(?:py|toml|yml|md))`", GUIDE)
    assert [name for name in named if not (ROOT / name).exists()] == []
