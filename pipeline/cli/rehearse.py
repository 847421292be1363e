"""`returnline rehearse RMA`: the plan from today's facts, without performing it."""

from __future__ import annotations

import subprocess
import sys

import click

from pipeline.cli._options import settings_options
from pipeline.settings import Settings

_SECONDS = 300


@click.command()
@settings_options
@click.argument("rma")
@click.option("--shop", default="", help="Shop, where two shops know the same number or none does yet.")
@click.option("--requeued", is_flag=True, help="As if its refused effects were requeued.")
@click.option("--json", "as_json", is_flag=True, help="Print it as data.")
def command(settings: Settings, rma: str, shop: str, requeued: bool, as_json: bool) -> None:
    """Show what would be done with a return now, and how that differs from what is done. Nothing is written."""
    from pipeline.broker import BrokerMissingError, redis_url
    from pipeline.roles import child_environment

    try:
        env = child_environment(settings, redis_url(settings))
    except BrokerMissingError as error:
        raise click.ClickException(f"the call quota cannot be asked, so nothing is read: {error}") from None
    # Plumbing never imports the stages: they are run as a program (docs/decisions/0010). -P keeps a folder that happens
    # to be called tasks where the operator stands from being taken for ours.
    wishes = [word for word, wanted in (("--requeued", requeued), ("--json", as_json)) if wanted]
    asked = [sys.executable, "-P", "-m", "tasks", "rehearse", "--shop", shop, *wishes, "--", rma]
    done = subprocess.run(asked, env=env, capture_output=True, text=True, timeout=_SECONDS, check=False)  # noqa: S603
    click.echo(done.stdout, nl=False)
    click.echo(done.stderr, nl=False, err=True)
    raise click.exceptions.Exit(done.returncode)
