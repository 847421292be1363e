"""The ledger's tables. Amounts are exact, times are UTC and aware, and every promise of "once" is a unique key here."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Instant(TypeDecorator[datetime]):
    """An aware UTC time; a naive one is refused, because nobody can say which hour it means."""

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Time zones are kept by PostgreSQL itself; SQLite keeps UTC without saying so."""
        return dialect.type_descriptor(sa.DateTime(timezone=dialect.name == "postgresql"))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times; send UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("the ledger keeps aware times only")
        value = value.astimezone(UTC)
        return value if dialect.name == "postgresql" else value.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give back aware UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Exact(TypeDecorator[Decimal]):
    """An exact decimal: NUMERIC where the database has one, text in SQLite, which would make it a float."""

    impl = sa.String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Pick the exact type of the database."""
        return dialect.type_descriptor(sa.Numeric(24, 6) if dialect.name == "postgresql" else sa.String(40))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """Send digits, never a float."""
        if value is None:
            return None
        return value if dialect.name == "postgresql" else format(value, "f")

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """Give back a Decimal."""
        return None if value is None else Decimal(value)


def _key() -> sa.Column[int]:
    return sa.Column("id", sa.Integer, primary_key=True, autoincrement=True)


deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("shop", sa.String(64), nullable=False),
    sa.Column("source", sa.String(16), nullable=False),
    sa.Column("topic", sa.String(80), nullable=False, server_default=""),
    sa.Column("sender_id", sa.String(200)),
    sa.Column("received_at", Instant, nullable=False),
    sa.Column("admitted_at", Instant, nullable=False),
    sa.Column("outcome", sa.String(16), nullable=False),
    sa.Column("subject", sa.String(120), nullable=False, server_default=""),
    sa.Column("error", sa.Text, nullable=False, server_default=""),
    sa.Column("headers", sa.JSON, nullable=False),
    sa.Column("body", sa.LargeBinary),
    sa.Index(None, "shop", "subject"),
)

returns = sa.Table(
    "returns",
    metadata,
    _key(),
    sa.Column("shop", sa.String(64), nullable=False),
    sa.Column("rma_id", sa.String(64), nullable=False),
    sa.Column("order_name", sa.String(120), nullable=False, server_default=""),
    sa.Column("order_id", sa.String(64), nullable=False, server_default=""),
    sa.Column("status", sa.String(40), nullable=False, server_default=""),
    sa.Column("sale_id", sa.String(40), nullable=False, server_default=""),
    sa.Column("opened_at", Instant, nullable=False),
    sa.Column("nudges", sa.Integer, nullable=False, server_default="0"),
    sa.Column("nudges_read", sa.Integer, nullable=False, server_default="0"),
    sa.Column("read_at", Instant),
    sa.Column("due_at", Instant),
    sa.Column("lease_until", Instant),
    sa.Column("fence", sa.Integer, nullable=False, server_default="0"),
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
    sa.Column("trouble", sa.Text, nullable=False, server_default=""),
    sa.Column("told", sa.JSON),
    sa.Column("raw", sa.JSON),
    sa.UniqueConstraint("shop", "rma_id"),
    sa.Index(None, "due_at"),
    sa.Index(None, "shop", "sale_id"),
    sa.Index(None, "shop", "order_name"),
)

units = sa.Table(
    "units",
    metadata,
    _key(),
    sa.Column("return_id", sa.ForeignKey("returns.id"), nullable=False),
    sa.Column("returned_item_id", sa.String(64), nullable=False),
    sa.Column("sku", sa.String(120), nullable=False),
    sa.Column("reason", sa.String(200), nullable=False, server_default=""),
    sa.Column("resolution", sa.String(80), nullable=False, server_default=""),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("paid", Exact, nullable=False),
    sa.Column("refunded_at", Instant),
    sa.Column("refunded", Exact),
    sa.Column("refund_payment", sa.String(60), nullable=False, server_default=""),
    sa.Column("received_at", Instant),
    sa.Column("inspected_at", Instant),
    sa.Column("inspection", sa.String(40), nullable=False, server_default=""),
    sa.Column("credited_at", Instant),
    sa.Column("credited", Exact),
    sa.Column("credit_note", sa.String(60), nullable=False, server_default=""),
    sa.Column("stocked_at", Instant),
    sa.Column("stocked_as", sa.String(40), nullable=False, server_default=""),
    sa.Column("stocked_where", sa.String(120), nullable=False, server_default=""),
    sa.Column("exchange_released_at", Instant),
    sa.UniqueConstraint("return_id", "returned_item_id"),
    sa.Index(None, "returned_item_id"),
)

entries = sa.Table(
    "entries",
    metadata,
    _key(),
    sa.Column("shop", sa.String(64), nullable=False),
    sa.Column("consumer", sa.String(60), nullable=False),
    sa.Column("subject", sa.String(120), nullable=False),
    sa.Column("return_id", sa.ForeignKey("returns.id")),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Column("wakes", sa.Integer, nullable=False, server_default="1"),
    sa.Column("wakes_seen", sa.Integer, nullable=False, server_default="0"),
    sa.Column("due_at", Instant),
    sa.Column("lease_until", Instant),
    sa.Column("fence", sa.Integer, nullable=False, server_default="0"),
    sa.Column("starts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
    sa.Column("plan", sa.JSON),
    sa.Column("opened_at", Instant, nullable=False),
    sa.Column("since", Instant, nullable=False),
    sa.UniqueConstraint("shop", "consumer", "subject"),
    sa.Index(None, "state", "due_at"),
    sa.Index(None, "consumer", "due_at"),
    sa.Index(None, "return_id"),
)

effects = sa.Table(
    "effects",
    metadata,
    _key(),
    sa.Column("key", sa.String(400), nullable=False, unique=True),
    sa.Column("shop", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("marker", sa.String(20), nullable=False),
    sa.Column("entry_id", sa.ForeignKey("entries.id"), nullable=False),
    sa.Column("return_id", sa.ForeignKey("returns.id")),
    sa.Column("sale_id", sa.String(40), nullable=False, server_default=""),
    sa.Column("action", sa.JSON, nullable=False),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("fence", sa.Integer, nullable=False, server_default="0"),
    sa.Column("sends", sa.Integer, nullable=False, server_default="0"),
    sa.Column("step_sends", sa.Integer, nullable=False, server_default="0"),
    sa.Column("lookups", sa.Integer, nullable=False, server_default="0"),
    sa.Column("reconcile_first", sa.Boolean, nullable=False, server_default=sa.text("false")),
    sa.Column("progress", sa.JSON, nullable=False),
    sa.Column("due_at", Instant),
    sa.Column("lease_until", Instant),
    sa.Column("sent_at", Instant),
    sa.Column("confirmed_at", Instant),
    sa.Column("why", sa.Text, nullable=False, server_default=""),
    sa.Column("reference", sa.String(60), nullable=False, server_default=""),
    sa.Column("number", sa.String(60), nullable=False, server_default=""),
    sa.Column("currency", sa.String(3), nullable=False, server_default=""),
    sa.Column("net", Exact),
    sa.Column("tax", Exact),
    sa.Column("gross", Exact),
    sa.Column("source", sa.String(12), nullable=False, server_default="ours"),
    sa.Column("digest", sa.String(64), nullable=False, server_default=""),
    sa.Column("planned_at", Instant, nullable=False),
    sa.Column("changed_at", Instant, nullable=False),
    sa.Index(None, "state", "due_at"),
    sa.Index(None, "shop", "sale_id"),
    sa.Index(None, "entry_id"),
    sa.Index(None, "return_id"),
    sa.Index(None, "marker"),
)

#: Which unit is settled by which live effect: the database itself refuses a second effect of one kind for one unit.
effect_units = sa.Table(
    "effect_units",
    metadata,
    sa.Column("effect_id", sa.ForeignKey("effects.id"), nullable=False),
    sa.Column("return_id", sa.ForeignKey("returns.id"), nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("unit", sa.String(64), nullable=False),
    sa.PrimaryKeyConstraint("kind", "return_id", "unit"),
    sa.Index(None, "effect_id"),
)

#: A day's credit notes that finance lets go together. A closed one never changes: the database refuses it (guards.py).
batches = sa.Table(
    "batches",
    metadata,
    _key(),
    sa.Column("shop", sa.String(64), nullable=False),
    sa.Column("business_day", sa.Date, nullable=False),
    sa.Column("kind", sa.String(8), nullable=False),
    sa.Column("part", sa.Integer, nullable=False),
    sa.Column("zone", sa.String(64), nullable=False),
    sa.Column("base_currency", sa.String(3), nullable=False),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("outcome", sa.String(12), nullable=False, server_default=""),
    sa.Column("opened_at", Instant, nullable=False),
    sa.Column("cut_off_at", Instant, nullable=False),
    sa.Column("preparing_at", Instant),
    sa.Column("prepared_at", Instant),
    sa.Column("released_at", Instant),
    sa.Column("released_by", sa.String(80), nullable=False, server_default=""),
    sa.Column("code", sa.String(16), nullable=False, server_default=""),
    sa.Column("posting_at", Instant),
    sa.Column("closed_at", Instant),
    sa.Column("csv", sa.Text, nullable=False, server_default=""),
    sa.Column("digest", sa.String(64), nullable=False, server_default=""),
    sa.UniqueConstraint("shop", "business_day", "kind", "part"),
    sa.Index(None, "state"),
)

#: One credit note in one batch. It leaves as posted, failed, dropped or moved; `previous_id` is where it was before.
batch_items = sa.Table(
    "batch_items",
    metadata,
    _key(),
    sa.Column("batch_id", sa.ForeignKey("batches.id"), nullable=False),
    sa.Column("effect_id", sa.ForeignKey("effects.id"), nullable=False),
    sa.Column("entry_id", sa.ForeignKey("entries.id"), nullable=False),
    sa.Column("return_id", sa.ForeignKey("returns.id"), nullable=False),
    sa.Column("rma_id", sa.String(64), nullable=False),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Column("content", sa.String(40), nullable=False),
    sa.Column("action", sa.JSON, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("gross", Exact, nullable=False),
    sa.Column("base_gross", Exact, nullable=False),
    sa.Column("ready_at", Instant),
    sa.Column("late", sa.Boolean, nullable=False, server_default=sa.text("false")),
    sa.Column("verified", sa.Boolean, nullable=False, server_default=sa.text("false")),
    sa.Column("previous_id", sa.Integer),
    sa.Column("added_at", Instant, nullable=False),
    sa.Column("checked_at", Instant, nullable=False),
    sa.Column("changed_at", Instant, nullable=False),
    sa.Index(None, "batch_id"),
    sa.Index(None, "entry_id"),
    sa.Index(None, "state"),
    sa.Index(
        "uq_batch_items_live",
        "effect_id",
        unique=True,
        sqlite_where=sa.text("state IN ('held', 'released')"),
        postgresql_where=sa.text("state IN ('held', 'released')"),
    ),
)

attempts = sa.Table(
    "attempts",
    metadata,
    _key(),
    sa.Column("at", Instant, nullable=False),
    sa.Column("shop", sa.String(64), nullable=False),
    sa.Column("system", sa.String(16), nullable=False),
    sa.Column("lane", sa.String(8), nullable=False, server_default=""),
    sa.Column("method", sa.String(8), nullable=False),
    sa.Column("path", sa.String(200), nullable=False),
    sa.Column("status", sa.Integer),
    sa.Column("outcome", sa.String(24), nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("sent", sa.Text, nullable=False, server_default=""),
    sa.Column("answered", sa.Text, nullable=False, server_default=""),
    sa.Column("return_id", sa.Integer),
    sa.Column("entry_id", sa.Integer),
    sa.Column("effect_id", sa.Integer),
    sa.Column("worker", sa.String(80), nullable=False, server_default=""),
    sa.Index(None, "return_id"),
    sa.Index(None, "effect_id"),
)

exceptions = sa.Table(
    "exceptions",
    metadata,
    _key(),
    sa.Column("shop", sa.String(64), nullable=False),
    sa.Column("type", sa.String(40), nullable=False),
    sa.Column("owner", sa.String(24), nullable=False),
    sa.Column("raised_by", sa.String(60), nullable=False),
    sa.Column("subject", sa.String(120), nullable=False),
    sa.Column("return_id", sa.ForeignKey("returns.id")),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("cause", sa.Text, nullable=False),
    sa.Column("next_step", sa.Text, nullable=False),
    sa.Column("money", Exact),
    sa.Column("currency", sa.String(3), nullable=False, server_default=""),
    sa.Column("units", sa.JSON, nullable=False),
    sa.Column("details", sa.JSON, nullable=False),
    sa.Column("opened_at", Instant, nullable=False),
    sa.Column("seen_at", Instant, nullable=False),
    sa.Column("closed_at", Instant),
    sa.Column("closed_by", sa.String(80), nullable=False, server_default=""),
    sa.Column("assignee", sa.String(80), nullable=False, server_default=""),
    sa.Column("snoozed_until", Instant),
    sa.Column("note", sa.Text, nullable=False, server_default=""),
    sa.Index(
        "uq_exceptions_open",
        "shop",
        "type",
        "raised_by",
        "subject",
        unique=True,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    ),
    sa.Index(None, "state", "owner"),
    sa.Index(None, "return_id"),
)

waivers = sa.Table(
    "waivers",
    metadata,
    _key(),
    sa.Column("return_id", sa.ForeignKey("returns.id"), nullable=False),
    sa.Column("type", sa.String(40), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("by", sa.String(80), nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.UniqueConstraint("return_id", "type"),
)

dead_letters = sa.Table(
    "dead_letters",
    metadata,
    _key(),
    sa.Column("shop", sa.String(64), nullable=False),
    sa.Column("queue", sa.String(60), nullable=False),
    sa.Column("stage", sa.String(16), nullable=False),
    sa.Column("subject", sa.String(120), nullable=False, server_default=""),
    sa.Column("delivery_id", sa.String(64)),
    sa.Column("entry_id", sa.Integer),
    sa.Column("effect_id", sa.Integer),
    sa.Column("return_id", sa.Integer),
    sa.Column("type", sa.String(40), nullable=False, server_default=""),
    sa.Column("owner", sa.String(24), nullable=False, server_default="engineering"),
    sa.Column("fingerprint", sa.String(40), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("evidence", sa.JSON, nullable=False),
    sa.Column("money", Exact),
    sa.Column("currency", sa.String(3), nullable=False, server_default=""),
    sa.Column("body", sa.LargeBinary),
    sa.Column("headers", sa.JSON),
    sa.Column("revision", sa.Integer, nullable=False, server_default="0"),
    sa.Column("edited", sa.LargeBinary),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("redrives", sa.Integer, nullable=False, server_default="0"),
    sa.Column("buried_at", Instant, nullable=False),
    sa.Column("changed_at", Instant, nullable=False),
    sa.Column("note", sa.Text, nullable=False, server_default=""),
    sa.Index(None, "state", "queue"),
    sa.Index(None, "fingerprint"),
)

audit = sa.Table(
    "audit",
    metadata,
    _key(),
    sa.Column("at", Instant, nullable=False),
    sa.Column("who", sa.String(80), nullable=False),
    sa.Column("did", sa.String(60), nullable=False),
    sa.Column("details", sa.JSON, nullable=False),
)

sales = sa.Table(
    "sales",
    metadata,
    sa.Column("shop", sa.String(64), nullable=False),
    sa.Column("sale_id", sa.String(40), nullable=False),
    sa.Column("order_number", sa.String(120), nullable=False, server_default=""),
    sa.Column("customer_reference", sa.String(256), nullable=False, server_default=""),
    sa.Column("external_id", sa.String(256), nullable=False, server_default=""),
    sa.Column("kind", sa.String(40), nullable=False, server_default=""),
    sa.Column("status", sa.String(40), nullable=False, server_default=""),
    sa.Column("order_status", sa.String(40), nullable=False, server_default=""),
    sa.Column("invoice_status", sa.String(60), nullable=False, server_default=""),
    sa.Column("credit_note_status", sa.String(40), nullable=False, server_default=""),
    sa.Column("source_channel", sa.String(80), nullable=False, server_default=""),
    sa.Column("amount", Exact),
    sa.Column("credited", Exact),
    sa.Column("currency", sa.String(3), nullable=False, server_default=""),
    sa.Column("updated", Instant),
    sa.Column("digest", sa.String(40), nullable=False, server_default=""),
    sa.Column("first_seen", Instant, nullable=False),
    sa.PrimaryKeyConstraint("shop", "sale_id"),
    sa.Index(None, "shop", "customer_reference"),
    sa.Index(None, "shop", "order_number"),
    sa.Index(None, "shop", "external_id"),
    sa.Index(None, "shop", "order_status"),
)

#: Which sale belongs to an order: found once, remembered for ever.
sale_of_order = sa.Table(
    "sale_of_order",
    metadata,
    sa.Column("shop", sa.String(64), nullable=False),
    sa.Column("order_name", sa.String(120), nullable=False),
    sa.Column("sale_id", sa.String(40), nullable=False),
    sa.Column("how", sa.String(40), nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.PrimaryKeyConstraint("shop", "order_name"),
)

#: One writer per sale at a time (effects that share a sale are claimed one at a time).
sale_claims = sa.Table(
    "sale_claims",
    metadata,
    sa.Column("shop", sa.String(64), nullable=False),
    sa.Column("sale_id", sa.String(40), nullable=False),
    sa.Column("holder", sa.String(80), nullable=False, server_default=""),
    sa.Column("until", Instant, nullable=False),
    sa.PrimaryKeyConstraint("shop", "sale_id"),
)

references = sa.Table(
    "reference_books",
    metadata,
    sa.Column("shop", sa.String(64), nullable=False),
    sa.Column("book", sa.String(40), nullable=False),
    sa.Column("content", sa.JSON, nullable=False),
    sa.Column("read_at", Instant, nullable=False),
    sa.PrimaryKeyConstraint("shop", "book"),
)

#: What the journal says of each credit note, read in bulk: the sum of its debits in base currency.
journal_notes = sa.Table(
    "journal_notes",
    metadata,
    sa.Column("shop", sa.String(64), nullable=False),
    sa.Column("number", sa.String(60), nullable=False),
    sa.Column("debits", Exact, nullable=False),
    sa.Column("read_at", Instant, nullable=False),
    sa.PrimaryKeyConstraint("shop", "number"),
)

cursors = sa.Table(
    "cursors",
    metadata,
    sa.Column("shop", sa.String(64), nullable=False),
    sa.Column("name", sa.String(60), nullable=False),
    sa.Column("value", sa.String(200), nullable=False, server_default=""),
    sa.Column("at", Instant, nullable=False),
    sa.Column("lease_until", Instant),
    sa.PrimaryKeyConstraint("shop", "name"),
)

aliases = sa.Table(
    "sku_aliases",
    metadata,
    sa.Column("shop", sa.String(64), nullable=False),
    sa.Column("portal_sku", sa.String(120), nullable=False),
    sa.Column("cin7_sku", sa.String(120), nullable=False),
    sa.Column("product_id", sa.String(40), nullable=False, server_default=""),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.PrimaryKeyConstraint("shop", "portal_sku"),
)

#: The picture of sellable stock: what Cin7 said last, what the target was told last, and what stands between them.
availability = sa.Table(
    "availability",
    metadata,
    sa.Column("shop", sa.String(64), nullable=False),
    sa.Column("sku", sa.String(120), nullable=False),
    sa.Column("available", sa.Integer),
    sa.Column("seen_at", Instant, nullable=False),
    sa.Column("changed_at", Instant),
    sa.Column("first_zero_at", Instant),
    sa.Column("version", sa.Integer, nullable=False, server_default="0"),
    sa.Column("published", sa.Integer),
    sa.Column("published_at", Instant),
    sa.Column("published_to", sa.String(12), nullable=False, server_default=""),
    sa.Column("trouble", sa.String(16), nullable=False, server_default=""),
    sa.Column("tried_at", Instant),
    sa.PrimaryKeyConstraint("shop", "sku"),
)

#: SKUs that a webhook named since they were last read.
availability_touched = sa.Table(
    "availability_touched",
    metadata,
    sa.Column("shop", sa.String(64), nullable=False),
    sa.Column("sku", sa.String(120), nullable=False),
    sa.Column("touched_at", Instant, nullable=False),
    sa.Column("again_at", Instant, nullable=False),
    sa.PrimaryKeyConstraint("shop", "sku"),
)

#: Every figure that left for the target, with the seconds since Cin7's change was first seen: the oversell window.
availability_sent = sa.Table(
    "availability_sent",
    metadata,
    _key(),
    sa.Column("shop", sa.String(64), nullable=False),
    sa.Column("sku", sa.String(120), nullable=False),
    sa.Column("target", sa.String(12), nullable=False),
    sa.Column("before", sa.Integer),
    sa.Column("after", sa.Integer, nullable=False),
    sa.Column("changed_at", Instant, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Index(None, "shop", "at"),
)

#: When a sale that holds confirmed credit notes was last compared with them, and how new the sale was then.
note_checks = sa.Table(
    "note_checks",
    metadata,
    sa.Column("shop", sa.String(64), nullable=False),
    sa.Column("sale_id", sa.String(40), nullable=False),
    sa.Column("updated", Instant),
    sa.Column("checked_at", Instant, nullable=False),
    sa.PrimaryKeyConstraint("shop", "sale_id"),
)

#: Refunds inside payouts, as imported from the payment provider's export. Amounts are positive for money to shoppers.
payouts = sa.Table(
    "payouts",
    metadata,
    _key(),
    sa.Column("shop", sa.String(64), nullable=False),
    sa.Column("payout_id", sa.String(80), nullable=False),
    sa.Column("refund_id", sa.String(80), nullable=False),
    sa.Column("amount", Exact, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("settled_at", Instant, nullable=False),
    sa.Column("imported_at", Instant, nullable=False),
    sa.UniqueConstraint("shop", "payout_id", "refund_id"),
)
