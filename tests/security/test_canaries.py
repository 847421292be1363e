"""A day with planted canaries: the shopper's name, address, bank and credit code, and every key and token we hold.

Everything that is stored, logged, shown or reported is searched for them. Only two places may hold what a sender
wrote: the unreadable delivery's dead letter, and the broker's append-only file until it is rewritten.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from redis import Redis

from console.cli import main
from pipeline.running.address import redis_url
from pipeline.settings.load import load
from pipeline.settings.values import Settings
from sandbox.demo import settings as demo_settings
from sandbox.demo.day.words import ALDER as SHOP
from sandbox.demo.stage import Stage, running_returnline, running_world
from tests.security.salting import SHOPPER, salting_proxy, sentry_mailbox
from tests.waiting import BOUND, until

pytestmark = [pytest.mark.flow, pytest.mark.timeout(240)]
FLOWER_PASSWORD = "flower-canary-password"
UNREADABLE = b'{"customer": "%s", "rmaId": ' % SHOPPER["name"].encode()


#: Answers of the three systems with a shopper in them that must have come before the search begins.
SALTED = 4


@dataclass
class Place:
    """One place that was searched: its name and what it holds."""

    name: str
    held: bytes


@dataclass
class PlantedDay:
    """What the day left behind."""

    settings: Settings
    secrets: dict[str, str]
    rma: str
    salted_answers: int
    places: list[Place] = field(default_factory=list)
    broker_file: tuple[bytes, bytes] = (b"", b"")

    def of(self, kind: str) -> list[Place]:
        return [one for one in self.places if one.name.startswith(kind)]


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlantedDay]:
    with pytest.MonkeyPatch.context() as patch:
        yield _play(tmp_path_factory.mktemp("canaries"), patch)


def _play(folder: Path, patch: pytest.MonkeyPatch) -> PlantedDay:
    count: list[int] = []
    with sentry_mailbox() as (dsn, letters), running_world(folder, seed=5, quota=600) as world:
        plain, flower = demo_settings.settings_text, f'\n[flower]\nenabled = true\npassword = "{FLOWER_PASSWORD}"\n'
        patch.setattr("sandbox.demo.stage.settings_text", lambda *told: plain(*told) + flower)
        quiet: dict[str, Any] = {"quota": 600, "portal_calls": 10_000, "env": {"SENTRY_DSN": dsn}}
        with salting_proxy(world["base_url"], lambda: count.append(1)) as proxy:
            urls = {name: url.replace(world["base_url"], proxy) for name, url in world.items() if isinstance(url, str)}
            urls["base_url"] = world["base_url"]
            with running_returnline(folder, urls, **quiet) as stage:
                return _live(stage, dsn, letters, count)


def _live(stage: Stage, dsn: str, letters: list[bytes], count: list[int]) -> PlantedDay:
    settings = load(stage.config, stage.data)
    shop = settings.shops[SHOP]
    secrets = {
        "hook token": stage.token,
        "bearer": shop.hooks.bearer,
        "metrics token": stage.metrics_token,
        "Cin7 key": shop.cin7.application_key,
        "Cin7 account": shop.cin7.account_id,
        "ReturnGO key": shop.returngo.api_key,
        "Flower password": FLOWER_PASSWORD,
        "Sentry DSN": dsn,
    }
    rma = _a_return(stage)
    _knock(stage, shop.hooks.bearer, rma)
    _stir_up(settings, letters)
    _until(lambda: len(count) >= SALTED)
    found = PlantedDay(settings, secrets, rma, len(count))
    found.places = [*_shown(stage, rma), *_in_flower(stage), *_in_redis(settings), *_arguments(stage)]
    found.places += [Place(f"sentry {n}", letter) for n, letter in enumerate(letters)]
    found.places += [Place(f"log {one.name}", one.read_bytes()) for one in sorted((stage.data / "log").iterdir())]
    found.places += list(_in_ledger(stage.data))
    found.broker_file = _purged_broker_file(stage)
    return found


def _purged_broker_file(stage: Stage) -> tuple[bytes, bytes]:
    """The broker's append-only file before and after a purge."""

    def held() -> bytes:
        return b"".join(one.read_bytes() for one in (stage.data / "valkey" / "appendonlydir").glob("*.aof"))

    before, told = held(), ["--config", str(stage.config), "--data", str(stage.data)]
    done = CliRunner().invoke(main, ["purge", *told, "--older-than", "30", "--yes"])
    assert done.exit_code == 0, done.output
    _until(lambda: SHOPPER["name"].encode() not in held())
    return before, held()


