"""`returnline exceptions`: what a person must know, who owns it, the money on it, and the next step."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from console.cli._ledger import Moment, age, at, hinting, opened, print_json, show, who_option
from console.cli._options import RowNumber, settings_options
from pipeline.settings.values import Settings
from schemas.concerns import ConcernType, Owner

_as_json = click.option("--json", "as_json", is_flag=True, help="Print it as data.")


@click.group()
def command() -> None:
    """Exceptions: list, show, assign, snooze, resolve, accept. They close by themselves when the facts become right."""


@command.command("list")
@settings_options
@click.option("--type", "type_", type=click.Choice([k.value for k in ConcernType], case_sensitive=False), help="Type.")
@click.option("--owner", type=click.Choice([o.value for o in Owner], case_sensitive=False), help="Who must act.")
@click.option("--shop", default="", help="Shop, by its name in the settings.")
@click.option("--rma", default="", help="One return.")
@click.option("--snoozed", is_flag=True, help="Also those snoozed to a later date.")
@_as_json
def list_(
    settings: Settings, type_: str | None, owner: str | None, shop: str, rma: str, snoozed: bool, as_json: bool
) -> None:
    """The open exceptions, oldest first."""
    from pipeline.ledger import concerns
    from pipeline.ledger.letters import letters
    from pipeline.parts import utc_now

    now = utc_now()
    with opened(settings) as ledger, ledger.read() as conn:
        found = concerns.open_rows(
            conn, shop=shop, type_=type_ or "", owner=owner or "", rma=rma, awake_at=None if snoozed else now
        )
    money = letters.money_of(found)
    if as_json:
        print_json({"exceptions": [_listed(row) for row in found], "money": money})
        return
    titles = ("id", "return", "order", "type", "owner", "money", "since", "age", "assignee", "cause")
    show(titles, [_line(row, now) for row in found])
    click.echo(f"{len(found)} open exceptions: {letters.money_text(money)}")


def _listed(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "rma": _rma(row), "since": row["opened_at"]}


def _rma(row: Mapping[str, Any]) -> str:
    return str(row["rma_id"] or row["subject"])


def _money(row: Mapping[str, Any]) -> str:
    from pipeline.ledger.letters.letters import money_of, money_text

    return money_text(money_of([row])) if row["money"] is not None else "-"


def _line(row: Mapping[str, Any], now: datetime) -> tuple[str, ...]:
    who = (row["type"], row["owner"], _money(row), at(row["opened_at"]), age(row["opened_at"], now), row["assignee"])
    return (str(row["id"]), _rma(row), row["order_name"] or "-", *who, row["cause"])


@command.command("show")
@settings_options
@click.argument("number", type=RowNumber)
@_as_json
def show_(settings: Settings, number: int, as_json: bool) -> None:
    """One exception: what happened, why, what money, who, what to do."""
    from pipeline.ledger import concerns

    with opened(settings) as ledger, ledger.read() as conn:
        row = _found(concerns.one(conn, number), number)
    if as_json:
        print_json(_listed(row))
        return
    click.echo(f"{row['type']} on {_rma(row)} ({row['order_name'] or row['shop']}), {row['state']}")
    click.echo(f"  what happened: {row['cause']}")
    click.echo(f"  what to do:    {row['next_step']}")
    click.echo(f"  owner:         {row['owner']}{', looked after by ' + row['assignee'] if row['assignee'] else ''}")
    click.echo(f"  money at risk: {_money(row)}")
    click.echo(f"  since:         {at(row['opened_at'])}, last seen {at(row['seen_at'])}")
    hidden, closed = at(row["snoozed_until"]), at(row["closed_at"])
    by, note = row["closed_by"] or "-", row["note"] or "-"
    for title, value in (("snoozed until", hidden), ("closed", closed), ("closed by", by), ("note", note)):
        if value != "-":
            click.echo(f"  {title + ':':14} {value}")
    for name, value in row["details"].items():
        click.echo(f"  {name}: {value}")


def _found(row: Mapping[str, Any] | None, number: int) -> Mapping[str, Any]:
    if row is None:
        raise click.ClickException(f"there is no exception {number}; `returnline exceptions list` shows them")
    return row


def _open(row: Mapping[str, Any] | None, number: int) -> Mapping[str, Any]:
    found = _found(row, number)
    if found["state"] != "open":
        raise click.ClickException(f"exception {number} is closed already ({found['closed_by']})")
    return found


@command.command()
@settings_options
@who_option
@click.argument("number", type=RowNumber)
@click.argument("assignee")
def assign(settings: Settings, who: str, number: int, assignee: str) -> None:
    """Name who looks after it."""
    from pipeline.ledger import audit, concerns
    from pipeline.parts import utc_now

    with opened(settings) as ledger, ledger.write() as conn:
        _open(concerns.one(conn, number), number)
        concerns.assign(conn, number, assignee)
        audit.write(conn, who, "exception.assign", {"exception": number, "assignee": assignee}, utc_now())
    click.echo(f"exception {number} is looked after by {assignee}")


@command.command()
@settings_options
@who_option
@click.argument("number", type=RowNumber)
@click.option("--until", type=Moment(ahead=True), required=True, help="End of the rest: 2026-12-01, or 3d from now.")
@click.option("--note", default="", help="Why.")
def snooze(settings: Settings, who: str, number: int, until: datetime, note: str) -> None:
    """Hide it until a date."""
    from pipeline.ledger import audit, concerns
    from pipeline.parts import utc_now

    now = utc_now()
    if until <= now:
        raise click.UsageError(f"--until {at(until)} is past; name a time to come")
    with opened(settings) as ledger, ledger.write() as conn:
        _open(concerns.one(conn, number), number)
        concerns.snooze(conn, number, until, note)
        details = {"exception": number, "until": until.isoformat(), "note": note}
        audit.write(conn, who, "exception.snooze", details, now)
    click.echo(f"exception {number} is hidden until {at(until)}")


@command.command()
@settings_options
@who_option
@click.argument("number", type=RowNumber)
@click.option("--reason", required=True, help="How it was dealt with.")
def resolve(settings: Settings, who: str, number: int, reason: str) -> None:
    """Say that it is dealt with. While the facts say otherwise, it comes back."""
    from pipeline.ledger import audit, concerns
    from pipeline.parts import utc_now

    _insist(reason)
    now = utc_now()
    with opened(settings) as ledger, ledger.write() as conn:
        _open(concerns.one(conn, number), number)
        concerns.resolve(conn, number, who, reason, now)
        audit.write(conn, who, "exception.resolve", {"exception": number, "reason": reason}, now)
    click.echo(f"exception {number} is closed; it comes back if the facts still say so at the next look")


@command.command()
@settings_options
@who_option
@click.argument("number", type=RowNumber)
@click.option("--reason", required=True, help="Why this return may go on in spite of it.")
def accept(settings: Settings, who: str, number: int, reason: str) -> None:
    """Accept this type of exception for this return, and let the return go on."""
    from pipeline.broker.names import CONSUME
    from pipeline.ledger import audit, concerns, entries
    from pipeline.parts import utc_now

    _insist(reason)
    now = utc_now()
    with opened(settings) as ledger, ledger.write() as conn:
        row = _open(concerns.one(conn, number), number)
        if row["return_id"] is None:
            raise click.ClickException(f"exception {number} is about no return; resolve it instead")
        new = concerns.accept(conn, row["return_id"], ConcernType(row["type"]), reason, who, now)
        woken = entries.wake_return(conn, row["return_id"], now)
        details = {"exception": number, "type": row["type"], "return": row["return_id"], "reason": reason}
        audit.write(conn, who, "exception.accept", details, now)
    hint = hinting(settings)
    told = all(hint(CONSUME, consumer, entry_id=entry_id) for entry_id, consumer in woken)
    said = "is accepted" if new else "was accepted before"
    click.echo(f"{row['type']} {said} for {_rma(row)}; {'it is looked at now' if told else 'the sweep takes it up'}")


def _insist(reason: str) -> None:
    if not reason.strip():
        raise click.UsageError("--reason is empty; say why")
