"""`returnline exceptions`: one list per owner, with money; what is hidden comes back, what is accepted goes on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.ledger.schema import all as t
from schemas.concerns import ConcernType
from tests.pipeline.ledger.letters_desk import Office

NO_SKU, LOCKED = ConcernType.SKU_UNMATCHED, ConcernType.LOCKED_PERIOD


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.ledger.close()


def test_the_list_names_return_type_owner_money_and_since(office: Office) -> None:
    office.an_exception("7001", NO_SKU, "12.00")
    (row,) = office.data_of("exceptions list")["exceptions"]
    assert (row["rma"], row["type"], row["owner"], row["money"]) == ("7001", "SKU_UNMATCHED", "operations", "12.00")
    assert datetime.fromisoformat(row["since"]) == office.now


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("--owner finance", ["7002"]),
        ("--type SKU_UNMATCHED", ["7001"]),
        ("--rma 7002", ["7002"]),
        ("--shop elsewhere", []),
    ],
)
def test_every_filter_picks_its_exceptions(office: Office, asked: str, found: list[str]) -> None:
    office.an_exception("7001", NO_SKU)
    office.an_exception("7002", LOCKED)
    assert [row["rma"] for row in office.data_of(f"exceptions list {asked}")["exceptions"]] == found


def test_the_money_of_the_list_is_added_up_by_currency(office: Office) -> None:
    office.an_exception("7001", NO_SKU, "12.00")
    office.an_exception("7002", LOCKED, "0.50")
    assert office.data_of("exceptions list")["money"] == {"GBP": "12.50"}
    assert "2 open exceptions: 12.50 GBP" in office.run("exceptions list").output


def test_an_exception_says_what_happened_and_what_to_do(office: Office) -> None:
    number = office.an_exception("7001", NO_SKU)
    shown = office.run(f"exceptions show {number}").output
    assert "what happened: cause of 7001" in shown
    assert "what to do:    mend 7001" in shown


def test_an_unknown_exception_is_named(office: Office) -> None:
    assert "no exception 99" in office.run("exceptions show 99").output


def test_somebody_can_be_named_for_it(office: Office) -> None:
    number = office.an_exception("7001", NO_SKU)
    assert office.run(f"exceptions assign {number} bob").exit_code == 0
    assert office.rows(t.exceptions)[0]["assignee"] == "bob"
    assert office.audited() == ["exception.assign"]


def test_a_snoozed_exception_hides_until_its_date(office: Office) -> None:
    number = office.an_exception("7001", NO_SKU)
    assert office.run(f"exceptions snooze {number} --until 3d").exit_code == 0
    assert office.data_of("exceptions list")["exceptions"] == []
    assert len(office.data_of("exceptions list --snoozed")["exceptions"]) == 1
    office.change(t.exceptions, snoozed_until=datetime.now(UTC) - timedelta(seconds=1))
    assert len(office.data_of("exceptions list")["exceptions"]) == 1


def test_a_snooze_needs_a_date_to_come(office: Office) -> None:
    number = office.an_exception("7001", NO_SKU)
    assert office.run(f"exceptions snooze {number}").exit_code == 2
    result = office.run(f"exceptions snooze {number} --until 2020-01-01")
    assert result.exit_code == 2
    assert "is past" in result.output


def test_a_resolution_needs_a_reason_and_keeps_it(office: Office) -> None:
    number = office.an_exception("7001", NO_SKU)
    assert office.run(f"exceptions resolve {number} --reason", " ").exit_code == 2
    assert office.run(f"exceptions resolve {number} --reason", "paid by bank").exit_code == 0
    (row,) = office.rows(t.exceptions)
    assert (row["state"], row["closed_by"], row["note"]) == ("closed", "ann", "paid by bank")


def test_a_closed_exception_cannot_be_closed_again(office: Office) -> None:
    number = office.an_exception("7001", NO_SKU)
    office.run(f"exceptions resolve {number} --reason x")
    result = office.run(f"exceptions resolve {number} --reason y")
    assert result.exit_code == 1
    assert "closed already (ann)" in result.output


def test_an_accepted_exception_is_kept_for_this_return_and_its_entry_wakes(office: Office) -> None:
    number = office.an_exception("7001", NO_SKU)
    office.change(t.entries, state="parked", due_at=office.now + timedelta(hours=5))
    assert office.run(f"exceptions accept {number} --reason", "same shirt").exit_code == 0
    (waiver,) = office.rows(t.waivers)
    assert (waiver["type"], waiver["reason"], waiver["by"]) == ("SKU_UNMATCHED", "same shirt", "ann")
    assert office.rows(t.entries)[0]["due_at"] <= datetime.now(UTC)
    assert office.audited() == ["exception.accept"]


def test_what_is_about_no_return_cannot_be_accepted(office: Office) -> None:
    office.dead_delivery()
    result = office.run("exceptions accept 1 --reason x")
    assert result.exit_code == 1
    assert "about no return" in result.output
