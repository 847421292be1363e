"""The tree is the diagram: our names are ours, every dependency is pinned, every queue has a worker."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from consumers import roster
from pipeline.broker.names import INTAKE, SWEEP

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
NAMES = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


@pytest.mark.parametrize("name", NAMES)
def test_an_import_name_resolves_to_this_repository(name: str) -> None:
    spec = importlib.util.find_spec(name)

    assert spec is not None
    assert list(spec.submodule_search_locations or ()) == [str(ROOT / name)]


@pytest.mark.parametrize("name", NAMES)
def test_no_other_distribution_brings_our_import_name(name: str) -> None:
    assert set(importlib.metadata.packages_distributions().get(name, ["returnline"])) == {"returnline"}


def test_the_application_cannot_be_published_by_mistake() -> None:
    assert "Private :: Do Not Upload" in PROJECT["project"]["classifiers"]


def folders() -> dict[Path, list[str]]:
    """Every folder of product code and the modules that lie side by side in it."""
    found: dict[Path, list[str]] = {}
    for name in NAMES:
        for file in (ROOT / name).rglob("*.py"):
            if "versions" not in file.parts:
                found.setdefault(file.parent.relative_to(ROOT), []).append(file.stem)
    return found


def test_no_folder_is_a_drawer() -> None:
    alike = {Path("console/cli")}  # one file a command

    assert [str(where) for where, names in folders().items() if len(names) > 20 and where not in alike] == []


def test_a_prefix_that_four_files_share_is_a_folder() -> None:
    shared = {
        f"{where}/{prefix}_": count
        for where, names in folders().items()
        for prefix, count in Counter(name.split("_")[0] for name in names if "_" in name.strip("_")).items()
        if count >= 4
    }

    assert shared == {}


def pinned(lock: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9][a-z0-9.-]*)==", (ROOT / lock).read_text(), re.MULTILINE))


def asked_for(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=!; ]", requirement)[0].lower().replace("_", "-") for requirement in requirements}


def test_the_lock_pins_everything_the_project_asks_for() -> None:
    project = PROJECT["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["dev"], *PROJECT["build-system"]["requires"]]

    assert asked_for(asked) - pinned("requirements.lock") == set()


def test_the_lock_of_the_image_pins_everything_that_runs_and_nothing_for_tests() -> None:
    assert asked_for(PROJECT["project"]["dependencies"]) - pinned("requirements.run.lock") == set()
    assert "pytest" not in pinned("requirements.run.lock")


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements.run.lock"])
def test_a_lock_names_no_package_index_and_hashes_every_file(lock: str) -> None:
    text = (ROOT / lock).read_text()

    assert "://" not in text
    assert "--index" not in text
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_the_editable_install_finds_its_build_backend_in_the_lock() -> None:
    assert {"hatchling", "editables"} <= pinned("requirements.lock")


@pytest.mark.parametrize("queue", [INTAKE, SWEEP, *roster.NAMES])
def test_every_queue_has_a_worker_in_the_procfile_and_in_the_compose_file(queue: str) -> None:
    assert re.search(rf"^worker-{queue}: .* -Q {queue} ", (ROOT / "Procfile").read_text(), re.MULTILINE)
    assert re.search(
        rf"^  worker-{queue}:\n.*\n    command: \[.* -Q, {queue},",
        (ROOT / "docker-compose.yml").read_text(),
        re.MULTILINE,
    )


def test_the_image_does_not_run_as_root() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()

    assert [line for line in lines if line.startswith("USER ")] == ["USER returnline"]


def test_what_lands_is_checked_by_the_command_a_developer_runs() -> None:
    script = ROOT / ".ci" / "run"

    assert "set -euo pipefail" in script.read_text()
    assert "make test" in script.read_text()
    assert script.stat().st_mode & 0o111


def test_every_make_target_is_listed_with_what_it_does() -> None:
    text = (ROOT / "Makefile").read_text()
    (phony,) = re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)

    assert set(phony.split()) == set(re.findall(r"^([a-z-]+):.*## .+$", text, re.MULTILINE))
