"""Reading Returnline's ledger, for the progress line and for what is held against the practice world's books."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import sqlalchemy as sa

from pipeline.ledger import Ledger, reference_books
from pipeline.ledger.codec import from_json
from pipeline.ledger.schema import all as t
from pipeline.settings.load import load
from sandbox.demo.day.words import ALDER
from sandbox.demo.stage import Stage
from schemas.effects import LIVE, EffectState
from schemas.sales import Tenant

CONSUMER = "credit-notes"
UNDECIDED = (*LIVE, EffectState.REJECTED)


@dataclass(frozen=True, slots=True)
class Standing:
    """How one return stands: the state of its credit-note entry, the exceptions of all consumers, open and past, and
    the kinds of its confirmed effects.
    """

    state: str = ""
    reason: str = ""
    open: dict[str, str] = field(default_factory=dict)
    seen: frozenset[str] = frozenset()
    done: frozenset[str] = frozenset()

    @property
    def credited(self) -> bool:
        """Whether a credit note is made or adopted."""
        return "credit" in self.done


@dataclass(frozen=True, slots=True)
class View:
    """The ledger at one moment. `standings` is by RMA id, `undecided` counts effects neither done nor given up,
    `unseen` entries that no worker has looked at. `batches` is the last batch's state per shop, `effects` counts the
    confirmed effects by kind, `locked` is the lock date that we know of.
    """

    standings: dict[str, Standing]
    deliveries: dict[str, int]
    undecided: int
    unseen: int
    calls: dict[str, int]
    buried: dict[str, int]
    batches: dict[str, str] = field(default_factory=dict)
    effects: dict[str, int] = field(default_factory=dict)
    locked: date | None = None

    def of(self, rma_id: str) -> Standing:
        """How this return stands; nothing yet where the ledger does not know it."""
        return self.standings.get(rma_id, Standing())

    @property
    def admitted(self) -> int:
        """Deliveries in the ledger."""
        return sum(self.deliveries.values())


_BATCHES = sa.select(t.batches.c.shop, t.batches.c.state).order_by(t.batches.c.id)
_EFFECTS = (
    sa.select(t.effects.c.kind, sa.func.count())
    .where(t.effects.c.state == EffectState.CONFIRMED)
    .group_by(t.effects.c.kind)
)


class LedgerWindow:
    """A window on the ledger of a stage: it reads, and changes nothing."""

    def __init__(self, stage: Stage) -> None:
        self._ledger = Ledger(load(stage.config, stage.data, {}).database_url)

    def look(self) -> View:
        """The ledger now."""
        with self._ledger.read() as conn:
            return View(
                _standings(conn),
                _counts(conn, sa.select(t.deliveries.c.outcome, sa.func.count()).group_by(t.deliveries.c.outcome)),
                _count(conn, sa.select(sa.func.count()).where(t.effects.c.state.in_(UNDECIDED))),
                _count(conn, sa.select(sa.func.count()).where(t.entries.c.state == "open")),
                _counts(conn, sa.select(t.attempts.c.system, sa.func.count()).group_by(t.attempts.c.system)),
                _counts(conn, sa.select(t.dead_letters.c.queue, sa.func.count()).group_by(t.dead_letters.c.queue)),
                {row[0]: row[1] for row in conn.execute(_BATCHES)},
                _counts(conn, _EFFECTS),
                _locked(conn),
            )

    def bodies(self) -> list[bytes]:
        """The bytes of every delivery in the ledger."""
        with self._ledger.read() as conn:
            return [bytes(body or b"") for body in conn.execute(sa.select(t.deliveries.c.body)).scalars()]

    def close(self) -> None:
        """Let go of it."""
        self._ledger.close()


def _standings(conn: sa.Connection) -> dict[str, Standing]:
    query = sa.select(t.entries.c.subject, t.entries.c.state, t.entries.c.reason)
    entries = {row[0]: row for row in conn.execute(query.where(t.entries.c.consumer == CONSUMER))}
    x = t.exceptions.c
    raised: dict[str, list[Any]] = {}
    for row in conn.execute(sa.select(x.subject, x.type, x.state, x.cause)):
        raised.setdefault(row[0], []).append(row)
    joined = t.effects.join(t.returns, t.returns.c.id == t.effects.c.return_id)
    made = (
        sa.select(t.returns.c.rma_id, t.effects.c.kind)
        .select_from(joined)
        .where(t.effects.c.state == EffectState.CONFIRMED)
    )
    done: dict[str, set[str]] = {}
    for rma, kind in conn.execute(made):
        done.setdefault(rma, set()).add(kind)
    return {
        rma: Standing(
            row[1],
            row[2],
            {one[1]: one[3] for one in raised.get(rma, []) if one[2] == "open"},
            frozenset(one[1] for one in raised.get(rma, [])),
            frozenset(done.get(rma, ())),
        )
        for rma, row in entries.items()
    }


def _locked(conn: sa.Connection) -> date | None:
    kept = reference_books.reference_book(conn, ALDER, "me")
    return from_json(Tenant, kept[0]).lock_date if kept else None


def _counts(conn: sa.Connection, query: Any) -> dict[str, int]:
    return {str(name): int(count) for name, count in conn.execute(query)}


def _count(conn: sa.Connection, query: Any) -> int:
    return int(conn.execute(query).scalar_one())
