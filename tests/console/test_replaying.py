"""A replay shows what last month would have been, and leaves no trace in Cin7."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from click.testing import CliRunner

from console.cli import main
from console.rehearsal import CannotRehearseError
from console.replay_report import replay_lines
from console.replaying import as_if_live, replay
from pipeline.ledger.schema import all as t
from tests.tasks.practice import SHOP, Bench


def _since() -> datetime:
    return datetime.now(UTC) - timedelta(days=30)


def test_every_return_of_the_span_is_planned_and_added_up(bench: Bench) -> None:
    good, lost = bench.desk.open_return(bench.desk.sell()), bench.desk.open_return("#no-such-order")
    bench.desk.forget_calls()
    told = replay(bench.parts, _since(), SHOP)
    rows = {row["rma"]: row for row in told["returns"]}
    assert [one["do"] for one in rows[good]["actions"]] == ["PostCreditNote"]
    assert "ORDER_NOT_FOUND" in {one["type"] for one in rows[lost]["exceptions"]}
    assert told["totals"]["actions"]["PostCreditNote"]["count"] >= 1
    assert bench.desk.calls("cin7", "POST") == []
    assert bench.rows(t.effects) == []
    assert bench.rows(t.exceptions) == []


def test_a_return_that_is_done_is_counted_as_done(bench: Bench) -> None:
    rma = bench.desk.open_return(bench.desk.sell())
    bench.take(rma)
    bench.consume(rma)
    row = next(row for row in replay(bench.parts, _since(), SHOP)["returns"] if row["rma"] == rma)
    assert "PostCreditNote" not in {one["do"] for one in row["actions"]}
    assert len(row["done"]) == 1


def test_the_limit_is_kept_and_what_is_left_out_is_said(bench: Bench) -> None:
    bench.desk.open_return(bench.desk.sell())
    bench.desk.open_return(bench.desk.sell())
    told = replay(bench.parts, _since(), SHOP, limit=1)
    assert len(told["returns"]) == 1
    assert "raise --limit" in told["stopped"]
    assert any("Stopped early" in line for line in replay_lines(told))


def test_the_days_calls_that_money_needs_are_left_alone(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.desk.open_return(bench.desk.sell())
    quota = bench.parts.shop(SHOP).returngo_quota
    monkeypatch.setattr(quota, "reserve", quota.limit)
    monkeypatch.setattr("pipeline.calls.quota.DailyQuota.acquire", lambda self, *_: _Slot())
    told = replay(bench.parts, _since(), SHOP)
    assert told["returns"] == []
    assert "what money needs" in told["stopped"]


class _Slot:
    def arrived(self, *, answered: bool = True) -> None:
        """Nothing to count."""


def test_a_shop_that_is_not_live_is_replayed_as_if_it_had_been(bench: Bench) -> None:
    settings = as_if_live(bench.settings, date(2019, 5, 1))
    assert settings.shops[SHOP].terms.go_live == date(2019, 5, 1)
    assert as_if_live(bench.settings, date(2026, 1, 1)).shops[SHOP].terms.go_live == date(2020, 1, 1)


def test_an_unknown_shop_is_named_with_the_known_ones(bench: Bench) -> None:
    with pytest.raises(CannotRehearseError, match="no shop elsewhere; they have alder"):
        replay(bench.parts, _since(), "elsewhere")


def test_the_command_replays_through_a_program_of_its_own(bench: Bench) -> None:
    rma = bench.desk.open_return(bench.desk.sell())
    told = ["replay", "--since", "30d", "--config", str(bench.settings.config_path)]
    told += ["--data", str(bench.settings.data_dir), "--json"]
    env = {"REDIS_URL": bench.settings.redis_url}
    refused = CliRunner().invoke(main, told, env=env)
    assert refused.exit_code == 2
    assert "--rehearse" in refused.output
    done = CliRunner().invoke(main, [*told, "--rehearse"], env=env)
    assert done.exit_code == 0, done.output
    assert rma in {row["rma"] for row in json.loads(done.stdout)["returns"]}
