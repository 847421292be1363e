"""Workers that the explorer moves one call at a time, and the store and provider through which they pause."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from pipeline.ledger.effects import EffectRow
from schemas.actions import Action
from schemas.effects import Outcome
from tasks.effects.credit_note import CreditNoteProvider
from tasks.effects.protocol import Provider
from tests.faults.cas_store import CasStore
from tests.faults.model_cin7 import ModelCin7

#: Seconds that a worker may still spend between its last look at the clock and the first byte (waiting for a slot).
PATIENCE = 20.0


class KilledError(BaseException):
    """The worker dies here: nothing after this point runs."""


class Worker(threading.Thread):
    """One worker performing one effect, moved one call at a time by the explorer."""

    def __init__(self, name: str, perform: Callable[[], object]) -> None:
        super().__init__(name=name, daemon=True)
        self._perform = perform
        self._may_run, self._has_paused = threading.Semaphore(0), threading.Semaphore(0)
        self._killed = False
        self.at = "start"
        self.ended = False
        self.failure: Exception | None = None
        #: How often it gets its turn, against the others: a slow one is overtaken at any point.
        self.pace = 1.0
        #: The moment by which a send that was decided on has left.
        self.leaves_by: datetime | None = None

    def run(self) -> None:
        self._may_run.acquire()
        try:
            if not self._killed:
                self._perform()
        except KilledError:
            self.at = "killed"
        except Exception as error:  # told by the explorer, in its own thread
            self.failure = error
        self.ended = True
        self._has_paused.release()

    def pause(self, at: str) -> None:
        """Called by the worker itself before and after each call."""
        self.at = at
        self._has_paused.release()
        self._may_run.acquire()
        if self._killed:
            raise KilledError

    def step(self) -> None:
        """Let it run until its next call."""
        self._may_run.release()
        self._has_paused.acquire()

    def kill(self) -> None:
        self._killed = True
        if not self.is_alive():
            self.start()
        self.step()
        self.join()


def _self() -> Worker:
    worker = threading.current_thread()
    assert isinstance(worker, Worker)
    return worker


class WatchedStore:
    """The store with a pause before and after every call."""

    def __init__(self, store: CasStore) -> None:
        self._store = store

    def _call(self, name: str, do: Callable[[], EffectRow | None]) -> EffectRow | None:
        _self().pause(f"before {name}")
        row = do()
        _self().pause(f"after {name}")
        return row

    def claim(self, effect_id: int, now: datetime, lease: timedelta) -> EffectRow | None:
        return self._call("claim", lambda: self._store.claim(effect_id, now, lease))

    def change(self, row: EffectRow, now: datetime, **values: Any) -> EffectRow | None:
        return self._call(f"change to {values.get('state', row.state)}", lambda: self._store.change(row, now, **values))

    def confirm(self, row: EffectRow, outcome: Outcome, now: datetime) -> EffectRow | None:
        return self._call("confirm", lambda: self._store.confirm(row, outcome, now))


class WatchedProvider:
    """The real credit-note provider with a pause around every call to the model of Cin7."""

    def __init__(self, cin7: ModelCin7, *, reckless: bool) -> None:
        self._inner: Provider[Any] = CreditNoteProvider(cin7, None)  # type: ignore[arg-type]
        self._cin7 = cin7
        self._reckless = reckless

    def look_up(self, action: Action, progress: Any) -> Any:
        _self().pause("before look-up")
        finding = self._inner.look_up(action, progress)
        _self().pause("after look-up")
        return finding

    def send(self, action: Action, progress: Any) -> Any:
        worker = _self()
        if not self._reckless:
            worker.leaves_by = self._cin7.now + timedelta(seconds=PATIENCE)
        worker.pause("before send")
        worker.leaves_by = None
        try:
            found = self._inner.send(action, progress)
        except Exception:
            worker.pause("after failed send")
            raise
        worker.pause("after send")
        return found
