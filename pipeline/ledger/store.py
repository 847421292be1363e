"""Opening the ledger: one engine per process, short transactions, and a write that takes its turn."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

#: Seconds a writer waits for its turn before it says that the ledger is locked.
BUSY_SECONDS = 30


def _on_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={BUSY_SECONDS * 1000}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_begin(connection: sa.Connection) -> None:
    # A writer takes the lock at once, so that what it reads cannot change before it writes.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("takes_turn") else "BEGIN")


def _json(value: Any) -> str:
    """JSON for a column: an exact number goes in as its digits, quoted, or a JSON reader would make it a float."""
    return json.dumps(value, default=_plain, ensure_ascii=False)


def _plain(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"{type(value).__name__} has no place in a JSON column")


def make_engine(url: str) -> sa.Engine:
    """An engine for this ledger URL; SQLite gets WAL and fsync on every commit. Connects to nothing yet."""
    # The text of a database error goes to logs and dead letters: it must not carry the values of the row.
    if url.startswith("sqlite"):
        # One connection a thread and no pool: a forked worker never inherits an open file.
        engine = sa.create_engine(
            url, poolclass=NullPool, connect_args={"timeout": BUSY_SECONDS}, json_serializer=_json, hide_parameters=True
        )
        sa.event.listen(engine, "connect", _on_connect)
        sa.event.listen(engine, "begin", _on_begin)
        return engine
    return sa.create_engine(
        url, pool_pre_ping=True, pool_size=4, pool_recycle=1800, json_serializer=_json, hide_parameters=True
    )


class Ledger:
    """The truth about every return. `write` and `read` are one transaction each; nothing else opens one."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = make_engine(url)

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """One transaction that may change rows; durable when the block ends without an error."""
        with self.engine.connect().execution_options(takes_turn=True) as connection, connection.begin():
            yield connection

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """One consistent view; changes nothing."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Let go of every connection (after a fork, or at the end)."""
        self.engine.dispose()


def insert_once(conn: sa.Connection, table: sa.Table, **values: Any) -> bool:
    """Insert unless a unique key already holds; True when the row is new."""
    if conn.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as pg_insert

        return bool(conn.execute(pg_insert(table).values(**values).on_conflict_do_nothing()).rowcount)
    from sqlalchemy.dialects.sqlite import insert as sqlite_insert

    return bool(conn.execute(sqlite_insert(table).values(**values).on_conflict_do_nothing()).rowcount)


def upsert(conn: sa.Connection, table: sa.Table, key: dict[str, Any], values: dict[str, Any]) -> None:
    """Write the row of this key, new or not."""
    if conn.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as pg_insert

        statement: Any = pg_insert(table).values(**key, **values)
    else:
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert

        statement = sqlite_insert(table).values(**key, **values)
    conn.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))


def upsert_all(
    conn: sa.Connection, table: sa.Table, key: Sequence[str], changed: Sequence[str], rows: Sequence[dict[str, Any]]
) -> None:
    """Write many rows, new or not, in one statement; `changed` are the columns that an old row takes from the new."""
    if not rows:
        return
    if conn.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as pg_insert

        statement: Any = pg_insert(table)
    else:
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert

        statement = sqlite_insert(table)
    taken = {name: statement.excluded[name] for name in changed}
    conn.execute(statement.on_conflict_do_update(index_elements=list(key), set_=taken), list(rows))
