"""RMAs as JSON with the oddities of real bodies; tidy none of them."""

from datetime import UTC, datetime

from sandbox.returngo.money import wire_number
from sandbox.returngo.records import (
    Comment,
    ExchangeItem,
    ExchangeOrder,
    Inspection,
    Rma,
    RmaEvent,
    Shipment,
    Transaction,
    Unit,
)


def stamp(moment: datetime) -> str:
    """ISO 8601 to the second, always with +00:00."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def summary(rma: Rma) -> dict[str, object]:
    """A row of the list and the head of the detail: no money, no items, no time of change."""
    return {
        "rmaId": rma.rma_id,
        "status": rma.status,
        "order_name": rma.order_name,
        "events": [_event(each) for each in rma.events],
    }


def detail(rma: Rma, transactions: list[Transaction], *, include_media: bool = False) -> dict[str, object]:
    """The full body of one RMA; personal data sits in shipment addresses and only there."""
    return {
        "rmaSummary": summary(rma),
        "orderDetails": {"orderId": rma.order_id, "order_name": rma.order_name},
        "shipments": [shipment(each, rma) for each in rma.shipments],
        "items": [_item(each, rma, include_media=include_media) for each in rma.units],
        "comments": [_comment(each) for each in _newest_first(rma.comments)],
        "exchangeOrders": [_exchange_order(each) for each in rma.exchange_orders],
        "exchangeItems": [_exchange_item(each) for each in rma.exchange_items],
        "cancellationFee": wire_number(rma.cancellation_fee),
        "transactions": [transaction(each) for each in transactions],
        "createdAt": stamp(rma.created_at),
        "lastUpdated": stamp(rma.last_updated),
        "isOutOfPolicy": int(rma.out_of_policy),
    }


def shipment(parcel: Shipment, rma: Rma) -> dict[str, object]:
    """A parcel; the return address carries the shopper's e-mail, as real bodies do."""
    return {
        "shipmentId": parcel.shipment_id,
        "status": parcel.status,
        "carrierName": parcel.carrier,
        "requestedServiceLevel": parcel.service_level,
        "actualServiceLevel": parcel.service_level,
        "trackingNumber": parcel.tracking_number,
        "trackingURL": parcel.tracking_url,
        "labelURL": parcel.label_url,
        "customerAddress": _customer_address(rma),
        "returnAddress": _return_address(rma),
        "isOutbound": parcel.outbound,
    }


def transaction(row: Transaction) -> dict[str, object]:
    """A money movement: an integer id, and neither RMA nor order to join it by."""
    return {
        "id": row.number,
        "type": row.kind,
        "externalReferenceId": row.external_id,
        "externalReferenceType": row.external_type,
        "amount": row.amount.wire(),
        "status": row.status,
        "processor": row.processor,
        "bankAccountDetails": row.bank,
        "returnItemIds": list(row.unit_ids),
        "createdAt": stamp(row.created_at),
        "lastUpdated": stamp(row.last_updated),
    }


def _event(event: RmaEvent) -> dict[str, object]:
    return {
        "eventName": event.name,
        "eventDate": stamp(event.at),
        "triggeredVia": event.via,
        "storeLocationId": "online",
        "userDetails": None if event.via == "Return Portal" else _user(),
    }


def _user() -> dict[str, object]:
    return {
        "userFirstName": "Robin",
        "userLastName": "Ward",
        "userEmailAddress": "robin@merchant.example",
        "userRole": "Owner",
    }


