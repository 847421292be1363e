"""Whose fault a doubt is: what the ledger knows about the writes of one effect and of the others of its kind."""

from __future__ import annotations

from datetime import datetime
from itertools import takewhile

import sqlalchemy as sa

from pipeline.ledger.effects import EffectRow
from pipeline.ledger.schema import all as t
from schemas.effects import EffectState

#: More sends of one step than any decision asks for.
_MOST = 100
_E, _A = t.effects.c, t.attempts.c


def unanswered_writes(conn: sa.Connection, row: EffectRow) -> list[datetime]:
    """When the sends were made that nobody answered since this effect was last answered, the latest first. A requeue
    forgets none of them: what a person sends again for nothing is back with them at once."""
    left = (_A.effect_id == row.effect_id) & (_A.method != "GET") & _A.outcome.not_in(("not_sent", "throttled"))
    writes = conn.execute(sa.select(_A.at, _A.outcome).where(left).order_by(_A.id.desc()).limit(_MOST))
    return [at for at, _ in takewhile(lambda write: write[1] == "uncertain", writes)]


def others_written(conn: sa.Connection, row: EffectRow, since: datetime) -> datetime | None:
    """When, after that moment, another effect of this kind was first written: sent, and it stands."""
    stands = (_E.state == EffectState.CONFIRMED) & (_E.confirmed_at > since) & (_E.sends > 0) & (_E.source == "ours")
    first = sa.select(_E.confirmed_at).where(_others(row) & stands).order_by(_E.confirmed_at).limit(1)
    return conn.execute(first).scalars().first()


def others_in_doubt(conn: sa.Connection, row: EffectRow) -> bool:
    """Whether another effect of this kind does not know now what became of its send."""
    doubts = _E.state.in_((EffectState.SENDING, EffectState.UNCERTAIN)) & _E.due_at.is_not(None) & (_E.step_sends > 0)
    return conn.execute(sa.select(_E.id).where(_others(row) & doubts).limit(1)).first() is not None


def _others(row: EffectRow) -> sa.ColumnElement[bool]:
    return (_E.shop == row.shop) & (_E.kind == row.kind) & (_E.id != row.effect_id)
