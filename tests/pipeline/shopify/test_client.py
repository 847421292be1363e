"""The shop's inventory as a client: what is asked, what an answer means, and what is done twice or never."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import fakeredis
import httpx
import pytest

from pipeline.calls.call import Call, Http
from pipeline.calls.failures import (
    BadAnswer,
    CredentialsRejected,
    NoAnswer,
    NotSent,
    Rejected,
    Throttled,
    Unavailable,
    Uncertain,
    UnfitAnswer,
    WireError,
)
from pipeline.calls.quota import Priority, QuotaUnavailable, QuotaWait
from pipeline.shopify.client import CostGate, Item, Quantity, Refusal, Shopify, ShopifyAccess, location_gid
from tests.pipeline.calls.open_gate import OpenGate

Serve = Callable[[dict[str, Any]], Any]
FLOOR = "gid://shopify/Location/1"
TOKEN = "shpat_0123456789abcdef"


class Shop:
    """A client on a made-up shop, with every request it made and every record it told."""

    def __init__(self, serve: Serve) -> None:
        self.requests: list[httpx.Request] = []
        self.calls: list[Call] = []
        self.gate = OpenGate()
        self._serve = serve
        access = ShopifyAccess("alder", TOKEN)
        self.api = Shopify(access, self.gate, Http(httpx.MockTransport(self._respond)), self.calls.append)

    def _respond(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        told = self._serve(json.loads(request.content))
        return told if isinstance(told, httpx.Response) else httpx.Response(200, json=told)

    def sent(self, number: int = 0) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.requests[number].content)["variables"]
        return found


def node(sku: str, available: int | None = 3, item: int = 7, *, tracked: bool = True) -> dict[str, Any]:
    quantities = [{"name": "available", "quantity": available}]
    level = None if available is None else {"quantities": quantities}
    inventory = {"id": f"gid://shopify/InventoryItem/{item}", "tracked": tracked, "inventoryLevel": level}
    return {"sku": sku, "inventoryItem": inventory}


def page(*nodes: dict[str, Any], after: str | None = None, key: str = "productVariants") -> dict[str, Any]:
    info = {"hasNextPage": after is not None, "endCursor": after}
    return {"data": {key: {"nodes": list(nodes), "pageInfo": info}}}


def done(*errors: dict[str, Any]) -> dict[str, Any]:
    return {"data": {"inventorySetQuantities": {"inventoryAdjustmentGroup": None, "userErrors": list(errors)}}}


def wrong(code: str, status: int = 200, **more: Any) -> httpx.Response:
    body = {"errors": [{"message": "no", "extensions": {"code": code}}], **more}
    return httpx.Response(status, json=body)


def set_one(shop: Shop) -> tuple[Refusal, ...]:
    return shop.api.set_available([Quantity("gid://shopify/InventoryItem/7", 5, 3)], "1")


# -- asking -----------------------------------------------------------------------------------------------------------


def test_items_come_by_exact_sku_with_their_level() -> None:
    shop = Shop(lambda _: page(node("TEE"), node("tee", item=8), node("TEE-BLACK", item=9)))

    assert shop.api.items(["TEE"], "1") == {"TEE": (Item("gid://shopify/InventoryItem/7", "TEE", True, 3),)}
    assert shop.requests[0].url == "https://alder.myshopify.com/admin/api/2026-04/graphql.json"
    assert shop.requests[0].headers["x-shopify-access-token"] == TOKEN
    assert (shop.sent()["search"], shop.sent()["location"]) == ('sku:"TEE"', FLOOR)


def test_a_sku_on_two_variants_gives_both() -> None:
    assert len(Shop(lambda _: page(node("TEE"), node("TEE", item=8))).api.items(["TEE"], "1")["TEE"]) == 2


def test_an_item_that_is_not_stocked_at_the_location_has_no_level() -> None:
    assert Shop(lambda _: page(node("TEE", None))).api.items(["TEE"], "1")["TEE"][0].available is None


def test_pages_are_followed_to_the_end() -> None:
    pages = {None: page(node("A"), after="c1"), "c1": page(node("B"))}
    shop = Shop(lambda body: pages[body["variables"]["after"]])

    assert sorted(shop.api.items(["A", "B"], "1")) == ["A", "B"]


def test_a_list_that_never_ends_is_not_believed() -> None:
    with pytest.raises(BadAnswer, match="pages"):
        Shop(lambda _: page(node("A"), after="again")).api.items(["A"], "1")


def test_many_skus_are_asked_for_in_parts() -> None:
    shop = Shop(lambda _: page())

    assert shop.api.items([f"SKU-{number}" for number in range(120)], "1") == {}
    assert [len(shop.sent(number)["search"].split(" OR ")) for number in range(3)] == [50, 50, 20]


def test_a_sku_with_a_quote_stays_one_term() -> None:
    shop = Shop(lambda _: page())

    shop.api.items(['BOOT 8"'], "1")

    assert shop.sent()["search"] == "sku:'BOOT 8\"'"


@pytest.mark.parametrize(
    ("sku", "search"),
    [
        ("O'NEIL", 'sku:"O\'NEIL"'),
        ("5'6\" POLE", 'sku:"5\'6\\" POLE"'),
        ("A\\B", 'sku:"A\\\\B"'),
        ('8\\"', "sku:'8\\\\\"'"),
        ("A\\", 'sku:"A\\\\"'),
    ],
)
def test_quotes_and_backslashes_of_a_sku_never_end_its_term(sku: str, search: str) -> None:
    shop = Shop(lambda _: page(node(sku)))

    found = shop.api.items([sku], "1")

    assert (shop.sent()["search"], list(found)) == (search, [sku])


def test_locations_are_listed() -> None:
    shop = Shop(lambda _: page({"id": FLOOR, "name": "Floor", "isActive": True}, key="locations"))

    assert [(place.location_id, place.active) for place in shop.api.locations()] == [(FLOOR, True)]


@pytest.mark.parametrize("odd", [{}, {"sku": "TEE"}, {"sku": "TEE", "inventoryItem": None}, None])
def test_a_variant_without_its_item_is_not_believed(odd: Any) -> None:
    with pytest.raises(BadAnswer):
        Shop(lambda _: page(odd)).api.items(["TEE"], "1")


@pytest.mark.parametrize(("told", "meant"), [("12", "gid://shopify/Location/12"), (FLOOR, FLOOR)])
def test_a_location_may_be_named_by_its_number(told: str, meant: str) -> None:
    assert location_gid(told) == meant


# -- setting ----------------------------------------------------------------------------------------------------------


def test_a_quantity_is_set_by_comparison_and_under_a_key() -> None:
    shop = Shop(lambda _: done())

    assert set_one(shop) == ()
    [quantity] = shop.sent()["input"]["quantities"]
    assert (quantity["quantity"], quantity["changeFromQuantity"], quantity["locationId"]) == (5, 3, FLOOR)
    assert len(shop.sent()["key"]) == 36


def test_two_sets_have_two_keys() -> None:
    shop = Shop(lambda _: done())

    set_one(shop)
    set_one(shop)

    assert shop.sent(0)["key"] != shop.sent(1)["key"]


def test_a_refusal_says_which_quantity_and_why() -> None:
    path = ["input", "quantities", "0", "changeFromQuantity"]
    shop = Shop(lambda _: done({"code": "CHANGE_FROM_QUANTITY_STALE", "field": path, "message": "moved"}))

    [refusal] = set_one(shop)

    assert (refusal.stale, refusal.index, refusal.message) == (True, 0, "moved")


@pytest.mark.parametrize("path", [None, ["input", "name"], ["input", "quantities"], "input"])
def test_a_refusal_of_the_whole_call_names_no_quantity(path: Any) -> None:
    [refusal] = set_one(Shop(lambda _: done({"code": "INVALID_REASON", "field": path, "message": ""})))

    assert refusal.index is None


def test_too_many_quantities_are_refused_before_anything_is_sent() -> None:
    shop = Shop(lambda _: done())

    with pytest.raises(ValueError, match="at most 250"):
        shop.api.set_available([Quantity("i", 1, 0)] * 251, "1")
    assert shop.requests == []


def test_an_unknown_outcome_is_asked_about_once_under_the_same_key() -> None:
    answers = [httpx.Response(502), httpx.Response(200, json=done())]
    shop = Shop(lambda _: answers.pop(0))

    assert set_one(shop) == ()
    assert shop.requests[0].content == shop.requests[1].content


def test_an_outcome_that_stays_unknown_is_uncertain() -> None:
    shop = Shop(lambda _: httpx.Response(502))

    with pytest.raises(Uncertain):
        set_one(shop)
    assert len(shop.requests) == 2


# -- what an answer means ---------------------------------------------------------------------------------------------


def refuse_connection(_: dict[str, Any]) -> Any:
    raise httpx.ConnectError("refused")


@pytest.mark.parametrize(
    ("answer", "asked", "written"),
    [
        (httpx.Response(401, json={"errors": "no"}), CredentialsRejected, CredentialsRejected),
        (httpx.Response(403, text="<html>"), CredentialsRejected, CredentialsRejected),
        (httpx.Response(404, json={"errors": "Not Found"}), Rejected, Rejected),
        (httpx.Response(423, json={"errors": "locked"}), Rejected, Rejected),
        (httpx.Response(400, text="bad"), Rejected, Rejected),
        (httpx.Response(429, json={"errors": "slow down"}), Throttled, Throttled),
        (httpx.Response(429, text=""), Throttled, Throttled),
        (httpx.Response(502, text="<html>"), Unavailable, Uncertain),
        (httpx.Response(200, text="<html>"), NoAnswer, Uncertain),
        (httpx.Response(200, json={"data": None}), Unavailable, Uncertain),
        (httpx.Response(200, json={"data": {}}), UnfitAnswer, Uncertain),
        (httpx.Response(200, json=[]), Unavailable, Uncertain),
        (wrong("THROTTLED"), Throttled, Throttled),
        (wrong("ACCESS_DENIED"), CredentialsRejected, CredentialsRejected),
        (wrong("INTERNAL_SERVER_ERROR"), Unavailable, Uncertain),
        (wrong("undefinedField"), Rejected, Rejected),
    ],
)
def test_every_answer_has_one_consequence(
    answer: httpx.Response, asked: type[WireError], written: type[WireError]
) -> None:
    def serve(_: Any) -> httpx.Response:
        return httpx.Response(answer.status_code, content=answer.content)

    with pytest.raises(asked) as reading:
        Shop(serve).api.items(["TEE"], "1")
    with pytest.raises(written) as writing:
        set_one(Shop(serve))
    assert (type(reading.value), type(writing.value)) == (asked, written)


def test_a_call_that_never_left_is_not_uncertain() -> None:
    with pytest.raises(NotSent):
        set_one(Shop(refuse_connection))


def test_an_empty_bucket_says_how_long_it_takes_to_refill() -> None:
    state = {"maximumAvailable": 2000, "currentlyAvailable": 40, "restoreRate": 100}
    cost = {"cost": {"requestedQueryCost": 340, "actualQueryCost": None, "throttleStatus": state}}
    shop = Shop(lambda _: wrong("THROTTLED", extensions=cost))

    with pytest.raises(Throttled):
        shop.api.items(["TEE"], "1")

    assert shop.gate.holds == [3.0]


def test_the_token_never_reaches_a_record() -> None:
    shop = Shop(lambda _: httpx.Response(400, json={"errors": f"bad token {TOKEN}"}))

    with pytest.raises(Rejected) as refusal:
        set_one(shop)

    assert TOKEN not in repr(shop.calls) + repr(shop.api.access) + refusal.value.body_excerpt


# -- waiting together -------------------------------------------------------------------------------------------------


def test_a_hold_stops_every_worker_of_the_shop() -> None:
    redis = fakeredis.FakeRedis()
    slept: list[float] = []
    first, second = (CostGate(redis, "key", sleep=slept.append) for _ in range(2))
    second.acquire(Priority.BULK, 0.0)
    first.hold(3.0)

    with pytest.raises(QuotaWait) as wait:
        second.acquire(Priority.BULK, 1.0)
    second.acquire(Priority.BULK, 5.0)

    assert 2.0 < wait.value.seconds <= 3.0
    assert 2.0 < slept[0] <= 3.0


def test_a_hold_without_a_time_lasts_two_seconds() -> None:
    assert CostGate(fakeredis.FakeRedis(), "key").hold(None) == 2.0


def test_without_redis_nobody_asks() -> None:
    server = fakeredis.FakeServer()
    server.connected = False
    gate = CostGate(fakeredis.FakeRedis(server=server), "key")

    with pytest.raises(QuotaUnavailable):
        gate.acquire(Priority.BULK, 0.0)
    with pytest.raises(QuotaUnavailable):
        gate.hold(1.0)


def test_the_name_of_the_hold_does_not_hold_the_token() -> None:
    redis = fakeredis.FakeRedis()

    CostGate(redis, TOKEN).hold(5.0)

    assert TOKEN not in repr(redis.keys())
