"""Cin7 Core bodies for tests, made up; each call gives a fresh one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

SALE_ID = "0a1b2c3d-1111-4222-8333-444455556666"
PRODUCT_ID = "7f000000-0000-4000-8000-0000000000b1"
LOCATION_ID = "7f000000-0000-4000-8000-0000000000aa"


def line(**changes: Any) -> dict[str, Any]:
    body = {
        "ProductID": PRODUCT_ID.upper(),
        "SKU": "TEE-BLK-M",
        "Name": "Tee black M",
        "Quantity": Decimal("2.0000"),
        "Price": 30,
        "Discount": "0.00",
        "Tax": Decimal("10.0"),
        "Total": 60,
        "AverageCost": Decimal("9.4"),
        "TaxRule": "20% (VAT on Income)",
        "Account": "200",
        "Comment": None,
        "ProductLength": 0,
        "WeightUnits": "kg",
    }
    return body | changes


def placeholder() -> dict[str, Any]:
    return {
        "TaskID": SALE_ID,
        "CreditNoteInvoiceNumber": "",
        "Status": "NOT AVAILABLE",
        "CreditNoteDate": None,
        "CreditNoteNumber": None,
        "CreditNoteConversionRate": Decimal("1.0"),
        "Lines": [],
        "AdditionalCharges": [],
        "Restock": None,
        "Refunds": [],
    }


def note(**changes: Any) -> dict[str, Any]:
    stock = {"ProductID": PRODUCT_ID, "SKU": "TEE-BLK-M", "Quantity": 1, "LocationID": LOCATION_ID.upper()}
    body = {
        "TaskID": SALE_ID.upper(),
        "CreditNoteInvoiceNumber": "INV-19002",
        "Memo": "RMA 77 RL-0123456789ab",
        "Status": "AUTHORISED",
        "CreditNoteDate": "2026-03-20T00:00:00",
        "CreditNoteNumber": "CR-00731",
        "CreditNoteConversionRate": 1,
        "Lines": [line(Quantity=1, Tax=5, Total=30)],
        "AdditionalCharges": [],
        "Restock": [stock | {"RestockLocationID": LOCATION_ID, "BatchSN": " ", "ExpiryDate": None}],
    }
    return body | changes


def sale(**changes: Any) -> dict[str, Any]:
    pick = {
        "ProductID": PRODUCT_ID,
        "SKU": "TEE-BLK-M",
        "LocationID": LOCATION_ID.upper(),
        "Quantity": 2,
        "BatchSN": None,
    }
    body = {
        "ID": SALE_ID.upper(),
        "Type": "Simple Sale",
        "Customer": "Ada Lovelace",
        "CustomerReference": "#5501",
        "ExternalID": None,
        "Status": "COMPLETED",
        "BaseCurrency": "GBP",
        "CustomerCurrency": "EUR",
        "CurrencyRate": "0.86",
        "TaxCalculation": "Inclusive",
        "Carrier": " ",
        "SaleOrderDate": "2017-01-27T00:00:00Z",
        "LastModifiedOn": "2026-03-05T08:11:38.02Z",
        "Order": {"SaleOrderNumber": "SO-20411", "Status": "FULFILLED", "Lines": [line()], "AdditionalCharges": None},
        "Fulfilments": [
            {
                "TaskID": SALE_ID,
                "FulfillmentNumber": 1,
                "FulFilmentStatus": "FULFILLED",
                "Pick": {"Status": "AUTHORISED", "Lines": [pick]},
                "Ship": {"Status": "AUTHORISED", "Lines": [{"IsShipped": 1}]},
            }
        ],
        "Invoices": [
            {
                "TaskID": SALE_ID,
                "InvoiceNumber": "INV-19002",
                "Status": "PAID",
                "InvoiceDate": "2026-03-03T00:00:00",
                "CurrencyConversionRate": "0.86",
                "LinkedFulfillmentNumber": "1",
                "Lines": [line()],
                "AdditionalCharges": [
                    {"Description": "Shipping - Standard", "Price": 6, "Quantity": 1, "Tax": 1, "Total": 6}
                ],
                "TotalBeforeTax": 55,
                "Tax": 11,
                "Total": 66,
            }
        ],
        "CreditNotes": [placeholder()],
        "InventoryMovements": [{"TaskID": SALE_ID, "ProductID": PRODUCT_ID, "Date": None, "COGS": -4500}],
    }
    return body | changes
