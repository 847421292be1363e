"""Shopify's inventory over the Admin GraphQL API: find variants by SKU, read a location's Available, set it by
comparison. Source of every API fact: the platform's documentation for version 2026-04."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from pipeline.calls.call import Caller, Http, Observer, Outgoing
from pipeline.calls.failures import BadAnswer, Uncertain
from pipeline.calls.quota import Gate, Priority
from pipeline.shopify.answers import Item, Refusal, ShopLocation, item_of, judge, location_of, page_of, refusals_of
from pipeline.shopify.gate import CostGate
from schemas.json.fields import dumps
from schemas.misfits import fitting

__all__ = ["CostGate", "Item", "Quantity", "Refusal", "ShopLocation", "Shopify", "ShopifyAccess", "location_gid"]

T = TypeVar("T")

VERSION = "2026-04"
#: SKUs asked for in one query, and variants on one page: within the cost of one query (1,000 points).
SKUS_PER_QUERY, VARIANTS_PER_PAGE = 50, 100
#: The most quantities that one mutation takes.
MOST_QUANTITIES = 250
_MOST_PAGES = 50

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
class Quantity:
    """Set an item's Available to `goal` if it still is `seen`."""

    item_id: str
    goal: int
    seen: int


@dataclass(frozen=True, slots=True)
class _Query(Outgoing):
    """A question: GraphQL asks by POST as well, yet nothing changes."""

    @property
    def writes(self) -> bool:
        """Never."""
        return False


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
        self._wire = Caller(
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
        self, skus: Iterable[str], location_id: str, *, priority: Priority = Priority.BULK
    ) -> dict[str, tuple[Item, ...]]:
        """Every variant that carries exactly one of these SKUs, by SKU. The shop's search ignores case and finds
        more; a SKU may be on several variants. One that is nowhere is left out."""
        wanted = sorted(set(skus))
        found: dict[str, tuple[Item, ...]] = {}
        for start in range(0, len(wanted), SKUS_PER_QUERY):
            part = wanted[start : start + SKUS_PER_QUERY]
            variables = {"search": _search(part), "location": location_gid(location_id), "first": VARIANTS_PER_PAGE}
            for item in self._all(_ITEMS, variables, "productVariants", item_of, priority):
                if item.sku in part:
                    found[item.sku] = (*found.get(item.sku, ()), item)
        return found

    def locations(self, *, priority: Priority = Priority.BULK) -> tuple[ShopLocation, ...]:
        """The shop's locations."""
        return tuple(self._all(_LOCATIONS, {"first": 50}, "locations", location_of, priority))

    def set_available(
        self, quantities: Sequence[Quantity], location_id: str, *, priority: Priority = Priority.BULK
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
            return self._wire.send(Outgoing("POST", _PATH, priority, body=body), refusals_of)
        except Uncertain:
            return self._wire.send(Outgoing("POST", _PATH, priority, body=body), refusals_of)

    def _all(
        self, query: str, variables: Mapping[str, Any], key: str, read: Callable[[Any], T], priority: Priority
    ) -> Iterable[T]:
        after: str | None = None
        for _ in range(_MOST_PAGES):
            body = dumps({"query": query, "variables": {**variables, "after": after}})
            page = self._wire.send(_Query("POST", _PATH, priority, body=body), lambda data: page_of(data, key))
            yield from fitting(page["nodes"], read, key, BadAnswer)
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
    """The SKU between quotes of the kind it does not hold; its backslashes, and the quotes that are left, follow a
    backslash ("Shopify API search syntax": either kind of quote, special characters escaped by a backslash)."""
    quote = "'" if '"' in sku and "'" not in sku else '"'
    return quote + re.sub(rf"([\\{quote}])", r"\\\1", sku) + quote