def _item(unit: Unit, rma: Rma, *, include_media: bool) -> dict[str, object]:
    body: dict[str, object] = {
        "returnedItemId": unit.returned_item_id,
        "shopLineItemId": unit.line_item_id,
        "shopProductId": unit.product_id,
        "variantId": unit.variant_id,
        "sku": unit.sku,
        "fullName": " - ".join(filter(None, (unit.product_name, unit.variant_name))),
        "productName": unit.product_name,
        "image": f"https://cdn.shop.example/{unit.product_id}.jpg",
        "paidPrice": unit.paid_price.wire(),
        "paidTax": unit.paid_tax.wire(),
        "taxIncluded": unit.tax_included,
        "returnReason": unit.reason,
        "extendedReason": unit.extended_reason,
        "followUpQuestions": _questions(unit, include_media=include_media),
        "resolutionName": unit.resolution,
        "resolutionType": unit.resolution,
        "policyRuleName": "Default policy",
        "isAutoApprove": int(unit.auto_approved),
        "restockingFee": wire_number(unit.restocking_fee),
        "returnFee": wire_number(unit.return_fee),
        "shipmentFee": wire_number(unit.shipment_fee),
        "shipmentId": unit.shipment_id,
        "returnMethod": {"type": rma.method_type, "name": rma.method_name},
        "itemValidationStatusResponse": _inspection(unit.inspection),
        "exchangeItems": [_exchange_item(each) for each in unit.exchange_items],
    }
    if unit.variant_name is not None:
        body["variantName"] = unit.variant_name
    if unit.barcode is not None:
        body["barcode"] = unit.barcode
    return body


def _questions(unit: Unit, *, include_media: bool) -> list[dict[str, object]]:
    if not unit.media:
        return []
    urls = [f"https://media.portal.example/{unit.returned_item_id}?expires=900"] if include_media else []
    answer = {"mediaAnswer": urls} if urls else {}
    return [{"type": "Media", "name": "Please add a photo", "answer": answer}]


def _inspection(verdict: Inspection | None) -> dict[str, object]:
    """An uninspected unit reads like one that failed; only the date tells them apart."""
    returned = verdict is not None and verdict.returned
    restockable = verdict is not None and verdict.restockable
    reason = verdict.reason if verdict is not None else ""
    return {
        "isReturned": returned,
        "isRestockable": restockable,
        "nonReturnedReason": reason if verdict is not None and not returned else None,
        "nonRestockableReason": reason if returned and not restockable else None,
        "storeLocationId": "online" if verdict is not None else None,
        "lastValidationDate": stamp(verdict.at) if verdict is not None else None,
        "lastValidatedBy": verdict.by if verdict is not None else None,
        "thirdPartyName": None,
        "userDetails": _user() if verdict is not None else None,
    }


def _exchange_item(item: ExchangeItem) -> dict[str, object]:
    return {
        "productId": item.product_id,
        "variantId": item.variant_id,
        "quantity": item.quantity,
        "sku": item.sku,
        "itemPriceMethod": "PaidPrice",
        "freeExchangePriceRange": {"min": 0, "max": 0},
        "catalogPrice": item.catalog_price.wire(),
        "effectivePrice": item.effective_price.wire(),
    }


def _exchange_order(order: ExchangeOrder) -> dict[str, object]:
    return {
        "draftOrderId": order.draft_order_id,
        "orderId": order.order_id,
        "orderName": order.order_name,
        "type": order.kind,
    }


def _comment(comment: Comment) -> dict[str, object]:
    return {
        "commentType": comment.kind,
        "triggeredBy": comment.triggered_by,
        "htmlText": comment.html,
        "datetime": stamp(comment.at),
    }


def _newest_first(comments: list[Comment]) -> list[Comment]:
    return sorted(comments, key=lambda each: each.at)[::-1]


def _customer_address(rma: Rma) -> dict[str, object]:
    who = rma.shopper
    return {
        "name": who.name,
        "street1": who.street,
        "street2": "",
        "city": who.city,
        "state": "",
        "zip": who.postcode,
        "country": who.country,
        "phone": who.phone,
        "email": who.email,
    }


def _return_address(rma: Rma) -> dict[str, object]:
    return {
        "name": "Returns",
        "street1": "1 Dock Road",
        "street2": "",
        "city": "Leeds",
        "state": "",
        "zip": "LS1 1AA",
        "country": "GB",
        "phone": "",
        "email": rma.shopper.email,
    }
