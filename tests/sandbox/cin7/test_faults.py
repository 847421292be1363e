from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.sandbox.cin7.desk import CREDENTIALS, NEW, VAT
from tests.sandbox_server import ROOT, SandboxHandle, running_sandbox
from tests.waiting import BOUND, until


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxHandle]:
    with running_sandbox(seed=5, quota=100_000) as handle:
        yield handle


@pytest.fixture
def world(server: SandboxHandle) -> SandboxHandle:
    server.control.post("/reset", json={}).raise_for_status()
    server.control.patch("/settings", json={"error_shape": "array"}).raise_for_status()
    return server


def order(world: SandboxHandle, **fault: Any) -> None:
    world.control.post("/faults", json={"system": "cin7", **fault}).raise_for_status()


def call(world: SandboxHandle, method: str, path: str, body: Any = None, read: float = BOUND) -> httpx.Response:
    patience = httpx.Timeout(BOUND, read=read)
    with httpx.Client(base_url=world.cin7_url, headers=CREDENTIALS, timeout=patience, trust_env=False) as client:
        return client.request(method, path, json=body)


def advanced_sale(world: SandboxHandle) -> dict[str, Any]:
    lines = [{"sku": "TEE-BLK-M", "quantity": "2", "price": "30"}]
    spec = {"order_name": "#1", "kind": "Advanced Sale", "lines": lines}
    built: dict[str, Any] = world.control.post("/sales", json=spec).json()
    return built


def note(sale: dict[str, Any]) -> dict[str, Any]:
    line = {"SKU": "TEE-BLK-M", "Name": "Tee", "Quantity": 1, "Price": 30, "Tax": 6, "Total": 30, "TaxRule": VAT}
    return {
        "SaleID": sale["sale_id"], "TaskID": NEW, "CombineAdditionalCharges": False, "Status": "AUTHORISED",
        "CreditNoteInvoiceNumber": sale["invoices"][0]["number"], "CreditNoteDate": "2026-03-20", "Lines": [line],
    }  # fmt: skip


def notes_kept(world: SandboxHandle) -> int:
    return len(world.control.get("/books").json()["credit_notes"])


@pytest.mark.parametrize(
    ("kind", "kept"), [("timeout_before", 0), ("timeout_after", 1), ("reset_before", 0), ("reset_after", 1)]
)
def test_a_cut_connection_says_nothing_about_what_was_kept(world: SandboxHandle, kind: str, kept: int) -> None:
    sale = advanced_sale(world)
    order(world, kind=kind, method="POST", path="creditnote", seconds=0.1)
    with pytest.raises(httpx.TransportError):
        call(world, "POST", "sale/creditnote", note(sale))
    assert notes_kept(world) == kept
    logged = world.control.get("/calls?path=creditnote").json()[-1]
    assert (logged["fault"], logged["status"]) == (kind, 0)


def test_a_caller_gives_up_before_the_hang_ends(world: SandboxHandle) -> None:
    order(world, kind="timeout_after", path="me", seconds=1.0)
    with pytest.raises(httpx.ReadTimeout):
        call(world, "GET", "me", read=0.2)


@pytest.mark.parametrize(("kind", "kept"), [("status_before", 0), ("status_after", 1)])
def test_an_error_status_may_come_before_or_after_the_work(world: SandboxHandle, kind: str, kept: int) -> None:
    sale = advanced_sale(world)
    order(world, kind=kind, method="post", path="creditnote", status=502, form="html")
    answer = call(world, "POST", "sale/creditnote", note(sale))
    assert (answer.status_code, answer.text.startswith("<!DOCTYPE")) == (502, True)
    assert notes_kept(world) == kept


@pytest.mark.parametrize(("kind", "kept"), [("html_200_before", 0), ("html_200_after", 1), ("empty_200_after", 1)])
def test_a_200_proves_nothing(world: SandboxHandle, kind: str, kept: int) -> None:
    sale = advanced_sale(world)
    order(world, kind=kind, method="POST")
    answer = call(world, "POST", "sale/creditnote", note(sale))
    assert answer.status_code == 200
    assert not answer.text.startswith("{")
    assert notes_kept(world) == kept


def test_an_answer_may_stop_half_way(world: SandboxHandle) -> None:
    sale = advanced_sale(world)
    order(world, kind="truncated_after", method="POST")
    with pytest.raises(httpx.RemoteProtocolError):
        call(world, "POST", "sale/creditnote", note(sale))
    assert notes_kept(world) == 1


def test_a_slow_drip_keeps_every_single_read_alive_but_never_ends_well(world: SandboxHandle) -> None:
    order(world, kind="slow_drip", path="/me", seconds=3.0)
    started = time.monotonic()
    with pytest.raises(httpx.RemoteProtocolError):
        call(world, "GET", "me", read=2.5)
    assert time.monotonic() - started > 2.5


def test_a_wrong_echo_shows_the_ids_of_a_stranger(world: SandboxHandle) -> None:
    sale = advanced_sale(world)
    order(world, kind="wrong_echo", method="POST")
    answer = call(world, "POST", "sale/creditnote", note(sale)).json()
    assert answer["SaleID"] != sale["sale_id"]
    assert notes_kept(world) == 1


def test_a_late_commit_arrives_after_the_error(world: SandboxHandle) -> None:
    sale = advanced_sale(world)
    order(world, kind="late_commit", method="POST", status=500, seconds=2.0, times=1)
    assert call(world, "POST", "sale/creditnote", note(sale)).status_code == 500
    assert notes_kept(world) == 0
    until("the late commit is there", lambda: notes_kept(world) == 1)


