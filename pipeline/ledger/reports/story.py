"""The story of one return as plain data: what reached us, what we read, planned, sent and were answered, and what is
left to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from pipeline.ledger import effects, returns
from pipeline.ledger.schema import all as t

#: The five facts of a unit, each with what tells more about it.
FACTS = (
    ("refunded", "refunded_at", ("refunded",)),
    ("received", "received_at", ()),
    ("inspected", "inspected_at", ("inspection",)),
    ("credited", "credited_at", ("credited", "credit_note")),
    ("stocked", "stocked_at", ("stocked_as", "stocked_where")),
)


def story(conn: sa.Connection, row: Mapping[str, Any]) -> dict[str, Any]:
    """Everything the ledger knows of this return, each part in the order in which it happened.

    Bodies and headers of deliveries are left out: they may name the shopper.
    """
    return_id = int(row["id"])
    return {
        "shop": row["shop"],
        "rma": row["rma_id"],
        "order": row["order_name"],
        "sale": row["sale_id"],
        "deliveries": _deliveries(conn, row),
        "reading": _reading(row),
        "units": [_unit(unit) for unit in returns.units_of(conn, return_id)],
        "work": _work(conn, return_id),
        "attempts": _plain(conn, t.attempts, t.attempts.c.return_id == return_id),
        "effects": [_effect(effect) for effect in effects.of_return(conn, return_id)],
        "exceptions": _plain(conn, t.exceptions, t.exceptions.c.return_id == return_id),
        "accepted": _plain(conn, t.waivers, t.waivers.c.return_id == return_id),
        "dead_letters": _letters(conn, row),
    }


def _deliveries(conn: sa.Connection, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    d = t.deliveries.c
    about = d.subject.startswith("rma:") & d.subject.contains(row["rma_id"], autoescape=True)
    if row["sale_id"]:
        about |= d.subject.startswith("sale:") & d.subject.contains(row["sale_id"], autoescape=True)
    columns = (d.id, d.source, d.topic, d.received_at, d.admitted_at, d.outcome, d.subject)
    found = conn.execute(sa.select(*columns).where((d.shop == row["shop"]) & about).order_by(d.received_at, d.id))
    wanted = {row["rma_id"], row["sale_id"]} - {""}
    return [dict(one) for one in found.mappings() if wanted & set(one["subject"].partition(":")[2].split(","))]


def _reading(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("status", "opened_at", "read_at", "nudges", "nudges_read", "due_at", "failures", "trouble")
    return {name: row[name] for name in names}


def _unit(unit: Mapping[str, Any]) -> dict[str, Any]:
    names = ("returned_item_id", "sku", "reason", "resolution", "currency", "paid")
    facts = {
        name: {"at": unit[when], **{more: unit[more] for more in told}} if unit[when] else None
        for name, when, told in FACTS
    }
    return {**{name: unit[name] for name in names}, "facts": facts}


def _work(conn: sa.Connection, return_id: int) -> list[dict[str, Any]]:
    e = t.entries.c
    columns = (e.id, e.consumer, e.state, e.reason, e.opened_at, e.since, e.due_at, e.failures, e.plan)
    query = sa.select(*columns).where(e.return_id == return_id).order_by(e.id)
    return [dict(one) for one in conn.execute(query).mappings()]


def _effect(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("id", "key", "kind", "marker", "state", "source", "number", "reference", "currency", "net", "tax", "gross")
    times = ("planned_at", "sent_at", "confirmed_at", "due_at", "sends", "lookups", "why")
    told: dict[str, Any] = {name: row[name] for name in (*names, *times)}
    return told | {"do": row["action"].get("do", ""), "action": row["action"], "progress": row["progress"]}


def _letters(conn: sa.Connection, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    d = t.dead_letters.c
    mine = (d.return_id == row["id"]) | ((d.shop == row["shop"]) & (d.subject == row["rma_id"]))
    return [
        {name: value for name, value in one.items() if name not in {"body", "edited", "headers"}}
        for one in _plain(conn, t.dead_letters, mine)
    ]


def _plain(conn: sa.Connection, table: sa.Table, where: Any) -> list[dict[str, Any]]:
    return [dict(one) for one in conn.execute(sa.select(table).where(where).order_by(table.c.id)).mappings()]


def shops_of(rows: Iterable[Mapping[str, Any]]) -> str:
    """The shops of returns that share a number, for a question to the person who asked."""
    return ", ".join(sorted(str(row["shop"]) for row in rows))
