"""payout lines that are known by their order, and what a file's sign meant"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from pipeline.ledger.schema.all import Exact, Instant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("payouts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("order_name", sa.String(length=80), server_default="", nullable=False))
        batch_op.add_column(sa.Column("moved_at", Instant(), nullable=True))
        batch_op.add_column(sa.Column("presented", Exact(), nullable=True))
        batch_op.add_column(sa.Column("presented_currency", sa.String(length=3), server_default="", nullable=False))
        batch_op.add_column(sa.Column("signed", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("payouts", schema=None) as batch_op:
        for name in ("signed", "presented_currency", "presented", "moved_at", "order_name"):
            batch_op.drop_column(name)