def test_a_stale_read_does_not_see_the_last_write(world: SandboxHandle) -> None:
    sale = advanced_sale(world)
    order(world, kind="stale_reads", path="creditnote", seconds=60)
    call(world, "POST", "sale/creditnote", note(sale))
    path = f"sale/creditnote?SaleID={sale['sale_id']}"
    assert call(world, "GET", path).json()["CreditNotes"] == []
    world.control.post("/clock", json={"advance_seconds": 61})
    assert len(call(world, "GET", path).json()["CreditNotes"]) == 1


def test_availability_may_lag_behind_the_books(world: SandboxHandle) -> None:
    world.control.patch("/settings", json={"availability_lag_seconds": 600}).raise_for_status()
    sale = advanced_sale(world)
    back = [{"SKU": "TEE-BLK-M", "Quantity": 1}]
    call(world, "POST", "sale/creditnote", note(sale) | {"Restock": back})

    def on_hand() -> float:
        rows = call(world, "GET", "ref/productavailability?Sku=TEE-BLK-M").json()["ProductAvailabilityList"]
        return float(sum(row["OnHand"] for row in rows))

    assert on_hand() == 40
    world.control.post("/clock", json={"advance_seconds": 601})
    assert on_hand() == 41


@pytest.mark.parametrize(("form", "status"), [("429", 429), ("503", 503), ("400", 400)])
def test_someone_else_may_have_used_the_quota(world: SandboxHandle, form: str, status: int) -> None:
    order(world, kind="throttle", form=form, times=1)
    refused = call(world, "GET", "me")
    assert (refused.status_code, "calls per 60 seconds" in refused.text) == (status, True)
    assert call(world, "GET", "me").status_code == 200


def test_a_redirect_and_a_passing_403_are_played_once(world: SandboxHandle) -> None:
    order(world, kind="redirect", nth=1)
    order(world, kind="auth_403", nth=1)
    assert [call(world, "GET", "me").status_code for _ in range(3)] == [302, 403, 200]


def test_a_rule_counts_how_often_it_fired(world: SandboxHandle) -> None:
    order(world, kind="status_before", every=2, path="saleList")
    codes = [call(world, "GET", "saleList").status_code for _ in range(4)]
    assert codes == [200, 500, 200, 500]
    (rule,) = world.control.get("/faults").json()
    assert (rule["seen"], rule["fired"]) == (4, 2)


def test_a_seeded_probability_repeats_itself(world: SandboxHandle) -> None:
    runs = []
    for _ in range(2):
        world.control.delete("/faults")
        order(world, kind="status_before", probability="0.5", seed=3)
        runs.append([call(world, "GET", "me").status_code for _ in range(12)])
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 500}


@pytest.mark.parametrize("form", ["text", "html"])
def test_an_outage_of_writes_leaves_every_read_alone(world: SandboxHandle, form: str) -> None:
    sale = advanced_sale(world)
    order(world, kind="status_before", method="writes", status=503, form=form)
    for _ in range(3):
        assert call(world, "POST", "/sale/creditnote", note(sale)).status_code == 503
        assert call(world, "PUT", "/webhooks", {}).status_code == 503
        assert call(world, "GET", f"/sale/creditnote?SaleID={sale['sale_id']}").status_code == 200
    assert notes_kept(world) == 0
    world.control.delete("/faults")
    assert call(world, "POST", "/sale/creditnote", note(sale)).status_code == 200


def test_an_outage_ends_by_itself_after_the_seconds_it_lasts(world: SandboxHandle) -> None:
    order(world, kind="status_before", status=503, lasts=0.5)
    assert call(world, "GET", "/me").status_code == 503
    time.sleep(0.6)
    assert call(world, "GET", "/me").status_code == 200
    assert [rule["fired"] for rule in world.control.get("/faults").json()] == [1]


def test_an_unknown_fault_is_refused_with_the_known_kinds(world: SandboxHandle) -> None:
    answer = world.control.post("/faults", json={"kind": "explode"})
    assert answer.status_code == 400
    assert "timeout_after" in answer.json()["error"]


def test_control_is_never_faulted_nor_logged(world: SandboxHandle) -> None:
    order(world, kind="status_before")
    assert world.control.get("/clock").status_code == 200
    assert world.control.get("/calls").json() == []


def test_the_world_is_stopped_by_the_one_who_started_it() -> None:
    with running_sandbox(empty=True) as handle:
        assert handle.control.get("/books").json()["sales"] == []
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{handle.base_url}/healthz", trust_env=False)


def test_a_rule_may_strike_the_authorising_step_only(world: SandboxHandle) -> None:
    sale = advanced_sale(world)
    order(world, kind="status_after", body='"Status": ?"AUTHORISED"', times=1)
    assert call(world, "POST", "sale/creditnote", note(sale) | {"Status": "DRAFT"}).status_code == 200
    assert call(world, "POST", "sale/creditnote", note(sale)).status_code == 500
    assert notes_kept(world) == 2


def test_calls_are_read_on_from_the_last_one_seen(world: SandboxHandle) -> None:
    for _ in range(3):
        call(world, "GET", "me")
    assert [row["seq"] for row in world.control.get("/calls?after=1").json()] == [2, 3]


def test_the_world_stops_when_the_process_that_wanted_it_is_gone() -> None:
    parent = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    command = [sys.executable, "-m", "sandbox", "--empty", "--parent-pid", str(parent.pid)]
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        parent.communicate(b"\n")
        assert child.wait(timeout=BOUND) == 0
    finally:
        child.kill()
        child.wait()
