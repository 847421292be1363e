from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.sandbox.cin7.desk import DAY, Desk


def transfer(desk: Desk, **changes: Any) -> dict[str, Any]:
    return {
        "Status": "COMPLETED", "From": desk.location("Main Warehouse"), "To": desk.location("Quarantine"),
        "CompletionDate": DAY, "Reference": "RG-1/q", "Lines": [{"SKU": "SOCK-3PK", "TransferQuantity": 2}], **changes,
    }  # fmt: skip


def write_off(**changes: Any) -> dict[str, Any]:
    return {
        "Status": "COMPLETED", "Location": "Main Warehouse", "Account": "403", "EffectiveDate": DAY,
        "Notes": "RG-1 key",
        "Lines": [{"ProductCode": "SOCK-3PK", "Quantity": 3}], **changes,
    }  # fmt: skip


def adjustment(quantity: int, **changes: Any) -> dict[str, Any]:
    counted = {"SKU": "SOCK-3PK", "Quantity": quantity, "UnitCost": 3.33, "Location": "Main Warehouse"}
    return {
        "EffectiveDate": DAY, "Status": "COMPLETED", "Account": "403", "Reference": "RG-1/adj", "UpdateOnHand": True,
        "Lines": [counted], **changes,
    }  # fmt: skip


def test_an_adjustment_sets_the_new_absolute_quantity(desk: Desk) -> None:
    answer = desk.post("stockadjustment", adjustment(97))
    assert answer["ExistingStockLines"][0]["QuantityOnHand"] == 100
    assert answer["ExistingStockLines"][0]["Adjustment"] == 97
    assert desk.on_hand("SOCK-3PK") == 97
    assert desk.balance("403") == Decimal("9.99")


def test_an_adjustment_that_changes_nothing_is_refused(desk: Desk) -> None:
    text = desk.refusal("POST", "stockadjustment", adjustment(100))
    assert "no need to create Stock Adjustment." in text


def test_without_update_on_hand_the_quantity_means_available(desk: Desk) -> None:
    desk.sale(lines=[{"sku": "SOCK-3PK", "quantity": "4"}], ship=False, invoice_status=None)
    desk.post("stockadjustment", adjustment(90, UpdateOnHand=False))
    (row,) = desk.get("ref/productavailability", Sku="SOCK-3PK")["ProductAvailabilityList"]
    assert (row["OnHand"], row["Allocated"], row["Available"]) == (94, 4, 90)


def test_a_draft_adjustment_moves_nothing(desk: Desk) -> None:
    task = desk.post("stockadjustment", adjustment(1, Status="DRAFT"))["TaskID"]
    assert desk.on_hand("SOCK-3PK") == 100
    body = adjustment(1, TaskID=task)
    assert desk.ask("PUT", "stockadjustment", body).status_code == 200
    assert desk.on_hand("SOCK-3PK") == 1


def test_the_adjustment_list_knows_no_search_and_returns_everything(desk: Desk) -> None:
    desk.post("stockadjustment", adjustment(99))
    desk.post("stockadjustment", adjustment(98, Reference="other"))
    assert desk.get("stockadjustmentList", Search="nothing like it")["Total"] == 2


def test_an_adjustment_is_taken_back_by_the_parameter_id(desk: Desk) -> None:
    task = desk.post("stockadjustment", adjustment(90))["TaskID"]
    assert "ID is not provided" in desk.refusal("DELETE", "stockadjustment", TaskID=task)
    assert desk.ask("DELETE", "stockadjustment", ID=task, Void="true").json()["Status"] == "VOIDED"
    assert desk.on_hand("SOCK-3PK") == 100


def test_a_transfer_moves_a_delta_at_its_cost(desk: Desk) -> None:
    desk.post("stockTransfer", transfer(desk))
    rows = desk.get("ref/productavailability", Sku="SOCK-3PK", Location="Quarantine")["ProductAvailabilityList"]
    assert [(row["OnHand"], row["StockOnHand"]) for row in rows] == [(2, Decimal("6.66"))]


def test_too_much_is_refused_with_ten_decimals(desk: Desk) -> None:
    lines = [{"SKU": "SOCK-3PK", "TransferQuantity": 2}]
    there = transfer(desk, From=desk.location("Leeds"), Lines=lines)
    text = desk.refusal("POST", "stockTransfer", there)
    assert "Available quantity for product (SKU: SOCK-3PK) is 0.0000000000, cannot transfer 2" in text


