"""The practice portal as a process of its own, under faults, with webhooks landing over real sockets."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.sandbox.returngo.desk import CREDENTIALS, KEY, SHOP, TEE, eventually
from tests.sandbox.returngo.landing_place import landing_place
from tests.sandbox_server import SandboxHandle, running_sandbox
from tests.waiting import BOUND

pytestmark = pytest.mark.flow


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxHandle]:
    with running_sandbox(empty=True) as handle:
        yield handle


@pytest.fixture
def world(server: SandboxHandle) -> Iterator[SandboxHandle]:
    server.control.post("/reset").raise_for_status()
    server.control.post("/returngo/shops", json={"shop_name": SHOP, "api_key": KEY}).raise_for_status()
    yield server
    server.control.post("/reset").raise_for_status()


@pytest.fixture
def api(world: SandboxHandle) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=world.returngo_url, headers=CREDENTIALS, trust_env=False, timeout=BOUND) as api:
        yield api


def build(world: SandboxHandle, **more: Any) -> dict[str, Any]:
    answer = world.control.post("/returngo/rmas", json={"order_name": "#1001", "units": [TEE], **more})
    answer.raise_for_status()
    return dict(answer.json())


def test_from_registration_to_nudge_to_the_receipt_written_back(world: SandboxHandle, api: httpx.Client) -> None:
    with landing_place() as place:
        world.control.patch("/returngo/settings", json={"webhook_delay": 0}).raise_for_status()
        api.post("/webhook", json={"url": place.url, "eventName": "RMA_STATUS_UPDATED"}).raise_for_status()

        rma = build(world, status="Approved", auto_refund="received")
        assert eventually(lambda: len(place.bodies) == 1)
        api.put(f"/shipment/{rma['shipment_ids'][0]}", json={"status": "Received"}).raise_for_status()

        assert eventually(lambda: len(place.bodies) == 2)
        body = api.get(f"/rma/{rma['rma_id']}").json()
        assert body["rmaSummary"]["status"] == "Received"
        assert body["transactions"][0]["returnItemIds"] == rma["returned_item_ids"]


def test_a_comment_may_be_written_although_its_answer_never_arrived(world: SandboxHandle, api: httpx.Client) -> None:
    rma = build(world)
    fault = {"system": "returngo", "method": "POST", "path": "/comment", "nth": 1, "kind": "reset_after"}
    world.control.post("/faults", json=fault).raise_for_status()

    with pytest.raises(httpx.TransportError):
        api.post(f"/rma/{rma['rma_id']}/comment", json={"htmlText": "Stock is back"})

    comments = api.get(f"/rma/{rma['rma_id']}").json()["comments"]
    assert [each["htmlText"] for each in comments].count("Stock is back") == 1


def test_the_call_log_knows_every_call_of_the_shop_and_which_were_throttled(
    world: SandboxHandle, api: httpx.Client
) -> None:
    world.control.patch("/returngo/settings", json={"daily_quota": 1}).raise_for_status()

    statuses = [api.get("/rmas?pagesize=1").status_code for _ in range(2)]

    calls = world.control.get("/calls", params={"system": "returngo"}).json()
    rows = calls["calls"] if isinstance(calls, dict) else calls
    assert statuses == [200, 429]
    assert [(row["caller"], row["throttled"]) for row in rows] == [(SHOP, False), (SHOP, True)]


def test_moving_the_worlds_clock_settles_refunds(world: SandboxHandle, api: httpx.Client) -> None:
    world.control.patch("/returngo/settings", json={"refund_settles": 10_800}).raise_for_status()
    rma = build(world, status="Received", auto_refund="received")

    world.control.post("/clock", json={"advance_seconds": 10_801}).raise_for_status()

    assert api.get(f"/rma/{rma['rma_id']}").json()["transactions"][0]["status"] == "Success"


def test_a_reset_forgets_the_portal(world: SandboxHandle, api: httpx.Client) -> None:
    build(world)

    world.control.post("/reset").raise_for_status()

    assert api.get("/rmas?pagesize=1").status_code == 401
