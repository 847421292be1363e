"""What people must know and did: exceptions, waivers, dead letters, the audit."""

from __future__ import annotations

import sqlalchemy as sa

from pipeline.ledger.schema.columns import Exact, Instant, key, metadata

exceptions = sa.Table(
    "exceptions",
    metadata,
    key(),
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
    key(),
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
    key(),
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
    key(),
    sa.Column("at", Instant, nullable=False),
    sa.Column("who", sa.String(80), nullable=False),
    sa.Column("did", sa.String(60), nullable=False),
    sa.Column("details", sa.JSON, nullable=False),
)
