from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

from pipeline.calls.call import Call, Http
from pipeline.calls.failures import NoAnswer, NotSent, Throttled, Unavailable, Uncertain, UnfitAnswer, WireError
from pipeline.calls.quota import QuotaWait
from pipeline.cin7 import Cin7, Cin7Access
from tests.pipeline.calls.open_gate import OpenGate
from tests.pipeline.calls.raw_server import Script, answer, drip, hang, hang_up, raw_server, say
from tests.waiting import BOUND

ME = b'{"Company": "Alder", "Currency": "GBP"}'
NOTES = b'{"SaleID": "1", "CreditNotes": []}'
KEY = "b0000000-0000-4000-8000-0000000000ff"


class Line:
    """A client on a raw server, with everything it told on the way."""

    def __init__(self, url: str, deadline: float = 30.0) -> None:
        self.gate, self.calls = OpenGate(), list[Call]()
        access = Cin7Access(url, "account-id-1", KEY, deadline, deadline)
        self.http = Http()
        self.cin7 = Cin7(access, self.gate, self.http, self.calls.append)

    def read(self) -> Any:
        return self.cin7.me()

    def write(self) -> Any:
        return self.cin7.post_credit_note({"Memo": "for ada@example.invalid"}, "GBP")

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *exc: object) -> None:
        self.http.close()


def failure_of(script: Script, act: Callable[[Line], Any], deadline: float = 30.0) -> WireError:
    with raw_server(script) as server, Line(server.url, deadline) as line:
        with pytest.raises(WireError) as caught:
            act(line)
        assert [call.outcome for call in line.calls] == [caught.value.outcome]
        assert len(server.requests) == 1
    return caught.value


TROUBLES = [
    (hang_up, Unavailable),
    (say(b"HTTP/1.1 200 OK\r\nContent-Len"), Unavailable),
    (say(b"nonsense\r\n\r\n"), Unavailable),
    (say(answer("500 Oops", b"Internal error")), Unavailable),
    (say(answer("502 Bad Gateway", b"<html>")), Unavailable),
    (say(answer("503 Service Unavailable", b"Service Unavailable")), Unavailable),
    (say(answer("408 Request Timeout", b'"late"')), Unavailable),
    (say(answer("302 Found", b"", "Location: /elsewhere\r\n")), Unavailable),
    (say(answer("200 OK", b"<html>Page not found</html>")), NoAnswer),
    (say(answer("200 OK", b"")), NoAnswer),
    (say(answer("200 OK", b'{"CreditNotes": [')), NoAnswer),
    (say(answer("200 OK", b'{"Other": 1}')), UnfitAnswer),
    (say(answer("200 OK", b"zzz", "Content-Encoding: gzip\r\n")), NoAnswer),
]


@pytest.mark.parametrize(("script", "kind"), TROUBLES)
def test_a_read_that_fails_is_only_a_failed_read(script: Script, kind: type[WireError]) -> None:
    assert type(failure_of(script, Line.read)) is kind


@pytest.mark.parametrize("script", [script for script, _ in TROUBLES])
def test_a_write_that_may_have_happened_is_uncertain_and_is_sent_once(script: Script) -> None:
    assert type(failure_of(script, Line.write)) is Uncertain


