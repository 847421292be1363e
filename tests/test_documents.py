"""The documents tell the truth: every case has a row, every named test, exception, command and link exists."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from console.cli import main
from schemas.concerns import ConcernType, Owner, owner_of

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
#: How many cases each group of the field's catalogue has.
GROUPS = {"A": 8, "B": 11, "C": 5, "D": 15, "E": 17, "F": 24, "G": 7, "H": 11}
CASES = tuple(f"{g}-{n}" if g == "F" else f"{g}{n}" for g, most in GROUPS.items() for n in range(1, most + 1))
#: Types that are told in another way than by an exception; the runbook says which.
NOT_RAISED = frozenset({"LOCKED_PERIOD", "BAD_SIGNATURE"})
SECTIONS = {
    Owner.FINANCE: "Finance",
    Owner.OPERATIONS: "Operations",
    Owner.CUSTOMER_EXPERIENCE: "Customer experience",
    Owner.ENGINEERING: "Engineering",
}
PAGES = (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md")))
_NAMED_TEST = re.compile(r"`((?:tests/)?[\w/]+\.py)::(test_\w+)`")
_LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
_MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|root|home|Users|mnt)/\w")


def rows(page: Path, first: str = r"[A-Z]-?\d+b?") -> Iterator[list[str]]:
    """The table rows of a page whose first cell looks like this."""
    for line in page.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and re.fullmatch(first, cells[0]):
            yield cells


@cache
def names_in(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, kinds))


def raised_in(path: Path) -> set[str]:
    """The exception types that a module names, under whatever short name it imported them."""
    tree = ast.parse(path.read_text())
    assigned = [node for node in ast.walk(tree) if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name)]
    short = {
        target.id
        for node in assigned
        if isinstance(node.value, ast.Name) and node.value.id == "ConcernType"
        for target in node.targets
        if isinstance(target, ast.Name)
    } | {"ConcernType"}
    named = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name))
    return {node.attr for node in named if isinstance(node.value, ast.Name) and node.value.id in short}


def commands() -> Iterator[str]:
    """Every command as it is typed, e.g. "batch show"."""
    context = click.Context(main)
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        if isinstance(command, click.Group):
            inner = click.Context(command, parent=context)
            yield from (f"{name} {below}" for below in command.list_commands(inner))
        else:
            yield name


def anchors(page: Path) -> set[str]:
    """The places of a page that a link may name."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in titles}


# -- edge cases -----------------------------------------------------------------------------------------------------


def test_every_known_case_has_exactly_one_row() -> None:
    found = Counter(cells[0] for cells in rows(DOCS / "edge-cases.md") if cells[0][0] in GROUPS)
    assert (len(CASES), found) == (98, Counter(CASES))


def test_every_row_says_what_happens_and_which_test_shows_it() -> None:
    for cells in rows(DOCS / "edge-cases.md"):
        assert len(cells) == 4, cells
        assert all(cells), cells
        assert _NAMED_TEST.search(cells[3]), cells


def test_a_case_is_automatic_or_an_exception_or_cannot_arise() -> None:
    for cells in rows(DOCS / "edge-cases.md"):
        if cells[0][0] in GROUPS:
            assert re.match("automatic|exceptions? [A-Z]|not applicable", cells[2]), cells


def test_a_case_names_only_exceptions_that_exist() -> None:
    for cells in rows(DOCS / "edge-cases.md"):
        assert set(re.findall(r"\b[A-Z]+_[A-Z_]+\b", cells[2])) <= {kind.value for kind in ConcernType}, cells


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_test_that_a_page_names_exists(page: Path) -> None:
    for where, name in _NAMED_TEST.findall(page.read_text()):
        file = ROOT / "tests" / where.removeprefix("tests/")
        assert file.is_file(), where
        assert name in names_in(file), f"{where}::{name}"


# -- exceptions and commands ----------------------------------------------------------------------------------------


def test_every_exception_type_is_raised_somewhere() -> None:
    modules = [path for name in ("consumers", "tasks", "pipeline") for path in (ROOT / name).rglob("*.py")]
    raised = set().union(*(raised_in(path) for path in modules))
    assert {kind.value for kind in ConcernType} - raised == NOT_RAISED


def test_the_runbook_has_a_row_for_every_exception_under_its_owner() -> None:
    text = (DOCS / "runbook.md").read_text()
    for owner, title in SECTIONS.items():
        section = re.split(r"^##+ ", text.partition(f"### {title}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
        listed = re.findall(r"^\| ([A-Z_]+) \|", section, re.MULTILINE)
        assert sorted(listed) == sorted(kind.value for kind in ConcernType if owner_of(kind) is owner)


def test_the_runbook_says_of_what_is_never_raised_how_it_is_told() -> None:
    told = {cells[0]: cells[1] for cells in rows(DOCS / "runbook.md", "[A-Z_]+")}
    assert {kind for kind, meaning in told.items() if meaning.startswith("not raised")} == NOT_RAISED


@pytest.mark.parametrize("command", sorted(commands()))
def test_every_command_is_named_in_the_documents(command: str) -> None:
    text = "".join(page.read_text() for page in PAGES if page.name != "CHANGELOG.md")
    assert re.search(rf"\breturnline {command}\b", text)


def test_no_command_is_named_that_does_not_exist() -> None:
    known = {command.partition(" ")[0] for command in commands()}
    for page in PAGES:
        named = set(re.findall(r"`returnline ([a-z][a-z-]+)", page.read_text()))
        assert named <= known, page.name


# -- form -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in _LINK.findall(page.read_text()):
        target, _, anchor = link.partition("#")
        if "://" in link:
            continue
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), link
        assert not anchor or anchor in anchors(file), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_page_names_a_path_of_somebodys_machine(page: Path) -> None:
    assert _MACHINE_PATH.findall(page.read_text()) == []


def test_decisions_are_numbered_once_without_a_gap_and_say_their_number_and_tags() -> None:
    pages = sorted((DOCS / "decisions").glob("*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        title, _, tags, *_ = page.read_text().splitlines()
        assert title.startswith(f"# {page.name[:4]} "), page.name
        assert tags.startswith("Tags: "), page.name
