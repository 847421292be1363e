"""Whatever order events arrive in, and however often: the same returns end in the same books."""

from __future__ import annotations

import json
import random
import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.ledger.schema import all as t
from tests.flow.inprocess import Line, Served, line

TERMS = """
write_off_account = "403"

[[shops.alder.terms.dispositions]]
reason = "Faulty"
disposition = "write_off"
"""
UNIT = {"sku": "TEE-BLK-M", "paid_price": "30.00", "paid_tax": "5.00"}
TEES = {"sku": "TEE-BLK-M", "price": "30"}
#: Order, kind of sale, pieces sold, and the reasons of its returns, one piece each.
SALES = (("#1", "Advanced Sale", 3, ("Too small", "Faulty")), ("#2", "Simple Sale", 2, ("Too small",)))
ACTS = ("approve", "receive")


@dataclass
class Books:
    """What the practice world shows in the end, without what an order of events may change: numbers and dates."""

    accounts: dict[str, Decimal]
    stock: dict[tuple[str, str], Decimal]
    notes: Counter[str]
    write_offs: int


@dataclass
class Post:
    """Events on their way: in whatever order, twice or more, under one id or several."""

    it: Line
    luck: random.Random
    waiting: list[tuple[str, bytes]] = field(default_factory=list)
    arrived: list[tuple[str, bytes]] = field(default_factory=list)
    count: int = 0

    def send(self, rma: str, event: str) -> None:
        """An event of this return sets out."""
        self.count += 1
        body = {"eventName": event, "rmaId": rma, "at": self.count}
        self.waiting.append((f"d-{self.count}", json.dumps(body).encode()))

    def arrive(self) -> None:
        """Any of them arrives; one that arrived before may do so again."""
        if self.arrived and (not self.waiting or self.luck.random() < 0.4):
            number, body = self.luck.choice(self.arrived)
            self.count += 1
            again = number if self.luck.random() < 0.5 else f"d-{self.count}"
            self.it.deliver(body, delivery_id=again)
            return
        if self.waiting:
            one = self.waiting.pop(self.luck.randrange(len(self.waiting)))
            self.arrived.append(one)
            self.it.deliver(one[1], delivery_id=one[0])


def sold(it: Line) -> dict[str, list[str]]:
    """The sales, and a request for every return; gives the acts that are still to come."""
    acts = {}
    for order, kind, pieces, reasons in SALES:
        it.sell(order, [{**TEES, "quantity": str(pieces)}], kind=kind)
        for reason in reasons:
            rma, _ = it.open_rma(order, [{**UNIT, "reason": reason}], "Pending")
            acts[rma] = list(ACTS)
    return acts


def work(it: Line, luck: random.Random) -> None:
    """A little of what the workers do, as they come to it."""
    it.admit()
    if luck.random() < 0.7:
        it.read()
    it.clock.forward(luck.randrange(40))


def finish(it: Line, rmas: list[str]) -> None:
    for _ in range(5):
        it.admit()
        while it.read():
            pass
        for rma in rmas:
            it.settle(rma, rounds=1)


def shuffled_day(it: Line, luck: random.Random) -> Books:
    before, acts, post = trial_balance(it), sold(it), Post(it, luck)
    rmas = list(acts)
    while any(acts.values()) or post.waiting:
        step = luck.choice(("act", "arrive", "arrive", "work", "settle"))
        open_ = [rma for rma in rmas if acts[rma]]
        if step == "act" and open_:
            rma = luck.choice(open_)
            act = acts[rma].pop(0)
            it.desk.act(rma, act)
            post.send(rma, act)
        elif step == "arrive":
            post.arrive()
        elif step == "settle":
            known = {row["subject"] for row in it.rows(t.entries)}
            for rma in [rma for rma in rmas if rma in known and luck.random() < 0.5]:
                it.settle(rma, rounds=1)
        else:
            work(it, luck)
    finish(it, rmas)
    return books(it, before)


def plain_day(it: Line) -> Books:
    before, acts = trial_balance(it), sold(it)
    for rma, still in acts.items():
        for act in still:
            it.desk.act(rma, act)
        it.nudge_and_settle(rma)
    finish(it, list(acts))
    return books(it, before)


def books(it: Line, before: dict[str, Decimal]) -> Books:
    after = trial_balance(it)
    everything = it.books()
    notes = [row for row in everything["credit_notes"] if row["status"] == "AUTHORISED"]
    stock = it.desk.world.control.get("/stock").json()
    held: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in stock:
        held[row["sku"], row["location"]] += Decimal(row["on_hand"])
    return Books(
        {code: (after[code] - before.get(code, Decimal(0))).quantize(Decimal("0.01")) for code in after},
        dict(held),
        Counter(f"{row['customer_reference']} {Decimal(row['total']):.2f}" for row in notes),
        len(everything["write_offs"]),
    )


def trial_balance(it: Line) -> dict[str, Decimal]:
    rows: dict[str, Any] = it.desk.world.control.get("/trial-balance").json()
    return {code: Decimal(amount) for code, amount in rows.items()}


@pytest.fixture(scope="module")
def in_order(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Books:
    with line(tmp_path_factory.mktemp("plain"), served, terms=TERMS) as it:
        found = plain_day(it)
    assert found.notes == {"#1 30.00": 2, "#2 30.00": 1}
    assert found.write_offs == 1
    return found


@pytest.mark.timeout(120)
@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(luck=st.randoms(use_true_random=False))
def test_any_order_and_any_number_of_events_end_in_the_same_books(
    served: Served, in_order: Books, luck: random.Random
) -> None:
    with tempfile.TemporaryDirectory() as folder, line(Path(folder), served, terms=TERMS) as it:
        assert shuffled_day(it, luck) == in_order
