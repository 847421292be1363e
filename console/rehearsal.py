"""Rehearse: gather and plan from today's facts, and show how that differs from what is done. Nothing is performed."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import sqlalchemy as sa

from consumers.case import Case, Plan
from consumers.consumer import Consumer
from consumers.roster import ROSTER
from pipeline.calls.failures import WireError
from pipeline.calls.quota import Priority, QuotaUnavailable, QuotaWait
from pipeline.cin7 import Cin7
from pipeline.ledger import concerns, effects, returns
from pipeline.ledger.schema import all as t
from pipeline.parts import Parts, ShopParts, on_behalf
from schemas.effects import EffectState
from schemas.json.fields import SchemaInvalidError
from schemas.returns import Return
from tasks.books.books import LedgerBooks
from tasks.stages.consume import done_of, plan_as_json

#: Why a call may not be made or believed now; the rehearsal says so instead of failing.
CANNOT = (WireError, QuotaWait, QuotaUnavailable, SchemaInvalidError)


class CannotRehearseError(Exception):
    """There is nothing to rehearse; the message says why and what to do."""


class ReadingCin7:
    """Cin7 in the lane of bulk work, where a rehearsal takes no slot from money. Whatever does not read is refused."""

    _READINGS = ("sale", "find_", "credit_notes", "payments", "order", "me", "locations", "tax_rules", "accounts")
    _ALSO = ("products", "availability", "movements", "transactions")

    def __init__(self, cin7: Cin7) -> None:
        self._cin7 = cin7

    def __getattr__(self, name: str) -> Any:
        """The call of this name in the bulk lane. Raises PermissionError for one that writes."""
        call = getattr(self._cin7, name)
        if not name.startswith((*self._READINGS, *self._ALSO)):
            raise PermissionError(f"a rehearsal does not call {name}: it only reads")
        if "priority" not in inspect.signature(call).parameters:
            return call

        def in_bulk(*args: Any, **options: Any) -> Any:
            return call(*args, **{**options, "priority": Priority.BULK})

        return in_bulk


class RehearsalBooks(LedgerBooks):
    """The same answers as for real work, but no sale is claimed: others go on writing meanwhile."""

    def _claim(self, sale_id: str) -> None:
        """Nothing is written, so nobody needs to wait."""

    def _untie(self) -> None:
        """Nor is the return's own row touched."""

    def _hold(self, sale_id: str) -> None:
        """Nor for the sale of an exchange."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is rehearsed: the return as read now (or last), and what the ledger knows of it."""

    shop: str
    ret: Return
    row: Mapping[str, Any] | None
    read: str
    requeued: bool = False


def rehearse(parts: Parts, rma_id: str, shop: str = "", *, requeued: bool = False) -> dict[str, Any]:
    """The plan of every consumer that hears this return, as plain data; with `requeued` as if its refused effects were
    requeued. Raises CannotRehearseError."""
    subject = replace(_subject(parts, rma_id, shop), requeued=requeued)
    with on_behalf(return_id=int(subject.row["id"]) if subject.row else None):
        told = [_one(parts, subject, c) for c in ROSTER if c.hears(subject.ret, parts.shop(subject.shop).terms)]
    return {
        "rma": rma_id,
        "shop": subject.shop,
        "order": subject.ret.order_name,
        "status": subject.ret.status,
        "read": subject.read,
        "consumers": told,
    }


def _subject(parts: Parts, rma_id: str, shop: str) -> Subject:
    with parts.ledger.read() as conn:
        rows = returns.find(conn, rma_id, shop)
    if len(rows) > 1:
        names = ", ".join(sorted(str(row["shop"]) for row in rows))
        raise CannotRehearseError(f"several shops know RMA {rma_id}: {names}; name one with --shop")
    row = rows[0] if rows else None
    name = row["shop"] if row else shop or _only_shop(parts, rma_id)
    if name not in parts.settings.shops:
        raise CannotRehearseError(f"the settings know no shop {name}; they have {', '.join(parts.settings.shops)}")
    try:
        with on_behalf(return_id=row["id"] if row else None):
            told, _ = parts.shop(name).returngo.return_(rma_id, priority=Priority.BULK)
        return Subject(name, told, row, "read from ReturnGO just now")
    except CANNOT as error:
        kept = returns.told(row) if row else None
        if row is None or kept is None:
            raise CannotRehearseError(f"ReturnGO cannot be asked for RMA {rma_id}: {error}") from None
        return Subject(
            name, kept, row, f"ReturnGO cannot be asked ({error}); as read {row['read_at']:%Y-%m-%d %H:%M} UTC"
        )


