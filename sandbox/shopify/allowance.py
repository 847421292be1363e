"""The cost bucket of the Admin GraphQL API: it empties by query cost and refills with time."""

from collections.abc import Callable

MOST_PER_QUERY = 1000


class Allowance:
    """A leaky bucket in points; `elapsed` gives seconds that only grow."""

    def __init__(self, elapsed: Callable[[], float], maximum: int = 2000, restore_rate: int = 100) -> None:
        self._elapsed = elapsed
        self.maximum = maximum
        self.restore_rate = restore_rate
        self._points = float(maximum)
        self._seen = elapsed()

    def available(self) -> int:
        """Points to spend now."""
        present = self._elapsed()
        self._points = min(float(self.maximum), self._points + (present - self._seen) * self.restore_rate)
        self._seen = present
        return int(self._points)

    def can_spend(self, points: int) -> bool:
        """Whether a query of this requested cost may run."""
        return self.available() >= points

    def spend(self, points: int) -> None:
        """Take the actual cost."""
        self._points -= points

    def change(self, maximum: int, restore_rate: int) -> None:
        """Another plan; the bucket starts full."""
        self.maximum, self.restore_rate = maximum, restore_rate
        self._points = float(maximum)

    def wire(self, requested: int, actual: int | None) -> dict[str, object]:
        """The `extensions` of an answer."""
        status = {
            "maximumAvailable": self.maximum,
            "currentlyAvailable": self.available(),
            "restoreRate": self.restore_rate,
        }
        return {"cost": {"requestedQueryCost": requested, "actualQueryCost": actual, "throttleStatus": status}}
