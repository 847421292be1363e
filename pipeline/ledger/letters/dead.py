"""Dead letters: kept whole, with the original bytes, the evidence and an owner; never trimmed."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from pipeline.ledger.schema import all as t
from pipeline.ledger.store import insert_once
from schemas.concerns import ConcernType, owner_of
from schemas.effects import EffectState
from schemas.money import Money

OPEN, REQUEUED, RESOLVED, DISCARDED = "open", "requeued", "resolved", "discarded"
_NOISE = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27,}|\d+", re.IGNORECASE)


def fingerprint(stage: str, kind: str, reason: str) -> str:
    """Groups letters that died of the same cause: stage, type and the message without its numbers and ids."""
    plain = _NOISE.sub("#", reason)[:300]
    return hashlib.blake2b(f"{stage}|{kind}|{plain}".encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Letter:
    """What is buried: where it died, why, and everything needed to bring it back."""

    shop: str
    queue: str
    stage: str
    kind: ConcernType
    reason: str
    subject: str = ""
    delivery_id: str | None = None
    entry_id: int | None = None
    effect_id: int | None = None
    return_id: int | None = None
    money: Money | None = None
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    evidence: dict[str, Any] = field(default_factory=dict)


def bury(conn: sa.Connection, letter: Letter, now: datetime) -> int:
    """Write the dead letter. One letter per delivery, effect or entry: burying it again refreshes the evidence, and one
    that was requeued is open again. A reading that a person discarded stays discarded while it fails in the same way.
    """
    known = _open_letter(conn, letter)
    values: dict[str, Any] = {
        "reason": letter.reason,
        "evidence": letter.evidence,
        "fingerprint": fingerprint(letter.stage, letter.kind.value, letter.reason),
        "type": letter.kind.value,
        "owner": owner_of(letter.kind).value,
        "changed_at": now,
    }
    if known is not None:
        # Another cause is another story: only requeues that met the same cause count against it.
        same = t.dead_letters.c.fingerprint == values["fingerprint"]
        values["redrives"] = sa.case((same, t.dead_letters.c.redrives), else_=0)
        conn.execute(t.dead_letters.update().where(t.dead_letters.c.id == known).values(state=OPEN, **values))
        return known
    discarded = _discarded(conn, letter, values["fingerprint"])
    if discarded is not None:
        return discarded
    insert_once(
        conn,
        t.dead_letters,
        shop=letter.shop,
        queue=letter.queue,
        stage=letter.stage,
        subject=letter.subject,
        delivery_id=letter.delivery_id,
        entry_id=letter.entry_id,
        effect_id=letter.effect_id,
        return_id=letter.return_id,
        money=letter.money.amount if letter.money else None,
        currency=letter.money.currency if letter.money else "",
        body=letter.body,
        headers=letter.headers,
        state=OPEN,
        buried_at=now,
        **values,
    )
    found = _open_letter(conn, letter)
    if found is None:
        raise RuntimeError("the dead letter just written cannot be read back")
    return found


def _open_letter(conn: sa.Connection, letter: Letter) -> int | None:
    d = t.dead_letters.c
    undone = d.state.in_((OPEN, REQUEUED))
    query = sa.select(d.id).where(_same(letter) & undone).order_by(d.id.desc()).limit(1)
    return conn.execute(query).scalar_one_or_none()


def _discarded(conn: sa.Connection, letter: Letter, cause: str) -> int | None:
    if letter.stage != "read":
        return None
    d = t.dead_letters.c
    same = _same(letter) & (d.state == DISCARDED) & (d.fingerprint == cause)
    return conn.execute(sa.select(d.id).where(same).order_by(d.id.desc()).limit(1)).scalar_one_or_none()


def _same(letter: Letter) -> Any:
    d = t.dead_letters.c
    if letter.delivery_id is not None:
        same: Any = d.delivery_id == letter.delivery_id
    elif letter.effect_id is not None:
        same = d.effect_id == letter.effect_id
    elif letter.entry_id is not None:
        same = d.entry_id == letter.entry_id
    else:
        same = d.entry_id.is_(None) & (d.shop == letter.shop) & (d.subject == letter.subject)
    return same & (d.stage == letter.stage)


def resolve_entry(conn: sa.Connection, entry_id: int, now: datetime, *, left: bool) -> int:
    """The entry went through its consumer: letters about the entry itself, and about effects that are confirmed, are
    resolved. With `left` (settled or refused) so are those of effects that nobody wants any more. Gives how many."""
    d, f = t.dead_letters.c, t.effects.c
    over = (EffectState.CONFIRMED, EffectState.WITHDRAWN) if left else (EffectState.CONFIRMED,)
    gone = sa.select(f.id).where((f.entry_id == entry_id) & f.state.in_(over))
    mine = (d.entry_id == entry_id) & ((d.stage == "consume") | d.effect_id.in_(gone))
    return _resolve(conn, mine, now, "the work went through")


def resolve_reading(conn: sa.Connection, return_id: int, now: datetime) -> int:
    """ReturnGO's answer for this return can be read again."""
    d = t.dead_letters.c
    return _resolve(conn, (d.return_id == return_id) & (d.stage == "read"), now, "read again")


def _resolve(conn: sa.Connection, which: Any, now: datetime, note: str) -> int:
    d = t.dead_letters.c
    done = conn.execute(
        t.dead_letters.update()
        .where(which & d.state.in_((OPEN, REQUEUED)))
        .values(state=RESOLVED, note=note, changed_at=now)
    )
    return int(done.rowcount)
