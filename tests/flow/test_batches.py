"""A day's credit notes wait for finance, are posted one by one, read back and closed for good."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result
from sqlalchemy.exc import DBAPIError

from console.cli import main
from pipeline.ledger.letters import letters
from pipeline.ledger.letters.requeueing import requeue
from pipeline.ledger.schema import all as t
from schemas.terms import Posting
from tasks.batches import advance
from tasks.stages import consume
from tests.flow.inprocess import NOON, Line, Served, line

TERMS = """
posting = "batch"
write_off_account = "403"
check_restock_value = {check}

[shops.alder.terms.portal_locations]
online = "Main Warehouse"

[shops.alder.terms.batch]
cut_off = 18:00:00
{batch}
"""
TEE = {"sku": "TEE-BLK-M", "quantity": "2", "price": "30"}
UNIT = {"sku": "TEE-BLK-M", "paid_price": "30.00", "paid_tax": "5.00", "resolution": "RefundToPaymentMethod"}


class Day:
    """One installation that posts in batches; everybody's time, finance's too, stands at noon until it is moved."""

    def __init__(self, line: Line, folder: Path) -> None:
        self.line = line
        self.folder = folder

    def receive(self, order: str, **more: Any) -> str:
        """A sale whose return came in; gives its RMA."""
        rma = self.unheard(order, **more)
        self.line.nudge_and_settle(rma, rounds=1)
        return rma

    def unheard(self, order: str, **more: Any) -> str:
        """The same, and the line has not heard of it yet."""
        self.line.sell(order, [TEE])
        rma, _ = self.line.open_rma(order, [{**UNIT, **more}])
        return rma

    def work(self, *rmas: str, rounds: int = 2) -> None:
        """The sweep, then every consumer of these returns."""
        for _ in range(rounds):
            advance.advance(self.line.parts)
            for rma in rmas:
                for entry in self.line.entries(rma):
                    consume.run(self.line.parts, entry["id"])
            advance.advance(self.line.parts)
            self.line.clock.forward(5)

    def until(self, hour: int) -> None:
        self.line.at(NOON.replace(hour=hour))

    def later(self, **span: float) -> None:
        self.line.at(self.line.clock() + timedelta(**span))

    def read_back(self) -> None:
        advance.verify(self.line.parts, "alder")
        advance.advance(self.line.parts)

    def cli(self, *words: str) -> Any:
        told = self._command(*words)
        assert told.exit_code == 0, told.output
        return told.stdout

    def refused(self, *words: str) -> str:
        told = self._command(*words)
        assert told.exit_code == 1, told.output
        return told.output

    def _command(self, *words: str) -> Result:
        config = ["--config", str(self.folder / "returnline.toml"), "--data", str(self.folder / "data")]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("pipeline.parts.utc_now", self.line.clock)
            runner = CliRunner(env={"USER": "fay", "COLUMNS": "250"})
            return runner.invoke(main, ["batch", words[0], *config, *words[1:]])

    def shown(self, number: int = 1) -> dict[str, Any]:
        return json.loads(self.cli("show", str(number), "--json"))  # type: ignore[no-any-return]

    def batch(self, number: int = 1) -> dict[str, Any]:
        return self.line.rows(t.batches, t.batches.c.id == number)[0]

    def items(self, number: int = 1) -> list[tuple[str, str, str]]:
        rows = self.line.rows(t.batch_items, t.batch_items.c.batch_id == number)
        return [(row["rma_id"], row["state"], row["reason"]) for row in rows]

    def prepare(self, *rmas: str) -> None:
        self.until(19)
        self.work(*rmas)
        assert self.batch()["state"] == "prepared"

    def release(self, number: int = 1) -> str:
        return str(self.cli("release", str(number), "--code", self.shown(number)["code"]))


@pytest.fixture
def make(tmp_path: Path, served: Served) -> Iterator[Callable[..., Day]]:
    with ExitStack() as stack:

        def one(batch: str = "", check: str = "false", **settings: Any) -> Day:
            terms = TERMS.format(batch=batch, check=check)
            return Day(stack.enter_context(line(tmp_path, served, terms=terms, **settings)), tmp_path)

        yield one


@pytest.fixture
def day(make: Callable[..., Day]) -> Day:
    return make()


def test_nothing_is_posted_before_finance_lets_the_batch_go(day: Day) -> None:
    rma = day.receive("#1")
    day.work(rma)
    assert day.line.desk.notes("#1") == [] or not day.line.desk.authorised("#1")
    assert day.items() == [(rma, "held", "")]
    entry = day.line.entry(rma)
    assert (entry["state"], f"batch 1 of {NOON.date()}" in entry["reason"]) == ("parked", True)
    assert entry["due_at"] > day.line.clock()


def test_a_released_batch_is_posted_read_back_and_closed(day: Day) -> None:
    rmas = [day.receive("#1"), day.receive("#2")]
    day.prepare(*rmas)
    assert "released by fay: 2 notes" in day.release()
    day.work(*rmas)
    assert [state for _, state, _ in day.items()] == ["posted", "posted"]
    assert day.batch()["state"] == "posting"
    day.read_back()
    batch = day.batch()
    assert (batch["state"], batch["outcome"], batch["released_by"]) == ("closed", "posted", "fay")
    assert len(day.line.desk.authorised("#1")) == len(day.line.desk.authorised("#2")) == 1
    (act,) = day.line.rows(t.audit)
    assert (act["who"], act["did"], act["details"]["gross"]) == ("fay", "batch.release", {"GBP": "60.00"})


def test_the_code_of_an_old_look_releases_nothing(day: Day) -> None:
    rmas = [day.receive("#1"), day.receive("#2")]
    day.prepare(*rmas)
    code = day.shown()["code"]
    day.line.control(f"/returngo/rmas/{rmas[1]}/cancel")
    day.line.nudge_and_settle(rmas[1], rounds=1)
    refused = day.refused("release", "1", "--code", code)
    assert "not what you saw" in refused
    assert day.batch()["state"] == "prepared"


def test_a_return_cancelled_before_release_drops_out_with_its_reason(day: Day) -> None:
    kept, gone = day.receive("#1"), day.receive("#2")
    day.line.control(f"/returngo/rmas/{gone}/cancel")
    day.line.nudge_and_settle(gone, rounds=1)
    (_, first, _), (_, second, reason) = day.items()
    assert (first, second) == ("held", "dropped")
    assert "cancel" in reason.casefold()
    day.prepare(kept, gone)
    day.release()
    day.work(kept, gone)
    day.read_back()
    assert day.batch()["outcome"] == "posted"
    assert day.line.desk.authorised("#2") == []


def test_what_changed_after_release_waits_in_the_next_batch(day: Day) -> None:
    rma = day.receive("#1")
    day.prepare(rma)
    day.release()
    item = t.batch_items.c.batch_id == 1
    day.line.change(t.batch_items, item, content="what finance saw was something else")
    day.work(rma)
    ((_, state, reason),) = day.items()
    assert (state, "changed after release" in reason) == ("moved", True)
    assert day.items(2) == [(rma, "held", "")]
    assert day.line.desk.authorised("#1") == []
    assert (day.batch()["state"], day.batch()["outcome"]) == ("closed", "partial")


def test_a_refused_note_is_named_and_the_others_are_posted(day: Day) -> None:
    good, bad = day.receive("#1"), day.receive("#2")
    day.prepare(good, bad)
    day.release()
    sale = day.line.desk.sale_of("#2")["sale_id"]
    day.line.desk.fault(
        "status_before", system="cin7", method="POST", path="creditnote", body=sale, status=400, times=9
    )
    day.work(good, bad, rounds=3)
    states = {rma: (state, reason) for rma, state, reason in day.items()}
    assert states[good][0] == "posted"
    assert states[bad][0] == "failed"
    assert states[bad][1].startswith("refused: ")
    day.read_back()
    assert (day.batch()["state"], day.batch()["outcome"]) == ("closed", "partial")
    assert [letter["subject"] for letter in day.line.letters()] == [bad]


def test_a_small_batch_goes_without_finance(make: Callable[..., Day]) -> None:
    day = make('auto_release_below = "30.01"')
    rma = day.receive("#1")
    day.until(19)
    day.work(rma, rounds=3)
    assert day.batch()["released_by"] == "returnline"
    assert day.items() == [(rma, "posted", "")]
    assert [row["did"] for row in day.line.rows(t.audit)] == ["batch.release"]


def test_a_batch_at_the_limit_waits_for_finance(make: Callable[..., Day]) -> None:
    day = make('auto_release_below = "30"')
    rma = day.receive("#1")
    day.until(19)
    day.work(rma, rounds=3)
    assert (day.batch()["state"], day.items()) == ("prepared", [(rma, "held", "")])


@pytest.mark.parametrize("limit", ["max_count = 2", 'max_amount = "60"'])
def test_a_full_batch_is_prepared_at_once_and_the_day_goes_on_in_another(make: Callable[..., Day], limit: str) -> None:
    day = make(limit)
    rmas = [day.receive("#1"), day.receive("#2"), day.receive("#3")]
    day.work(*rmas)
    assert [len(day.items(number)) for number in (1, 2)] == [2, 1]
    assert (day.batch(1)["state"], day.batch(2)["state"]) == ("prepared", "open")
    assert (day.batch(1)["business_day"], day.batch(2)["part"]) == (day.batch(2)["business_day"], 2)


def test_one_return_is_posted_alone_now(day: Day) -> None:
    urgent, other = day.receive("#1"), day.receive("#2")
    assert "alone, as batch 2" in day.cli("post-now", urgent)
    day.work(urgent, other)
    day.read_back()
    assert len(day.line.desk.authorised("#1")) == 1
    assert day.line.desk.authorised("#2") == []
    assert (day.batch(2)["state"], day.batch(2)["kind"]) == ("closed", "alone")
    assert [(rma, state) for rma, state, _ in day.items(1)] == [(urgent, "moved"), (other, "held")]


def test_what_does_not_wait_in_a_batch_cannot_be_posted_alone(day: Day) -> None:
    assert "has no credit note in a batch" in day.refused("post-now", "999")


def test_an_event_of_a_day_that_is_shut_is_late_in_the_next_batch_and_says_so_until_released(day: Day) -> None:
    first, late = day.receive("#1"), day.unheard("#2")
    day.prepare(first)
    day.line.nudge_and_settle(late, rounds=1)
    assert [row["late"] for row in day.line.rows(t.batch_items)] == [False, True]
    assert "takes nothing more" in day.line.kinds(late)["BATCH_LATE_EVENT"]
    assert day.line.kinds(first) == {}
    day.later(days=1)
    day.work(late)
    day.release(2)
    assert day.line.kinds(late) == {}


def test_a_closed_batch_never_changes(day: Day) -> None:
    rma = day.receive("#1")
    day.prepare(rma)
    day.release()
    day.work(rma)
    day.read_back()
    before = day.cli("export", "1")
    for table, where in ((t.batches, t.batches.c.id == 1), (t.batch_items, t.batch_items.c.batch_id == 1)):
        with pytest.raises(DBAPIError, match="a closed batch never changes"):
            day.line.change(table, where, state="open")
        with pytest.raises(DBAPIError, match="a closed batch never changes"), day.line.parts.ledger.write() as conn:
            conn.execute(table.delete().where(where))
    day.line.change(t.returns, t.returns.c.rma_id == rma, order_name="#other")
    assert day.cli("export", "1") == before


def test_the_export_has_a_row_for_each_item_and_a_footer_of_checks(make: Callable[..., Day]) -> None:
    day = make(check="true")
    rma = day.receive("#1")
    day.prepare(rma)
    day.release()
    day.work(rma, rounds=3)
    day.read_back()
    head, row, *footer = list(csv.reader(io.StringIO(day.cli("export", "1"))))
    told = dict(zip(head, row, strict=True))
    (note,) = day.line.desk.authorised("#1")
    assert (told["rma"], told["cn_no"], told["status"]) == (rma, note["number"], "closed")
    assert (told["gross"], told["net"], told["tax"]) == ("30.0000", "25.0000", "5.0000")
    assert (told["tax_rule"], told["released_by"], told["late_flag"]) == ("20% (VAT on Income)", "fay", "no")
    assert (told["payout_id"], told["oss_country"]) == ("", "")
    verdicts = {line[1]: line[2] for line in footer}
    assert set(verdicts.values()) <= {"PASS", "OPEN"}
    assert verdicts["difference to the payouts"] == "OPEN"
    assert "FAIL" not in verdicts.values()


def test_the_preview_adds_up_by_currency_tax_rule_and_account(day: Day) -> None:
    rmas = [day.receive("#1"), day.receive("#2")]
    day.prepare(*rmas)
    told = day.shown()
    (currency,) = told["totals"]["currency"]
    assert (currency["currency"], currency["notes"], currency["gross"]) == ("GBP", "2", "60.0000")
    (rule,) = told["totals"]["tax_rule"]
    assert (rule["tax_rule"], rule["net"], rule["tax"]) == ("20% (VAT on Income)", "50.0000", "10.0000")
    (account,) = told["totals"]["account"]
    assert account["gross"] == "60.0000"
    debit = sum(Decimal(row["debit"] or 0) for row in told["journal"])
    assert debit == sum(Decimal(row["credit"] or 0) for row in told["journal"])
    assert "to let it go: returnline batch release 1 --code" in day.cli("show", "1")


def test_the_list_says_what_is_in_each_batch(day: Day) -> None:
    day.receive("#1")
    (row,) = json.loads(day.cli("list", "--json"))["batches"]
    assert (row["state"], row["notes"], row["gross"]) == ("open", 1, {"GBP": "30.00"})


def test_finance_can_shut_a_batch_before_its_cut_off(day: Day) -> None:
    rma = day.receive("#1")
    assert "takes nothing more; 1 notes" in day.cli("prepare", "1")
    day.later(seconds=1)
    day.work(rma)
    assert day.batch()["state"] == "prepared"


def test_what_cannot_be_planned_once_more_stays_behind_for_the_next_batch(day: Day) -> None:
    rma = day.receive("#1")
    day.until(19)
    advance.advance(day.line.parts)
    assert day.batch()["state"] == "preparing"
    day.later(seconds=advance.PREPARE_WITHIN.total_seconds())
    advance.advance(day.line.parts)
    assert day.items() == [(rma, "moved", "could not be planned once more in time")]
    day.work(rma)
    assert day.items(2) == [(rma, "held", "")]
    assert (day.batch()["state"], day.batch()["outcome"]) == ("closed", "empty")


def test_a_note_that_cin7_no_longer_shows_closes_the_batch_as_partial(day: Day) -> None:
    rma = day.receive("#1")
    day.prepare(rma)
    day.release()
    day.work(rma)
    day.line.change(t.effects, t.effects.c.kind == "credit", number="CR-GONE", reference="gone")
    day.read_back()
    assert day.batch()["state"] == "posting"
    day.later(seconds=advance.VERIFY_WITHIN.total_seconds() + 60)
    day.read_back()
    assert (day.batch()["state"], day.batch()["outcome"]) == ("closed", "partial")
    assert "FAIL" in [check["verdict"] for check in day.shown()["checks"]]


def test_a_note_found_after_its_batch_closed_stands_late_in_the_next_one(day: Day) -> None:
    rma = day.receive("#1")
    day.prepare(rma)
    day.release()
    day.work(rma, rounds=1)
    credit = t.effects.c.kind == "credit"
    day.line.change(t.effects, credit, state="UNCERTAIN", due_at=None, why="timed out")
    day.line.change(t.batch_items, t.batch_items.c.batch_id == 1, state="released")
    advance.advance(day.line.parts)
    advance.advance(day.line.parts)
    ((_, state, reason),) = day.items()
    assert (state, reason) == ("failed", "nobody knows whether it was posted: timed out")
    assert day.batch()["outcome"] == "partial"
    day.line.change(t.effects, credit, state="CONFIRMED")
    advance.advance(day.line.parts)
    assert day.items(2) == [(rma, "posted", "found later; failed in batch 1")]
    assert day.line.rows(t.batch_items, t.batch_items.c.batch_id == 2)[0]["late"] is True


def test_posting_at_once_again_lets_go_what_waits(day: Day) -> None:
    rma = day.receive("#1")
    shop = day.line.parts.settings.shops["alder"]
    object.__setattr__(shop, "terms", replace(shop.terms, posting=Posting.IMMEDIATE))
    day.line.nudge_and_settle(rma, rounds=1)
    advance.advance(day.line.parts)
    assert len(day.line.desk.authorised("#1")) == 1
    ((_, state, reason),) = day.items()
    assert (state, reason.startswith("posted outside the batch")) == ("dropped", True)


def test_the_export_tells_the_day_it_became_ready_and_the_day_it_was_posted(day: Day) -> None:
    rma = day.receive("#1")
    ready = day.line.rows(t.batch_items)[0]["ready_at"]
    day.prepare(rma)
    day.later(days=3)
    day.release()
    day.work(rma)
    day.read_back()
    head, row, *_ = list(csv.reader(io.StringIO(day.cli("export", "1"))))
    told = dict(zip(head, row, strict=True))
    assert told["event_date"] == ready.astimezone(ZoneInfo(told["tz"])).date().isoformat()
    assert told["batch_business_day"] == NOON.date().isoformat()
    (note,) = day.line.desk.authorised("#1")
    assert note["date"][:10] == (NOON + timedelta(days=3)).date().isoformat()


def test_two_returns_of_one_sale_are_posted_from_one_batch_without_crediting_too_much(day: Day) -> None:
    day.line.sell("#1", [TEE])
    rmas = [day.line.open_rma("#1", [UNIT])[0] for _ in range(2)]
    for rma in rmas:
        day.line.nudge_and_settle(rma, rounds=1)
    day.prepare(*rmas)
    day.release()
    day.work(*rmas, rounds=3)
    day.read_back()
    assert day.batch()["outcome"] == "posted"
    assert len(day.line.desk.authorised("#1")) == 2


def test_a_failed_note_that_is_requeued_comes_into_the_batch_that_is_open_then(day: Day) -> None:
    rma = day.receive("#1")
    day.prepare(rma)
    day.release()
    fault = {"system": "cin7", "method": "POST", "path": "creditnote", "status": 400, "times": 1}
    day.line.desk.fault("status_before", **fault)
    day.work(rma)
    assert day.batch()["outcome"] == "partial"
    with day.line.parts.ledger.write() as conn:
        requeue(conn, letters.find(conn, letters.Filter(rma=rma))[0], "fay", "run-1", day.line.clock())
    day.work(rma)
    assert day.items(2) == [(rma, "held", "")]
    first, again = day.line.rows(t.batch_items)
    assert again["previous_id"] == first["id"]
    assert day.line.desk.authorised("#1") == []
    day.later(days=1)
    day.work(rma, rounds=3)
    day.release(2)
    day.work(rma)
    assert len(day.line.desk.authorised("#1")) == 1


def test_an_item_that_is_inspected_after_its_batch_closed_is_credited_in_the_next_one(make: Callable[..., Day]) -> None:
    day = make(gate="inspected")
    day.line.sell("#1", [TEE], kind="Advanced Sale")
    rma, (first, second) = day.line.open_rma("#1", [UNIT, UNIT])
    day.line.inspect(rma, **{first: {"returned": True, "restockable": True}})
    day.line.nudge_and_settle(rma, rounds=1)
    day.prepare(rma)
    day.release()
    day.work(rma)
    day.read_back()
    assert day.batch()["outcome"] == "posted"
    day.line.inspect(rma, **{second: {"returned": True, "restockable": True}})
    day.line.nudge_and_settle(rma, rounds=1)
    assert day.items(1) == [(rma, "posted", "")]
    assert day.items(2) == [(rma, "held", "")]
    assert day.shown(2)["totals"]["currency"][0]["gross"] == "30.0000"
