"""A real worker on the product's own broker settings."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import redis

from pipeline.broker.app import celery_app, send
from tests.pipeline.settings.values import some_settings
from tests.valkey_server import running_valkey
from tests.waiting import BOUND, until

pytestmark = pytest.mark.flow
ROOT = Path(__file__).parents[3]


@contextmanager
def working(url: str, data: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "tests.pipeline.broker.transport_app",
        "worker",
        "-Q",
        "credit-notes",
    ]
    command += ["-P", "prefork", "-c", "1", "--without-gossip", "--without-mingle"]
    env = {**os.environ, "BELT_URL": url, "BELT_DATA": str(data)}
    with (data / "worker.log").open("wb") as log:
        worker = subprocess.Popen(command, env=env, cwd=ROOT, stdout=log, stderr=log, process_group=0)
        try:
            yield worker
        finally:
            worker.terminate()
            worker.wait(BOUND)


def sending(url: str, data: Path) -> Any:
    return celery_app(some_settings(data, redis_url=url), ["credit-notes"], url=url)


def wait_for_marks(url: str, wanted: set[int]) -> None:
    def marks() -> set[int]:
        with suppress(redis.RedisError), redis.Redis.from_url(url) as client:
            return {int(mark) for mark in client.smembers("marks")}
        return set()

    until(f"the marks are {wanted}", lambda: marks() == wanted)


def test_a_worker_goes_on_after_the_broker_was_killed_and_no_hint_is_lost(tmp_path: Path) -> None:
    with running_valkey() as valkey, working(valkey.url, tmp_path), sending(valkey.url, tmp_path) as app:
        assert send(app, "belt.mark", "credit-notes", number=1)
        wait_for_marks(valkey.url, {1})

        valkey.kill()
        valkey.restart()
        # A hint that was not taken says so, and its sender tries again.
        until("the hint is taken", lambda: send(app, "belt.mark", "credit-notes", number=2))

        wait_for_marks(valkey.url, {1, 2})


def test_a_worker_that_is_asked_to_stop_ends_by_itself_and_soon(tmp_path: Path) -> None:
    with running_valkey() as valkey, working(valkey.url, tmp_path) as worker:
        with sending(valkey.url, tmp_path) as app:
            assert send(app, "belt.mark", "credit-notes", number=1)
        wait_for_marks(valkey.url, {1})

        worker.terminate()

        assert worker.wait(BOUND) == 0
