"""Shopify's inventory over the Admin GraphQL API: find variants by SKU, read a location's Available, set it by
comparison. Source of every API fact: the platform's documentation for version 2026-04."""

from __future__ import annotations

import math
import re
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import redis

from pipeline.failures import BadAnswer, CredentialsRejected, Rejected, Throttled, Unavailable, Uncertain, WireError
from pipeline.quota import Gate, Lane, QuotaUnavailable, QuotaWait, key_name
from pipeline.wire import EXCERPT, Answer, Http, Observer, Outgoing, Wire
from schemas.fields import SchemaInvalidError, dumps, parse

T = TypeVar("T")

VERSION = "2026-04"
#: SKUs asked for in one query, and variants on one page: within the cost of one query (1,000 points).
SKUS_PER_QUERY, VARIANTS_PER_PAGE = 50, 100
#: The most quantities that one mutation takes.
MOST_QUANTITIES = 250
_MOST_PAGES = 50
STALE = "CHANGE_FROM_QUANTITY_STALE"

_ITEMS = """
query Items($search: String!, $location: ID!, $first: Int!, $after: String) {
  productVariants(first: $first, after: $after, query: $search) {
    nodes {
      sku
      inventoryItem {
        id
        tracked
        inventoryLevel(locationId: $location) { quantities(names: ["available"]) { name quantity } }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""
_LOCATIONS = """
query Locations($first: Int!, $after: String) {
  locations(first: $first, after: $after) {
    nodes { id name isActive }
    pageInfo { hasNextPage endCursor }
  }
}
"""
_SET = """
mutation SetAvailable($input: InventorySetQuantitiesInput!, $key: String!) {
  inventorySetQuantities(input: $input) @idempotent(key: $key) {
    inventoryAdjustmentGroup { id }
    userErrors { code field message }
  }
}
"""


@dataclass(frozen=True, slots=True)
class ShopifyAccess:
    """What opens one shop's inventory. `shop` is its myshopify.com name; deadlines and patience in seconds."""

    shop: str
    access_token: str = field(repr=False)
    base_url: str = ""
    read_deadline: float = 20.0
    write_deadline: float = 30.0
    patience: float = 5.0

    @property
    def address(self) -> str:
        """The base URL: as given, else the shop's own."""
        host = self.shop if "." in self.shop else f"{self.shop}.myshopify.com"
        return self.base_url or f"https://{host}"


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
class Quantity:
    """Set an item's Available to `goal` if it still is `seen`."""

    item_id: str
    goal: int
    seen: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing of a call was set: a code, and which quantity it is about (None: the call as a whole)."""

    code: str
    message: str
    index: int | None = None

    @property
    def stale(self) -> bool:
        """Somebody else changed the quantity since it was read."""
        return self.code == STALE


@dataclass(frozen=True, slots=True)
class _Query(Outgoing):
    """A question: GraphQL asks by POST as well, yet nothing changes."""

    @property
    def writes(self) -> bool:
        """Never."""
        return False


class _NoSlot:
    def arrived(self, *, answered: bool = True) -> None:
        """Nothing is counted: the shop counts by cost and says what is left."""


class CostGate:
    """Lets calls through unless the shop's cost bucket is empty; then nobody asks until it has refilled. In Redis, so
    that all workers of a shop wait together."""

    def __init__(
        self, connection: redis.Redis, key: str, *, prefix: str = "shopify", sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._redis, self._sleep = connection, sleep
        self._name = f"{key_name(prefix, key)}:hold"

    def acquire(self, lane: Lane, patience: float, in_flight: float = 0.0) -> _NoSlot:
        """Wait up to `patience` seconds for the end of a hold. Raises QuotaWait, QuotaUnavailable."""
        left = self._left()
        if left > patience:
            raise QuotaWait(left)
        if left > 0:
            self._sleep(left)
        return _NoSlot()

    def hold(self, seconds: float | None) -> float:
        """Stop all calls; two seconds where the shop named no time. Raises QuotaUnavailable."""
        span = 2.0 if seconds is None else max(seconds, 0.1)
        try:
            self._redis.set(self._name, "1", px=math.ceil(span * 1000))
        except redis.RedisError as problem:
            raise QuotaUnavailable(f"the call hold cannot be kept ({type(problem).__name__})") from None
        return span

    def _left(self) -> float:
        try:
            return max(0, int(self._redis.pttl(self._name))) / 1000  # type: ignore[arg-type]
        except redis.RedisError as problem:
            raise QuotaUnavailable(f"the call hold cannot be read ({type(problem).__name__})") from None


def _now() -> datetime:
    return datetime.now(UTC)


class Shopify:
    """One shop's inventory over HTTP.

    All calls raise QuotaWait or QuotaUnavailable before anything is sent, and the failures of `pipeline.failures`
    after; an empty cost bucket is Throttled.
    """

    def __init__(
        self,
        access: ShopifyAccess,
        gate: Gate,
        http: Http | None = None,
        observe: Observer | None = None,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self.access = access
        self.http = http or Http()
        self._wire = Wire(
            system="shopify",
            base_url=access.address,
            headers={
                "X-Shopify-Access-Token": access.access_token,
                "Content-Type": "application/json",
                "Accept": "application/json",
            },
            http=self.http,
            gate=gate,
            judge=judge,
            observe=observe,
            clock=clock,
            read_deadline=access.read_deadline,
            write_deadline=access.write_deadline,
            patience=access.patience,
            secrets=(access.access_token,),
        )

    def items(
        self, skus: Iterable[str], location_id: str, *, lane: Lane = Lane.BULK
    ) -> dict[str, tuple[Item, ...]]:
        """Every variant that carries exactly one of these SKUs, by SKU. The shop's search ignores case and finds
        more; a SKU may be on several variants. One that is nowhere is left out."""
        wanted = sorted(set(skus))
        found: dict[str, tuple[Item, ...]] = {}
        for start in range(0, len(wanted), SKUS_PER_QUERY):
            part = wanted[start : start + SKUS_PER_QUERY]
            variables = {"search": _search(part), "location": location_gid(location_id), "first": VARIANTS_PER_PAGE}
            for item in self._all(_ITEMS, variables, "productVariants", _item, lane):
                if item.sku in part:
                    found[item.sku] = (*found.get(item.sku, ()), item)
        return found

    def locations(self, *, lane: Lane = Lane.BULK) -> tuple[ShopLocation, ...]:
        """The shop's locations."""
        return tuple(self._all(_LOCATIONS, {"first": 50}, "locations", _location, lane))

    def set_available(
        self, quantities: Sequence[Quantity], location_id: str, *, lane: Lane = Lane.BULK
    ) -> tuple[Refusal, ...]:
        """Set all of these or none: an empty answer means all are set, else nothing is and these say why.

        An unknown outcome is asked about once more under the same idempotency key, which gives the first answer again
        (the shop keeps keys for a day); if that fails too, Uncertain: read the levels again.
        Raises ValueError for more than `MOST_QUANTITIES`.
        """
        if len(quantities) > MOST_QUANTITIES:
            raise ValueError(f"quantities: {len(quantities)} are too many; set at most {MOST_QUANTITIES} at once")
        given = {
            "name": "available",
            "reason": "correction",
            "quantities": [
                {
                    "inventoryItemId": each.item_id,
                    "locationId": location_gid(location_id),
                    "quantity": each.goal,
                    "changeFromQuantity": each.seen,
                }
                for each in quantities
            ],
        }
        body = dumps({"query": _SET, "variables": {"input": given, "key": str(uuid.uuid4())}})
        try:
            return self._wire.send(Outgoing("POST", _PATH, lane, body=body), _refusals)
        except Uncertain:
            return self._wire.send(Outgoing("POST", _PATH, lane, body=body), _refusals)

    def _all(
        self, query: str, variables: Mapping[str, Any], key: str, read: Callable[[Any], T], lane: Lane
    ) -> Iterable[T]:
        after: str | None = None
        for _ in range(_MOST_PAGES):
            body = dumps({"query": query, "variables": {**variables, "after": after}})
            page = self._wire.send(_Query("POST", _PATH, lane, body=body), lambda data: _page(data, key))
            yield from (read(node) for node in page["nodes"])
            if not page["pageInfo"]["hasNextPage"]:
                return
            after = page["pageInfo"]["endCursor"]
        raise BadAnswer(f"{key} has more than {_MOST_PAGES} pages")


