"""`returnline kpis`: lead times, first-pass rate, exceptions and where the goods ended."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from console.cli._ledger import Moment, at, opened, print_json, show
from console.cli._options import settings_options
from pipeline.settings.values import Settings


@click.command()
@settings_options
@click.option("--since", type=Moment(), default="30d", show_default=True, help="From when.")
@click.option("--until", type=Moment(), help="Up to when (default: now).")
@click.option("--shop", default="", help="Shop, by its name in the settings.")
@click.option("--json", "as_json", is_flag=True, help="Print it as data.")
def command(settings: Settings, since: datetime, until: datetime | None, shop: str, as_json: bool) -> None:
    """How well the returns run: median and P90, never an average. Computed from the ledger; no call is made."""
    from pipeline.ledger.reports.kpis import kpis
    from pipeline.parts import utc_now

    with opened(settings) as ledger, ledger.read() as conn:
        terms = {name: one.terms for name, one in settings.shops.items()}
        told = kpis(conn, since, until or utc_now(), shop, terms)
    if as_json:
        print_json(told)
        return
    click.echo(f"{at(told['since'])} to {at(told['until'])}: {told['returns_credited']} returns credited")
    show(("lead time", "units", "median h", "P90 h"), [_span(row, "lead", "count") for row in told["lead_times"]])
    for name, title in (
        ("first_pass", "went through untouched"),
        ("exceptions_per_100", "exceptions for 100 returns"),
        ("recovered_alone", "exceptions that closed by themselves"),
    ):
        click.echo(f"{title}: {_word(told[name])}{'' if name == 'exceptions_per_100' else ' %'}")
    click.echo(f"notes of others adopted instead of doubled: {told['duplicates_prevented']}")
    show(("owner", "exceptions", "median h", "P90 h"), [_span(row, "owner", "opened") for row in told["resolution"]])
    for word, one in told["goods"].items():
        click.echo(f"{word}: {one['units']} units, {one['share']} %")


def _span(row: dict[str, Any], name: str, count: str) -> tuple[str, ...]:
    return (row[name], str(row[count]), _word(row["median"]), _word(row["p90"]))


def _word(value: Any) -> str:
    return "-" if value is None else str(value)
