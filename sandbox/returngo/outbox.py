"""Webhook deliveries: at least once, in no promised order, unsigned, tried again on anything but a 2xx."""

import heapq
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import httpx

from sandbox.returngo.records import Webhook

_TURN_SECONDS = 0.01


@dataclass(order=True)
class Parcel:
    """One copy of one delivery on its way; `due` is on the monotonic clock, in seconds."""

    due: float
    delivery_id: int
    attempt: int
    webhook: Webhook = field(compare=False)
    body: bytes = field(compare=False)


@dataclass(frozen=True)
class Attempt:
    """What happened when a copy was posted, or why it never was (`lost`)."""

    delivery_id: int
    webhook_id: str
    event: str
    url: str
    body: str
    attempt: int
    at: datetime
    status: int | None
    error: str | None
    gave_up: bool

    def wire(self) -> dict[str, object]:
        """For the control listing."""
        return {**vars(self), "at": self.at.isoformat()}


class Outbox:
    """Posts what is due from a thread of its own that lives only while there is work.

    `tick` is called on every turn and says whether somebody else still needs turns.
    """

    def __init__(self, now: Callable[[], datetime], tick: Callable[[], bool]) -> None:
        self._now = now
        self._tick = tick
        self._lock = threading.Lock()
        self._waiting: list[Parcel] = []
        self._thread: threading.Thread | None = None
        self._closed = False
        self._poked = False
        self._in_flight = False
        self._numbers = 0
        self.attempts: list[Attempt] = []
        self.timeout = 5.0
        self.retries: list[float] = []

    def number(self) -> int:
        """The next delivery number; copies of one delivery share it."""
        with self._lock:
            self._numbers += 1
            return self._numbers

    def put(self, number: int, webhook: Webhook, body: dict[str, object], delay: float) -> None:
        """Queue one copy to be posted `delay` seconds from now."""
        parcel = Parcel(time.monotonic() + delay, number, 1, webhook, json.dumps(body).encode())
        with self._lock:
            heapq.heappush(self._waiting, parcel)
        self.wake()

    def lose(self, number: int, webhook: Webhook, body: dict[str, object]) -> None:
        """Note a delivery that will never be posted."""
        parcel = Parcel(0.0, number, 0, webhook, json.dumps(body).encode())
        self._note(parcel, None, "lost", gave_up=True)

    def wake(self) -> None:
        """Make sure the posting thread runs and takes one more turn."""
        with self._lock:
            self._poked = True
            if self._closed or (self._thread is not None and self._thread.is_alive()):
                return
            self._thread = threading.Thread(target=self._run, name="returngo-outbox", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Drop what waits and post nothing more."""
        with self._lock:
            self._closed = True
            self._waiting.clear()

    def is_waiting(self) -> bool:
        """Whether copies are still to be posted or on their way."""
        with self._lock:
            return self._in_flight or bool(self._waiting)

    def _run(self) -> None:
        with httpx.Client(trust_env=False, follow_redirects=False) as client:
            while True:
                others = self._tick()
                parcel = self._due()
                if parcel is not None:
                    self._post(client, parcel)
                elif self._may_rest(others):
                    return
                else:
                    time.sleep(_TURN_SECONDS)

    def _may_rest(self, others: bool) -> bool:
        """Whether the thread ends; a poke that came during this turn earns another one."""
        with self._lock:
            poked, self._poked = self._poked, False
            if not self._closed and (poked or others or self._waiting):
                return False
            self._thread = None
            return True

    def _due(self) -> Parcel | None:
        with self._lock:
            if not self._waiting or self._waiting[0].due > time.monotonic():
                return None
            self._in_flight = True
            return heapq.heappop(self._waiting)

    def _post(self, client: httpx.Client, parcel: Parcel) -> None:
        status, error = None, None
        try:
            headers = {"content-type": "application/json", "user-agent": "ReturnGO-Practice"}
            answer = client.post(parcel.webhook.url, content=parcel.body, headers=headers, timeout=self.timeout)
            status = answer.status_code
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as problem:
            error = type(problem).__name__
        delivered = status is not None and 200 <= status < 300
        later = None if delivered else next(iter(self.retries[parcel.attempt - 1 :]), None)
        self._note(parcel, status, error, gave_up=not delivered and later is None)
        self._landed(parcel, later)

    def _landed(self, parcel: Parcel, later: float | None) -> None:
        """Take the parcel off the way, and queue it once more when it is to be tried again `later` seconds from now."""
        with self._lock:
            self._in_flight = False
            if later is not None and not self._closed:
                parcel.due = time.monotonic() + later
                parcel.attempt += 1
                heapq.heappush(self._waiting, parcel)

    def _note(self, parcel: Parcel, status: int | None, error: str | None, *, gave_up: bool) -> None:
        hook = parcel.webhook
        body = parcel.body.decode()
        self.attempts.append(
            Attempt(
                parcel.delivery_id,
                hook.webhook_id,
                hook.event,
                hook.url,
                body,
                parcel.attempt,
                self._now(),
                status,
                error,
                gave_up,
            )
        )