def _a_return(stage: Stage) -> str:
    """One return of one sale, credited, and a refund as store credit."""
    order, sku = "#7001", "TEE-BLK-M"
    stage.desk.post("/stock", {"sku": sku, "quantity": "10", "cost": "9.40", "location": "Main Warehouse"})
    line = {"sku": sku, "quantity": "2", "price": "30", "discount": "0", "tax_rule": "20% (VAT on Income)"}
    sale = {"order_name": order, "kind": "Simple Sale", "currency": "GBP", "rate": "1", "tax_inclusive": True}
    sale |= {"date": "2026-11-01", "location": "Main Warehouse", "ship": True, "invoice_status": "PAID"}
    stage.desk.post("/sales", {**sale, "lines": [line]})
    unit = {"sku": sku, "line_item_id": "1", "paid_price": "30.00", "paid_tax": "5.00", "tax_included": True}
    asked = {"order_name": order, "currency": "GBP", "units": [{**unit, "reason": "Too small"}]}
    rma = str(stage.desk.post("/returngo/rmas", asked)["rma_id"])
    for button in ("approve", "receive"):
        stage.desk.post(f"/returngo/rmas/{rma}/{button}")
    refund = {"type": "RefundToStoreCredit", "settles_after": "0", "outcome": "Success"}
    stage.desk.post(f"/returngo/rmas/{rma}/refund", refund)
    return rma


def _knock(stage: Stage, bearer: str, rma: str) -> None:
    """Webhooks as a careless sender makes them: with the shopper in them, and one that cannot be read."""
    customer = {"name": SHOPPER["name"], "email": SHOPPER["mail"], "phone": SHOPPER["phone"]}
    nudge = {"rmaId": rma, "customer": customer, "shopper": SHOPPER["name"], "remark": SHOPPER["words"]}
    sale = {"SaleID": "00000000-0000-4000-8000-000000000001", "CustomerName": SHOPPER["name"], "Email": SHOPPER["mail"]}
    cin7 = f"{stage.ingress_url}/hooks/cin7/{SHOP}/{stage.token}/Sale/InvoiceAuthorised"
    agent = {"user-agent": f"Mail of {SHOPPER['mail']}", "content-type": "application/json"}
    with httpx.Client(timeout=BOUND, trust_env=False, headers=agent) as sender:
        assert sender.post(stage.hook(), json=nudge).status_code == 202
        assert sender.post(stage.hook(), content=UNREADABLE).status_code == 202
        assert sender.post(cin7, json=sale, headers={"authorization": f"Bearer {bearer}"}).status_code == 202
        assert sender.post(cin7, json=sale, headers={"authorization": "Bearer wrong"}).status_code == 401
        assert sender.post(f"{stage.hook()}x", json=nudge).status_code == 404


def _stir_up(settings: Settings, letters: list[bytes]) -> None:
    """Wait for the return and the dead letter; then a task that nobody knows, so that there is an error to report."""
    _until(lambda: _rows(settings, "select count(*) from effects where state = 'CONFIRMED'")[0][0] > 0)
    _until(lambda: _rows(settings, "select count(*) from dead_letters")[0][0] > 0)
    _until(lambda: not _inbox(settings))
    from pipeline.broker.app import celery_app, send

    app = celery_app(settings, url=redis_url(settings))
    send(app, "tasks.nobody.knows", "intake")
    app.close()
    _until(lambda: bool(letters))


def _until(done: Any) -> None:
    until("the day comes to its end", done, pause=0.2)


def _rows(settings: Settings, query: str) -> list[Any]:
    connection = sqlite3.connect(settings.data_dir / "ledger.sqlite", timeout=BOUND)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def _inbox(settings: Settings) -> int:
    with Redis.from_url(redis_url(settings)) as redis:
        return int(redis.xlen(f"{settings.prefix}inbox"))


# -- where canaries might sit -----------------------------------------------------------------------------------------


def _shown(stage: Stage, rma: str) -> Iterator[Place]:
    asked = {
        "dead show": ["dead", "show", "1", "--json"],
        "explain": ["explain", rma, "--verbose"],
        "explain as data": ["explain", rma, "--json"],
        "status": ["status", "--json"],
        "dead list": ["dead", "list", "--json"],
        "dead stats": ["dead", "stats", "--json"],
        "deliveries": ["deliveries", "list", "--json"],
        "exceptions": ["exceptions", "list", "--json"],
        "gaps": ["gaps", "--json"],
        "doctor": ["doctor", "--json"],
        "rehearse": ["rehearse", rma],
    }
    for name, words in asked.items():
        told = ["--config", str(stage.config), "--data", str(stage.data)]
        result = CliRunner().invoke(main, [*words, *told], env={"COLUMNS": "300"})
        assert result.output, name
        assert result.exception is None or isinstance(result.exception, SystemExit), (name, result.exception)
        yield Place("letter" if name == "dead show" else f"shown by {name}", result.output.encode())


def _in_flower(stage: Stage) -> Iterator[Place]:
    url = _role(stage, "flower")["url"]
    with httpx.Client(base_url=url, timeout=BOUND, trust_env=False) as client:
        assert client.get("/api/tasks").status_code == 401
        assert client.get("/").status_code == 401
        auth = ("flower", FLOWER_PASSWORD)
        tasks = client.get("/api/tasks?limit=1000", auth=auth)
        assert tasks.status_code == 200
        yield Place("flower tasks", tasks.content)
        pages = ["/api/workers?refresh=1", "/", "/tasks", "/broker"]
        pages += [f"/task/{task}" for task in list(tasks.json())[:20]]
        for page in pages:
            yield Place(f"flower {page}", client.get(page, auth=auth).content)


