"""`returnline replay --since DATE --rehearse`: what would have been done to the returns since then."""

from __future__ import annotations

import json
from datetime import datetime

import click

from console.cli._ledger import Moment
from console.cli._options import settings_options
from pipeline.settings.values import Settings


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
    from console.cli._ledger import plain, rehearsing
    from console.replay_report import replay_lines
    from console.replaying import as_if_live, replay

    if not rehearse:
        raise click.UsageError("a replay only rehearses; say so with --rehearse")
    with rehearsing(as_if_live(settings, since.date())) as parts:
        totals = replay(parts, since, shop, limit, lambda number, rma: click.echo(f"{number}: {rma}", err=True))
    if as_json:
        click.echo(json.dumps(totals, indent=1, default=plain, ensure_ascii=False))
        return
    for line in replay_lines(totals):
        click.echo(line)
