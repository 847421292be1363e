"""Whoever is killed while deliveries pour in: what was answered 202 lies in the inbox, once."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from redis import Redis

from tests.pipeline.ingress.ingress_process import JSON, RETURNGO, kept, running_ingress, settings_for
from tests.valkey_server import ValkeyHandle, running_valkey
from tests.waiting import BOUND, until

SENDERS = 6


class Senders:
    """Each keeps sending new events until told to stop; `taken` are the bodies answered 202."""

    def __init__(self, url: str) -> None:
        self.taken: list[bytes] = []
        self.statuses: Counter[int] = Counter()
        self._url = url
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(name,)) for name in range(SENDERS)]

    def _send(self, name: int) -> None:
        number = 0
        with httpx.Client(base_url=self._url, timeout=BOUND) as door:
            while not self._over.is_set():
                number += 1
                self._one(door, f"{name}-{number}")

    def _one(self, door: httpx.Client, name: str) -> None:
        try:
            answer = door.post(RETURNGO, content=name.encode(), headers={**JSON, "webhook-id": name})
        except httpx.TransportError:
            time.sleep(0.01)
            return
        self.statuses[answer.status_code] += 1
        if answer.status_code == 202:
            self.taken.append(name.encode())
        else:
            time.sleep(0.01)

    def wait_for(self, status: int, more: int = 25) -> None:
        """Until so many more answers of this kind have come."""
        enough = self.statuses[status] + more
        until(f"{enough} answers {status}", lambda: self.statuses[status] >= enough)

    @contextmanager
    def sending(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in self._threads:
                thread.join(BOUND)


def assert_nothing_lost(redis: Redis, senders: Senders) -> None:
    found = Counter(entry[b"body"] for entry in kept(redis))
    assert len(senders.taken) > 20
    assert set(senders.taken) <= set(found)
    assert max(found.values()) == 1


def _kill_and_restart(valkey: ValkeyHandle, senders: Senders) -> None:
    senders.wait_for(202)
    valkey.kill()
    senders.wait_for(503)
    valkey.restart()
    senders.wait_for(202)


def test_a_redis_killed_twice_under_load_loses_nothing_that_was_answered_202() -> None:
    with running_valkey() as valkey, Redis.from_url(valkey.url) as redis:
        with running_ingress(settings_for(valkey.url)) as ingress:
            senders = Senders(ingress.url)
            with senders.sending():
                _kill_and_restart(valkey, senders)
                _kill_and_restart(valkey, senders)
        assert_nothing_lost(redis, senders)
        assert set(senders.statuses) == {202, 503}


def test_an_ingress_killed_under_load_loses_nothing_that_was_answered_202() -> None:
    with running_valkey() as valkey, Redis.from_url(valkey.url) as redis:
        with running_ingress(settings_for(valkey.url)) as ingress:
            senders = Senders(ingress.url)
            with senders.sending():
                senders.wait_for(202)
                os.kill(ingress.process.pid, signal.SIGKILL)
                ingress.process.wait()
        assert_nothing_lost(redis, senders)
        assert set(senders.statuses) == {202}
