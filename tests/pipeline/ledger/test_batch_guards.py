"""A closed batch is closed for everybody: the database itself refuses, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from pipeline.ledger import Ledger
from pipeline.ledger.batches import batches
from pipeline.ledger.batches.batches import Place
from pipeline.ledger.schema import all as t
from pipeline.ledger.schema.migrating import migrate
from tests.postgres_server import running_postgres

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
REFUSED = "a closed batch never changes"


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
        migrate(url)
        made = Ledger(url)
        yield made
        made.close()
        return
    with running_postgres() as url:
        migrate(url)
        migrate(url)
        made = Ledger(url)
        yield made
        made.close()


def a_batch(ledger: Ledger, state: str) -> int:
    place = Place("alder", date(2026, 11, 23), NOW, "UTC", "GBP", 9)
    with ledger.write() as conn:
        number = batches.open_batch(conn, place, NOW)
        batches.step(conn, number, (batches.OPEN,), state=state)
    return number


def refused(ledger: Ledger, statement: Any) -> str:
    with pytest.raises(DBAPIError) as told, ledger.write() as conn:
        conn.execute(statement)
    return str(told.value.orig)


def test_a_closed_batch_is_neither_changed_nor_removed_nor_filled(ledger: Ledger) -> None:
    number = a_batch(ledger, batches.CLOSED)
    mine = t.batches.c.id == number
    assert REFUSED in refused(ledger, t.batches.update().where(mine).values(state=batches.OPEN))
    assert REFUSED in refused(ledger, t.batches.delete().where(mine))
    item = {"batch_id": number, "effect_id": 1, "entry_id": 1, "return_id": 1, "rma_id": "7", "state": "held"}
    more = {"content": "", "action": {}, "currency": "GBP", "gross": Decimal(1), "base_gross": Decimal(1)}
    moments = {"added_at": NOW, "checked_at": NOW, "changed_at": NOW}
    assert REFUSED in refused(ledger, t.batch_items.insert().values(**{**item, **more, **moments}))


def test_a_batch_that_is_not_closed_goes_on(ledger: Ledger) -> None:
    number = a_batch(ledger, batches.POSTING)
    with ledger.write() as conn:
        assert batches.step(conn, number, (batches.POSTING,), state=batches.CLOSED)
        assert not batches.step(conn, number, (batches.POSTING,), state=batches.CLOSED)
        assert conn.execute(sa.select(t.batches.c.state)).scalar_one() == batches.CLOSED
