"""What each knock at the door is answered, against a real server process and a real Valkey."""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from redis import Redis

from pipeline.ingress import IngressSettings, ShopHooks
from pipeline.ingress.settings_file import settings_from_json, settings_to_json
from pipeline.signature import sign
from tests.pipeline.ingress.ingress_process import (
    BEARER,
    CIN7,
    JSON,
    NEXT_SECRET,
    OLD_TOKEN,
    RETURNGO,
    SECRET,
    TOKEN,
    RunningIngress,
    kept,
    running_ingress,
    settings_for,
)
from tests.valkey_server import running_valkey

CAP = 4096
BIRCH = f"/hooks/cin7/birch/{TOKEN}/Sale/Undo"
CEDAR = f"/hooks/returngo/cedar/{TOKEN}"


@pytest.fixture(scope="module")
def redis() -> Iterator["Redis"]:
    with running_valkey() as server, Redis.from_url(server.url) as client:
        yield client


@pytest.fixture(scope="module")
def ingress(redis: "Redis") -> Iterator[RunningIngress]:
    port = redis.connection_pool.connection_kwargs["port"]
    with running_ingress(settings_for(f"redis://127.0.0.1:{port}/0", body_cap=CAP, max_inbox=50)) as running:
        yield running


@pytest.fixture
def door(ingress: RunningIngress, redis: "Redis") -> Iterator[httpx.Client]:
    redis.flushall()
    with ingress.client() as client:
        yield client


def waiting(redis: "Redis") -> int:
    return len(kept(redis))


def test_a_nudge_is_accepted_and_its_bytes_are_kept_as_they_came(door: httpx.Client, redis: "Redis") -> None:
    odd = b'{"eventName": "RMA_CREATED", \xff\x00 not even JSON'
    answer = door.post(RETURNGO, content=odd, headers=JSON)
    assert answer.status_code == 202
    (fields,) = kept(redis)
    assert fields[b"body"] == odd
    assert fields[b"delivery"].decode() == answer.json()["delivery"]


def test_the_event_type_of_cin7_keeps_its_slash(door: httpx.Client, redis: "Redis") -> None:
    assert door.post(CIN7, json=[]).status_code == 202
    assert door.post(CIN7.replace("Sale/", "Stock%2F"), json=[]).status_code == 202
    topics = [fields[b"topic"] for fields in kept(redis)]
    assert topics == [b"Sale/CreditNoteAuthorised", b"Stock/CreditNoteAuthorised"]


def test_an_event_type_nobody_knows_is_accepted(door: httpx.Client) -> None:
    assert door.post(CIN7.replace("CreditNote", "Whatever"), json={}).status_code == 202


def test_the_previous_token_still_opens_while_it_is_rotated(door: httpx.Client) -> None:
    assert door.post(RETURNGO.replace(TOKEN, OLD_TOKEN), json={}).status_code == 202


@pytest.mark.parametrize(
    "path",
    [
        RETURNGO.replace(TOKEN, "wrong-token-0123456789"),
        RETURNGO.replace("alder", "nobody"),
        RETURNGO + "/",
        RETURNGO + "/extra",
        "/" + RETURNGO,
        RETURNGO.replace("returngo", "shopify"),
        CIN7.removesuffix("/Sale/CreditNoteAuthorised"),
        CIN7 + "/a/b/c",
        CIN7 + "%0aforged",
        f"/hooks/returngo/dogwood/{TOKEN}",
        f"/hooks/returngo/alder/{TOKEN[:-1]}",
        f"/hooks/returngo/alder/{TOKEN}%00",
        f"/hooks/returngo/alder/%ff%fe{TOKEN}",
        "/hooks",
        "/",
        "/docs",
        "/" + "a" * 3000,
    ],
)
def test_unknown_shop_token_source_and_path_are_all_the_same_404(door: httpx.Client, path: str) -> None:
    for method in ("POST", "GET"):
        answer = door.request(method, path, json={})
        assert (answer.status_code, answer.json()) == (404, {"status": "not found"})


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_a_hook_takes_post_only(door: httpx.Client, method: str) -> None:
    answer = door.request(method, RETURNGO)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""])
def test_anything_but_json_is_415(door: httpx.Client, kind: str) -> None:
    assert door.post(RETURNGO, content=b"{}", headers={"content-type": kind}).status_code == 415


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=x"])
def test_json_with_or_without_a_charset_is_taken(door: httpx.Client, kind: str) -> None:
    assert door.post(RETURNGO, content=b"{}", headers={"content-type": kind}).status_code == 202


