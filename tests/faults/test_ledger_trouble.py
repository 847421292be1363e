"""The ledger locked, gone, read-only, full, or restored from an old copy: nothing is sent twice or lost."""

from __future__ import annotations

import resource
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from pipeline.ledger import returns, store
from tasks.polls import broker_age
from tasks.stages import sweep
from tests.faults import installing
from tests.faults.installing import Installing, goes_on
from tests.faults.metadata import fault
from tests.tasks.practice import SHOP, Bench
from tests.valkey_server import ValkeyHandle
from tests.waiting import until

install = installing.install


@pytest.fixture
def bench(install: Installing, valkey: ValkeyHandle) -> Bench:
    return install(valkey, write_deadline=6.0)


def the_file(bench: Bench) -> Path:
    return bench.settings.data_dir / "ledger.sqlite"


def on_hand(bench: Bench, kind: str = "Advanced Sale") -> tuple[str, str]:
    order = bench.desk.sell(kind=kind)
    rma = bench.desk.open_return(order)
    bench.take(rma)
    return order, rma


@contextmanager
def copies(bench: Bench, folder: Path) -> Iterator[Callable[[], None]]:
    """A backup made now as SQLite makes them; calling it puts the backup in the ledger's place."""
    backup = folder / "backup.sqlite"
    with sqlite3.connect(the_file(bench)) as live, sqlite3.connect(backup) as copy:
        live.backup(copy)
    live.close()
    copy.close()

    def restore() -> None:
        for end in ("-wal", "-shm"):
            Path(f"{the_file(bench)}{end}").unlink(missing_ok=True)
        shutil.copyfile(backup, the_file(bench))

    yield restore


