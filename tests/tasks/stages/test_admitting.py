"""Deliveries become rows and nudges, each once; what cannot be read keeps its bytes."""

from __future__ import annotations

import json

from pipeline.ledger.schema import all as t
from tests.faults.metadata import fault
from tests.tasks.practice import SHOP, Bench


def _hook(**fields: object) -> bytes:
    return json.dumps(fields).encode()


def _cursor_at(bench: Bench, name: str) -> object:
    rows = bench.rows(t.cursors, t.cursors.c.name == name, t.cursors.c.shop == SHOP)
    return rows[0]["at"] if rows else None


def test_a_delivery_becomes_a_row_and_a_return_to_read(bench: Bench) -> None:
    bench.deliver(_hook(rmaId=55), delivery_id="d-1", topic="RMA_APPROVED")
    assert bench.admit() == 1
    assert [row["outcome"] for row in bench.rows(t.deliveries)] == ["admitted"]
    assert bench.the_return("55")["nudges"] == 1
    assert bench.hints("intake") == 1


def test_the_inbox_is_empty_after_admitting(bench: Bench) -> None:
    for number in range(70):
        bench.deliver(_hook(rmaId=number), delivery_id=f"d-{number}")
    assert bench.admit() == 70
    assert bench.parts.inbox.depth().waiting + bench.parts.inbox.depth().pending == 0


@fault("F02 F24", "the same delivery is in the inbox twice", "nothing")
def test_the_same_delivery_taken_twice_nudges_once(bench: Bench) -> None:
    for _ in range(2):
        bench.deliver(_hook(rmaId=55), delivery_id="d-1")
    bench.admit()
    assert bench.the_return("55")["nudges"] == 1
    assert len(bench.rows(t.deliveries)) == 1


@fault("F05", "one event id with two different bodies", "both are worked on")
def test_an_event_id_used_again_for_other_bytes_is_not_a_duplicate(bench: Bench) -> None:
    """The door gives one id to one pair of event and bytes, so a reused event id arrives under another id."""
    headers = json.dumps({"x-event-id": "evt-7"})
    for number in (1, 2):
        bench.deliver(_hook(rmaId=54 + number), delivery_id=f"d-{number}", headers=headers)
    bench.admit()
    assert [row["outcome"] for row in bench.rows(t.deliveries)] == ["admitted", "admitted"]
    assert (bench.the_return("55")["nudges"], bench.the_return("56")["nudges"]) == (1, 1)


def test_the_same_bytes_without_an_id_are_two_nudges(bench: Bench) -> None:
    """A return cancelled and reopened sends the same bytes again: neither may be dropped."""
    for number in (1, 2):
        bench.deliver(_hook(rmaId=55), delivery_id=f"d-{number}")
    bench.admit()
    assert bench.the_return("55")["nudges"] == 2


@fault("F12 F17", "a body that is not JSON", "a dead letter with the original bytes; the sweep reads the shop")
def test_an_unreadable_body_is_buried_with_its_bytes(bench: Bench) -> None:
    bench.deliver(b"{not json", delivery_id="d-1", topic="RMA_APPROVED")
    bench.admit()
    (letter,) = bench.letters()
    assert (letter["queue"], letter["stage"], letter["body"]) == ("intake", "admit", b"{not json")
    assert [row["type"] for row in bench.exceptions()] == ["SCHEMA_INVALID"]
    assert [row["outcome"] for row in bench.rows(t.deliveries)] == ["unreadable"]


def test_an_unreadable_body_does_not_hold_up_its_neighbours(bench: Bench) -> None:
    bench.deliver(b"\xff\xfe", delivery_id="d-1")
    bench.deliver(_hook(rmaId=55), delivery_id="d-2")
    assert bench.admit() == 2
    assert bench.the_return("55")["nudges"] == 1


def test_a_nudge_without_a_number_makes_the_sweep_look_at_the_shop(bench: Bench) -> None:
    bench.deliver(_hook(hello="world"), delivery_id="d-1", topic="RMA_APPROVED")
    bench.admit()
    assert bench.rows(t.returns) == []
    last_look = _cursor_at(bench, "returngo:open")
    assert last_look is not None
    assert last_look < bench.clock()  # type: ignore[operator]


def test_an_intake_that_died_before_acknowledging_changes_nothing_the_second_time(bench: Bench) -> None:
    bench.deliver(_hook(rmaId=55), delivery_id="d-1")
    batch = bench.parts.inbox.take(10, "dead-worker")
    from tasks.stages.intake import _admit_batch

    _admit_batch(bench.parts, batch)
    _admit_batch(bench.parts, batch)
    assert bench.the_return("55")["nudges"] == 1
