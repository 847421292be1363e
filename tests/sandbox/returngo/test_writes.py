"""Writing to the practice portal: keys and quota, comments, parcels, statuses, registrations, transactions."""

import pytest

from tests.sandbox.returngo.desk import KEY, SHOP, TEE, PortalDesk


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_key_is_refused_with_either_of_two_statuses(desk: PortalDesk, status: int) -> None:
    desk.settings(wrong_key_status=status)

    answer = desk.api.get("/rmas?pagesize=1", headers={"x-api-key": "guess"})

    assert answer.status_code == status
    assert set(answer.json()) == {"message"}


def test_a_good_key_for_another_owners_shop_is_forbidden(desk: PortalDesk) -> None:
    desk.order("/shops", shop_name="other.myshopify.com", api_key="other-key")

    assert desk.api.get("/rmas?pagesize=1", headers={"x-shop-name": "other.myshopify.com"}).status_code == 403


def test_one_key_serves_every_shop_of_its_owner(desk: PortalDesk) -> None:
    desk.order("/shops", shop_name="second.myshopify.com", api_key=KEY)

    assert desk.api.get("/rmas?pagesize=1", headers={"x-shop-name": "second.myshopify.com"}).status_code == 200


def test_the_daily_quota_counts_per_key_over_all_shops_and_ends_at_midnight_utc(desk: PortalDesk) -> None:
    desk.order("/shops", shop_name="second.myshopify.com", api_key=KEY)
    desk.settings(daily_quota=2)
    desk.api.get("/rmas?pagesize=1")
    desk.api.get("/rmas?pagesize=1", headers={"x-shop-name": "second.myshopify.com"})

    refused = desk.api.get("/rmas?pagesize=1")
    desk.pass_time(86_400)

    assert refused.status_code == 429
    assert not any("ratelimit" in name or name == "retry-after" for name in refused.headers)
    assert desk.api.get("/rmas?pagesize=1").status_code == 200


def test_too_many_calls_in_one_second_are_refused(desk: PortalDesk) -> None:
    desk.settings(burst_per_second=3)

    statuses = [desk.api.get("/rmas?pagesize=1").status_code for _ in range(4)]

    assert statuses == [200, 200, 200, 429]


def test_every_answer_carries_the_request_ids_support_asks_for(desk: PortalDesk) -> None:
    for path in ("/rmas?pagesize=1", "/rma/abc", "/nowhere"):
        headers = desk.api.get(path).headers
        assert {"x-amzn-requestid", "x-amz-apigw-id", "x-amzn-trace-id"} <= set(headers)


def test_an_unknown_path_is_a_403_about_tokens_and_not_a_404(desk: PortalDesk) -> None:
    rma = desk.rma()

    answer = desk.api.post(f"/rma/{rma['rma_id']}/note", json={"htmlText": "x"})

    assert (answer.status_code, answer.json()) == (403, {"message": "Missing Authentication Token"})


def test_error_bodies_come_in_several_shapes(desk: PortalDesk) -> None:
    answers = [desk.api.get("/rma/abc") for _ in range(60)]

    kinds = {(answer.headers.get("content-type"), answer.content[:9]) for answer in answers}

    assert {answer.status_code for answer in answers} == {400}
    assert len(kinds) == 5


def test_a_malformed_id_is_400_and_an_unknown_one_404(desk: PortalDesk) -> None:
    assert desk.api.get("/rma/RMA5550001").status_code == 400
    assert desk.api.get("/rma/5550001").status_code == 404


@pytest.mark.parametrize(("accepted", "refused"), [("htmlText", "comment"), ("comment", "htmlText")])
def test_the_comment_field_of_the_other_generation_is_refused(desk: PortalDesk, accepted: str, refused: str) -> None:
    desk.settings(comment_field=accepted)
    rma = desk.rma()
    path = f"/rma/{rma['rma_id']}/comment"

    assert desk.api.post(path, json={refused: "Stock is back"}).status_code == 400
    assert desk.api.post(path, json={accepted: "Stock is back"}).status_code == 201
    assert desk.comments(rma)[0] == "Stock is back"


