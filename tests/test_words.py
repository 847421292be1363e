"""The glossary and the code use the same words, and a word that was replaced is gone."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from pipeline.ledger.schema import all as schema

ROOT = Path(__file__).parents[1]
PRODUCT = ("schemas", "consumers", "pipeline", "tasks", "console")
#: Words that people use and that no name of the code needs; each with the name under which the code has the thing.
OTHERWISE_NAMED = {"exception": "concern", "return": "returns"}
#: Names that were replaced, and what they became. Column names and wire names stay as they are and are no identifiers.
REPLACED = {
    "Lane": "Priority",
    "Exit": "Reaction",
    "_Leash": "_Deadline",
    "leash": "die_with_parent",
    "Wire": "Caller",
    "Redrive": "RequeueRun",
    "redrive": "requeue_many",
    "strays": "unknown_messages",
    "Bell": "SendHint",
    "bell": "hint",
    "ring": "hint",
    "waive": "accept",
    "waived": "accepted",
}


def modules() -> Iterator[Path]:
    return (path for name in PRODUCT for path in sorted((ROOT / name).rglob("*.py")) if "versions" not in path.parts)


def names_of(path: Path) -> Iterator[str]:
    """What a module calls its things: its own name, and every class, function, argument, variable and attribute that
    it defines."""
    yield path.stem
    yield path.parent.name
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.arg(arg=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name


@cache
def names() -> frozenset[str]:
    tables = schema.metadata.tables.values()
    columns = {column.name for table in tables for column in table.columns} | {table.name for table in tables}
    return frozenset(name for path in modules() for name in names_of(path)) | columns


@cache
def words() -> frozenset[str]:
    """The single words of all names: `SHOP_TASKS` and `ShopTask` both hold "shop" and "task"."""
    split = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
    return frozenset(word.casefold() for name in names() for word in split.findall(name))


def entries() -> list[str]:
    lines = (ROOT / "docs" / "glossary.md").read_text().splitlines()
    return [cell for line in lines if line.startswith("| ") and (cell := line.split("|")[1].strip()) != "word"]


@pytest.mark.parametrize("entry", entries())
def test_every_word_of_the_glossary_names_something_in_the_code(entry: str) -> None:
    for word in OTHERWISE_NAMED.get(entry, entry).split():
        assert {word, f"{word}s"} & words(), f"no name of the code holds {word!r}; the code says it otherwise"


def test_the_glossary_says_each_word_once_and_in_order() -> None:
    listed = entries()
    assert len(listed) == len(set(listed)) > 30
    assert listed == sorted(listed)


@pytest.mark.parametrize("old", REPLACED)
def test_a_replaced_word_names_nothing_any_more(old: str) -> None:
    named = [str(path.relative_to(ROOT)) for path in modules() if old in set(names_of(path))]
    assert named == [], f"{old} is called {REPLACED[old]} now"
