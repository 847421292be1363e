"""`returnline doctor`: is this installation fit to run, and if not, what mends it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.settings.load import load
from pipeline.settings.values import SettingsInvalidError

if TYPE_CHECKING:
    from console.doctor.row import Row


@click.command()
@click.option("--config", type=click.Path(dir_okay=False, path_type=Path), help="Settings file.")
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="Folder of all state.")
@click.option("--json", "as_json", is_flag=True, help="Print the rows as data.")
def command(config: Path | None, data: Path | None, as_json: bool) -> None:
    """Check settings, broker, ledger, credentials, names and webhooks. Exit code 1 if anything is red."""
    from console.doctor.examine import examine
    from console.doctor.row import Light, red
    from pipeline.parts import utc_now

    try:
        rows = examine(load(config, data), utc_now())
    except SettingsInvalidError as error:
        rows = [red("settings", problem, "see returnline.toml and .env.example") for problem in error.problems]
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(row) for row in rows], indent=1))
    else:
        _show(rows)
    raise click.exceptions.Exit(1 if any(row.light is Light.RED for row in rows) else 0)


def _show(rows: Sequence[Row]) -> None:
    from rich.markup import escape
    from rich.table import Table

    from console.cli._ledger import console

    table = Table(box=None, pad_edge=False)
    for title in ("", "check", "found", "fix"):
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(
            f"[{'yellow' if row.light == 'amber' else row.light}]{row.light}[/]",
            *(escape(text) for text in (row.check, row.found, row.fix)),
        )
    console().print(table)
