"""`returnline dead` and `returnline requeue`: nothing changes without --yes, and every change has a name on it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.ledger.schema import all as t
from schemas.effects import EffectState
from tests.pipeline.ledger.letters_desk import Office


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.ledger.close()


def test_the_list_shows_return_owner_and_money(office: Office) -> None:
    office.dead_effect("7001", "30.00")
    told = office.data_of("dead list")
    (letter,) = told["letters"]
    assert (letter["rma_id"], letter["owner"], letter["type"]) == ("7001", "finance", "WRITE_REJECTED")
    assert told["money"] == {"GBP": "30.00"}


def test_the_list_reads_well_on_a_terminal(office: Office) -> None:
    office.dead_effect("7001")
    result = office.run("dead list")
    assert result.exit_code == 0
    assert "1 dead letters: 30.00 GBP" in result.output


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("--rma 7001", ["7001"]),
        ("--type WRITE_UNCERTAIN", ["7002"]),
        ("--consumer intake", ["delivery:d-1"]),
        ("--stage perform", ["7001", "7002"]),
        ("--shop elsewhere", []),
        ("--since 1h", ["7001", "7002", "delivery:d-1"]),
        ("--until 1h", []),
        ("1", ["7001"]),
    ],
)
def test_every_filter_picks_its_letters(office: Office, asked: str, found: list[str]) -> None:
    office.dead_effect("7001")
    office.dead_effect("7002", state=EffectState.UNCERTAIN)
    office.dead_delivery()
    assert [letter["subject"] for letter in office.data_of(f"dead list {asked}")["letters"]] == found


def test_letters_of_one_cause_are_one_line_of_the_statistics(office: Office) -> None:
    for rma, reason in (("7001", "no stock at bin 12"), ("7002", "no stock at bin 99"), ("7003", "locked")):
        office.dead_effect(rma, "10.00", reason)
    causes = office.data_of("dead stats")
    assert [(cause["count"], cause["sample"]) for cause in causes] == [(2, "no stock at bin 12"), (1, "locked")]
    fingerprint = causes[0]["fingerprint"]
    assert office.data_of(f"requeue --fingerprint {fingerprint}")["letters"] == 2


def test_without_yes_a_requeue_counts_and_changes_nothing(office: Office) -> None:
    office.dead_effect("7001", "30.00")
    office.dead_effect("7002", "12.50")
    told = office.data_of("requeue")
    assert (told["dry_run"], told["letters"], float(told["money"]["GBP"])) == (True, 2, 42.5)
    assert office.states() == ["open", "open"]
    assert office.audited() == []


def test_the_dry_run_says_how_to_go_on(office: Office) -> None:
    office.dead_effect("7001", "30.00")
    result = office.run("requeue --rma 7001")
    assert "would requeue 1 dead letter: 30.00 GBP" in result.output
    assert "add --yes" in result.output


def test_with_yes_the_refused_effect_is_withdrawn_and_its_entry_is_due(office: Office) -> None:
    office.dead_effect("7001")
    result = office.run("requeue --rma 7001 --yes")
    assert result.exit_code == 0, result.output
    assert office.rows(t.effects)[0]["state"] == EffectState.WITHDRAWN
    assert (office.rows(t.entries)[0]["state"], office.states()) == ("open", ["requeued"])
    assert "the sweep will find them" in result.output


def test_the_long_form_does_the_same(office: Office) -> None:
    office.dead_effect("7001")
    assert office.run("dead requeue --rma 7001 --yes").exit_code == 0
    assert office.states() == ["requeued"]


def test_every_act_is_written_down_with_who_and_how_much(office: Office) -> None:
    office.dead_effect("7001")
    office.run("requeue --yes --as", "bob")
    started, letter, ended = office.rows(t.audit)
    assert [row["did"] for row in (started, letter, ended)] == ["requeue.started", "dead.requeue", "requeue.ended"]
    assert {row["who"] for row in (started, letter, ended)} == {"bob"}
    assert len({row["details"]["run"] for row in (started, letter, ended)}) == 1
    assert ended["details"]["moved"] == {"requeued": 1}


def test_running_it_again_moves_nothing_twice(office: Office) -> None:
    office.dead_effect("7001")
    office.run("requeue --yes")
    assert office.data_of("requeue --yes")["matched"] == 0
    assert office.rows(t.dead_letters)[0]["redrives"] == 1


def test_a_letter_that_died_three_times_of_one_cause_needs_force(office: Office) -> None:
    office.dead_effect("7001")
    office.change(t.dead_letters, redrives=3)
    assert office.data_of("requeue")["needs_force"] == 1
    assert office.data_of("requeue --yes")["moved"] == {"needs --force": 1}
    assert office.states() == ["open"]
    assert office.data_of("requeue --yes --force")["moved"] == {"requeued": 1}


def test_the_limit_is_kept(office: Office) -> None:
    for rma in ("7001", "7002", "7003"):
        office.dead_effect(rma)
    assert office.data_of("requeue --yes --limit 2 --rate 0")["matched"] == 2
    assert office.states() == ["requeued", "requeued", "open"]


def test_a_canary_that_nobody_works_on_stops_the_run(office: Office) -> None:
    for rma in ("7001", "7002"):
        office.dead_effect(rma)
    result = office.run("requeue --yes --canary 1 --wait 0")
    assert result.exit_code == 1
    assert "1 of the first 1 did not end in time" in result.output
    assert office.states() == ["requeued", "open"]


def test_an_unreadable_body_is_edited_as_a_new_revision(office: Office) -> None:
    letter = office.dead_delivery(b'{"rmaId": ')
    result = office.run(f"dead edit {letter} --file - --reason", "cut short", input=b'{"rmaId": "7009"}')
    assert result.exit_code == 0, result.output
    office.run("requeue --yes")
    (row,) = office.rows(t.dead_letters)
    assert (row["body"], row["edited"], row["state"]) == (b'{"rmaId": ', b'{"rmaId": "7009"}', "resolved")
    assert office.rows(t.returns)[0]["rma_id"] == "7009"
    assert office.rows(t.exceptions)[0]["state"] == "closed"


def test_an_edit_that_cannot_be_read_either_is_refused(office: Office) -> None:
    letter = office.dead_delivery()
    result = office.run(f"dead edit {letter} --file - --reason x", input=b"{")
    assert result.exit_code == 1
    assert "cannot be read either" in result.output
    assert office.rows(t.dead_letters)[0]["revision"] == 0


def test_only_deliveries_can_be_edited(office: Office) -> None:
    letter = office.dead_effect("7001")
    result = office.run(f"dead edit {letter} --file - --reason x", input=b"{}")
    assert result.exit_code == 1
    assert "only letters of the stage admit" in result.output


def test_a_discard_needs_a_reason(office: Office) -> None:
    office.dead_effect("7001")
    assert office.run("dead discard --rma 7001 --yes").exit_code == 2
    assert office.run("dead discard --rma 7001 --yes --reason", " ").exit_code == 2
    assert office.states() == ["open"]


def test_a_discard_is_a_dry_run_first(office: Office) -> None:
    office.dead_effect("7001")
    assert office.data_of("dead discard --rma 7001 --reason", "by hand")["dry_run"] is True
    assert office.states() == ["open"]


def test_a_discarded_effect_keeps_its_units(office: Office) -> None:
    office.dead_effect("7001")
    assert office.data_of("dead discard --rma 7001 --yes --reason", "by hand")["discarded"] == 1
    assert office.rows(t.effects)[0]["state"] == EffectState.DISCARDED
    assert len(office.rows(t.effect_units)) == 1
    assert office.states() == ["discarded"]
    assert office.audited() == ["dead.discard"]


def test_a_letter_is_shown_whole(office: Office) -> None:
    letter = office.dead_delivery(b'{"rmaId": \xff')
    shown = office.run(f"dead show {letter}").output
    assert "SCHEMA_INVALID" in shown
    assert "\\xff" in shown
    assert office.run(f"dead show {letter} --original").stdout_bytes == b'{"rmaId": \xff'


def test_an_unknown_letter_is_named(office: Office) -> None:
    result = office.run("dead show 99")
    assert result.exit_code == 1
    assert "no dead letter 99" in result.output


def test_the_export_holds_bodies_only_when_asked(office: Office, tmp_path: Path) -> None:
    office.dead_delivery(b"{")
    plain = json.loads(office.run("dead export").stdout)
    assert "body" not in plain
    office.run("dead export --bodies --to", str(tmp_path / "out.jsonl"))
    whole = json.loads((tmp_path / "out.jsonl").read_text())
    assert base64.b64decode(whole["body"]) == b"{"


@pytest.mark.parametrize("asked", ["--rate quick", "--stop-at 130%", "--since yesterday", "--stage nowhere"])
def test_a_wrong_option_is_a_usage_error(office: Office, asked: str) -> None:
    assert office.run(f"requeue {asked}").exit_code == 2


def test_without_a_ledger_the_command_says_where_it_looked(tmp_path: Path) -> None:
    office = Office(tmp_path)
    office.ledger.close()
    for file in office.data.iterdir():
        file.unlink()
    result = office.run("dead list")
    assert result.exit_code == 1
    assert "there is no ledger at" in result.output
    assert list(office.data.iterdir()) == []