ALLOWED = {
    "Pending": {"LabelCreated", "Shipped", "Received", "Canceled", "Validated"},
    "LabelCreated": {"Shipped", "Received", "Canceled", "Validated"},
    "Shipped": {"Received", "Canceled", "Validated"},
    "Canceled": {"Received", "Validated"},
    "Received": {"Validated"},
    "Validated": set(),
}


@pytest.mark.parametrize("start", ["LabelCreated", "Shipped", "Canceled", "Received", "Validated"])
@pytest.mark.parametrize("goal", sorted(ALLOWED))
def test_a_parcel_moves_only_along_the_published_table(desk: PortalDesk, start: str, goal: str) -> None:
    path = f"/shipment/{desk.rma(status='Approved')['shipment_ids'][0]}"
    assert desk.api.put(path, json={"status": start}).status_code == 200

    answer = desk.api.put(path, json={"status": goal})

    assert answer.status_code == (200 if goal == start or goal in ALLOWED[start] else 400)


def test_writing_received_on_the_parcel_moves_the_rma_and_leaves_two_comments(desk: PortalDesk) -> None:
    rma = desk.rma(status="Approved")
    parcel = rma["shipment_ids"][0]

    answer = desk.api.put(f"/shipment/{parcel}", json={"status": "Received"})

    assert answer.json()["status"] == "Received"
    assert desk.read(rma)["rmaSummary"]["status"] == "Received"
    assert desk.comments(rma)[:2] == [
        "Shipment <strong>RECEIVED</strong>",
        f"Shipment with ID: {parcel} was updated",
    ]


def test_the_same_status_again_still_saves_fields_and_still_adds_a_comment(desk: PortalDesk) -> None:
    rma = desk.rma(status="Received")
    parcel, before = rma["shipment_ids"][0], len(desk.comments(rma))

    desk.api.put(f"/shipment/{parcel}", json={"status": "Received", "trackingNumber": "DP-NEW"})

    assert desk.read(rma)["shipments"][0]["trackingNumber"] == "DP-NEW"
    assert len(desk.comments(rma)) == before + 1


def test_a_parcel_received_while_canceled_counts_once_the_rma_is_reopened(desk: PortalDesk) -> None:
    rma = desk.rma(status="Canceled")

    desk.api.put(f"/shipment/{rma['shipment_ids'][0]}", json={"status": "Received"})
    while_closed = desk.read(rma)["rmaSummary"]["status"]
    desk.act(rma, "reopen")

    assert while_closed == "Canceled"
    assert desk.read(rma)["rmaSummary"]["status"] == "Received"


def test_validating_the_parcel_says_nothing_about_the_units_unless_the_setting_says_so(desk: PortalDesk) -> None:
    plain, filled = desk.rma(status="Received"), desk.rma(status="Received")
    desk.api.put(f"/shipment/{plain['shipment_ids'][0]}", json={"status": "Validated"})
    desk.settings(shipment_validates_items=True)
    desk.api.put(f"/shipment/{filled['shipment_ids'][0]}", json={"status": "Validated"})

    dates = [
        desk.read(rma)["items"][0]["itemValidationStatusResponse"]["lastValidationDate"] for rma in (plain, filled)
    ]

    assert dates[0] is None
    assert dates[1] is not None


def test_a_deleted_parcel_leaves_its_units_without_one(desk: PortalDesk) -> None:
    rma = desk.rma(status="Approved")

    assert desk.api.delete(f"/shipment/{rma['shipment_ids'][0]}").status_code == 200

    body = desk.read(rma)
    assert (body["shipments"], body["items"][0]["shipmentId"]) == ([], "")
    assert desk.api.delete(f"/shipment/{rma['shipment_ids'][0]}").status_code == 404


def test_the_status_write_refuses_a_move_outside_its_table(desk: PortalDesk) -> None:
    rma = desk.rma(status="Received")
    path = f"/rma/{rma['rma_id']}/status"

    assert desk.api.put(path, json={"status": "Pending"}).status_code == 400
    assert desk.api.put(path, json={"status": "Cancelled"}).status_code == 400
    assert desk.api.put(path, json={"status": "Done"}).json()["status"] == "Done"


