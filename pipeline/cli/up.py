"""`returnline up`: every role of an installation on this machine, supervised."""

from __future__ import annotations

import click

from pipeline.cli._options import settings_options
from pipeline.settings import Settings


@click.command()
@settings_options
@click.option("--ephemeral", is_flag=True, help="The embedded server ends with this process, however it ends.")
@click.option("--stream", is_flag=True, help="Show the roles' logs here and do not write them to DATA/log.")
def command(settings: Settings, ephemeral: bool, stream: bool) -> None:
    """Start everything; Ctrl-C stops it in order."""
    from pipeline.embedded import EmbeddedServerError
    from pipeline.embedded_conf import ServerBinaryMissingError
    from pipeline.roles import consumer_names, roles_of
    from pipeline.supervisor import AlreadyRunningError, Supervisor

    roles = roles_of(settings, consumer_names())
    supervisor = Supervisor(settings, roles, say=click.echo, ephemeral=ephemeral, stream=stream)
    try:
        supervisor.run()
    except (AlreadyRunningError, EmbeddedServerError, ServerBinaryMissingError) as error:
        raise click.ClickException(str(error)) from None
