"""A rehearsal shows the plan of today and changes nothing but what is remembered."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from console.cli import main
from console.rehearsal import CannotRehearseError, ReadingCin7, rehearse
from pipeline.calls.quota import Priority
from pipeline.ledger import sales
from pipeline.ledger.schema import all as t
from tests.tasks.practice import SHOP, Bench


def _credit(told: dict[str, Any]) -> dict[str, Any]:
    return next(one for one in told["consumers"] if one["consumer"] == "credit-notes")


def test_a_rehearsal_shows_the_credit_note_that_would_be_posted(bench: Bench) -> None:
    order = bench.desk.sell()
    rma = bench.desk.open_return(order)
    told = _credit(rehearse(bench.parts, rma))
    (action,) = told["plan"]["actions"]
    assert (action["do"], action["gross"]) == ("PostCreditNote", {"amount": "30.0000", "currency": "GBP"})
    assert [(change["change"], change["why"]) for change in told["changes"]] == [("would do", "(new)")]


def test_a_rehearsal_posts_nothing_and_writes_no_effect(bench: Bench) -> None:
    order = bench.desk.sell()
    rma = bench.desk.open_return(order)
    bench.take(rma)
    before = bench.entry(rma)
    bench.desk.forget_calls()
    rehearse(bench.parts, rma)
    assert bench.desk.calls("cin7", "POST") == []
    assert bench.desk.notes(order) == []
    assert bench.rows(t.effects) == []
    assert bench.rows(t.sale_claims) == []
    assert bench.entry(rma) == before


def test_a_rehearsal_makes_its_calls_in_the_bulk_lane(bench: Bench) -> None:
    rma = bench.desk.open_return(bench.desk.sell())
    rehearse(bench.parts, rma)
    assert {row["lane"] for row in bench.rows(t.attempts)} == {Priority.BULK.value}


def test_a_rehearsal_goes_on_while_somebody_writes_to_the_sale(bench: Bench) -> None:
    order = bench.desk.sell()
    rma = bench.desk.open_return(order)
    sale = bench.desk.sale_of(order)["sale_id"]
    with bench.parts.ledger.write() as conn:
        assert sales.claim_sale(conn, SHOP, sale, "somebody", bench.clock(), timedelta(minutes=1))
    assert _credit(rehearse(bench.parts, rma))["plan"]["actions"] != []


def test_a_rehearsal_of_what_is_done_says_that_it_stays(bench: Bench) -> None:
    order = bench.desk.sell()
    rma = bench.desk.open_return(order)
    bench.take(rma)
    bench.consume(rma)
    number = bench.desk.authorised(order)[0]["number"]
    told = _credit(rehearse(bench.parts, rma))
    assert told["plan"]["actions"] == []
    assert [(change["change"], change["why"]) for change in told["changes"]] == [("stays CONFIRMED", number)]


def test_when_returngo_is_away_the_last_reading_is_rehearsed_and_named(bench: Bench) -> None:
    rma = bench.desk.open_return(bench.desk.sell())
    bench.take(rma)
    bench.desk.fault("status_before", system="returngo", status=503, times=9)
    told = rehearse(bench.parts, rma)
    assert told["read"].startswith("ReturnGO cannot be asked")
    assert _credit(told)["plan"]["actions"] != []


def test_when_cin7_is_away_the_rehearsal_says_so_instead_of_failing(bench: Bench) -> None:
    rma = bench.desk.open_return(bench.desk.sell())
    bench.desk.fault("status_before", system="cin7", status=503, times=9)
    assert _credit(rehearse(bench.parts, rma))["trouble"].startswith("Cin7 cannot be asked now")


def test_a_return_that_nobody_knows_cannot_be_rehearsed(bench: Bench) -> None:
    with pytest.raises(CannotRehearseError, match="RMA 99999999"):
        rehearse(bench.parts, "99999999")


def test_the_readings_of_a_rehearsal_refuse_every_write(bench: Bench) -> None:
    cin7 = ReadingCin7(bench.parts.shop(SHOP).cin7)
    for name in ("post_credit_note", "post_payment", "post_order", "post_write_off", "put_webhook"):
        with pytest.raises(PermissionError, match=name):
            getattr(cin7, name)


def test_the_command_shows_the_plan_through_a_program_of_its_own(bench: Bench) -> None:
    rma = bench.desk.open_return(bench.desk.sell())
    told = ["rehearse", rma, "--config", str(bench.settings.config_path), "--data", str(bench.settings.data_dir)]
    env = {"REDIS_URL": bench.settings.redis_url}
    plain = CliRunner().invoke(main, told, env=env)
    assert plain.exit_code == 0, plain.output
    assert "do PostCreditNote" in plain.output
    assert "Nothing was performed" in plain.output
    data = json.loads(CliRunner().invoke(main, [*told, "--json"], env=env).stdout)
    assert _credit(data)["plan"]["actions"][0]["do"] == "PostCreditNote"


def test_the_command_fails_with_a_reason_for_an_unknown_return(bench: Bench) -> None:
    told = ["rehearse", "99999999", "--config", str(bench.settings.config_path)]
    told += ["--data", str(bench.settings.data_dir)]
    result = CliRunner().invoke(main, told, env={"REDIS_URL": bench.settings.redis_url})
    assert result.exit_code == 1
    assert "RMA 99999999" in result.output
    assert "Traceback" not in result.output


def test_a_refused_effect_is_rehearsed_as_if_it_were_requeued(bench: Bench) -> None:
    rma = bench.desk.open_return(bench.desk.sell())
    bench.take(rma)
    bench.desk.fault("status_before", status=400, system="cin7", path="creditnote", method="POST")
    bench.consume(rma)
    assert _credit(rehearse(bench.parts, rma))["plan"]["actions"] == []
    told = _credit(rehearse(bench.parts, rma, requeued=True))
    assert [(change["change"], change["why"]) for change in told["changes"]] == [("would do", "(now REJECTED)")]
    assert bench.effects(rma)[0]["state"] == "REJECTED"


def test_a_decision_that_fails_is_named_beside_the_others(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    rma = bench.desk.open_return(bench.desk.sell())

    def fail(*_: object) -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr("console.rehearsal._plan", fail)
    assert _credit(rehearse(bench.parts, rma))["trouble"] == "it fails with ZeroDivisionError: a defect"
