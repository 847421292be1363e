"""ReturnGO's JSON as values. Shapes: ReturnGO's published schema and 305 bodies measured by integrators."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from schemas.json.fields import SchemaInvalidError, load, parse
from schemas.json.privacy import without_personal_data
from schemas.misfits import load_list
from schemas.money import Money, zero
from schemas.returngo.shapes import ReturnShape, RmaListShape, ShipmentShape, TransactionListShape, WebhookListShape
from schemas.returns import (
    SAFE_REFERENCES,
    ExchangeItem,
    ExchangeOrder,
    Inspection,
    Return,
    Shipment,
    Transaction,
    Unit,
)

__all__ = [
    "RmaPage",
    "RmaSummary",
    "SchemaInvalidError",
    "TransactionPage",
    "WebhookRegistration",
    "read_return",
    "read_rma_list",
    "read_shipment",
    "read_transactions",
    "read_webhooks",
    "without_personal_data",
]

_RECEIVED_EVENTS = frozenset({"SHIPMENT_RECEIVED", "RMA_RECEIVED", "RMA_STATUS_RECEIVED"})
_TAG = re.compile(r"<[^<>]*>")
_RECEIVED_TEXT = re.compile(r"^Shipment\s+RECEIVED\b", re.IGNORECASE)
_ORIGINAL_ORDER = re.compile(r"^Request\s+SUBMITTED,\s*original\s+order:?\s+(\S+)", re.IGNORECASE)

#: What the two lists are called where a row of them is told of.
RMA_LIST, TRANSACTION_LIST = "the RMA list", "the transaction list"

_RETURN, _RMA_LIST, _TRANSACTION_LIST = ReturnShape(), RmaListShape(), TransactionListShape()
_SHIPMENT, _WEBHOOK_LIST = ShipmentShape(), WebhookListShape()


@dataclass(frozen=True, slots=True)
class RmaSummary:
    """One row of the RMA list: no money, no items, no change time. `created_at` comes from its event list."""

    rma_id: str
    status: str
    order_name: str
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RmaPage:
    """One page of the RMA list; an empty cursor means the last page."""

    rows: tuple[RmaSummary, ...]
    next_cursor: str


@dataclass(frozen=True, slots=True)
class TransactionPage:
    """One page of the transaction list; an empty cursor means the last page."""

    rows: tuple[Transaction, ...]
    next_cursor: str


@dataclass(frozen=True, slots=True)
class WebhookRegistration:
    """One webhook as ReturnGO keeps it: one event for one URL. The URL may hold a token: never log it."""

    webhook_id: str
    url: str
    event: str


def _whole(body: bytes | str | dict[str, Any]) -> Any:
    return parse(body) if isinstance(body, bytes | str) else body


def read_return(body: bytes | str | dict[str, Any]) -> Return:
    """One RMA as ReturnGO's detail call gives it. Unknown statuses are kept as text. Raises SchemaInvalidError."""
    data = load(_RETURN, _whole(body), "the RMA")
    summary, order = data["summary"], data["order"] or {}
    units = tuple(_unit(item, f"items[{n}]") for n, item in enumerate(data["items"]))
    _refuse_twins(units)
    return Return(
        rma_id=bare_rma_id(summary["rma_id"]),
        status=summary["status"],
        order_id=order.get("order_id", ""),
        order_name=order.get("order_name", "") or summary["order_name"],
        units=units,
        shipments=tuple(_shipment(row) for row in data["shipments"]),
        transactions=tuple(_transaction(row) for row in data["transactions"]),
        exchange_orders=tuple(ExchangeOrder(**row) for row in data["exchange_orders"]),
        exchange_items=tuple(_exchange_item(row) for row in data["exchange_items"]),
        cancellation_fee=data["cancellation_fee"],
        created_at=data["created_at"] or _created(summary["events"]),
        approved_at=_earliest(e["at"] for e in summary["events"] if e["name"] == "RMA_APPROVED"),
        received_at=_received_at(data["comments"], summary["events"]),
        original_order=_original_order(data["comments"]),
        out_of_policy=data["out_of_policy"],
    )


def bare_rma_id(text: str) -> str:
    """The number without the "RMA" that people see in front of it."""
    return re.sub(r"^RMA[\s#-]*", "", text.strip(), flags=re.IGNORECASE)


def read_rma_list(body: bytes | str | dict[str, Any]) -> RmaPage:
    """One page of the RMA list. Raises SchemaInvalidError; a poll goes on without the rows that do not fit."""
    data = load_list(_RMA_LIST, _whole(body), RMA_LIST, "rmas")
    rows = tuple(
        RmaSummary(bare_rma_id(r["rma_id"]), r["status"], r["order_name"], _created(r["events"])) for r in data["rows"]
    )
    return RmaPage(rows, data["next_cursor"])


def read_transactions(body: bytes | str | dict[str, Any]) -> TransactionPage:
    """One page of the transaction list. Rows carry no RMA: join by `unit_ids`. Raises SchemaInvalidError."""
    data = load_list(_TRANSACTION_LIST, _whole(body), TRANSACTION_LIST, "transactions")
    return TransactionPage(tuple(_transaction(row) for row in data["rows"]), data["next_cursor"])


