"""Who may call now. One exact sliding window per application key, in Redis, by the server's clock, shared by all.

A slot is taken before a call and stamped again when its answer is in, so a call counts from the earliest to the latest
moment at which it can have reached the provider: however long the network took, no window ever holds too many.
When Redis cannot answer, nobody may call.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import redis

from pipeline.calls.quota_scripts import DAILY, HOLD, RESTORE, SETTLE, TAKE, USAGE


class Priority(StrEnum):
    """Money goes first; bulk (sweeps, stock sync) leaves a reserve free."""

    MONEY = "money"
    BULK = "bulk"


class QuotaWait(Exception):  # noqa: N818 - an answer, not an error
    """No slot within the caller's patience; `seconds` until one may be free."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(f"no call slot for another {seconds:.1f} s")


class QuotaUnavailable(Exception):  # noqa: N818 - a state of the world
    """Redis cannot say whether a call fits, so none may be made."""


@dataclass(frozen=True, slots=True)
class Usage:
    """The quota now. `foreign` counts refusals while we were within the limit: somebody else uses the key."""

    used: int
    bulk: int
    limit: int
    held: float
    throttles: int
    foreign: int


class Slot(Protocol):
    """One taken call slot."""

    def arrived(self, *, answered: bool = True) -> None:
        """The call is over: it cannot reach the provider any more. Raises nothing."""


class Gate(Protocol):
    """What a client needs of a quota."""

    def acquire(self, priority: Priority, patience: float, in_flight: float = 0.0) -> Slot:
        """Take a slot, waiting up to `patience` seconds. Raises QuotaWait, QuotaUnavailable."""

    def hold(self, seconds: float | None) -> float:
        """Stop all lanes after a refusal; None where the provider named no time. Returns the seconds held."""


def key_name(prefix: str, application_key: str) -> str:
    """The Redis name of a quota: the key itself is a secret, so only its hash is used."""
    return f"{prefix}:{hashlib.sha256(application_key.encode()).hexdigest()[:24]}"


@dataclass(frozen=True, slots=True)
class WindowSlot:
    """A slot of the sliding window."""

    quota: Quota
    token: str
    open: bool

    def arrived(self, *, answered: bool = True) -> None:
        """Count the call from now on instead of from its last possible moment."""
        if self.open:
            self.quota.settle(self.token)


