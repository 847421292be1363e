"""Requeue many dead letters: a canary first, at a rate, stopping when too many are buried again.

Every letter moves in its own transaction, so a run may be killed anywhere and simply be run again.
"""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

from pipeline.kill_points import reach
from pipeline.ledger import Ledger, audit
from pipeline.ledger.letters import letters
from pipeline.ledger.letters.letters import Filter
from pipeline.ledger.letters.requeueing import MOST_REQUEUES, Hint, Moved, Verdict, requeue, verdict

#: So many letters must be decided before their failure rate means anything.
ENOUGH = 3
_POLL = 0.5


class SendHint(Protocol):
    """Tells the workers that there is work. False when nobody can be told: the sweep finds it."""

    def __call__(self, task: str, queue: str, **kwargs: int) -> bool:
        """Send one hint; never raises."""


@dataclass(frozen=True, slots=True)
class Orders:
    """How a run goes. `rate` in letters a minute (0: no pause), `patience` in seconds for the canary, `stop_at` as a
    share of the decided letters."""

    canary: int = 0
    rate: Decimal = Decimal(60)
    stop_at: Decimal = Decimal("0.3")
    patience: float = 300.0
    limit: int | None = None
    force: bool = False
    past_void: bool = False


@dataclass(frozen=True, slots=True)
class Preview:
    """What a run would do: counted by the same query as the run itself."""

    letters: int
    money: Mapping[str, Decimal]
    without_amount: int
    needs_force: int
    rows: Sequence[Mapping[str, Any]]


@dataclass(slots=True)
class Report:
    """What a run did. `stopped` says why it ended before its last letter."""

    run_id: str
    matched: int
    moved: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    stopped: str = ""
    hints_lost: int = 0

    @property
    def left(self) -> int:
        """Letters the run did not come to."""
        return self.matched - sum(self.moved.values())


def preview(ledger: Ledger, wanted: Filter, limit: int | None = None) -> Preview:
    """Count the letters and their money; changes nothing."""
    with ledger.read() as conn:
        rows = letters.find(conn, wanted, limit)
    return Preview(
        letters=len(rows),
        money=letters.money_of(rows),
        without_amount=sum(1 for row in rows if row["money"] is None),
        needs_force=sum(1 for row in rows if row["redrives"] >= MOST_REQUEUES),
        rows=rows,
    )


class RequeueRun:
    """One run over the letters that match a filter."""

    def __init__(
        self,
        ledger: Ledger,
        send_hint: SendHint,
        clock: Callable[[], datetime],
        who: str,
        orders: Orders,
        *,
        sleep: Callable[[float], None] = time.sleep,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._ledger, self._send_hint, self._clock, self._who = ledger, send_hint, clock, who
        self._orders, self._sleep, self._say = orders, sleep, say
        self._watched: dict[int, Verdict] = {}

    def run(self, wanted: Filter) -> Report:
        """Requeue what matches now. Of two runs at once each letter belongs to one."""
        rows = preview(self._ledger, wanted, self._orders.limit).rows
        report = Report(uuid.uuid4().hex[:12], len(rows))
        self._note("requeue.started", report, {"filter": wanted.as_json()})
        report.stopped = "interrupted"
        try:
            report.stopped = self._all(rows, report)
        finally:
            report.verdicts = Counter(v.value for v in self._watched.values())
            self._note("requeue.ended", report, {})
        return report

    def _all(self, rows: Sequence[Mapping[str, Any]], report: Report) -> str:
        canary, rest = rows[: self._orders.canary], rows[self._orders.canary :]
        for row in canary:
            self._one(row, report)
        if canary:
            trouble = self._canary()
            if trouble:
                return trouble
        for number, row in enumerate(rest):
            if number or canary:
                self._pause()
            self._look()
            trouble = self._too_many()
            if trouble:
                return trouble
            self._one(row, report)
        self._look()
        return self._too_many()

    def _one(self, row: Mapping[str, Any], report: Report) -> None:
        with self._ledger.write() as conn:
            how = {"force": self._orders.force, "past_void": self._orders.past_void}
            done = requeue(conn, row, self._who, report.run_id, self._clock(), **how)
        reach("requeue.reopened")
        report.moved[done.moved.value] += 1
        self._say(f"{row['id']}: {done.moved.value}{': ' + done.why if done.why else ''}")
        if done.moved is Moved.BURIED:
            self._watched[row["id"]] = Verdict.BAD
        elif done.moved in {Moved.REQUEUED, Moved.SATISFIED}:
            self._watched[row["id"]] = Verdict.MOVING
        for hint in done.hints:
            self._tell_workers(hint, report)

    def _tell_workers(self, hint: Hint, report: Report) -> None:
        task, queue, arguments = hint
        # After one lost hint the rest is left to the sweep: each would only wait for the same broker.
        if report.hints_lost or not self._send_hint(task, queue, **arguments):
            report.hints_lost += 1

    def _pause(self) -> None:
        if self._orders.rate:
            self._sleep(float(Decimal(60) / self._orders.rate))

    def _look(self) -> None:
        now = self._clock()
        undecided = [i for i, v in self._watched.items() if v in {Verdict.MOVING, Verdict.WAITS}]
        with self._ledger.read() as conn:
            for letter_id in undecided:
                self._watched[letter_id] = verdict(conn, letter_id, now)

    def _too_many(self) -> str:
        decided = [v for v in self._watched.values() if v is not Verdict.MOVING]
        bad = decided.count(Verdict.BAD)
        if len(decided) < ENOUGH or Decimal(bad) / len(decided) <= self._orders.stop_at:
            return ""
        return f"{bad} of {len(decided)} were buried again, more than {self._orders.stop_at:.0%}"

    def _canary(self) -> str:
        """Wait until the first letters are decided; says why the run must stop, or nothing."""
        ends = self._clock() + timedelta(seconds=self._orders.patience)
        while True:
            self._look()
            told = list(self._watched.values())
            if Verdict.BAD in told:
                return f"{told.count(Verdict.BAD)} of the first {len(told)} were buried again"
            if Verdict.MOVING not in told:
                return ""
            if self._clock() >= ends:
                left = told.count(Verdict.MOVING)
                return f"{left} of the first {len(told)} did not end in time; is `returnline up` running?"
            self._sleep(_POLL)

    def _note(self, did: str, report: Report, more: Mapping[str, Any]) -> None:
        details = {
            "run": report.run_id,
            "matched": report.matched,
            "moved": dict(report.moved),
            "verdicts": dict(report.verdicts),
            "stopped": report.stopped,
            "force": self._orders.force,
            **more,
        }
        with self._ledger.write() as conn:
            audit.write(conn, self._who, did, details, self._clock())
