"""The ledger's tables. Amounts are exact, times are UTC and aware, and every promise of "once" is a unique key here."""

from __future__ import annotations

from pipeline.ledger.schema.columns import Exact, Instant, metadata
from pipeline.ledger.schema.memory import (
    aliases,
    availability,
    availability_sent,
    availability_touched,
    cursors,
    journal_notes,
    note_checks,
    payouts,
    references,
    sale_claims,
    sale_of_order,
    sales,
)
from pipeline.ledger.schema.people import audit, dead_letters, exceptions, waivers
from pipeline.ledger.schema.work import (
    attempts,
    batch_items,
    batches,
    deliveries,
    effect_units,
    effects,
    entries,
    returns,
    units,
)

__all__ = [
    "Exact",
    "Instant",
    "aliases",
    "attempts",
    "audit",
    "availability",
    "availability_sent",
    "availability_touched",
    "batch_items",
    "batches",
    "cursors",
    "dead_letters",
    "deliveries",
    "effect_units",
    "effects",
    "entries",
    "exceptions",
    "journal_notes",
    "metadata",
    "note_checks",
    "payouts",
    "references",
    "returns",
    "sale_claims",
    "sale_of_order",
    "sales",
    "units",
    "waivers",
]
