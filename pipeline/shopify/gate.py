"""When the shop may be called: its cost bucket says when it is empty, and then all workers wait together."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import redis

from pipeline.calls.quota import Priority, QuotaUnavailable, QuotaWait, key_name


class _NoSlot:
    def arrived(self, *, answered: bool = True) -> None:
        """Nothing is counted: the shop counts by cost and says what is left."""


class CostGate:
    """Lets calls through unless the shop's cost bucket is empty; then nobody asks until it has refilled. In Redis, so
    that all workers of a shop wait together."""

    def __init__(
        self, connection: redis.Redis, key: str, *, prefix: str = "shopify", sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._redis, self._sleep = connection, sleep
        self._name = f"{key_name(prefix, key)}:hold"

    def acquire(self, priority: Priority, patience: float, in_flight: float = 0.0) -> _NoSlot:
        """Wait up to `patience` seconds for the end of a hold. Raises QuotaWait, QuotaUnavailable."""
        left = self._left()
        if left > patience:
            raise QuotaWait(left)
        if left > 0:
            self._sleep(left)
        return _NoSlot()

    def hold(self, seconds: float | None) -> float:
        """Stop all calls; two seconds where the shop named no time. Raises QuotaUnavailable."""
        span = 2.0 if seconds is None else max(seconds, 0.1)
        try:
            self._redis.set(self._name, "1", px=math.ceil(span * 1000))
        except redis.RedisError as problem:
            raise QuotaUnavailable(f"the call hold cannot be kept ({type(problem).__name__})") from None
        return span

    def _left(self) -> float:
        try:
            return max(0, int(self._redis.pttl(self._name))) / 1000
        except redis.RedisError as problem:
            raise QuotaUnavailable(f"the call hold cannot be read ({type(problem).__name__})") from None
