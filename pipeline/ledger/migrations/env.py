"""How Alembic reaches the ledger: the URL comes from the caller, never from a file."""

from __future__ import annotations

from alembic import context

from pipeline.ledger.schema.all import metadata
from pipeline.ledger.store import make_engine


def run() -> None:
    """Upgrade the ledger whose URL is in the Alembic configuration."""
    engine = make_engine(str(context.config.attributes["url"]))
    with engine.connect().execution_options(takes_turn=True) as connection:
        context.configure(connection=connection, target_metadata=metadata, render_as_batch=True, compare_type=True)
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
