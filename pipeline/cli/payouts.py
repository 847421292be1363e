"""`returnline payouts`: bring in what the payment provider paid out, so that refunds and payouts can be compared."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli._ledger import opened, print_json, who_option
from pipeline.cli._options import settings_options
from pipeline.settings import Settings


@click.group()
def command() -> None:
    """Payouts: import. Neither ReturnGO nor Cin7 knows them, so they come from a file."""


@command.command("import")
@settings_options
@who_option
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--shop", default="", help="Shop, where the settings have more than one.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as data.")
def import_(settings: Settings, who: str, file: Path, shop: str, as_json: bool) -> None:
    """Read a CSV with the columns payout_id, refund_id, amount, currency, settled. Again is harmless."""
    from pipeline.ledger import audit, payouts
    from pipeline.parts import utc_now

    name = _shop(settings, shop)
    try:
        lines = payouts.read_csv(file.read_text("utf-8-sig").splitlines())
    except UnicodeDecodeError:
        raise click.ClickException(f"{file.name} is not UTF-8; save it as CSV UTF-8") from None
    except payouts.PayoutFileError as error:
        for problem in error.problems:
            click.echo(problem, err=True)
        raise click.exceptions.Exit(1) from None
    now = utc_now()
    with opened(settings) as ledger, ledger.write() as conn:
        new = payouts.keep(conn, name, lines, now)
        audit.write(conn, who, "payouts.import", {"shop": name, "lines": len(lines), "new": new}, now)
    if as_json:
        print_json({"shop": name, "lines": len(lines), "new": new})
        return
    click.echo(f"{len(lines)} refunds read, {new} of them new; `returnline gaps --gap payout-unmatched` compares them")


def _shop(settings: Settings, asked: str) -> str:
    if asked and asked not in settings.shops:
        raise click.ClickException(f"the settings know no shop {asked}; they have {', '.join(settings.shops)}")
    if not asked and len(settings.shops) != 1:
        raise click.ClickException(f"name the shop with --shop: {', '.join(settings.shops)}")
    return asked or next(iter(settings.shops))
