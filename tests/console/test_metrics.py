"""The figures for Prometheus: read from the ledger, and an answer even when a part is away."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from prometheus_client import generate_latest
from prometheus_client.core import CollectorRegistry

from console.metrics import LedgerFigures
from pipeline.inbox import InboxDepth
from pipeline.ledger import Ledger, entries
from pipeline.ledger.schema.migrating import migrate

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def a_ledger(folder: Path) -> Ledger:
    url = f"sqlite:///{folder / 'ledger.sqlite'}"
    migrate(url)
    return Ledger(url)


def told(figures: LedgerFigures) -> str:
    registry = CollectorRegistry()
    registry.register(figures)
    return generate_latest(registry).decode()


def test_entries_are_counted_by_consumer_and_state(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path)
    with ledger.write() as conn:
        entries.wake(conn, "alder", "credit-notes", "1", None, NOW)
    text = told(LedgerFigures(ledger, lambda: InboxDepth(3, 7.5, 1), lambda: NOW))
    assert 'returnline_entries{consumer="credit-notes",state="open"} 1.0' in text
    assert "returnline_inbox_waiting 3.0" in text
    assert "returnline_inbox_oldest_seconds 7.5" in text


def test_a_scrape_answers_when_ledger_and_inbox_are_away(tmp_path: Path) -> None:
    def away() -> InboxDepth:
        raise ConnectionError("no Redis")

    missing = Ledger(f"sqlite:///{tmp_path / 'nowhere' / 'ledger.sqlite'}")
    text = told(LedgerFigures(missing, away, lambda: NOW))
    assert "returnline_ledger_up 0.0" in text
    assert "returnline_inbox_up 0.0" in text
