"""Effects: one thing to do, once, under one business key. Every change is a compare-and-set on (state, fence)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from pipeline.ledger.codec import action_from_json, action_to_json
from pipeline.ledger.schema import all as t
from pipeline.ledger.store import insert_once
from schemas.actions import Action, Effect
from schemas.effects import LIVE, PAST_VOID, EffectState, Outcome

#: In `progress` of a confirmed note: it was taken back in Cin7 since; the word says how it was last seen there.
TAKEN_BACK = "taken_back"
_F = t.effects.c


@dataclass(frozen=True, slots=True)
class EffectRow:
    """One effect as the ledger holds it, under the fence of the last claim."""

    effect_id: int
    key: str
    kind: str
    shop: str
    entry_id: int
    return_id: int | None
    sale_id: str
    action: Action
    state: EffectState
    fence: int
    sends: int
    step_sends: int
    lookups: int
    reconcile_first: bool
    progress: Mapping[str, str]
    due_at: datetime | None
    lease_until: datetime | None
    sent_at: datetime | None
    why: str = ""
    planned_at: datetime | None = None


def _row(row: Any) -> EffectRow:
    return EffectRow(
        effect_id=row["id"],
        key=row["key"],
        kind=row["kind"],
        shop=row["shop"],
        entry_id=row["entry_id"],
        return_id=row["return_id"],
        sale_id=row["sale_id"],
        action=action_from_json(row["action"]),
        state=EffectState(row["state"]),
        fence=row["fence"],
        sends=row["sends"],
        step_sends=row["step_sends"],
        lookups=row["lookups"],
        reconcile_first=row["reconcile_first"],
        progress=row["progress"],
        due_at=row["due_at"],
        lease_until=row["lease_until"],
        sent_at=row["sent_at"],
        why=row["why"],
        planned_at=row["planned_at"],
    )


def of_row(row: Mapping[str, Any]) -> EffectRow:
    """An effect from a row that holds every column of its table."""
    return _row(row)


def get(conn: sa.Connection, effect_id: int) -> EffectRow:
    """One effect. Raises NoResultFound."""
    return _row(conn.execute(sa.select(t.effects).where(_F.id == effect_id)).mappings().one())


def of_entry(conn: sa.Connection, entry_id: int, states: Iterable[str] = LIVE) -> list[EffectRow]:
    """The entry's effects in these states, in the order they were planned."""
    query = sa.select(t.effects).where((_F.entry_id == entry_id) & _F.state.in_(tuple(states))).order_by(_F.id)
    return [_row(row) for row in conn.execute(query).mappings()]


def of_return(conn: sa.Connection, return_id: int) -> list[Mapping[str, Any]]:
    """Every effect of a return as plain rows, for stories and decisions."""
    return [
        dict(r) for r in conn.execute(sa.select(t.effects).where(_F.return_id == return_id).order_by(_F.id)).mappings()
    ]


def plan(
    conn: sa.Connection, entry_id: int, shop: str, return_id: int | None, action: Effect, now: datetime
) -> int | None:
    """Write the effect down under its business key. None when the key or one of its units is already in other hands:
    then nothing may be sent.

    An effect that was withdrawn, or planned and never sent, takes the new action and keeps its fence.
    """
    kind = action.kind
    fresh = {
        "entry_id": entry_id,
        "return_id": return_id,
        "sale_id": action.sale_id,
        "action": action_to_json(action),
        "state": EffectState.PLANNED,
        "due_at": now,
        "planned_at": now,
        "changed_at": now,
        "why": "",
    }
    new = insert_once(conn, t.effects, key=action.key, shop=shop, kind=kind, marker=action.marker, progress={}, **fresh)
    row = conn.execute(sa.select(t.effects).where(_F.key == action.key)).mappings().one()
    if not new:
        replaceable = row["state"] == EffectState.WITHDRAWN or (
            row["state"] == EffectState.PLANNED and row["sends"] == 0
        )
        if not replaceable:
            return None
        again = {**fresh, "reconcile_first": row["reconcile_first"] or row["sends"] > 0, "lookups": 0, "step_sends": 0}
        if row["state"] == EffectState.PLANNED:
            again["planned_at"] = row["planned_at"]
        conn.execute(t.effects.update().where((_F.id == row["id"]) & (_F.fence == row["fence"])).values(**again))
    if return_id is not None and not _take_units(conn, int(row["id"]), return_id, kind, action.units):
        conn.execute(
            t.effects.update()
            .where(_F.id == row["id"])
            .values(state=EffectState.WITHDRAWN, due_at=None, why="units are in another effect")
        )
        return None
    return int(row["id"])