def read_shipment(data: Any) -> Shipment:
    """One shipment as the shipment call answers. Raises SchemaInvalidError."""
    return _shipment(load(_SHIPMENT, data, "the shipment"))


def read_webhooks(data: Any) -> tuple[WebhookRegistration, ...]:
    """The webhook registrations, from a bare list or under `webhooks`. Raises SchemaInvalidError."""
    whole = {"webhooks": data} if isinstance(data, list) else data
    rows = load(_WEBHOOK_LIST, whole, "the webhook list")["rows"]
    return tuple(WebhookRegistration(**row) for row in rows)


def _unit(item: dict[str, Any], path: str) -> Unit:
    paid = _presentment(item["paid"])
    method = item["method"] or {}
    return Unit(
        returned_item_id=item["returned_item_id"],
        line_item_id=item["line_item_id"],
        sku=item["sku"],
        name=item["full_name"] or item["product_name"],
        paid=paid,
        tax=_unit_tax(item, paid, path),
        tax_included=item["tax_included"],
        shop_paid=_shop_money(item["paid"]) or paid,
        reason=item["reason"],
        resolution=item["resolution"],
        variant_id=item["variant_id"],
        shipment_id=item["shipment_id"],
        method=method.get("kind", ""),
        method_name=method.get("name", ""),
        restocking_fee=item["restocking_fee"],
        return_fee=item["return_fee"],
        shipment_fee=item["shipment_fee"],
        inspection=_inspection(item["inspection"], path),
        exchange_items=tuple(_exchange_item(row) for row in item["exchange_items"]),
        tax_told=item["tax"] is not None,
    )


def _unit_tax(item: dict[str, Any], paid: Money, path: str) -> Money:
    if item["tax"] is not None:
        return _presentment(item["tax"])
    if not item["tax_included"]:
        raise SchemaInvalidError({f"{path}.paidTax": "missing though taxIncluded is false; send the tax"})
    return zero(paid.currency)


def _presentment(data: dict[str, Any]) -> Money:
    return Money(data["amount"], data["currency"])


def _shop_money(data: dict[str, Any]) -> Money | None:
    if data["shop_amount"] is None or not data["shop_currency"]:
        return None
    return Money(data["shop_amount"], data["shop_currency"])


def _inspection(data: dict[str, Any] | None, path: str) -> Inspection | None:
    if data is None or data["at"] is None:
        return None
    path = f"{path}.itemValidationStatusResponse"
    for name, key in (("returned", "isReturned"), ("restockable", "isRestockable")):
        if data[name] is None:
            raise SchemaInvalidError({f"{path}.{key}": "missing though the unit was inspected; send true or false"})
    return Inspection(
        returned=data["returned"],
        restockable=data["restockable"],
        at=data["at"],
        not_returned_reason=data["not_returned_reason"],
        not_restockable_reason=data["not_restockable_reason"],
        location=data["location"],
        by=data["third_party"],
    )


def _exchange_item(data: dict[str, Any]) -> ExchangeItem:
    price = data["effective"] or data["catalogue"]
    quantity = int(data["quantity"])
    return ExchangeItem(data["sku"], data["variant_id"], quantity, _presentment(price) if price else None)


def _shipment(data: dict[str, Any]) -> Shipment:
    return Shipment(data["shipment_id"], data["status"], data["outbound"])


def _transaction(data: dict[str, Any]) -> Transaction:
    safe = data["reference_kind"] in SAFE_REFERENCES
    return Transaction(
        transaction_id=data["transaction_id"],
        kind=data["kind"],
        status=data["status"],
        amount=_presentment(data["amount"]),
        unit_ids=tuple(data["unit_ids"]),
        reference=data["reference"] if safe else "",
        reference_kind=data["reference_kind"],
        created_at=data["created_at"],
        updated_at=data["updated_at"],
        shop_amount=_shop_money(data["amount"]),
        processor=data["processor"],
    )


def _refuse_twins(units: tuple[Unit, ...]) -> None:
    seen: set[str] = set()
    for n, unit in enumerate(units):
        if unit.returned_item_id in seen:
            raise SchemaInvalidError({f"items[{n}].returnedItemId": "appears twice; each physical unit needs its own"})
        seen.add(unit.returned_item_id)


def _earliest(moments: Iterable[datetime | None]) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)


def _created(events: list[dict[str, Any]]) -> datetime | None:
    return _earliest(e["at"] for e in events if e["name"] == "RMA_CREATED")


def _system_texts(comments: list[dict[str, Any]]) -> list[tuple[str, datetime | None]]:
    """What the platform itself wrote: a merchant may type the same words."""
    texts = [(_TAG.sub(" ", c["text"]), c["at"]) for c in comments if c["kind"].lower() not in {"merchant", "error"}]
    return [(" ".join(text.split()).replace(" ,", ","), at) for text, at in texts]


def _received_at(comments: list[dict[str, Any]], events: list[dict[str, Any]]) -> datetime | None:
    told = [at for text, at in _system_texts(comments) if _RECEIVED_TEXT.match(text)]
    return _earliest(told) or _earliest(e["at"] for e in events if e["name"] in _RECEIVED_EVENTS)


def _original_order(comments: list[dict[str, Any]]) -> str:
    for text, _ in _system_texts(comments):
        found = _ORIGINAL_ORDER.match(text)
        if found:
            return found.group(1).rstrip(".,;")
    return ""
