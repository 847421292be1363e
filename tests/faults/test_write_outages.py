"""Reading works and writing does not: nothing is buried for an outage, one exception tells of it, and all goes on by
itself with one document each. A single document that is never taken still ends with a person."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.stages import consume
from tests.faults import installing
from tests.faults.installing import Installing
from tests.faults.metadata import fault
from tests.faults.test_outage_lanes import all_settled, always, arrive, every_return_has_one_note, pass_time
from tests.tasks.practice import Bench
from tests.valkey_server import ValkeyHandle

install = installing.install

#: Ways in which nobody answers a write that was not done.
WAYS: tuple[dict[str, Any], ...] = (
    {"kind": "status_before", "status": 503, "form": "text"},
    {"kind": "status_before", "status": 502, "form": "html"},
    {"kind": "status_before", "status": 504, "form": "empty"},
    {"kind": "status_before", "status": 500, "form": "html"},
    {"kind": "status_before", "status": 404, "form": "html"},
    {"kind": "reset_before"},
    {"kind": "html_200_before"},
    {"kind": "timeout_before", "seconds": 3.0},
)


@pytest.fixture
def bench(install: Installing, valkey: ValkeyHandle) -> Bench:
    return install(valkey, write_deadline=1.0)


def quiet_kinds(bench: Bench) -> list[str]:
    return sorted(row["type"] for row in bench.exceptions())


def posts(bench: Bench, path: str = "creditnote") -> int:
    return len(bench.desk.calls("cin7", "POST", path))


@fault(
    "F40 F42 F55",
    "Cin7 answers every read, and for twenty minutes no write: 503, 502, 504, 500 and 404 with pages of HTML, resets, "
    "time-outs, a page with 200",
    "one TARGET_DOWN; few writes; nothing is buried; one note each afterwards",
)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way['kind']} {way.get('status', '')} {way.get('form', '')}")
def test_an_outage_of_writes_buries_nothing_and_is_told_once(bench: Bench, way: dict[str, Any]) -> None:
    pairs = arrive(bench, 6)
    bench.read()
    bench.desk.forget_calls()
    always(bench, system="cin7", method="writes", **way)
    pass_time(bench, pairs, minutes=20)
    assert quiet_kinds(bench) == ["TARGET_DOWN"]
    assert "cin7 takes no writes (credit)" in bench.exceptions()[0]["cause"]
    assert bench.letters() == []
    assert posts(bench) < 25
    assert len(bench.desk.calls("cin7")) < 150
    bench.desk.heal()
    pass_time(bench, pairs, minutes=8)
    every_return_has_one_note(bench, pairs)


@fault(
    "F41 F55",
    "for ten minutes Cin7 does every write and answers none of them: resets, pages, time-outs",
    "each note is found, none is made twice",
)
@pytest.mark.parametrize("kind", ["reset_after", "html_200_after", "timeout_after"])
def test_an_outage_that_only_swallows_answers_makes_no_second_note(bench: Bench, kind: str) -> None:
    pairs = arrive(bench, 4)
    bench.read()
    always(bench, kind, system="cin7", method="writes", seconds=3.0)
    pass_time(bench, pairs, minutes=10)
    bench.desk.heal()
    pass_time(bench, pairs, minutes=10)
    every_return_has_one_note(bench, pairs)


@fault(
    "F42 F55", "the outage of writes begins in mid-batch", "what is posted stays; the rest waits and goes on by itself"
)
@pytest.mark.parametrize("left", [1, 3])
def test_an_outage_that_begins_in_mid_batch_holds_up_only_the_rest(bench: Bench, left: int) -> None:
    pairs = arrive(bench, 4)
    bench.read()
    for _, rma in pairs[:-left]:
        assert bench.consume(rma) == "settled"
    always(bench, "status_before", system="cin7", method="writes", status=503, form="text")
    pass_time(bench, pairs, minutes=40)
    assert bench.letters() == []
    assert quiet_kinds(bench) == ["TARGET_DOWN"]
    bench.desk.heal()
    pass_time(bench, pairs, minutes=8)
    every_return_has_one_note(bench, pairs)


@fault("F42 F55", "the outage begins between the draft and its authorisation", "the draft is taken up, not made again")
def test_an_outage_between_draft_and_authorisation_takes_up_the_draft(bench: Bench) -> None:
    pairs = arrive(bench, 4)
    bench.read()
    always(bench, "status_before", system="cin7", method="POST", body="AUTHORISED", status=503, form="html")
    pass_time(bench, pairs, minutes=30)
    assert bench.letters() == []
    bench.desk.heal()
    pass_time(bench, pairs, minutes=8)
    every_return_has_one_note(bench, pairs)


@fault("F42 F55", "one write in three fails for half an hour", "nothing is buried, nothing is doubled")
def test_a_mixed_outage_buries_nothing(bench: Bench) -> None:
    pairs = arrive(bench, 8)
    bench.read()
    always(bench, "status_before", system="cin7", method="writes", status=503, form="text", every=3)
    pass_time(bench, pairs, minutes=30)
    assert bench.letters() == []
    bench.desk.heal()
    pass_time(bench, pairs, minutes=8)
    every_return_has_one_note(bench, pairs)


@fault("F42", "Cin7 fails on one return's note every time and takes all others", "a person has it; the others go on")
@pytest.mark.parametrize("form", ["object", "html"])
def test_one_document_that_is_never_taken_is_buried_and_stops_nobody(bench: Bench, form: str) -> None:
    poison = bench.desk.sell()
    rma = bench.desk.open_return(poison)
    bench.nudge(rma)
    bench.read()
    task = bench.desk.sale_of(poison)["sale_id"]
    always(bench, "status_before", system="cin7", method="POST", body=task, status=500, form=form)
    pairs: list[tuple[str, str]] = []
    for _ in range(8):
        new = arrive(bench, 1)
        pairs += new
        bench.read()
        pass_time(bench, [(poison, rma), *new], minutes=5)
        assert all_settled(bench, new)
    pass_time(bench, [(poison, rma)], minutes=30)
    (letter,) = bench.letters()
    assert (letter["subject"], letter["type"]) == (rma, "WRITE_UNCERTAIN")
    assert quiet_kinds(bench) == ["WRITE_UNCERTAIN"]
    assert bench.desk.notes(poison) == []


@fault("F42", "two returns whose notes Cin7 never takes, at the same time", "both end with a person; the others go on")
def test_two_documents_that_are_never_taken_do_not_excuse_each_other_for_ever(bench: Bench) -> None:
    bad = arrive(bench, 2)
    bench.read()
    tasks = [bench.desk.sale_of(order)["sale_id"] for order, _ in bad]
    always(bench, "status_before", system="cin7", method="POST", body="|".join(tasks), status=500)
    for _ in range(10):
        new = arrive(bench, 1)
        bench.read()
        pass_time(bench, [*bad, *new], minutes=10)
        assert all_settled(bench, new)
    assert sorted(row["subject"] for row in bench.letters()) == sorted(rma for _, rma in bad)


def test_a_lonely_return_in_an_outage_is_told_and_never_buried(bench: Bench) -> None:
    pairs = arrive(bench, 1)
    bench.read()
    always(bench, "status_before", system="cin7", method="writes", status=503, form="text")
    pass_time(bench, pairs, minutes=60)
    assert bench.letters() == []
    assert quiet_kinds(bench) == ["TARGET_DOWN"]
    bench.desk.heal()
    pass_time(bench, pairs, minutes=8)
    every_return_has_one_note(bench, pairs)


@fault("F42", "only write-offs are not taken", "credit notes go on; the write-offs wait and go on by themselves")
def test_only_one_kind_of_document_that_is_not_taken_stops_no_other(install: Installing, valkey: ValkeyHandle) -> None:
    terms = 'write_off_account = "403"\n\n[[shops.alder.terms.dispositions]]\nreason = "Too small"\n'
    bench = install(valkey, write_deadline=1.0, terms=f'{terms}disposition = "write_off"\n')
    pairs = arrive(bench, 4)
    bench.read()
    always(bench, "status_before", system="cin7", method="POST", path="writeoff", status=503, form="html")
    goes_by(bench, pairs, "stock-adjustments", minutes=20)
    assert [len(bench.desk.authorised(order)) for order, _ in pairs] == [1] * 4
    assert bench.letters() == []
    assert {row["type"] for row in bench.exceptions()} >= {"TARGET_DOWN"}
    assert "cin7 takes no writes (write-off)" in down(bench)
    bench.desk.heal()
    goes_by(bench, pairs, "stock-adjustments", minutes=8)
    assert bench.letters() == []
    assert quiet_kinds(bench) == []
    assert [write_offs(bench, rma) for _, rma in pairs] == ["CONFIRMED"] * 4


def down(bench: Bench) -> str:
    return str(next(row["cause"] for row in bench.exceptions() if row["type"] == "TARGET_DOWN"))


def write_offs(bench: Bench, rma: str) -> str:
    return str(next(row["state"] for row in bench.effects(rma) if row["kind"] == "write-off"))


def goes_by(bench: Bench, pairs: list[tuple[str, str]], consumer: str, minutes: int) -> None:
    """Time passes, and this consumer works too."""
    for _ in range(minutes):
        pass_time(bench, pairs, minutes=1)
        for _, rma in pairs:
            consume.run(bench.parts, bench.entry(rma, consumer)["id"])


def test_keys_that_may_read_but_not_write_are_told_and_nothing_is_buried(bench: Bench) -> None:
    pairs = arrive(bench, 4)
    bench.read()
    always(bench, "auth_403", system="cin7", method="writes")
    bench.desk.forget_calls()
    pass_time(bench, pairs, minutes=10)
    assert quiet_kinds(bench) == ["CREDENTIALS_REJECTED"]
    assert bench.letters() == []
    assert posts(bench) <= 8
    bench.desk.heal()
    pass_time(bench, pairs, minutes=5)
    every_return_has_one_note(bench, pairs)


@fault(
    "F42 F55",
    "half an hour of HTML pages instead of answers, then one failure of another kind",
    "no try was used up: the return goes on",
)
@pytest.mark.parametrize(
    "way", [{"kind": "html_200_before"}, {"kind": "status_before", "status": 404, "form": "html"}], ids=["200", "404"]
)
def test_an_outage_uses_up_no_try_of_a_return(
    bench: Bench, way: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = arrive(bench, 2)
    bench.read()
    always(bench, system="cin7", **way)
    pass_time(bench, pairs, minutes=30)
    assert [bench.entry(rma)["failures"] for _, rma in pairs] == [0, 0]
    assert quiet_kinds(bench) == ["TARGET_DOWN"]
    bench.desk.heal()

    def hiccup(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as broken:
        broken.setattr(consume, "_work", hiccup)
        bench.clock.forward(301)
        assert [bench.consume(rma) for _, rma in pairs] == ["parked", "parked"]
    pass_time(bench, pairs, minutes=8)
    every_return_has_one_note(bench, pairs)


@fault("F50 F55", "ReturnGO is read, and takes no comment", "nothing is buried; all comments afterwards")
def test_an_outage_of_returngos_writes_buries_nothing(install: Installing, valkey: ValkeyHandle) -> None:
    terms = 'refund_owner = "returnline"\nrefund_release = "comment"\ncheck_restock_value = false\n'
    terms += '\n[shops.alder.terms.refund_accounts]\ncard = "712"\n'
    bench = install(valkey, write_deadline=1.0, terms=terms)
    pairs = arrive(bench, 4)
    bench.read()
    always(bench, "status_before", system="returngo", method="writes", status=503, form="html")
    goes_by(bench, pairs, "refunds", minutes=20)
    assert "returngo takes no writes (comment)" in down(bench)
    assert bench.letters() == []
    bench.desk.heal()
    goes_by(bench, pairs, "refunds", minutes=8)
    comments = [row["state"] for _, rma in pairs for row in bench.effects(rma) if row["kind"] == "comment"]
    assert comments == ["CONFIRMED"] * 4
    assert bench.letters() == []
