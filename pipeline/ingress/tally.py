"""What the ingress tells about itself: one JSON line a request, and counters in the Prometheus text form."""

import asyncio
import json
from collections import Counter
from typing import TextIO

_EDGES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
_EVERY = 0.1
_MOST_LINES = 512


class AccessLog:
    """Writes lines in small batches, so that logging does not cost more than the request.

    A line holds the path's template, never the path: the token and the body do not reach it. A hard kill may
    lose the last tenth of a second of lines; the inbox, not the log, is the record.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: list[str] = []
        self._timer: asyncio.TimerHandle | None = None

    def write(self, **fields: object) -> None:
        """Add one line; values are escaped by JSON, so a sender cannot forge a line."""
        self._lines.append(json.dumps({"event": "request.answered", **fields}))
        if len(self._lines) >= _MOST_LINES:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_EVERY, self.flush)

    def flush(self) -> None:
        """Write what is waiting."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        lines, self._lines = self._lines, []
        if not lines:
            return
        try:
            self._stream.write("\n".join(lines) + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            # A closed pipe or full disk of the log must not refuse deliveries.
            return


class Tally:
    """Counters of answers by route, status and outcome, and how long they took, in seconds."""

    def __init__(self) -> None:
        self.answers: Counter[tuple[str, int, str]] = Counter()
        self.faults: Counter[str] = Counter()
        self._buckets = [0] * (len(_EDGES) + 1)
        self._seconds = 0.0

    def count(self, template: str, status: int, outcome: str, seconds: float, fault: str) -> None:
        """Count one answer; `fault` is Redis's error word, or ""."""
        self.answers[template, status, outcome] += 1
        if fault:
            self.faults[fault] += 1
        self._seconds += seconds
        place = 0
        while place < len(_EDGES) and seconds > _EDGES[place]:
            place += 1
        self._buckets[place] += 1

    def text(self, held: int) -> str:
        """The Prometheus exposition."""
        lines = ["# TYPE returnline_ingress_answers_total counter"]
        for (template, status, outcome), count in sorted(self.answers.items()):
            labels = f'route="{template}",status="{status}",outcome="{outcome}"'
            lines.append(f"returnline_ingress_answers_total{{{labels}}} {count}")
        lines.append("# TYPE returnline_ingress_redis_faults_total counter")
        lines += [f'returnline_ingress_redis_faults_total{{kind="{k}"}} {n}' for k, n in sorted(self.faults.items())]
        lines += ["# TYPE returnline_ingress_bytes_in_flight gauge", f"returnline_ingress_bytes_in_flight {held}"]
        return "\n".join(lines + self._histogram()) + "\n"

    def _histogram(self) -> list[str]:
        name = "returnline_ingress_seconds"
        lines, running = [f"# TYPE {name} histogram"], 0
        for edge, count in zip((*map(str, _EDGES), "+Inf"), self._buckets, strict=True):
            running += count
            lines.append(f'{name}_bucket{{le="{edge}"}} {running}')
        return [*lines, f"{name}_sum {self._seconds:.6f}", f"{name}_count {running}"]
