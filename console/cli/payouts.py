"""`returnline payouts`: bring in what the payment provider paid out, so that refunds and payouts can be compared."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from console.cli._ledger import opened, print_json, who_option
from console.cli._options import settings_options
from pipeline.settings.values import Settings


@click.group()
def command() -> None:
    """Payouts: import. Neither ReturnGO nor Cin7 knows them, so they come from a file."""


@command.command("import")
@settings_options
@who_option
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--shop", default="", help="Shop, where the settings have more than one.")
@click.option(
    "--replace", "replacing", is_flag=True, help="Put the file's figures in the place of those imported before."
)
@click.option(
    "--refunds-are",
    type=click.Choice(["negative", "positive"]),
    help="What the sign of a list of refunds means; asked for only where the file leaves it open.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as data.")
def import_(
    settings: Settings, who: str, file: Path, shop: str, replacing: bool, refunds_are: str | None, as_json: bool
) -> None:
    """Read Shopify's payment transactions or payouts export as it comes, or a CSV with the columns payout_id,
    refund_id, amount, currency, settled. All of it or nothing; again is harmless."""
    from pipeline.parts import utc_now
    from pipeline.sheets.sheet import SheetError

    name, now = _shop(settings, shop), utc_now()
    try:
        told = _imported(settings, who, file, name, now, replacing=replacing, refunds_are=refunds_are or "")
    except SheetError as error:
        for problem in error.problems:
            click.echo(problem, err=True)
        raise click.exceptions.Exit(1) from None
    if as_json:
        print_json(told)
        return
    _print(told)


def _imported(
    settings: Settings, who: str, file: Path, shop: str, now: datetime, *, replacing: bool, refunds_are: str
) -> dict[str, Any]:
    from pipeline.ledger import audit
    from pipeline.ledger.gaps import payouts
    from pipeline.sheets.payout_files import OWN, read_payouts

    read = read_payouts(file.read_bytes(), now)
    with opened(settings) as ledger, ledger.write() as conn:
        own = read.form is OWN
        lines = payouts.directed(conn, shop, read.lines, refunds_are) if own else list(read.lines)
        kept = payouts.keep(conn, shop, lines, now, replacing=replacing)
        told: dict[str, Any] = {"shop": shop, "lines": kept.lines, "new": kept.new}
        if kept.replaced:
            told["replaced"] = [asdict(line) for line in kept.replaced]
        if read.left_out:
            told["left_out"] = dict(read.left_out)
        audit.write(conn, who, "payouts.import", {"file": file.name, **told}, now)
    return told


def _print(told: dict[str, Any]) -> None:
    read = f"{told['lines']} refunds read, {told['new']} of them new"
    click.echo(f"{read}; `returnline gaps --gap payout-unmatched` compares them")
    for line in told.get("replaced", ()):
        click.echo(f"replaced: {line['refund_id'] or line['payout_id']}: {line['before']} is now {line['after']}")
    for what, count in told.get("left_out", {}).items():
        click.echo(f"left out: {count} {what}")


def _shop(settings: Settings, asked: str) -> str:
    if asked and asked not in settings.shops:
        raise click.ClickException(f"the settings know no shop {asked}; they have {', '.join(settings.shops)}")
    if not asked and len(settings.shops) != 1:
        raise click.ClickException(f"name the shop with --shop: {', '.join(settings.shops)}")
    return asked or next(iter(settings.shops))
