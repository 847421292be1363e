"""Dead letters come back by the way of a first time: looked up first, once, and never behind anybody's back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from consumers.case import Case, Done
from consumers.credit_notes.native import in_flight
from consumers.roster import ROSTER
from pipeline.ledger import entries
from pipeline.ledger.letters import dead, letters, requeueing
from pipeline.ledger.letters.letters import Filter
from pipeline.ledger.letters.requeueing import Moved, Requeued, Verdict
from pipeline.ledger.schema import all as t
from schemas.concerns import ConcernType
from schemas.effects import EffectState
from schemas.returns import Return
from tests.tasks.practice import Bench

NOTE_PATH = "creditnote"
MANY = 40


def _letter(bench: Bench, **wanted: Any) -> dict[str, Any]:
    with bench.parts.ledger.read() as conn:
        (row,) = letters.find(conn, Filter(**wanted), whole=True)
    return dict(row)


def _requeue(bench: Bench, **wanted: Any) -> Requeued:
    row = _letter(bench, **wanted)
    with bench.parts.ledger.write() as conn:
        return requeueing.requeue(conn, row, "ann", "run-1", bench.clock())


def _discard(bench: Bench, reason: str = "settled by hand", **wanted: Any) -> bool:
    row = _letter(bench, **wanted)
    with bench.parts.ledger.write() as conn:
        return requeueing.discard(conn, row, "ann", reason, bench.clock())


def _state(bench: Bench) -> str:
    return str(bench.letters()[-1]["state"])


def _rejected(bench: Bench) -> tuple[str, str]:
    """A return whose credit note Cin7 refuses for good."""
    order = bench.desk.sell()
    rma = bench.desk.open_return(order)
    bench.take(rma)
    bench.desk.fault("status_before", status=400, system="cin7", path=NOTE_PATH, method="POST")
    assert bench.consume(rma) == "buried"
    return order, rma


def _uncertain(bench: Bench) -> tuple[str, str]:
    """A return whose credit note was sent as often as is allowed and never found, while another one was taken."""
    order = bench.desk.sell()
    rma = bench.desk.open_return(order)
    bench.take(rma)
    sale = bench.desk.sale_of(order)["sale_id"]
    bench.desk.fault("reset_before", system="cin7", path=NOTE_PATH, method="POST", body=sale, times=None)
    assert bench.consume(rma) == "parked"
    other = bench.desk.open_return(bench.desk.sell())
    bench.clock.forward(1)
    bench.take(other)
    assert bench.consume(other) == "settled"
    _until(bench, rma, "buried")
    bench.desk.heal()
    return order, rma


def _until(bench: Bench, rma: str, exit_: str) -> None:
    for _ in range(MANY):
        if bench.consume(rma) == exit_:
            return
        bench.clock.forward(130)
    raise AssertionError(f"never {exit_}: {bench.entry(rma)}")


# -- refused effects --------------------------------------------------------------------------------------------------


def test_a_refused_effect_is_planned_anew_and_its_letter_resolves_by_itself(bench: Bench) -> None:
    order, rma = _rejected(bench)
    assert _requeue(bench, rma=rma).moved is Moved.REQUEUED
    assert bench.consume(rma) == "settled"
    assert len(bench.desk.authorised(order)) == 1
    assert _state(bench) == dead.RESOLVED
    assert bench.exceptions("WRITE_REJECTED") == []


def test_a_letter_that_dies_of_the_same_cause_again_is_the_same_letter(bench: Bench) -> None:
    _, rma = _rejected(bench)
    _requeue(bench, rma=rma)
    bench.desk.fault("status_before", status=400, system="cin7", path=NOTE_PATH, method="POST")
    assert bench.consume(rma) == "buried"
    (letter,) = bench.letters()
    assert (letter["state"], letter["redrives"]) == (dead.OPEN, 1)


def test_after_three_redrives_of_one_cause_a_person_must_insist(bench: Bench) -> None:
    _, rma = _rejected(bench)
    bench.change(t.dead_letters, redrives=requeueing.MOST_REQUEUES)
    assert _requeue(bench, rma=rma).moved is Moved.TIRED
    assert _state(bench) == dead.OPEN


def test_of_two_operators_one_moves_the_letter(bench: Bench) -> None:
    _, rma = _rejected(bench)
    row = _letter(bench, rma=rma)
    with bench.parts.ledger.write() as conn:
        first = requeueing.requeue(conn, row, "ann", "a", bench.clock())
    with bench.parts.ledger.write() as conn:
        second = requeueing.requeue(conn, row, "bob", "b", bench.clock())
    assert (first.moved, second.moved) == (Moved.REQUEUED, Moved.ELSEWHERE)
    assert bench.letters()[0]["redrives"] == 1


def test_a_requeue_of_one_of_two_letters_of_an_entry_is_not_lost_while_it_is_worked_on(bench: Bench) -> None:
    _, rma = _rejected(bench)
    entry = bench.entry(rma)
    with bench.parts.ledger.write() as conn:
        entries.reopen(conn, entry["id"], bench.clock())
        claim = entries.claim(conn, entry["id"], bench.clock(), timedelta(seconds=60))
    assert claim is not None
    with bench.parts.ledger.write() as conn:
        entries.make_due(conn, entry["id"], bench.clock())
        entries.release(conn, claim, entries.BURIED, bench.clock(), reason="another effect still waits")
    assert bench.entry(rma)["due_at"] == bench.clock()


# -- uncertain effects ------------------------------------------------------------------------------------------------


def test_an_uncertain_effect_is_looked_up_before_anything_is_sent(bench: Bench) -> None:
    order, rma = _uncertain(bench)
    assert _requeue(bench, rma=rma).moved is Moved.REQUEUED
    (effect,) = bench.effects(rma)
    assert (effect["state"], effect["due_at"]) == (EffectState.UNCERTAIN, bench.clock())
    bench.desk.forget_calls()
    assert bench.consume(rma) == "parked"
    assert bench.desk.calls("cin7", "POST") == []
    assert bench.desk.authorised(order) == []


def test_two_look_ups_that_find_nothing_allow_one_more_send_after_a_requeue(bench: Bench) -> None:
    order, rma = _uncertain(bench)
    _requeue(bench, rma=rma)
    _until(bench, rma, "settled")
    assert len(bench.desk.authorised(order)) == 1
    assert _state(bench) == dead.RESOLVED


def test_a_requeued_effect_that_fails_as_before_is_buried_after_one_send(bench: Bench) -> None:
    _, rma = _uncertain(bench)
    sends = bench.effects(rma)[0]["sends"]
    _requeue(bench, rma=rma)
    bench.desk.fault("reset_before", system="cin7", path=NOTE_PATH, method="POST", times=5)
    _until(bench, rma, "buried")
    assert bench.effects(rma)[0]["sends"] == sends + 1
    (letter,) = bench.letters()
    assert (letter["state"], letter["redrives"]) == (dead.OPEN, 1)


def _lost_answer(bench: Bench) -> tuple[str, str]:
    """The note is in Cin7, and the ledger does not know it: the effect waits for a person."""
    order = bench.desk.sell()
    rma = bench.desk.open_return(order)
    bench.take(rma)
    bench.consume(rma)
    (effect,) = bench.effects(rma)
    bench.change(
        t.effects, state=EffectState.UNCERTAIN, due_at=None, step_sends=2, number="", reference="", progress={}
    )
    bench.change(t.entries, t.entries.c.id == effect["entry_id"], state=entries.BURIED, due_at=None)
    letter = dead.Letter(
        "alder",
        "credit-notes",
        "perform",
        ConcernType.WRITE_UNCERTAIN,
        "sent twice and not found",
        entry_id=effect["entry_id"],
        effect_id=effect["id"],
        return_id=effect["return_id"],
    )
    with bench.parts.ledger.write() as conn:
        dead.bury(conn, letter, bench.clock())
    return order, rma


def test_what_is_found_at_the_look_up_is_adopted_and_counts_as_done(bench: Bench) -> None:
    order, rma = _lost_answer(bench)
    assert _requeue(bench, rma=rma).moved is Moved.REQUEUED
    bench.desk.forget_calls()
    assert bench.consume(rma) == "settled"
    assert bench.desk.calls("cin7", "POST") == []
    assert bench.effects(rma)[0]["number"] == bench.desk.authorised(order)[0]["number"]
    assert _state(bench) == dead.RESOLVED


def test_a_letter_whose_document_is_there_already_is_satisfied_without_work(bench: Bench) -> None:
    _, rma = _lost_answer(bench)
    bench.change(t.effects, state=EffectState.CONFIRMED)
    assert _requeue(bench, rma=rma).moved is Moved.SATISFIED
    assert _state(bench) == dead.RESOLVED


# -- discarded --------------------------------------------------------------------------------------------------------


def test_a_discarded_effect_is_never_sent_again_and_its_entry_is_refused(bench: Bench) -> None:
    order, rma = _rejected(bench)
    assert _discard(bench, rma=rma)
    assert bench.consume(rma) == "refused"
    assert bench.entry(rma)["reason"] == "discarded by ann: settled by hand"
    bench.clock.forward(3600)
    bench.take(rma)
    assert bench.consume(rma) == "refused"
    assert bench.desk.notes(order) == []
    assert [letter["state"] for letter in bench.letters()] == [dead.DISCARDED]
    assert bench.exceptions("WRITE_REJECTED") == []


def test_a_discarded_uncertain_effect_is_not_looked_up_or_sent(bench: Bench) -> None:
    order, rma = _uncertain(bench)
    assert _discard(bench, rma=rma)
    bench.desk.forget_calls()
    assert bench.consume(rma) == "refused"
    assert bench.desk.calls("cin7", "POST") == []
    assert bench.desk.authorised(order) == []
    assert bench.effects(rma)[0]["state"] == EffectState.DISCARDED


def test_another_return_of_the_sale_goes_on_beside_a_discarded_effect(bench: Bench) -> None:
    order = bench.desk.sell(kind="Advanced Sale")
    first = bench.desk.open_return(order)
    bench.take(first)
    bench.desk.fault("status_before", status=400, system="cin7", path=NOTE_PATH, method="POST")
    bench.consume(first)
    _discard(bench, rma=first)
    bench.consume(first)
    second = bench.desk.open_return(order)
    bench.take(second)
    assert bench.consume(second) == "settled"
    assert len(bench.desk.authorised(order)) == 1


def test_a_discarded_effect_covers_its_units_and_is_not_waited_for() -> None:
    discarded = Done("k", "credit", EffectState.DISCARDED, ("u1",))
    case = Case("alder", Return("7001", "Received", "", "", ()), (discarded,))
    assert case.covered("credit") == {"u1"}
    assert in_flight(case) == []


def test_a_discarded_entry_stays_refused_when_the_return_is_nudged(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, rma = _poisoned(bench, monkeypatch)
    assert _discard(bench, rma=rma)
    monkeypatch.undo()
    assert bench.entry(rma)["state"] == entries.REFUSED
    bench.take(rma)
    assert bench.consume(rma) == "not due"
    assert bench.entry(rma)["state"] == entries.REFUSED
    assert bench.desk.notes(order) == []


# -- entries ----------------------------------------------------------------------------------------------------------


def _poisoned(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """A return that a defect of ours cannot digest."""
    order = bench.desk.sell()
    rma = bench.desk.open_return(order)
    bench.take(rma)

    def fail(*_: object) -> None:
        raise ZeroDivisionError("a defect")

    row = next(c for c in ROSTER if c.name == "credit-notes")
    monkeypatch.setattr("tasks.stages.consume.consumer", lambda _: replace(row, gather=fail))
    _until(bench, rma, "buried")
    return order, rma


def test_an_entry_that_died_of_a_defect_goes_on_once_it_is_mended(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, rma = _poisoned(bench, monkeypatch)
    monkeypatch.undo()
    assert _requeue(bench, rma=rma).moved is Moved.REQUEUED
    assert bench.consume(rma) == "settled"
    assert len(bench.desk.authorised(order)) == 1
    assert _state(bench) == dead.RESOLVED


# -- deliveries -------------------------------------------------------------------------------------------------------


def _unreadable(bench: Bench) -> int:
    bench.deliver(b'{"rmaId": ', delivery_id="d-1")
    assert bench.admit() == 1
    return int(bench.letters()[0]["id"])


def test_an_edited_delivery_is_followed_and_the_original_is_kept(bench: Bench) -> None:
    _unreadable(bench)
    rma = bench.desk.open_return(bench.desk.sell())
    row = _letter(bench)
    with bench.parts.ledger.write() as conn:
        assert letters.edit(conn, row, f'{{"rmaId": "{rma}"}}'.encode(), "ann", "cut short", bench.clock())
    assert _requeue(bench).moved is Moved.REQUEUED
    assert bench.the_return(rma)["due_at"] == bench.clock()
    (letter,) = bench.letters()
    assert (letter["state"], letter["body"], letter["revision"]) == (dead.RESOLVED, b'{"rmaId": ', 1)
    assert bench.rows(t.deliveries)[0]["outcome"] == "admitted"
    assert bench.exceptions() == []


def test_a_delivery_that_is_still_unreadable_is_buried_again(bench: Bench) -> None:
    _unreadable(bench)
    assert _requeue(bench).moved is Moved.BURIED
    (letter,) = bench.letters()
    assert (letter["state"], letter["redrives"]) == (dead.OPEN, 1)


def test_an_edit_made_on_an_old_view_changes_nothing(bench: Bench) -> None:
    _unreadable(bench)
    row = _letter(bench)
    with bench.parts.ledger.write() as conn:
        assert letters.edit(conn, row, b"{}", "ann", "first", bench.clock())
        assert not letters.edit(conn, row, b"[]", "bob", "second", bench.clock())
    assert bench.letters()[0]["edited"] == b"{}"


def test_a_verdict_follows_the_letter(bench: Bench) -> None:
    _, rma = _rejected(bench)
    letter = int(_letter(bench, rma=rma)["id"])
    _requeue(bench, rma=rma)

    def verdict() -> Verdict:
        with bench.parts.ledger.read() as conn:
            return requeueing.verdict(conn, letter, bench.clock())

    assert verdict() is Verdict.MOVING
    bench.consume(rma)
    assert verdict() is Verdict.GOOD


def test_a_draft_that_was_voided_by_hand_is_posted_again_only_when_a_person_says_so(bench: Bench) -> None:
    order = bench.desk.sell(kind="Advanced Sale")
    rma = bench.desk.open_return(order)
    bench.take(rma)
    bench.desk.fault("status_before", system="cin7", path=NOTE_PATH, method="POST", body="AUTHORISED", status=400)
    assert bench.consume(rma) == "buried"
    (draft,) = bench.desk.notes(order)
    bench.desk.world.control.post(f"/credit-notes/{draft['task_id']}/void").raise_for_status()
    _requeue(bench, rma=rma)
    _until(bench, rma, "buried")
    assert "voided by hand" in bench.effects(rma)[0]["why"]
    row = _letter(bench, rma=rma)
    with bench.parts.ledger.write() as conn:
        requeueing.requeue(conn, row, "ann", "run-2", bench.clock(), past_void=True)
    _until(bench, rma, "settled")
    assert len(bench.desk.authorised(order)) == 1
