"""A seat at the practice portal; a module with other settings opens its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox.returngo.desk import PortalDesk


@pytest.fixture
def desk() -> Iterator[PortalDesk]:
    desk = PortalDesk()
    yield desk
    desk.close()
