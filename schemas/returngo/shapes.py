"""The shapes of ReturnGO's bodies, field by field. Source: its published schema and measured bodies."""

from __future__ import annotations

from decimal import Decimal

from schemas.json.fields import Currency, Identifier, Identifiers, Moment, Number, Part, Rows, Shape, Text, Truth, Word
from schemas.returns import (
    REFERENCE_KINDS,
    RESOLUTIONS,
    RETURN_METHODS,
    RETURN_STATUSES,
    SHIPMENT_STATUSES,
    TRANSACTION_KINDS,
    TRANSACTION_STATUSES,
)
from schemas.words import Words

#: The events that a decision reads, and those that a registration may name (ReturnGO's published schema).
EVENTS = Words("RMA_CREATED", "RMA_APPROVED", "RMA_RECEIVED", "RMA_STATUS_RECEIVED", "SHIPMENT_RECEIVED")


class MoneyShape(Shape):
    """An amount in the shopper's and in the shop's currency."""

    amount = Number("amount", required=True)
    currency = Currency("currency", required=True)
    shop_amount = Number("shopAmount", None)
    shop_currency = Currency("shopCurrency", "")


class MethodShape(Shape):
    """How the goods come back."""

    kind = Word("type", RETURN_METHODS)
    name = Text("name")


class InspectionShape(Shape):
    """What the warehouse found."""

    returned = Truth("isReturned", None)
    restockable = Truth("isRestockable", None)
    not_returned_reason = Text("nonReturnedReason")
    not_restockable_reason = Text("nonRestockableReason")
    location = Text("storeLocationId")
    at = Moment("lastValidationDate")
    third_party = Text("thirdPartyName")


class ExchangeItemShape(Shape):
    """What the shopper wants instead."""

    sku = Text("sku")
    variant_id = Identifier("variantId")
    quantity = Number("quantity", Decimal(1))
    effective = Part("effectivePrice", MoneyShape())
    catalogue = Part("catalogPrice", MoneyShape())


class ItemShape(Shape):
    """One physical unit."""

    returned_item_id = Identifier("returnedItemId", required=True)
    line_item_id = Identifier("shopLineItemId")
    variant_id = Identifier("variantId")
    sku = Text("sku")
    full_name = Text("fullName")
    product_name = Text("productName")
    paid = Part("paidPrice", MoneyShape(), required=True)
    tax = Part("paidTax", MoneyShape())
    tax_included = Truth("taxIncluded", required=True)
    reason = Text("returnReason")
    resolution = Word("resolutionType", RESOLUTIONS)
    restocking_fee = Number("restockingFee")
    return_fee = Number("returnFee")
    shipment_fee = Number("shipmentFee")
    shipment_id = Identifier("shipmentId")
    method = Part("returnMethod", MethodShape())
    inspection = Part("itemValidationStatusResponse", InspectionShape())
    exchange_items = Rows("exchangeItems", ExchangeItemShape())


class ShipmentShape(Shape):
    """A parcel."""

    shipment_id = Identifier("shipmentId", required=True)
    status = Word("status", SHIPMENT_STATUSES)
    outbound = Truth("isOutbound")


class TransactionShape(Shape):
    """A movement of money."""

    transaction_id = Identifier("id", required=True)
    kind = Word("type", TRANSACTION_KINDS, required=True)
    status = Word("status", TRANSACTION_STATUSES, required=True)
    amount = Part("amount", MoneyShape(), required=True)
    unit_ids = Identifiers("returnItemIds")
    reference = Identifier("externalReferenceId")
    reference_kind = Word("externalReferenceType", REFERENCE_KINDS)
    processor = Text("processor")
    created_at = Moment("createdAt")
    updated_at = Moment("lastUpdated")


class ExchangeOrderShape(Shape):
    """An exchange order or its draft."""

    draft_order_id = Identifier("draftOrderId")
    order_id = Identifier("orderId")
    name = Text("orderName")
    kind = Text("type")


class EventShape(Shape):
    """An entry of the event list."""

    name = Word("eventName", EVENTS)
    at = Moment("eventDate")


class CommentShape(Shape):
    """An entry of the timeline."""

    kind = Text("commentType")
    text = Text("htmlText")
    at = Moment("datetime")


class SummaryShape(Shape):
    """A row of the RMA list."""

    rma_id = Identifier("rmaId", required=True)
    status = Word("status", RETURN_STATUSES, required=True)
    order_name = Text("order_name")
    events = Rows("events", EventShape())


class OrderShape(Shape):
    """The order returned."""

    order_id = Identifier("orderId")
    order_name = Text("order_name")


class ReturnShape(Shape):
    """A whole RMA."""

    summary = Part("rmaSummary", SummaryShape(), required=True)
    order = Part("orderDetails", OrderShape())
    shipments = Rows("shipments", ShipmentShape())
    items = Rows("items", ItemShape())
    comments = Rows("comments", CommentShape())
    exchange_orders = Rows("exchangeOrders", ExchangeOrderShape())
    exchange_items = Rows("exchangeItems", ExchangeItemShape())
    transactions = Rows("transactions", TransactionShape())
    cancellation_fee = Number("cancellationFee")
    created_at = Moment("createdAt")
    out_of_policy = Truth("isOutOfPolicy")


class RmaListShape(Shape):
    """A page of the RMA list."""

    rows = Rows("rmas", SummaryShape(), required=True)
    next_cursor = Text("next_cursor")


class TransactionListShape(Shape):
    """A page of the transaction list."""

    rows = Rows("transactions", TransactionShape(), required=True)
    next_cursor = Text("next_cursor")


class WebhookShape(Shape):
    """A webhook registration."""

    webhook_id = Identifier("id")
    url = Text("url")
    event = Text("eventName")


class WebhookListShape(Shape):
    """The webhook registrations."""

    rows = Rows("webhooks", WebhookShape())
