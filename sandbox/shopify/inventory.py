"""Writing inventory as API version 2026-04 has it: compare-and-set per quantity, one idempotency key per call."""

import json
from collections.abc import Mapping
from typing import Any

from sandbox.shopify.document import GraphqlError
from sandbox.shopify.store import Change, KeptKey, Level, Store

KEY_ARGUMENT = "__idempotency_key"
_KEY_SECONDS = 24 * 3600
_MOST_QUANTITIES = 250
_HIGHEST = 1_000_000_000
_REASONS = (
    "correction",
    "cycle_count_available",
    "damaged",
    "movement_created",
    "movement_received",
    "other",
    "promotion",
    "quality_control",
    "received",
    "reservation_created",
    "restock",
    "safety_stock",
    "shrinkage",
)


class UserError(Exception):
    """A refusal that goes into `userErrors`."""

    def __init__(self, field: list[str], message: str, code: str) -> None:
        super().__init__(message)
        self.entry: dict[str, object] = {"field": field, "message": message, "code": code}


def set_quantities(store: Store, arguments: Mapping[str, Any]) -> dict[str, object]:
    """Set every quantity of the call or none of them; the same key and input again gives the first answer again."""
    given = arguments.get("input")
    if not isinstance(given, Mapping):
        raise GraphqlError("Field 'inventorySetQuantities' is missing required arguments: input", "missingRequired")
    _check_shape(given)
    return _once(
        store, "inventorySetQuantities", arguments, lambda: _set_all(store, given, str(arguments[KEY_ARGUMENT]))
    )


def activate(store: Store, arguments: Mapping[str, Any]) -> dict[str, object]:
    """Begin to stock an item at a location."""
    return _once(store, "inventoryActivate", arguments, lambda: _activate(store, arguments))


def _activate(store: Store, arguments: Mapping[str, Any]) -> dict[str, object]:
    item, location = str(arguments.get("inventoryItemId")), str(arguments.get("locationId"))
    _check_place(store, item, location, ["inventoryItemId"], ["locationId"])
    level = store.levels.get((item, location)) or store.put_level(item, location, int(arguments.get("available") or 0))
    return {"inventoryLevel": level, "userErrors": []}


def _once(store: Store, name: str, arguments: Mapping[str, Any], work: Any) -> dict[str, object]:
    """Run `work` under the call's idempotency key, which is kept for 24 hours (platform documentation)."""
    key = arguments.get(KEY_ARGUMENT)
    if not isinstance(key, str) or not key:
        message = "The @idempotent directive is required for this mutation but was not provided."
        raise GraphqlError(message, "BAD_REQUEST", name)
    print_ = json.dumps({"mutation": name, **arguments}, sort_keys=True, default=str)
    kept = store.keys.get(key)
    if kept is not None and kept.until > store.clock.elapsed():
        return _answered_before(kept, print_)
    try:
        payload = work()
    except UserError as error:
        payload = {"inventoryAdjustmentGroup": None, "inventoryLevel": None, "userErrors": [error.entry]}
    until = store.clock.elapsed() + _KEY_SECONDS
    store.keys[key] = KeptKey(print_, payload, bool(payload["userErrors"]), until)
    return dict(payload)


def _answered_before(kept: KeptKey, fingerprint: str) -> dict[str, object]:
    if kept.fingerprint != fingerprint:
        message = "The same idempotency key cannot be used with different operation parameters."
        return _only_error(message, "IDEMPOTENCY_KEY_PARAMETER_MISMATCH")
    if kept.failed:
        message = "A previous request with this idempotency key failed. Retry with a new idempotency key."
        return _only_error(message, "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED")
    return dict(kept.payload)


def _only_error(message: str, code: str) -> dict[str, object]:
    return {
        "inventoryAdjustmentGroup": None,
        "inventoryLevel": None,
        "userErrors": [{"field": None, "message": message, "code": code}],
    }


