"""How tests wait: for an outcome, never for speed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Met = TypeVar("Met")

#: Seconds. Nothing takes this long on a machine of its own; where twenty processes wait for two cores, it may.
BOUND = 240.0


def until(
    what: str, met: Callable[[], Met], seconds: float = BOUND, log: Callable[[], str] = str, pause: float = 0.05
) -> Met:
    """Wait for something true and give it. Raises AssertionError that says what did not happen, with the log's end."""
    end = time.monotonic() + seconds
    while not (outcome := met()):
        assert time.monotonic() < end, f"not within {seconds:g} s: {what}\n{log()[-6000:]}"
        time.sleep(pause)
    return outcome
