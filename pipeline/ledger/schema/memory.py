"""What is remembered so that it need not be asked again, and what was published."""

from __future__ import annotations

import sqlalchemy as sa

from pipeline.ledger.schema.columns import Exact, Instant, key, metadata

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
    key(),
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
    key(),
    sa.Column("shop", sa.String(64), nullable=False),
    sa.Column("payout_id", sa.String(80), nullable=False),
    sa.Column("refund_id", sa.String(80), nullable=False),
    sa.Column("amount", Exact, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("settled_at", Instant, nullable=False),
    sa.Column("imported_at", Instant, nullable=False),
    sa.Column("order_name", sa.String(80), nullable=False, server_default=""),
    sa.Column("moved_at", Instant),
    sa.Column("presented", Exact),
    sa.Column("presented_currency", sa.String(3), nullable=False, server_default=""),
    sa.Column("signed", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.UniqueConstraint("shop", "payout_id", "refund_id"),
)