def _take_units(conn: sa.Connection, effect_id: int, return_id: int, kind: str, units: Iterable[str]) -> bool:
    for unit in units:
        insert_once(conn, t.effect_units, effect_id=effect_id, return_id=return_id, kind=kind, unit=unit)
    mine = sa.select(sa.func.count()).where(t.effect_units.c.effect_id == effect_id)
    if conn.execute(mine).scalar_one() == len(set(units)):
        return True
    free_units(conn, effect_id)
    return False


def free_units(conn: sa.Connection, effect_id: int) -> None:
    """Let another effect take these units."""
    conn.execute(t.effect_units.delete().where(t.effect_units.c.effect_id == effect_id))


def withdraw(conn: sa.Connection, effect_id: int, now: datetime, why: str) -> bool:
    """Take back an effect of which nothing was ever sent, or that was definitely refused. False where it is too late
    for that."""
    untouched = (_F.state == EffectState.PLANNED) & (_F.sends == 0)
    changed = conn.execute(
        t.effects.update()
        .where((_F.id == effect_id) & (untouched | (_F.state == EffectState.REJECTED)))
        .values(state=EffectState.WITHDRAWN, due_at=None, lease_until=None, why=why, changed_at=now, fence=_F.fence + 1)
    )
    if changed.rowcount == 1:
        free_units(conn, effect_id)
    return changed.rowcount == 1


def look_again(conn: sa.Connection, effect_id: int, now: datetime) -> bool:
    """A person asks for another round of an uncertain effect that waits for them. False when it does not wait.

    It stays UNCERTAIN: it is looked up first, and only look-ups that find nothing after the quiet period allow one more
    send. One of which nothing was ever sent is simply planned again.
    """
    waits = (_F.id == effect_id) & (_F.state == EffectState.UNCERTAIN) & _F.due_at.is_(None)
    changed = conn.execute(
        t.effects.update()
        .where(waits)
        .values(
            state=sa.case((_F.sends == 0, EffectState.PLANNED.value), else_=EffectState.UNCERTAIN.value),
            due_at=now,
            lookups=0,
            step_sends=sa.case((_F.step_sends > 1, 1), else_=_F.step_sends),
            sent_at=sa.case((_F.sends == 0, sa.null()), else_=sa.func.coalesce(_F.sent_at, now)),
            fence=_F.fence + 1,
            why="requeued: looked up before anything is sent",
            changed_at=now,
        )
    )
    return changed.rowcount == 1


def allow_past_void(conn: sa.Connection, effect_id: int) -> None:
    """A person says that our document was voided by hand and must be posted again: look-ups pass over voided ones.

    What stands is still found by its mark; the voided document itself is not taken up again.
    """
    kept = conn.execute(sa.select(_F.progress).where(_F.id == effect_id)).scalar_one()
    progress = {name: value for name, value in kept.items() if name != "task_id"} | {PAST_VOID: "yes"}
    conn.execute(
        t.effects.update().where((_F.id == effect_id) & (_F.state != EffectState.CONFIRMED)).values(progress=progress)
    )


def discard(conn: sa.Connection, effect_id: int, now: datetime, why: str) -> bool:
    """A person gives an effect up that is not confirmed: it is never sent again, and its units stay taken."""
    undone = _F.state.in_((*LIVE, EffectState.REJECTED))
    changed = conn.execute(
        t.effects.update()
        .where((_F.id == effect_id) & undone)
        .values(state=EffectState.DISCARDED, due_at=None, lease_until=None, why=why, changed_at=now, fence=_F.fence + 1)
    )
    return changed.rowcount == 1


