"""What the practice portal shows of an RMA, and what it hides."""

import json

from tests.sandbox.returngo.desk import TEE, PortalDesk


def test_booleans_about_policy_and_approval_arrive_as_zero_or_one(desk: PortalDesk) -> None:
    body = desk.read(desk.rma({**TEE, "auto_approved": True}, out_of_policy=True))

    assert body["isOutOfPolicy"] == 1
    assert body["isOutOfPolicy"] is not True
    assert body["items"][0]["isAutoApprove"] is not True
    assert body["items"][0]["taxIncluded"] is True


def test_ids_are_strings_except_those_of_transactions(desk: PortalDesk) -> None:
    body = desk.read(desk.rma(status="Received", auto_refund="received"))

    assert isinstance(body["rmaSummary"]["rmaId"], str)
    assert isinstance(body["items"][0]["returnedItemId"], str)
    assert isinstance(body["transactions"][0]["id"], int)


def test_three_units_of_one_line_are_three_rows_with_one_line_item_id(desk: PortalDesk) -> None:
    items = desk.read(desk.rma({**TEE, "quantity": 3, "line_item_id": "600001"}))["items"]

    assert [item["shopLineItemId"] for item in items] == ["600001"] * 3
    assert len({item["returnedItemId"] for item in items}) == 3
    assert all("quantity" not in item for item in items)


def test_a_product_without_variants_has_no_variant_name_at_all(desk: PortalDesk) -> None:
    plain, sized = desk.read(desk.rma(TEE, {**TEE, "variant_name": "M"}))["items"]

    assert "variantName" not in plain
    assert sized["variantName"] == "M"


def test_an_uninspected_unit_reads_like_a_failed_one_but_for_the_date(desk: PortalDesk) -> None:
    rma = desk.rma(TEE, TEE, status="Received")
    waiting, failed = rma["returned_item_ids"]
    desk.act(rma, "inspect", {failed: {"returned": False, "restockable": False, "reason": "Empty box"}})

    verdicts = {item["returnedItemId"]: item["itemValidationStatusResponse"] for item in desk.read(rma)["items"]}

    assert verdicts[waiting]["isReturned"] is verdicts[failed]["isReturned"] is False
    assert verdicts[waiting]["isRestockable"] is verdicts[failed]["isRestockable"] is False
    assert verdicts[waiting]["lastValidationDate"] is None
    assert verdicts[failed]["lastValidationDate"] is not None
    assert "returnedItemId" not in verdicts[failed]


def test_a_returned_unit_that_cannot_be_sold_again_says_why(desk: PortalDesk) -> None:
    rma = desk.rma(status="Received")
    unit = rma["returned_item_ids"][0]

    desk.act(rma, "inspect", {unit: {"returned": True, "restockable": False, "reason": "Torn"}})

    verdict = desk.read(rma)["items"][0]["itemValidationStatusResponse"]
    assert (verdict["isReturned"], verdict["isRestockable"]) == (True, False)
    assert (verdict["nonRestockableReason"], verdict["nonReturnedReason"]) == ("Torn", None)


def test_only_creation_and_approval_make_events_even_for_a_finished_rma(desk: PortalDesk) -> None:
    events = desk.read(desk.rma(status="Done"))["rmaSummary"]["events"]

    assert [event["eventName"] for event in events] == ["RMA_CREATED", "RMA_APPROVED"]


def test_receipt_is_told_only_by_a_comment_and_the_newest_comment_comes_first(desk: PortalDesk) -> None:
    rma = desk.rma(status="Received")

    comments = desk.comments(rma)

    assert comments[0] == "Shipment <strong>RECEIVED</strong>"
    assert comments[-1] == "Request SUBMITTED"
    assert "Created & approved Shopify return #1001-R1 for order #1001" in comments


def test_personal_data_appears_in_shipment_addresses_and_nowhere_else(desk: PortalDesk) -> None:
    body = desk.read(desk.rma(status="Approved"))
    customer = body["shipments"][0]["customerAddress"]

    assert body["shipments"][0]["returnAddress"]["email"] == customer["email"]
    body["shipments"] = []
    assert customer["email"] not in json.dumps(body)
    assert customer["name"] not in json.dumps(body)


def test_an_rma_without_a_shipment_does_not_say_who_the_customer_is(desk: PortalDesk) -> None:
    body = desk.read(desk.rma(status="Approved", shipment=False))

    assert body["shipments"] == []
    assert body["items"][0]["shipmentId"] == ""
    assert body["items"][0]["returnMethod"]["type"] == "No shipment required"
    assert "@shopper.example" not in json.dumps(body)


def test_money_is_a_json_number_whole_or_not_in_both_currencies(desk: PortalDesk) -> None:
    unit = {"sku": "RUG", "paid_price": "23.05", "paid_tax": "3"}

    item = desk.read(desk.rma(unit, currency="EUR", shop_currency="GBP", rate="0.86"))["items"][0]

    assert item["paidPrice"] == {"amount": 23.05, "currency": "EUR", "shopAmount": 19.82, "shopCurrency": "GBP"}
    assert isinstance(item["paidTax"]["amount"], int)


def test_fees_are_bare_numbers_without_a_currency(desk: PortalDesk) -> None:
    item = desk.read(desk.rma({**TEE, "restocking_fee": "2.5", "return_fee": "1"}))["items"][0]

    assert (item["restockingFee"], item["returnFee"], item["shipmentFee"]) == (2.5, 1, 0)


def test_the_cancellation_fee_belongs_to_the_rma(desk: PortalDesk) -> None:
    assert desk.read(desk.rma(cancellation_fee="3.5"))["cancellationFee"] == 3.5


def test_the_return_of_an_exchange_order_names_the_paid_order_only_in_its_first_comment(desk: PortalDesk) -> None:
    rma = desk.rma({**TEE, "paid_tax": "0"}, order_name="#2002", comment_original_order="#1001")

    body = desk.read(rma)

    assert body["comments"][-1]["htmlText"] == "Request SUBMITTED, original order #1001"
    assert body["orderDetails"]["order_name"] == "#2002"
    assert body["items"][0]["paidTax"]["amount"] == 0


def test_media_addresses_are_given_only_when_asked_for(desk: PortalDesk) -> None:
    rma = desk.rma({**TEE, "media": True})
    asked = desk.api.get(f"/rma/{rma['rma_id']}?includeMedia=true").json()["items"][0]["followUpQuestions"][0]

    assert desk.read(rma)["items"][0]["followUpQuestions"][0]["answer"] == {}
    assert asked["answer"]["mediaAnswer"][0].startswith("https://")


def test_last_updated_stands_still_on_receipt_inspection_and_refund(desk: PortalDesk) -> None:
    rma = desk.rma(status="Approved")
    before = desk.read(rma)["lastUpdated"]
    desk.pass_time(86_400)

    desk.act(rma, "receive")
    desk.act(rma, "inspect", {rma["returned_item_ids"][0]: {"returned": True}})
    desk.act(rma, "refund", {"settles_after": "0"})

    body = desk.read(rma)
    assert body["rmaSummary"]["status"] == "Validated"
    assert body["transactions"][0]["status"] == "Success"
    assert body["lastUpdated"] == before


def test_last_updated_follows_a_reopening(desk: PortalDesk) -> None:
    rma = desk.rma(status="Canceled")
    before = desk.read(rma)["lastUpdated"]
    desk.pass_time(60)

    desk.act(rma, "reopen")

    assert desk.read(rma)["lastUpdated"] > before
