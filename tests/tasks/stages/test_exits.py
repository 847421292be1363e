"""The four exits of a return: settled, refused, parked, buried."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.ledger.schema import all as t
from tests.faults.metadata import fault
from tests.tasks.practice import Bench

# -- settled ----------------------------------------------------------------------------------------------------------


def test_a_received_return_is_settled_with_one_authorised_note(bench: Bench) -> None:
    order = bench.desk.sell()
    rma = bench.desk.open_return(order)
    bench.take(rma)
    assert bench.consume(rma) == "settled"
    (note,) = bench.desk.authorised(order)
    (effect,) = bench.effects(rma)
    assert (effect["state"], effect["reference"], effect["number"]) == ("CONFIRMED", note["task_id"], note["number"])


def test_a_settled_return_keeps_the_facts_of_its_units(bench: Bench) -> None:
    order = bench.desk.sell()
    rma = bench.desk.open_return(order, units=2)
    bench.take(rma)
    bench.consume(rma)
    units = bench.rows(t.units)
    number = bench.desk.authorised(order)[0]["number"]
    assert [(u["credit_note"], u["stocked_as"], u["stocked_where"]) for u in units] == [
        (number, "restock", "Main Warehouse")
    ] * 2


def test_a_settled_return_that_is_woken_again_sends_nothing(bench: Bench) -> None:
    order = bench.desk.sell()
    rma = bench.desk.open_return(order)
    bench.take(rma)
    bench.consume(rma)
    bench.desk.forget_calls()
    bench.take(rma)
    assert bench.consume(rma) == "settled"
    assert bench.desk.calls("cin7", "POST") == []


def test_an_entry_that_is_not_due_is_left_alone(bench: Bench) -> None:
    rma = bench.desk.open_return(bench.desk.sell())
    bench.take(rma)
    bench.consume(rma)
    assert bench.consume(rma) == "not due"


def test_two_honest_returns_of_one_order_both_get_their_note(bench: Bench) -> None:
    order = bench.desk.sell(kind="Advanced Sale")
    first, second = bench.desk.open_return(order), bench.desk.open_return(order)
    for rma in (first, second):
        bench.take(rma)
        assert bench.consume(rma) == "settled"
    assert len({note["task_id"] for note in bench.desk.authorised(order)}) == 2


# -- refused ----------------------------------------------------------------------------------------------------------


def test_a_cancelled_return_is_refused_and_its_sale_is_not_even_read(bench: Bench) -> None:
    rma = bench.desk.open_return(bench.desk.sell(), received=False)
    bench.desk.act(rma, "cancel")
    bench.desk.forget_calls()
    bench.take(rma)
    assert bench.consume(rma) == "refused"
    assert bench.desk.calls("cin7", path="sale") == []
    assert bench.entry(rma)["reason"]


def test_a_refused_return_that_is_reopened_is_worked_on(bench: Bench) -> None:
    order = bench.desk.sell()
    rma = bench.desk.open_return(order, received=False)
    bench.desk.act(rma, "cancel")
    bench.take(rma)
    bench.consume(rma)
    for action in ("reopen", "receive"):
        bench.desk.act(rma, action)
    bench.take(rma)
    assert bench.consume(rma) == "settled"
    assert len(bench.desk.authorised(order)) == 1


# -- parked -----------------------------------------------------------------------------------------------------------


def test_a_return_whose_goods_are_not_there_waits_with_a_reason_and_a_date(bench: Bench) -> None:
    rma = bench.desk.open_return(bench.desk.sell(), received=False)
    bench.take(rma)
    assert bench.consume(rma) == "parked"
    entry = bench.entry(rma)
    assert entry["reason"]
    assert entry["due_at"] > bench.clock()


def test_an_exception_opens_while_the_order_is_missing_and_closes_by_itself(bench: Bench) -> None:
    rma = bench.desk.open_return("#77001")
    bench.take(rma)
    assert bench.consume(rma) == "parked"
    assert [row["type"] for row in bench.exceptions()] == ["ORDER_NOT_FOUND"]
    bench.desk.sell("#77001")
    assert bench.later(rma, 7200) == "settled"
    assert bench.exceptions() == []


@fault("F41 F44", "Cin7 commits the note and resets the connection", "a pause of seconds, then one note")
def test_an_uncertain_write_parks_until_its_look_up(bench: Bench) -> None:
    order = bench.desk.sell(kind="Advanced Sale")
    rma = bench.desk.open_return(order)
    bench.take(rma)
    bench.desk.fault("reset_after", system="cin7", method="POST", path="creditnote")
    assert bench.consume(rma) == "parked"
    assert bench.effects(rma)[0]["state"] == "UNCERTAIN"
    assert bench.later(rma, 10) == "settled"
    assert len(bench.desk.notes(order)) == 1


@fault(
    "F40 F67 F68",
    "the write is cut off before Cin7 does anything",
    "two look-ups after the quiet period, then one note",
)
def test_a_write_that_never_arrived_is_sent_once_more_after_two_look_ups(bench: Bench) -> None:
    order = bench.desk.sell(kind="Advanced Sale")
    rma = bench.desk.open_return(order)
    bench.take(rma)
    bench.desk.fault("reset_before", system="cin7", method="POST", path="creditnote")
    exits = [bench.consume(rma)] + [bench.later(rma, 150) for _ in range(3)]
    assert exits[0] == "parked"
    assert exits[-1] in {"settled", "not due"}
    assert len(bench.desk.notes(order)) == 1
    assert bench.entry(rma)["state"] == "settled"


# -- buried -----------------------------------------------------------------------------------------------------------


@fault("F58", "Cin7 refuses the note with 400", "an exception for finance and a dead letter with the reason")
def test_a_definite_refusal_is_buried_with_evidence_and_an_owner(bench: Bench) -> None:
    rma = bench.desk.open_return(bench.desk.sell())
    bench.take(rma)
    bench.desk.fault("status_before", system="cin7", method="POST", path="creditnote", status=400, text="Locked period")
    assert bench.consume(rma) == "buried"
    (letter,) = bench.letters()
    assert (letter["stage"], letter["type"], letter["owner"]) == ("perform", "WRITE_REJECTED", "finance")
    assert "Locked period" in letter["reason"]
    assert letter["evidence"]["key"] == bench.effects(rma)[0]["key"]
    assert bench.hints("credit-notes.dead") == 1


def test_a_buried_refusal_is_not_sent_again_by_a_nudge(bench: Bench) -> None:
    rma = bench.desk.open_return(bench.desk.sell())
    bench.take(rma)
    bench.desk.fault("status_before", system="cin7", method="POST", path="creditnote", status=400)
    bench.consume(rma)
    bench.desk.forget_calls()
    bench.take(rma)
    assert bench.consume(rma) == "buried"
    assert bench.desk.calls("cin7", "POST") == []


@fault(
    "F31 F32",
    "an entry that was started four times and never finished",
    "it is put aside with an exception; the other returns go on",
)
def test_work_that_starts_and_never_ends_is_quarantined(bench: Bench) -> None:
    rma = bench.desk.open_return(bench.desk.sell())
    entry = bench.take(rma)
    bench.change(t.entries, t.entries.c.id == entry, starts=4)
    assert bench.consume(rma) == "buried"
    assert bench.entry(rma)["state"] == "buried"
    assert [row["type"] for row in bench.exceptions()] == ["POISON_TASK"]
    assert bench.later(rma, 7200) == "not due"


def test_a_failure_nobody_foresaw_is_tried_five_times_and_then_buried(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench()
    rma = bench.desk.open_return(bench.desk.sell())
    entry = bench.take(rma)
    bench.change(t.returns, t.returns.c.rma_id == rma, told={"nothing": "useful"})
    exits = []
    for _ in range(5):
        bench.change(t.entries, t.entries.c.id == entry, due_at=bench.clock())
        exits.append(bench.consume(rma))
        bench.clock.forward(600)
    assert exits == ["parked"] * 4 + ["buried"]
    assert bench.letters()[0]["stage"] == "consume"
