"""`returnline status`, `explain` and `deliveries`: what waits and why, also when a part is away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.ledger import audit, cursors
from pipeline.ledger.audit import Attempt
from pipeline.ledger.schema import all as t
from pipeline.ledger.store import upsert
from schemas.concerns import ConcernType
from schemas.effects import EffectState
from tests.pipeline.ledger.letters_desk import SHOP, Office
from tests.valkey_server import running_valkey


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.ledger.close()


def _status(office: Office) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(office.run("status --json").stdout)
    return told


def _busy(office: Office) -> None:
    office.dead_effect("7001", "30.00")
    office.dead_effect("7002", "5.00", state=EffectState.UNCERTAIN)
    office.an_exception("7003", ConcernType.LOCKED_PERIOD, "12.00")
    reason = {"state": "parked", "reason": "the invoice is a draft", "due_at": office.now}
    office.change(t.entries, t.entries.c.subject == "7003", **reason)
    with office.ledger.write() as conn:
        cursors.claim_cursor(conn, SHOP, "cin7:sales", office.now, timedelta(), timedelta(seconds=1))
        cursors.set_cursor(conn, SHOP, "cin7:sales-since", "2026-11-01", office.now)
        stopped = {"value": "stopped|the keys are refused", "at": office.now}
        until = {"lease_until": office.now + timedelta(minutes=5)}
        upsert(conn, t.cursors, {"shop": SHOP, "name": "lane:cin7"}, stopped | until)


def test_without_a_broker_the_ledger_is_still_told_and_the_code_is_1(office: Office) -> None:
    _busy(office)
    result = office.run("status")
    assert result.exit_code == 1
    assert "AWAY: no embedded server runs" in result.output
    assert "the invoice is a draft" in result.output


def test_without_a_ledger_the_status_says_so(office: Office) -> None:
    office.ledger.close()
    for file in office.data.iterdir():
        file.unlink()
    result = office.run("status")
    assert result.exit_code == 1
    assert "there is no ledger" in result.output


def test_an_unmigrated_ledger_is_named_and_not_shown_as_empty(office: Office) -> None:
    office.ledger.close()
    for file in office.data.iterdir():
        file.unlink()
    (office.data / "ledger.sqlite").touch()
    result = office.run("status")
    assert result.exit_code == 1
    assert "no such table" in result.output


def test_what_waits_is_told_by_consumer_state_and_reason(office: Office) -> None:
    _busy(office)
    parked = [row for row in _status(office)["waiting"] if row["state"] == "parked"]
    assert [(row["consumer"], row["reason"], row["count"]) for row in parked] == [
        ("credit-notes", "the invoice is a draft", 1)
    ]


def test_uncertain_effects_are_named_one_by_one(office: Office) -> None:
    _busy(office)
    (row,) = _status(office)["uncertain"]
    assert (row["rma_id"], row["waits_for_person"], row["sends"]) == ("7002", True, 2)


def test_dead_letters_and_exceptions_show_their_money(office: Office) -> None:
    _busy(office)
    told = _status(office)
    assert [(row["queue"], row["count"], row["money"]) for row in told["dead_letters"]] == [
        ("credit-notes", 2, {"GBP": "35.00"})
    ]
    assert [(row["owner"], row["count"], row["money"]) for row in told["exceptions"]] == [
        ("finance", 1, {"GBP": "12.00"})
    ]


def test_stopped_lanes_and_last_polls_are_told_apart(office: Office) -> None:
    _busy(office)
    told = _status(office)
    assert [(row["system"], row["why"]) for row in told["lanes_stopped"]] == [("cin7", "the keys are refused")]
    assert [row["poll"] for row in told["polls"]] == ["cin7:sales"]


def test_with_a_broker_inbox_and_quota_are_told_and_the_code_is_0(office: Office) -> None:
    with running_valkey() as server:
        office.redis_url = server.url
        result = office.run("status --json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["inbox"] == {"waiting": 0, "taken": 0, "oldest_seconds": 0.0}
    assert told["quota"][0]["cin7"]["used"] == 0


# -- explain ----------------------------------------------------------------------------------------------------------


def _story(office: Office) -> None:
    office.dead_effect("7001", "30.00")
    attempt = Attempt(
        at=office.now,
        shop=SHOP,
        system="cin7",
        lane="money",
        method="POST",
        path="sale/creditnote",
        status=400,
        outcome="rejected",
        seconds=0.2,
        sent='{"Status": "DRAFT", "key": "cin7-key-of-alder"}',
        answered="Locked period; ask jane@example.com",
        return_id=1,
    )
    with office.ledger.write() as conn:
        audit.keep(conn, attempt)


def test_a_story_tells_calls_effects_and_dead_letters(office: Office) -> None:
    _story(office)
    told = office.run("explain 7001").output
    assert "RMA 7001 of alder" in told
    assert "cin7 POST sale/creditnote: 400, rejected" in told
    assert "CommentOnReturn: REJECTED" in told
    assert "credit-notes/perform, open: Locked period" in told
    assert "Locked period; ask" not in told


def test_what_was_sent_and_answered_is_told_on_request_without_secrets_or_shoppers(office: Office) -> None:
    _story(office)
    for told in (office.run("explain 7001 --verbose").output, office.run("explain 7001 --json").output):
        assert '"Status": "DRAFT"' in told.replace('\\"', '"')
        assert "cin7-key-of-alder" not in told
        assert "jane@example.com" not in told


def test_the_deliveries_of_a_story_are_those_of_this_return_alone(office: Office) -> None:
    office.a_return("700")
    for number, subject in enumerate(("rma:700", "rma:7001", "rma:9,700", "sale:700")):
        office.a_delivery(f"d{number}", subject)
    told = office.data_of("explain 700")
    assert [row["subject"] for row in told["deliveries"]] == ["rma:700", "rma:9,700"]
    assert not {"body", "headers"} & set(told["deliveries"][0])


def test_an_unknown_return_points_to_the_rehearsal(office: Office) -> None:
    result = office.run("explain 4711")
    assert result.exit_code == 1
    assert "returnline rehearse 4711" in result.output


def test_two_shops_with_one_number_must_be_told_apart(office: Office) -> None:
    office.a_return("7001")
    office.change(t.returns, shop="birch")
    office.change(t.entries, shop="birch")
    office.a_return("7001")
    result = office.run("explain 7001")
    assert result.exit_code == 2
    assert "alder, birch" in result.output
    assert office.run("explain 7001 --shop alder").exit_code == 0


def test_a_rehearsal_without_a_broker_says_why(office: Office) -> None:
    result = office.run("rehearse 7001")
    assert result.exit_code == 1
    assert "the call quota cannot be asked" in result.output


# -- deliveries -------------------------------------------------------------------------------------------------------


def test_deliveries_are_listed_newest_first_without_their_bodies(office: Office) -> None:
    office.a_delivery("d1", "rma:1")
    office.later(seconds=1)
    office.a_delivery("d2", "rma:2")
    rows = office.data_of("deliveries list")
    assert [row["id"] for row in rows] == ["d2", "d1"]
    assert "body" not in rows[0]
    assert [row["id"] for row in office.data_of("deliveries list --subject rma:1")] == ["d1"]
    assert office.data_of("deliveries list --outcome unreadable") == []


def test_reasons_that_differ_in_a_number_only_are_one_line(office: Office) -> None:
    _busy(office)
    waits = {"state": "parked", "due_at": office.now}
    for subject, number in (("7001", "CR-00731"), ("7002", "CR-00732")):
        office.change(t.entries, t.entries.c.subject == subject, reason=f"credited by {number}, no refund", **waits)
    told = [(row["reason"], row["count"]) for row in _status(office)["waiting"] if "credited" in row["reason"]]
    assert told == [("credited by …, no refund", 2)]


def test_a_piped_table_keeps_its_words_whole(office: Office) -> None:
    reason = "credited long ago, and no refund went out " * 3
    _busy(office)
    office.change(t.entries, t.entries.c.subject == "7003", reason=reason.strip())
    assert "credited long ago, and no refund went out credited" in office.run("status").output
