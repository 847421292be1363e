"""`returnline purge`: after so many days nothing names a shopper, and finance still sees every penny."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from console.cli import main
from pipeline.ledger import Ledger, audit, concerns, entries, purging
from pipeline.ledger.gaps import board
from pipeline.ledger.letters import dead, requeueing
from pipeline.ledger.letters.letters import Filter, find
from pipeline.ledger.schema import all as t
from pipeline.ledger.schema.migrating import migrate
from schemas.concerns import Concern, ConcernType
from schemas.effects import EffectState
from tests.flow.inprocess import Line, Served, line, servers
from tests.pipeline.ledger.letters_desk import Office
from tests.postgres_server import running_postgres

SHOP, NAMED = "alder", b'{"shopper": "Ada Lovelace", "rmaId": '
AGES = timedelta(days=100)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with servers(tmp_path_factory.mktemp("purge")) as found:
        yield found


@pytest.fixture
def it(tmp_path: Path, served: Served) -> Iterator[Line]:
    with line(tmp_path, served) as found:
        yield found


def run(it: Line, *words: str) -> Result:
    """A command as an operator types it; the machine's clock is the one of today."""
    told = ["--config", str(it.settings.config_path), "--data", str(it.settings.data_dir)]
    env = {"REDIS_URL": it.settings.redis_url, "USER": "ann", "COLUMNS": "200"}
    result = CliRunner().invoke(main, [words[0], *told, *words[1:]], env=env)
    assert result.exit_code == 0, result.output
    return result


def a_settled_return(it: Line) -> str:
    order = it.desk.sell()
    rma = it.desk.open_return(order)
    it.nudge_and_settle(rma)
    assert ("credit", EffectState.CONFIRMED) in it.made(rma)
    # What the other consumers still wait for (a refund, a look back) is another test's business.
    it.change(t.entries, t.entries.c.subject == rma, state=entries.SETTLED, due_at=None)
    return rma


def an_unreadable_delivery(it: Line, name: str = "d-1") -> int:
    it.deliver(NAMED, delivery_id=name, headers='{"user-agent": "Ada\'s phone"}')
    it.admit()
    return int(it.letters()[-1]["id"])


def purge(it: Line, now: datetime | None = None) -> purging.Purged:
    """As a hundred days later, everything older than ten."""
    now = now or it.clock() + AGES
    return purging.purge(it.parts.ledger, now - timedelta(days=10), "ann", now)


def discard(it: Line, letter: int) -> None:
    with it.parts.ledger.write() as conn:
        (row,) = find(conn, Filter(ids=(letter,)))
        assert requeueing.discard(conn, row, "ann", "a test of the sender", it.clock())


def files_of(it: Line) -> bytes:
    """The ledger as it lies on the disk, its write-ahead log included."""
    return b"".join(one.read_bytes() for one in sorted(it.settings.data_dir.glob("ledger.sqlite*")))


def money_story(it: Line, rma: str) -> dict[str, Any]:
    told = json.loads(run(it, "explain", rma, "--json").stdout)
    for attempt in told["attempts"]:
        attempt.pop("sent"), attempt.pop("answered")
    return dict(told)


def figures(it: Line, moment: datetime) -> list[dict[str, Any]]:
    terms = {name: shop.terms for name, shop in it.settings.shops.items()}
    with it.parts.ledger.read() as conn:
        return [item.as_row(moment) for item in board.find(conn, terms, moment, any_age=True)]


# -- what goes --------------------------------------------------------------------------------------------------------


def test_the_bytes_of_a_purged_delivery_are_gone_from_the_disk(it: Line) -> None:
    discard(it, an_unreadable_delivery(it))
    assert b"Ada Lovelace" in files_of(it)
    removed = purge(it).removed
    assert (removed["deliveries"], removed["dead letters"]) == (1, 1)
    assert b"Ada Lovelace" not in files_of(it)
    assert b"Ada's phone" not in files_of(it)


def test_what_was_sent_answered_and_told_in_words_is_gone_from_a_settled_return(it: Line) -> None:
    rma = a_settled_return(it)
    purge(it)
    row = it.the_return(rma)
    assert row["raw"] is None
    assert {unit["name"] for unit in row["told"]["units"]} == {""}
    assert {(one["sent"], one["answered"]) for one in it.rows(t.attempts)} == {("", "")}


