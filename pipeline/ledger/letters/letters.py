"""Finding dead letters: filters, counts with their money, groups by cause, and edits that keep the original."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from pipeline.ledger import audit
from pipeline.ledger.letters.dead import OPEN
from pipeline.ledger.schema import all as t
from schemas.money import Money

_D = t.dead_letters.c
_HEAVY = frozenset({"body", "edited", "headers"})


@dataclass(frozen=True, slots=True)
class Filter:
    """Which letters; an empty field asks nothing. Times are those of the burial."""

    ids: tuple[int, ...] = ()
    consumer: str = ""
    type: str = ""
    fingerprint: str = ""
    shop: str = ""
    rma: str = ""
    stage: str = ""
    since: datetime | None = None
    until: datetime | None = None
    states: tuple[str, ...] = (OPEN,)

    def as_json(self) -> dict[str, Any]:
        """What was asked for, as audit rows and reports show it."""
        told = {f.name: getattr(self, f.name) for f in fields(self)}
        plain = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in told.items()}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in plain.items() if value}


def _conditions(wanted: Filter) -> list[Any]:
    plain = (
        (_D.queue, wanted.consumer),
        (_D.type, wanted.type),
        (_D.fingerprint, wanted.fingerprint),
        (_D.shop, wanted.shop),
        (_D.stage, wanted.stage),
    )
    found: list[Any] = [column == value for column, value in plain if value]
    if wanted.states:
        found.append(_D.state.in_(wanted.states))
    if wanted.ids:
        found.append(_D.id.in_(wanted.ids))
    if wanted.rma:
        found.append((t.returns.c.rma_id == wanted.rma) | (_D.subject == wanted.rma))
    if wanted.since:
        found.append(_D.buried_at >= wanted.since)
    if wanted.until:
        found.append(_D.buried_at < wanted.until)
    return found


def find(
    conn: sa.Connection, wanted: Filter, limit: int | None = None, *, whole: bool = False
) -> list[Mapping[str, Any]]:
    """The letters with their RMA and order, oldest first.

    Bodies and headers come only when `whole`: they are large, and they may name shoppers.
    """
    columns = [column for column in _D if whole or column.name not in _HEAVY]
    query = (
        sa.select(*columns, t.returns.c.rma_id, t.returns.c.order_name)
        .join(t.returns, t.returns.c.id == _D.return_id, isouter=True)
        .where(*_conditions(wanted))
        .order_by(_D.id)
        .limit(limit)
    )
    return [dict(row) for row in conn.execute(query).mappings()]


def one(conn: sa.Connection, letter_id: int) -> Mapping[str, Any] | None:
    """One letter whole, whatever its state; None where there is none."""
    found = find(conn, Filter(ids=(letter_id,), states=()), whole=True)
    return found[0] if found else None


def money_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, Decimal]:
    """The money on these rows by currency, in major units; "" counts nothing, a row without an amount is left out."""
    sums: dict[str, Decimal] = {}
    for row in rows:
        if row["money"] is not None and row["currency"]:
            sums[row["currency"]] = sums.get(row["currency"], Decimal(0)) + row["money"]
    return dict(sorted(sums.items()))


def money_text(sums: Mapping[str, Decimal]) -> str:
    """E.g. "120.00 GBP + 3,000 JPY"; "no known amount" for none."""
    return " + ".join(str(Money(amount, currency)) for currency, amount in sums.items()) or "no known amount"


@dataclass(frozen=True, slots=True)
class Cause:
    """Letters that died of the same cause."""

    queue: str
    stage: str
    type: str
    owner: str
    fingerprint: str
    count: int
    money: Mapping[str, Decimal]
    oldest: datetime
    newest: datetime
    most_redrives: int
    sample: str
    sample_id: int


def causes(rows: Iterable[Mapping[str, Any]]) -> list[Cause]:
    """Group letters by cause, the most frequent first."""
    groups: dict[tuple[str, str, str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["queue"], row["stage"], row["type"], row["fingerprint"]), []).append(row)
    found = [_cause(group) for group in groups.values()]
    return sorted(found, key=lambda cause: (-cause.count, cause.oldest))


def _cause(group: list[Mapping[str, Any]]) -> Cause:
    first = group[0]
    return Cause(
        queue=first["queue"],
        stage=first["stage"],
        type=first["type"],
        owner=first["owner"],
        fingerprint=first["fingerprint"],
        count=len(group),
        money=money_of(group),
        oldest=min(row["buried_at"] for row in group),
        newest=max(row["buried_at"] for row in group),
        most_redrives=max(row["redrives"] for row in group),
        sample=first["reason"],
        sample_id=first["id"],
    )


def body_of(row: Mapping[str, Any]) -> bytes | None:
    """What a requeue will read of a whole letter: the newest revision, else the original bytes."""
    edited: bytes | None = row["edited"]
    original: bytes | None = row["body"]
    return edited if edited is not None else original


def edit(conn: sa.Connection, row: Mapping[str, Any], body: bytes, who: str, reason: str, now: datetime) -> bool:
    """Give an open letter, read whole, a new revision of its body; the original is kept.

    False when it was changed meanwhile. Raises ValueError for a letter that holds no delivery.
    """
    if row["body"] is None:
        raise ValueError(f"dead letter {row['id']} holds no delivery; only letters of the stage admit can be edited")
    same = (_D.id == row["id"]) & (_D.revision == row["revision"]) & (_D.state == OPEN)
    done = conn.execute(
        t.dead_letters.update().where(same).values(edited=body, revision=_D.revision + 1, changed_at=now)
    )
    if done.rowcount != 1:
        return False
    digest = {"before": _digest(body_of(row) or b""), "after": _digest(body)}
    details = {"letter": row["id"], "revision": row["revision"] + 1, "reason": reason, "sha256": digest}
    audit.write(conn, who, "dead.edit", details, now)
    return True


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
