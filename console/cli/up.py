"""`returnline up`: every role of an installation on this machine, supervised."""

from __future__ import annotations

import click

from console.cli._options import settings_options
from pipeline.settings.values import Settings


@click.command()
@settings_options
@click.option("--ephemeral", is_flag=True, help="The embedded server ends with this process, however it ends.")
@click.option("--stream", is_flag=True, help="Show the roles' logs here and do not write them to DATA/log.")
def command(settings: Settings, ephemeral: bool, stream: bool) -> None:
    """Start everything; Ctrl-C stops it in order."""
    from consumers.roster import NAMES
    from pipeline.running.roles import roles_of
    from pipeline.running.supervisor import AlreadyRunningError, Supervisor
    from pipeline.running.valkey import EmbeddedServerError
    from pipeline.running.valkey_conf import ServerBinaryMissingError

    roles = roles_of(settings, NAMES)
    supervisor = Supervisor(settings, roles, say=click.echo, ephemeral=ephemeral, stream=stream)
    try:
        supervisor.run()
    except (AlreadyRunningError, EmbeddedServerError, ServerBinaryMissingError) as error:
        raise click.ClickException(str(error)) from None
