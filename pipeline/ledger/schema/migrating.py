"""Bring the ledger to the newest form, and say whether it is there."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from pipeline.ledger.schema import guards
from pipeline.ledger.store import Ledger, make_engine


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("pipeline.ledger") / "migrations"))
    config.attributes["url"] = url
    return config


def migrate(url: str) -> None:
    """Create or upgrade the ledger at this URL; the folder of a SQLite file is made."""
    if url.startswith("sqlite:///"):
        file = Path(url.removeprefix("sqlite:///"))
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Made before SQLite makes it: whoever else works on this machine must not read the ledger.
        file.touch(mode=0o600, exist_ok=True)
    command.upgrade(_config(url), "head")
    ledger = Ledger(url)
    with ledger.write() as conn:
        guards.put_up(conn)
    ledger.close()


def at_head(ledger: Ledger) -> tuple[str, str]:
    """The ledger's revision ("" when it is empty) and the newest one."""
    newest = ScriptDirectory.from_config(_config(ledger.url)).get_current_head() or ""
    engine = make_engine(ledger.url)
    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision() or ""
    engine.dispose()
    return current, newest


def draft_revision(url: str, message: str) -> None:
    """For engineers: write a new revision file from the difference between the tables and the ledger at this URL."""
    command.revision(_config(url), message=message, autogenerate=True)
