"""Refund payments, comments and parcels at the practice world's doors, with everything that goes wrong there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from pipeline.calls.failures import Rejected, Uncertain
from pipeline.parts import ShopParts
from schemas.actions import Action, CommentOnReturn, ReceiveShipment, RecordRefund, business_key
from schemas.money import Money
from schemas.sales import PAID
from tasks.effects.protocol import Found, LaterError, Missing, Unclear
from tasks.effects.refund_payment import RefundPaymentProvider
from tasks.effects.returngo import CommentProvider, ShipmentProvider
from tests.tasks.practice import SHOP, Bench

LOST = ["timeout_after", "reset_after", "status_after", "html_200_after", "empty_200_after", "truncated_after"]


@pytest.fixture
def shop(make_bench: Callable[..., Bench]) -> ShopParts:
    return make_bench(write_deadline=3.0, read_deadline=3.0).parts.shop(SHOP)


@pytest.fixture
def at(make_bench: Callable[..., Bench]) -> Bench:
    return make_bench(write_deadline=3.0, read_deadline=3.0)


def credited(at: Bench, kind: str = "Simple Sale") -> tuple[str, RecordRefund]:
    """A posted credit note of 30.00 GBP, and the refund to record on it."""
    order = at.desk.sell(kind=kind)
    rma = at.desk.open_return(order)
    at.take(rma)
    at.consume(rma)
    [note] = at.desk.authorised(order)
    sale = at.desk.sale_of(order)
    return order, a_refund(rma, sale["sale_id"], note["task_id"])


def a_refund(rma: str, sale_id: str, task_id: str, number: str = "7001", **more: Any) -> RecordRefund:
    key = business_key(SHOP, rma, "refund", (f"tx:{number}",))
    action = RecordRefund(
        **{
            "key": key,
            "sale_id": sale_id,
            "units": (f"tx:{number}",),
            "task_id": task_id,
            "reference": f"refund {number}",
            "amount": Money(Decimal(30), "GBP"),
            "paid_on": date(2026, 11, 20),
            "account": "712",
            "rate": Decimal(1),
            **more,
        }
    )
    assert isinstance(action, RecordRefund)
    return action


def at_cin7(at: Bench, *, sale_of: str = "") -> RefundPaymentProvider:
    cin7 = at.parts.shop(SHOP).cin7
    return RefundPaymentProvider(cin7, cin7.sale(sale_of) if sale_of else None)


def refunds(at: Bench, action: RecordRefund) -> list[dict[str, Any]]:
    rows = at.desk.world.control.get("/books").json()["payments"]
    return [row for row in rows if row["sale_id"] == action.sale_id and row["kind"] == "REFUND"]


# -- refund payments --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["Simple Sale", "Advanced Sale"])
def test_a_refund_is_recorded_and_found_again(at: Bench, kind: str) -> None:
    _, action = credited(at, kind)
    provider = at_cin7(at)
    assert isinstance(provider.look_up(action, {}), Missing)
    sent = provider.send(action, {})
    assert sent.outcome is not None
    assert sent.outcome.details == {"payment_id": sent.outcome.reference}
    again = provider.look_up(action, {})
    assert isinstance(again, Found)
    assert again.outcome == sent.outcome


def test_the_shoppers_own_payment_on_the_same_task_is_not_taken_for_the_refund(at: Bench) -> None:
    """On a simple sale the invoice and the note share one TaskID, and the payment has the same amount and account."""
    _, action = credited(at)
    sale = at.parts.shop(SHOP).cin7.sale(action.sale_id)
    assert (sale.simple, sale.invoices[0].status, sale.invoices[0].task_id) == (True, PAID, action.task_id)
    assert isinstance(at_cin7(at).look_up(action, {}), Missing)
    assert isinstance(at_cin7(at, sale_of=action.sale_id).look_up(action, {}), Missing)


def test_the_sale_just_read_answers_the_first_look_up_without_a_call(at: Bench) -> None:
    _, action = credited(at)
    at_cin7(at).send(action, {})
    provider = at_cin7(at, sale_of=action.sale_id)
    at.desk.forget_calls()
    assert isinstance(provider.look_up(action, {}), Found)
    assert at.desk.calls("cin7") == []


@pytest.mark.parametrize("fault", LOST)
def test_a_payment_whose_answer_was_lost_is_found_and_not_made_again(at: Bench, fault: str) -> None:
    _, action = credited(at)
    provider = at_cin7(at)
    at.desk.fault(fault, system="cin7", method="POST", path="sale/payment", seconds=9)
    with pytest.raises(Uncertain):
        provider.send(action, {})
    assert isinstance(provider.look_up(action, {}), Found)
    assert len(refunds(at, action)) == 1


def test_an_answer_about_somebody_elses_payment_is_not_believed(at: Bench) -> None:
    _, action = credited(at)
    at.desk.fault("wrong_echo", system="cin7", method="POST", path="sale/payment")
    with pytest.raises(Uncertain):
        at_cin7(at).send(action, {})
    assert isinstance(at_cin7(at).look_up(action, {}), Found)


def test_a_look_up_that_fails_says_nothing_about_the_payment(at: Bench) -> None:
    _, action = credited(at)
    at.desk.fault("status_before", system="cin7", method="GET", path="sale/payment", status=500)
    with pytest.raises(LaterError):
        at_cin7(at).look_up(action, {})


def test_two_payments_with_our_mark_go_to_a_person(at: Bench) -> None:
    _, action = credited(at)
    at_cin7(at).send(action, {})
    at_cin7(at).send(action, {})
    finding = at_cin7(at).look_up(action, {})
    assert isinstance(finding, Unclear)
    assert "2 refunds carry our mark" in finding.why


def test_a_payment_of_another_amount_with_our_mark_goes_to_a_person(at: Bench) -> None:
    _, action = credited(at)
    other = a_refund(action.key.split(":")[1], action.sale_id, action.task_id, amount=Money(Decimal(29), "GBP"))
    at_cin7(at).send(other, {})
    assert isinstance(at_cin7(at).look_up(action, {}), Unclear)


def test_a_payment_that_may_be_ours_but_lost_its_reference_goes_to_a_person(at: Bench) -> None:
    _, action = credited(at)
    cin7 = at.parts.shop(SHOP).cin7
    body = {"TaskID": action.task_id, "Type": "REFUND", "Reference": "", "Amount": 30, "Account": "712"}
    cin7.post_payment({**body, "DatePaid": "2026-11-20T00:00:00", "CurrencyRate": 1}, "GBP")
    assert isinstance(at_cin7(at).look_up(action, {}), Unclear)
    cin7.post_payment({**body, "Reference": "by hand", "DatePaid": "2026-11-20T00:00:00", "CurrencyRate": 1}, "GBP")
    assert isinstance(at_cin7(at).look_up(action, {}), Unclear)


def test_the_payment_of_another_refund_is_not_ours(at: Bench) -> None:
    _, action = credited(at)
    at_cin7(at).send(a_refund(action.key.split(":")[1], action.sale_id, action.task_id, "7002"), {})
    assert isinstance(at_cin7(at).look_up(action, {}), Missing)


def test_what_cin7_refuses_is_refused(at: Bench) -> None:
    _, action = credited(at)
    bad = a_refund(action.key.split(":")[1], action.sale_id, action.task_id, account="200")
    with pytest.raises(Rejected):
        at_cin7(at).send(bad, {})
    assert refunds(at, action) == []


# -- comments ---------------------------------------------------------------------------------------------------------


def a_comment(rma: str) -> CommentOnReturn:
    key = business_key(SHOP, rma, "comment", ("parcel:1",))
    return CommentOnReturn(key=key, sale_id="s", units=("parcel:1",), rma_id=rma, text="The refund may go.")


def comments(at: Bench, rma: str) -> list[str]:
    told = at.desk.world.control.get(f"/returngo/rmas/{rma}").json()
    return [row["htmlText"] for row in told["comments"] if row["commentType"] == "merchant"]


def an_rma(at: Bench, *, received: bool = True) -> str:
    return at.desk.open_return(at.desk.sell(), received=received)


def test_a_comment_is_written_with_our_mark_and_found_again(at: Bench) -> None:
    rma = an_rma(at)
    provider, action = CommentProvider(at.parts.shop(SHOP).returngo), a_comment(rma)
    assert isinstance(provider.look_up(action, {}), Missing)
    assert provider.send(action, {}).outcome is not None
    assert isinstance(provider.look_up(action, {}), Found)
    [text] = [text for text in comments(at, rma) if action.marker in text]
    assert text.startswith("The refund may go.")


@pytest.mark.parametrize("fault", [f for f in LOST if f != "empty_200_after"])
def test_a_comment_whose_answer_was_lost_is_found_and_not_written_again(at: Bench, fault: str) -> None:
    rma = an_rma(at)
    provider, action = CommentProvider(at.parts.shop(SHOP).returngo), a_comment(rma)
    at.desk.fault(fault, system="returngo", method="POST", path="comment", seconds=9)
    with pytest.raises(Uncertain):
        provider.send(action, {})
    assert isinstance(provider.look_up(action, {}), Found)
    assert len([text for text in comments(at, rma) if action.marker in text]) == 1


def test_an_empty_yes_to_a_comment_is_read_back(at: Bench) -> None:
    provider, action = CommentProvider(at.parts.shop(SHOP).returngo), a_comment(an_rma(at))
    at.desk.fault("empty_200_after", system="returngo", method="POST", path="comment")
    assert provider.send(action, {}).outcome is not None


def test_a_comment_that_was_taken_and_cannot_be_read_back_is_in_doubt(at: Bench) -> None:
    provider, action = CommentProvider(at.parts.shop(SHOP).returngo), a_comment(an_rma(at))
    at.desk.fault("status_before", system="returngo", method="GET", path="rma/", status=500)
    with pytest.raises(Uncertain):
        provider.send(action, {})


def test_a_yes_that_wrote_nothing_is_in_doubt(at: Bench) -> None:
    provider, action = CommentProvider(at.parts.shop(SHOP).returngo), a_comment(an_rma(at))
    at.desk.fault("status_before", system="returngo", method="POST", path="comment", status=200, form="object")
    with pytest.raises(Uncertain):
        provider.send(action, {})


def test_a_comment_on_a_return_that_is_gone_is_refused(at: Bench) -> None:
    provider = CommentProvider(at.parts.shop(SHOP).returngo)
    with pytest.raises(Rejected):
        provider.send(a_comment("99999999"), {})


# -- parcels ----------------------------------------------------------------------------------------------------------


def a_parcel(at: Bench, rma: str) -> ReceiveShipment:
    told, _ = at.parts.shop(SHOP).returngo.return_(rma)
    [shipment] = told.shipments
    name = f"parcel:{shipment.shipment_id}"
    key = business_key(SHOP, rma, "receive", (name,))
    return ReceiveShipment(key=key, sale_id="s", units=(name,), rma_id=rma, shipment_id=shipment.shipment_id)


def received(at: Bench, rma: str) -> int:
    told = at.desk.world.control.get(f"/returngo/rmas/{rma}").json()
    return sum("RECEIVED" in row["htmlText"] for row in told["comments"])


def test_a_parcel_is_received_and_found_received(at: Bench) -> None:
    rma = an_rma(at, received=False)
    provider, action = ShipmentProvider(at.parts.shop(SHOP).returngo), a_parcel(at, rma)
    assert isinstance(provider.look_up(action, {}), Missing)
    sent = provider.send(action, {})
    assert sent.outcome is not None
    assert sent.outcome.details == {"shipment_status": "Received"}
    assert isinstance(provider.look_up(action, {}), Found)


@pytest.mark.parametrize("fault", LOST)
def test_a_parcel_whose_answer_was_lost_is_found_received(at: Bench, fault: str) -> None:
    rma = an_rma(at, received=False)
    provider, action = ShipmentProvider(at.parts.shop(SHOP).returngo), a_parcel(at, rma)
    at.desk.fault(fault, system="returngo", method="PUT", path="shipment", seconds=9)
    with pytest.raises(Uncertain):
        provider.send(action, {})
    assert isinstance(provider.look_up(action, {}), Found)
    assert received(at, rma) == 1


def test_a_parcel_that_somebody_received_meanwhile_is_found_without_a_write(at: Bench) -> None:
    rma = an_rma(at, received=False)
    action = a_parcel(at, rma)
    at.desk.act(rma, "receive")
    assert isinstance(ShipmentProvider(at.parts.shop(SHOP).returngo).look_up(action, {}), Found)


def test_a_parcel_that_is_gone_goes_to_a_person(at: Bench) -> None:
    rma = an_rma(at, received=False)
    action = a_parcel(at, rma)
    other = ReceiveShipment(key=action.key, sale_id="s", units=action.units, rma_id=rma, shipment_id="424242")
    provider = ShipmentProvider(at.parts.shop(SHOP).returngo)
    assert isinstance(provider.look_up(other, {}), Unclear)
    with pytest.raises(Rejected):
        provider.send(other, {})


def test_a_look_up_in_a_portal_that_is_down_says_nothing(at: Bench) -> None:
    rma = an_rma(at, received=False)
    action = a_parcel(at, rma)
    for provider, one in _both(at, rma, action):
        at.desk.fault("status_before", system="returngo", method="GET", path="rma/", status=503)
        with pytest.raises(LaterError):
            provider.look_up(one, {})


def _both(at: Bench, rma: str, action: ReceiveShipment) -> list[tuple[Any, Action]]:
    returngo = at.parts.shop(SHOP).returngo
    return [(CommentProvider(returngo), a_comment(rma)), (ShipmentProvider(returngo), action)]
