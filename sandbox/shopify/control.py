"""The control desk of the practice Shopify: seed variants and stock, move it by hand, read levels back."""

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.shopify.store import Store, Variant, store_of

if TYPE_CHECKING:
    from sandbox.world import World

Desk = Callable[[Store, dict[str, object]], object]


class Refused(Exception):  # noqa: N818
    """The control call names something that is not there; the text says what to send."""


def control_routes(world: "World") -> list[Route]:
    """The routes to mount under `/control/shopify`."""
    desks: list[tuple[str, str, Desk]] = [
        ("POST", "/variants", _add_variants),
        ("GET", "/levels", _levels),
        ("POST", "/levels", _move_by_hand),
        ("GET", "/changes", _changes),
        ("PATCH", "/settings", _change_settings),
    ]
    return [Route(path, _at_desk(world, desk), methods=[method]) for method, path, desk in desks]


def _at_desk(world: "World", desk: Desk) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        raw, store = await request.body(), store_of(world)
        try:
            fields = _fields(raw)
            with store.lock:
                return JSONResponse(desk(store, fields))
        except ValueError:
            return JSONResponse({"error": "body: is not JSON, or a number is not whole"}, 400)
        except Refused as refusal:
            return JSONResponse({"error": str(refusal)}, 400)

    return endpoint


def _fields(raw: bytes) -> dict[str, object]:
    fields = json.loads(raw) if raw else {}
    if not isinstance(fields, dict):
        raise Refused("body: send a JSON object")
    return fields


def _add_variants(store: Store, fields: dict[str, object]) -> object:
    """{variants: [{sku, product?, title?, tracked?, levels: {location name: available}}]}."""
    rows = fields.get("variants")
    if not isinstance(rows, list) or not all(isinstance(row, dict) and row.get("sku") for row in rows):
        raise Refused('variants: send a list like [{"sku": "TEE-BLK-M", "levels": {"Main Warehouse": 5}}]')
    return {"variants": [_add_variant(store, row) for row in rows]}


def _add_variant(store: Store, row: dict[str, object]) -> dict[str, object]:
    sku = str(row["sku"])
    title = str(row.get("title") or "Default Title")
    tracked = bool(row.get("tracked", True))
    variant = store.add_variant(sku, str(row.get("product") or sku), title, tracked=tracked)
    levels = row.get("levels") or {}
    if not isinstance(levels, dict):
        raise Refused('levels: send an object like {"Main Warehouse": 5}')
    for name, available in levels.items():
        store.put_level(variant.item_gid, store.add_location(str(name)).gid, int(available))
    return {"id": variant.gid, "sku": sku, "inventory_item_id": variant.item_gid, "locations": _location_ids(store)}


def _location_ids(store: Store) -> dict[str, str]:
    return {location.name: location.gid for location in store.locations.values()}


def _levels(store: Store, _fields: dict[str, object]) -> object:
    return {
        "levels": [
            {
                "sku": variant.sku,
                "location": store.locations[level.location_gid].name,
                "available": level.available,
                "committed": level.committed,
                "on_hand": level.on_hand,
                "updated_at": level.updated_at,
            }
            for variant in store.variants.values()
            for level in store.levels_of(variant.item_gid)
        ]
    }


def _move_by_hand(store: Store, fields: dict[str, object]) -> object:
    """{sku, location, available?, committed?}: what a shopper's order or a colleague would do."""
    variant = _variant(store, fields.get("sku"))
    location = store.add_location(str(fields.get("location") or "Main Warehouse"))
    known = store.levels.get((variant.item_gid, location.gid))
    available = fields.get("available", known.available if known else 0)
    committed = fields.get("committed", known.committed if known else 0)
    store.put_level(variant.item_gid, location.gid, int(str(available)), int(str(committed)))
    return _levels(store, {})


def _variant(store: Store, sku: object) -> Variant:
    found = next((each for each in store.variants.values() if each.sku == sku), None)
    if found is None:
        raise Refused(f"sku: {sku!r} is not a known variant; POST /control/shopify/variants first")
    return found


def _changes(store: Store, _fields: dict[str, object]) -> object:
    rows = []
    for change in store.changes:
        variant = store.variant_of_item(change.item_gid)
        location = store.locations[change.location_gid].name
        rows.append({"sku": variant.sku if variant else None, "location": location, **vars(change)})
    return {"changes": rows}


def _change_settings(store: Store, fields: dict[str, object]) -> object:
    """{access_token?, maximum_available?, restore_rate?, throttle_status?}."""
    if "access_token" in fields:
        store.tokens = {str(fields["access_token"])}
    if "throttle_status" in fields:
        store.throttle_status = int(str(fields["throttle_status"]))
    if {"maximum_available", "restore_rate"} & set(fields):
        maximum = int(str(fields.get("maximum_available", store.allowance.maximum)))
        store.allowance.change(maximum, int(str(fields.get("restore_rate", store.allowance.restore_rate))))
    return {
        "throttle_status": store.throttle_status,
        "maximum_available": store.allowance.maximum,
        "restore_rate": store.allowance.restore_rate,
    }
