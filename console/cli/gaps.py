"""`returnline gaps`: where portal, Cin7 and payouts disagree, by age and owner, in count and money."""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import click

from console.cli._ledger import Moment, at, opened, print_json, show
from console.cli._options import settings_options
from pipeline.settings.values import Settings
from schemas.concerns import Owner
from schemas.gaps import BUCKETS, Gap

#: The change of a gap is counted against this long ago.
_BEFORE = timedelta(days=7)


@click.command()
@settings_options
@click.option("--gap", "name", type=click.Choice([gap.value for gap in Gap]), help="Only this gap, item by item.")
@click.option("--rma", default="", help="Only this return, item by item.")
@click.option("--shop", default="", help="Shop, by its name in the settings.")
@click.option("--owner", default="", help="Only what this owner must act on, e.g. finance.")
@click.option("--as-of", type=Moment(), help="As the facts stood then: 2026-10-31T23:59, or 7d ago (default: now).")
@click.option("--any-age", is_flag=True, help="Also gaps inside their patience; month end needs them.")
@click.option("--json", "as_json", is_flag=True, help="Print it as data.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the items as CSV.")
def command(
    settings: Settings,
    name: str | None,
    rma: str,
    shop: str,
    owner: str,
    as_of: datetime | None,
    any_age: bool,
    as_json: bool,
    as_csv: bool,
) -> None:
    """The 14 gaps of the three-way match, computed from the ledger. No call is made."""
    from pipeline.ledger.gaps import board, passed
    from pipeline.parts import utc_now

    moment = as_of or utc_now()
    terms = {key: one.terms for key, one in settings.shops.items()}
    asked = {"shop": shop, "rma": rma, "gap": Gap(name) if name else None, "any_age": any_age}
    with opened(settings) as ledger, ledger.read() as conn:
        items = [i for i in board.find(conn, terms, moment, **asked) if owner in {"", i.owner}]  # type: ignore[arg-type]
        before = [i for i in board.find(conn, terms, moment - _BEFORE, **asked) if owner in {"", i.owner}]  # type: ignore[arg-type]
        pennies = (
            [] if name or owner not in {"", Owner.FINANCE} else passed.find(conn, terms, moment, shop=shop, rma=rma)
        )
    rows = [item.as_row(moment) for item in items]
    told = board.summary(items, moment, before)
    if as_csv:
        _csv(rows)
    elif as_json:
        let_be = {"count": len(pennies), "money": passed.sums(pennies), "items": [one.as_row() for one in pennies]}
        print_json(
            {"as_of": moment, "gaps": told, "items": rows, "money": board.money_of(items), "let_be": let_be},
        )
    elif name or rma:
        _items(rows)
        _let_be(pennies, each=True)
    else:
        _table(told)
        _footer(settings, items, moment)
        _let_be(pennies)


def _csv(rows: list[dict[str, Any]]) -> None:
    from console.cli._sheet import safe

    titles = ("gap", "owner", "shop", "rma", "order", "unit", "sku", "since", "days", "age", "money", "currency")
    writer = csv.DictWriter(sys.stdout, fieldnames=[*titles, "cause"])
    writer.writeheader()
    writer.writerows({name: safe(value) for name, value in row.items()} for row in rows)


def _items(rows: list[dict[str, Any]]) -> None:
    titles = ("gap", "owner", "return", "order", "unit", "sku", "since", "days", "money", "cause")
    cells = ("gap", "owner", "rma", "order", "unit", "sku")
    show(
        titles,
        [(*(row[c] or "-" for c in cells), _day(row), str(row["days"]), _money(row), row["cause"]) for row in rows],
    )
    click.echo(f"{len(rows)} open")


def _day(row: Mapping[str, Any]) -> str:
    return at(datetime.fromisoformat(row["since"]))


def _money(row: Mapping[str, Any]) -> str:
    from decimal import Decimal

    from schemas.money import Money

    return str(Money(Decimal(row["money"]), row["currency"])) if row["money"] is not None else "-"


def _table(told: list[dict[str, Any]]) -> None:
    from pipeline.ledger.letters.letters import money_text

    ages = [name for name, _ in BUCKETS]
    lines = []
    for row in told:
        counts = [str(row["ages"][age]["count"] or "") for age in ages]
        change = f"{row['change']:+d}" if row["change"] else "0"
        money = money_text(row["money"]) if row["count"] else "-"
        lines.append((row["gap"], row["owner"], *counts, str(row["count"]), change, money, _oldest(row["oldest"])))
    show(("gap", "owner", *(f"{age} d" for age in ages), "all", "week", "money", "oldest"), lines)


def _oldest(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return "-"
    return f"{row['rma'] or row['shop']}, {row['days']} d"


def _let_be(pennies: list[Any], *, each: bool = False) -> None:
    """What nobody is asked about, so that it can still be added up."""
    from pipeline.ledger.gaps.passed import sums
    from pipeline.ledger.letters.letters import money_text

    if pennies:
        count = f"{len(pennies)} return{'s' if len(pennies) > 1 else ''}"
        click.echo(f"let be within the tolerances: {money_text(sums(pennies))} over {count}")
    for one in pennies if each else ():
        click.echo(f"  {one.rma}: {one.money} ({one.cause})")


def _footer(settings: Settings, items: list[Any], moment: datetime) -> None:
    from pipeline.ledger.gaps.board import money_of
    from pipeline.ledger.letters.letters import money_text

    asleep = sorted(name for name, shop in settings.shops.items() if shop.terms.go_live is None)
    if asleep:
        click.echo(f"left out, because they have no go-live date: {', '.join(asleep)}")
    if not items:
        click.echo(f"no gaps at {at(moment)}")
        return
    first = items[0]
    click.echo(f"{len(items)} open, {money_text(money_of(items))}; look closer with --gap NAME or --rma RMA")
    click.echo(f"oldest: {first.gap.value} of {first.rma or first.shop}, since {at(first.since)}: {first.cause}")