def _in_redis(settings: Settings) -> Iterator[Place]:
    with Redis.from_url(redis_url(settings)) as redis:
        for key in redis.scan_iter(count=1000):
            yield Place(f"redis {key!r}", key + _value(redis, key) + (redis.dump(key) or b""))


def _value(redis: Any, key: bytes) -> bytes:
    reads = {
        b"string": lambda: redis.get(key),
        b"list": lambda: redis.lrange(key, 0, -1),
        b"set": lambda: redis.smembers(key),
        b"hash": lambda: redis.hgetall(key),
        b"zset": lambda: redis.zrange(key, 0, -1),
        b"stream": lambda: redis.xrange(key),
    }
    kind = redis.type(key)
    return repr(reads[kind]()).encode() if kind in reads else b""


def _role(stage: Stage, name: str) -> dict[str, Any]:
    return next(row for row in _roles(stage) if row["role"] == name)


def _roles(stage: Stage) -> list[dict[str, Any]]:
    import json

    return list(json.loads((stage.data / "run" / "roles.json").read_text())["roles"])


def _arguments(stage: Stage) -> Iterator[Place]:
    """Arguments of a process are shown to every user of the machine."""
    # A role that was just started again has no process for a moment.
    _until(lambda: all(row["pid"] for row in _roles(stage)))
    for row in _roles(stage):
        yield Place(f"arguments of {row['role']}", Path(f"/proc/{row['pid']}/cmdline").read_bytes())


def _in_ledger(data: Path) -> Iterator[Place]:
    connection = sqlite3.connect(data / "ledger.sqlite")
    tables = [name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")]
    for table in tables:
        rows = connection.execute(f"select * from {table}").fetchall()
        columns = [name for _, name, *_ in connection.execute(f"pragma table_info({table})")]
        for n, column in enumerate(columns):
            yield Place(f"ledger {table}.{column}", b"\n".join(_bytes(row[n]) for row in rows))
    connection.close()


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


# -- the search -------------------------------------------------------------------------------------------------------


def found(places: Iterable[Place], canaries: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Which canary sits where, in any spelling that a log or a page may give it."""
    return {
        (place.name, name)
        for place in places
        for name, canary in canaries
        if any(spelling in place.held.lower() for spelling in _spellings(canary))
    }


def _spellings(canary: str) -> set[bytes]:
    from urllib.parse import quote

    plain = canary.lower()
    told = {plain, quote(plain), quote(plain, safe=""), plain.replace(" ", "+"), plain.replace("@", "&#64;")}
    return {one.encode() for one in told}


#: What a person may read on request until `returnline purge`: the letter that could not be read.
KEPT_ON_PURPOSE = {("ledger deliveries.body", "name"), ("ledger dead_letters.body", "name")}


def test_the_search_knows_a_canary_in_every_spelling() -> None:
    spelled = [b"ZEPHYRINE QUILLFEATHER", b"zephyrine+quillfeather", b"zephyrine%20quillfeather"]
    for held in (*spelled, b"x" + spelled[0] + b"y"):
        assert found([Place("p", held)], SHOPPER.items()) == {("p", "name")}
    assert found([Place("p", b"zephyrine.quillfeather%40canary.example")], SHOPPER.items()) == {("p", "mail")}


def test_the_day_was_salted_and_every_kind_of_place_was_searched(day: PlantedDay) -> None:
    assert day.salted_answers >= SALTED
    for kind in ("log", "ledger", "sentry", "flower", "redis", "shown", "arguments"):
        assert sum(len(one.held) for one in day.of(kind)) > 100, kind


def test_no_shopper_is_found_in_logs_reports_pages_or_the_broker(day: PlantedDay) -> None:
    elsewhere = [one for one in day.places if not one.name.startswith(("ledger", "letter"))]
    assert found(elsewhere, SHOPPER.items()) == set()


def test_the_ledger_names_no_shopper_but_in_what_could_not_be_read(day: PlantedDay) -> None:
    assert found(day.of("ledger"), SHOPPER.items()) == KEPT_ON_PURPOSE


def test_only_the_letter_that_waits_for_a_person_is_shown_with_what_it_holds(day: PlantedDay) -> None:
    (show,) = day.of("letter")
    assert found([show], SHOPPER.items()) == {(show.name, "name")}
    assert found([show], day.secrets.items()) == set()


def test_the_brokers_file_holds_what_was_taken_until_a_purge(day: PlantedDay) -> None:
    before, after = (Place("file", held) for held in day.broker_file)
    assert ("file", "name") in found([before], SHOPPER.items())
    assert found([after], SHOPPER.items()) == set()
    assert found([before, after], day.secrets.items()) == set()


def test_no_key_or_token_of_ours_is_found_anywhere(day: PlantedDay) -> None:
    assert found(day.places, day.secrets.items()) == set()
