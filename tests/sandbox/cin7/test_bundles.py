"""Bundles in the practice Cin7: picked in parts or assembled, and what a sale's movements say about their cost."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.sandbox.cin7.desk import Desk


def sold(desk: Desk, sku: str) -> Any:
    sale = desk.send("POST", "/control/sales", json={"order_name": "#1", "lines": [{"sku": sku, "quantity": "2"}]})
    return desk.get("sale", ID=sale.json()["sale_id"])


def picked(sale: Any) -> dict[str, Decimal]:
    return {line["SKU"]: line["Quantity"] for line in sale["Fulfilments"][0]["Pick"]["Lines"]}


def test_a_bundle_is_picked_in_its_parts_though_the_invoice_sells_the_whole(desk: Desk) -> None:
    sale = sold(desk, "WINTER-SET")
    assert picked(sale) == {"SCARF-WOL": 2, "CAP-NVY": 4}
    assert [line["SKU"] for line in sale["Invoices"][0]["Lines"]] == ["WINTER-SET"]


def test_an_assembled_product_is_picked_as_itself(desk: Desk) -> None:
    assert picked(sold(desk, "GIFT-SET")) == {"GIFT-SET": 2}


def test_each_movement_names_its_product_and_its_negative_cost(desk: Desk) -> None:
    sale = sold(desk, "WINTER-SET")
    products = {line["ProductID"] for line in sale["Fulfilments"][0]["Pick"]["Lines"]}
    assert {row["ProductID"] for row in sale["InventoryMovements"]} == products
    assert all(row["COGS"] < 0 for row in sale["InventoryMovements"])