@pytest.mark.parametrize(
    "script",
    [
        hang,
        drip(answer("200 OK", NOTES), 0.1),
        drip(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200, 0.1),
        say(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"),
    ],
    ids=["hangs", "drips its body", "drips its headers", "stops half way"],
)
def test_one_deadline_ends_the_whole_call(script: Script) -> None:
    started = time.monotonic()
    failure = failure_of(script, Line.write, deadline=2.0)
    assert type(failure) is Uncertain
    assert "within 2 s" in str(failure)
    assert time.monotonic() - started < BOUND


def test_the_deadline_holds_on_a_connection_that_is_used_again() -> None:
    with raw_server(say(answer("200 OK", ME))) as server, Line(server.url, deadline=2.0) as line:
        line.read()
        server.script = drip(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200, 0.1)
        started = time.monotonic()
        with pytest.raises(Unavailable):
            line.read()
        assert (server.connections, time.monotonic() - started < BOUND) == (1, True)


def test_a_call_that_never_left_may_be_sent_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with Line(f"http://127.0.0.1:{port}") as line:
        for act in (line.read, line.write):
            with pytest.raises(NotSent):
                act()
        assert line.gate.arrivals == [True, True]


def test_a_name_that_does_not_exist_is_not_sent() -> None:
    with Line("http://returnline.invalid") as line, pytest.raises(NotSent):
        line.write()


def test_every_write_opens_a_connection_of_its_own_and_reads_share_one() -> None:
    with raw_server(say(answer("200 OK", NOTES))) as server, Line(server.url) as line:
        line.write(), line.write()
        assert server.connections == 2
    with raw_server(say(answer("200 OK", ME))) as server, Line(server.url) as line:
        line.read(), line.read()
        assert server.connections == 1


@pytest.mark.parametrize("status", ["429 Too Many", "503 Unavailable", "400 Bad Request", "500 Oops", "200 OK"])
@pytest.mark.parametrize("act", [Line.read, Line.write])
def test_a_refusal_for_the_quota_is_known_by_its_text_on_any_status(status: str, act: Callable[[Line], Any]) -> None:
    body = b'[{"ErrorCode":400,"Exception":"You have reached 60 calls per 60 seconds API limit."}]'
    with raw_server(say(answer(status, body, "Retry-After: 31 Seconds\r\n"))) as server, Line(server.url) as line:
        with pytest.raises(Throttled) as caught:
            act(line)
        assert (caught.value.retry_after, line.gate.holds, line.gate.arrivals) == (31.0, [31.0], [False])


def test_a_refusal_without_a_time_holds_for_a_whole_window() -> None:
    text = b"You have reached 60 calls per 60 seconds API limit."
    with (
        raw_server(say(answer("503 No", text))) as server,
        Line(server.url) as line,
        pytest.raises(Throttled) as caught,
    ):
        line.read()
    assert caught.value.retry_after == 60.0


def test_nothing_is_sent_or_recorded_without_a_slot() -> None:
    with raw_server(say(answer("200 OK", NOTES))) as server, Line(server.url) as line:
        line.gate.shut = True
        with pytest.raises(QuotaWait):
            line.write()
        assert (server.requests, line.calls) == ([], [])


def test_records_hold_no_key_and_no_shopper() -> None:
    body = (
        b'{"ErrorCode":400,"Exception":"no a@b.co","Customer":"Ada Lovelace","Key":"'
        + KEY.upper().encode()
        + b'","m":"a@b.co"}'
    )
    with raw_server(say(answer("400 No", body))) as server, Line(server.url) as line:
        with pytest.raises(WireError) as caught:
            line.write()
        kept = repr(line.calls) + repr(line.cin7.access) + caught.value.body_excerpt + repr(line.cin7._line.wire)
        kept += str(caught.value) + repr(getattr(caught.value, "problems", ()))
    assert "[secret]" in kept
    assert not any(word in kept.lower() for word in (KEY, "ada", "a@b.co", "account-id-1"))


def test_an_excerpt_is_at_most_two_kilobytes_and_a_good_read_leaves_none() -> None:
    with raw_server(say(answer("500 No", b"x" * 9000))) as server, Line(server.url) as line:
        with pytest.raises(Unavailable):
            line.read()
        assert len(line.calls[0].excerpt) == 2048
    with raw_server(say(answer("200 OK", ME))) as server, Line(server.url) as line:
        line.read()
        assert (line.calls[0].excerpt, line.calls[0].outcome, line.calls[0].status) == ("", "ok", 200)


def test_a_bearer_never_reaches_a_record() -> None:
    with raw_server(say(answer("200 OK", b'{"ExternalBearerToken": "hush-hush"}'))) as server, Line(server.url) as line:
        line.cin7.put_webhook("Sale/Created", "https://hooks.invalid/x", "hush-hush", webhook_id="9")
        assert b'"ExternalBearerToken":"hush-hush"' in server.requests[0]
        assert "hush-hush" not in repr(line.calls)


def test_the_keys_travel_in_the_headers() -> None:
    with raw_server(say(answer("200 OK", ME))) as server, Line(server.url) as line:
        line.read()
        head = server.requests[0].decode().lower()
        assert "api-auth-accountid: account-id-1\r\n" in head
        assert f"api-auth-applicationkey: {KEY}\r\n" in head