def test_promised_stock_cannot_be_moved_away(desk: Desk) -> None:
    desk.sale(lines=[{"sku": "SOCK-3PK", "quantity": "99"}], ship=False, invoice_status=None)
    assert "is 1.0000000000" in desk.refusal("POST", "stockTransfer", transfer(desk))


def test_the_same_sku_twice_is_refused(desk: Desk) -> None:
    twice = [{"SKU": "SOCK-3PK", "TransferQuantity": 1}] * 2
    assert "duplicated" in desk.refusal("POST", "stockTransfer", transfer(desk, Lines=twice))


def test_a_transfer_finds_a_bin_by_guid_only(desk: Desk) -> None:
    named = transfer(desk, To=None, ToLocation="Quarantine: Q-01")
    text = desk.refusal("POST", "stockTransfer", named)
    assert "Location 'Quarantine: Q-01' was not found in Locations reference book" in text
    (cage,) = [row for row in desk.get("ref/location")["LocationList"] if row["Name"] == "Quarantine"]
    assert desk.post("stockTransfer", transfer(desk, To=cage["Bins"][0]["ID"]))["Status"] == "COMPLETED"


def test_completing_a_transfer_in_transit_ignores_a_changed_quantity(desk: Desk) -> None:
    task = desk.post("stockTransfer", transfer(desk, Status="IN TRANSIT", InTransitAccount="631"))["TaskID"]
    changed = transfer(desk, TaskID=task, Lines=[{"SKU": "SOCK-3PK", "TransferQuantity": 50}])
    assert desk.ask("PUT", "stockTransfer", changed).status_code == 200
    assert desk.on_hand("SOCK-3PK", "Quarantine") == 2


def test_a_transfer_is_read_by_task_id_only(desk: Desk) -> None:
    task = desk.post("stockTransfer", transfer(desk))["TaskID"]
    assert desk.get("stockTransfer", TaskID=task)["Reference"] == "RG-1/q"
    desk.refusal("GET", "stockTransfer", ID=task)


def test_a_transfer_is_found_by_its_reference(desk: Desk) -> None:
    desk.post("stockTransfer", transfer(desk))
    desk.post("stockTransfer", transfer(desk, Reference="other"))
    assert desk.get("stockTransferList", Search="rg-1/Q")["Total"] == 1


def test_a_transfer_whose_goods_have_left_cannot_be_voided(desk: Desk) -> None:
    task = desk.post("stockTransfer", transfer(desk))["TaskID"]
    desk.post("inventoryWriteOff", write_off(Location="Quarantine", Lines=[{"ProductCode": "SOCK-3PK", "Quantity": 1}]))
    assert "cannot transfer" in desk.refusal("DELETE", "stockTransfer", ID=task, Void="true")


def test_a_write_off_removes_a_delta_at_cost(desk: Desk) -> None:
    answer = desk.post("inventoryWriteOff", write_off())
    assert (answer["Status"], answer["TotalCost"], answer["Errors"]) == ("COMPLETED", Decimal("9.99"), [])
    assert (desk.on_hand("SOCK-3PK"), desk.balance("403")) == (97, Decimal("9.99"))


def test_a_short_write_off_answers_200_with_errors_and_leaves_a_draft(desk: Desk) -> None:
    answer = desk.post("inventoryWriteOff", write_off(Location="Leeds"))
    assert answer["Status"] == "DRAFT"
    assert "cannot write off 3" in answer["Errors"][0]
    assert desk.get("inventoryWriteOffList", Status="DRAFT")["Total"] == 1
    assert desk.on_hand("SOCK-3PK") == 100


def test_a_write_off_is_found_by_its_notes(desk: Desk) -> None:
    desk.post("inventoryWriteOff", write_off())
    rows = desk.get("inventoryWriteOffList", Search="RG-1 key")["InventoryWriteOffs"]
    assert [row["Notes"] for row in rows] == ["RG-1 key"]


def test_a_write_off_names_its_lines_by_product_code(desk: Desk) -> None:
    lines = [{"SKU": "SOCK-3PK", "Quantity": 1}]
    assert "was not found" in desk.refusal("POST", "inventoryWriteOff", write_off(Lines=lines))


def test_a_write_off_needs_an_account(desk: Desk) -> None:
    assert "Account is not provided" in desk.refusal("POST", "inventoryWriteOff", write_off(Account=None))
    assert "Account with specified ID not found" in desk.refusal("POST", "inventoryWriteOff", write_off(Account="9"))


