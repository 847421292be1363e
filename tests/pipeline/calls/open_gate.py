"""A quota without limits that remembers what was asked of it."""

from __future__ import annotations

from pipeline.calls.quota import Priority, QuotaWait


class OpenGate:
    """Lets everyone through; counts slots taken and returned, and holds."""

    def __init__(self) -> None:
        self.lanes: list[Priority] = []
        self.arrivals: list[bool] = []
        self.holds: list[float | None] = []
        self.shut = False

    def acquire(self, priority: Priority, patience: float, in_flight: float = 0.0) -> OpenGate:
        if self.shut:
            raise QuotaWait(9.0)
        self.lanes.append(priority)
        return self

    def arrived(self, *, answered: bool = True) -> None:
        self.arrivals.append(answered)

    def hold(self, seconds: float | None) -> float:
        self.holds.append(seconds)
        return 60.0 if seconds is None else seconds
