"""The life of a return: policies, refunds, exchanges, cancellation and its undoing."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.returngo.desk import TEE, PortalDesk

CREDIT: dict[str, Any] = {**TEE, "resolution": "RefundToStoreCredit"}
SWAP: dict[str, Any] = {
    **TEE,
    "resolution": "InstantVariantExchange",
    "exchange_items": [{"sku": "TEE-BLK-L", "price": "24.00"}],
}


@pytest.fixture
def desk() -> Iterator[PortalDesk]:
    desk = PortalDesk()
    desk.settings(refund_settles=10_800)
    yield desk
    desk.close()


@pytest.mark.parametrize(
    ("trigger", "status"), [("approved", "Approved"), ("received", "Received"), ("validated", "Validated")]
)
def test_the_policy_refunds_at_its_own_step_and_at_no_other(desk: PortalDesk, trigger: str, status: str) -> None:
    steps = ["Approved", "Received", "Validated"]

    made = {step: desk.rma(status=step, auto_refund=trigger)["transaction_ids"] for step in steps}

    assert [step for step in steps if made[step]] == steps[steps.index(status) :]


def test_a_refund_is_requested_first_and_succeeds_only_hours_later(desk: PortalDesk) -> None:
    rma = desk.rma(status="Received", auto_refund="received")
    requested = desk.read(rma)["transactions"][0]

    desk.pass_time(10_801)

    settled = desk.read(rma)["transactions"][0]
    assert (requested["status"], settled["status"]) == ("Requested", "Success")
    assert requested["externalReferenceId"] == ""
    assert settled["externalReferenceId"] != ""
    assert settled["lastUpdated"] > requested["lastUpdated"]


def test_a_failed_refund_leaves_an_error_comment(desk: PortalDesk) -> None:
    rma = desk.rma(status="Received")

    desk.act(rma, "refund", {"settles_after": "0", "outcome": "Failed"})

    assert desk.read(rma)["transactions"][0]["status"] == "Failed"
    assert desk.read(rma)["comments"][0] == {
        **desk.read(rma)["comments"][0],
        "commentType": "error",
        "htmlText": f"Refund Failed. Platform returned status: FAILURE. RMA: {rma['rma_id']}",
    }


def test_store_credit_for_three_units_is_three_transactions_of_one_unit(desk: PortalDesk) -> None:
    rma = desk.rma({**CREDIT, "quantity": 3}, status="Received", auto_refund="received")

    rows = desk.read(rma)["transactions"]

    assert [row["returnItemIds"] for row in rows] == [[unit] for unit in rma["returned_item_ids"]]
    assert {row["externalReferenceType"] for row in rows} == {"StoreCreditCode"}


def test_money_back_for_three_units_is_one_transaction_less_the_fees(desk: PortalDesk) -> None:
    rma = desk.rma({**TEE, "quantity": 3, "restocking_fee": "1.50"}, status="Received", auto_refund="received")

    (row,) = desk.read(rma)["transactions"]

    assert row["amount"]["amount"] == 67.5
    assert row["returnItemIds"] == rma["returned_item_ids"]


def test_prices_without_tax_are_refunded_with_it(desk: PortalDesk) -> None:
    unit = {**TEE, "paid_price": "20.00", "paid_tax": "4.00", "tax_included": False}

    (row,) = desk.read(desk.rma(unit, status="Received", auto_refund="received"))["transactions"]

    assert row["amount"]["amount"] == 24


def test_the_validated_policy_waits_until_every_unit_has_a_verdict(desk: PortalDesk) -> None:
    rma = desk.rma(TEE, TEE, status="Received", auto_refund="validated")
    first, second = rma["returned_item_ids"]

    desk.act(rma, "inspect", {first: {"returned": True}})
    half_way = desk.read(rma)
    desk.act(rma, "inspect", {second: {"returned": False, "reason": "Empty box"}})

    assert (half_way["rmaSummary"]["status"], half_way["transactions"]) == ("Received", [])
    (row,) = desk.read(rma)["transactions"]
    assert row["returnItemIds"] == [first]


def test_a_refund_already_issued_keeps_the_policy_from_refunding_again(desk: PortalDesk) -> None:
    rma = desk.rma(status="Approved", auto_refund="received")

    desk.act(rma, "refund")
    desk.act(rma, "receive")

    assert len(desk.read(rma)["transactions"]) == 1


def test_an_order_level_refund_names_no_units_and_any_amount(desk: PortalDesk) -> None:
    rma = desk.rma(status="Received")

    desk.act(rma, "refund", {"amount": "31.19", "order_level": True})

    (row,) = desk.read(rma)["transactions"]
    assert (row["amount"]["amount"], row["returnItemIds"]) == (31.19, [])


def test_approval_opens_a_draft_whose_name_looks_like_an_order_but_is_none(desk: PortalDesk) -> None:
    rma = desk.rma(SWAP, status="Approved", auto_refund="approved")

    (order,) = desk.read(rma)["exchangeOrders"]

    assert order["orderId"] == ""
    assert order["orderName"].startswith("#D")
    assert order["type"] == "Exchange"
    assert rma["transaction_ids"] == []


def test_release_turns_the_draft_into_an_order_under_the_same_draft_id(desk: PortalDesk) -> None:
    rma = desk.rma(SWAP, status="Received")
    draft = rma["draft_order_ids"][0]

    desk.act(rma, "release-exchange", {"order_name": "#1002"})

    (order,) = desk.read(rma)["exchangeOrders"]
    assert (order["draftOrderId"], order["orderName"]) == (draft, "#1002")
    assert order["orderId"] not in ("", draft)
    assert desk.control.post(f"/rmas/{rma['rma_id']}/release-exchange", json={}).status_code == 409


def test_a_dearer_exchange_is_invoiced_and_its_payment_names_no_units(desk: PortalDesk) -> None:
    dearer = {**SWAP, "exchange_items": [{"sku": "HOODIE-GRY-L", "price": "54.00"}]}
    rma = desk.rma(dearer, status="Received")

    desk.act(rma, "release-exchange", {"order_name": "#1002"})

    (row,) = desk.read(rma)["transactions"]
    assert (row["type"], row["amount"]["amount"], row["returnItemIds"]) == ("InvoicePayment", 30, [])
    assert any("left to pay" in text for text in desk.comments(rma))


def test_a_canceled_rma_comes_back_with_the_same_ids_and_a_second_shopify_return(desk: PortalDesk) -> None:
    rma = desk.rma(status="Canceled")

    again = desk.act(rma, "reopen")

    assert again["returned_item_ids"] == rma["returned_item_ids"]
    assert again["status"] == "Approved"
    comments = desk.comments(rma)
    assert comments[0] == "Created & approved Shopify return #1001-R2 for order #1001"
    assert "Canceled Shopify return #1001-R1" in comments
    assert "Request <strong>REOPENED</strong>" in comments


def test_a_failed_shopify_return_leaves_nothing_but_an_error_comment(desk: PortalDesk) -> None:
    desk.settings(shopify_return_fails=True)

    rma = desk.rma(status="Approved")

    assert rma["status"] == "Approved"
    assert any(each["commentType"] == "error" for each in desk.read(rma)["comments"])


def test_inspection_is_possible_on_a_finished_rma_and_leaves_it_finished(desk: PortalDesk) -> None:
    rma = desk.rma(status="Done")

    desk.act(rma, "inspect", {rma["returned_item_ids"][0]: {"returned": True}})

    body = desk.read(rma)
    assert body["rmaSummary"]["status"] == "Done"
    assert body["items"][0]["itemValidationStatusResponse"]["isReturned"] is True


def test_inspection_may_change_nothing_that_a_list_would_show(desk: PortalDesk) -> None:
    desk.settings(inspection_moves_status=False)
    rma = desk.rma(status="Received")
    before = desk.api.get("/rmas?pagesize=5").json()

    desk.act(rma, "inspect", {rma["returned_item_ids"][0]: {"returned": True}})

    assert desk.api.get("/rmas?pagesize=5").json() == before


def test_a_return_without_a_parcel_cannot_be_inspected(desk: PortalDesk) -> None:
    rma = desk.rma(status="Approved", shipment=False)

    answer = desk.control.post(f"/rmas/{rma['rma_id']}/inspect", json={rma["returned_item_ids"][0]: {}})

    assert answer.status_code == 409


def test_a_verdict_on_a_strange_unit_is_refused(desk: PortalDesk) -> None:
    rma = desk.rma(status="Received")

    assert desk.control.post(f"/rmas/{rma['rma_id']}/inspect", json={"42": {}}).status_code == 400


def test_a_unit_can_join_later_under_an_id_of_its_own(desk: PortalDesk) -> None:
    rma = desk.rma(status="Approved")

    added = desk.act(rma, "add-unit", {**TEE, "sku": "HOODIE-GRY-L"})["returned_item_ids"]

    items = desk.read(rma)["items"]
    assert [item["sku"] for item in items] == ["TEE-BLK-M", "HOODIE-GRY-L"]
    assert added[0] not in rma["returned_item_ids"]
    assert items[1]["shipmentId"] == items[0]["shipmentId"]


def test_with_auto_done_an_rma_closes_once_the_balance_is_paid(desk: PortalDesk) -> None:
    desk.settings(auto_done=True)
    rma = desk.rma(status="Received", auto_refund="received")

    desk.pass_time(10_801)

    assert desk.read(rma)["rmaSummary"]["status"] == "Done"


@pytest.mark.parametrize("word", ["Canceled", "Settled", "success"])
def test_a_refund_takes_any_status_and_kind_that_the_desk_names(desk: PortalDesk, word: str) -> None:
    rma = desk.rma(status="Received")
    desk.act(rma, "refund", {"settles_after": "0", "outcome": word, "type": "CompensationRefund"})
    row = desk.read(rma)["transactions"][0]
    assert (row["status"], row["type"]) == (word, "CompensationRefund")


def test_the_portal_speaks_in_another_case_or_in_other_words_while_it_is_told_to(desk: PortalDesk) -> None:
    rma = desk.rma(status="Received")
    desk.settings(spelling="spaced", other_words={"Received": "Here"})
    found = desk.read(rma)
    assert (found["rmaSummary"]["status"], found["items"][0]["sku"]) == (" Here  ", TEE["sku"])
    desk.settings(spelling="own", other_words={})
    assert desk.read(rma)["rmaSummary"]["status"] == "Received"
