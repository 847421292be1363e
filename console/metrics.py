"""Figures for Prometheus, read from the ledger at each scrape: what is counted there is what happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from prometheus_client.core import CollectorRegistry, GaugeMetricFamily
from prometheus_client.registry import Collector

from pipeline.ledger import Ledger
from pipeline.ledger.reports.overview import overview
from pipeline.parts import Parts


class LedgerFigures(Collector):
    """Entries, effects, dead letters, exceptions, stopped lanes, and how old the oldest of each is. Ages in seconds."""

    def __init__(self, ledger: Ledger, depth: Callable[[], Any], clock: Callable[[], datetime]) -> None:
        self._ledger, self._depth, self._clock = ledger, depth, clock

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One reading of the ledger and of the inbox. A part that cannot be read is left out, and `up` says so."""
        now = self._clock()
        try:
            with self._ledger.read() as conn:
                seen = overview(conn, now)
        except Exception:  # a scrape must answer, whatever is down
            yield _one("returnline_ledger_up", "Whether the ledger could be read", 0)
        else:
            yield _one("returnline_ledger_up", "Whether the ledger could be read", 1)
            yield from _ledger_figures(seen, now)
        yield from self._inbox()

    def _inbox(self) -> Iterator[GaugeMetricFamily]:
        try:
            depth = self._depth()
        except Exception:  # as above
            yield _one("returnline_inbox_up", "Whether the inbox could be read", 0)
            return
        yield _one("returnline_inbox_up", "Whether the inbox could be read", 1)
        yield _one("returnline_inbox_waiting", "Deliveries not taken by the intake", depth.waiting)
        yield _one("returnline_inbox_pending", "Deliveries taken and not yet admitted", depth.pending)
        yield _one("returnline_inbox_oldest_seconds", "Age of the oldest delivery", depth.oldest_age_seconds)


def _one(name: str, what: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, what, value=value)


def _family(
    name: str, what: str, labels: tuple[str, ...], rows: list[dict[str, Any]], value: Callable[[dict[str, Any]], float]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, what, labels=labels)
    for row in rows:
        family.add_metric([str(row[label]) for label in labels], value(row))
    return family


def _ledger_figures(seen: dict[str, Any], now: datetime) -> Iterator[GaugeMetricFamily]:
    def count(row: dict[str, Any]) -> float:
        return float(row["count"])

    def age(row: dict[str, Any]) -> float:
        return float((now - row["oldest"]).total_seconds()) if row["oldest"] else 0.0

    letters, concerns = seen["dead_letters"], seen["exceptions"]
    yield _one("returnline_returns_to_read", "Returns due to be read", seen["returns"]["to_read"])
    yield _family("returnline_entries", "Entries", ("consumer", "state"), seen["entries"], count)
    yield _family("returnline_effects", "Effects", ("kind", "state"), seen["effects"], count)
    yield _one("returnline_effects_uncertain", "Effects whose outcome is not known", len(seen["uncertain"]))
    yield _family("returnline_dead_letters", "Dead letters", ("queue", "state"), letters, count)
    yield _family("returnline_dead_letters_oldest_seconds", "Age of the oldest", ("queue", "state"), letters, age)
    yield _family("returnline_exceptions", "Open exceptions", ("owner",), concerns, count)
    yield _family("returnline_exceptions_oldest_seconds", "Age of the oldest", ("owner",), concerns, age)
    yield _one("returnline_lanes_stopped", "Lanes stopped", len(seen["lanes_stopped"]))


def registry_of(parts: Parts) -> CollectorRegistry:
    """What a scrape of this installation reads."""
    registry = CollectorRegistry()
    registry.register(LedgerFigures(parts.ledger, parts.inbox.depth, parts.clock))
    return registry
