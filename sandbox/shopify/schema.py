"""The part of the Admin schema that inventory clients read, and how each field is read from the store."""

import base64
import re
from collections.abc import Callable, Sequence
from typing import Any, cast

from graphql import GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema, build_schema, get_directive_values

from sandbox.shopify.document import GraphqlError
from sandbox.shopify.inventory import KEY_ARGUMENT, activate, set_quantities
from sandbox.shopify.store import Level, Product, Store

#: A backslash takes the next character as it is, between quotes of either kind and outside.
_TERM = re.compile(r"""(\w+):(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|((?:[^\s()"'\\]|\\.)+))""")
_LARGEST_PAGE = 250

# What a mutation is given is a scalar here: the shop's own refusals of it are said by `inventory`.
_TYPES = """
schema { query: QueryRoot mutation: Mutation }
directive @idempotent(key: String!) on FIELD
scalar InventorySetQuantitiesInput

type QueryRoot {
  productVariants(first: Int, after: String, query: String): ProductVariantConnection!
  products(first: Int, after: String): ProductConnection!
  inventoryItems(first: Int, after: String, query: String): InventoryItemConnection!
  locations(first: Int, after: String): LocationConnection!
  location(id: ID): Location
  productVariant(id: ID!): ProductVariant
  inventoryItem(id: ID!): InventoryItem
}
type Mutation {
  inventorySetQuantities(input: InventorySetQuantitiesInput!): InventorySetQuantitiesPayload
  inventoryActivate(inventoryItemId: ID!, locationId: ID!, available: Int): InventoryActivatePayload
}
type Product { id: ID! title: String! variants(first: Int, after: String): ProductVariantConnection! }
type ProductVariant {
  id: ID! sku: String title: String! product: Product! inventoryItem: InventoryItem! inventoryQuantity: Int
}
type InventoryItem {
  id: ID! sku: String tracked: Boolean!
  inventoryLevel(locationId: ID!): InventoryLevel
  inventoryLevels(first: Int, after: String): InventoryLevelConnection!
}
type InventoryLevel {
  id: ID! location: Location! item: InventoryItem! updatedAt: String!
  quantities(names: [String!]!): [InventoryQuantity!]!
}
type Location { id: ID! name: String! isActive: Boolean! }
type InventoryQuantity { name: String! quantity: Int! updatedAt: String }
type PageInfo { hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String endCursor: String }
type InventorySetQuantitiesPayload { inventoryAdjustmentGroup: InventoryAdjustmentGroup userErrors: [UserError!]! }
type InventoryActivatePayload { inventoryLevel: InventoryLevel userErrors: [UserError!]! }
type InventoryAdjustmentGroup {
  id: ID! reason: String! createdAt: String! referenceDocumentUri: String changes: [InventoryChange!]!
}
type InventoryChange { name: String! delta: Int! quantityAfterChange: Int }
type UserError { field: [String!] message: String! code: String }
"""
_PAGES = """
type {0}Connection {{ nodes: [{0}!]! edges: [{0}Edge!]! pageInfo: PageInfo! }}
type {0}Edge {{ node: {0}! cursor: String! }}
"""
_LISTED = ("ProductVariant", "Product", "InventoryItem", "InventoryLevel", "Location")
_NAMES = {"id": "gid", "isActive": "active", "updatedAt": "updated_at"}


def attribute(thing: Any, info: GraphQLResolveInfo[Any], **_arguments: Any) -> Any:
    """How a field is read that has no reader of its own: by its name."""
    name = info.field_name
    return thing.get(name) if isinstance(thing, dict) else getattr(thing, _NAMES.get(name, name))


def _page(rows: Sequence[Any], first: int | None = None, after: str | None = None, **_more: Any) -> dict[str, Any]:
    """`first` (required, at most 250) rows after the cursor."""
    if first is None or not 1 <= first <= _LARGEST_PAGE:
        raise GraphqlError(f"you must provide `first` between 1 and {_LARGEST_PAGE}", "BAD_REQUEST")
    start = _position(after)
    nodes = list(rows[start : start + first])
    cursors = [base64.b64encode(str(start + index).encode()).decode() for index in range(len(nodes))]
    return {
        "nodes": nodes,
        "edges": [{"node": node, "cursor": cursor} for node, cursor in zip(nodes, cursors, strict=True)],
        "pageInfo": {
            "hasNextPage": start + first < len(rows),
            "hasPreviousPage": start > 0,
            "startCursor": cursors[0] if cursors else None,
            "endCursor": cursors[-1] if cursors else None,
        },
    }


