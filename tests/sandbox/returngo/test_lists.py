"""Paging, sorting and filtering of RMAs and transactions."""

import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sandbox.returngo.desk import SHOP, PortalDesk


def walk(desk: PortalDesk, path: str, rows: str) -> list[list[dict[str, Any]]]:
    pages: list[list[dict[str, Any]]] = []
    cursor = ""
    while len(pages) < 20:
        body = desk.api.get(f"{path}{cursor}").json()
        pages.append(body[rows])
        if not body.get("next_cursor") or not body[rows]:
            return pages
        cursor = f"&cursor={body['next_cursor']}"
    raise AssertionError("the cursor never ends")


def test_a_row_of_the_list_has_no_items_no_money_and_no_time_of_change(desk: PortalDesk) -> None:
    desk.rma()

    (row,) = desk.api.get("/rmas?pagesize=10").json()["rmas"]

    assert set(row) == {"rmaId", "status", "order_name", "events"}


@pytest.mark.parametrize("query", ["", "?pagesize=0", "?pagesize=501", "?pagesize=many"])
@pytest.mark.parametrize("path", ["/rmas", "/transactions"])
def test_a_list_without_a_sensible_page_size_is_refused(desk: PortalDesk, path: str, query: str) -> None:
    assert desk.api.get(f"{path}{query}").status_code == 400


def test_cursors_lead_through_every_rma_once_newest_first(desk: PortalDesk) -> None:
    built = [desk.rma()["rma_id"] for _ in range(5)]

    pages = walk(desk, "/rmas?pagesize=2", "rmas")

    assert [[row["rmaId"] for row in page] for page in pages] == [built[4:2:-1], built[2:0:-1], built[:1]]


def test_the_rma_cursor_names_a_row_not_yet_given_and_the_transaction_cursor_one_already_given(
    desk: PortalDesk,
) -> None:
    rmas = [desk.rma(status="Received", auto_refund="received") for _ in range(3)]

    following = desk.api.get("/rmas?pagesize=1").json()["next_cursor"]
    already = desk.api.get("/transactions?pagesize=1").json()["next_cursor"]

    assert base64.b64decode(following).decode() == f"returns.id:{rmas[1]['rma_id']}"
    assert base64.b64decode(already).decode() == str(rmas[0]["transaction_ids"][0])


def test_transactions_are_listed_oldest_first(desk: PortalDesk) -> None:
    built = [desk.rma(status="Received", auto_refund="received")["transaction_ids"][0] for _ in range(3)]

    pages = walk(desk, "/transactions?pagesize=2", "transactions")

    assert [row["id"] for page in pages for row in page] == built


@pytest.mark.parametrize("manner", ["missing", "empty_string", "empty_page"])
def test_the_last_page_may_end_in_three_ways_and_none_repeats_a_row(desk: PortalDesk, manner: str) -> None:
    desk.settings(last_page=manner)
    built = {desk.rma(status="Received", auto_refund="received")["rma_id"] for _ in range(3)}

    rmas = [row["rmaId"] for page in walk(desk, "/rmas?pagesize=2", "rmas") for row in page]
    rows = [row["id"] for page in walk(desk, "/transactions?pagesize=2", "transactions") for row in page]

    assert sorted(rmas) == sorted(built)
    assert len(rows) == len(set(rows)) == 3


def test_a_cursor_survives_its_row_leaving_the_filter(desk: PortalDesk) -> None:
    first, second, third = (desk.rma(status="Approved") for _ in range(3))
    cursor = desk.api.get("/rmas?pagesize=1&status=Approved").json()["next_cursor"]
    desk.act(second, "receive")

    page = desk.api.get(f"/rmas?pagesize=5&status=Approved&cursor={cursor}").json()["rmas"]

    assert [row["rmaId"] for row in page] == [first["rma_id"]]
    assert third["rma_id"] not in {row["rmaId"] for row in page}


def test_an_invented_cursor_is_refused(desk: PortalDesk) -> None:
    desk.rma()

    assert desk.api.get("/rmas?pagesize=5&cursor=nonsense!").status_code == 400


def test_an_unescaped_plus_in_sort_by_is_a_space_and_refused(desk: PortalDesk) -> None:
    built = [desk.rma()["rma_id"] for _ in range(2)]

    assert desk.api.get("/rmas?pagesize=5&sort_by=+rma_created_at").status_code == 400
    assert set(desk.listed("&sort_by=%2Brma_created_at,-rma_updated_at")) == set(built)


def test_rmas_sort_by_creation_in_both_directions(desk: PortalDesk) -> None:
    late = desk.rma(created_at="2026-03-02T08:00:00+00:00")["rma_id"]
    early = desk.rma(created_at="2026-03-01T08:00:00+00:00")["rma_id"]

    assert desk.listed("&sort_by=%2Brma_created_at") == [early, late]
    assert desk.listed("&sort_by=-rma_created_at") == [late, early]