def test_a_second_purge_finds_nothing(it: Line) -> None:
    a_settled_return(it)
    discard(it, an_unreadable_delivery(it))
    assert purge(it).total > 0
    assert purge(it).total == 0


# -- what stays -------------------------------------------------------------------------------------------------------


def test_the_money_story_and_the_gaps_are_the_same_after_a_purge(it: Line) -> None:
    rma = a_settled_return(it)
    open_too = it.desk.open_return(it.desk.sell())
    it.nudge(open_too)
    it.read()
    later = it.clock() + AGES
    before = (money_story(it, rma), figures(it, later), it.rows(t.units), it.rows(t.effects), it.rows(t.entries))
    assert before[1], "a return that waits for its credit note is a gap"
    purge(it)
    assert before == (
        money_story(it, rma),
        figures(it, later),
        it.rows(t.units),
        it.rows(t.effects),
        it.rows(t.entries),
    )


def test_what_is_younger_stays_whole(it: Line) -> None:
    rma = a_settled_return(it)
    discard(it, an_unreadable_delivery(it))
    purge(it, it.clock() + timedelta(days=9))
    assert it.the_return(rma)["raw"]
    assert it.letters()[0]["body"] == NAMED
    assert any(one["sent"] for one in it.rows(t.attempts))


def test_a_dead_letter_that_waits_for_a_person_keeps_its_bytes_and_can_be_requeued(it: Line) -> None:
    letter = an_unreadable_delivery(it)
    assert purge(it).kept["open dead letters"] == 1
    (row,) = it.letters()
    assert (row["id"], row["state"], row["body"]) == (letter, dead.OPEN, NAMED)
    (delivery,) = it.rows(t.deliveries)
    assert delivery["body"] == NAMED


def test_a_return_with_an_open_exception_keeps_what_was_read(it: Line) -> None:
    rma = a_settled_return(it)
    concern = Concern(ConcernType.LOCKED_PERIOD, "the period is locked", "unlock it")
    with it.parts.ledger.write() as conn:
        concerns.raise_(conn, SHOP, "credit-notes", rma, concern, it.clock(), return_id=it.the_return(rma)["id"])
    assert purge(it).kept["returns at work"] == 1
    assert it.the_return(rma)["raw"]


def test_the_evidence_of_an_effect_that_is_not_decided_stays(it: Line) -> None:
    rma = a_settled_return(it)
    effect = next(row for row in it.effects(rma) if row["kind"] == "credit")
    it.change(t.effects, t.effects.c.id == effect["id"], state=EffectState.UNCERTAIN)
    purge(it)
    kept = [row for row in it.rows(t.attempts) if row["sent"]]
    assert {row["effect_id"] for row in kept} == {effect["id"]}


def test_a_replay_of_a_purged_delivery_is_still_known(it: Line) -> None:
    discard(it, an_unreadable_delivery(it, "e-1"))
    purge(it)
    it.deliver(NAMED, delivery_id="e-1")
    it.admit()
    assert len(it.letters()) == 1
    assert len(it.rows(t.deliveries)) == 1


def test_a_purged_return_that_is_reopened_is_read_anew(it: Line) -> None:
    rma = a_settled_return(it)
    purge(it)
    it.nudge(rma)
    it.read()
    assert it.the_return(rma)["raw"]
    assert len(it.desk.authorised(it.the_return(rma)["order_name"])) == 1


# -- the command ------------------------------------------------------------------------------------------------------


def make_old(it: Line) -> None:
    """Set every time back, because the command reads the clock of the machine."""
    long_ago = it.clock() - AGES
    it.change(t.returns, read_at=long_ago)
    it.change(t.attempts, at=long_ago)
    it.change(t.deliveries, received_at=long_ago)
    it.change(t.dead_letters, changed_at=long_ago)


