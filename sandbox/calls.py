"""The call log: every request any system of the practice world was asked, the tests' oracle for quotas."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any


@dataclass
class Call:
    """One request as the server saw it; `status` 0 means that no answer left the server."""

    seq: int
    at: str
    monotonic: float
    system: str
    caller: str
    method: str
    path: str
    query: str
    status: int = 0
    throttled: bool = False
    fault: str | None = None
    rule: int | None = None
    body: str = ""


class CallLog:
    """All calls in order of arrival."""

    def __init__(self) -> None:
        self._calls: list[Call] = []

    def open(self, now: datetime, system: str, caller: str, method: str, path: str, query: str) -> Call:
        """Write down a request on arrival and return its entry, to be completed by the gate."""
        call = Call(len(self._calls) + 1, now.isoformat(), time.monotonic(), system, caller, method, path, query)
        self._calls.append(call)
        return call

    def clear(self) -> None:
        """Forget every call."""
        self._calls.clear()

    def select(self, system: str | None = None, method: str | None = None, path: str | None = None) -> list[Call]:
        """Return the calls of one system, method and path part (case-insensitive), each optional."""
        return [
            call
            for call in self._calls
            if (system is None or call.system == system)
            and (method is None or call.method == method.upper())
            and (path is None or path.lower() in call.path.lower())
        ]

    def rows(self, **chosen: str | None) -> list[dict[str, Any]]:
        """Return the chosen calls as JSON-ready rows."""
        return [asdict(call) for call in self.select(**chosen)]