@pytest.mark.parametrize(
    "coding", ["Identity", "IDENTITY", "identity , \tIDENTITY", "identity, identity", "identity,", ""]
)
def test_a_body_that_was_not_coded_is_taken_however_that_is_written(
    door: httpx.Client, redis: "Redis", coding: str
) -> None:
    assert door.post(RETURNGO, content=b"{}", headers={**JSON, "content-encoding": coding}).status_code == 202
    assert waiting(redis) == 1


@pytest.mark.parametrize("order", [("gzip", "identity"), ("identity", "gzip")])
def test_a_coding_in_a_second_header_counts_too(door: httpx.Client, redis: "Redis", order: tuple[str, str]) -> None:
    headers = [*JSON.items(), *(("content-encoding", coding) for coding in order)]
    assert door.post(RETURNGO, content=b"{}", headers=headers).status_code == 415
    assert waiting(redis) == 0


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "gzip, identity", "identity, gzip", "identityx", "GZIP"])
def test_a_compressed_body_is_refused_unread(door: httpx.Client, redis: "Redis", coding: str) -> None:
    assert door.post(RETURNGO, content=b"{}", headers={**JSON, "content-encoding": coding}).status_code == 415
    assert waiting(redis) == 0


def test_a_body_at_the_cap_is_taken_and_one_byte_more_is_413(door: httpx.Client, redis: "Redis") -> None:
    assert door.post(RETURNGO, content=b"x" * CAP, headers=JSON).status_code == 202
    assert door.post(RETURNGO, content=b"x" * (CAP + 1), headers=JSON).status_code == 413
    assert waiting(redis) == 1


def test_a_chunked_body_over_the_cap_is_413(door: httpx.Client, redis: "Redis") -> None:
    answer = door.post(RETURNGO, content=iter([b"x" * 1024] * 5), headers=JSON)
    assert answer.status_code == 413
    assert waiting(redis) == 0


def test_a_chunked_body_under_the_cap_is_taken_whole(door: httpx.Client, redis: "Redis") -> None:
    assert door.post(RETURNGO, content=iter([b"ab", b"cd"]), headers=JSON).status_code == 202
    assert [fields[b"body"] for fields in kept(redis)] == [b"abcd"]


def test_a_full_backlog_asks_the_sender_to_come_back(door: httpx.Client, redis: "Redis") -> None:
    for number in range(50):
        assert door.post(RETURNGO, json=number).status_code == 202
    answer = door.post(RETURNGO, json="one too many")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert door.post(RETURNGO, json=7).json()["status"] == "coalesced"
    assert waiting(redis) == 50


class TestAuthorization:
    def test_either_bearer_opens(self, door: httpx.Client) -> None:
        for token in (BEARER, "older-bearer"):
            assert door.post(BIRCH, json={}, headers={"authorization": f"Bearer {token}"}).status_code == 202

    def test_basic_opens(self, door: httpx.Client) -> None:
        basic = base64.b64encode("cin7:pass:wörd".encode()).decode()
        assert door.post(BIRCH, json={}, headers={"authorization": f"basic {basic}"}).status_code == 202

    @pytest.mark.parametrize(
        "value", ["", "Bearer", "Bearer wrong", BEARER, "Basic !!!", "Basic d3Jvbmc=", "Bearer \xff"]
    )
    def test_a_missing_or_wrong_one_is_401(self, door: httpx.Client, redis: "Redis", value: str) -> None:
        headers = [(b"authorization", value.encode("latin-1")), (b"content-type", b"application/json")]
        answer = door.post(BIRCH, content=b"{}", headers=headers)
        assert answer.status_code == 401
        assert "www-authenticate" in answer.headers
        assert waiting(redis) == 0

    def test_two_authorization_headers_are_401(self, door: httpx.Client) -> None:
        twice = [("authorization", f"Bearer {BEARER}"), ("authorization", f"Bearer {BEARER}")]
        assert door.post(BIRCH, content=b"{}", headers=[*twice, *JSON.items()]).status_code == 401

    def test_returngo_cannot_send_one_and_is_not_asked(self, door: httpx.Client) -> None:
        assert door.post(f"/hooks/returngo/birch/{TOKEN}", json={}).status_code == 202