@fault("F60 F61", "the ledger is locked for two seconds by another program", "the work waits its turn; one note")
def test_a_ledger_locked_for_seconds_is_waited_for(bench: Bench) -> None:
    order, rma = on_hand(bench)
    other = sqlite3.connect(the_file(bench), isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    given_back = threading.Event()

    def give_back() -> None:
        given_back.set()
        other.execute("COMMIT")

    free = threading.Timer(2.0, give_back)
    free.start()
    assert bench.consume(rma) == "settled"
    assert given_back.is_set()
    free.join()
    other.close()
    assert len(bench.desk.authorised(order)) == 1


@fault("F65 F66", "the ledger is locked beyond patience while the answer to the POST arrives", "looked up; one note")
def test_a_ledger_locked_when_the_answer_arrives_makes_no_second_note(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "BUSY_SECONDS", 0.2)
    bench.parts.ledger.engine.dispose()
    order, rma = on_hand(bench)
    bench.desk.fault("slow_drip", system="cin7", method="POST", path="creditnote", seconds=0.8)
    other = sqlite3.connect(the_file(bench), isolation_level=None, check_same_thread=False)

    def lock() -> None:
        until("the note is being posted", lambda: bool(bench.desk.calls("cin7", "POST", "creditnote")))
        other.execute("BEGIN IMMEDIATE")

    locking = threading.Thread(target=lock)
    locking.start()
    with suppress(OperationalError):
        bench.consume(rma)
    locking.join()
    other.execute("COMMIT")
    other.close()
    assert [one["state"] for one in bench.effects(rma) if one["kind"] == "credit"] == ["SENDING"]
    goes_on(bench, order, rma)


@fault("F62", "the ledger's file is moved away", "nothing is sent; work goes on when it is back")
def test_without_a_ledger_nothing_is_sent(bench: Bench, tmp_path: Path) -> None:
    order, rma = on_hand(bench)
    entry = bench.entry(rma)["id"]
    the_file(bench).rename(tmp_path / "elsewhere.sqlite")
    bench.desk.forget_calls()
    from tasks.stages import consume

    with pytest.raises(OperationalError):
        consume.run(bench.parts, entry)
    with pytest.raises(OperationalError):
        sweep.tick(bench.parts)
    assert bench.desk.calls("cin7") == []
    for end in ("", "-wal", "-shm"):
        Path(f"{the_file(bench)}{end}").unlink(missing_ok=True)
    (tmp_path / "elsewhere.sqlite").rename(the_file(bench))
    goes_on(bench, order, rma)


@contextmanager
def read_only(bench: Bench) -> Iterator[None]:
    """As a file system that was mounted read-only: every connection may read and none may write."""

    def forbid(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA query_only=ON")

    sa.event.listen(bench.parts.ledger.engine, "connect", forbid)
    try:
        yield
    finally:
        sa.event.remove(bench.parts.ledger.engine, "connect", forbid)


@fault("F62", "the ledger turns read-only", "nothing is sent without its SENDING mark; work goes on by itself")
def test_a_read_only_ledger_sends_nothing(bench: Bench) -> None:
    order, rma = on_hand(bench)
    bench.desk.forget_calls()
    with read_only(bench), pytest.raises(OperationalError, match="readonly"):
        bench.consume(rma)
    assert bench.desk.calls("cin7") == []
    goes_on(bench, order, rma)


@fault("F62", "the ledger cannot be written for a while, with the sweep going on", "no false alarm about lost data")
def test_a_ledger_that_could_not_be_written_is_not_taken_for_an_old_one(bench: Bench) -> None:
    assert broker_age.watch(bench.parts) == ""
    with read_only(bench):
        for _ in range(broker_age.SLACK + 2):
            with pytest.raises(OperationalError):
                broker_age.watch(bench.parts)
    assert broker_age.watch(bench.parts) == ""


def work_on(bench: Bench, rma: str) -> None:
    """Day after day, until something goes wrong."""
    for _ in range(40):
        bench.consume(rma)
        bench.clock.forward(200)
        bench.nudge(rma)
        bench.read()


@contextmanager
def full_disk(path: Path, room: int) -> Iterator[None]:
    """No file of this process may grow beyond the ledger's log as it is now, plus some room in bytes."""
    log = Path(f"{path}-wal")
    size = max(log.stat().st_size if log.exists() else 0, path.stat().st_size) + room
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@fault(
    "F15 F62",
    "the disk of the ledger is full (file size limit)",
    "no POST without its SENDING mark; one note afterwards",
)
@pytest.mark.parametrize("room", [0, 20_000, 60_000])
def test_a_full_disk_under_the_ledger_makes_no_second_note(bench: Bench, room: int) -> None:
    order, rma = on_hand(bench)
    bench.desk.forget_calls()
    held = sqlite3.connect(the_file(bench))
    held.execute("BEGIN")
    held.execute("SELECT count(*) FROM entries").fetchone()
    # A reader that stays keeps the log from being emptied, so that it meets the limit.
    try:
        with full_disk(the_file(bench), room), pytest.raises(OperationalError, match=r"full|disk I/O"):
            work_on(bench, rma)
    finally:
        held.close()
    goes_on(bench, order, rma)


@fault(
    "F74",
    "the ledger is restored from a copy made before the note was posted",
    "the note is found and adopted, not made",
)
@pytest.mark.parametrize("kind", ["Simple Sale", "Advanced Sale"])
def test_a_ledger_older_than_the_world_adopts_what_it_forgot(bench: Bench, tmp_path: Path, kind: str) -> None:
    order, rma = on_hand(bench, kind)
    with copies(bench, tmp_path) as restore:
        assert bench.consume(rma) == "settled"
        (note,) = bench.desk.notes(order)
        restore()
    assert bench.entry(rma)["state"] == "open"
    bench.desk.forget_calls()
    goes_on(bench, order, rma)
    assert bench.desk.calls("cin7", "POST", "creditnote") == []
    (effect,) = [one for one in bench.effects(rma) if one["kind"] == "credit"]
    assert (effect["reference"], effect["number"]) == (note["task_id"], note["number"])


@fault(
    "F74", "the ledger is restored from a copy that does not know the return", "the sweep finds it; its note is adopted"
)
def test_a_return_that_the_restored_ledger_never_heard_of_is_found_again(bench: Bench, tmp_path: Path) -> None:
    sweep.tick(bench.parts)
    with copies(bench, tmp_path) as restore:
        order, rma = on_hand(bench)
        assert bench.consume(rma) == "settled"
        for _ in range(12):
            bench.clock.forward(5)
            sweep.tick(bench.parts)
        restore()
    with bench.parts.ledger.read() as conn:
        assert returns.find(conn, rma, SHOP) == []
    sweep.tick(bench.parts)
    assert "the ledger is older than it was" in bench.exceptions("QUEUE_ROLLED_BACK")[0]["cause"]
    bench.read()
    goes_on(bench, order, rma)


@fault(
    "F74 F63",
    "the ledger is restored from a copy made between the draft and its authorisation",
    "the draft is taken up",
)
def test_a_ledger_restored_to_the_middle_of_a_note_takes_up_its_draft(bench: Bench, tmp_path: Path) -> None:
    order, rma = on_hand(bench)
    bench.desk.fault("throttle", system="cin7", method="POST", path="creditnote", nth=2, retry_after="1")
    bench.consume(rma)
    assert [note["status"] for note in bench.desk.notes(order)] == ["DRAFT"]
    with copies(bench, tmp_path) as restore:
        goes_on(bench, order, rma)
        restore()
    goes_on(bench, order, rma)
