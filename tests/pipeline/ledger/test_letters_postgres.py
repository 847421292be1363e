"""The same promises on PostgreSQL, where two operators really act at the same moment."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from console.requeue_many import Orders, Report, RequeueRun
from pipeline.ledger.letters.letters import Filter
from pipeline.ledger.schema import all as t
from schemas.concerns import ConcernType
from schemas.effects import EffectState
from tests.pipeline.ledger.letters_desk import Office
from tests.postgres_server import running_postgres


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running_postgres() as address:
        yield address


@pytest.fixture
def office(tmp_path: Path, url: str) -> Iterator[Office]:
    made = Office(tmp_path, url)
    with made.ledger.write() as conn:
        for table in reversed(t.metadata.sorted_tables):
            conn.execute(table.delete())
    yield made
    made.ledger.close()


def _run(office: Office, who: str) -> Report:
    orders = Orders(rate=Decimal(0))
    return RequeueRun(office.ledger, lambda *_, **__: True, lambda: datetime.now(UTC), who, orders).run(Filter())


def test_two_operators_at_once_move_each_letter_once(office: Office) -> None:
    for number in range(12):
        office.dead_effect(str(7001 + number))
    with ThreadPoolExecutor(2) as both:
        reports = list(both.map(lambda who: _run(office, who), ("ann", "bob")))
    assert sum(report.moved["requeued"] for report in reports) == 12
    assert [row["redrives"] for row in office.rows(t.dead_letters)] == [1] * 12
    assert office.audited().count("dead.requeue") == 12


def test_the_commands_work_on_postgresql(office: Office) -> None:
    office.dead_effect("7001", "30.00")
    office.dead_effect("7002", "5.00", state=EffectState.UNCERTAIN)
    office.an_exception("7003", ConcernType.LOCKED_PERIOD, "12.00")
    told = office.data_of("requeue")
    assert (told["letters"], Decimal(told["money"]["GBP"])) == (2, Decimal(35))
    assert "2 dead letters: 35.00 GBP" in office.run("dead list").output
    assert "1 open exceptions: 12.00 GBP" in office.run("exceptions list").output
    assert "RMA 7001 of alder" in office.run("explain 7001").output
    assert "35.00 GBP" in office.run("status").output


def test_an_uncertain_effect_is_requeued_on_postgresql(office: Office) -> None:
    office.dead_effect("7002", state=EffectState.UNCERTAIN)
    assert office.run("requeue --yes --past-void").exit_code == 0
    (effect,) = office.rows(t.effects)
    assert (effect["state"], effect["step_sends"], effect["progress"]) == ("UNCERTAIN", 1, {"past_void": "yes"})


def test_a_ledger_that_is_away_is_named_without_its_password(tmp_path: Path, office: Office) -> None:
    away = office.config.read_text().replace(office.url, "postgresql+psycopg://rl:hush@127.0.0.1:9/none")
    office.config.write_text(away)
    for command in ("dead list", "status", "explain 7001"):
        result = office.run(command)
        assert result.exit_code == 1
        assert "the ledger cannot be used" in result.output
        assert "hush" not in result.output
