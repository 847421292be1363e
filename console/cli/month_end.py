"""`returnline month-end DAY`: the checks before the books are locked, and what straddles the cut-off."""

from __future__ import annotations

import csv
import sys
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import click

from console.cli._ledger import at, opened, print_json, show
from console.cli._options import settings_options
from pipeline.settings.values import Settings


@click.command()
@settings_options
@click.argument("day", type=click.DateTime(["%Y-%m-%d"]))
@click.option("--shop", default="", help="Shop, by its name in the settings (default: all).")
@click.option("--json", "as_json", is_flag=True, help="Print it as data.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the proposals item by item as CSV.")
def command(settings: Settings, day: datetime, shop: str, as_json: bool, as_csv: bool) -> None:
    """Show what must be closed before DAY, the last of the month, is locked; propose accruals. Posts nothing."""
    from pipeline.ledger.reports.month_end import month_end

    if shop and shop not in settings.shops:
        raise click.ClickException(f"the settings know no shop {shop}; they have {', '.join(settings.shops)}")
    names = [shop] if shop else list(settings.shops)
    with opened(settings) as ledger, ledger.read() as conn:
        told = [month_end(conn, name, settings.shops[name].terms, day.date()) for name in names]
    if as_json:
        print_json({"day": day.date(), "shops": told})
    elif as_csv:
        _csv(told)
    else:
        for one in told:
            _show(one, day.date())


def _csv(told: list[dict[str, Any]]) -> None:
    from console.cli._sheet import safe

    titles = ("shop", "accrual", "rma", "unit", "amount", "currency", "why")
    writer = csv.DictWriter(sys.stdout, fieldnames=titles)
    writer.writeheader()
    for one in told:
        for row in one["items"]:
            writer.writerow({name: safe(value) for name, value in (row | {"shop": one["shop"]}).items()})


def _show(one: dict[str, Any], day: date) -> None:
    click.echo(f"{one['shop']}, {day}, cut off at {at(one['cut_off'])}")
    rows: list[tuple[str, ...]] = [
        ("yes" if c["ok"] else "no", c["check"], c["found"], c["fix"]) for c in one["checks"]
    ]
    show(("done", "check", "found", "do"), rows)
    click.echo("proposals (nothing is posted):" if one["accruals"] else "nothing straddles the cut-off")
    show(("proposal", "units", "amount"), [_line(row) for row in one["accruals"]])
    for currency, amount in one["store_credit_issued"].items():
        click.echo(f"store credit given in the month: {_money(amount, currency)}")


def _line(row: dict[str, Any]) -> tuple[str, ...]:
    known = row["amount"] is not None
    return (row["accrual"], str(row["units"]), _money(row["amount"], row["currency"]) if known else "cost not known")


def _money(amount: Decimal, currency: str) -> str:
    from schemas.money import Money

    return str(Money(amount, currency))
