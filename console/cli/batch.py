"""`returnline batch`: what is about to be posted, what it comes to, and finance's word that lets it go."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from console.cli._ledger import at, opened, print_json, show, who_option
from console.cli._options import RowNumber, settings_options
from pipeline.settings.values import Settings

if TYPE_CHECKING:
    import sqlalchemy as sa

    from pipeline.ledger.batches.reporting import Report

_as_json = click.option("--json", "as_json", is_flag=True, help="Print it as data.")
_number = click.argument("number", type=RowNumber)


@click.group()
def command() -> None:
    """Batch posting: list, show, prepare, release, post-now, export."""


@command.command("list")
@settings_options
@click.option("--shop", default="", help="Shop, by its name in the settings.")
@click.option("--all", "every", is_flag=True, help="Also closed ones.")
@_as_json
def list_(settings: Settings, shop: str, every: bool, as_json: bool) -> None:
    """The batches, oldest first."""
    from pipeline.ledger.batches import batches

    with opened(settings) as ledger, ledger.read() as conn:
        found = [_listed(conn, row) for row in batches.rows(conn, shop, unfinished=not every)]
    if as_json:
        print_json({"batches": found})
        return
    titles = ("id", "shop", "day", "state", "notes", "gross", "left out", "late", "cut-off", "released by")
    show(titles, [_line(row) for row in found])


def _listed(conn: sa.Connection, row: Mapping[str, Any]) -> dict[str, Any]:
    from pipeline.ledger.batches import batches, reporting

    items = batches.items(conn, row["id"])
    counted = [item for item in items if item["state"] in reporting.COUNTED]
    told = {name: value for name, value in row.items() if name != "csv"}
    return told | {
        "notes": len(counted),
        "gross": batches.gross_by_currency(counted),
        "left_out": len(items) - len(counted),
        "late": sum(1 for item in counted if item["late"]),
    }


def _line(row: Mapping[str, Any]) -> tuple[str, ...]:
    day = f"{row['business_day']} {row['kind'] if row['kind'] != 'daily' else 'part'} {row['part']}"
    state = f"{row['state']} ({row['outcome']})" if row["outcome"] else row["state"]
    gross = ", ".join(f"{amount} {currency}" for currency, amount in row["gross"].items()) or "-"
    counts = (str(row["notes"]), gross, str(row["left_out"]), str(row["late"]))
    return (str(row["id"]), row["shop"], day, state, *counts, at(row["cut_off_at"]), row["released_by"] or "-")


@command.command("show")
@settings_options
@_number
@click.option("--journal", is_flag=True, help="The summary journal instead of the notes.")
@_as_json
def show_(settings: Settings, number: int, journal: bool, as_json: bool) -> None:
    """One batch: totals by currency, tax rule and account, its notes, its checks, and the code to release it."""
    from pipeline.ledger.batches import batches, reporting

    with opened(settings) as ledger, ledger.read() as conn:
        _found(conn, number)
        report = reporting.build(conn, number)
        told = _listed(conn, report.batch) | _told(report)
        told["code"] = batches.code(conn, number) if report.batch["state"] == batches.PREPARED else told["code"]
    if as_json:
        print_json(told)
        return
    _show_head(told)
    if journal:
        _table(told["journal"], ("currency", "what", "account", "debit", "credit"))
        return
    _show_notes(told)


def _told(report: Report) -> dict[str, Any]:
    from pipeline.ledger.batches import batches, reporting

    closed = report.batch["state"] == batches.CLOSED
    rows, checks = reporting.kept(report.batch) if closed else (report.rows, report.checks())
    return {
        "rows": rows,
        "totals": report.totals(),
        "items": [_item(note.item, note.effect) for note in report.notes],
        "journal": report.journal(),
        "checks": [{"check": c.name, "verdict": c.verdict, "told": c.told} for c in checks],
    }


def _item(item: Mapping[str, Any], effect: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "rma": item["rma_id"],
        "state": item["state"],
        "gross": item["gross"],
        "currency": item["currency"],
        "late": item["late"],
        "note": effect["number"],
        "read_back": item["verified"],
        "reason": item["reason"],
    }


def _show_head(told: Mapping[str, Any]) -> None:
    from pipeline.ledger.batches.batches import PREPARED

    outcome = f" ({told['outcome']})" if told["outcome"] else ""
    click.echo(
        f"Batch {told['id']} of {told['shop']}, {told['business_day']} ({told['zone']}): {told['state']}{outcome}"
    )
    click.echo(f"  cut-off:  {_company_time(told['cut_off_at'], told['zone'])} by the company's clock")
    if told["released_by"]:
        click.echo(f"  released: {at(told['released_at'])} by {told['released_by']}")
    if told["state"] == PREPARED:
        click.echo(f"  to let it go: returnline batch release {told['id']} --code {told['code']}")


def _company_time(moment: datetime, zone: str) -> str:
    from zoneinfo import ZoneInfo

    return moment.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")


def _show_notes(told: Mapping[str, Any]) -> None:
    totals = told["totals"]
    _table(totals["currency"], ("currency", "notes", "net", "tax", "gross", "base_gross"))
    _table(totals["tax_rule"], ("currency", "tax_rule", "net", "tax", "gross"))
    _table(totals["account"], ("currency", "account", "net", "tax", "gross"))
    _table(told["items"], ("rma", "state", "gross", "currency", "late", "note", "read_back", "reason"))
    _table(told["checks"], ("verdict", "check", "told"))


def _table(rows: list[Mapping[str, Any]], names: tuple[str, ...]) -> None:
    click.echo()
    show(tuple(name.replace("_", " ") for name in names), [tuple(_cell(row[name]) for name in names) for row in rows])


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "-"
    return str(value) if value not in (None, "") else "-"


@command.command()
@settings_options
@who_option
@_number
def prepare(settings: Settings, who: str, number: int) -> None:
    """Shut an open batch before its cut-off and have every note planned once more."""
    from pipeline.ledger import audit, entries
    from pipeline.ledger.batches import batches
    from pipeline.parts import utc_now

    now = utc_now()
    with opened(settings) as ledger, ledger.write() as conn:
        batch = _found(conn, number)
        if batch["state"] != batches.OPEN:
            raise click.ClickException(f"batch {number} is {batch['state']}, and only an open one is prepared")
        woken = batches.shut(conn, number, now)
        for entry_id in woken:
            entries.make_due(conn, entry_id, now)
        audit.write(conn, who, "batch.prepare", {"batch": number, "notes": len(woken)}, now)
    click.echo(f"batch {number} takes nothing more; {len(woken)} notes are planned once more")


@command.command()
@settings_options
@who_option
@_number
@click.option("--code", required=True, help="The code that `batch show` tells: you release what you saw.")
def release(settings: Settings, who: str, number: int, code: str) -> None:
    """Let a prepared batch go."""
    from pipeline.ledger.batches import releasing
    from pipeline.parts import utc_now

    try:
        with opened(settings) as ledger, ledger.write() as conn:
            count = releasing.release(conn, number, code, who, utc_now())
    except releasing.BatchRefusedError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"batch {number} is released by {who}: {count} notes are posted one by one")


@command.command("post-now")
@settings_options
@who_option
@click.argument("rma")
@click.option("--shop", default="", help="Shop, where two shops know the same number.")
def post_now(settings: Settings, who: str, rma: str, shop: str) -> None:
    """Take one return out of its batch and post it alone, now."""
    from pipeline.ledger.batches import releasing
    from pipeline.parts import utc_now

    try:
        with opened(settings) as ledger, ledger.write() as conn:
            alone = releasing.post_now(conn, shop, rma, who, utc_now())
    except releasing.BatchRefusedError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"RMA {rma} is released by {who}, alone, as batch {alone}")


@command.command()
@settings_options
@_number
@click.option("--to", "target", type=click.Path(dir_okay=False, path_type=Path), help="File (default: the terminal).")
@_as_json
def export(settings: Settings, number: int, target: Path | None, as_json: bool) -> None:
    """The CSV, one row for each returned item, with its PASS/FAIL footer. Of a closed batch always the same bytes."""
    from pipeline.ledger.batches import reporting

    with opened(settings) as ledger, ledger.read() as conn:
        batch = _found(conn, number)
        report = reporting.build(conn, number)
        text = reporting.export(conn, number)
    if batch["state"] == "closed" and not reporting.untouched(batch):
        raise click.ClickException(f"the export of batch {number} was changed after it closed: its hash does not fit")
    if as_json:
        print_json({"batch": number, **_told(report)})
    elif target:
        target.write_text(text, encoding="utf-8", newline="")
        click.echo(f"batch {number} is written to {target}")
    else:
        click.echo(text, nl=False)


def _found(conn: sa.Connection, number: int) -> Mapping[str, Any]:
    from sqlalchemy.exc import NoResultFound

    from pipeline.ledger.batches import batches

    try:
        return batches.one(conn, number)
    except NoResultFound:
        raise click.ClickException(f"there is no batch {number}; `returnline batch list` shows them") from None