class TestSignature:
    def headers(self, secret: str = SECRET, age: timedelta = timedelta(0), name: str = "msg_1") -> dict[str, str]:
        at = datetime.now(UTC) - age
        stamp = str(int(at.timestamp()))
        signature = sign(secret, name, at, b"{}")
        return {**JSON, "webhook-id": name, "webhook-timestamp": stamp, "webhook-signature": signature}

    def test_either_secret_of_a_rotation_opens(self, door: httpx.Client) -> None:
        for name, secret in (("msg_1", SECRET), ("msg_2", NEXT_SECRET)):
            assert door.post(CEDAR, content=b"{}", headers=self.headers(secret, name=name)).status_code == 202

    def test_an_unsigned_body_is_401(self, door: httpx.Client, redis: "Redis") -> None:
        assert door.post(CEDAR, content=b"{}", headers=JSON).status_code == 401
        assert waiting(redis) == 0

    def test_a_changed_body_is_401(self, door: httpx.Client) -> None:
        assert door.post(CEDAR, content=b"{ }", headers=self.headers()).status_code == 401

    @pytest.mark.parametrize("minutes", [10, -10])
    def test_an_old_or_future_signature_is_401(self, door: httpx.Client, minutes: int) -> None:
        headers = self.headers(age=timedelta(minutes=minutes))
        assert door.post(CEDAR, content=b"{}", headers=headers).status_code == 401

    @pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
    def test_a_repeated_signature_header_is_401(self, door: httpx.Client, name: str) -> None:
        headers = [*self.headers().items(), (name, self.headers()[name])]
        assert door.post(CEDAR, content=b"{}", headers=headers).status_code == 401

    def test_a_signed_replay_is_a_duplicate(self, door: httpx.Client, redis: "Redis") -> None:
        headers = self.headers()
        first, second = (door.post(CEDAR, content=b"{}", headers=headers).json() for _ in range(2))
        assert (first["status"], second["status"]) == ("accepted", "duplicate")
        assert first["delivery"] == second["delivery"]


class TestForOperators:
    def test_health_and_readiness_answer(self, door: httpx.Client) -> None:
        assert door.get("/healthz").json() == {"status": "alive"}
        assert door.get("/readyz").json() == {"status": "ready"}
        assert door.head("/healthz").content == b""
        assert door.post("/healthz").status_code == 405

    def test_metrics_need_their_token_and_are_404_without(self, door: httpx.Client) -> None:
        assert door.get("/metrics").status_code == 404
        door.post(RETURNGO, json={})
        text = door.get("/metrics", headers={"authorization": "Bearer metrics-token"}).text
        assert 'outcome="accepted"' in text
        assert TOKEN not in text

    def test_the_server_does_not_name_itself(self, door: httpx.Client) -> None:
        assert "server" not in door.get("/healthz").headers

    def test_no_secret_and_no_body_reaches_the_log_or_the_inbox(
        self, door: httpx.Client, ingress: RunningIngress, redis: "Redis"
    ) -> None:
        secret = {"authorization": f"Bearer {BEARER}", "cookie": "session=1", "x-event-id": "evt\x7f1"}
        door.post(BIRCH + "?token=query-secret", json={"email": "shopper@example.invalid"}, headers=secret)
        door.get("/hooks/returngo/alder/guess-0123456789")
        lines = ingress.log_lines()
        text = ingress.log.read_text() + repr([f[b"headers"] for f in kept(redis)])
        for hidden in (TOKEN, BEARER, "query-secret", "shopper", "session=1", "guess-"):
            assert hidden not in text
        assert lines[-1]["route"] == "/hooks/returngo/{shop}/{token}"


def test_settings_survive_the_pipe_to_the_process() -> None:
    settings = settings_for("redis://127.0.0.1:1/0")
    assert settings_from_json(settings_to_json(settings)) == settings


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("{}", "shops: missing"),
        ('{"redis_url": "redis://h", "shops": {"a": {"tokens": ["short"]}}}', "tokens: use 16 to 256"),
        ('{"redis_url": "redis://h", "shops": {"a": {}}}', "shops.a.tokens: missing"),
        ('{"redis_url": "redis://h", "shops": {"a": {"tokens": "x"}}}', "tokens: not a list"),
        ('{"shops": {}}', "settings.redis_url: missing"),
        ('{"redis_url": "redis://h", "shops": {}, "boddy_cap": 1}', "unknown field 'boddy_cap'"),
        ('{"redis_url": "redis://h", "shops": {}, "dedup_days": 3}', "dedup_days: fewer than 7"),
    ],
)
def test_wrong_settings_name_the_field_and_the_fix(text: str, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        settings_from_json(text)


def test_settings_do_not_show_their_secrets() -> None:
    settings = IngressSettings("redis://:pw-secret@h", {"a": ShopHooks((TOKEN,), bearer=(BEARER,))})
    assert not any(hidden in repr(settings) for hidden in (TOKEN, BEARER, "pw-secret"))