class Quota:
    """At most `limit - margin` calls in any `window` seconds, over all processes.

    `reserve` slots stay free for money; of those bulk may hold `bulk_floor` all the same, so that it never starves
    while money is busy for hours. `jitter` seconds are added to the window, `min_gap` seconds lie between two calls.
    """

    def __init__(
        self,
        connection: redis.Redis,
        key: str,
        *,
        limit: int = 60,
        window: float = 60.0,
        reserve: int = 15,
        margin: int = 1,
        jitter: float = 0.25,
        min_gap: float = 0.0,
        bulk_floor: int = 2,
        prefix: str = "quota",
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if limit - margin < 1:
            raise ValueError(f"quota limit {limit} less margin {margin} leaves no call; raise the limit")
        self.limit, self.window, self.reserve, self.margin = limit, window, reserve, margin
        self.jitter, self.min_gap, self.bulk_floor = jitter, min_gap, bulk_floor
        self._redis, self._sleep = connection, sleep
        name = "{" + key_name(prefix, key) + "}"
        self._keys = [f"{name}:log", f"{name}:hold", f"{name}:counts"]
        self._take, self._settle = connection.register_script(TAKE), connection.register_script(SETTLE)
        self._hold, self._usage = connection.register_script(HOLD), connection.register_script(USAGE)
        self._restore = connection.register_script(RESTORE)
        self._log_name, self._last_used, self._last_seen = b"", 0, 0.0
        self._mine: deque[float] = deque()

    @property
    def allowed(self) -> int:
        """Calls we let ourselves make in a window."""
        return self.limit - self.margin

    def acquire(self, priority: Priority, patience: float, in_flight: float = 0.0) -> WindowSlot:
        """Take a slot, waiting up to `patience` seconds for it.

        With `in_flight` seconds the slot counts as used until the call has arrived, at most that long.
        Raises QuotaWait with the seconds to wait, QuotaUnavailable when Redis is gone.
        """
        end = time.monotonic() + patience
        while True:
            token = f"{priority.value[0]}:{uuid.uuid4().hex}"
            wait = self._try(priority, token, in_flight)
            if wait <= 0:
                return WindowSlot(self, token, in_flight > 0)
            left = end - time.monotonic()
            if wait > left:
                raise QuotaWait(wait)
            self._sleep(min(wait, left))

    def _try(self, priority: Priority, token: str, in_flight: float) -> float:
        allowed = self.allowed
        room = allowed if priority is Priority.MONEY else max(allowed - self.reserve, 0)
        floor = self.bulk_floor if priority is Priority.BULK else 0
        span, gap = _micros(self.window + self.jitter), _micros(self.min_gap)
        args = [span, room, allowed, floor, token, _micros(in_flight), gap]
        began = time.monotonic()
        wait, used, name = self._run(self._take, args)
        taken = int(wait) <= 0
        if self._lost(name, int(used) - taken):
            # Redis forgot calls of this window (a flush, a restore): they are put back before anyone sends.
            self._run(self._restore, [token, max(self._last_used, len(self._mine))])
            self._log_name = name
            return self._try(priority, token, in_flight)
        if taken:
            self._mine.append(began)
        self._log_name, self._last_used, self._last_seen = name, int(used), time.monotonic()
        return int(wait) / 1e6

    def _lost(self, name: bytes, others: int) -> bool:
        now = time.monotonic()
        while self._mine and self._mine[0] <= now - self.window:
            self._mine.popleft()
        # A new log, or the old one as it was earlier: it must at least hold what this process took in the window.
        renamed = bool(self._log_name) and name != self._log_name
        return (renamed and now - self._last_seen < self.window + self.jitter) or others < len(self._mine)

    def settle(self, token: str) -> None:
        """Stamp a slot with the present moment. A failure leaves the later stamp, which is the safe one."""
        try:
            self._settle(keys=self._keys, args=[token])
        except redis.RedisError:
            return

    def hold(self, seconds: float | None) -> float:
        """Stop all lanes for `seconds` (a whole window where the provider named no time). Raises QuotaUnavailable."""
        span = self.window if seconds is None else max(seconds, 0.0)
        self._run(self._hold, [_micros(span), _micros(self.window), self.limit])
        return span

    def usage(self) -> Usage:
        """The present state, for metrics and the console. Raises QuotaUnavailable."""
        used, bulk, held, throttles, foreign = self._run(self._usage, [_micros(self.window + self.jitter)])
        return Usage(int(used), int(bulk), self.allowed, int(held) / 1e6, int(throttles), int(foreign))

    def _run(self, script: Any, args: list[Any]) -> Any:
        try:
            return script(keys=self._keys, args=args)
        except redis.RedisError as problem:
            raise QuotaUnavailable(
                f"the call quota cannot be read ({type(problem).__name__}); nothing is sent"
            ) from None


@dataclass(frozen=True, slots=True)
class DailySlot:
    """A slot of the day; a good answer ends the growing back-off."""

    quota: DailyQuota

    def arrived(self, *, answered: bool = True) -> None:
        """Forget earlier refusals once the provider answers again."""
        if answered:
            self.quota.recovered()


class DailyQuota:
    """At most `limit` calls in a UTC day, over all processes; bulk leaves `reserve` of them to money.

    A refusal without a time (ReturnGO sends none) holds all lanes for a growing while: 2 s, 4 s, ... up to `longest`.
    """

    def __init__(
        self,
        connection: redis.Redis,
        key: str,
        *,
        limit: int = 2000,
        reserve: int = 300,
        longest: float = 900.0,
        prefix: str = "daily",
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.limit, self.reserve, self.longest = limit, reserve, longest
        self._redis, self._sleep = connection, sleep
        self._name = "{" + key_name(prefix, key) + "}"
        self._keys = [f"{self._name}:day", f"{self._name}:hold", f"{self._name}:counts"]
        self._take, self._hold = connection.register_script(DAILY), connection.register_script(HOLD)

    def acquire(self, priority: Priority, patience: float, in_flight: float = 0.0) -> DailySlot:
        """Take one call of today's. Raises QuotaWait (seconds to midnight UTC, or of the hold), QuotaUnavailable."""
        end = time.monotonic() + patience
        room = self.limit if priority is Priority.MONEY else max(self.limit - self.reserve, 0)
        while True:
            wait = int(self._run(self._take, [room])) / 1e6
            if wait <= 0:
                return DailySlot(self)
            left = end - time.monotonic()
            if wait > left:
                raise QuotaWait(wait)
            self._sleep(min(wait, left))

    def hold(self, seconds: float | None) -> float:
        """Stop all lanes after a refusal, longer each time where no time was named. Raises QuotaUnavailable."""
        if seconds is None:
            refusals = int(self._guarded(lambda: self._redis.incr(f"{self._name}:refusals")))
            seconds = min(float(2 ** min(refusals, 20)), self.longest)
        self._run(self._hold, [_micros(seconds), 0, 0])
        return seconds

    def recovered(self) -> None:
        """The provider answers: the next refusal starts small again."""
        try:
            self._redis.delete(f"{self._name}:refusals")
        except redis.RedisError:
            return

    def usage(self) -> Usage:
        """Today's state. Raises QuotaUnavailable."""
        used, held, throttles = self._guarded(self._read)
        return Usage(int(used or 0), 0, self.limit, max(int(held), 0) / 1e3, int(throttles or 0), 0)

    def _read(self) -> tuple[Any, Any, Any]:
        pipe = self._redis.pipeline(transaction=False)
        pipe.hget(self._keys[0], "used")
        pipe.pttl(self._keys[1])
        pipe.hget(self._keys[2], "throttles")
        used, held, throttles = pipe.execute()
        return used, held, throttles

    def _run(self, script: Any, args: list[Any]) -> Any:
        return self._guarded(lambda: script(keys=self._keys, args=args))

    def _guarded(self, ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except redis.RedisError as problem:
            raise QuotaUnavailable(
                f"the call quota cannot be read ({type(problem).__name__}); nothing is sent"
            ) from None


def _micros(seconds: float) -> int:
    return round(seconds * 1e6)
