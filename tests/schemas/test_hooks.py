from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.hooks import RETURN, SALE, SHIPMENT, STOCK, SWEEP, TRANSACTION, Nudge, read_hook
from schemas.json.fields import SchemaInvalidError

SALE_ID = "0a1b2c3d-1111-4222-8333-444455556666"


def hook(source: str, body: Any, topic: str = "") -> Nudge:
    return read_hook(source, topic, json.dumps(body).encode())


@pytest.mark.parametrize(
    "body",
    [
        {"rmaId": "5550001"},
        {"rmaId": 5550001},
        {"rma_id": "RMA5550001"},
        {"RMA_ID": "rma5550001"},
        {"eventName": "RMA_CREATED", "data": {"rmaId": "5550001", "shipmentId": "8"}},
        {"event": {"eventName": "RMA_CREATED", "rma": {"id": 5550001}}},
        {"payload": {"data": {"rma": {"rmaId": "5550001"}}}},
        {"eventName": "RMA_CREATED", "eventData": {"rmaId": "5550001", "shipmentId": "8", "status": "Approved"}},
        {"eventName": "RMA_CREATED", "rmaEventData": {"id": 5550001, "user": {"id": 3}}},
        {"events": [{"details": {"rmaId": "5550001"}}]},
        {"rmaSummary": {"rmaId": "5550001"}},
        {"rma": 5550001},
        {"data": {"rmaIds": ["5550001"]}},
        {"eventName": "RMA_STATUS_UPDATED", "data": {"id": "5550001"}},
        [{"rmaId": "5550001"}, {"rmaId": 5550001}],
    ],
)
def test_an_rma_id_is_found_wherever_it_may_be(body: Any) -> None:
    nudge = hook("returngo", body)
    assert (nudge.kind, nudge.ids) == (RETURN, ("5550001",))


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"eventName": "SHIPMENT_STATUS_UPDATED", "data": {"shipmentId": 880001}}, SHIPMENT),
        ({"eventName": "SHIPMENT_CREATED", "data": {"id": "880001"}}, SHIPMENT),
        ({"eventName": "TRANSACTION_CREATED", "transaction": {"id": 880001}}, TRANSACTION),
    ],
)
def test_without_an_rma_id_the_parcel_or_the_money_is_named(body: Any, kind: str) -> None:
    nudge = hook("returngo", body)
    assert (nudge.kind, nudge.ids) == (kind, ("880001",))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"eventName": "RMA_CREATED"},
        {"id": "77", "eventName": "RMA_CREATED"},
        {"rmaId": None},
        {"rmaId": "../../transactions"},
        {"rmaId": "1 OR 1=1"},
        {"rmaId": True},
        {"rmaId": {"deep": 1}},
        {"eventName": "RMA_CREATED", "user": {"id": 3}, "return": "yes"},
        {"a": {"b": {"c": {"d": {"e": {"rmaId": "5550001"}}}}}},
    ],
)
def test_without_a_usable_id_the_shop_is_swept(body: Any) -> None:
    assert hook("returngo", body).kind == SWEEP


@pytest.mark.parametrize("body", [b"", b"rmaId=5", b"<xml/>", b"[1]", b"3", b'"x"', b"\xff", b"[" * 5000])
@pytest.mark.parametrize("source", ["returngo", "cin7"])
def test_an_unreadable_body_is_refused(source: str, body: bytes) -> None:
    with pytest.raises(SchemaInvalidError):
        read_hook(source, "t", body)


def test_a_credit_note_hook_is_read_despite_upper_case_and_trailing_spaces() -> None:
    body = {
        "SaleID": SALE_ID.upper(),
        "SaleOrderNumber": "SO-20411 ",
        "CreditNoteNumber": "CR-00731 ",
        "TaskID": "5C5C5C5C-0000-4000-8000-000000000009",
        "EventType": "Sale/CreditNoteAuthorised",
    }
    nudge = hook("cin7", body)
    assert (nudge.kind, nudge.ids, nudge.order_number) == (SALE, (SALE_ID,), "SO-20411")
    assert nudge.task_id == "5c5c5c5c-0000-4000-8000-000000000009"


def test_a_shipment_hook_names_only_the_task_and_the_order() -> None:
    nudge = hook("cin7", {"SaleTaskID": SALE_ID.upper(), "OrderNumber": "SO-1", "EventType": "Sale/ShipmentAuthorised"})
    assert (nudge.kind, nudge.ids, nudge.task_id, nudge.order_number) == (SALE, (), SALE_ID, "SO-1")


def test_a_stock_hook_is_a_bare_list_of_availability() -> None:
    row = {
        "ID": SALE_ID.upper(),
        "SKU": "TEE-BLK-M",
        "Location": "Main",
        "Bin": None,
        "OnHand": 4,
        "Available": "-38.0",
    }
    nudge = hook("cin7", [row], "Stock/AvailableStockLevelChanged")
    assert (nudge.kind, nudge.rows[0].sku, str(nudge.rows[0].available)) == (STOCK, "TEE-BLK-M", "-38.0")


def test_a_cin7_hook_that_names_no_sale_starts_a_sweep() -> None:
    assert hook("cin7", {"NumberOfProducts": 3}, "Product/Updated") == Nudge(SWEEP, event="Product/Updated")


def test_an_unknown_source_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="use returngo or cin7"):
        read_hook("loop", "", b"{}")
