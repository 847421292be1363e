from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from tests.sandbox.cin7.desk import Desk, cin7_desk
from tests.waiting import BOUND


class Mailbox:
    """Takes webhook deliveries on 127.0.0.1; `status` is what it answers."""

    def __init__(self) -> None:
        self.status = 200
        self.letters: list[tuple[str, dict[str, str], Any]] = []
        self.url = ""


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox()

    class Slot(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            box.letters.append((self.path, dict(self.headers), json.loads(body)))
            self.send_response(box.status)
            self.end_headers()

        def log_message(self, *words: Any) -> None:
            """Keep test output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Slot)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    box.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield box
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def desk() -> Iterator[Desk]:
    with cin7_desk(webhook_retry_seconds=[0.01, 0.01]) as opened:
        yield opened


def wait_for_letters(desk: Desk, box: Mailbox, count: int) -> None:
    async def pause() -> None:
        end = time.monotonic() + BOUND
        while len(box.letters) < count and time.monotonic() < end:
            await asyncio.sleep(0.01)

    desk.runner.run(pause())
    assert len(box.letters) >= count


def hook(box: Mailbox, kind: str, **changes: Any) -> dict[str, Any]:
    return {
        "Type": kind, "IsActive": True, "ExternalURL": f"{box.url}/{kind}", "ExternalAuthorizationType": "bearerauth",
        "ExternalBearerToken": "let-me-in", **changes,
    }  # fmt: skip


def test_a_credit_note_is_told_with_upper_case_ids_and_a_trailing_space(desk: Desk) -> None:
    with mailbox() as box:
        desk.post("webhooks", hook(box, "Sale/CreditNoteAuthorised"))
        sale = desk.sale()
        desk.post("sale/creditnote", desk.note(sale))
        wait_for_letters(desk, box, 1)
    ((path, headers, body),) = box.letters
    assert path == "/Sale/CreditNoteAuthorised"
    assert headers["Authorization"] == "Bearer let-me-in"
    assert body["CreditNoteNumber"] == "CR-00731 "
    assert body["SaleID"] == sale["sale_id"].upper()
    assert body["EventType"] == "Sale/CreditNoteAuthorised"


def test_stock_changes_are_a_bare_array_without_an_event_type(desk: Desk) -> None:
    with mailbox() as box:
        desk.post("webhooks", hook(box, "Stock/AvailableStockLevelChanged"))
        desk.sale()
        wait_for_letters(desk, box, 1)
    body = box.letters[0][2]
    assert {row["SKU"] for row in body} >= {"TEE-BLK-M"}
    assert all("EventType" not in row and row["MaxRows"] == len(body) for row in body)


def test_a_payment_is_dated_day_first(desk: Desk) -> None:
    with mailbox() as box:
        desk.post("webhooks", hook(box, "Sale/FullPaymentReceived", ExternalAuthorizationType="basicauth"))
        desk.sale(invoice_status="PAID")
        wait_for_letters(desk, box, 1)
    _, headers, body = box.letters[0]
    assert body["DocumentDate"] == "02/03/2026"
    assert headers["Authorization"].startswith("Basic ")


def test_a_webhook_that_is_never_taken_is_retried_and_then_switched_off(desk: Desk) -> None:
    with mailbox() as box:
        box.status = 500
        desk.post("webhooks", hook(box, "Sale/OrderAuthorised"))
        desk.sale()
        wait_for_letters(desk, box, 3)
        desk.runner.run(asyncio.sleep(0.1))
    (shown,) = desk.get("webhooks")["Webhooks"]
    assert shown["IsActive"] is False
    assert [row["status"] for row in desk.control("GET", "/deliveries")] == [500, 500, 500]


def test_the_bearer_token_reads_back_empty_and_putting_that_back_wipes_it(desk: Desk) -> None:
    with mailbox() as box:
        desk.post("webhooks", hook(box, "Sale/Voided"))
        (shown,) = desk.get("webhooks")["Webhooks"]
        assert shown["ExternalBearerToken"] == ""
        desk.ask("PUT", "webhooks", shown)
        sale = desk.sale()
        desk.control("POST", f"/sales/{sale['sale_id']}/void")
        wait_for_letters(desk, box, 1)
    assert box.letters[0][1]["Authorization"] == "Bearer"


def test_there_are_at_most_five_webhooks_of_a_type(desk: Desk) -> None:
    with mailbox() as box:
        for _ in range(5):
            desk.post("webhooks", hook(box, "Sale/Voided"))
        assert "more than 5" in desk.refusal("POST", "webhooks", hook(box, "Sale/Voided"))


def test_a_deleted_webhook_tells_nothing(desk: Desk) -> None:
    with mailbox() as box:
        made = desk.post("webhooks", hook(box, "Sale/Created"))["Webhooks"][0]
        desk.ask("DELETE", "webhooks", ID=made["ID"])
        desk.sale()
        desk.runner.run(asyncio.sleep(0.05))
    assert box.letters == []
