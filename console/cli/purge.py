"""`returnline purge --older-than DAYS`: removes what may name shoppers, and keeps the money trail."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from console.cli._ledger import at, opened, print_json, show, who_option
from console.cli._options import settings_options
from pipeline.settings.values import Settings

if TYPE_CHECKING:
    from pipeline.ledger.purging import Purged

_WHAT = {
    "deliveries": "bodies and headers of webhooks",
    "dead letters": "bodies, headers and tracebacks of closed dead letters",
    "answers of ReturnGO": "ReturnGO's answers, as they were kept",
    "texts of returns": "names in returns",
    "excerpts of calls": "what was sent and answered, word for word",
}
_WHY = {
    "open dead letters": "requeue or discard them first: returnline dead list",
    "returns at work": "something of them is not settled, or a person must act: returnline exceptions list",
}


@click.command()
@settings_options
@who_option
@click.option("--older-than", "days", type=click.IntRange(1, 36_500), required=True, help="Days that everything stays.")
@click.option("--yes", is_flag=True, help="Do it. Without it nothing changes.")
@click.option(
    "--compact", is_flag=True, help="Also write a SQLite file anew; writers wait meanwhile, so do it at night."
)
@click.option("--json", "as_json", is_flag=True, help="Print it as data.")
def command(settings: Settings, who: str, days: int, yes: bool, compact: bool, as_json: bool) -> None:
    """Remove personal data and raw bodies older than DAYS; documents, amounts, facts, exceptions and audit stay."""
    from pipeline.ledger import purging
    from pipeline.parts import utc_now

    now = utc_now()
    before = now - timedelta(days=days)
    broker = ""
    with opened(settings) as ledger:
        found = purging.purge(ledger, before, who, now) if yes else purging.preview(ledger, before)
        if yes:
            broker = _rewrite_broker_file(settings)
            if compact and (why := purging.compact(ledger)):
                click.echo(f"the file was not written anew: {why}; try again later with --compact", err=True)
    if as_json:
        counts: Mapping[str, object] = {"removed": found.removed, "kept": found.kept}
        print_json({"dry_run": not yes, "before": before, **counts, "broker": broker})
        return
    _show(found, before, yes=yes)
    if broker:
        click.echo(f"broker's file: {broker}")


def _show(found: Purged, before: datetime, *, yes: bool) -> None:
    show(("rows", "what"), [(str(count), _WHAT.get(name, name)) for name, count in found.removed.items()])
    for name, count in found.kept.items():
        if count:
            click.echo(f"kept for {count} {name}: {_WHY[name]}")
    verb = "removed from" if yes else "would change"
    click.echo(f"{verb} {found.total} rows, everything before {at(before)}" + ("" if yes else "; --yes does it"))


def _rewrite_broker_file(settings: Settings) -> str:
    """Ask the broker to drop taken deliveries from its append-only file too; what came of it, in words."""
    from redis import Redis
    from redis.exceptions import RedisError

    from pipeline.running.address import BrokerMissingError, redis_url

    try:
        with Redis.from_url(redis_url(settings), socket_timeout=10, socket_connect_timeout=3) as broker:
            broker.bgrewriteaof()
    except BrokerMissingError:
        return "not rewritten: no broker runs; it is rewritten when it has doubled, or by the next purge"
    except RedisError as error:
        return f"not rewritten: {type(error).__name__}; run BGREWRITEAOF on it yourself"
    return "is being rewritten"
