"""What the shop's GraphQL answers mean: data, a refusal, or a failure. Source: the platform's documentation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.calls.call import EXCERPT, Answer, Outgoing, unreadable
from pipeline.calls.failures import (
    BadAnswer,
    CredentialsRejected,
    Rejected,
    Throttled,
    Unavailable,
    Uncertain,
    WireError,
)
from schemas.json.fields import SchemaInvalidError, parse

#: The level moved since it was read; the second is what versions before 2026-04 say.
STALE = frozenset({"CHANGE_FROM_QUANTITY_STALE", "COMPARE_QUANTITY_STALE"})


@dataclass(frozen=True, slots=True)
class Item:
    """One variant's inventory item at the location. `available` is None where the item is not stocked there."""

    item_id: str
    sku: str
    tracked: bool
    available: int | None


@dataclass(frozen=True, slots=True)
class ShopLocation:
    """A place in the shop that holds stock."""

    location_id: str
    name: str
    active: bool


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing of a call was set: a code, and which quantity it is about (None: the call as a whole)."""

    code: str
    message: str
    index: int | None = None

    @property
    def stale(self) -> bool:
        """Somebody else changed the quantity since it was read."""
        return self.code in STALE


def judge(outgoing: Outgoing, answer: Answer) -> Any:
    """The answer's `data`. GraphQL says no with status 200 as well, under `errors`."""
    status, excerpt = answer.status, answer.text[:EXCERPT]
    if status in {401, 403}:
        raise CredentialsRejected(f"status {status}: the access token is not accepted", excerpt)
    body = _parsed(outgoing, answer)
    if isinstance(body, dict) and body.get("errors"):
        _raise_errors(outgoing, body, answer)
    if status == 429:
        raise Throttled(_retry_after(answer), "too many requests")
    if 200 <= status < 300 and isinstance(body, dict) and isinstance(body.get("data"), dict):
        return body["data"]
    if 400 <= status < 500 and status not in {408, 425}:
        raise Rejected(status, (f"status {status}",), excerpt)
    raise _doubt(outgoing, f"status {status} without data", excerpt)


def _parsed(outgoing: Outgoing, answer: Answer) -> Any:
    try:
        return parse(answer.body, unique_keys=False)
    except SchemaInvalidError as problem:
        if answer.status >= 400:
            return None
        raise unreadable(outgoing, answer, str(problem)) from None


def _raise_errors(outgoing: Outgoing, body: Mapping[str, Any], answer: Answer) -> None:
    errors, excerpt = body["errors"], answer.text[:EXCERPT]
    rows = [each for each in errors if isinstance(each, dict)] if isinstance(errors, list) else []
    codes = {_code((each.get("extensions") or {}).get("code")) for each in rows}
    told = tuple(str(each.get("message", "")) for each in rows) or (str(errors)[:300],)
    if "THROTTLED" in codes or answer.status == 429:
        raise Throttled(_refill(body) or _retry_after(answer), "the cost bucket is empty")
    if "ACCESS_DENIED" in codes:
        raise CredentialsRejected(f"the access token lacks a scope: {'; '.join(told)}"[:300], excerpt)
    if codes & {"INTERNAL_SERVER_ERROR", "TIMEOUT"} or answer.status >= 500:
        raise _doubt(outgoing, "; ".join(told)[:300], excerpt)
    raise Rejected(answer.status, told, excerpt)


def _refill(body: Mapping[str, Any]) -> float:
    """Seconds until the bucket holds what the query asks for."""
    cost = (body.get("extensions") or {}).get("cost") or {}
    state = cost.get("throttleStatus") or {}
    try:
        missing = float(cost["requestedQueryCost"]) - float(state["currentlyAvailable"])
        return max(0.1, missing / float(state["restoreRate"]))
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return 0.0


def _retry_after(answer: Answer) -> float:
    found = re.search(r"\d+(\.\d+)?", answer.headers.get("retry-after", ""))
    return float(found.group()) if found else 0.0


def _doubt(outgoing: Outgoing, why: str, excerpt: str) -> WireError:
    return Uncertain(why, excerpt) if outgoing.writes else Unavailable(why, excerpt)


def page_of(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """One page of a list. Raises SchemaInvalidError where it is not one."""
    page = data.get(key)
    whole = isinstance(page, dict) and isinstance(page.get("nodes"), list) and isinstance(page.get("pageInfo"), dict)
    if not isinstance(page, dict) or not whole or "hasNextPage" not in page["pageInfo"]:
        raise SchemaInvalidError({key: "no nodes or no pageInfo in the answer"})
    return page


def item_of(node: Any) -> Item:
    """A variant's inventory item. Raises BadAnswer."""
    try:
        item = node["inventoryItem"]
        return Item(str(item["id"]), str(node["sku"] or "").strip(), bool(item["tracked"]), _level(item))
    except (KeyError, TypeError):
        raise BadAnswer("a variant without its inventory item") from None


def _level(item: Mapping[str, Any]) -> int | None:
    level = item["inventoryLevel"]
    rows = level["quantities"] if level else []
    return next((int(row["quantity"]) for row in rows if str(row["name"]).strip().casefold() == "available"), None)


def location_of(node: Any) -> ShopLocation:
    """A location. Raises BadAnswer."""
    try:
        return ShopLocation(str(node["id"]), str(node["name"]), bool(node["isActive"]))
    except (KeyError, TypeError):
        raise BadAnswer("a location without id, name or isActive") from None


def refusals_of(data: Mapping[str, Any]) -> tuple[Refusal, ...]:
    """Why a set was refused; empty when everything is set."""
    payload = data.get("inventorySetQuantities")
    if not isinstance(payload, dict) or not isinstance(payload.get("userErrors"), list):
        raise SchemaInvalidError({"inventorySetQuantities": "missing from the answer"})
    return tuple(
        Refusal(_code(each.get("code")), str(each.get("message") or ""), _index(each.get("field")))
        for each in payload["userErrors"]
    )


def _code(word: Any) -> str:
    """A code as it is compared: in capitals, whatever case it came in."""
    return str(word or "").strip().upper()


def _index(path: Any) -> int | None:
    """Which quantity `["input", "quantities", "3", ...]` is about."""
    parts = [str(each) for each in path] if isinstance(path, list) else []
    return int(parts[2]) if len(parts) > 2 and parts[1] == "quantities" and parts[2].isdigit() else None
