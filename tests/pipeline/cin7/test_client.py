from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import httpx
import pytest

from pipeline.calls.call import Http
from pipeline.calls.failures import BadAnswer, IncompleteSweep, Rejected, Uncertain
from pipeline.calls.quota import Priority
from pipeline.cin7 import Cin7, Cin7Access
from tests.pipeline.calls.open_gate import OpenGate

SALE = "0a1b2c3d-1111-4222-8333-444455556666"
SINCE = datetime(2026, 3, 1, tzinfo=UTC)
Serve = Callable[[httpx.Request], Any]


def client(serve: Serve, gate: OpenGate | None = None) -> Cin7:
    def respond(request: httpx.Request) -> httpx.Response:
        told = serve(request)
        return told if isinstance(told, httpx.Response) else httpx.Response(200, json=told)

    http = Http(httpx.MockTransport(respond))
    return Cin7(Cin7Access("https://cin7.invalid/v2/", "a", "k"), gate or OpenGate(), http)


def row(number: int, **changes: Any) -> dict[str, Any]:
    body = {
        "SaleID": f"s-{number}",
        "OrderNumber": f"SO-{number}",
        "OrderStatus": "DRAFT",
        "CustomerReference": "#5501",
    }
    return body | {"Updated": "2026-03-05T08:11:38.02Z"} | changes


def paged(pages: list[list[dict[str, Any]]], total: int, key: str = "SaleList") -> Serve:
    return lambda request: {"Total": total, key: pages[int(request.url.params["Page"]) - 1]}


def stock(sku: str, bin_: str = "") -> dict[str, Any]:
    return {"ID": SALE, "SKU": sku, "Location": "Main", "Bin": bin_, "OnHand": 1, "Available": 1}


def test_a_list_is_read_to_its_end_a_thousand_rows_at_a_time() -> None:
    asked: list[str] = []
    pages = [[row(n) for n in range(1000)], [row(n) for n in range(1000, 1500)]]

    def serve(request: httpx.Request) -> Any:
        asked.append(str(request.url.query, "ascii"))
        return paged(pages, 1500)(request)

    found = [one for page in client(serve).sale_rows(SINCE, order_status="DRAFT") for one in page]
    assert len(found) == 1500
    assert asked[0] == "UpdatedSince=2026-03-01T00%3A00%3A00&OrderStatus=DRAFT&Page=1&Limit=1000"
    assert len(asked) == 2


def test_a_row_that_moved_between_pages_comes_once_and_the_lost_one_is_noticed() -> None:
    pages = [[row(n) for n in range(1000)], [row(999)]]
    pages_read = client(paged(pages, 1001)).sale_rows()
    assert len(next(pages_read)) == 1000
    with pytest.raises(IncompleteSweep) as caught:
        next(pages_read)
    assert (caught.value.got, caught.value.total) == (1000, 1001)


def test_a_sweep_that_is_short_of_rows_is_never_believed() -> None:
    serve = paged([[stock("A"), stock("B", "A-01")]], 3, "ProductAvailabilityList")
    with pytest.raises(IncompleteSweep, match="2 of 3"):
        client(serve).availability()


def test_a_sweep_that_breaks_on_its_second_page_gives_nothing() -> None:
    def serve(request: httpx.Request) -> Any:
        if request.url.params["Page"] == "2":
            return httpx.Response(502, text="Bad gateway")
        return {"Total": 1500, "ProductAvailabilityList": [stock(f"S{n}") for n in range(1000)]}

    with pytest.raises(Exception, match="status 502"):
        client(serve).availability()


@pytest.mark.parametrize("body", [{"SaleList": []}, {"Total": 3}, {"Total": "many", "SaleList": []}])
def test_a_list_without_its_total_or_its_rows_is_not_believed(body: dict[str, Any]) -> None:
    with pytest.raises(BadAnswer):
        list(client(lambda _: body).sale_rows())


def test_a_status_filter_that_was_ignored_is_noticed() -> None:
    serve = paged([[row(1), row(2, OrderStatus="AUTHORISED")]], 2)
    with pytest.raises(BadAnswer, match="filter ignored: OrderStatus=DRAFT"):
        list(client(serve).sale_rows(order_status="DRAFT"))


def test_a_time_filter_that_was_ignored_is_noticed() -> None:
    serve = paged([[row(1), row(2, Updated="2019-01-01T00:00:00Z")]], 2)
    with pytest.raises(BadAnswer, match="UpdatedSince"):
        list(client(serve).credit_note_rows(SINCE))


def test_a_search_that_was_ignored_is_noticed() -> None:
    with pytest.raises(BadAnswer, match="filter ignored: Search"):
        client(paged([[row(n) for n in range(100)]], 100)).find_sales("#9999")


def test_a_near_match_is_the_callers_to_refuse() -> None:
    rows = [row(1), row(2, CustomerReference="#55012"), row(3, CustomerReference="", Customer="Shop #5501")]
    found = client(paged([rows], 3)).find_sales("#5501")
    assert [one.sale_id for one in found] == ["s-1", "s-2", "s-3"]


