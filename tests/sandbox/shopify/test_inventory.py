"""The practice Shopify's inventory: reading by SKU, compare-and-set, idempotency keys, and the cost bucket."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from sandbox import shopify
from sandbox.world import World
from tests.sandbox.returngo.desk import InProcess

BY_SKU = """
query BySku($search: String!, $first: Int = 10, $after: String) {
  productVariants(first: $first, after: $after, query: $search) {
    nodes { id sku inventoryItem { id ...stock } }
    pageInfo { hasNextPage endCursor }
  }
}
fragment stock on InventoryItem {
  inventoryLevels(first: 5) {
    edges { node { location { id name } quantities(names: ["available", "on_hand"]) { name quantity } } }
  }
}
"""
SET = """
mutation Set($input: InventorySetQuantitiesInput!, $key: String!) {
  inventorySetQuantities(input: $input) @idempotent(key: $key) {
    inventoryAdjustmentGroup { reason changes { name delta quantityAfterChange } }
    userErrors { code field message }
  }
}
"""


class Shop:
    """A practice shop with one tee at one warehouse."""

    def __init__(self) -> None:
        self.world = World(1)
        mounts = [
            Mount("/control/shopify", routes=shopify.control_routes(self.world)),
            Mount("/shopify", routes=shopify.routes(self.world)),
        ]
        self.wire = httpx.Client(transport=InProcess(Starlette(routes=mounts)), base_url="http://practice")
        seeded = self.control("/variants", variants=[{"sku": "TEE-BLK-M", "levels": {"Main Warehouse": 5}}])
        self.item = seeded["variants"][0]["inventory_item_id"]
        self.location = seeded["variants"][0]["locations"]["Main Warehouse"]

    def control(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self.wire.post(f"/control/shopify{path}", json=body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def settings(self, **body: Any) -> None:
        assert self.wire.patch("/control/shopify/settings", json=body).status_code == 200

    def ask(
        self, query: str, version: str = "2026-04", token: str = "practice-token", **variables: Any
    ) -> httpx.Response:
        return self.wire.post(
            f"/shopify/admin/api/{version}/graphql.json",
            json={"query": query, "variables": variables},
            headers={"x-shopify-access-token": token},
        )

    def quantity(self, goal: int, expected: int | None, **more: Any) -> dict[str, Any]:
        place = {"inventoryItemId": self.item, "locationId": self.location}
        return {**place, "quantity": goal, "changeFromQuantity": expected, **more}

    def set_(self, *quantities: dict[str, Any], key: str = "key-1", query: str = SET, **more: Any) -> dict[str, Any]:
        given = {"name": "available", "reason": "correction", "quantities": list(quantities), **more}
        return dict(self.ask(query, input=given, key=key).json())

    def available(self) -> int:
        return int(self.wire.get("/control/shopify/levels").json()["levels"][0]["available"])

    def codes(self, answer: dict[str, Any]) -> list[str]:
        return [error["code"] for error in answer["data"]["inventorySetQuantities"]["userErrors"]]


@pytest.fixture
def shop() -> Iterator[Shop]:
    shop = Shop()
    yield shop
    shop.wire.close()


def test_a_variant_is_found_by_sku_with_its_item_and_levels(shop: Shop) -> None:
    shop.control("/variants", variants=[{"sku": "OTHER", "levels": {"Main Warehouse": 9}}])

    (found,) = shop.ask(BY_SKU, search="sku:tee-blk-m").json()["data"]["productVariants"]["nodes"]

    assert found["inventoryItem"]["id"] == shop.item
    (edge,) = found["inventoryItem"]["inventoryLevels"]["edges"]
    assert edge["node"]["location"] == {"id": shop.location, "name": "Main Warehouse"}
    assert edge["node"]["quantities"][0] == {"name": "available", "quantity": 5}


@pytest.mark.parametrize("sku", ["5'6\" POLE", "A\\B", 'BOOT 8"', "O'NEIL", "A\\", "A (B): C", "A OR B"])
def test_a_sku_is_found_as_the_client_writes_it_whatever_it_holds(shop: Shop, sku: str) -> None:
    shop.control("/variants", variants=[{"sku": sku}, {"sku": "5'6"}, {"sku": "A"}])
    written = "'BOOT 8\"'" if sku.startswith("BOOT") else '"' + sku.replace("\\", "\\\\").replace('"', '\\"') + '"'

    for term in (f"sku:{written}", f"sku:NONE OR sku:{written} OR sku:NOBODY"):
        found = shop.ask(BY_SKU, search=term).json()["data"]["productVariants"]["nodes"]
        assert [node["sku"] for node in found] == [sku]


def test_a_quote_that_nobody_escaped_ends_the_term(shop: Shop) -> None:
    shop.control("/variants", variants=[{"sku": "5'6\" POLE"}])

    assert shop.ask(BY_SKU, search='sku:"5\'6" POLE"').json()["data"]["productVariants"]["nodes"] == []


def test_one_sku_on_two_variants_finds_both(shop: Shop) -> None:
    shop.control("/variants", variants=[{"sku": "TEE-BLK-M", "product": "Bundle"}])

    found = shop.ask(BY_SKU, search="sku:'TEE-BLK-M' OR sku:NONE").json()["data"]["productVariants"]["nodes"]

    assert len(found) == 2


def test_pages_follow_the_end_cursor(shop: Shop) -> None:
    shop.control("/variants", variants=[{"sku": f"SKU-{number}"} for number in range(4)])

    first = shop.ask(BY_SKU, search="", first=3).json()["data"]["productVariants"]
    rest = shop.ask(BY_SKU, search="", first=3, after=first["pageInfo"]["endCursor"]).json()["data"]["productVariants"]

    skus = [node["sku"] for node in first["nodes"] + rest["nodes"]]
    assert skus == ["TEE-BLK-M", "SKU-0", "SKU-1", "SKU-2", "SKU-3"]
    assert (first["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (True, False)


def test_a_quantity_is_set_when_the_expected_one_still_stands(shop: Shop) -> None:
    answer = shop.set_(shop.quantity(12, 5))

    change = {"name": "available", "delta": 7, "quantityAfterChange": 12}
    assert answer["data"]["inventorySetQuantities"]["inventoryAdjustmentGroup"]["changes"] == [change]
    assert shop.available() == 12


def test_a_stale_expectation_changes_nothing(shop: Shop) -> None:
    shop.control("/levels", sku="TEE-BLK-M", location="Main Warehouse", available=4)

    answer = shop.set_(shop.quantity(12, 5))

    assert shop.codes(answer) == ["CHANGE_FROM_QUANTITY_STALE"]
    assert shop.available() == 4


def test_one_bad_quantity_spoils_the_whole_call(shop: Shop) -> None:
    stranger = {**shop.quantity(1, None), "inventoryItemId": "gid://shopify/InventoryItem/1"}

    assert shop.codes(shop.set_(shop.quantity(12, 5), stranger)) == ["INVALID_INVENTORY_ITEM"]
    assert shop.available() == 5


def test_an_explicit_null_skips_the_comparison(shop: Shop) -> None:
    assert shop.codes(shop.set_(shop.quantity(12, None))) == []
    assert shop.available() == 12


def test_leaving_the_expected_quantity_out_is_an_error_and_not_a_null(shop: Shop) -> None:
    quantity = shop.quantity(12, 5)
    del quantity["changeFromQuantity"]

    answer = shop.set_(quantity)

    assert answer["errors"][0]["extensions"]["code"] == "INVALID_FIELD_ARGUMENTS"
    assert shop.available() == 5


@pytest.mark.parametrize("legacy", ["compareQuantity", "ignoreCompareQuantity"])
def test_the_compare_fields_of_older_versions_are_gone(shop: Shop, legacy: str) -> None:
    assert shop.set_(shop.quantity(12, 5, **{legacy: 5}))["errors"][0]["extensions"]["code"] == "argumentNotAccepted"


def test_a_write_without_an_idempotency_key_is_refused_at_the_top_level(shop: Shop) -> None:
    answer = shop.set_(shop.quantity(12, 5), query=SET.replace("@idempotent(key: $key)", ""))

    assert answer["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    assert answer["data"] == {"inventorySetQuantities": None}
    assert shop.available() == 5


def test_the_same_key_and_input_again_gives_the_first_answer_and_no_second_change(shop: Shop) -> None:
    first = shop.set_(shop.quantity(12, 5))
    shop.control("/levels", sku="TEE-BLK-M", location="Main Warehouse", available=11)

    again = shop.set_(shop.quantity(12, 5))

    assert again["data"] == first["data"]
    assert shop.available() == 11
    assert len(shop.wire.get("/control/shopify/changes").json()["changes"]) == 1


def test_the_same_key_for_something_else_is_a_mismatch(shop: Shop) -> None:
    shop.set_(shop.quantity(12, 5))

    assert shop.codes(shop.set_(shop.quantity(13, 12))) == ["IDEMPOTENCY_KEY_PARAMETER_MISMATCH"]


def test_a_key_that_failed_once_needs_a_successor(shop: Shop) -> None:
    shop.set_(shop.quantity(12, 3))

    assert shop.codes(shop.set_(shop.quantity(12, 3))) == ["IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED"]
    assert shop.codes(shop.set_(shop.quantity(12, 5), key="key-2")) == []


def test_a_key_is_forgotten_after_a_day(shop: Shop) -> None:
    shop.set_(shop.quantity(12, None))
    shop.control("/levels", sku="TEE-BLK-M", location="Main Warehouse", available=1)
    shop.world.clock.advance(86_401)

    shop.set_(shop.quantity(12, None))

    assert shop.available() == 12


def test_an_item_must_be_stocked_at_a_location_before_its_quantity_is_set(shop: Shop) -> None:
    shop.control("/variants", variants=[{"sku": "RUG", "levels": {"Leeds": 1}}])
    leeds = shop.ask("{ locations(first: 5) { nodes { id name } } }").json()["data"]["locations"]["nodes"][1]["id"]
    quantity = {**shop.quantity(3, None), "locationId": leeds}

    refused = shop.codes(shop.set_(quantity))
    places = f'inventoryItemId: "{shop.item}", locationId: "{leeds}"'
    activation = f'mutation {{ inventoryActivate({places}) @idempotent(key: "a") {{ userErrors {{ code }} }} }}'
    shop.ask(activation)

    assert refused == ["ITEM_NOT_STOCKED_AT_LOCATION"]
    assert shop.codes(shop.set_(quantity, key="key-2")) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"name": "incoming"}, "INVALID_NAME"),
        ({"reason": "because"}, "INVALID_REASON"),
    ],
)
def test_name_and_reason_come_from_closed_lists(shop: Shop, change: dict[str, Any], code: str) -> None:
    assert shop.codes(shop.set_(shop.quantity(12, 5), **change)) == [code]


def test_negative_and_doubled_quantities_are_refused(shop: Shop) -> None:
    assert shop.codes(shop.set_(shop.quantity(-1, 5))) == ["INVALID_QUANTITY_NEGATIVE"]
    doubled = shop.set_(shop.quantity(1, 5), shop.quantity(2, 5), key="key-2")
    assert shop.codes(doubled) == ["NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR"]


def test_on_hand_counts_what_is_committed_to_orders(shop: Shop) -> None:
    shop.control("/levels", sku="TEE-BLK-M", location="Main Warehouse", available=5, committed=2)

    assert shop.codes(shop.set_(shop.quantity(10, 7), name="on_hand")) == []
    assert shop.available() == 8


def test_every_answer_tells_its_cost_and_what_is_left(shop: Shop) -> None:
    cost = shop.ask(BY_SKU, search="sku:TEE-BLK-M").json()["extensions"]["cost"]

    assert cost["actualQueryCost"] < cost["requestedQueryCost"]
    assert cost["throttleStatus"]["currentlyAvailable"] == 2000 - cost["actualQueryCost"]


def test_an_empty_bucket_throttles_with_200_and_no_data_until_it_refills(shop: Shop) -> None:
    shop.settings(maximum_available=15, restore_rate=1)
    shop.set_(shop.quantity(12, 5))

    throttled = shop.ask(SET, input={"name": "available", "reason": "correction", "quantities": []}, key="key-2")
    shop.world.clock.advance(60)

    assert (throttled.status_code, throttled.json()["errors"][0]["extensions"]["code"]) == (200, "THROTTLED")
    assert "data" not in throttled.json()
    assert shop.codes(shop.set_(shop.quantity(13, 12), key="key-3")) == []


def test_a_query_too_dear_for_any_bucket_is_refused_outright(shop: Shop) -> None:
    answer = shop.ask(BY_SKU, search="", first=250).json()

    assert answer["errors"][0]["extensions"]["code"] == "MAX_COST_EXCEEDED"


def test_a_field_that_does_not_exist_is_named(shop: Shop) -> None:
    answer = shop.ask("{ productVariants(first: 1) { nodes { stock } } }").json()

    assert answer["errors"][0]["message"] == "Field 'stock' doesn't exist on type 'ProductVariant'"


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("{ locations(first: 1) }", "selectionMismatch"),
        ("{ locations(first: 1) { nodes { id { digits } } } }", "selectionMismatch"),
        ("{ locations(first: 1) { nodes { ...place } } }", "useAndDefineFragment"),
        ('{ locations(first: 1, colour: "red") { nodes { id } } }', "argumentNotAccepted"),
        ("{ inventoryItem { sku } }", "missingRequired"),
        ("mutation { inventorySetQuantities(input: {}) @idempotent { userErrors { code } } }", "missingRequired"),
        ("query ($id: String!) { inventoryItem(id: $id) { sku } }", "variableMismatch"),
        ("{ locations(first: $count) { nodes { id } } }", "variableNotDefined"),
        ('{ locations(first: "1") { nodes { id } } }', "argumentLiteralsIncompatible"),
        ("query A { locations(first: 1) { nodes { id } } } query B { __typename }", "missingOperation"),
        ("query ($count: Int!) { locations(first: $count) { nodes { id } } }", "INVALID_VARIABLE"),
        ("{ locations { nodes { id } } }", "BAD_REQUEST"),
        ('{ locations(first: 1, after: "?") { nodes { id } } }', "BAD_REQUEST"),
    ],
)
def test_a_document_that_does_not_fit_the_schema_gives_no_data_and_a_code(shop: Shop, document: str, code: str) -> None:
    answer = shop.ask(document).json()

    assert answer["errors"][0]["extensions"]["code"] == code
    assert answer.get("data") is None


@pytest.mark.parametrize(
    ("document", "requested", "actual"),
    [
        ("{ __typename }", 0, 0),
        ("{ locations(first: 3) { nodes { id name } } }", 5, 2),
        ("{ locations(first: 3) { edges { node { id } cursor } pageInfo { hasNextPage } } }", 5, 4),
        ("{ ...two } fragment two on QueryRoot { a: locations(first: 2) { nodes { id } } location { id } }", 5, 2),
        ("{ products(first: 2) { nodes { variants(first: 4) { nodes { sku inventoryItem { tracked } } } } } }", 14, 5),
    ],
)
def test_a_page_costs_two_and_its_rows_and_what_was_not_there_is_given_back(
    shop: Shop, document: str, requested: int, actual: int
) -> None:
    cost = shop.ask(document).json()["extensions"]["cost"]

    assert (cost["requestedQueryCost"], cost["actualQueryCost"]) == (requested, actual)


@pytest.mark.parametrize("document", ["{ locations(first: 1", "query }{", 'query { locations(first: "'])
def test_a_broken_document_is_a_parse_error(shop: Shop, document: str) -> None:
    assert shop.ask(document).json()["errors"][0]["extensions"]["code"] == "parseError"


def test_a_wrong_token_or_version_is_refused(shop: Shop) -> None:
    assert shop.ask("{ __typename }", token="guess").status_code == 401
    assert shop.ask("{ __typename }", version="2025-01").status_code == 404


def test_the_controls_name_what_to_send(shop: Shop) -> None:
    answers = [
        shop.wire.post("/control/shopify/variants", json={"variants": [{}]}),
        shop.wire.post("/control/shopify/levels", json={"sku": "NONE"}),
    ]

    assert [answer.status_code for answer in answers] == [400, 400]
    assert [answer.json()["error"].split(":")[0] for answer in answers] == ["variants", "sku"]
