from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from pipeline.calls.call import Call, Http
from pipeline.calls.failures import (
    BadAnswer,
    CredentialsRejected,
    NoAnswer,
    NotFound,
    Rejected,
    Throttled,
    Unavailable,
    Uncertain,
    WireError,
)
from pipeline.returngo.client import ReturnGo, ReturnGoAccess
from tests.pipeline.calls.open_gate import OpenGate
from tests.schemas.returngo.rma_bodies import rma, transaction

Serve = Callable[[httpx.Request], Any]
SINCE = datetime(2026, 3, 1, tzinfo=UTC)


class Shop:
    """A client on a made-up shop, with every request it made and every record it told."""

    def __init__(self, serve: Serve, comment_field: str = "") -> None:
        self.requests: list[httpx.Request] = []
        self.calls: list[Call] = []
        self.gate = OpenGate()
        self._serve = serve
        access = ReturnGoAccess("https://returngo.invalid", "demo.myshopify.com", "the-key", comment_field)
        self.api = ReturnGo(access, self.gate, Http(httpx.MockTransport(self._respond)), self.calls.append)

    def _respond(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        told = self._serve(request)
        return told if isinstance(told, httpx.Response) else httpx.Response(200, json=told)


def refusing(field: str) -> Serve:
    def serve(request: httpx.Request) -> Any:
        known = field not in json.loads(request.content)
        return httpx.Response(201) if known else httpx.Response(400, json={"message": f"unknown field {field}"})

    return serve


def fields_sent(shop: Shop) -> list[str]:
    return [next(iter(json.loads(request.content))) for request in shop.requests]


def test_a_return_comes_with_a_body_that_may_be_stored() -> None:
    shop = Shop(lambda _: rma())
    found, kept = shop.api.return_("RMA5550001")
    assert found.rma_id == "5550001"
    assert "ada@example.invalid" not in json.dumps(kept)
    assert shop.requests[0].url.path == "/rma/5550001"
    assert (shop.requests[0].headers["x-api-key"], shop.requests[0].headers["x-shop-name"]) == (
        "the-key",
        "demo.myshopify.com",
    )


def test_another_return_than_the_one_asked_for_is_not_believed() -> None:
    with pytest.raises(BadAnswer, match="asked for 42"):
        Shop(lambda _: rma()).api.return_("42")


@pytest.mark.parametrize("rma_id", ["../transactions", "5?x=1", "", "5/comment"])
def test_an_id_from_outside_never_changes_the_path(rma_id: str) -> None:
    shop = Shop(lambda _: rma())
    with pytest.raises(ValueError, match="not a ReturnGO id"):
        shop.api.return_(rma_id)
    assert shop.requests == []


def test_the_list_is_followed_to_its_last_cursor() -> None:
    pages = {"": (["1", "2"], "c1"), "c1": (["3"], "c2"), "c2": ([], "c3")}

    def serve(request: httpx.Request) -> Any:
        ids, cursor = pages[request.url.params.get("cursor", "")]
        return {"rmas": [{"rmaId": i, "status": "Approved"} for i in ids], "next_cursor": cursor}

    shop = Shop(serve)
    rows = [row.rma_id for page in shop.api.summaries(["Approved", "Received"], SINCE) for row in page]
    assert rows == ["1", "2", "3"]
    params = shop.requests[0].url.params
    assert (params["status"], params["pagesize"]) == ("Approved,Received", "500")
    assert params["rma_updated_at"] == "gte:2026-03-01T00:00:00"
    assert b"+" not in shop.requests[0].url.query


def test_a_list_that_goes_round_in_circles_ends() -> None:
    page = {"rmas": [{"rmaId": "1", "status": "Done"}], "next_cursor": "again"}
    with pytest.raises(BadAnswer, match="circles"):
        list(Shop(lambda _: page).api.summaries(["Done"]))


def test_a_status_filter_that_was_ignored_is_noticed() -> None:
    page = {"rmas": [{"rmaId": "1", "status": "Done"}], "next_cursor": ""}
    with pytest.raises(BadAnswer, match="filter ignored"):
        list(Shop(lambda _: page).api.summaries(["Approved"]))


def test_transactions_may_be_asked_for_by_time_or_by_return() -> None:
    shop = Shop(lambda _: {"transactions": [transaction(), transaction()], "next_cursor": ""})
    assert [row.transaction_id for row in shop.api.transactions(SINCE, ["1", "2"])] == ["4400001"]
    assert shop.requests[0].url.params["updated_at"] == "gte:2026-03-01T00:00:00"
    assert shop.requests[0].url.params["rma_ids"] == "1,2"


def test_the_name_of_the_comment_field_is_learned_once() -> None:
    shop = Shop(refusing("htmlText"))
    shop.api.comment("1", "credited")
    shop.api.comment("1", "restocked")
    assert fields_sent(shop) == ["htmlText", "comment", "comment"]


def test_a_comment_field_that_is_set_is_never_second_guessed() -> None:
    shop = Shop(refusing("comment"), comment_field="comment")
    with pytest.raises(Rejected):
        shop.api.comment("1", "credited")
    assert fields_sent(shop) == ["comment"]


def test_a_comment_that_may_have_been_written_is_not_tried_under_the_other_name() -> None:
    shop = Shop(lambda _: httpx.Response(500))
    with pytest.raises(Uncertain):
        shop.api.comment("1", "credited")
    assert fields_sent(shop) == ["htmlText"]


def test_a_parcel_is_received() -> None:
    shop = Shop(lambda _: {"shipmentId": 880001, "status": "Received", "isOutbound": 0})
    assert shop.api.set_shipment("880001", "Received").received
    assert (shop.requests[0].method, shop.requests[0].url.path) == ("PUT", "/shipment/880001")


def test_a_parcel_answer_nobody_can_read_is_uncertain() -> None:
    with pytest.raises(Uncertain):
        Shop(lambda _: {"ok": True}).api.set_shipment("880001", "Received")


def test_a_hook_url_with_its_token_never_reaches_a_record() -> None:
    shop = Shop(lambda _: {"id": 1})
    shop.api.register_webhook("https://hooks.invalid/hush-hush", "RMA_CREATED")
    assert "hush" not in repr(shop.calls)


@pytest.mark.parametrize(
    ("status", "body", "of_a_read", "of_a_write"),
    [
        (400, {"message": "bad id"}, Rejected, Rejected),
        (400, "", Rejected, Rejected),
        (422, "plain text", Rejected, Rejected),
        (401, {"message": "Unauthorized"}, CredentialsRejected, CredentialsRejected),
        (403, {"message": "Forbidden"}, CredentialsRejected, CredentialsRejected),
        (404, {"error": "gone"}, NotFound, NotFound),
        (429, {"message": "Limit Exceeded"}, Throttled, Throttled),
        (408, {"message": "late"}, Unavailable, Uncertain),
        (500, "", Unavailable, Uncertain),
        (502, "<html>", Unavailable, Uncertain),
        (302, "", Unavailable, Uncertain),
        (400, "<html>proxy</html>", Unavailable, Uncertain),
        (200, "<html>", NoAnswer, Uncertain),
    ],
)
def test_each_answer_has_its_consequence(
    status: int, body: Any, of_a_read: type[WireError], of_a_write: type[WireError]
) -> None:
    told = httpx.Response(status, json=body) if isinstance(body, dict) else httpx.Response(status, text=body)
    acts: tuple[Callable[[Shop], Any], ...] = (lambda s: s.api.webhooks(), lambda s: s.api.set_shipment("1", "x"))
    for act, kind in zip(acts, (of_a_read, of_a_write), strict=True):
        shop = Shop(lambda _: told)
        with pytest.raises(WireError) as caught:
            act(shop)
        assert type(caught.value) is kind
        assert [call.outcome for call in shop.calls] == [kind.outcome]


def test_a_refusal_without_a_time_lets_the_quota_choose_how_long() -> None:
    shop = Shop(lambda _: httpx.Response(429))
    with pytest.raises(Throttled) as caught:
        shop.api.webhooks()
    assert (shop.gate.holds, caught.value.retry_after) == ([None], 60.0)
