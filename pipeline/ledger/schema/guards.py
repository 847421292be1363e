"""What the database itself refuses, whoever asks: a closed batch and its items never change.

Made anew at every `migrate`, so that a ledger restored from a dump without them has them again.
"""

from __future__ import annotations

import sqlalchemy as sa

REFUSED = "a closed batch never changes"
_CLOSED_ITEM = "(SELECT state FROM batches WHERE id = {row}.batch_id) = 'closed'"
#: Trigger name, what it stands before, its table, and when it refuses.
_GUARDS = (
    ("closed_batch_stays", "UPDATE", "batches", "OLD.state = 'closed'"),
    ("closed_batch_is_kept", "DELETE", "batches", "OLD.state = 'closed'"),
    ("closed_batch_takes_nothing", "INSERT", "batch_items", _CLOSED_ITEM.format(row="NEW")),
    ("closed_item_stays", "UPDATE", "batch_items", _CLOSED_ITEM.format(row="OLD")),
    ("closed_item_is_kept", "DELETE", "batch_items", _CLOSED_ITEM.format(row="OLD")),
)


def put_up(conn: sa.Connection) -> None:
    """Make the triggers of this database, new or again."""
    if conn.dialect.name == "postgresql":
        _on_postgresql(conn)
        return
    for name, before, table, when in _GUARDS:
        conn.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")
        conn.exec_driver_sql(
            f"CREATE TRIGGER {name} BEFORE {before} ON {table} WHEN {when} BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"
        )


def _on_postgresql(conn: sa.Connection) -> None:
    # A WHEN clause may not look into another table there, so each question is asked inside a function of its own.
    for name, before, table, when in _GUARDS:
        goes_on = "OLD" if before == "DELETE" else "NEW"
        conn.exec_driver_sql(
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF {when} THEN RAISE EXCEPTION '{REFUSED}' USING ERRCODE = 'integrity_constraint_violation'; END IF; "
            f"RETURN {goes_on}; END $$"
        )
        conn.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name} ON {table}")
        conn.exec_driver_sql(f"CREATE TRIGGER {name} BEFORE {before} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()")
