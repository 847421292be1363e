"""`returnline replay --since DATE --rehearse`: what would have been done to the returns since then."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime

import click

from pipeline.cli._ledger import Moment
from pipeline.cli._options import settings_options
from pipeline.settings import Settings


@click.command()
@settings_options
@click.option("--since", type=Moment(), required=True, help="2026-10-01, or a span back from now like 30d.")
@click.option("--rehearse", is_flag=True, help="Required: a replay only ever rehearses.")
@click.option("--shop", default="", help="Shop, by its name in the settings (default: all).")
@click.option("--limit", type=click.IntRange(1, 10_000), default=200, show_default=True, help="Returns at most.")
@click.option("--json", "as_json", is_flag=True, help="Print it as data.")
def command(settings: Settings, since: datetime, rehearse: bool, shop: str, limit: int, as_json: bool) -> None:
    """Plan every return touched since then as if the shop had been live, and add up what would be done and what would
    wait. Nothing is performed; the calls take the quota's bulk lane."""
    from pipeline.broker import BrokerMissingError, redis_url
    from pipeline.roles import child_environment

    if not rehearse:
        raise click.UsageError("a replay only rehearses; say so with --rehearse")
    try:
        env = child_environment(settings, redis_url(settings))
    except BrokerMissingError as error:
        raise click.ClickException(f"the call quota cannot be asked, so nothing is read: {error}") from None
    # The stages are run as a program, like a rehearsal (docs/decisions/0010).
    asked = [sys.executable, "-P", "-m", "tasks", "replay", "--since", since.isoformat(), "--limit", str(limit)]
    asked += ["--shop", shop, *(["--json"] if as_json else [])]
    # Progress goes to our own standard error as it comes.
    done = subprocess.run(asked, env=env, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603
    click.echo(done.stdout, nl=False)
    raise click.exceptions.Exit(done.returncode)