def test_a_voided_write_off_brings_the_goods_back(desk: Desk) -> None:
    task = desk.post("inventoryWriteOff", write_off())["TaskID"]
    desk.ask("DELETE", "inventoryWriteOff", ID=task, Void="true")
    assert (desk.on_hand("SOCK-3PK"), desk.balance("403")) == (100, 0)


def test_availability_has_one_row_per_bin_and_batch_and_its_stock_on_hand_is_money(desk: Desk) -> None:
    rows = desk.get("ref/productavailability", Sku="TEE-BLK-M")["ProductAvailabilityList"]
    assert [(row["Bin"], row["OnHand"], row["StockOnHand"]) for row in rows] == [
        (None, 40, 376),
        ("A-01", 2, Decimal("18.8")),
    ]


def test_the_availability_of_a_kit_is_what_its_components_make(desk: Desk) -> None:
    (row,) = desk.get("ref/productavailability", Sku="GIFT-SET")["ProductAvailabilityList"]
    assert (row["OnHand"], row["Available"]) == (0, 40)


def test_selling_a_kit_takes_its_components(desk: Desk) -> None:
    desk.sale(lines=[{"sku": "GIFT-SET", "quantity": "1", "price": "60"}])
    assert (desk.on_hand("TEE-BLK-M"), desk.on_hand("CAP-NVY"), desk.on_hand("SOCK-3PK")) == (41, 39, 98)


def test_a_drop_shipped_line_never_touches_own_stock(desk: Desk) -> None:
    before = desk.balance("630")
    desk.sale(lines=[{"sku": "TEE-BLK-M", "quantity": "1", "drop_ship": True}, {"sku": "POSTER-DS", "quantity": "1"}])
    assert (desk.on_hand("TEE-BLK-M"), desk.balance("630")) == (42, before)


@pytest.mark.parametrize(("setting", "rows"), [("present", 1), ("omitted", 0)])
def test_an_empty_slot_may_or_may_not_have_a_row(desk: Desk, setting: str, rows: int) -> None:
    desk.set(zero_rows=setting)
    desk.post("stockadjustment", adjustment(0))
    assert desk.get("ref/productavailability", Sku="SOCK-3PK")["Total"] == rows


def test_movements_tell_sales_and_restocks_apart(desk: Desk) -> None:
    sale = desk.sale()
    desk.post("sale/creditnote", desk.note(sale))
    (product,) = desk.get("product", Sku="TEE-BLK-M", IncludeMovements="true")["Products"]
    moved = [(row["Type"], row["Quantity"]) for row in product["Movements"]]
    assert moved == [("Sale", -2), ("Restock", 1)]


def test_a_batch_is_counted_under_its_own_expiry(desk: Desk) -> None:
    counted = {"SKU": "SERUM-30", "Quantity": 18, "UnitCost": 12.5, "Location": "Main Warehouse", "BatchSN": "LOT-A1"}
    answer = desk.post("stockadjustment", adjustment(0, Lines=[counted]))
    assert answer["ExistingStockLines"][0]["QuantityOnHand"] == 20
    assert desk.on_hand("SERUM-30") == 33


def test_an_adjustment_whose_goods_have_left_cannot_be_voided(desk: Desk) -> None:
    task = desk.post("stockadjustment", adjustment(110))["TaskID"]
    lines = [{"ProductCode": "SOCK-3PK", "Quantity": 105}]
    desk.post("inventoryWriteOff", write_off(Lines=lines))
    assert "cannot be negative" in desk.refusal("DELETE", "stockadjustment", ID=task, Void="true")


def test_the_shop_channel_moves_returned_goods_on_by_a_transfer(desk: Desk) -> None:
    sale = desk.sale()
    desk.control("POST", f"/sales/{sale['sale_id']}/foreign-credit-note", {"restock_location": "Returns Cage"})
    (moved,) = desk.get("stockTransferList")["StockTransferList"]
    assert (moved["FromLocation"], moved["ToLocation"], moved["Status"]) == (
        "Main Warehouse",
        "Returns Cage",
        "COMPLETED",
    )
    assert (desk.on_hand("TEE-BLK-M"), desk.on_hand("TEE-BLK-M", "Returns Cage")) == (40, 2)


def test_a_thing_without_stock_is_restocked_without_effect(desk: Desk) -> None:
    sale = desk.sale(lines=[{"sku": "CARD-THX", "quantity": "1", "price": "2"}])
    before = desk.balance("630")
    back = [{"SKU": "CARD-THX", "Quantity": 1, "Location": "Main Warehouse"}]
    desk.post("sale/creditnote", desk.note(sale, Lines=[], Restock=back))
    assert desk.balance("630") == before
