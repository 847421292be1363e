"""ReturnGO bodies for tests, made up; each call gives a fresh one."""

from __future__ import annotations

from typing import Any


def money(amount: Any = 23.0, currency: str = "EUR", shop: Any = "19.80", shop_currency: str = "GBP") -> dict[str, Any]:
    return {"amount": str(amount), "currency": currency, "shopAmount": shop, "shopCurrency": shop_currency}


def unit(returned_item_id: Any = "990001", **changes: Any) -> dict[str, Any]:
    body = {
        "returnedItemId": returned_item_id,
        "shopLineItemId": "600001",
        "variantId": "500001",
        "sku": "TEE-BLK-M",
        "productName": "Tee black",
        "paidPrice": money("23.00"),
        "paidTax": money("3.83", shop="3.30"),
        "taxIncluded": True,
        "returnReason": "Does not fit",
        "extendedReason": "My size > too tight, call me",
        "followUpQuestions": [{"type": "Text", "name": "Why?", "answer": {"textAnswer": "I am Ada"}}],
        "resolutionType": "RefundToPaymentMethod",
        "isAutoApprove": 1,
        "restockingFee": 0,
        "shipmentId": "880001",
        "returnMethod": {"type": "Ship with any carrier", "name": "By post"},
        "itemValidationStatusResponse": inspection(None),
        "exchangeItems": [],
    }
    return body | changes


def inspection(at: str | None, returned: Any = False, restockable: Any = False) -> dict[str, Any]:
    return {
        "isReturned": returned,
        "isRestockable": restockable,
        "nonReturnedReason": None,
        "nonRestockableReason": None,
        "storeLocationId": None,
        "lastValidationDate": at,
        "lastValidatedBy": "Ada Lovelace",
    }


def comment(text: str, at: str = "2026-03-04T09:00:00+00:00", kind: str = "system") -> dict[str, Any]:
    return {"commentType": kind, "triggeredBy": "Ada Lovelace", "htmlText": text, "datetime": at}


def rma(**changes: Any) -> dict[str, Any]:
    address = {"name": "Ada Lovelace", "street1": "1 Analytical Row", "city": "London", "email": "ada@example.invalid"}
    body = {
        "rmaSummary": {
            "rmaId": "5550001",
            "status": "Received",
            "order_name": "#1001",
            "events": [
                {"eventName": "RMA_CREATED", "eventDate": "2026-03-01T08:00:00+00:00", "userDetails": None},
                {
                    "eventName": "RMA_APPROVED",
                    "eventDate": "2026-03-01T09:00:00+00:00",
                    "userDetails": {"userFirstName": "Ada", "userEmailAddress": "ada@example.invalid"},
                },
            ],
        },
        "orderDetails": {"orderId": 700000000001, "order_name": "#1001"},
        "shipments": [
            {
                "shipmentId": "880001",
                "status": "Received",
                "trackingNumber": "DP1",
                "labelURL": "https://labels.invalid/1",
                "isOutbound": False,
                "customerAddress": address,
                "returnAddress": address,
            }
        ],
        "items": [unit()],
        "comments": [comment("Shipment <strong>RECEIVED</strong>")],
        "transactions": [transaction()],
        "exchangeOrders": [],
        "exchangeItems": [],
        "cancellationFee": 0,
        "isOutOfPolicy": 0,
        "createdAt": "2026-03-01T08:00:00+00:00",
        "lastUpdated": "2026-03-01T09:00:00+00:00",
    }
    return body | changes


def transaction(**changes: Any) -> dict[str, Any]:
    body = {
        "id": 4400001,
        "type": "RefundToPaymentMethod",
        "status": "Requested",
        "externalReferenceType": "PlatformRefundId",
        "externalReferenceId": 912345,
        "amount": money("23.00"),
        "processor": "Shopify",
        "bankAccountDetails": {"iban": "GB00TEST", "firstName": "Ada"},
        "returnItemIds": ["990001"],
        "createdAt": "2026-03-02T08:00:00+00:00",
    }
    return body | changes
