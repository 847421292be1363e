"""What the ingress tells about itself: one JSON line a request, and counters in the Prometheus text form."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from typing import TextIO

from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

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


class Tally(Collector):
    """Counters of answers by route, status and outcome, and how long they took, in seconds.

    Counting is plain additions, since each delivery pays for it; the families are made when a scrape asks.
    """

    def __init__(self) -> None:
        self.answers: Counter[tuple[str, int, str]] = Counter()
        self.faults: Counter[str] = Counter()
        self.held = 0
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

    def text(self, held: int) -> bytes:
        """The Prometheus exposition; `held` is the bytes of bodies in flight."""
        self.held = held
        return generate_latest(self)

    def collect(self) -> Iterator[Metric]:
        """What was counted so far."""
        name = "returnline_ingress"
        answers = CounterMetricFamily(f"{name}_answers", "Answers given", labels=("route", "status", "outcome"))
        for (template, status, outcome), count in sorted(self.answers.items()):
            answers.add_metric((template, str(status), outcome), count)
        yield answers
        faults = CounterMetricFamily(f"{name}_redis_faults", "Answers that Redis's trouble cost", labels=("kind",))
        for kind, count in sorted(self.faults.items()):
            faults.add_metric((kind,), count)
        yield faults
        yield GaugeMetricFamily(f"{name}_bytes_in_flight", "Bytes of bodies being taken", value=self.held)
        edges = (*map(str, _EDGES), "+Inf")
        buckets = list(zip(edges, accumulate(self._buckets), strict=True))
        yield HistogramMetricFamily(f"{name}_seconds", "Seconds until the answer", buckets, self._seconds)
