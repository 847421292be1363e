"""`returnline deliveries`: what reached us and what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from console.cli._ledger import Moment, at, opened, print_json, show
from console.cli._options import settings_options
from pipeline.settings.values import Settings


@click.group()
def command() -> None:
    """Deliveries: every request that was answered 202."""


@command.command("list")
@settings_options
@click.option("--shop", default="", help="Shop, by its name in the settings.")
@click.option("--outcome", type=click.Choice(("admitted", "duplicate", "unreadable")), help="What became of it.")
@click.option("--subject", default="", help="Beginning of the subject, e.g. rma:1042 or sale:.")
@click.option("--since", type=Moment(), help="Received at or after: 2026-11-23, or a span like 2h, 3d.")
@click.option("--limit", type=click.IntRange(1, 2**31 - 1), default=50, show_default=True, help="The latest so many.")
@click.option("--json", "as_json", is_flag=True, help="Print it as data.")
def list_(settings: Settings, since: datetime | None, limit: int, as_json: bool, **wanted: str | None) -> None:
    """The latest deliveries, newest first. Bodies and headers are not shown: they may name shoppers."""
    from pipeline.ledger import deliveries

    with opened(settings) as ledger, ledger.read() as conn:
        rows = deliveries.latest(conn, limit, since=since, **{k: v or "" for k, v in wanted.items()})
    if as_json:
        print_json(rows)
        return
    columns = ("received_at", "shop", "source", "topic", "subject", "outcome", "id", "error")
    show(columns, [tuple(_cell(row[name]) for name in columns) for row in rows])


def _cell(value: Any) -> str:
    return at(value) if isinstance(value, datetime) else str(value)
