"""One dead letter back to life, or given up: each in one transaction with its subject, by compare-and-set.

Of two operators one moves a letter and the other changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from pipeline.broker.names import CONSUME, INTAKE, REFRESH
from pipeline.ledger import audit, concerns, deliveries, effects, entries, following, returns, strangers
from pipeline.ledger.letters import dead, letters
from pipeline.ledger.schema import all as t
from schemas.effects import LIVE, EffectState
from schemas.hooks import read_hook
from schemas.json.fields import SchemaInvalidError

#: After so many requeues that met the same cause, a person must say that they mean it.
MOST_REQUEUES = 3
_D = t.dead_letters.c

#: A message to send after the commit: task, queue, arguments.
Hint = tuple[str, str, dict[str, int]]


class Moved(StrEnum):
    """What became of a letter when it was requeued."""

    REQUEUED = "requeued"
    SATISFIED = "already satisfied"
    BURIED = "buried again"
    ELSEWHERE = "moved by somebody else"
    TIRED = "needs --force"


@dataclass(frozen=True, slots=True)
class Requeued:
    """The outcome for one letter, and the hints to send once it is committed."""

    moved: Moved
    why: str = ""
    hints: tuple[Hint, ...] = field(default=())


def requeue(
    conn: sa.Connection,
    row: Mapping[str, Any],
    who: str,
    run_id: str,
    now: datetime,
    *,
    force: bool = False,
    past_void: bool = False,
) -> Requeued:
    """Reopen the subject of this letter, by the same way as a first time: nothing is sent from here.

    With `past_void` a document of ours that a person voided does not stop another one.
    """
    if row["redrives"] >= MOST_REQUEUES and not force:
        return Requeued(Moved.TIRED, f"requeued {row['redrives']} times and died of the same cause each time")
    if not _move(conn, row, dead.REQUEUED, now, f"run {run_id}", redrives=_D.redrives + 1):
        return Requeued(Moved.ELSEWHERE)
    if past_void and row["effect_id"] is not None:
        effects.allow_past_void(conn, int(row["effect_id"]))
    done = _BY_STAGE[row["stage"]](conn, row, now)
    if done.moved is Moved.SATISFIED:
        _end(conn, row, dead.RESOLVED, now, done.why)
    details = {"letter": row["id"], "run": run_id, "outcome": done.moved.value, "why": done.why, "past_void": past_void}
    audit.write(conn, who, "dead.requeue", details, now)
    return done


def _move(conn: sa.Connection, row: Mapping[str, Any], state: str, now: datetime, note: str, **values: Any) -> bool:
    mine = (_D.id == row["id"]) & (_D.state == dead.OPEN) & (_D.revision == row["revision"])
    done = conn.execute(t.dead_letters.update().where(mine).values(state=state, changed_at=now, note=note, **values))
    return done.rowcount == 1


def _end(conn: sa.Connection, row: Mapping[str, Any], state: str, now: datetime, note: str, **values: Any) -> None:
    conn.execute(
        t.dead_letters.update().where(_D.id == row["id"]).values(state=state, note=note, changed_at=now, **values)
    )


# -- by stage ---------------------------------------------------------------------------------------------------------


def _admit(conn: sa.Connection, row: Mapping[str, Any], now: datetime) -> Requeued:
    evidence, whole = row["evidence"], letters.one(conn, int(row["id"])) or row
    try:
        nudge = read_hook(evidence["source"], evidence["topic"], letters.body_of(whole) or b"")
    except SchemaInvalidError as invalid:
        why = str(invalid)
        print_ = dead.fingerprint(row["stage"], row["type"], why)
        count = _D.redrives if print_ == row["fingerprint"] else 0
        _end(conn, row, dead.OPEN, now, "still unreadable", reason=why, fingerprint=print_, redrives=count)
        return Requeued(Moved.BURIED, why)
    followed = following.follow(conn, row["shop"], nudge, now)
    read = {"outcome": deliveries.ADMITTED, "subject": following.subject_of(nudge)}
    conn.execute(t.deliveries.update().where(t.deliveries.c.id == row["delivery_id"]).values(**read))
    _end(conn, row, dead.RESOLVED, now, "read and followed")
    # An earlier version told each delivery for itself.
    concerns.close(conn, row["shop"], "intake", row["subject"], now)
    strangers.tell_unreadable(conn, row["shop"], evidence["source"], now)
    hints: list[Hint] = [_consume(consumer, entry_id) for entry_id, consumer in followed.woken]
    if followed.returns:
        hints.append((REFRESH, INTAKE, {}))
    return Requeued(Moved.REQUEUED, "read and followed", tuple(hints))


def _read(conn: sa.Connection, row: Mapping[str, Any], now: datetime) -> Requeued:
    returns.nudge(conn, row["shop"], row["rma_id"] or row["subject"], now)
    return Requeued(Moved.REQUEUED, "read again", ((REFRESH, INTAKE, {}),))


def _work(conn: sa.Connection, row: Mapping[str, Any], now: datetime) -> Requeued:
    state = _entry_state(conn, row)
    if state is None:
        return Requeued(Moved.SATISFIED, "there is no such entry any more")
    if state in {entries.SETTLED, entries.REFUSED}:
        return Requeued(Moved.SATISFIED, f"the entry is {state}")
    return Requeued(Moved.REQUEUED, "worked on again", _wake(conn, row, now))


def _perform(conn: sa.Connection, row: Mapping[str, Any], now: datetime) -> Requeued:
    effect_id = int(row["effect_id"])
    state = conn.execute(sa.select(t.effects.c.state).where(t.effects.c.id == effect_id)).scalar_one_or_none()
    if state == EffectState.CONFIRMED:
        _wake(conn, row, now)
        return Requeued(Moved.SATISFIED, "the document is there")
    if state == EffectState.REJECTED:
        effects.withdraw(conn, effect_id, now, "requeued: planned anew from today's facts")
        why = "planned anew"
    elif state == EffectState.UNCERTAIN and effects.look_again(conn, effect_id, now):
        why = "looked up first, sent only if it is not there"
    else:
        why = f"already on its way ({state})"
    return Requeued(Moved.REQUEUED, why, _wake(conn, row, now))


def _message(conn: sa.Connection, row: Mapping[str, Any], now: datetime) -> Requeued:
    return Requeued(Moved.SATISFIED, "a message is only a hint: the sweep sends a new one for whatever is due")


_BY_STAGE = {"admit": _admit, "read": _read, "consume": _work, "perform": _perform, "message": _message}


def _entry_state(conn: sa.Connection, row: Mapping[str, Any]) -> str | None:
    e = t.entries.c
    return conn.execute(sa.select(e.state).where(e.id == row["entry_id"])).scalar_one_or_none()


def _wake(conn: sa.Connection, row: Mapping[str, Any], now: datetime) -> tuple[Hint, ...]:
    """An entry that died of its own failures stays buried for its own letter; everything else becomes due."""
    entry_id = int(row["entry_id"])
    own = row["stage"] == "consume"
    failures = conn.execute(sa.select(t.entries.c.failures).where(t.entries.c.id == entry_id)).scalar_one()
    if not ((own or not failures) and entries.reopen(conn, entry_id, now)):
        entries.make_due(conn, entry_id, now)
    return (_consume(row["queue"], entry_id),)


def _consume(consumer: str, entry_id: int) -> Hint:
    return (CONSUME, consumer, {"entry_id": entry_id})


# -- what became of it ------------------------------------------------------------------------------------------------


class Verdict(StrEnum):
    """How a requeued letter stands. WAITS: its entry is parked for a reason that is nobody's fault."""

    GOOD = "resolved"
    BAD = "buried again"
    WAITS = "waits"
    MOVING = "still moving"


