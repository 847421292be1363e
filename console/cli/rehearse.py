"""`returnline rehearse RMA`: the plan from today's facts, without performing it."""

from __future__ import annotations

import json
from typing import Any

import click

from console.cli._options import settings_options
from pipeline.settings.values import Settings


@click.command()
@settings_options
@click.argument("rma")
@click.option("--shop", default="", help="Shop, where two shops know the same number or none does yet.")
@click.option("--requeued", is_flag=True, help="As if its refused effects were requeued.")
@click.option("--json", "as_json", is_flag=True, help="Print it as data.")
def command(settings: Settings, rma: str, shop: str, requeued: bool, as_json: bool) -> None:
    """Show what would be done with a return now, and how that differs from what is done. Nothing is written."""
    from console.cli._ledger import plain, rehearsing
    from console.rehearsal import rehearse

    with rehearsing(settings) as parts:
        plans = rehearse(parts, rma, shop, requeued=requeued)
    if as_json:
        click.echo(json.dumps(plans, indent=1, default=plain, ensure_ascii=False))
        return
    for line in _lines(plans):
        click.echo(line)


def _lines(plans: dict[str, Any]) -> list[str]:
    from console.cli.explain import plan_lines

    lines = [f"RMA {plans['rma']} of {plans['shop']}: order {plans['order']}, status {plans['status']}", plans["read"]]
    for plan in plans["consumers"]:
        lines += ["", f"{plan['consumer']} (now {plan['state'] or 'not begun'})"]
        lines += [plan["trouble"]] if plan["trouble"] else list(plan_lines(plan["plan"]))
        lines += [f"    {change['change']}: {change['key']} {change['why']}".rstrip() for change in plan["changes"]]
        if not plan["trouble"] and not plan["changes"]:
            lines.append("    nothing would change")
    return [*lines, "", "Nothing was performed and no effect was written."]
