"""Dead letters: kept whole, with the original bytes, the evidence and an owner; never trimmed."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from pipeline.ledger import tables as t
from pipeline.ledger.store import insert_once
from schemas.concerns import ConcernType, owner_of
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
    """Write the dead letter. One open letter per delivery, effect or entry: burying it again refreshes the evidence."""
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
        conn.execute(t.dead_letters.update().where(t.dead_letters.c.id == known).values(**values))
        return known
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
    if letter.delivery_id is not None:
        same: Any = d.delivery_id == letter.delivery_id
    elif letter.effect_id is not None:
        same = d.effect_id == letter.effect_id
    else:
        same = (d.entry_id == letter.entry_id) & (d.subject == letter.subject)
    query = sa.select(d.id).where(same & (d.stage == letter.stage) & (d.state == OPEN)).order_by(d.id.desc()).limit(1)
    return conn.execute(query).scalar_one_or_none()
