"""`returnline migrate`: brings the ledger up to date; run it before the roles when they are started apart."""

from __future__ import annotations

import click

from console.cli._options import settings_options
from pipeline.settings.values import Settings


@click.command()
@settings_options
def command(settings: Settings) -> None:
    """Create or upgrade the ledger's tables."""
    from pipeline.ledger import migrate

    settings.data_dir.mkdir(parents=True, exist_ok=True)
    migrate(settings)
    click.echo("the ledger is up to date")
