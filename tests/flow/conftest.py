"""One practice world and one Valkey for all flow tests of a session; `line` gives each test fresh books in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.flow.inprocess import Served, servers


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with servers(tmp_path_factory.mktemp("line")) as started:
        yield started
