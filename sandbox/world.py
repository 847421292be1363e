"""The one shared object of the practice world: time, faults, call log, books, settings and chance."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from sandbox.books.ledger import Books
from sandbox.calls import CallLog
from sandbox.clock import Clock
from sandbox.faults import FaultBook
from sandbox.settings import Settings

_viewed: ContextVar[Books | None] = ContextVar("viewed_books", default=None)


class World:
    """Everything the practice systems share.

    `extras` is a free place for a system's own state (key = system name); `reset` empties it, so look it up each
    time, and put a function in `on_reset` to be called afterwards.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.clock = Clock()
        self.faults = FaultBook()
        self.calls = CallLog()
        self.settings = Settings()
        self.rng = random.Random(seed)
        self.extras: dict[str, Any] = {}
        self.on_reset: list[Callable[[], None]] = []
        self.base_url = ""
        self._books = Books(seed, self.settings)
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def books(self) -> Books:
        """The books of the practice Cin7; inside `viewing` an older copy of them."""
        return _viewed.get() or self._books

    @books.setter
    def books(self, books: Books) -> None:
        self._books = books

    @contextmanager
    def viewing(self, older: Books | None) -> Iterator[None]:
        """Let this request read an older copy of the books (None: the present ones)."""
        token = _viewed.set(older)
        try:
            yield
        finally:
            _viewed.reset(token)

    def background(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run `work` on the server's loop without waiting for it."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def reset(self) -> None:
        """Forget everything: books, calls, faults, settings, time and what the systems kept."""
        for task in self._tasks:
            task.cancel()
        self.clock.reset()
        self.faults.remove()
        self.calls.clear()
        self.settings.reset()
        self.rng.seed(self.seed)
        self.extras.clear()
        self._books = Books(self.seed, self.settings)
        for again in self.on_reset:
            again()
