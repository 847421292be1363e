"""Explores the effect protocol: several workers, one call at a time, any of which may stop for ever or for a while.

Every choice comes from one seed, so a run that breaks a promise can be played again: RETURNLINE_SEED=<seed>.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from pipeline.ledger.effects import EffectRow
from schemas.effects import EffectState
from tasks.effects.perform import Performer, waits_for_person
from tasks.effects.protocol import Timing
from tests.faults.cas_store import CasStore
from tests.faults.interleaving import WatchedProvider, WatchedStore, Worker
from tests.faults.model_cin7 import CURSES, DIRECT, SIMPLE, STYLES, ModelCin7, ModelOutages, an_action

TIMING = Timing(
    lease=timedelta(seconds=180),
    write_deadline=timedelta(seconds=30),
    quiet=timedelta(seconds=110),
    lookup_waits=tuple(timedelta(seconds=s) for s in (5, 15, 45, 120)),
)
#: Leases, in seconds: as delivered, and the shortest that the settings allow with these deadlines.
LEASES = (180, 60)
STEPS = 60
#: Deliberate look at every unfinished effect after the storm, at most.
ROUNDS = 40
#: No performance of one effect needs more pauses than this.
MOST_CALLS = 200


class BrokenPromiseError(AssertionError):
    """The protocol did what it must never do; the message holds the seed and the story."""


@dataclass(frozen=True)
class Variant:
    """The protocol as it is; a mutant replaces one part of it."""

    name: str = "as it is"
    performer: type[Performer] = Performer
    store: type[CasStore] = CasStore
    styles: tuple[str, ...] = STYLES
    leases: tuple[int, ...] = LEASES
    outages: type[ModelOutages] = ModelOutages


@dataclass
class Run:
    """One exploration."""

    seed: int
    variant: Variant = field(default_factory=Variant)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.style = self.rng.choice(self.variant.styles)
        self.cin7 = ModelCin7(self.rng, simple=self.style == SIMPLE, curse=self.rng.choice(CURSES))
        self.timing = replace(TIMING, lease=timedelta(seconds=self.rng.choice(self.variant.leases)))
        # Of its own seed, so that the storm of a seed is the same with and without it.
        self.outages = self.variant.outages(random.Random(self.seed), self.cin7)
        self.store = self.variant.store()
        self.workers: list[Worker] = []
        self.snapshots: dict[int, EffectRow] = {}
        self.was_confirmed: set[int] = set()
        # A worker frozen inside its send can land a write at any time. A draft then becomes a stray draft, and a simple
        # sale has one note; only a direct note relies on the deadline of the wire.
        self.reckless = self.style != DIRECT and self.rng.random() < 0.4
        units = ["u1"] if self.style == SIMPLE else ["u1", "u2"][: self.rng.choice((1, 1, 2))]
        self.actions = [an_action(self.style, unit) for unit in units]
        for action in self.actions:
            self.store.plan(action, self.cin7.now)

    # -- the storm ----------------------------------------------------------------------------------------------------

    def play(self) -> None:
        """Storm, then calm. Raises BrokenPromiseError."""
        try:
            for _ in range(STEPS):
                self._something_happens()
                self._check()
            self._calm()
        finally:
            for worker in self.workers:
                if not worker.ended:
                    worker.kill()

    def _something_happens(self) -> None:
        moves: list[tuple[int, Callable[[], None]]] = [
            (8, self._hint),
            (60, self._step),
            (5, self._kill),
            (18, self._pass_time),
            (4, self._take_over),
            (2, self._plan_again),
            (1, self._restore_backup),
            (2, self._person),
            (3, self._keep_backup),
        ]
        self.rng.choices([move for _, move in moves], [weight for weight, _ in moves])[0]()

    @property
    def _alive(self) -> list[Worker]:
        return [worker for worker in self.workers if not worker.ended]

    def _hint(self) -> None:
        if len(self._alive) < 3:
            self._hire(self.rng.choice(sorted(self.store.rows)))

    def _hire(self, effect_id: int) -> Worker:
        performer = self.variant.performer(
            WatchedStore(self.store),
            WatchedProvider(self.cin7, reckless=self.reckless),
            self.timing,
            lambda: self.cin7.now,
            self.outages,
        )
        worker = Worker(f"w{len(self.workers) + 1}", lambda: performer.perform(effect_id))
        worker.pace = self.rng.choice((0.03, 0.3, 1.0))
        worker.start()
        self.workers.append(worker)
        self._say(f"{worker.name} is hinted at effect {effect_id}")
        return worker

    def _step(self) -> None:
        if self._alive:
            self._move(self.rng.choices(self._alive, [worker.pace for worker in self._alive])[0])

    def _move(self, worker: Worker) -> None:
        worker.step()
        self._say(f"{worker.name}: {worker.at}")
        if worker.failure is not None:
            raise BrokenPromiseError(self.story(f"{worker.name} failed: {worker.failure!r}")) from worker.failure

    def _kill(self) -> None:
        if self._alive:
            worker = self.rng.choice(self._alive)
            self._say(f"{worker.name} is killed {worker.at}")
            worker.kill()

    def _pass_time(self) -> None:
        if self.rng.random() < 0.5:
            self._forward(self.rng.choice((1.0, 3.0, 8.0, 20.0, 50.0, 120.0, 200.0)))
            return
        wakes = [moment for row in self.store.rows.values() for moment in (row.due_at, row.lease_until) if moment]
        ahead = [moment for moment in wakes if moment >= self.cin7.now]
        if ahead:
            self._forward((min(ahead) - self.cin7.now).total_seconds() + 0.5)

    def _forward(self, seconds: float) -> None:
        """Time passes; a send that was decided on leaves before its time is over."""
        until = self.cin7.now + timedelta(seconds=seconds)
        while leaving := [w for w in self._alive if w.leaves_by is not None and w.leaves_by < until]:
            first = min(leaving, key=lambda w: w.leaves_by or until)
            assert first.leaves_by is not None
            self.cin7.forward(max((first.leaves_by - self.cin7.now).total_seconds(), 0.0))
            self._move(first)
        self.cin7.forward((until - self.cin7.now).total_seconds())

    def _take_over(self) -> None:
        """The moment a lease ends, another worker takes the effect and brings it as far as it will go."""
        held = [row for row in self.store.rows.values() if row.lease_until and row.lease_until > self.cin7.now]
        if held and len(self._alive) < 3:
            row = self.rng.choice(held)
            assert row.lease_until is not None
            self._forward((row.lease_until - self.cin7.now).total_seconds())
            self._finish(self._hire(row.effect_id))

    def _plan_again(self) -> None:
        """The same fact by another route."""
        self.store.plan(self.rng.choice(self.actions), self.cin7.now)

    def _keep_backup(self) -> None:
        self.snapshots = dict(self.store.rows)

    def _restore_backup(self) -> None:
        """The ledger goes back to an old state; everything was stopped meanwhile."""
        if not self.snapshots:
            return
        for worker in self._alive:
            worker.kill()
        self._say("the ledger is restored from a backup")
        self._forward(300)
        self.store.rows = {**self.store.rows, **self.snapshots}
        self.was_confirmed &= {i for i, row in self.store.rows.items() if row.state == EffectState.CONFIRMED}

    def _person(self) -> None:
        for effect_id, row in list(self.store.rows.items()):
            if waits_for_person(row):
                self._say(f"a person requeues effect {effect_id}")
                self._forward(60)
                if row.state == EffectState.REJECTED and self.store.withdraw(effect_id):
                    self.store.plan(row.action, self.cin7.now)
                else:
                    self.store.look_again(effect_id, self.cin7.now)

    # -- the calm -----------------------------------------------------------------------------------------------------

    def _calm(self) -> None:
        self.cin7.faulty = False
        frozen = [w for w in self._alive if self.reckless and w.at == "before send"]
        for worker in self._alive:
            if worker not in frozen:
                self._finish(worker)
        for _ in range(ROUNDS):
            waiting = [row for row in self.store.rows.values() if not self._over(row)]
            if not waiting:
                break
            self._attend(min(waiting, key=lambda row: row.due_at or self.cin7.now))
        for worker in frozen:
            self._finish(worker)
        self._forward(100)
        self._check()
        self._check_end()

    def _attend(self, row: EffectRow) -> None:
        wakes = max(filter(None, (row.due_at, row.lease_until)), default=None)
        if wakes is None:
            raise BrokenPromiseError(self.story(f"effect {row.effect_id} waits for nothing in {row.state}"))
        self._forward(max((wakes - self.cin7.now).total_seconds(), 0.0) + 1)
        self._finish(self._hire(row.effect_id))

    def _finish(self, worker: Worker) -> None:
        for _ in range(MOST_CALLS):
            if worker.ended:
                return
            self._move(worker)
            self._check()
        raise BrokenPromiseError(self.story(f"{worker.name} calls without end"))

    @staticmethod
    def _over(row: EffectRow) -> bool:
        return row.state in {EffectState.CONFIRMED, EffectState.WITHDRAWN} or waits_for_person(row)

    # -- the promises -------------------------------------------------------------------------------------------------

    def _check(self) -> None:
        for action in self.actions:
            held = self.cin7.authorised(action.marker)
            if len(held) > 1:
                raise BrokenPromiseError(self.story(f"{len(held)} authorised documents for {action.key}"))
        for effect_id, row in self.store.rows.items():
            if row.state == EffectState.CONFIRMED:
                self._check_confirmed(effect_id, row)
            elif effect_id in self.was_confirmed:
                raise BrokenPromiseError(self.story(f"effect {effect_id} went from CONFIRMED to {row.state}"))

    def _check_confirmed(self, effect_id: int, row: EffectRow) -> None:
        self.was_confirmed.add(effect_id)
        held = [doc.task_id for doc in self.cin7.authorised(row.action.marker)]
        if held != [self.store.references[effect_id]]:
            raise BrokenPromiseError(self.story(f"effect {effect_id} is CONFIRMED, and the books hold {held}"))

    def _check_end(self) -> None:
        for row in self.store.rows.values():
            if not self._over(row):
                raise BrokenPromiseError(
                    self.story(f"effect {row.effect_id} is still {row.state} after {ROUNDS} rounds")
                )
            if row.state == EffectState.REJECTED and not self.reckless and self.cin7.authorised(row.action.marker):
                raise BrokenPromiseError(self.story(f"effect {row.effect_id} is REJECTED, and its document stands"))

    # -- the story ----------------------------------------------------------------------------------------------------

    def _say(self, what: str) -> None:
        self.cin7.log.append(f"{self.cin7.now:%H:%M:%S} {what}")

    def story(self, what: str) -> str:
        """What went wrong and everything that led to it."""
        states = [f"effect {i}: {row}" for i, row in self.store.rows.items()]
        head = f"{what}\nvariant {self.variant.name!r}, style {self.style}, RETURNLINE_SEED={self.seed}"
        return "\n".join([head, *self.cin7.log, *states])


def explore(seeds: range, variant: Variant | None = None) -> dict[str, int]:
    """Play every seed; gives how many effects ended in which state. Raises BrokenPromiseError."""
    ends: dict[str, int] = {}
    for seed in seeds:
        run = Run(seed, variant or Variant())
        run.play()
        for row in run.store.rows.values():
            ends[row.state] = ends.get(row.state, 0) + 1
    return ends
