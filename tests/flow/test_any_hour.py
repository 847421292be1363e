"""The same story at every turn of the calendar: the hour at which it happens changes dates and nothing else."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tasks.batches import advance
from tests.flow.inprocess import Line, Served, line
from tests.flow.moments import MOMENTS, books_day

TERMS = """
posting = "{posting}"
check_restock_value = false
refund_owner = "returnline"

[shops.alder.terms.portal_locations]
online = "Main Warehouse"

[shops.alder.terms.refund_accounts]
card = "712"
"""
BATCH = """
[shops.alder.terms.batch]
cut_off = 18:00:00
auto_release_below = "1000"
"""
TEE = {"sku": "TEE-BLK-M", "quantity": "2", "price": "30"}
UNIT = {"sku": "TEE-BLK-M", "paid_price": "30.00", "paid_tax": "5.00", "resolution": "RefundToPaymentMethod"}


@pytest.fixture(params=MOMENTS.values(), ids=list(MOMENTS))
def moment(request: pytest.FixtureRequest) -> datetime:
    made: datetime = request.param
    return made


def a_return(it: Line) -> str:
    it.sell("#1", [TEE])
    rma, _ = it.open_rma("#1", [UNIT])
    return rma


def test_a_return_is_credited_and_paid_once_on_the_companys_day(
    tmp_path: Path, served: Served, moment: datetime
) -> None:
    with line(tmp_path, served, now=moment, terms=TERMS.format(posting="immediate")) as it:
        rma = a_return(it)
        it.nudge_and_settle(rma, rounds=1)
        [note] = it.desk.authorised("#1")
        assert note["date"] == books_day(moment).isoformat()
        it.control(f"/returngo/rmas/{rma}/refund", {"settles_after": "0", "outcome": "Success"})
        it.nudge_and_settle(rma)
        assert it.kinds(rma) == {}
        assert [float(row["amount"]) for row in it.books()["payments"] if row["kind"] == "REFUND"] == [30.0]
        assert len(it.desk.authorised("#1")) == 1


def test_a_locked_day_moves_the_note_to_the_day_after_it(tmp_path: Path, served: Served, moment: datetime) -> None:
    locked = books_day(moment)
    with line(tmp_path, served, now=moment, terms=TERMS.format(posting="immediate")) as it:
        rma = a_return(it)
        it.desk.world.control.patch("/settings", json={"lock_date": locked.isoformat()}).raise_for_status()
        it.nudge_and_settle(rma)
        [note] = it.desk.authorised("#1")
        assert note["date"] == (locked + timedelta(days=1)).isoformat()


def test_a_batch_goes_after_the_next_cut_off(tmp_path: Path, served: Served, moment: datetime) -> None:
    with line(tmp_path, served, now=moment, terms=TERMS.format(posting="batch") + BATCH) as it:
        rma = a_return(it)
        it.nudge_and_settle(rma, rounds=1)
        assert it.desk.authorised("#1") == []
        it.at(moment + timedelta(days=1))
        for _ in range(4):
            advance.advance(it.parts)
            it.settle(rma, rounds=1)
        assert len(it.desk.authorised("#1")) == 1
