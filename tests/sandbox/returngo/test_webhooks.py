"""Webhooks of the practice portal over real HTTP: unsigned nudges, sometimes twice, late, or never."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.returngo.desk import TEE, PortalDesk, eventually
from tests.sandbox.returngo.landing_place import LandingPlace, landing_place


@pytest.fixture
def desk() -> Iterator[PortalDesk]:
    desk = PortalDesk()
    desk.settings(webhook_delay=0, webhook_retries=[0.02, 0.02], refund_settles=0)
    yield desk
    desk.close()


@pytest.fixture
def place() -> Iterator[LandingPlace]:
    with landing_place() as place:
        yield place


def register(desk: PortalDesk, place: LandingPlace, *events: str) -> None:
    for event in events:
        assert desk.api.post("/webhook", json={"url": place.url, "eventName": event}).status_code == 201


def landed(place: LandingPlace) -> list[dict[str, Any]]:
    return [json.loads(body) for body in place.bodies]


def test_an_event_reaches_only_its_own_registration(desk: PortalDesk, place: LandingPlace) -> None:
    register(desk, place, "SHIPMENT_STATUS_UPDATED")

    rma = desk.rma(status="Received")

    assert eventually(lambda: len(place.bodies) == 1)
    (news,) = landed(place)
    assert news["eventName"] == "SHIPMENT_STATUS_UPDATED"
    assert news["eventData"]["shipmentId"] == rma["shipment_ids"][0]


def test_a_delivery_carries_no_signature_and_no_event_id(desk: PortalDesk, place: LandingPlace) -> None:
    register(desk, place, "RMA_CREATED")

    desk.rma()

    assert eventually(lambda: len(place.bodies) == 1)
    assert place.headers[0]["content-type"] == "application/json"
    assert not any("signature" in name or "hmac" in name or name.startswith("x-") for name in place.headers[0])
    assert "eventId" not in landed(place)[0]


@pytest.mark.parametrize("form", ["nested", "flat", "bare"])
def test_the_payload_may_be_nested_flat_or_bare(desk: PortalDesk, place: LandingPlace, form: str) -> None:
    desk.settings(payload_form=form)
    register(desk, place, "RMA_CREATED")

    rma = desk.rma()

    assert eventually(lambda: len(place.bodies) == 1)
    ids = {"rmaId": rma["rma_id"], "status": "Pending"}
    expected = {"nested": {"eventData": ids}, "flat": ids, "bare": {}}[form]
    assert landed(place) == [{"eventName": "RMA_CREATED", **expected}]


def test_a_settled_refund_is_told_as_created_and_never_as_updated(desk: PortalDesk, place: LandingPlace) -> None:
    register(desk, place, "TRANSACTION_CREATED", "REFUND_CREATED")

    rma = desk.rma(status="Received", auto_refund="received")

    assert eventually(lambda: len(place.bodies) == 2)
    told = {(news["eventName"], news["eventData"]["status"]) for news in landed(place)}
    assert told == {("TRANSACTION_CREATED", "Requested"), ("REFUND_CREATED", "Success")}
    assert landed(place)[0]["eventData"]["transactionId"] == rma["transaction_ids"][0]


def test_a_refund_settles_and_is_told_without_anybody_asking(desk: PortalDesk, place: LandingPlace) -> None:
    desk.settings(refund_settles=1)
    register(desk, place, "REFUND_CREATED")

    desk.rma(status="Received", auto_refund="received")

    assert eventually(lambda: len(place.bodies) == 1)


def test_inspection_exchange_release_and_comments_are_told_to_nobody(desk: PortalDesk, place: LandingPlace) -> None:
    desk.settings(inspection_moves_status=False)
    swap = {**TEE, "resolution": "InstantVariantExchange"}
    rma = desk.rma(swap, status="Received")
    register(desk, place, "RMA_STATUS_UPDATED", "SHIPMENT_STATUS_UPDATED", "TRANSACTION_CREATED", "REFUND_CREATED")

    desk.act(rma, "inspect", {rma["returned_item_ids"][0]: {"returned": True}})
    desk.act(rma, "release-exchange")
    desk.act(rma, "comment", {"html": "Called the shopper"})

    assert not eventually(lambda: bool(place.bodies), seconds=0.2)


def test_anything_but_a_2xx_is_tried_again_until_it_lands(desk: PortalDesk, place: LandingPlace) -> None:
    place.answers = [500, 302]
    register(desk, place, "RMA_CREATED")

    desk.rma()

    assert eventually(lambda: len(desk.attempts()) == 3)
    assert [(each["attempt"], each["status"], each["gave_up"]) for each in desk.attempts()] == [
        (1, 500, False),
        (2, 302, False),
        (3, 200, False),
    ]
    assert len(set(place.bodies)) == 1


def test_after_the_last_try_the_portal_gives_up_for_good(desk: PortalDesk, place: LandingPlace) -> None:
    place.answers = [503] * 9
    register(desk, place, "RMA_CREATED")

    desk.rma()

    assert eventually(lambda: any(each["gave_up"] for each in desk.attempts()))
    assert len(place.bodies) == 3
    assert desk.control.get("/deliveries").json()["waiting"] is False


def test_an_address_where_nobody_listens_is_noted_with_its_error(desk: PortalDesk) -> None:
    desk.settings(webhook_retries=[])
    desk.api.post("/webhook", json={"url": "http://127.0.0.1:1/hook", "eventName": "RMA_CREATED"})

    desk.rma()

    assert eventually(lambda: len(desk.attempts()) == 1)
    assert (desk.attempts()[0]["status"], desk.attempts()[0]["error"]) == (None, "ConnectError")


def test_a_duplicated_delivery_lands_twice_with_the_same_bytes(desk: PortalDesk, place: LandingPlace) -> None:
    desk.settings(webhook_duplicated=1)
    register(desk, place, "RMA_CREATED")

    desk.rma()

    assert eventually(lambda: len(place.bodies) == 2)
    assert place.bodies[0] == place.bodies[1]


def test_a_lost_delivery_is_never_posted_but_the_oracle_knows(desk: PortalDesk, place: LandingPlace) -> None:
    desk.settings(webhook_lost=1)
    register(desk, place, "RMA_CREATED")

    desk.rma()

    assert [(each["error"], each["attempt"]) for each in desk.attempts()] == [("lost", 0)]
    assert not eventually(lambda: bool(place.bodies), seconds=0.1)


def test_a_reordered_delivery_may_land_after_a_later_one(desk: PortalDesk, place: LandingPlace) -> None:
    desk.settings(webhook_reordered=0.5, webhook_reorder_seconds=0.3)
    register(desk, place, "RMA_CREATED")

    made = [desk.rma()["rma_id"] for _ in range(6)]

    assert eventually(lambda: len(place.bodies) == 6)
    arrived = [news["eventData"]["rmaId"] for news in landed(place)]
    assert sorted(arrived) == made
    assert arrived != made


def test_registering_twice_delivers_twice(desk: PortalDesk, place: LandingPlace) -> None:
    register(desk, place, "RMA_CREATED", "RMA_CREATED")

    desk.rma()

    assert eventually(lambda: len(place.bodies) == 2)


def test_a_reset_world_posts_nothing_more(desk: PortalDesk, place: LandingPlace) -> None:
    desk.settings(webhook_delay=0.2)
    register(desk, place, "RMA_CREATED")
    desk.rma()

    desk.world.reset()

    assert not eventually(lambda: bool(place.bodies), seconds=0.4)
    assert desk.control.get("/state").json()["rmas"] == []


def test_the_controls_can_post_garbage_any_number_of_times(desk: PortalDesk, place: LandingPlace) -> None:
    bytes_ = b"\xff\xfenot json"
    order = {"url": place.url, "body_base64": base64.b64encode(bytes_).decode(), "times": 3, "content_type": "text/odd"}

    outcomes = desk.order("/deliver", **order)["outcomes"]

    assert [each["status"] for each in outcomes] == [200, 200, 200]
    assert place.bodies == [bytes_] * 3
    assert place.headers[0]["content-type"] == "text/odd"


def test_the_state_shows_everything_the_oracle_needs(desk: PortalDesk) -> None:
    rma = desk.rma(status="Received", auto_refund="received")
    desk.read(rma)

    state = desk.control.get("/state").json()

    assert state["rmas"][0]["rmaSummary"]["rmaId"] == rma["rma_id"]
    assert state["rmas"][0]["transactions"][0]["status"] == "Success"
    assert state["usage"][0]["calls"] == 1


def test_the_same_seed_loses_and_doubles_the_same_deliveries(place: LandingPlace) -> None:
    def fates(seed: int) -> list[tuple[str, str | None]]:
        desk = PortalDesk(seed)
        desk.settings(webhook_delay=0, webhook_lost=0.3, webhook_duplicated=0.3)
        register(desk, place, "RMA_CREATED")
        for _ in range(12):
            desk.rma()
        assert eventually(lambda: not desk.control.get("/deliveries").json()["waiting"])
        found = [(each["body"], each["error"]) for each in desk.attempts()]
        desk.close()
        return sorted(found, key=str)

    assert fates(7) == fates(7) != fates(8)


def test_tracking_news_and_the_in_transit_policy_follow_the_handover(desk: PortalDesk, place: LandingPlace) -> None:
    register(desk, place, "SHIPMENT_TRACKER_STATUS_UPDATED")
    rma = desk.rma(status="Approved", auto_refund="shipped")

    after = desk.act(rma, "ship")

    assert eventually(lambda: len(place.bodies) == 1)
    assert len(after["transaction_ids"]) == 1
    assert desk.comments(rma)[0].startswith(("Shipment <strong>IN TRANSIT", "Total refund"))
