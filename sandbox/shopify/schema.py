"""The part of the Admin schema that inventory clients read, as plain functions over the store."""

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.shopify.document import GraphqlError
from sandbox.shopify.inventory import activate, set_quantities
from sandbox.shopify.store import Level, Store

Arguments = Mapping[str, Any]
Resolver = Callable[[Any, Arguments, Store], Any]
#: A backslash takes the next character as it is, between quotes of either kind and outside.
_TERM = re.compile(r"""(\w+):(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|((?:[^\s()"'\\]|\\.)+))""")
_LARGEST_PAGE = 250


@dataclass(frozen=True)
class FieldRule:
    """How a field is read, and the type of what it gives (None: a scalar)."""

    resolve: Resolver
    of: str | None = None


@dataclass(frozen=True)
class Connection:
    """One page of a list."""

    nodes: Sequence[Any]
    start: int
    has_next: bool


@dataclass(frozen=True)
class Item:
    """An inventory item, known by its id and SKU."""

    gid: str
    sku: str
    tracked: bool


def page(rows: Sequence[Any], arguments: Arguments) -> Connection:
    """`first` (required, at most 250) rows after the cursor."""
    first = arguments.get("first")
    if not isinstance(first, int) or not 1 <= first <= _LARGEST_PAGE:
        raise GraphqlError(f"you must provide `first` between 1 and {_LARGEST_PAGE}", "BAD_REQUEST")
    start = _position(arguments.get("after"))
    return Connection(rows[start : start + first], start, start + first < len(rows))


def _position(cursor: object) -> int:
    if not isinstance(cursor, str) or not cursor:
        return 0
    try:
        return int(base64.b64decode(cursor, validate=True)) + 1
    except ValueError:
        raise GraphqlError("Invalid cursor for current pagination sort.", "BAD_REQUEST") from None


def _cursor(position: int) -> str:
    return base64.b64encode(str(position).encode()).decode()


def _searched(rows: Sequence[Any], query: object) -> list[Any]:
    """`sku:` terms joined by OR; a search without any finds everything."""
    terms = [(name, double or single or bare) for name, double, single, bare in _TERM.findall(str(query or ""))]
    skus = {re.sub(r"\\(.)", r"\1", value).casefold() for name, value in terms if name == "sku"}
    return [row for row in rows if not skus or row.sku.casefold() in skus]


def _attribute(name: str) -> FieldRule:
    return FieldRule(lambda thing, _arguments, _store: getattr(thing, name))


def _quantities(level: Level, arguments: Arguments, _store: Store) -> list[dict[str, object]]:
    amounts = {"available": level.available, "on_hand": level.on_hand, "committed": level.committed}
    names = [str(name) for name in arguments.get("names", [])]
    return [{"name": name, "quantity": amounts.get(name, 0), "updatedAt": level.updated_at} for name in names]


def _items(store: Store) -> list[Item]:
    return [Item(each.item_gid, each.sku, each.tracked) for each in store.variants.values()]


def _item(store: Store, gid: object) -> Item | None:
    return next((item for item in _items(store) if item.gid == gid), None)


def _key(name: str) -> FieldRule:
    return FieldRule(lambda thing, _arguments, _store: thing.get(name))


def _connection(kind: str) -> dict[str, dict[str, FieldRule]]:
    def edges(connection: Connection, _arguments: Arguments, _store: Store) -> list[dict[str, object]]:
        return [
            {"node": node, "cursor": _cursor(connection.start + index)} for index, node in enumerate(connection.nodes)
        ]

    return {
        f"{kind}Connection": {
            "nodes": FieldRule(lambda connection, _arguments, _store: connection.nodes, kind),
            "edges": FieldRule(edges, f"{kind}Edge"),
            "pageInfo": FieldRule(_page_info, "PageInfo"),
        },
        f"{kind}Edge": {"node": FieldRule(lambda edge, _a, _s: edge["node"], kind), "cursor": _key("cursor")},
    }


def _page_info(connection: Connection, _arguments: Arguments, _store: Store) -> dict[str, object]:
    last = connection.start + len(connection.nodes) - 1
    return {
        "hasNextPage": connection.has_next,
        "hasPreviousPage": connection.start > 0,
        "startCursor": _cursor(connection.start) if connection.nodes else None,
        "endCursor": _cursor(last) if connection.nodes else None,
    }


