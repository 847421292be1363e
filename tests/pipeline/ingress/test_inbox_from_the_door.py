"""From the door to the intake: durable before 202, one entry for a burst, and never a nudge lost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import httpx
import pytest
from redis import Redis

from pipeline.inbox import Inbox
from tests.pipeline.ingress.ingress_process import CIN7, JSON, RETURNGO, command, running_ingress, settings_for
from tests.valkey_server import ValkeyHandle, running_valkey
from tests.waiting import BOUND

DAY = 86_400


@dataclass
class Stage:
    valkey: ValkeyHandle
    redis: Redis
    inbox: Inbox
    door: httpx.Client

    def nudge(self, body: bytes = b'{"rmaId":"7"}', headers: dict[str, str] | None = None) -> dict[str, str]:
        answer = self.door.post(RETURNGO, content=body, headers={**JSON, **(headers or {})})
        assert answer.status_code == 202
        return dict(answer.json())


@pytest.fixture(scope="module")
def running() -> Iterator[Stage]:
    with ExitStack() as stack:
        valkey = stack.enter_context(running_valkey())
        redis = stack.enter_context(Redis.from_url(valkey.url))
        ingress = stack.enter_context(running_ingress(settings_for(valkey.url)))
        yield Stage(valkey, redis, Inbox(redis, "t:"), stack.enter_context(ingress.client()))


@pytest.fixture
def stage(running: Stage) -> Stage:
    running.redis.flushall()
    return running


def test_202_means_that_the_bytes_survive_a_power_cut(stage: Stage) -> None:
    deliveries = [stage.nudge(b'{"rmaId":"%d"}' % number)["delivery"] for number in range(5)]
    stage.valkey.kill()
    stage.valkey.restart()
    assert [entry.delivery_id for entry in stage.inbox.take(10, "a")] == deliveries


def test_the_inbox_hands_over_what_was_received(stage: Stage) -> None:
    delivery = stage.door.post(CIN7, content=b'{"SaleID": "s"}', headers={**JSON, "x-event-id": "evt-1"}).json()
    (entry,) = stage.inbox.take(10, "a")
    assert (entry.shop, entry.source, entry.topic) == ("alder", "cin7", "Sale/CreditNoteAuthorised")
    assert (entry.body, entry.content_type) == (b'{"SaleID": "s"}', "application/json")
    assert (entry.delivery_id, entry.headers["x-event-id"]) == (delivery["delivery"], "evt-1")
    assert entry.received_at.utcoffset() is not None
    assert entry.deliveries_count == 1


async def _knock(url: str, times: int, headers: dict[str, str]) -> list[str]:
    async with httpx.AsyncClient(base_url=url, timeout=BOUND) as client:
        answers = await asyncio.gather(*(client.post(RETURNGO, content=b"{}", headers=headers) for _ in range(times)))
    assert {answer.status_code for answer in answers} == {202}
    return sorted(answer.json()["status"] for answer in answers)


@pytest.mark.parametrize("headers", [JSON, {**JSON, "webhook-id": "msg_1"}])
def test_fifty_identical_deliveries_at_once_make_one_entry(stage: Stage, headers: dict[str, str]) -> None:
    standings = asyncio.run(_knock(str(stage.door.base_url), 50, headers))
    assert standings.count("accepted") == 1
    assert len(stage.inbox.take(100, "a")) == 1


def test_the_hardened_server_of_production_lets_the_door_and_the_intake_work() -> None:
    with running_valkey(hardened=True) as valkey, Redis.from_url(valkey.url) as redis:
        with running_ingress(settings_for(valkey.url)) as ingress, ingress.client() as door:
            assert door.post(RETURNGO, json={}).status_code == 202
        inbox = Inbox(redis, "t:")
        assert inbox.done(inbox.take(10, "a")) == 1


def test_a_nudge_joins_an_identical_one_that_nobody_took_yet(stage: Stage) -> None:
    first, second = stage.nudge(), stage.nudge()
    assert (first["status"], second["status"]) == ("accepted", "coalesced")
    assert first["delivery"] == second["delivery"]


def test_identical_bytes_after_the_take_make_a_new_entry(stage: Stage) -> None:
    stage.nudge()
    taken = stage.inbox.take(10, "a")
    assert stage.nudge()["status"] == "accepted"
    stage.inbox.done(taken)
    assert stage.nudge()["status"] == "coalesced"
    assert len(stage.inbox.take(10, "a")) == 1


def test_a_return_reopened_after_it_was_done_nudges_again(stage: Stage) -> None:
    for _ in range(3):
        assert stage.nudge()["status"] == "accepted"
        stage.inbox.done(stage.inbox.take(10, "a"))


def test_a_nudge_whose_entry_vanished_is_not_swallowed(stage: Stage) -> None:
    stage.nudge()
    stage.redis.delete("t:inbox")
    assert stage.nudge()["status"] == "accepted"
    assert len(stage.inbox.take(10, "a")) == 1


def test_retaking_an_old_entry_keeps_the_newer_nudge_joined(stage: Stage) -> None:
    stage.nudge()
    stage.inbox.take(10, "dead")
    stage.nudge()
    patient = Inbox(stage.redis, "t:", idle_ms=0)
    patient.take(1, "b")
    assert stage.nudge()["status"] == "coalesced"


def test_the_same_bytes_for_another_shop_or_event_are_another_nudge(stage: Stage) -> None:
    statuses = [stage.door.post(path, json={}).json()["status"] for path in (CIN7, CIN7 + "X", RETURNGO)]
    assert statuses == ["accepted"] * 3


def test_a_senders_event_id_is_a_duplicate_for_more_than_seven_days(stage: Stage) -> None:
    first = stage.nudge(headers={"webhook-id": "msg_9"})
    stage.inbox.done(stage.inbox.take(10, "a"))
    again = stage.nudge(headers={"webhook-id": "msg_9"})
    assert (again["status"], again["delivery"]) == ("duplicate", first["delivery"])
    (key,) = command(stage.redis, "KEYS", "t:seen:*")
    assert 7 * DAY < command(stage.redis, "TTL", key) <= 8 * DAY


def test_an_event_id_replayed_after_redis_forgot_it_has_the_same_delivery_id(stage: Stage) -> None:
    first = stage.nudge(headers={"webhook-id": "msg_9"})
    stage.redis.flushall()
    assert stage.nudge(headers={"webhook-id": "msg_9"}) == first


def test_an_event_id_reused_for_other_bytes_is_not_lost(stage: Stage) -> None:
    one, other = (stage.nudge(body, {"x-event-id": "subscription-4"}) for body in (b"{}", b"[]"))
    assert (one["status"], other["status"]) == ("accepted", "accepted")
    assert one["delivery"] != other["delivery"]


def test_a_burst_leaves_one_hint_and_a_cleared_hint_lets_the_next_one_through(stage: Stage) -> None:
    for number in range(20):
        stage.nudge(b"%d" % number)
    assert stage.redis.llen("t:intake") == 1
    stage.inbox.clear_hint()
    stage.nudge(b"next")
    assert stage.redis.llen("t:intake") == 2


def test_hints_do_not_pile_up_while_no_intake_runs(stage: Stage) -> None:
    for number in range(40):
        stage.inbox.clear_hint()
        stage.nudge(b"%d" % number)
    assert stage.redis.llen("t:intake") == 16


def test_a_broken_hint_queue_refuses_no_delivery(stage: Stage) -> None:
    stage.redis.set("t:intake", "not a list")
    assert stage.nudge()["status"] == "accepted"
