"""One entry through its consumer: wakes are not lost, effects are planned from today's facts, one writer per sale."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from consumers.case import Plan
from consumers.credit_notes import decision
from pipeline.ledger import effects, entries, sales
from pipeline.ledger.schema import all as t
from tasks.books.books import LedgerBooks
from tasks.stages import consume
from tests.faults.metadata import fault
from tests.tasks.practice import SHOP, Bench


def _ready(bench: Bench, kind: str = "Simple Sale") -> tuple[str, str]:
    order = bench.desk.sell(kind=kind)
    rma = bench.desk.open_return(order)
    bench.take(rma)
    return order, rma


def _meanwhile(monkeypatch: pytest.MonkeyPatch, do: Callable[[], object]) -> None:
    """Something happens while the entry is being worked on."""
    original = LedgerBooks.sale_of

    def read(self: LedgerBooks, *args: str) -> Any:
        do()
        return original(self, *args)

    monkeypatch.setattr(LedgerBooks, "sale_of", read)


def test_a_wake_during_the_work_is_not_lost(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    _, rma = _ready(bench)

    def wake() -> None:
        with bench.parts.ledger.write() as conn:
            entries.wake(conn, SHOP, "credit-notes", rma, bench.the_return(rma)["id"], bench.clock())

    _meanwhile(monkeypatch, wake)
    bench.consume(rma)
    entry = bench.entry(rma)
    assert (entry["state"], entry["due_at"]) == ("open", bench.clock())


def test_of_two_workers_one_gets_the_entry(bench: Bench) -> None:
    _, rma = _ready(bench)
    entry, lease = bench.entry(rma)["id"], timedelta(seconds=60)
    with bench.parts.ledger.write() as conn:
        first = entries.claim(conn, entry, bench.clock(), lease)
        second = entries.claim(conn, entry, bench.clock(), lease)
    assert first is not None
    assert second is None


@fault("F23 F70", "a worker wakes after its lease", "nothing")
def test_a_worker_that_lost_its_claim_cannot_release_the_entry(bench: Bench) -> None:
    _, rma = _ready(bench)
    entry = bench.entry(rma)["id"]
    with bench.parts.ledger.write() as conn:
        slow = entries.claim(conn, entry, bench.clock(), timedelta(seconds=1))
    assert slow is not None
    bench.clock.forward(5)
    assert bench.consume(rma) == "settled"
    with bench.parts.ledger.write() as conn:
        assert not entries.release(conn, slow, entries.PARKED, bench.clock())
    assert bench.entry(rma)["state"] == "settled"


def test_every_start_is_counted_before_any_work(bench: Bench) -> None:
    _, rma = _ready(bench)
    entry = bench.entry(rma)["id"]
    for _ in range(3):
        with bench.parts.ledger.write() as conn:
            entries.claim(conn, entry, bench.clock(), timedelta(seconds=1))
        bench.clock.forward(2)
    assert bench.entry(rma)["starts"] == 3


def test_work_that_ends_resets_the_count_of_starts(bench: Bench) -> None:
    _, rma = _ready(bench)
    bench.change(t.entries, t.entries.c.subject == rma, starts=3)
    assert bench.consume(rma) == "settled"
    assert bench.entry(rma)["starts"] == 0


def test_units_that_are_in_one_effect_cannot_enter_another(bench: Bench) -> None:
    _, rma = _ready(bench)
    bench.consume(rma)
    (row,) = bench.effects(rma)
    from pipeline.ledger.codec import action_from_json

    action = action_from_json(row["action"])
    other = replace(action, key="another:key")
    with bench.parts.ledger.write() as conn:
        assert effects.plan(conn, row["entry_id"], SHOP, row["return_id"], other, bench.clock()) is None
    states = {e["key"]: e["state"] for e in bench.effects(rma)}
    assert states == {row["key"]: "CONFIRMED", "another:key": "WITHDRAWN"}


def test_a_confirmed_effect_is_not_planned_again(bench: Bench) -> None:
    _, rma = _ready(bench)
    bench.consume(rma)
    (row,) = bench.effects(rma)
    from pipeline.ledger.codec import action_from_json

    with bench.parts.ledger.write() as conn:
        action = action_from_json(row["action"])
        assert effects.plan(conn, row["entry_id"], SHOP, row["return_id"], action, bench.clock()) is None
    assert bench.effects(rma)[0]["state"] == "CONFIRMED"


def test_a_return_waits_while_another_is_written_to_its_sale(bench: Bench) -> None:
    order, rma = _ready(bench)
    sale = bench.desk.sale_of(order)["sale_id"]
    with bench.parts.ledger.write() as conn:
        sales.claim_sale(conn, SHOP, sale, "entry:999", bench.clock(), timedelta(seconds=60))
    assert bench.consume(rma) == "parked"
    assert bench.entry(rma)["failures"] == 0
    assert bench.desk.notes(order) == []
    assert bench.later(rma, 61) == "settled"


def test_the_sale_is_let_go_whatever_happens(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    _, rma = _ready(bench)

    def broken(*_: object) -> Plan:
        raise ZeroDivisionError

    monkeypatch.setattr(consume, "consumer", lambda name: _with_plan(broken))
    assert bench.consume(rma) == "parked"
    assert bench.rows(t.sale_claims) == []


def _with_plan(plan: Callable[..., Plan]) -> Any:
    from consumers.consumer import Consumer

    return Consumer("credit-notes", decision.hears, decision.gather, plan)


@fault("F80", "no call slot is free", "the return waits its turn; it is not counted as a failure")
def test_waiting_for_the_quota_is_not_a_failure(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(limit=20, intervals="quota_patience = 0.1")
    _, rma = _ready(bench)
    shop = bench.parts.shop(SHOP)
    from pipeline.calls.quota import Priority, QuotaWait

    with suppress(QuotaWait):
        for _ in range(25):
            shop.cin7_quota.acquire(Priority.MONEY, 0.0, 1.0)
    assert bench.consume(rma) == "parked"
    entry = bench.entry(rma)
    assert (entry["failures"], entry["due_at"] > bench.clock()) == (0, True)


@fault("F48 F59", "Cin7 answers 429 although we kept the quota", "the return waits as long as Cin7 says")
def test_a_throttle_is_not_a_failure(bench: Bench) -> None:
    order, rma = _ready(bench)
    bench.desk.fault("throttle", system="cin7", method="GET", retry_after="1 Seconds")
    assert bench.consume(rma) == "parked"
    assert bench.entry(rma)["failures"] == 0
    assert bench.desk.notes(order) == []


@fault("F52", "Cin7 refuses the keys", "one exception for engineering after one call; everything waits")
def test_refused_cin7_keys_stop_the_lane_with_one_exception(bench: Bench) -> None:
    rmas = [_ready(bench)[1] for _ in range(3)]
    bench.desk.fault("auth_403", system="cin7", times=50)
    bench.desk.forget_calls()
    assert {bench.consume(rma) for rma in rmas} == {"parked"}
    assert len(bench.desk.calls("cin7")) == 1
    assert [row["type"] for row in bench.exceptions()] == ["CREDENTIALS_REJECTED"]


def _unsent(bench: Bench) -> tuple[str, str]:
    """A return whose effect is planned and was refused for the quota: nothing was ever sent."""
    order, rma = _ready(bench, "Advanced Sale")
    bench.desk.fault("throttle", system="cin7", method="POST", path="creditnote", retry_after="1 Seconds")
    assert bench.consume(rma) == "parked"
    (row,) = bench.effects(rma)
    assert (row["state"], row["sends"]) == ("PLANNED", 0)
    return order, rma


def test_an_effect_that_was_never_sent_is_planned_anew_from_todays_facts(bench: Bench) -> None:
    _order, rma = _unsent(bench)
    old = bench.effects(rma)[0]["action"]["noted_on"]
    bench.clock.forward(86_400)
    bench.consume(rma)
    action = bench.effects(rma)[0]["action"]
    assert action["noted_on"] > old


def test_an_effect_that_was_never_sent_is_withdrawn_when_the_facts_change(bench: Bench) -> None:
    order, rma = _unsent(bench)
    bench.desk.act(rma, "cancel")
    bench.clock.forward(5)
    bench.take(rma)
    assert bench.consume(rma) == "refused"
    assert bench.effects(rma)[0]["state"] == "WITHDRAWN"
    assert bench.desk.notes(order) == []
    assert bench.rows(t.effect_units) == []


def test_a_withdrawn_effect_comes_back_under_the_same_key(bench: Bench) -> None:
    order, rma = _unsent(bench)
    for action, exit_ in (("cancel", "refused"), ("reopen", "settled")):
        bench.desk.act(rma, action)
        bench.clock.forward(5)
        bench.take(rma)
        assert bench.consume(rma) == exit_
    assert [row["state"] for row in bench.effects(rma)] == ["CONFIRMED"]
    assert len(bench.desk.notes(order)) == 1


def test_an_uncertain_effect_is_not_withdrawn_when_the_facts_change(bench: Bench) -> None:
    order, rma = _ready(bench, "Advanced Sale")
    bench.desk.fault("reset_after", system="cin7", method="POST", path="creditnote")
    bench.consume(rma)
    bench.desk.act(rma, "cancel")
    bench.clock.forward(10)
    bench.take(rma)
    bench.consume(rma)
    assert bench.effects(rma)[0]["state"] in {"CONFIRMED", "UNCERTAIN"}
    assert len(bench.desk.notes(order)) == 1


def test_the_plan_is_kept_for_anyone_who_asks_why(bench: Bench) -> None:
    _, rma = _ready(bench)
    bench.consume(rma)
    plan = bench.entry(rma)["plan"]
    assert [action["do"] for action in plan["actions"]] == ["PostCreditNote"]


def test_a_plain_return_costs_at_most_three_cin7_calls_once_the_books_are_known(bench: Bench) -> None:
    _, warm = _ready(bench)
    bench.consume(warm)
    order, rma = _ready(bench)
    from tasks.polls import polls

    polls.sales(bench.parts, SHOP)
    bench.desk.forget_calls()
    assert bench.consume(rma) == "settled"
    assert len(bench.desk.calls("cin7")) <= 3
    assert len(bench.desk.authorised(order)) == 1
