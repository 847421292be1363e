"""Retention: what may name a shopper is removed after a while; what tells of money and stock stays for ever.

Removed: bodies and headers of deliveries and of closed dead letters, what ReturnGO answered (`returns.raw`), names in
`returns.told`, excerpts of calls, tracebacks. Kept: every row itself, effects, the facts of
units, exceptions, plans, the audit rows. Work that is not over keeps everything, because it may still be needed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from pipeline.ledger import audit, entries
from pipeline.ledger.letters import dead
from pipeline.ledger.schema import all as t
from pipeline.ledger.store import Ledger
from schemas.effects import LIVE

#: Rows changed in one transaction: a worker that waits for its turn waits a moment.
BATCH = 200
#: What a traceback may quote of the values at hand.
_TELLTALE = ("traceback", "fields")
_EMPTY_LOG = "PRAGMA wal_checkpoint(TRUNCATE)"

Change = Callable[[Mapping[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of thing to be removed: which rows still hold it, and what they hold afterwards."""

    name: str
    table: sa.Table
    holds: Any
    needs: tuple[str, ...]
    change: Change


@dataclass(slots=True)
class Purged:
    """How many rows lost what. `kept` counts old rows that keep theirs because their work is not over."""

    removed: dict[str, int] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All rows together."""
        return sum(self.removed.values())


def preview(ledger: Ledger, before: datetime) -> Purged:
    """What `purge` would remove of the time before this moment; changes nothing."""
    seen = Purged()
    with ledger.read() as conn:
        for kind in _kinds(before):
            seen.removed[kind.name] = _count(conn, kind.table, kind.holds)
        seen.kept = _kept(conn, before)
    return seen


def purge(ledger: Ledger, before: datetime, who: str, now: datetime) -> Purged:
    """Remove it, some rows at a time, and write who did so. Safe to stop at any moment and to run again.

    On SQLite the freed bytes are overwritten and the write-ahead log is emptied, as far as nobody is reading it; on
    PostgreSQL they go with the next VACUUM.
    """
    with ledger.write() as conn:
        audit.write(conn, who, "purge.begun", {"before": before.isoformat()}, now)
    done = Purged()
    for kind in _kinds(before):
        done.removed[kind.name] = _all(ledger, kind)
    with ledger.write() as conn:
        done.kept = _kept(conn, before)
        audit.write(conn, who, "purge.done", {"before": before.isoformat(), "removed": done.removed}, now)
    _to_sqlite(ledger, _EMPTY_LOG)
    return done


def compact(ledger: Ledger) -> str:
    """Write a SQLite file anew without its free pages; every writer waits meanwhile. Elsewhere does nothing.

    Gives "", or why it could not be done now (a writer had the file for longer than the ledger's patience).
    """
    try:
        _to_sqlite(ledger, "VACUUM")
        _to_sqlite(ledger, _EMPTY_LOG)
    except sqlite3.OperationalError as error:
        return str(error)
    return ""


def _all(ledger: Ledger, kind: Kind) -> int:
    removed, last = 0, None
    while rows := _some(ledger, kind, last):
        removed, last = removed + len(rows), rows[-1]
    return removed


def _some(ledger: Ledger, kind: Kind, last: Any) -> list[Any]:
    """Change the next rows after the key `last`; gives their keys."""
    key = next(iter(kind.table.primary_key.columns))
    columns = (key, *(kind.table.c[name] for name in kind.needs))
    where = kind.holds if last is None else kind.holds & (key > last)
    with ledger.write() as conn:
        if conn.dialect.name == "sqlite":
            conn.exec_driver_sql("PRAGMA secure_delete=ON")
        rows = conn.execute(sa.select(*columns).where(where).order_by(key).limit(BATCH)).mappings().all()
        for row in rows:
            conn.execute(kind.table.update().where(key == row[key.name]).values(**kind.change(dict(row))))
    return [row[key.name] for row in rows]


def _to_sqlite(ledger: Ledger, statement: str) -> None:
    """One statement outside of any transaction; nothing on another database."""
    if ledger.engine.dialect.name != "sqlite":
        return
    connection = ledger.engine.raw_connection()
    try:
        connection.cursor().execute(statement)
    finally:
        connection.close()


def _count(conn: sa.Connection, table: sa.Table, where: Any) -> int:
    return int(conn.execute(sa.select(sa.func.count()).select_from(table).where(where)).scalar_one())


# --- what is old, and whether its work is over -----------------------------------------------------------------------


def _closed_letter() -> Any:
    return t.dead_letters.c.state.in_((dead.RESOLVED, dead.DISCARDED))


def _open_letters(*columns: sa.Column[Any]) -> Any:
    """The values of these columns in letters that a person still has to deal with."""
    return sa.select(*columns).where(~_closed_letter() & columns[0].is_not(None))


def _busy_returns() -> Any:
    """Returns with work under way, a person to act, or a letter to be looked at."""
    e, x, d = t.entries.c, t.exceptions.c, t.dead_letters.c
    over = (entries.SETTLED, entries.REFUSED)
    return sa.union(
        sa.select(e.return_id).where(e.return_id.is_not(None) & e.state.not_in(over)),
        sa.select(x.return_id).where(x.return_id.is_not(None) & (x.state == "open")),
        _open_letters(d.return_id),
    )


def _old_deliveries(before: datetime) -> Any:
    return t.deliveries.c.received_at < before


def _old_returns(before: datetime) -> Any:
    return t.returns.c.read_at < before


def _undecided_effects() -> Any:
    return sa.select(t.effects.c.id).where(t.effects.c.state.in_(LIVE))


def _kept(conn: sa.Connection, before: datetime) -> dict[str, int]:
    letters = t.dead_letters.c
    return {
        "open dead letters": _count(conn, t.dead_letters, ~_closed_letter() & (letters.buried_at < before)),
        "returns at work": _count(conn, t.returns, _old_returns(before) & t.returns.c.id.in_(_busy_returns())),
    }


def _kinds(before: datetime) -> Iterable[Kind]:
    d, r, a, x = t.deliveries.c, t.returns.c, t.attempts.c, t.dead_letters.c
    waiting = d.id.in_(_open_letters(x.delivery_id))
    yield Kind(
        "deliveries",
        t.deliveries,
        _old_deliveries(before) & (d.body.is_not(None) | (d.error != "")) & ~waiting,
        (),
        lambda _row: {"body": None, "headers": {}, "error": ""},
    )
    yield Kind(
        "dead letters",
        t.dead_letters,
        _closed_letter() & (x.changed_at < before) & (x.body.is_not(None) | _names(x.evidence, _TELLTALE)),
        ("evidence",),
        lambda row: {"body": None, "edited": None, "headers": {}, "evidence": _quiet(row["evidence"])},
    )
    idle = _old_returns(before) & r.id.not_in(_busy_returns())
    yield Kind("answers of ReturnGO", t.returns, idle & _held(r.raw), (), lambda _row: {"raw": sa.null()})
    yield Kind(
        "texts of returns",
        t.returns,
        idle & _held(r.told) & _as_text(r.told).not_like('%"purged": "%'),
        ("told",),
        lambda row: {"told": without_texts(row["told"], before)},
    )
    yield Kind(
        "excerpts of calls",
        t.attempts,
        (a.at < before)
        & ((a.sent != "") | (a.answered != ""))
        & sa.or_(a.effect_id.is_(None), a.effect_id.not_in(_undecided_effects())),
        (),
        lambda _row: {"sent": "", "answered": ""},
    )


def _as_text(column: sa.Column[Any]) -> Any:
    return sa.cast(column, sa.Text)


def _held(column: sa.Column[Any]) -> Any:
    return column.is_not(None) & (_as_text(column) != "null")


def _names(column: sa.Column[Any], keys: Iterable[str]) -> Any:
    return sa.or_(*(_as_text(column).like(f'%"{key}":%') for key in keys))


# --- what stays of a row ---------------------------------------------------------------------------------------------


def _quiet(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """The evidence of a closed letter without what may quote a body."""
    return {name: value for name, value in evidence.items() if name not in _TELLTALE}


def without_texts(told: Mapping[str, Any], before: datetime) -> dict[str, Any]:
    """A return as it was told, without product names and who inspected; amounts, ids, dates, findings stay.

    It is still a `Return`: the gap report and the story read it as before. A return that is read again has them anew.
    """
    return {
        **told,
        "units": [_unit(unit) for unit in told.get("units", ())],
        "extra": {"purged": before.date().isoformat()},
    }


def _unit(unit: Mapping[str, Any]) -> dict[str, Any]:
    # A unit without a SKU has nothing but its name to be called by.
    kept: dict[str, Any] = {"name": "" if unit.get("sku") else unit.get("name", ""), "method_name": ""}
    if unit.get("inspection"):
        # What was found stays: a later event may have the goods decided again. Who found it does not matter for that.
        kept["inspection"] = {**unit["inspection"], "by": ""}
    return {**unit, **kept}