@pytest.mark.parametrize("value", ["2026-03-01T00:00:00+00:00", "gte:2026-03-01T00:00:00+00:00", "gte:soon"])
def test_a_time_filter_with_a_bare_plus_or_without_an_operator_is_refused(desk: PortalDesk, value: str) -> None:
    assert desk.api.get(f"/rmas?pagesize=5&rma_created_at={value}").status_code == 400


def test_time_filters_take_naive_utc(desk: PortalDesk) -> None:
    old = desk.rma(created_at="2026-03-01T08:00:00+00:00")["rma_id"]
    new = desk.rma(created_at="2026-03-02T08:00:00+00:00")["rma_id"]

    assert desk.listed("&rma_created_at=gte:2026-03-02T08:00:00") == [new]
    assert desk.listed("&rma_created_at=lt:2026-03-02T08:00:00") == [old]


def test_a_sweep_by_time_of_change_misses_a_receipt(desk: PortalDesk) -> None:
    rma = desk.rma(status="Approved", created_at="2026-03-01T08:00:00+00:00")

    desk.act(rma, "receive")

    assert desk.listed("&rma_updated_at=gte:2026-03-02T00:00:00") == []
    assert desk.listed("&status=Approved,Received,Validated") == [rma["rma_id"]]


@pytest.mark.parametrize(("manner", "expected"), [("last", 2), ("both", 1)])
def test_one_column_filtered_twice_may_or_may_not_be_a_range(desk: PortalDesk, manner: str, expected: int) -> None:
    desk.settings(repeated_filter=manner)
    desk.rma(created_at="2026-03-01T08:00:00+00:00")
    desk.rma(created_at="2026-03-03T08:00:00+00:00")

    found = desk.listed("&rma_created_at=gte:2026-03-02T00:00:00&rma_created_at=lt:2026-03-09T00:00:00")

    assert len(found) == expected


def test_the_status_filter_takes_a_comma_list_and_spells_canceled_with_one_l(desk: PortalDesk) -> None:
    approved, canceled = desk.rma(status="Approved"), desk.rma(status="Canceled")
    desk.rma()

    assert set(desk.listed("&status=Approved,Canceled")) == {approved["rma_id"], canceled["rma_id"]}
    assert desk.api.get("/rmas?pagesize=5&status=Cancelled").status_code == 400


def test_the_list_filters_by_order_name(desk: PortalDesk) -> None:
    wanted = desk.rma(order_name="#7")
    desk.rma(order_name="#8")

    assert desk.listed("&order_name=%237,%239") == [wanted["rma_id"]]


def test_a_shop_sees_only_its_own_rmas(desk: PortalDesk) -> None:
    desk.order("/shops", shop_name="other.myshopify.com", api_key="other-key")
    theirs = desk.rma(shop_name="other.myshopify.com")
    mine = desk.rma(shop_name=SHOP)

    assert desk.listed() == [mine["rma_id"]]
    assert desk.api.get(f"/rma/{theirs['rma_id']}").status_code == 404


def test_a_transaction_row_names_neither_rma_nor_order_yet_both_filter(desk: PortalDesk) -> None:
    rma, _ = (desk.rma(status="Received", auto_refund="received") for _ in range(2))

    (row,) = desk.transactions(f"&rma_ids={rma['rma_id']}")

    assert desk.transactions(f"&order_ids={rma['order_id']}") == [row]
    assert row["returnItemIds"] == rma["returned_item_ids"]
    assert not {"rmaId", "orderId", "order_name"} & set(row)


def test_transactions_filter_by_status_type_and_time_of_change(desk: PortalDesk) -> None:
    rma = desk.rma(status="Received")
    desk.act(rma, "refund", {"settles_after": "0"})
    desk.act(rma, "refund", {"settles_after": "9000", "type": "RefundToStoreCredit"})

    assert [row["type"] for row in desk.transactions("&statuses=Success")] == ["RefundToPaymentMethod"]
    assert [row["status"] for row in desk.transactions("&types=RefundToStoreCredit")] == ["Requested"]
    assert desk.transactions("&updated_at=lt:2020-01-01T00:00:00") == []


@settings(max_examples=25, deadline=None)
@given(
    statuses=st.lists(st.sampled_from(["Pending", "Approved", "Received", "Canceled"]), max_size=12),
    size=st.integers(1, 5),
    sort=st.sampled_from(["", "&sort_by=%2Brma_created_at", "&sort_by=-rma_updated_at"]),
)
def test_pages_hold_every_matching_rma_exactly_once_whatever_the_size_and_order(
    statuses: list[str], size: int, sort: str
) -> None:
    desk = PortalDesk()
    built = {desk.rma(status=status)["rma_id"]: status for status in statuses}

    pages = walk(desk, f"/rmas?pagesize={size}&status=Approved,Received{sort}", "rmas")

    found = [row["rmaId"] for page in pages for row in page]
    assert sorted(found) == sorted(rma for rma, status in built.items() if status in ("Approved", "Received"))
    assert all(len(page) == size for page in pages[:-1])
    desk.close()
