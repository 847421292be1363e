"""The stock feed at the door: read-only, behind the shop's token, exactly as it was published."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
import redis as redis_py

from pipeline.ingress.routes import route
from tests.pipeline.ingress.ingress_process import OLD_TOKEN, TOKEN, RunningIngress, running_ingress, settings_for
from tests.valkey_server import ValkeyHandle, running_valkey

FEED = f"/feed/alder/{TOKEN}/availability.json"
DOCUMENT = '{"shop":"alder","items":[{"sku":"JEANS-32","available":12}]}'


@pytest.fixture(scope="module")
def server() -> Iterator[ValkeyHandle]:
    with running_valkey() as running:
        yield running


@pytest.fixture(scope="module")
def ingress(server: ValkeyHandle) -> Iterator[RunningIngress]:
    with running_ingress(settings_for(server.url)) as running:
        yield running


@pytest.fixture
def shelf(server: ValkeyHandle) -> Iterator[redis_py.Redis]:
    client = redis_py.Redis.from_url(server.url)
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def client(ingress: RunningIngress) -> Iterator[httpx.Client]:
    with ingress.client() as opened:
        yield opened


def test_the_feed_is_served_as_it_was_published(client: httpx.Client, shelf: redis_py.Redis) -> None:
    shelf.set("t:feed:alder", DOCUMENT)

    answer = client.get(FEED)

    assert (answer.status_code, answer.text) == (200, DOCUMENT)
    assert (answer.headers["content-type"], answer.headers["cache-control"]) == ("application/json", "no-cache")


def test_the_former_token_still_opens_the_feed_while_it_is_changed(client: httpx.Client, shelf: redis_py.Redis) -> None:
    shelf.set("t:feed:alder", DOCUMENT)

    assert client.get(f"/feed/alder/{OLD_TOKEN}/availability.json").status_code == 200


def test_a_shop_whose_webhooks_are_limited_to_one_sender_can_be_read(
    client: httpx.Client, shelf: redis_py.Redis
) -> None:
    shelf.set("t:feed:dogwood", DOCUMENT)

    assert client.get(f"/feed/dogwood/{TOKEN}/availability.json").status_code == 200


def test_a_head_request_gets_the_length_and_no_body(client: httpx.Client, shelf: redis_py.Redis) -> None:
    shelf.set("t:feed:alder", DOCUMENT)

    answer = client.head(FEED)

    assert (answer.headers["content-length"], answer.content) == (str(len(DOCUMENT)), b"")


@pytest.mark.parametrize(
    "path",
    [
        "/feed/alder/wrong-token-0123456789/availability.json",
        f"/feed/nobody/{TOKEN}/availability.json",
        f"/feed/alder/{TOKEN}/availability.json/more",
        f"/feed/alder/{TOKEN}/stock.json",
        f"/feed/alder/{TOKEN}",
    ],
)
def test_whoever_does_not_know_the_address_finds_nothing(
    client: httpx.Client, shelf: redis_py.Redis, path: str
) -> None:
    shelf.set("t:feed:alder", DOCUMENT)

    assert client.get(path).status_code == 404


def test_the_feed_of_one_shop_does_not_show_anothers(client: httpx.Client, shelf: redis_py.Redis) -> None:
    shelf.set("t:feed:alder", DOCUMENT)

    assert client.get(f"/feed/birch/{TOKEN}/availability.json").json()["status"] == "no feed"


def test_the_feed_cannot_be_written(client: httpx.Client, shelf: redis_py.Redis) -> None:
    answer = client.post(FEED, json={})

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_the_token_never_reaches_the_log(client: httpx.Client, ingress: RunningIngress, shelf: redis_py.Redis) -> None:
    client.get(FEED)

    [*_, line] = ingress.log_lines()
    assert (line["route"], line["shop"]) == ("/feed/{shop}/{token}/availability.json", "alder")
    assert TOKEN not in ingress.log.read_text()


def test_a_path_longer_than_any_address_leads_nowhere() -> None:
    assert route(f"/feed/alder/{'x' * 2000}/availability.json").kind == "nowhere"


def test_without_redis_the_feed_says_come_back() -> None:
    with running_ingress(settings_for("redis://127.0.0.1:1/0")) as lonely, lonely.client() as client:
        answer = client.get(FEED)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
