"""The belts: queues named once, a hint that never hurts, and settings that redeliver rather than lose."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import redis

from pipeline.broker.app import celery_app, send
from pipeline.broker.names import queue_names
from pipeline.running.address import BrokerMissingError, redis_url
from pipeline.running.valkey import free_port
from pipeline.settings.values import Settings
from tests.pipeline.settings.values import some_settings
from tests.valkey_server import ValkeyHandle
from tests.waiting import BOUND


@pytest.fixture
def settings(tmp_path: Path, valkey: ValkeyHandle) -> Settings:
    return some_settings(tmp_path, redis_url=valkey.url, prefix=f"{tmp_path.name.replace('_', '-').lower()[-20:]}:")


def test_every_queue_has_a_dead_letter_queue_beside_it() -> None:
    assert queue_names(["credit-notes"]) == (
        "intake", "sweep", "credit-notes", "intake.dead", "sweep.dead", "credit-notes.dead",
    )  # fmt: skip


def test_a_hint_lands_in_its_queue_under_the_prefix(settings: Settings) -> None:
    with celery_app(settings, ["credit-notes"], url=settings.redis_url) as app:
        assert send(app, "tasks.consume.consume", "credit-notes", entry_id=7) is True

    with redis.Redis.from_url(settings.redis_url) as client:
        assert client.llen(f"{settings.prefix}credit-notes") == 1


def test_a_hint_for_a_queue_nobody_has_is_not_sent(settings: Settings) -> None:
    with celery_app(settings, ["credit-notes"], url=settings.redis_url) as app:
        assert send(app, "tasks.consume.consume", "credit-note", entry_id=7) is False

    with redis.Redis.from_url(settings.redis_url) as client:
        assert client.keys(f"{settings.prefix}credit-note") == []


def test_a_hint_to_a_broker_that_is_gone_is_given_up_soon_and_quietly(tmp_path: Path) -> None:
    settings = some_settings(tmp_path, redis_url=f"redis://127.0.0.1:{free_port()}/0")
    began = time.monotonic()

    with celery_app(settings, url=settings.redis_url) as app:
        assert send(app, "tasks.intake.admit", "intake") is False

    assert time.monotonic() - began < BOUND


def test_messages_are_kept_until_the_task_is_done_and_given_to_another_worker_after_the_visibility_time(
    settings: Settings,
) -> None:
    with celery_app(settings, url=settings.redis_url) as app:
        conf = app.conf

        assert conf.task_acks_late
        assert conf.task_reject_on_worker_lost
        assert conf.worker_prefetch_multiplier == 1
        assert conf.broker_transport_options["visibility_timeout"] == settings.intervals.visibility
        assert conf.broker_transport_options["global_keyprefix"] == settings.prefix
        assert conf.accept_content == ["json"]
        assert conf.result_backend is None
        assert not conf.task_create_missing_queues


def test_without_any_server_the_message_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(BrokerMissingError, match="start `returnline up`"):
        redis_url(some_settings(tmp_path))