def test_verdicts_in_the_status_write_are_ignored_unless_switched_on(desk: PortalDesk) -> None:
    rma = desk.rma(status="Received")
    item = {"returnedItemId": rma["returned_item_ids"][0], "isReturned": True, "isRestockable": True}
    body = {"status": "Validated", "items": [item]}
    desk.settings(validation_write="status_body")

    desk.api.put(f"/rma/{rma['rma_id']}/status", json=body)

    verdict = desk.read(rma)["items"][0]["itemValidationStatusResponse"]
    assert verdict["isRestockable"] is True
    assert verdict["lastValidationDate"] is not None


def test_a_registration_is_for_one_event_of_one_shop_and_shows_its_address_in_clear(desk: PortalDesk) -> None:
    desk.order("/shops", shop_name="second.myshopify.com", api_key=KEY)
    url = "http://127.0.0.1:9/hook?token=secret"

    made = desk.api.post("/webhook", json={"url": url, "eventName": "RMA_CREATED"}).json()

    assert desk.api.get("/webhooks").json()["webhooks"] == [made]
    assert made == {"id": made["id"], "url": url, "eventName": "RMA_CREATED"}
    assert desk.api.get("/webhooks", headers={"x-shop-name": "second.myshopify.com"}).json()["webhooks"] == []


def test_registrations_can_be_changed_and_removed(desk: PortalDesk) -> None:
    made = desk.api.post("/webhook", json={"url": "http://a.example", "eventName": "RMA_CREATED"}).json()
    path = f"/webhook/{made['id']}"

    assert desk.api.put(path, json={"url": "http://b.example"}).json()["url"] == "http://b.example"
    assert desk.api.put(path, json={"eventName": "item.validated"}).status_code == 400
    assert desk.api.delete(path).status_code == 200
    assert desk.api.delete(path).status_code == 404


def test_a_transaction_can_be_reported_but_not_invented_or_reversed(desk: PortalDesk) -> None:
    rma = desk.rma(status="Received")
    number = desk.act(rma, "refund", {"settles_after": "9000"})["transaction_ids"][0]
    report = {"status": "Success", "externalReferenceId": "PSP-1"}

    answer = desk.api.put(f"/transaction/{number}", json=report)

    assert (answer.json()["status"], answer.json()["externalReferenceId"]) == ("Success", "PSP-1")
    assert desk.api.put(f"/transaction/{number}", json={"status": "Failed"}).status_code == 400
    assert desk.api.put("/transaction/1", json=report).status_code == 404


@pytest.mark.parametrize("body", [b"{broken", b"[1, 2]"])
def test_a_body_that_is_no_json_object_is_refused(desk: PortalDesk, body: bytes) -> None:
    rma = desk.rma()

    assert desk.api.post(f"/rma/{rma['rma_id']}/comment", content=body).status_code == 400


def test_with_read_lag_a_read_right_after_a_write_still_shows_the_old_state(desk: PortalDesk) -> None:
    rma = desk.rma(status="Approved")
    desk.settings(read_lag=30)

    desk.act(rma, "receive")
    at_once = desk.read(rma)["rmaSummary"]["status"]
    desk.pass_time(60)

    assert at_once == "Approved"
    assert desk.read(rma)["rmaSummary"]["status"] == "Received"


def test_shops_are_known_by_the_name_they_were_given(desk: PortalDesk) -> None:
    assert desk.control.get("/shops").json() == [{"shop_name": SHOP, "api_key": KEY}]


def test_the_controls_name_the_field_to_mend(desk: PortalDesk) -> None:
    answers = [
        desk.control.post("/rmas", json={"order_name": "#1", "units": [{"sku": "A", "paid_price": "dear"}]}),
        desk.control.post("/rmas", json={"order_name": "#1"}),
        desk.control.post("/rmas", json={"units": [TEE]}),
        desk.control.patch("/settings", json={"payload_form": "round"}),
        desk.control.patch("/settings", json={"webhook_lots": 1}),
    ]

    assert {answer.status_code for answer in answers} == {400}
    words = [answer.json()["error"].split(":")[0] for answer in answers]
    assert words == ["units[0].paid_price", "units", "order_name", "payload_form", "webhook_lots"]