def test_stock_of_a_sku_is_compared_exactly() -> None:
    serve = paged([[stock("TEE"), stock("TEE-BLK", "A-01")]], 2, "ProductAvailabilityList")
    assert [one.sku for one in client(serve).availability_of("TEE")] == ["TEE"]


def test_products_match_exactly_first_and_then_without_case() -> None:
    rows = [{"ID": "p-1", "SKU": "Tee"}, {"ID": "p-2", "SKU": "TEE"}, {"ID": "p-3", "SKU": "TEE-BLK"}]
    serve = paged([rows], 3, "Products")
    assert [one.product_id for one in client(serve).products("TEE")] == ["p-2"]
    assert [one.product_id for one in client(serve).products("tee")] == ["p-1", "p-2"]


def test_a_filter_time_is_sent_in_utc_without_a_suffix_and_never_naive() -> None:
    seen: list[str] = []

    def serve(request: httpx.Request) -> Any:
        seen.append(request.url.params["UpdatedSince"])
        return {"Total": 0, "SaleList": []}

    east = timezone(timedelta(hours=5))
    list(client(serve).sale_rows(datetime(2026, 3, 1, 2, tzinfo=east)))
    assert seen == ["2026-02-28T21:00:00"]
    with pytest.raises(ValueError, match="time zone"):
        list(client(serve).sale_rows(datetime(2026, 3, 1)))  # noqa: DTZ001 - the mistake itself


def test_another_sale_than_the_one_asked_for_is_not_believed() -> None:
    other = {
        "ID": "another",
        "Type": "Simple Sale",
        "Status": "X",
        "TaxCalculation": "Inclusive",
        "BaseCurrency": "GBP",
    }
    with pytest.raises(BadAnswer, match="asked for"):
        client(lambda _: other).sale(SALE)


def test_a_write_answered_with_an_unreadable_note_is_uncertain() -> None:
    with pytest.raises(Uncertain, match=r"CreditNotes\[0\].TaskID: missing"):
        client(lambda _: {"CreditNotes": [{"Status": "DRAFT"}]}).post_credit_note({}, "GBP")


def test_money_is_sent_without_passing_through_floating_point() -> None:
    sent: list[bytes] = []

    def serve(request: httpx.Request) -> Any:
        sent.append(request.content)
        return {"CreditNotes": []}

    client(serve).post_credit_note({"Tax": Decimal("1826.0870")}, "GBP")
    assert sent == [b'{"Tax":1826.0870}']


def test_stock_that_is_already_as_asked_counts_as_done() -> None:
    text = "Stock is the same, no need to create Stock Adjustment."
    refused = httpx.Response(400, content=json.dumps([{"ErrorCode": 400, "Exception": text}]))
    assert client(lambda _: refused).post_adjustment({}) is None


def test_any_other_refusal_of_an_adjustment_stays_a_refusal() -> None:
    with pytest.raises(Rejected):
        client(lambda _: httpx.Response(400, json="Account is required")).post_adjustment({})


def test_write_offs_are_found_by_their_notes_and_not_by_their_place() -> None:
    rows: list[dict[str, Any]] = [
        {"TaskID": "1", "Notes": "RMA 77 RL-abc"},
        {"TaskID": "2", "Notes": None, "Location": "RL-abc street"},
    ]
    assert [one.task_id for one in client(paged([rows], 2, "InventoryWriteOffs")).find_write_offs("RL-abc")] == ["1"]


def test_adjustments_are_found_on_any_page_because_the_list_knows_no_search() -> None:
    first: list[dict[str, Any]] = [{"TaskID": str(n), "Reference": "other"} for n in range(1000)]
    pages = [first, [{"TaskID": "x", "Reference": "RMA 77 RL-abc"}]]
    assert [one.task_id for one in client(paged(pages, 1001, "StockAdjustmentList")).find_adjustments("RL-abc")] == [
        "x"
    ]


def test_equal_journal_lines_are_all_kept() -> None:
    line: dict[str, Any] = {"TaskID": "1", "DebitAccountCode": "630", "Amount": "9.4"}
    found = client(paged([[line, line]], 2, "Transactions")).transactions(date(2026, 3, 1), date(2026, 3, 31))
    assert len(found) == 2


def test_payments_are_a_bare_list_and_an_object_in_its_place_is_not_believed() -> None:
    assert client(lambda _: []).payments(SALE, "GBP") == ()
    with pytest.raises(BadAnswer):
        client(lambda _: {"Payments": []}).payments(SALE, "GBP")


def test_sweeps_are_bulk_and_a_sale_for_a_return_is_money() -> None:
    gate = OpenGate()
    serve: Serve = lambda _: {"Total": 0, "SaleList": [], "CreditNotes": []}  # noqa: E731
    cin7 = client(serve, gate)
    list(cin7.sale_rows())
    cin7.credit_notes(SALE, "GBP")
    cin7.credit_notes(SALE, "GBP", priority=Priority.BULK)
    assert gate.lanes == [Priority.BULK, Priority.MONEY, Priority.BULK]
