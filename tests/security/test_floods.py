"""Many slow, silent and hostile senders: the door stays open, the memory small, and nothing stops the intake."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.ingress import IngressSettings
from pipeline.ledger import Ledger
from pipeline.ledger.schema import all as t
from pipeline.ledger.schema.migrating import migrate
from pipeline.parts import Parts
from pipeline.settings.load import load
from tasks.stages import intake
from tests.pipeline.ingress.ingress_process import CIN7, RETURNGO, RunningIngress, running_ingress, settings_for
from tests.postgres_server import running_postgres
from tests.tasks.practice import let_go
from tests.valkey_server import running_valkey
from tests.waiting import BOUND

IDLE, DRIPPING = 1000, 200
HEAD = f"POST {RETURNGO} HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\n".encode()
#: What 1,200 connections may cost, in MiB.
MEMORY = 64


@pytest.fixture(scope="module")
def ingress() -> Iterator[RunningIngress]:
    with running_valkey() as valkey, running_ingress(patient(valkey.url)) as running:
        yield running


def patient(redis_url: str) -> IngressSettings:
    return settings_for(redis_url, body_timeout=BOUND, header_timeout=BOUND)


def connected(ingress: RunningIngress, count: int) -> list[socket.socket]:
    return [socket.create_connection(("127.0.0.1", ingress.port), timeout=BOUND) for _ in range(count)]


def memory_of(ingress: RunningIngress) -> float:
    """MiB that the process holds."""
    told = Path(f"/proc/{ingress.process.pid}/status").read_text()
    return int(told.partition("VmRSS:")[2].split()[0]) / 1024


def test_a_thousand_silent_and_two_hundred_dripping_senders_keep_nobody_out(ingress: RunningIngress) -> None:
    before = memory_of(ingress)
    clients = connected(ingress, IDLE + DRIPPING)
    try:
        for slow in clients[:DRIPPING]:
            slow.sendall(HEAD + b"content-length: 1000\r\n\r\n{")
        with ingress.client() as door:
            answered = []
            for _ in range(20):
                for slow in clients[:DRIPPING]:
                    slow.sendall(b" ")
                began = time.monotonic()
                assert door.post(RETURNGO, json={"rmaId": 1}).status_code == 202
                answered.append(time.monotonic() - began)
        assert sorted(answered)[len(answered) // 2] < 1.0
        assert memory_of(ingress) - before < MEMORY
    finally:
        for client in clients:
            client.close()


def test_a_head_of_many_lines_costs_no_memory(ingress: RunningIngress) -> None:
    before = memory_of(ingress)
    clients = connected(ingress, 100)
    try:
        for client in clients:
            client.sendall(HEAD + b"x-filler: " + b"y" * 60_000)
        time.sleep(0.2)
        assert memory_of(ingress) - before < MEMORY
    finally:
        for client in clients:
            client.close()


# -- what was accepted reaches the ledger, whatever it is -------------------------------------------------------------

CONFIG = """
database_url = "{url}"
prefix = "t:"
[shops.alder.returngo]
base_url = "http://127.0.0.1:9"
shop_name = "alder.myshopify.com"
api_key = "rg-key-of-alder"
[shops.alder.cin7]
base_url = "http://127.0.0.1:9"
account_id = "cin7-account-of-alder"
application_key = "cin7-key-of-alder"
[shops.alder.hooks]
token = "current-token-0123456789"
"""
ODD = ["\x00", "\ud800", "x" * 5000, "'; drop table audit; --", "", " ", "\u202e", "9" * 39, "null", "é"]
TEXTS = st.sampled_from(ODD) | st.text(max_size=20)
VALUES = TEXTS | st.integers(-(10**39), 10**39) | st.none() | st.booleans() | st.lists(TEXTS, max_size=3)
NAMES = ["rmaId", "shipmentId", "eventName", "SaleID", "TaskID", "SaleOrderNumber", "EventType"]
NAMES += ["ID", "SKU", "Available", "OnHand", "Location"]
OBJECTS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6)
JSON_BODIES = (OBJECTS | st.lists(OBJECTS, max_size=3)).map(lambda value: json.dumps(value).encode())
BODIES = JSON_BODIES | st.binary(max_size=60)
HEADERS = st.sampled_from(["", "e" * 256, "\xff\xfe", "evt-1 \x7f", "a@b.example"])


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def line(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    folder = tmp_path_factory.mktemp("floods")
    if request.param == "sqlite":
        yield from _line(folder, f"sqlite:///{folder / 'ledger.sqlite'}")
    else:
        with running_postgres() as url:
            yield from _line(folder, url)


def _line(folder: Path, url: str) -> Iterator[Parts]:
    migrate(url)
    (folder / "returnline.toml").write_text(CONFIG.format(url=url))
    with running_valkey() as valkey:
        parts = Parts(load(folder / "returnline.toml", folder / "data", {"REDIS_URL": valkey.url}))
        yield parts
        let_go(parts)


def counted(ledger: Ledger, table: sa.Table) -> int:
    with ledger.read() as conn:
        return int(conn.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(BODIES, st.sampled_from(["returngo", "cin7"]), HEADERS)
def test_whatever_was_accepted_is_admitted_or_buried_and_stops_nothing(
    line: Parts, body: bytes, source: str, event_id: str
) -> None:
    before, number = counted(line.ledger, t.deliveries), time.monotonic_ns()
    headers = json.dumps({"x-event-id": event_id, "user-agent": event_id})
    fields: dict[Any, Any] = {
        "shop": "alder",
        "source": source,
        "topic": "Sale/Voided",
        "headers": headers,
        "nudge": "",
    }
    fields["received_at"] = line.clock().isoformat()
    line.redis.xadd("t:inbox", {**fields, "delivery": f"n-{number}", "body": body})
    line.redis.xadd("t:inbox", {**fields, "delivery": f"g-{number}", "body": b'{"rmaId": 7}'})
    assert intake.admit(line) == 2
    assert counted(line.ledger, t.deliveries) == before + 2
    assert line.inbox.depth().waiting == 0


def test_a_hostile_body_from_the_street_ends_as_a_dead_letter_with_its_bytes(line: Parts) -> None:
    url = f"redis://127.0.0.1:{line.redis.connection_pool.connection_kwargs['port']}/0"
    bomb = b"[" * 5000
    with running_ingress(settings_for(url)) as running, running.client() as door:
        answer = door.post(CIN7, content=bomb, headers={"content-type": "application/json"})
        assert answer.status_code == 202
    assert intake.admit(line) == 1
    with line.ledger.read() as conn:
        kept = conn.execute(sa.select(t.dead_letters.c.body).where(t.dead_letters.c.body == bomb)).all()
    assert len(kept) == 1
