"""A proxy before the practice world that salts every answer with a shopper's personal data, and a mailbox for Sentry.

The practice world invents little about shoppers; real systems send all of it, in fields that nobody asked for.
"""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from tests.waiting import BOUND

SHOPPER = {
    "name": "Zephyrine Quillfeather",
    "mail": "zephyrine.quillfeather@canary.example",
    "phone": "+44 7700 900417",
    "street": "417 Marmalade Row",
    "city": "Upper Canarybury",
    "postcode": "ZQ9 4QF",
    "iban": "GB33BUKB20201555555555",
    "code": "GIFT-ZQ-4417-SPEND",
    "words": "my knees changed size since Tuesday",
}
_ADDRESS = {
    "name": SHOPPER["name"],
    "street1": SHOPPER["street"],
    "city": SHOPPER["city"],
    "zip": SHOPPER["postcode"],
    "phone": SHOPPER["phone"],
    "email": SHOPPER["mail"],
}
_USER = {"userFirstName": SHOPPER["name"], "userLastName": SHOPPER["name"], "userEmailAddress": SHOPPER["mail"]}
_CIN7_ADDRESS = {
    "Line1": SHOPPER["street"],
    "City": SHOPPER["city"],
    "Postcode": SHOPPER["postcode"],
    "DisplayAddressLine1": SHOPPER["street"],
    "Contact": SHOPPER["name"],
}
#: Fields of a Cin7 sale or of a row of the sale list that name the shopper (Cin7 blueprint).
_CIN7 = {
    "Customer": SHOPPER["name"],
    "Contact": SHOPPER["name"],
    "Phone": SHOPPER["phone"],
    "Email": SHOPPER["mail"],
    "BillingAddress": _CIN7_ADDRESS,
    "ShippingAddress": _CIN7_ADDRESS,
    "ShippingNotes": SHOPPER["words"],
}
#: Free text that a shop system writes into sales, and more ways to reach somebody.
_CIN7_MORE = {"Note": SHOPPER["words"], "Fax": SHOPPER["phone"], "MobilePhone": SHOPPER["phone"]}


def salted(value: Any) -> Any:
    """The answer with the shopper in every place where one may stand."""
    if isinstance(value, list):
        return [salted(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    value = {key: salted(inner) for key, inner in value.items()}
    if "rmaSummary" in value:
        return _rma(value)
    if "externalReferenceId" in value:
        return _transaction(value)
    if "SaleID" in value or ("Order" in value and "ID" in value):
        return {**value, **{key: salt for key, salt in _CIN7.items() if key in value}, **_CIN7_MORE}
    return value


def _rma(body: dict[str, Any]) -> dict[str, Any]:
    for parcel in body.get("shipments", ()):
        parcel |= {
            "customerAddress": _ADDRESS,
            "returnAddress": _ADDRESS,
            "trackingURL": f"https://t/{SHOPPER['mail']}",
        }
    for item in body.get("items", ()):
        item["extendedReason"] = SHOPPER["words"]
        answer = {"textAnswer": SHOPPER["words"], "name": SHOPPER["name"]}
        item["followUpQuestions"] = [{"type": "Text", "name": "Why?", "answer": answer}]
        if isinstance(item.get("itemValidationStatusResponse"), dict):
            item["itemValidationStatusResponse"]["userDetails"] = _USER
    for event in body["rmaSummary"].get("events", ()):
        event["userDetails"] = _USER
    told = {"commentType": "merchant", "triggeredBy": SHOPPER["name"], "datetime": "2026-11-01T10:00:00+00:00"}
    body.setdefault("comments", []).append({**told, "htmlText": f"<b>{SHOPPER['name']}</b> wrote: {SHOPPER['words']}"})
    return {**body, "customer": _ADDRESS, "orderNotes": SHOPPER["words"], "bankDetails": {"iban": SHOPPER["iban"]}}


def _transaction(body: dict[str, Any]) -> dict[str, Any]:
    bank = {"iban": SHOPPER["iban"], "accountHolder": SHOPPER["name"]}
    code = {"externalReferenceType": "StoreCreditCode", "externalReferenceId": SHOPPER["code"]}
    return {**body, "bankAccountDetails": bank, **code}


class _Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        return

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def _answer(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Served(ThreadingHTTPServer):
    """Threads end with the test; a connection that the client drops is nobody's concern."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        return


@contextmanager
def serving(answers: type[_Quiet]) -> Iterator[str]:
    """Serve on a free loopback port; gives the URL."""
    server = Served(("127.0.0.1", 0), answers)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def salting_proxy(target: str, count: Callable[[], None]) -> Iterator[str]:
    """A proxy before `target`; `count` is told of every answer that carries the shopper."""
    client = httpx.Client(base_url=target, timeout=BOUND, trust_env=False)

    class Proxy(_Quiet):
        def _pass_on(self) -> None:
            dropped = {"host", "connection", "content-length", "accept-encoding"}
            headers = {name: value for name, value in self.headers.items() if name.lower() not in dropped}
            answer = client.request(self.command, self.path, content=self._body(), headers=headers)
            body = _salted_body(answer.content)
            if SHOPPER["name"].encode() in body or SHOPPER["code"].encode() in body:
                count()
            self._answer(answer.status_code, body, answer.headers.get("content-type", "application/json"))

        do_GET = do_POST = do_PUT = do_DELETE = _pass_on  # noqa: N815 - the server calls them so

    with client, serving(Proxy) as url:
        yield url


def _salted_body(body: bytes) -> bytes:
    try:
        return json.dumps(salted(json.loads(body, parse_float=_Digits))).encode()
    except ValueError:
        return body


class _Digits(float):
    """A number that is written again as it was read."""

    def __new__(cls, text: str) -> _Digits:
        made = super().__new__(cls, text)
        made.text = text  # type: ignore[attr-defined]
        return made

    def __repr__(self) -> str:
        return str(self.text)  # type: ignore[attr-defined]


@contextmanager
def sentry_mailbox() -> Iterator[tuple[str, list[bytes]]]:
    """A Sentry that keeps what it is sent; gives a DSN and the envelopes, unpacked."""
    letters: list[bytes] = []

    class Mailbox(_Quiet):
        def do_POST(self) -> None:
            body = self._body()
            letters.append(gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body)
            self._answer(200, b"{}")

    with serving(Mailbox) as url:
        yield url.replace("http://", "http://public@") + "/1", letters
