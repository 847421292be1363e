"""An answer that never fits its schema is told after a few tries and closes when one fits; an odd row hides no list."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.calls.failures import BadAnswer, NoAnswer, UnfitAnswer
from pipeline.ledger.letters import dead
from pipeline.ledger.letters.requeueing import discard
from pipeline.ledger.schema import all as t
from schemas.returngo.rmas import read_rma_list
from tasks.failures import MOST_UNFIT
from tasks.stages import sweep
from tests.tasks.practice import SHOP, Bench

ALWAYS = 1_000_000


def _return(bench: Bench) -> str:
    return bench.desk.open_return(bench.desk.sell())


def _read_on(bench: Bench, rma: str, times: int) -> None:
    for _ in range(times):
        bench.change(t.returns, t.returns.c.rma_id == rma, due_at=bench.clock())
        bench.read()


def _poll(bench: Bench, name: str) -> None:
    it = next(poll for poll in sweep.polls_of(bench.parts) if poll.name == name)
    bench.clock.forward(it.every + 1)
    sweep.run_poll(bench.parts, SHOP, it)


def _told(bench: Bench) -> list[dict[str, Any]]:
    return bench.exceptions("SCHEMA_INVALID")


# -- ReturnGO, one return ---------------------------------------------------------------------------------------------


def test_an_answer_that_never_fits_is_told_after_a_few_tries_with_its_fields_and_its_letter(bench: Bench) -> None:
    rma = _return(bench)
    bench.desk.fault("missing_field", system="returngo", path=f"/rma/{rma}", text="paidPrice", times=ALWAYS)
    bench.nudge(rma)
    _read_on(bench, rma, MOST_UNFIT - 1)
    assert _told(bench) == []
    _read_on(bench, rma, 1)
    (told,) = _told(bench)
    assert (told["rma_id"], "items[0].paidPrice" in told["cause"]) == (rma, True)
    (letter,) = bench.letters()
    assert (letter["stage"], letter["state"], letter["return_id"]) == ("read", "open", bench.the_return(rma)["id"])
    assert list(letter["evidence"]["fields"]) == ["items[0].paidPrice"]
    assert bench.the_return(rma)["due_at"] is not None, "it is tried on"
    _read_on(bench, rma, 4)
    assert (len(_told(bench)), len(bench.letters())) == (1, 1)


def test_it_closes_when_an_answer_fits(bench: Bench) -> None:
    rma = _return(bench)
    bench.desk.fault("missing_field", system="returngo", path=f"/rma/{rma}", text="paidPrice", times=ALWAYS)
    bench.nudge(rma)
    _read_on(bench, rma, MOST_UNFIT)
    bench.desk.heal()
    _read_on(bench, rma, 1)
    assert _told(bench) == []
    assert [letter["state"] for letter in bench.letters()] == ["resolved"]
    assert bench.consume(rma) == "settled"


def test_a_return_that_was_read_before_is_told_just_so(bench: Bench) -> None:
    rma = _return(bench)
    bench.take(rma)
    bench.desk.fault("missing_field", system="returngo", path=f"/rma/{rma}", text="rmaId", times=ALWAYS)
    _read_on(bench, rma, MOST_UNFIT)
    assert [row["rma_id"] for row in _told(bench)] == [rma]


def test_a_proxys_page_is_an_outage_and_no_fault_of_the_answer(bench: Bench) -> None:
    rma = _return(bench)
    bench.desk.fault("html_200_before", system="returngo", path=f"/rma/{rma}", times=ALWAYS)
    bench.nudge(rma)
    _read_on(bench, rma, MOST_UNFIT + 2)
    assert (_told(bench), bench.letters()) == ([], [])


# -- Cin7, one entry --------------------------------------------------------------------------------------------------


def test_a_sale_that_never_fits_is_told_and_worked_on_by_itself_once_it_does(bench: Bench) -> None:
    order = bench.desk.sell()
    rma = bench.desk.open_return(order)
    bench.take(rma)
    _break_sale(bench)
    for _ in range(MOST_UNFIT - 1):
        assert bench.later(rma, 3600) == "parked"
    assert _told(bench) == []
    assert bench.later(rma, 3600) == "parked"
    (told,) = _told(bench)
    assert "ID" in told["cause"]
    (letter,) = bench.letters()
    assert (letter["stage"], letter["queue"], list(letter["evidence"]["fields"])) == ("consume", "credit-notes", ["ID"])
    bench.desk.heal()
    assert bench.later(rma, 6 * 3600) == "settled"
    assert (_told(bench), [one["state"] for one in bench.letters()]) == ([], ["resolved"])
    assert len(bench.desk.authorised(order)) == 1


def _break_sale(bench: Bench) -> None:
    bench.desk.heal()
    bench.desk.fault("missing_field", system="cin7", method="GET", path="/v2/sale$", text="ID", times=ALWAYS)


def test_a_person_may_give_up_what_is_told_and_tried_on(bench: Bench) -> None:
    rma = _return(bench)
    bench.take(rma)
    _break_sale(bench)
    for _ in range(MOST_UNFIT):
        bench.later(rma, 3600)
    (letter,) = bench.letters()
    with bench.parts.ledger.write() as conn:
        assert discard(conn, letter, "ada", "credited by hand", bench.clock())
    assert bench.entry(rma)["state"] == "refused"
    assert _told(bench) == []
    assert bench.letters()[0]["state"] == dead.DISCARDED


# -- lists ------------------------------------------------------------------------------------------------------------


def test_one_odd_row_hides_no_other_return_from_the_status_poll(bench: Bench) -> None:
    odd, other = _return(bench), _return(bench)
    bench.desk.fault("missing_field", system="returngo", path="/rmas$", text=f"status where rmaId={odd}", times=ALWAYS)
    _poll(bench, "returngo:open")
    assert bench.the_return(other)["nudges"] == 1
    assert bench.the_return(odd)["nudges"] == 1, "the number is enough to read the return itself"
    (told,) = _told(bench)
    assert (odd in told["cause"], "status" in told["cause"], told["details"]["count"]) == (True, True, "1")
    bench.desk.heal()
    _poll(bench, "returngo:open")
    assert _told(bench) == []


def test_a_row_without_its_number_makes_nobody_vanish_from_the_open_set(bench: Bench) -> None:
    odd, other = _return(bench), _return(bench)
    _poll(bench, "returngo:open")
    bench.read()
    bench.desk.fault("missing_field", system="returngo", path="/rmas$", text=f"rmaId where rmaId={odd}", times=ALWAYS)
    for _ in range(3):
        _poll(bench, "returngo:open")
    assert (bench.the_return(odd)["nudges"], bench.the_return(other)["nudges"]) == (1, 1)
    assert len(_told(bench)) == 1


def test_a_transaction_that_does_not_fit_is_found_by_its_units(bench: Bench) -> None:
    odd, other = _return(bench), _return(bench)
    for rma in (odd, other):
        bench.take(rma)
    refund = {"settles_after": "0", "outcome": "Success"}
    ids = [bench.desk._post(f"/returngo/rmas/{rma}/refund", refund)["transaction_ids"][0] for rma in (odd, other)]
    bench.desk.fault("missing_field", system="returngo", path="/transactions", text=f"amount where id={ids[0]}")
    _poll(bench, "returngo:transactions")
    assert (bench.the_return(odd)["nudges"], bench.the_return(other)["nudges"]) == (2, 2)
    assert len(_told(bench)) == 1


def test_one_odd_row_hides_no_other_sale_from_the_sale_poll(bench: Bench) -> None:
    orders = [bench.desk.sell() for _ in range(2)]
    text = f"SaleID where CustomerReference={orders[0]}"
    bench.desk.fault("missing_field", system="cin7", path="saleList", text=text, times=ALWAYS)
    _poll(bench, "cin7:sales")
    names = {row["customer_reference"] for row in bench.rows(t.sales)}
    assert (orders[0] in names, orders[1] in names) == (False, True)
    assert len(_told(bench)) == 1


@pytest.mark.parametrize(
    ("poll", "path", "field"),
    [
        ("returngo:open", "/rmas$", "rmas"),
        ("returngo:transactions", "/transactions", "transactions"),
        ("cin7:sales", "saleList", "SaleList"),
        ("cin7:reference", "ref/location", "LocationList"),
    ],
)
def test_a_list_that_never_fits_is_told_after_a_few_tries_and_closes_when_it_does(
    bench: Bench, poll: str, path: str, field: str
) -> None:
    bench.desk.fault("missing_field", path=path, text=field, times=ALWAYS)
    for _ in range(MOST_UNFIT - 1):
        _poll(bench, poll)
    assert _told(bench) == []
    _poll(bench, poll)
    (told,) = _told(bench)
    assert field in told["cause"]
    bench.desk.heal()
    _poll(bench, poll)
    assert _told(bench) == []


def test_where_nobody_listens_a_list_with_an_odd_row_is_no_list() -> None:
    page = {"rmas": [{"rmaId": "1", "status": "Done"}, {"rmaId": "2"}]}
    with pytest.raises(ValueError, match=r"rmas\[1\]\.status"):
        read_rma_list(page)


@pytest.mark.parametrize(
    ("body", "kind"), [(b"", NoAnswer), (b"<html>", NoAnswer), (b'{"a": NaN}', UnfitAnswer), (b"{", NoAnswer)]
)
def test_a_whole_body_that_is_no_json_does_not_fit_and_half_of_one_is_no_answer(body: bytes, kind: type) -> None:
    import httpx

    from tests.pipeline.returngo.test_client import Shop

    api = Shop(lambda _: httpx.Response(200, content=body)).api
    with pytest.raises(BadAnswer) as caught:
        api.webhooks()
    assert type(caught.value) is kind