_PATH = f"admin/api/{VERSION}/graphql.json"


def location_gid(location_id: str) -> str:
    """A location's global id; the number alone, as the shop's admin shows it, will do."""
    return f"gid://shopify/Location/{location_id}" if location_id.isdigit() else location_id


def _search(skus: Iterable[str]) -> str:
    return " OR ".join(f"sku:{_quoted(sku)}" for sku in skus)


def _quoted(sku: str) -> str:
    return f"'{sku}'" if '"' in sku else f'"{sku}"'


# --- reading answers -------------------------------------------------------------------------------------------------


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
        why = f"status {answer.status} with a body that is not JSON: {problem}"[:300]
        raise (Uncertain if outgoing.writes else BadAnswer)(why, answer.text[:EXCERPT]) from None


def _raise_errors(outgoing: Outgoing, body: Mapping[str, Any], answer: Answer) -> None:
    errors, excerpt = body["errors"], answer.text[:EXCERPT]
    rows = [each for each in errors if isinstance(each, dict)] if isinstance(errors, list) else []
    codes = {str((each.get("extensions") or {}).get("code", "")) for each in rows}
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


def _page(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    page = data.get(key)
    whole = isinstance(page, dict) and isinstance(page.get("nodes"), list) and isinstance(page.get("pageInfo"), dict)
    if not isinstance(page, dict) or not whole or "hasNextPage" not in page["pageInfo"]:
        raise SchemaInvalidError({key: "no nodes or no pageInfo in the answer"})
    return page


def _item(node: Any) -> Item:
    try:
        item = node["inventoryItem"]
        return Item(str(item["id"]), str(node["sku"] or "").strip(), bool(item["tracked"]), _level(item))
    except (KeyError, TypeError):
        raise BadAnswer("a variant without its inventory item") from None


def _level(item: Mapping[str, Any]) -> int | None:
    level = item["inventoryLevel"]
    rows = level["quantities"] if level else []
    return next((int(row["quantity"]) for row in rows if row["name"] == "available"), None)


def _location(node: Any) -> ShopLocation:
    try:
        return ShopLocation(str(node["id"]), str(node["name"]), bool(node["isActive"]))
    except (KeyError, TypeError):
        raise BadAnswer("a location without id, name or isActive") from None


def _refusals(data: Mapping[str, Any]) -> tuple[Refusal, ...]:
    payload = data.get("inventorySetQuantities")
    if not isinstance(payload, dict) or not isinstance(payload.get("userErrors"), list):
        raise SchemaInvalidError({"inventorySetQuantities": "missing from the answer"})
    return tuple(
        Refusal(str(each.get("code") or ""), str(each.get("message") or ""), _index(each.get("field")))
        for each in payload["userErrors"]
    )


def _index(path: Any) -> int | None:
    """Which quantity `["input", "quantities", "3", ...]` is about."""
    parts = [str(each) for each in path] if isinstance(path, list) else []
    return int(parts[2]) if len(parts) > 2 and parts[1] == "quantities" and parts[2].isdigit() else None