def test_without_yes_nothing_changes_and_the_counts_are_those_of_the_deed(it: Line) -> None:
    a_settled_return(it)
    discard(it, an_unreadable_delivery(it))
    make_old(it)
    held = files_of(it)
    rehearsed = json.loads(run(it, "purge", "--older-than", "30", "--json").stdout)
    assert (rehearsed["dry_run"], files_of(it)) == (True, held)
    done = json.loads(run(it, "purge", "--older-than", "30", "--yes", "--compact", "--json").stdout)
    assert (done["dry_run"], done["removed"]) == (False, rehearsed["removed"])
    assert sum(done["removed"].values()) > 0
    assert done["broker"] == "is being rewritten"


def test_who_purged_and_how_much_is_written_down(it: Line) -> None:
    discard(it, an_unreadable_delivery(it))
    make_old(it)
    run(it, "purge", "--older-than", "30", "--yes", "--as", "Priya")
    began, done = [row for row in it.rows(t.audit) if row["did"].startswith("purge.")]
    assert (began["did"], done["did"], done["who"]) == ("purge.begun", "purge.done", "Priya")
    assert done["details"]["removed"]["deliveries"] == 1


def test_the_table_says_what_is_kept_and_which_command_frees_it(it: Line) -> None:
    an_unreadable_delivery(it)
    it.change(t.dead_letters, buried_at=it.clock() - AGES)
    said = run(it, "purge", "--older-than", "30").output
    assert "kept for 1 open dead letters: requeue or discard them first" in said
    assert "--yes does it" in said


def test_on_postgresql_the_same_goes_and_the_same_stays(tmp_path: Path) -> None:
    with running_postgres() as url:
        office = Office(tmp_path, url)
        letter = office.dead_delivery(NAMED)
        return_id, _ = office.a_return("7001")
        busy_id, _ = office.a_return("7002")
        told = {"units": [{"sku": "TEE", "name": "Tee of Ada", "inspection": {"by": "Bo", "returned": True}}]}
        office.change(t.returns, raw={"a": 1}, told=told, read_at=office.now)
        office.change(t.entries, t.entries.c.return_id == return_id, state=entries.SETTLED)
        office.change(t.dead_letters, t.dead_letters.c.id == letter, state=dead.DISCARDED, evidence={"traceback": "x"})
        later = office.now + AGES
        before = later - timedelta(days=10)
        foreseen = purging.preview(office.ledger, before)
        done = purging.purge(office.ledger, before, "ann", later)
        assert (done.removed, done.kept) == (foreseen.removed, foreseen.kept)
        assert done.kept["returns at work"] == 1
        assert purging.compact(office.ledger) == ""
        kept, busy = (row for row in office.rows(t.returns) if row["id"] in {return_id, busy_id})
        (gone,) = office.rows(t.dead_letters)
        office.ledger.close()
    assert (kept["raw"], kept["told"]["units"][0]["name"], kept["told"]["units"][0]["inspection"]["by"]) == (
        None,
        "",
        "",
    )
    assert (busy["raw"], busy["told"]) == ({"a": 1}, told)
    assert (gone["body"], gone["evidence"]) == (None, {})


def test_a_new_ledger_can_be_read_by_its_user_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'data' / 'ledger.sqlite'}"
    migrate(url)
    ledger = Ledger(url)
    with ledger.write() as conn:
        audit.write(conn, "ann", "test", {}, datetime.now(UTC))
        modes = {one.name: one.stat().st_mode & 0o777 for one in (tmp_path / "data").iterdir()}
    ledger.close()
    assert set(modes.values()) == {0o600}, modes
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_zero_days_are_refused(it: Line) -> None:
    told = ["purge", "--config", str(it.settings.config_path), "--data", str(it.settings.data_dir)]
    assert CliRunner().invoke(main, [*told, "--older-than", "0"]).exit_code == 2


def test_a_purge_that_is_stopped_half_way_goes_on_where_it_was(it: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        it.deliver(b"{}", delivery_id=f"d-{number}", headers='{"user-agent": "x"}')
    it.admit()
    monkeypatch.setattr(purging, "BATCH", 2)
    rest = purging._some(it.parts.ledger, next(iter(purging._kinds(it.clock() + AGES))), None)
    assert len(rest) == 2
    assert purge(it).removed["deliveries"] == 3
