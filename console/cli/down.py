"""`returnline down`: stops what `returnline up` started on a data folder."""

from __future__ import annotations

import click

from console.cli._options import settings_options
from pipeline.settings.values import Settings


@click.command()
@settings_options
def command(settings: Settings) -> None:
    """Stop everything on this data folder, the embedded server too."""
    from pipeline.running.supervisor import bring_down

    try:
        ran = bring_down(settings.data_dir)
    except TimeoutError as error:
        raise click.ClickException(str(error)) from None
    click.echo("stopped" if ran else "nothing was running")
