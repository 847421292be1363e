"""The store of the model checker does what the ledger does: the same calls in the same order give the same rows."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from pipeline.ledger import Ledger, effects, entries, returns
from pipeline.ledger.effects import EffectRow
from pipeline.ledger.schema import all as t
from pipeline.ledger.schema import migrating
from schemas.actions import PostCreditNote
from schemas.effects import EffectState, Outcome
from tests.faults.cas_store import CasStore
from tests.faults.model_cin7 import DRAFTED, an_action

START = datetime(2026, 3, 1, tzinfo=UTC)
LEASE = timedelta(seconds=180)
ACTION = an_action(DRAFTED, "u1")


class SqlStore:
    """The same calls on the real ledger."""

    def __init__(self, ledger: Ledger, action: PostCreditNote) -> None:
        self.ledger = ledger
        with ledger.write() as conn:
            return_id = returns.nudge(conn, "alder", "55", START)
            self._entry = entries.wake(conn, "alder", "credit-notes", "55", return_id, START)
        self._return = return_id
        self.action = action

    def plan(self, action: PostCreditNote, now: datetime) -> int | None:
        with self.ledger.write() as conn:
            return effects.plan(conn, self._entry, "alder", self._return, action, now)

    def claim(self, effect_id: int, now: datetime, lease: timedelta) -> EffectRow | None:
        with self.ledger.write() as conn:
            return effects.claim(conn, effect_id, now, lease)

    def change(self, row: EffectRow, now: datetime, **values: Any) -> EffectRow | None:
        with self.ledger.write() as conn:
            return effects.change(conn, row, now, **values)

    def confirm(self, row: EffectRow, outcome: Outcome, now: datetime) -> EffectRow | None:
        with self.ledger.write() as conn:
            return effects.confirm(conn, row, outcome, now)

    def withdraw(self, effect_id: int) -> bool:
        with self.ledger.write() as conn:
            return effects.withdraw(conn, effect_id, START, "")

    def look_again(self, effect_id: int, now: datetime) -> bool:
        with self.ledger.write() as conn:
            return effects.look_again(conn, effect_id, now)


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    url = f"sqlite:///{tmp_path_factory.mktemp('cas') / 'ledger.sqlite'}"
    migrating.migrate(url)
    opened = Ledger(url)
    # The comparison makes thousands of commits; what they survive is proved elsewhere.
    sa.event.listen(opened.engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
    yield opened
    opened.close()


def _changes(rng: random.Random, now: datetime) -> dict[str, Any]:
    later: datetime | None = now + timedelta(seconds=rng.choice((0, 5, 50)))
    return rng.choice(
        [
            {"state": EffectState.SENDING, "sent_at": now, "sends": 1, "step_sends": 1, "lease_until": now + LEASE},
            {"state": EffectState.UNCERTAIN, "due_at": later, "lease_until": None, "lookups": rng.randrange(3)},
            {"state": EffectState.UNCERTAIN, "due_at": None, "lease_until": None, "why": "asked"},
            {"state": EffectState.PLANNED, "sends": 0, "step_sends": 0, "due_at": later, "lease_until": None},
            {"state": EffectState.REJECTED, "due_at": None, "lease_until": None},
            {"state": EffectState.CLAIMED, "progress": {"task_id": "d-1"}, "step_sends": 0},
        ]
    )


def _differences(left: EffectRow, right: EffectRow) -> dict[str, tuple[Any, Any]]:
    ignored = {"entry_id", "return_id", "effect_id", "why"}
    both = {f.name: (getattr(left, f.name), getattr(right, f.name)) for f in fields(EffectRow)}
    return {name: values for name, values in both.items() if name not in ignored and values[0] != values[1]}


@pytest.mark.parametrize("seed", range(8))
def test_the_store_in_memory_and_the_ledger_never_differ(ledger: Ledger, seed: int) -> None:
    rng, now = random.Random(seed), START
    with ledger.write() as conn:
        for table in (t.effect_units, t.effects):
            conn.execute(table.delete())
    memory, sql = CasStore(), SqlStore(ledger, ACTION)
    ids = memory.plan(ACTION, now), sql.plan(ACTION, now)
    assert ids[0] is not None
    assert ids[1] is not None
    held: list[tuple[EffectRow, EffectRow]] = []
    for step in range(60):
        now += timedelta(seconds=rng.choice((0, 1, 60, 200)))
        told = _both(rng, memory, sql, (ids[0], ids[1]), held, now)
        assert _differences(*told) == {}, f"seed {seed}, step {step}"


def _both(
    rng: random.Random,
    memory: CasStore,
    sql: SqlStore,
    ids: tuple[int, int],
    held: list[tuple[EffectRow, EffectRow]],
    now: datetime,
) -> tuple[EffectRow, EffectRow]:
    """One and the same call to both; gives what both hold afterwards."""
    move = rng.choice(("claim", "claim", "change", "change", "change", "confirm", "withdraw", "again", "plan"))
    got: tuple[Any, Any] = (None, None)
    if move == "claim":
        got = memory.claim(ids[0], now, LEASE), sql.claim(ids[1], now, LEASE)
    elif move == "withdraw":
        got = memory.withdraw(ids[0]), sql.withdraw(ids[1])
    elif move == "again":
        got = memory.look_again(ids[0], now), sql.look_again(ids[1], now)
    elif move == "plan":
        got = memory.plan(ACTION, now) is None, sql.plan(ACTION, now) is None
    elif held:
        # Any row ever held, so that old fences are tried too.
        mine, theirs = rng.choice(held)
        if move == "confirm" and rng.random() < 0.3:
            outcome = Outcome("d-1", details={"adopted": "yes"})
            got = memory.confirm(mine, outcome, now), sql.confirm(theirs, outcome, now)
        else:
            values = _changes(rng, now)
            got = memory.change(mine, now, **values), sql.change(theirs, now, **values)
    if isinstance(got[0], EffectRow) and isinstance(got[1], EffectRow):
        held.append(got)
    else:
        assert (got[0] is None) == (got[1] is None)
        assert isinstance(got[0], EffectRow) == isinstance(got[1], EffectRow)
        assert got[0] == got[1] or got[0] is None
    with sql.ledger.read() as conn:
        return memory.rows[ids[0]], effects.get(conn, ids[1])
