"""A ledger for the gap report, filled by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipeline.ledger.gap_desk import GapDesk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[GapDesk]:
    made = GapDesk(tmp_path)
    yield made
    made.ledger.close()
