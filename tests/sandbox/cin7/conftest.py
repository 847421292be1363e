"""A seat at the practice Cin7; a module with other settings opens its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox.cin7.desk import Desk, cin7_desk


@pytest.fixture
def desk() -> Iterator[Desk]:
    with cin7_desk() as opened:
        yield opened