def _check_shape(given: Mapping[str, Any]) -> None:
    """What the schema, not the shop, objects to: the old compare fields, and a missing compare value."""
    quantities = given.get("quantities")
    if not isinstance(quantities, list) or not all(isinstance(each, Mapping) for each in quantities):
        raise GraphqlError("Argument 'quantities' has an invalid value", "argumentLiteralsIncompatible")
    if not all(type(each.get("quantity")) is int for each in quantities):
        raise GraphqlError("Argument 'quantity' is required. Expected type Int!", "missingRequiredInputObjectAttribute")
    for legacy in ("ignoreCompareQuantity", "compareQuantity"):
        if legacy in given or any(legacy in each for each in quantities):
            message = f"InputObject 'InventorySetQuantitiesInput' doesn't accept argument '{legacy}'"
            raise GraphqlError(message, "argumentNotAccepted")
    if any("changeFromQuantity" not in each for each in quantities):
        message = "InventoryQuantityInput must include the following argument: changeFromQuantity"
        raise GraphqlError(message, "INVALID_FIELD_ARGUMENTS", "inventorySetQuantities")
    if len(quantities) > _MOST_QUANTITIES:
        message = (
            f"The input array size of {len(quantities)} is greater than the maximum allowed of {_MOST_QUANTITIES}."
        )
        raise GraphqlError(message, "MAX_INPUT_SIZE_EXCEEDED")


def _set_all(store: Store, given: Mapping[str, Any], key: str) -> dict[str, object]:
    name, reason = str(given.get("name")), str(given.get("reason"))
    if name not in ("available", "on_hand"):
        raise UserError(["input", "name"], "The quantity name must be either 'available' or 'on_hand'.", "INVALID_NAME")
    if reason not in _REASONS:
        raise UserError(["input", "reason"], "The specified reason is invalid.", "INVALID_REASON")
    _check_pairs(given["quantities"])
    planned = [_checked(store, index, each, name) for index, each in enumerate(given["quantities"])]
    changes = [_apply(store, level, name, goal, reason, key) for level, goal in planned]
    group: dict[str, object] = {
        "id": store.gid("InventoryAdjustmentGroup"),
        "reason": reason,
        "createdAt": store.stamp(),
        "referenceDocumentUri": given.get("referenceDocumentUri"),
        "changes": [each for each in changes if each["delta"]],
    }
    return {"inventoryAdjustmentGroup": group, "userErrors": []}


def _check_pairs(quantities: list[Mapping[str, Any]]) -> None:
    pairs = [(each.get("inventoryItemId"), each.get("locationId")) for each in quantities]
    if len(set(pairs)) < len(pairs):
        message = "The combination of inventoryItemId and locationId must be unique."
        raise UserError(["input", "quantities"], message, "NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR")


def _checked(store: Store, index: int, each: Mapping[str, Any], name: str) -> tuple[Level, int]:
    path = ["input", "quantities", str(index)]
    item, location, goal = str(each.get("inventoryItemId")), str(each.get("locationId")), each["quantity"]
    _check_place(store, item, location, [*path, "inventoryItemId"], [*path, "locationId"])
    level = store.levels.get((item, location))
    if level is None:
        message = "The specified inventory item is not stocked at the location."
        raise UserError([*path, "locationId"], message, "ITEM_NOT_STOCKED_AT_LOCATION")
    if goal < 0:
        raise UserError([*path, "quantity"], "The quantity can't be negative.", "INVALID_QUANTITY_NEGATIVE")
    if goal > _HIGHEST:
        message = "The total quantity can't be higher than 1,000,000,000."
        raise UserError([*path, "quantity"], message, "INVALID_QUANTITY_TOO_HIGH")
    expected = each["changeFromQuantity"]
    if expected is not None and expected != getattr(level, name):
        message = "The changeFromQuantity value does not match persisted value."
        raise UserError([*path, "changeFromQuantity"], message, "CHANGE_FROM_QUANTITY_STALE")
    return level, goal


def _check_place(store: Store, item: str, location: str, item_path: list[str], location_path: list[str]) -> None:
    variant = store.variant_of_item(item)
    if variant is None:
        message = "The specified inventory item could not be found."
        raise UserError(item_path, message, "INVALID_INVENTORY_ITEM")
    if not variant.tracked:
        message = "The specified inventory item is not allowed to be adjusted via API."
        raise UserError(item_path, message, "NON_MUTABLE_INVENTORY_ITEM")
    if location not in store.locations:
        raise UserError(location_path, "The specified location could not be found.", "INVALID_LOCATION")


def _apply(store: Store, level: Level, name: str, goal: int, reason: str, key: str) -> dict[str, object]:
    before = getattr(level, name)
    level.available += goal - before
    level.updated_at = store.stamp()
    store.changes.append(Change(level.item_gid, level.location_gid, name, before, goal, reason, key, level.updated_at))
    return {"name": name, "delta": goal - before, "quantityAfterChange": goal}
