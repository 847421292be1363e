"""The memory: a real database that is the truth about every delivery, return, effect, attempt and exception."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.ledger.store import Ledger

if TYPE_CHECKING:
    from pipeline.settings.values import Settings

__all__ = ["Ledger", "migrate"]


def migrate(settings: Settings) -> None:
    """Create or upgrade the ledger of these settings."""
    from pipeline.ledger.schema.migrating import migrate as upgrade

    upgrade(settings.database_url)