def _position(cursor: str | None) -> int:
    if not cursor:
        return 0
    try:
        return int(base64.b64decode(cursor, validate=True)) + 1
    except ValueError:
        raise GraphqlError("Invalid cursor for current pagination sort.", "BAD_REQUEST") from None


def _searched(store: Store, query: str | None = None, **paging: Any) -> dict[str, Any]:
    """`sku:` terms joined by OR; a search without any finds everything."""
    terms = [(name, double or single or bare) for name, double, single, bare in _TERM.findall(query or "")]
    skus = {re.sub(r"\\(.)", r"\1", value).casefold() for name, value in terms if name == "sku"}
    return _page([row for row in store.variants.values() if not skus or row.sku.casefold() in skus], **paging)


def _quantities(level: Level, _store: Store, names: list[str]) -> list[dict[str, object]]:
    amounts = {"available": level.available, "on_hand": level.on_hand, "committed": level.committed}
    return [{"name": name, "quantity": amounts.get(name, 0), "updatedAt": level.updated_at} for name in names]


def _mutation(work: Callable[[Store, dict[str, Any]], dict[str, object]]) -> Callable[..., Any]:
    """A mutation's field; the key of its directive goes in with the arguments."""

    def resolve(_root: None, info: GraphQLResolveInfo[Any], **arguments: Any) -> dict[str, object]:
        directive = SCHEMA.get_directive("idempotent")
        given = directive and get_directive_values(directive, info.field_nodes[0], info.variable_values)
        return work(info.context.store, {**arguments, KEY_ARGUMENT: given["key"]} if given else arguments)

    return resolve


def _reader(read: Callable[..., Any]) -> Callable[..., Any]:
    return lambda thing, info, **arguments: read(thing, info.context.store, **arguments)


def _product_variants(product: Product, _store: Store, **paging: Any) -> dict[str, Any]:
    return _page(product.variants, **paging)


# An inventory item is its variant, seen from the stock.
_READERS: dict[str, dict[str, Callable[..., Any]]] = {
    "QueryRoot": {
        "productVariants": lambda _root, store, **given: _searched(store, **given),
        "products": lambda _root, store, **paging: _page(list(store.products.values()), **paging),
        "inventoryItems": lambda _root, store, **given: _searched(store, **given),
        "locations": lambda _root, store, **paging: _page(list(store.locations.values()), **paging),
        "location": lambda _root, store, id=None: store.locations.get(id),  # noqa: A006 - the argument's name
        "productVariant": lambda _root, store, id: store.variants.get(id),  # noqa: A006
        "inventoryItem": lambda _root, store, id: store.variant_of_item(id),  # noqa: A006
    },
    "Product": {"variants": _product_variants},
    "ProductVariant": {
        "inventoryItem": lambda variant, _store: variant,
        "inventoryQuantity": lambda variant, store: sum(each.available for each in store.levels_of(variant.item_gid)),
    },
    "InventoryItem": {
        "id": lambda variant, _store: variant.item_gid,
        "inventoryLevel": lambda variant, store, locationId: store.levels.get((variant.item_gid, locationId)),  # noqa: N803
        "inventoryLevels": lambda variant, store, **paging: _page(store.levels_of(variant.item_gid), **paging),
    },
    "InventoryLevel": {
        "id": lambda level, _store: level.location_gid.replace("Location", "InventoryLevel"),
        "location": lambda level, store: store.locations[level.location_gid],
        "item": lambda level, store: store.variant_of_item(level.item_gid),
        "quantities": _quantities,
    },
}
_MUTATIONS = {"inventorySetQuantities": set_quantities, "inventoryActivate": activate}


def _schema() -> GraphQLSchema:
    schema = build_schema(_TYPES + "".join(_PAGES.format(name) for name in _LISTED))
    for kind, readers in _READERS.items():
        fields = _fields(schema, kind)
        for name, read in readers.items():
            fields[name].resolve = _reader(read)
    for name, work in _MUTATIONS.items():
        _fields(schema, "Mutation")[name].resolve = _mutation(work)
    return schema


def _fields(schema: GraphQLSchema, kind: str) -> dict[str, Any]:
    fields: dict[str, Any] = cast("GraphQLObjectType", schema.type_map[kind]).fields
    return fields


SCHEMA = _schema()
