"""the ledger"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from pipeline.ledger.schema.all import Exact, Instant

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("shop", sa.String(length=64), nullable=False),
        sa.Column("system", sa.String(length=16), nullable=False),
        sa.Column("lane", sa.String(length=8), server_default="", nullable=False),
        sa.Column("method", sa.String(length=8), nullable=False),
        sa.Column("path", sa.String(length=200), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("outcome", sa.String(length=24), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("sent", sa.Text(), server_default="", nullable=False),
        sa.Column("answered", sa.Text(), server_default="", nullable=False),
        sa.Column("return_id", sa.Integer(), nullable=True),
        sa.Column("entry_id", sa.Integer(), nullable=True),
        sa.Column("effect_id", sa.Integer(), nullable=True),
        sa.Column("worker", sa.String(length=80), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
    )
    with op.batch_alter_table("attempts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_attempts_effect_id"), ["effect_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_attempts_return_id"), ["return_id"], unique=False)

    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("who", sa.String(length=80), nullable=False),
        sa.Column("did", sa.String(length=60), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_table(
        "availability",
        sa.Column("shop", sa.String(length=64), nullable=False),
        sa.Column("sku", sa.String(length=120), nullable=False),
        sa.Column("available", sa.Integer(), nullable=True),
        sa.Column("seen_at", Instant(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=True),
        sa.Column("first_zero_at", Instant(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("published", sa.Integer(), nullable=True),
        sa.Column("published_at", Instant(), nullable=True),
        sa.Column("published_to", sa.String(length=12), server_default="", nullable=False),
        sa.Column("trouble", sa.String(length=16), server_default="", nullable=False),
        sa.Column("tried_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("shop", "sku", name=op.f("pk_availability")),
    )
    op.create_table(
        "availability_sent",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("shop", sa.String(length=64), nullable=False),
        sa.Column("sku", sa.String(length=120), nullable=False),
        sa.Column("target", sa.String(length=12), nullable=False),
        sa.Column("before", sa.Integer(), nullable=True),
        sa.Column("after", sa.Integer(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_availability_sent")),
    )
    with op.batch_alter_table("availability_sent", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_availability_sent_shop_at"), ["shop", "at"], unique=False)

    op.create_table(
        "availability_touched",
        sa.Column("shop", sa.String(length=64), nullable=False),
        sa.Column("sku", sa.String(length=120), nullable=False),
        sa.Column("touched_at", Instant(), nullable=False),
        sa.Column("again_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("shop", "sku", name=op.f("pk_availability_touched")),
    )
    op.create_table(
        "batches",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("shop", sa.String(length=64), nullable=False),
        sa.Column("business_day", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("base_currency", sa.String(length=3), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("outcome", sa.String(length=12), server_default="", nullable=False),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("cut_off_at", Instant(), nullable=False),
        sa.Column("preparing_at", Instant(), nullable=True),
        sa.Column("prepared_at", Instant(), nullable=True),
        sa.Column("released_at", Instant(), nullable=True),
        sa.Column("released_by", sa.String(length=80), server_default="", nullable=False),
        sa.Column("code", sa.String(length=16), server_default="", nullable=False),
        sa.Column("posting_at", Instant(), nullable=True),
        sa.Column("closed_at", Instant(), nullable=True),
        sa.Column("csv", sa.Text(), server_default="", nullable=False),
        sa.Column("digest", sa.String(length=64), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
        sa.UniqueConstraint(
            "shop", "business_day", "kind", "part", name=op.f("uq_batches_shop_business_day_kind_part")
        ),
    )
    with op.batch_alter_table("batches", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_batches_state"), ["state"], unique=False)

    op.create_table(
        "cursors",
        sa.Column("shop", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("value", sa.String(length=200), server_default="", nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("shop", "name", name=op.f("pk_cursors")),
    )
    op.create_table(
        "dead_letters",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("shop", sa.String(length=64), nullable=False),
        sa.Column("queue", sa.String(length=60), nullable=False),
        sa.Column("stage", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=120), server_default="", nullable=False),
        sa.Column("delivery_id", sa.String(length=64), nullable=True),
        sa.Column("entry_id", sa.Integer(), nullable=True),
        sa.Column("effect_id", sa.Integer(), nullable=True),
        sa.Column("return_id", sa.Integer(), nullable=True),
        sa.Column("type", sa.String(length=40), server_default="", nullable=False),
        sa.Column("owner", sa.String(length=24), server_default="engineering", nullable=False),
        sa.Column("fingerprint", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("money", Exact(), nullable=True),
        sa.Column("currency", sa.String(length=3), server_default="", nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("headers", sa.JSON(), nullable=True),
        sa.Column("revision", sa.Integer(), server_default="0", nullable=False),
        sa.Column("edited", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("redrives", sa.Integer(), server_default="0", nullable=False),
        sa.Column("buried_at", Instant(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letters")),
    )
    with op.batch_alter_table("dead_letters", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_dead_letters_fingerprint"), ["fingerprint"], unique=False)
        batch_op.create_index(batch_op.f("ix_dead_letters_state_queue"), ["state", "queue"], unique=False)

    op.create_table(
        "deliveries",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("shop", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("topic", sa.String(length=80), server_default="", nullable=False),
        sa.Column("sender_id", sa.String(length=200), nullable=True),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("admitted_at", Instant(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=120), server_default="", nullable=False),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
    )
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_deliveries_shop_subject"), ["shop", "subject"], unique=False)

    op.create_table(
        "journal_notes",
        sa.Column("shop", sa.String(length=64), nullable=False),
        sa.Column("number", sa.String(length=60), nullable=False),
        sa.Column("debits", Exact(), nullable=False),
        sa.Column("read_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("shop", "number", name=op.f("pk_journal_notes")),
    )
    op.create_table(
        "note_checks",
        sa.Column("shop", sa.String(length=64), nullable=False),
        sa.Column("sale_id", sa.String(length=40), nullable=False),
        sa.Column("updated", Instant(), nullable=True),
        sa.Column("checked_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("shop", "sale_id", name=op.f("pk_note_checks")),
    )
    op.create_table(
        "payouts",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("shop", sa.String(length=64), nullable=False),
        sa.Column("payout_id", sa.String(length=80), nullable=False),
        sa.Column("refund_id", sa.String(length=80), nullable=False),
        sa.Column("amount", Exact(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("settled_at", Instant(), nullable=False),
        sa.Column("imported_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payouts")),
        sa.UniqueConstraint("shop", "payout_id", "refund_id", name=op.f("uq_payouts_shop_payout_id_refund_id")),
    )
    op.create_table(
        "reference_books",
        sa.Column("shop", sa.String(length=64), nullable=False),
        sa.Column("book", sa.String(length=40), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("read_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("shop", "book", name=op.f("pk_reference_books")),
    )
    op.create_table(
        "returns",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("shop", sa.String(length=64), nullable=False),
        sa.Column("rma_id", sa.String(length=64), nullable=False),
        sa.Column("order_name", sa.String(length=120), server_default="", nullable=False),
        sa.Column("order_id", sa.String(length=64), server_default="", nullable=False),
        sa.Column("status", sa.String(length=40), server_default="", nullable=False),
        sa.Column("sale_id", sa.String(length=40), server_default="", nullable=False),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("nudges", sa.Integer(), server_default="0", nullable=False),
        sa.Column("nudges_read", sa.Integer(), server_default="0", nullable=False),
        sa.Column("read_at", Instant(), nullable=True),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.Column("fence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("trouble", sa.Text(), server_default="", nullable=False),
        sa.Column("told", sa.JSON(), nullable=True),
        sa.Column("raw", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_returns")),
        sa.UniqueConstraint("shop", "rma_id", name=op.f("uq_returns_shop_rma_id")),
    )
    with op.batch_alter_table("returns", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_returns_due_at"), ["due_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_returns_shop_order_name"), ["shop", "order_name"], unique=False)
        batch_op.create_index(batch_op.f("ix_returns_shop_sale_id"), ["shop", "sale_id"], unique=False)

    op.create_table(
        "sale_claims",
        sa.Column("shop", sa.String(length=64), nullable=False),
        sa.Column("sale_id", sa.String(length=40), nullable=False),
        sa.Column("holder", sa.String(length=80), server_default="", nullable=False),
        sa.Column("until", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("shop", "sale_id", name=op.f("pk_sale_claims")),
    )
    op.create_table(
        "sale_of_order",
        sa.Column("shop", sa.String(length=64), nullable=False),
        sa.Column("order_name", sa.String(length=120), nullable=False),
        sa.Column("sale_id", sa.String(length=40), nullable=False),
        sa.Column("how", sa.String(length=40), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("shop", "order_name", name=op.f("pk_sale_of_order")),
    )
    op.create_table(
        "sales",
        sa.Column("shop", sa.String(length=64), nullable=False),
        sa.Column("sale_id", sa.String(length=40), nullable=False),
        sa.Column("order_number", sa.String(length=120), server_default="", nullable=False),
        sa.Column("customer_reference", sa.String(length=256), server_default="", nullable=False),
        sa.Column("external_id", sa.String(length=256), server_default="", nullable=False),
        sa.Column("kind", sa.String(length=40), server_default="", nullable=False),
        sa.Column("status", sa.String(length=40), server_default="", nullable=False),
        sa.Column("order_status", sa.String(length=40), server_default="", nullable=False),
        sa.Column("invoice_status", sa.String(length=60), server_default="", nullable=False),
        sa.Column("credit_note_status", sa.String(length=40), server_default="", nullable=False),
        sa.Column("source_channel", sa.String(length=80), server_default="", nullable=False),
        sa.Column("amount", Exact(), nullable=True),
        sa.Column("credited", Exact(), nullable=True),
        sa.Column("currency", sa.String(length=3), server_default="", nullable=False),
        sa.Column("updated", Instant(), nullable=True),
        sa.Column("digest", sa.String(length=40), server_default="", nullable=False),
        sa.Column("first_seen", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("shop", "sale_id", name=op.f("pk_sales")),
    )
    with op.batch_alter_table("sales", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_sales_shop_customer_reference"), ["shop", "customer_reference"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_sales_shop_external_id"), ["shop", "external_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_sales_shop_order_number"), ["shop", "order_number"], unique=False)
        batch_op.create_index(batch_op.f("ix_sales_shop_order_status"), ["shop", "order_status"], unique=False)

    op.create_table(
        "sku_aliases",
        sa.Column("shop", sa.String(length=64), nullable=False),
        sa.Column("portal_sku", sa.String(length=120), nullable=False),
        sa.Column("cin7_sku", sa.String(length=120), nullable=False),
        sa.Column("product_id", sa.String(length=40), server_default="", nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("shop", "portal_sku", name=op.f("pk_sku_aliases")),
    )
    op.create_table(
        "entries",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("shop", sa.String(length=64), nullable=False),
        sa.Column("consumer", sa.String(length=60), nullable=False),
        sa.Column("subject", sa.String(length=120), nullable=False),
        sa.Column("return_id", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("wakes", sa.Integer(), server_default="1", nullable=False),
        sa.Column("wakes_seen", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.Column("fence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("starts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("plan", sa.JSON(), nullable=True),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["return_id"], ["returns.id"], name=op.f("fk_entries_return_id_returns")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entries")),
        sa.UniqueConstraint("shop", "consumer", "subject", name=op.f("uq_entries_shop_consumer_subject")),
    )
    with op.batch_alter_table("entries", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_entries_consumer_due_at"), ["consumer", "due_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_entries_return_id"), ["return_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_entries_state_due_at"), ["state", "due_at"], unique=False)

    op.create_table(
        "exceptions",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("shop", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("owner", sa.String(length=24), nullable=False),
        sa.Column("raised_by", sa.String(length=60), nullable=False),
        sa.Column("subject", sa.String(length=120), nullable=False),
        sa.Column("return_id", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("next_step", sa.Text(), nullable=False),
        sa.Column("money", Exact(), nullable=True),
        sa.Column("currency", sa.String(length=3), server_default="", nullable=False),
        sa.Column("units", sa.JSON(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("seen_at", Instant(), nullable=False),
        sa.Column("closed_at", Instant(), nullable=True),
        sa.Column("closed_by", sa.String(length=80), server_default="", nullable=False),
        sa.Column("assignee", sa.String(length=80), server_default="", nullable=False),
        sa.Column("snoozed_until", Instant(), nullable=True),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["return_id"], ["returns.id"], name=op.f("fk_exceptions_return_id_returns")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exceptions")),
    )
    with op.batch_alter_table("exceptions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_exceptions_return_id"), ["return_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_exceptions_state_owner"), ["state", "owner"], unique=False)
        batch_op.create_index(
            "uq_exceptions_open",
            ["shop", "type", "raised_by", "subject"],
            unique=True,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )

    op.create_table(
        "units",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("return_id", sa.Integer(), nullable=False),
        sa.Column("returned_item_id", sa.String(length=64), nullable=False),
        sa.Column("sku", sa.String(length=120), nullable=False),
        sa.Column("reason", sa.String(length=200), server_default="", nullable=False),
        sa.Column("resolution", sa.String(length=80), server_default="", nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("paid", Exact(), nullable=False),
        sa.Column("refunded_at", Instant(), nullable=True),
        sa.Column("refunded", Exact(), nullable=True),
        sa.Column("refund_payment", sa.String(length=60), server_default="", nullable=False),
        sa.Column("received_at", Instant(), nullable=True),
        sa.Column("inspected_at", Instant(), nullable=True),
        sa.Column("inspection", sa.String(length=40), server_default="", nullable=False),
        sa.Column("credited_at", Instant(), nullable=True),
        sa.Column("credited", Exact(), nullable=True),
        sa.Column("credit_note", sa.String(length=60), server_default="", nullable=False),
        sa.Column("stocked_at", Instant(), nullable=True),
        sa.Column("stocked_as", sa.String(length=40), server_default="", nullable=False),
        sa.Column("stocked_where", sa.String(length=120), server_default="", nullable=False),
        sa.Column("exchange_released_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["return_id"], ["returns.id"], name=op.f("fk_units_return_id_returns")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_units")),
        sa.UniqueConstraint("return_id", "returned_item_id", name=op.f("uq_units_return_id_returned_item_id")),
    )
    with op.batch_alter_table("units", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_units_returned_item_id"), ["returned_item_id"], unique=False)

    op.create_table(
        "waivers",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("return_id", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["return_id"], ["returns.id"], name=op.f("fk_waivers_return_id_returns")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waivers")),
        sa.UniqueConstraint("return_id", "type", name=op.f("uq_waivers_return_id_type")),
    )
    op.create_table(
        "effects",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=400), nullable=False),
        sa.Column("shop", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("marker", sa.String(length=20), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("return_id", sa.Integer(), nullable=True),
        sa.Column("sale_id", sa.String(length=40), server_default="", nullable=False),
        sa.Column("action", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("fence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("sends", sa.Integer(), server_default="0", nullable=False),
        sa.Column("step_sends", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lookups", sa.Integer(), server_default="0", nullable=False),
        sa.Column("reconcile_first", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("progress", sa.JSON(), nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.Column("sent_at", Instant(), nullable=True),
        sa.Column("confirmed_at", Instant(), nullable=True),
        sa.Column("why", sa.Text(), server_default="", nullable=False),
        sa.Column("reference", sa.String(length=60), server_default="", nullable=False),
        sa.Column("number", sa.String(length=60), server_default="", nullable=False),
        sa.Column("currency", sa.String(length=3), server_default="", nullable=False),
        sa.Column("net", Exact(), nullable=True),
        sa.Column("tax", Exact(), nullable=True),
        sa.Column("gross", Exact(), nullable=True),
        sa.Column("source", sa.String(length=12), server_default="ours", nullable=False),
        sa.Column("digest", sa.String(length=64), server_default="", nullable=False),
        sa.Column("planned_at", Instant(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["entries.id"], name=op.f("fk_effects_entry_id_entries")),
        sa.ForeignKeyConstraint(["return_id"], ["returns.id"], name=op.f("fk_effects_return_id_returns")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_effects")),
        sa.UniqueConstraint("key", name=op.f("uq_effects_key")),
    )
    with op.batch_alter_table("effects", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_effects_entry_id"), ["entry_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_effects_marker"), ["marker"], unique=False)
        batch_op.create_index(batch_op.f("ix_effects_return_id"), ["return_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_effects_shop_sale_id"), ["shop", "sale_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_effects_state_due_at"), ["state", "due_at"], unique=False)

    op.create_table(
        "batch_items",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("effect_id", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("return_id", sa.Integer(), nullable=False),
        sa.Column("rma_id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("content", sa.String(length=40), nullable=False),
        sa.Column("action", sa.JSON(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("gross", Exact(), nullable=False),
        sa.Column("base_gross", Exact(), nullable=False),
        sa.Column("ready_at", Instant(), nullable=True),
        sa.Column("late", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("verified", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("previous_id", sa.Integer(), nullable=True),
        sa.Column("added_at", Instant(), nullable=False),
        sa.Column("checked_at", Instant(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_batch_items_batch_id_batches")),
        sa.ForeignKeyConstraint(["effect_id"], ["effects.id"], name=op.f("fk_batch_items_effect_id_effects")),
        sa.ForeignKeyConstraint(["entry_id"], ["entries.id"], name=op.f("fk_batch_items_entry_id_entries")),
        sa.ForeignKeyConstraint(["return_id"], ["returns.id"], name=op.f("fk_batch_items_return_id_returns")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch_items")),
    )
    with op.batch_alter_table("batch_items", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_batch_items_batch_id"), ["batch_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_batch_items_entry_id"), ["entry_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_batch_items_state"), ["state"], unique=False)
        batch_op.create_index(
            "uq_batch_items_live",
            ["effect_id"],
            unique=True,
            sqlite_where=sa.text("state IN ('held', 'released')"),
            postgresql_where=sa.text("state IN ('held', 'released')"),
        )

    op.create_table(
        "effect_units",
        sa.Column("effect_id", sa.Integer(), nullable=False),
        sa.Column("return_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("unit", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["effect_id"], ["effects.id"], name=op.f("fk_effect_units_effect_id_effects")),
        sa.ForeignKeyConstraint(["return_id"], ["returns.id"], name=op.f("fk_effect_units_return_id_returns")),
        sa.PrimaryKeyConstraint("kind", "return_id", "unit", name=op.f("pk_effect_units")),
    )
    with op.batch_alter_table("effect_units", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_effect_units_effect_id"), ["effect_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("effect_units", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_effect_units_effect_id"))

    op.drop_table("effect_units")
    with op.batch_alter_table("batch_items", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_batch_items_live",
            sqlite_where=sa.text("state IN ('held', 'released')"),
            postgresql_where=sa.text("state IN ('held', 'released')"),
        )
        batch_op.drop_index(batch_op.f("ix_batch_items_state"))
        batch_op.drop_index(batch_op.f("ix_batch_items_entry_id"))
        batch_op.drop_index(batch_op.f("ix_batch_items_batch_id"))

    op.drop_table("batch_items")
    with op.batch_alter_table("effects", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_effects_state_due_at"))
        batch_op.drop_index(batch_op.f("ix_effects_shop_sale_id"))
        batch_op.drop_index(batch_op.f("ix_effects_return_id"))
        batch_op.drop_index(batch_op.f("ix_effects_marker"))
        batch_op.drop_index(batch_op.f("ix_effects_entry_id"))

    op.drop_table("effects")
    op.drop_table("waivers")
    with op.batch_alter_table("units", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_units_returned_item_id"))

    op.drop_table("units")
    with op.batch_alter_table("exceptions", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_exceptions_open", sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'")
        )
        batch_op.drop_index(batch_op.f("ix_exceptions_state_owner"))
        batch_op.drop_index(batch_op.f("ix_exceptions_return_id"))

    op.drop_table("exceptions")
    with op.batch_alter_table("entries", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_entries_state_due_at"))
        batch_op.drop_index(batch_op.f("ix_entries_return_id"))
        batch_op.drop_index(batch_op.f("ix_entries_consumer_due_at"))

    op.drop_table("entries")
    op.drop_table("sku_aliases")
    with op.batch_alter_table("sales", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sales_shop_order_status"))
        batch_op.drop_index(batch_op.f("ix_sales_shop_order_number"))
        batch_op.drop_index(batch_op.f("ix_sales_shop_external_id"))
        batch_op.drop_index(batch_op.f("ix_sales_shop_customer_reference"))

    op.drop_table("sales")
    op.drop_table("sale_of_order")
    op.drop_table("sale_claims")
    with op.batch_alter_table("returns", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_returns_shop_sale_id"))
        batch_op.drop_index(batch_op.f("ix_returns_shop_order_name"))
        batch_op.drop_index(batch_op.f("ix_returns_due_at"))

    op.drop_table("returns")
    op.drop_table("reference_books")
    op.drop_table("payouts")
    op.drop_table("note_checks")
    op.drop_table("journal_notes")
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_deliveries_shop_subject"))

    op.drop_table("deliveries")
    with op.batch_alter_table("dead_letters", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dead_letters_state_queue"))
        batch_op.drop_index(batch_op.f("ix_dead_letters_fingerprint"))

    op.drop_table("dead_letters")
    op.drop_table("cursors")
    with op.batch_alter_table("batches", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_batches_state"))

    op.drop_table("batches")
    op.drop_table("availability_touched")
    with op.batch_alter_table("availability_sent", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_availability_sent_shop_at"))

    op.drop_table("availability_sent")
    op.drop_table("availability")
    op.drop_table("audit")
    with op.batch_alter_table("attempts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_attempts_return_id"))
        batch_op.drop_index(batch_op.f("ix_attempts_effect_id"))

    op.drop_table("attempts")
