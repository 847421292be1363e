"""Older copies of the books, so that a read may lag behind the last write."""

from __future__ import annotations

import copy
import re

from starlette.types import Scope

from sandbox.books.ledger import Books
from sandbox.world import World

KEEP = 40  # copies; enough for any lag a test plays, and bounded


class Snapshots:
    """Keeps the state before each write while a lag is in force.

    Settings: `read_lag_seconds` for every read whose path matches `read_lag_path`; the availability snapshot has its
    own `availability_lag_seconds`.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self._kept: list[tuple[float, Books]] = []
        world.settings.declare("read_lag_seconds", 0)
        world.settings.declare("read_lag_path", "")
        world.settings.declare("availability_lag_seconds", 0)
        world.on_reset.append(self._kept.clear)

    def before(self, scope: Scope, lag: float) -> Books | None:
        """Keep a copy when this is a write; return the copy a lagging read has to see."""
        if scope["method"] != "GET":
            self.keep(scope["path"])
            return None
        lag = max(lag, self._standing_lag(scope["path"]))
        if lag <= 0:
            return None
        since = self.world.clock.elapsed() - lag
        return next((books for moment, books in self._kept if moment > since), None)

    def keep(self, path: str = "/cin7") -> None:
        """Remember the books as they are now, if anything may want to read them later."""
        settings = self.world.settings
        lagging = float(settings["read_lag_seconds"]) > 0 or float(settings["availability_lag_seconds"]) > 0
        if not path.startswith("/cin7") or not (lagging or self.world.faults.wants_snapshots("cin7")):
            return
        self._kept.append((self.world.clock.elapsed(), copy.deepcopy(self.world.books)))
        del self._kept[:-KEEP]

    def _standing_lag(self, path: str) -> float:
        settings = self.world.settings
        if "productavailability" in path.lower():
            return float(settings["availability_lag_seconds"])
        if re.search(settings["read_lag_path"], path, re.IGNORECASE):
            return float(settings["read_lag_seconds"])
        return 0.0
