"""The practice world's time: the real clock plus a shift that a test or a demo may move."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal


class Clock:
    """Aware UTC time that can be moved; one per world."""

    def __init__(self) -> None:
        self._shift = timedelta(0)
        self._leapt = 0.0

    def now(self) -> datetime:
        """Return the world's present moment, aware, in UTC."""
        return datetime.now(UTC) + self._shift

    def elapsed(self) -> float:
        """Return seconds that only ever grow and that moving the clock forward also moves: windows and lags use it."""
        return time.monotonic() + self._leapt

    def advance(self, seconds: Decimal | int | str) -> None:
        """Move time by `seconds` (may be negative)."""
        self._move(timedelta(seconds=float(Decimal(seconds))))

    def set_now(self, moment: datetime) -> None:
        """Make `moment` (aware) the present.

        Raises ValueError for a naive datetime.
        """
        if moment.tzinfo is None:
            raise ValueError("clock.now must carry a time zone; write it like 2026-03-20T09:00:00Z")
        self._move(moment.astimezone(UTC) - self.now())

    def _move(self, step: timedelta) -> None:
        self._shift += step
        self._leapt += max(0.0, step.total_seconds())

    def reset(self) -> None:
        """Go back to the real time."""
        self._shift = timedelta(0)
