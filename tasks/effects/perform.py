"""Performing one effect exactly once: claim, look, mark SENDING, send once, compare, confirm; after doubt look first,
never send blindly.

The store, the provider and the clock are handed in, so that a model checker can crash this code at every step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from pipeline.calls.failures import NotSent, Rejected, Throttled, Uncertain, WireError
from pipeline.kill_points import reach
from pipeline.ledger.effects import EffectRow
from schemas.effects import EffectState
from tasks.effects.protocol import (
    DiffersError,
    Found,
    GoneError,
    LaterError,
    NoOutages,
    Outages,
    Provider,
    Store,
    Timing,
    Unclear,
)


@dataclass(slots=True)
class Performer:
    """Performs effects of one kind of provider."""

    store: Store
    provider: Provider[Any]
    timing: Timing
    clock: Callable[[], datetime]
    outages: Outages = field(default_factory=NoOutages)

    def perform(self, effect_id: int) -> EffectRow | None:
        """Bring the effect as far as it will go now. None when it was not due or another worker has it."""
        row = self.store.claim(effect_id, self.clock(), self.timing.lease)
        if row is None:
            return None
        reach("effect.claimed")
        row = self._look(row)
        while row is not None and row.state == EffectState.CLAIMED and row.lease_until is not None:
            row = self._send(row)
        return row

    # -- looking ------------------------------------------------------------------------------------------------------

    def _look(self, row: EffectRow) -> EffectRow | None:
        try:
            finding = self.provider.look_up(row.action, row.progress)
        except LaterError as later:
            return self._later(row, later)
        except GoneError as gone:
            return self._end(row, str(gone))
        reach("effect.looked")
        if isinstance(finding, Found):
            return self._found(row, finding)
        if isinstance(finding, Unclear):
            return self._unclear(row, finding.why)
        if row.state == EffectState.CLAIMED and not finding.lost:
            return row
        return self._without(self._not_there(row), finding.lost)

    def _without(self, row: EffectRow | None, lost: tuple[str, ...]) -> EffectRow | None:
        """Sent once more from the start, where a step that was made is lost."""
        if row is None or row.state != EffectState.CLAIMED or not lost:
            return row
        kept = {name: value for name, value in row.progress.items() if name not in lost}
        return self.store.change(row, self.clock(), progress=kept)

    def _found(self, row: EffectRow, found: Found) -> EffectRow | None:
        now = self.clock()
        progress = {**row.progress, **found.progress}
        if found.outcome is None:
            return self._goes_on(row, progress, now)
        if row.state == EffectState.UNCERTAIN and row.sends:
            # Unanswered, and done all the same: writes get through.
            self.outages.met(row, None)
        done = self.store.confirm(row, replace(found.outcome, details={**progress, **found.outcome.details}), now)
        if done is not None:
            reach("effect.confirmed")
        return done

    def _goes_on(self, row: EffectRow, progress: Mapping[str, str], now: datetime) -> EffectRow | None:
        """A step is there, and the next may be sent. One that was known before says nothing new about the step in
        doubt: that one is not there yet, or else it could be sent for ever."""
        if progress != row.progress:
            return self.store.change(
                row, now, state=EffectState.CLAIMED, progress=progress, lookups=0, step_sends=0, why=""
            )
        return row if row.state == EffectState.CLAIMED else self._not_there(row)

    def _not_there(self, row: EffectRow) -> EffectRow | None:
        now = self.clock()
        quiet_over = (row.sent_at or now) + self.timing.quiet
        lookups = row.lookups + (1 if now >= quiet_over else 0)
        if lookups < self.timing.negatives:
            wait = self._lookup_wait(row, now)
            why = f"not found yet; the next look-up decides ({lookups} of {self.timing.negatives})"
            return self.store.change(
                row, now, state=EffectState.UNCERTAIN, lookups=lookups, due_at=now + wait, lease_until=None, why=why
            )
        if row.step_sends < self.timing.sends or self.outages.shared(row):
            return self.store.change(
                row, now, state=EffectState.CLAIMED, lookups=0, why="not found after the quiet period: one more send"
            )
        return self._give_up(row, f"sent {row.step_sends} times, and not found {lookups} times after the quiet period")

    def _lookup_wait(self, row: EffectRow, now: datetime) -> timedelta:
        waits = self.timing.lookup_waits
        passed = now - (row.sent_at or now)
        spent = timedelta()
        for wait in waits:
            spent += wait
            if spent > passed:
                return max(spent - passed, waits[0])
        return waits[-1]

    def _unclear(self, row: EffectRow, why: str) -> EffectRow | None:
        now = self.clock()
        if row.lookups + 1 >= self.timing.unclear:
            return self._give_up(row, why)
        return self.store.change(
            row,
            now,
            state=EffectState.UNCERTAIN,
            lookups=row.lookups + 1,
            due_at=now + self.timing.lookup_waits[-1],
            lease_until=None,
            why=why,
        )

    def _give_up(self, row: EffectRow, why: str) -> EffectRow | None:
        # No due time: nothing touches it again until a person requeues it.
        return self.store.change(row, self.clock(), state=EffectState.UNCERTAIN, due_at=None, lease_until=None, why=why)

    # -- sending ------------------------------------------------------------------------------------------------------

    def _send(self, row: EffectRow) -> EffectRow | None:
        held = self.outages.held(row)
        if held is not None:
            return self._later(row, held)
        now = self.clock()
        sending = self.store.change(
            row,
            now,
            state=EffectState.SENDING,
            sent_at=now,
            sends=row.sends + 1,
            step_sends=row.step_sends + 1,
            lookups=0,
            lease_until=now + self.timing.lease,
        )
        if sending is None:
            return None
        reach("effect.sending")
        return self._answer(sending)

    def _answer(self, row: EffectRow) -> EffectRow | None:
        # A worker that was frozen here must not send: others may have looked, found nothing and sent meanwhile.
        if self.clock() - (row.sent_at or self.clock()) > self.timing.leave_within:
            return self._unsent(row, LaterError(0.0, "held up between the mark and the send: nothing was sent"))
        try:
            found = self.provider.send(row.action, row.progress)
        except (WireError, DiffersError, LaterError, GoneError) as failure:
            done = self._failed(row, failure)
            self.outages.met(row, failure)
            return done
        reach("effect.answered")
        done = self._taken(row, found)
        self.outages.met(row, None)
        return done

    def _failed(self, row: EffectRow, failure: WireError | DiffersError | LaterError | GoneError) -> EffectRow | None:
        match failure:
            case GoneError():
                return self._end(row, str(failure))
            case NotSent() | Throttled() | LaterError():
                return self._unsent(row, failure)
            case Rejected():
                return self._rejected(row, failure)
            case DiffersError():
                return self._differs(row, failure)
            case Uncertain():
                return self._uncertain(row, str(failure))
            case _:
                raise failure

    def _taken(self, row: EffectRow, found: Found) -> EffectRow | None:
        row_now = self._found(row, found)
        if row_now is not None and row_now.state == EffectState.CLAIMED:
            reach("effect.progressed")
        return row_now

    def _unsent(self, row: EffectRow, refusal: Exception) -> EffectRow | None:
        """Definitely nothing was executed: the send does not count."""
        seconds = getattr(refusal, "retry_after", None) or getattr(refusal, "seconds", None)
        wait = timedelta(seconds=float(seconds)) if seconds else self.timing.retry_wait
        now = self.clock()
        return self.store.change(
            row,
            now,
            state=EffectState.PLANNED,
            sends=row.sends - 1,
            step_sends=row.step_sends - 1,
            sent_at=None,
            due_at=now + wait,
            lease_until=None,
            why=str(refusal),
        )

    def _rejected(self, row: EffectRow, rejected: Rejected) -> EffectRow | None:
        # "Already AUTHORISED" is a rejection too: what counts is whether our document is there.
        try:
            finding = self.provider.look_up(row.action, {**row.progress, "after_rejection": "yes"})
        except LaterError:
            return self._uncertain(row, f"refused ({rejected}), and the look-up after it could not be made")
        except GoneError as gone:
            return self._end(row, f"{rejected}; {gone}")
        if isinstance(finding, Found) and finding.outcome is not None:
            return self._found(row, finding)
        return self._end(row, str(rejected))

    def _differs(self, row: EffectRow, differs: DiffersError) -> EffectRow | None:
        return self._end(
            row, f"the document differs from what was sent: {differs}", {**row.progress, **differs.progress}
        )

    def _end(self, row: EffectRow, why: str, progress: Mapping[str, str] | None = None) -> EffectRow | None:
        values: dict[str, Any] = {"state": EffectState.REJECTED, "due_at": None, "lease_until": None, "why": why}
        if progress is not None:
            values["progress"] = dict(progress)
        return self.store.change(row, self.clock(), **values)

    def _uncertain(self, row: EffectRow, why: str) -> EffectRow | None:
        now = self.clock()
        return self.store.change(
            row,
            now,
            state=EffectState.UNCERTAIN,
            due_at=now + self.timing.lookup_waits[0],
            lease_until=None,
            lookups=0,
            why=why,
        )

    def _later(self, row: EffectRow, later: LaterError) -> EffectRow | None:
        now = self.clock()
        state = EffectState.PLANNED if row.state == EffectState.CLAIMED else row.state
        return self.store.change(
            row, now, state=state, due_at=now + timedelta(seconds=later.seconds), lease_until=None, why=later.why
        )


def waits_for_person(row: EffectRow) -> bool:
    """Whether the machine has done what it may: refused for good, or uncertain with no look-up left."""
    return row.state == EffectState.REJECTED or (row.state == EffectState.UNCERTAIN and row.due_at is None)