def claim(conn: sa.Connection, effect_id: int, now: datetime, lease: timedelta) -> EffectRow | None:
    """Take a due effect. One found SENDING was interrupted after the point of no return: it becomes UNCERTAIN, never
    PLANNED."""
    row = get(conn, effect_id)
    if not row.state.live or row.due_at is None or row.due_at > now:
        return None
    if row.lease_until is not None and row.lease_until > now:
        return None
    state = EffectState.UNCERTAIN if row.state in {EffectState.SENDING, EffectState.UNCERTAIN} else EffectState.CLAIMED
    return _change(conn, row, now, state=state, fence=row.fence + 1, lease_until=now + lease)


def change(conn: sa.Connection, row: EffectRow, now: datetime, **values: Any) -> EffectRow | None:
    """Move the effect on, if this worker still holds it (state and fence unchanged). None when it does not."""
    return _change(conn, row, now, **values)


def _change(conn: sa.Connection, row: EffectRow, now: datetime, **values: Any) -> EffectRow | None:
    held = (_F.id == row.effect_id) & (_F.fence == row.fence) & (_F.state == row.state)
    if conn.execute(t.effects.update().where(held).values(changed_at=now, **values)).rowcount != 1:
        return None
    return get(conn, row.effect_id)


def confirm(conn: sa.Connection, row: EffectRow, outcome: Outcome, now: datetime) -> EffectRow | None:
    """Write-once: the effect is done, and this is its document."""
    gross = outcome.gross
    return _change(
        conn,
        row,
        now,
        state=EffectState.CONFIRMED,
        confirmed_at=now,
        due_at=None,
        lease_until=None,
        why="",
        reference=outcome.reference,
        number=outcome.number,
        currency=gross.currency if gross else "",
        net=outcome.net.amount if outcome.net else None,
        tax=outcome.tax.amount if outcome.tax else None,
        gross=gross.amount if gross else None,
        source="ours" if outcome.ours else "adopted",
        digest=outcome.digest,
        progress={**row.progress, **outcome.details},
    )


def confirmed_since(conn: sa.Connection, entry_id: int, moment: datetime) -> bool:
    """Whether an effect of this entry was confirmed at or after the moment."""
    query = sa.select(_F.id).where((_F.entry_id == entry_id) & (_F.confirmed_at >= moment)).limit(1)
    return conn.execute(query).first() is not None


def number_of(conn: sa.Connection, effect_id: int) -> str:
    """The provider's number of a confirmed document."""
    return str(conn.execute(sa.select(_F.number).where(_F.id == effect_id)).scalar_one())


def expired(conn: sa.Connection, now: datetime, limit: int = 100) -> list[tuple[int, int]]:
    """Effects whose worker vanished: (effect id, entry id)."""
    query = (
        sa.select(_F.id, _F.entry_id)
        .where(_F.state.in_((EffectState.CLAIMED, EffectState.SENDING)) & (_F.lease_until <= now))
        .limit(limit)
    )
    return [(int(effect), int(entry)) for effect, entry in conn.execute(query)]


def reconcile_all_first(conn: sa.Connection, now: datetime) -> int:
    """Trust nothing that was read before: every effect under way gets a look-up of its own before it is sent. Gives how
    many there are."""
    live = _F.state.in_(LIVE)
    return int(conn.execute(t.effects.update().where(live).values(reconcile_first=True, changed_at=now)).rowcount)


def by_state(conn: sa.Connection) -> dict[tuple[str, str], int]:
    """How many effects of each kind are in each state."""
    rows = conn.execute(sa.select(_F.kind, _F.state, sa.func.count()).group_by(_F.kind, _F.state))
    return {(str(kind), str(state)): int(count) for kind, state, count in rows}