def verdict(conn: sa.Connection, letter_id: int, now: datetime) -> Verdict:
    """How far the letter has come since it was requeued."""
    row = conn.execute(sa.select(t.dead_letters).where(_D.id == letter_id)).mappings().one()
    if row["state"] in {dead.RESOLVED, dead.DISCARDED}:
        return Verdict.GOOD
    if row["state"] == dead.OPEN:
        return Verdict.BAD
    return Verdict.WAITS if _waits(conn, dict(row), now) else Verdict.MOVING


def _waits(conn: sa.Connection, row: Mapping[str, Any], now: datetime) -> bool:
    if row["entry_id"] is None:
        return False
    entry = conn.execute(sa.select(t.entries).where(t.entries.c.id == row["entry_id"])).mappings().one()
    quiet = entry["lease_until"] is None and (entry["due_at"] is None or entry["due_at"] > now)
    if not quiet or row["effect_id"] is None:
        return quiet
    state = conn.execute(sa.select(t.effects.c.state).where(t.effects.c.id == row["effect_id"])).scalar_one()
    return not EffectState(state).live


# -- given up ---------------------------------------------------------------------------------------------------------


def discard(conn: sa.Connection, row: Mapping[str, Any], who: str, reason: str, now: datetime) -> bool:
    """Give a letter up for a reason. False when it is not open any more.

    Its effect keeps its units and is never sent again; its entry leaves as refused and no webhook brings it back.
    """
    why = f"discarded by {who}: {reason}"
    if not _move(conn, row, dead.DISCARDED, now, why):
        return False
    if row["stage"] == "perform":
        _discard_effect(conn, row, now, why)
    elif row["stage"] == "consume":
        _discard_entry(conn, row, now, why)
    elif row["stage"] == "admit":
        concerns.close(conn, row["shop"], "intake", row["subject"], now, by=why)
        strangers.tell_unreadable(conn, row["shop"], row["evidence"].get("source", ""), now, by=why)
    audit.write(conn, who, "dead.discard", {"letter": row["id"], "reason": reason}, now)
    return True


def _discard_effect(conn: sa.Connection, row: Mapping[str, Any], now: datetime, why: str) -> None:
    effects.discard(conn, int(row["effect_id"]), now, why)
    # The entry is looked at once more, so that its exceptions and its exit follow from what is left.
    _wake(conn, row, now)


def _discard_entry(conn: sa.Connection, row: Mapping[str, Any], now: datetime, why: str) -> None:
    entry_id = int(row["entry_id"])
    for effect in effects.of_entry(conn, entry_id, LIVE):
        if not effects.withdraw(conn, effect.effect_id, now, why):
            effects.discard(conn, effect.effect_id, now, why)
    if entries.discard(conn, entry_id, now, why):
        concerns.close(conn, row["shop"], row["queue"], row["subject"], now, by=why)