_SET_PAYLOAD = {
    "inventoryAdjustmentGroup": FieldRule(lambda payload, _a, _s: payload.get("group"), "InventoryAdjustmentGroup"),
    "userErrors": FieldRule(lambda payload, _a, _s: payload["userErrors"], "UserError"),
}

SCHEMA: dict[str, dict[str, FieldRule]] = {
    "query": {
        "productVariants": FieldRule(
            lambda _r, a, store: page(_searched(list(store.variants.values()), a.get("query")), a),
            "ProductVariantConnection",
        ),
        "products": FieldRule(lambda _r, a, store: page(list(store.products.values()), a), "ProductConnection"),
        "inventoryItems": FieldRule(
            lambda _r, a, store: page(_searched(_items(store), a.get("query")), a), "InventoryItemConnection"
        ),
        "locations": FieldRule(lambda _r, a, store: page(list(store.locations.values()), a), "LocationConnection"),
        "location": FieldRule(lambda _r, a, store: store.locations.get(str(a.get("id"))), "Location"),
        "productVariant": FieldRule(lambda _r, a, store: store.variants.get(str(a.get("id"))), "ProductVariant"),
        "inventoryItem": FieldRule(lambda _r, a, store: _item(store, a.get("id")), "InventoryItem"),
    },
    "mutation": {
        "inventorySetQuantities": FieldRule(
            lambda _r, a, store: set_quantities(store, a), "InventorySetQuantitiesPayload"
        ),
        "inventoryActivate": FieldRule(lambda _r, a, store: activate(store, a), "InventoryActivatePayload"),
    },
    "Product": {
        "id": _attribute("gid"),
        "title": _attribute("title"),
        "variants": FieldRule(lambda product, a, _s: page(product.variants, a), "ProductVariantConnection"),
    },
    "ProductVariant": {
        "id": _attribute("gid"),
        "sku": _attribute("sku"),
        "title": _attribute("title"),
        "product": FieldRule(lambda variant, _a, _s: variant.product, "Product"),
        "inventoryItem": FieldRule(lambda variant, _a, store: _item(store, variant.item_gid), "InventoryItem"),
        "inventoryQuantity": FieldRule(
            lambda variant, _a, store: sum(level.available for level in store.levels_of(variant.item_gid))
        ),
    },
    "InventoryItem": {
        "id": _attribute("gid"),
        "sku": _attribute("sku"),
        "tracked": _attribute("tracked"),
        "inventoryLevel": FieldRule(
            lambda item, a, store: store.levels.get((item.gid, str(a.get("locationId")))), "InventoryLevel"
        ),
        "inventoryLevels": FieldRule(
            lambda item, a, store: page(store.levels_of(item.gid), a), "InventoryLevelConnection"
        ),
    },
    "InventoryLevel": {
        "id": FieldRule(lambda level, _a, _s: level.location_gid.replace("Location", "InventoryLevel")),
        "location": FieldRule(lambda level, _a, store: store.locations[level.location_gid], "Location"),
        "item": FieldRule(lambda level, _a, store: _item(store, level.item_gid), "InventoryItem"),
        "quantities": FieldRule(_quantities, "InventoryQuantity"),
        "updatedAt": _attribute("updated_at"),
    },
    "Location": {"id": _attribute("gid"), "name": _attribute("name"), "isActive": _attribute("active")},
    "InventoryQuantity": {name: _key(name) for name in ("name", "quantity", "updatedAt")},
    "PageInfo": {name: _key(name) for name in ("hasNextPage", "hasPreviousPage", "startCursor", "endCursor")},
    "InventorySetQuantitiesPayload": _SET_PAYLOAD,
    "InventoryActivatePayload": {
        "inventoryLevel": FieldRule(lambda payload, _a, _s: payload.get("level"), "InventoryLevel"),
        "userErrors": FieldRule(lambda payload, _a, _s: payload["userErrors"], "UserError"),
    },
    "InventoryAdjustmentGroup": {
        **{name: _key(name) for name in ("id", "reason", "createdAt", "referenceDocumentUri")},
        "changes": FieldRule(lambda group, _a, _s: group["changes"], "InventoryChange"),
    },
    "InventoryChange": {name: _key(name) for name in ("name", "delta", "quantityAfterChange")},
    "UserError": {name: _key(name) for name in ("field", "message", "code")},
    **_connection("ProductVariant"),
    **_connection("Product"),
    **_connection("InventoryItem"),
    **_connection("InventoryLevel"),
    **_connection("Location"),
}
