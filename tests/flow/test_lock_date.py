"""Finance locks a period while returns are on their way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flow.inprocess import Line, Served, line


@pytest.fixture
def it(tmp_path: Path, served: Served) -> Iterator[Line]:
    with line(tmp_path, served) as made:
        yield made


def test_a_note_refused_because_the_books_were_locked_meanwhile_is_dated_anew_by_itself(it: Line) -> None:
    first, second = it.desk.sell(), it.desk.sell()
    assert it.nudge_and_settle(it.desk.open_return(first))["credit-notes"] == "settled"
    today = it.desk.authorised(first)[0]["date"]
    it.desk.world.control.patch("/settings", json={"lock_date": today}).raise_for_status()
    rma = it.desk.open_return(second)
    assert it.nudge_and_settle(rma)["credit-notes"] == "settled"
    (note,) = it.desk.authorised(second)
    assert note["date"] > today
    assert 400 in [call["status"] for call in it.desk.calls("cin7", "POST", "sale/creditnote")]
    assert it.letters() == []
    assert [row["state"] for row in it.effects(rma) if row["kind"] == "credit"] == ["CONFIRMED"]
