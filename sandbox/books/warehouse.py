"""Warehouse documents: transfers, write-offs and stock adjustments."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from sandbox.books.numbers import ZERO
from sandbox.books.stock import Piece


@dataclass
class MoveLine:
    """Units of one SKU that a document moves or removes (a delta)."""

    product_id: str
    sku: str
    quantity: Decimal
    batch: str | None = None
    place: str | None = None
    comment: str = ""
    pieces: list[Piece] = field(default_factory=list)


@dataclass
class Transfer:
    """Stock from one place to another."""

    task_id: str
    number: str
    status: str
    source: str
    target: str
    reference: str
    lines: list[MoveLine]
    updated: datetime
    completed: date | None = None
    departed: date | None = None
    transit_account: str | None = None


@dataclass
class WriteOff:
    """Stock removed at its cost to an expense account."""

    task_id: str
    number: str
    status: str
    place: str
    account: str
    notes: str
    lines: list[MoveLine]
    day: date | None = None
    errors: list[str] = field(default_factory=list)


@dataclass
class AdjustmentLine:
    """A count: `target` is the new absolute quantity, `before` what the books said when it was completed."""

    product_id: str
    sku: str
    target: Decimal
    unit_cost: Decimal
    place: str
    batch: str | None = None
    expiry: date | None = None
    before: Decimal = ZERO
    change: Decimal = ZERO
    value: Decimal = ZERO
    is_new: bool = False
    comment: str = ""


@dataclass
class Adjustment:
    """A stock adjustment (number ST-...)."""

    task_id: str
    number: str
    status: str
    day: date
    account: str
    reference: str
    comment: str
    lines: list[AdjustmentLine]
    on_hand_is_target: bool = False
