"""`python -m tasks rehearse RMA`, `replay`: the stages as a program, for the commands of the same names."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

import click

from consumers.roster import ROSTER
from pipeline.cli.explain import plan_lines
from pipeline.parts import Parts
from pipeline.settings import SettingsInvalidError, load
from schemas.go_live import LATEST_ZONE
from tasks.rehearse import CANNOT, CannotRehearseError, rehearse
from tasks.replay import as_if_live, replay
from tasks.replay_report import replay_lines


@click.group()
def main() -> None:
    """The stages, by hand."""


@main.command("rehearse")
@click.argument("rma")
@click.option("--shop", default="")
@click.option("--requeued", is_flag=True)
@click.option("--json", "as_json", is_flag=True)
def rehearse_(rma: str, shop: str, requeued: bool, as_json: bool) -> None:
    """Plan from today's facts; perform nothing."""
    try:
        parts = Parts(load(), consumers=tuple(c.name for c in ROSTER))
        told = rehearse(parts, rma, shop, requeued=requeued)
    except (CannotRehearseError, SettingsInvalidError) as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps(told, indent=1, default=_plain, ensure_ascii=False))
        return
    for line in _lines(told):
        click.echo(line)


@main.command("replay")
@click.option("--since", type=click.DateTime(["%Y-%m-%dT%H:%M:%S.%f%z", "%Y-%m-%dT%H:%M:%S%z"]), required=True)
@click.option("--shop", default="")
@click.option("--limit", type=int, default=200)
@click.option("--json", "as_json", is_flag=True)
def replay_(since: datetime, shop: str, limit: int, as_json: bool) -> None:
    """Rehearse every return touched since then; perform nothing."""
    try:
        # Nothing created since then is left out, whatever the company's zone.
        settings = as_if_live(load(), since.astimezone(LATEST_ZONE).date())
        parts = Parts(settings, consumers=tuple(c.name for c in ROSTER))
        told = replay(parts, since, shop, limit, lambda n, rma: click.echo(f"{n}: {rma}", err=True))
    except (*CANNOT, CannotRehearseError, SettingsInvalidError) as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps(told, indent=1, default=_plain, ensure_ascii=False))
        return
    for line in replay_lines(told):
        click.echo(line)


def _plain(value: Any) -> Any:
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _lines(told: dict[str, Any]) -> list[str]:
    lines = [f"RMA {told['rma']} of {told['shop']}: order {told['order']}, status {told['status']}", told["read"]]
    for one in told["consumers"]:
        lines += ["", f"{one['consumer']} (now {one['state'] or 'not begun'})"]
        lines += [one["trouble"]] if one["trouble"] else list(plan_lines(one["plan"]))
        lines += [f"    {change['change']}: {change['key']} {change['why']}".rstrip() for change in one["changes"]]
        if not one["trouble"] and not one["changes"]:
            lines.append("    nothing would change")
    return [*lines, "", "Nothing was performed and no effect was written."]


if __name__ == "__main__":
    main(prog_name="python -m tasks")
