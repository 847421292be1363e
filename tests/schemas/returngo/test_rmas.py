from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from schemas.money import Money
from schemas.returngo.rmas import (
    SchemaInvalidError,
    read_return,
    read_rma_list,
    read_transactions,
    read_webhooks,
    without_personal_data,
)
from tests.schemas.returngo.rma_bodies import comment, inspection, money, rma, transaction, unit


def errors_of(body: Any) -> dict[str, str]:
    with pytest.raises(SchemaInvalidError) as caught:
        read_return(body)
    return caught.value.errors


def test_a_whole_rma_is_read_from_its_bytes() -> None:
    found = read_return(json.dumps(rma()).encode())
    assert (found.rma_id, found.status, found.order_id, found.order_name) == (
        "5550001",
        "Received",
        "700000000001",
        "#1001",
    )
    assert found.units[0].paid == Money(Decimal("23.00"), "EUR")
    assert found.units[0].shop_paid == Money(Decimal("19.80"), "GBP")
    assert found.out_of_policy is False


def test_nine_units_of_one_line_stay_nine_units() -> None:
    found = read_return(rma(items=[unit(f"99000{n}") for n in range(9)]))
    assert len(found.units) == 9
    assert {u.line_item_id for u in found.units} == {"600001"}


def test_the_same_unit_twice_is_refused() -> None:
    assert "items[1].returnedItemId" in errors_of(rma(items=[unit("1"), unit("1")]))


def test_an_uninspected_unit_is_not_a_failed_one() -> None:
    assert read_return(rma()).units[0].inspection is None


def test_an_inspected_unit_says_what_was_found() -> None:
    seen = inspection("2026-03-05T10:00:00+00:00", returned=1, restockable=0)
    found = read_return(rma(items=[unit(itemValidationStatusResponse=seen)])).units[0].inspection
    assert found is not None
    assert (found.returned, found.restockable) == (True, False)


def test_an_inspection_without_its_verdict_is_refused_not_guessed() -> None:
    seen = inspection("2026-03-05T10:00:00+00:00", returned=None)
    errors = errors_of(rma(items=[unit(itemValidationStatusResponse=seen)]))
    assert "items[0].itemValidationStatusResponse.isReturned" in errors


def test_an_unreadable_price_names_the_field_and_the_fix() -> None:
    errors = errors_of(rma(items=[unit(), unit("2", paidPrice=money("a lot"))]))
    assert errors == {"items[1].paidPrice.amount": "'a lot' is not a number such as 12.50; send a number such as 12.50"}


def test_every_unreadable_field_is_named_at_once() -> None:
    errors = errors_of(rma(items=[unit(None), unit("2", taxIncluded="perhaps")], cancellationFee="free"))
    assert set(errors) == {"items[0].returnedItemId", "items[1].taxIncluded", "cancellationFee"}


def test_tax_may_be_missing_only_where_the_price_includes_it() -> None:
    assert read_return(rma(items=[unit(paidTax=None)])).units[0].tax == Money(Decimal(0), "EUR")
    assert [read_return(rma(items=[unit(**more)])).units[0].tax_told for more in ({}, {"paidTax": None})] == [
        True,
        False,
    ]
    assert "items[0].paidTax" in errors_of(rma(items=[unit(paidTax=None, taxIncluded=False)]))


def test_an_unknown_status_is_kept_as_text() -> None:
    summary = rma()["rmaSummary"] | {"status": "Teleported"}
    assert read_return(rma(rmaSummary=summary)).status == "Teleported"


def test_receipt_is_found_in_the_timeline_and_not_in_last_updated() -> None:
    assert read_return(rma()).received_at == datetime(2026, 3, 4, 9, tzinfo=UTC)


def test_a_merchant_who_types_received_has_not_received_anything() -> None:
    typed = comment("Shipment <strong>RECEIVED</strong>", kind="merchant")
    assert read_return(rma(comments=[typed])).received_at is None


@pytest.mark.parametrize(
    "text",
    ["Request SUBMITTED, original order #900", "Request <strong>SUBMITTED</strong>, original order <b>#900</b>"],
)
def test_the_original_order_of_a_returned_exchange_is_found(text: str) -> None:
    assert read_return(rma(comments=[comment(text)])).original_order == "#900"


def test_a_plain_submission_has_no_original_order() -> None:
    assert read_return(rma(comments=[comment("Request SUBMITTED")])).original_order == ""


def test_an_empty_exchange_order_id_means_it_is_not_released() -> None:
    draft = {"draftOrderId": "77", "orderId": "", "orderName": "#D26", "type": "Exchange"}
    assert read_return(rma(exchangeOrders=[draft])).exchange_orders[0].released is False


def test_lists_and_objects_may_be_null() -> None:
    empty = dict.fromkeys(("shipments", "items", "comments", "transactions", "exchangeOrders", "exchangeItems"))
    assert read_return(rma(**empty)).units == ()


def test_the_spendable_code_of_a_store_credit_is_never_kept() -> None:
    row = transaction(externalReferenceType="StoreCreditCode", externalReferenceId="SPEND-ME")
    assert read_return(rma(transactions=[row])).transactions[0].reference == ""
    assert "SPEND-ME" not in json.dumps(without_personal_data(rma(transactions=[row])))


def test_a_refund_id_is_kept_whether_number_or_text() -> None:
    assert read_return(rma()).transactions[0].reference == "912345"


def test_list_pages_carry_their_cursor() -> None:
    page = read_rma_list({"rmas": [{"rmaId": "RMA5550001", "status": "Done"}], "next_cursor": "abc"})
    assert (page.rows[0].rma_id, page.next_cursor) == ("5550001", "abc")
    assert read_transactions({"transactions": [transaction()], "next_cursor": None}).next_cursor == ""


def test_a_list_without_its_rows_is_not_an_empty_list() -> None:
    with pytest.raises(SchemaInvalidError, match="rmas: missing"):
        read_rma_list({"message": "hello"})


def test_webhooks_are_read_from_a_bare_list_too() -> None:
    row = {"id": 1, "url": "https://x.invalid", "eventName": "RMA_CREATED"}
    assert read_webhooks([row]) == read_webhooks({"webhooks": [row]})


@pytest.mark.parametrize("body", [b"[]", b"null", b'"x"', b"3"])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    assert "send a JSON object" in errors_of(body)[""]


def test_what_is_stored_names_no_shopper() -> None:
    typed = comment("Ring Ada on 0123", kind="merchant")
    told = comment("Exchange invoice sent to ada@example.invalid with R590.00 left to pay")
    kept = json.dumps(without_personal_data(rma(comments=[typed, told])))
    secrets = (
        "Ada",
        "Lovelace",
        "Analytical",
        "ada@",
        "London",
        "GB00TEST",
        "labels.invalid",
        "DP1",
        "too tight",
        "0123",
    )
    assert [word for word in secrets if word in kept] == []


def test_what_is_stored_still_explains_money_and_stock() -> None:
    kept = without_personal_data(rma())
    assert kept["items"][0]["sku"] == "TEE-BLK-M"
    assert kept["items"][0]["returnMethod"] == {"type": "Ship with any carrier", "name": "By post"}
    assert kept["comments"][0]["htmlText"] == "Shipment <strong>RECEIVED</strong>"
    assert kept["transactions"][0]["externalReferenceId"] == 912345
    assert read_return(kept) == read_return(rma())