def _only_shop(parts: Parts, rma_id: str) -> str:
    if len(parts.settings.shops) == 1:
        return next(iter(parts.settings.shops))
    raise CannotRehearseError(f"RMA {rma_id} is not known here; name its shop with --shop")


def _one(parts: Parts, subject: Subject, consumer: Consumer) -> dict[str, Any]:
    entry = _entry(parts, subject, consumer)
    told: dict[str, Any] = {"consumer": consumer.name, "state": entry["state"] if entry else "", "trouble": ""}
    told["done"] = _done(parts, entry)
    shop = parts.shop(subject.shop)
    reading = replace(shop, cin7=cast("Cin7", ReadingCin7(shop.cin7)))
    case = _case(parts, subject)
    try:
        plan = _plan(parts, reading, consumer, case, subject)
    except Exception as error:
        # A rehearsal is how a defect is looked at, so the other consumers are still told.
        why = "Cin7 cannot be asked now" if isinstance(error, CANNOT) else f"it fails with {type(error).__name__}"
        return told | {"trouble": f"{why}: {error}", "plan": {}, "changes": []}
    return told | {"plan": plan_as_json(plan), "changes": _changes(plan, entry, told["done"])}


def _plan(parts: Parts, shop: ShopParts, consumer: Consumer, case: Case, subject: Subject) -> Plan:
    return_id = int(subject.row["id"]) if subject.row else None
    books = RehearsalBooks(parts, shop, return_id, "rehearsal")
    facts = consumer.gather(case, shop.terms, books)
    return consumer.plan(case, facts, shop.terms, parts.clock())


def _entry(parts: Parts, subject: Subject, consumer: Consumer) -> Mapping[str, Any] | None:
    if subject.row is None:
        return None
    e = t.entries.c
    mine = (e.return_id == subject.row["id"]) & (e.consumer == consumer.name)
    with parts.ledger.read() as conn:
        row = conn.execute(sa.select(t.entries).where(mine)).mappings().one_or_none()
    return dict(row) if row else None


def _case(parts: Parts, subject: Subject) -> Case:
    if subject.row is None:
        return Case(subject.shop, subject.ret, first_seen=parts.clock())
    return_id = int(subject.row["id"])
    with parts.ledger.read() as conn:
        rows = effects.of_return(conn, return_id)
        accepted = concerns.accepted(conn, return_id)
    over = {EffectState.REJECTED} if subject.requeued else set()
    standing = [row for row in rows if not (row["state"] == EffectState.PLANNED and row["sends"] == 0)]
    seen = tuple(done_of(row) for row in standing if row["state"] not in over)
    return Case(subject.shop, subject.ret, seen, accepted, subject.row["opened_at"])


def _done(parts: Parts, entry: Mapping[str, Any] | None) -> list[dict[str, str]]:
    """What this consumer has done for the return, or has begun."""
    if entry is None:
        return []
    f = t.effects.c
    begun = (f.state != EffectState.WITHDRAWN) & sa.not_((f.state == EffectState.PLANNED) & (f.sends == 0))
    query = sa.select(f.key, f.state, f.number).where((f.entry_id == entry["id"]) & begun).order_by(f.id)
    with parts.ledger.read() as conn:
        return [dict(row) for row in conn.execute(query).mappings()]


def _changes(plan: Plan, entry: Mapping[str, Any] | None, done: list[dict[str, str]]) -> list[dict[str, str]]:
    """What this plan would change: new effects, and effects of the last plan that are neither done nor wanted now."""
    wanted = {action.key for action in plan.actions}
    states = {effect["key"]: effect["state"] for effect in done}
    before = {a["key"] for a in ((entry or {}).get("plan") or {}).get("actions", ())}
    changes = [{"change": "would do", "key": key, "why": _before(key, before, states)} for key in sorted(wanted)]
    dropped = sorted(before - wanted - set(states))
    changes += [{"change": "would drop", "key": key, "why": "(planned before, not wanted now)"} for key in dropped]
    stands = [effect for effect in done if effect["key"] not in wanted]
    return changes + [{"change": f"stays {e['state']}", "key": e["key"], "why": e["number"]} for e in stands]


def _before(key: str, before: set[str], states: Mapping[str, str]) -> str:
    if key in states:
        return f"(now {states[key]})"
    return "(planned before)" if key in before else "(new)"
