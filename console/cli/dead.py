"""`returnline dead`: the dead letters, each kept whole: look, requeue, edit, discard, export."""

from __future__ import annotations

import base64
import dataclasses
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from console.cli._ledger import age, at, opened, print_json, show, who_option
from console.cli._letters import evidence_text, letter_filters, requeue_options, run_requeue
from console.cli._options import RowNumber, settings_options
from pipeline.settings.values import Settings

if TYPE_CHECKING:
    from pipeline.ledger.letters.letters import Filter

STATES = ("open", "requeued", "resolved", "discarded")
_as_json = click.option("--json", "as_json", is_flag=True, help="Print it as data.")
_states = click.option("--state", "states", multiple=True, type=click.Choice((*STATES, "all")), default=("open",))


@click.group()
def command() -> None:
    """Dead letters: what could not be done and waits for a person."""


def _in_states(wanted: Filter, states: tuple[str, ...]) -> Filter:
    return dataclasses.replace(wanted, states=() if "all" in states else states)


@command.command("list")
@settings_options
@letter_filters
@_states
@_as_json
def list_(settings: Settings, wanted: Filter, states: tuple[str, ...], as_json: bool) -> None:
    """The letters, oldest first, with their money."""
    from pipeline.ledger.letters import letters
    from pipeline.parts import utc_now

    with opened(settings) as ledger, ledger.read() as conn:
        rows = letters.find(conn, _in_states(wanted, states))
    if as_json:
        print_json({"letters": rows, "money": letters.money_of(rows)})
        return
    now = utc_now()
    titles = ("letter", "queue", "stage", "return", "type", "owner", "money", "age", "redrives", "state", "reason")
    show(titles, [_line(row, age(row["buried_at"], now)) for row in rows])
    click.echo(f"{len(rows)} dead letters: {letters.money_text(letters.money_of(rows))}")


def _line(row: Mapping[str, Any], old: str) -> tuple[str, ...]:
    from pipeline.ledger.letters.letters import money_of, money_text

    money = money_text(money_of([row])) if row["money"] is not None else "-"
    subject = row["rma_id"] or row["subject"]
    where = (str(row["id"]), row["queue"], row["stage"], subject, row["type"], row["owner"], money, old)
    return (*where, str(row["redrives"]), row["state"], row["reason"][:200])


@command.command("show")
@settings_options
@click.argument("letter", type=RowNumber)
@click.option("--original", is_flag=True, help="Only the original bytes, as they came.")
@_as_json
def show_(settings: Settings, letter: int, original: bool, as_json: bool) -> None:
    """One letter whole: why it died, the evidence, and the body it came with."""
    from pipeline.ledger.letters import letters

    row = _one(settings, letter)
    if original:
        sys.stdout.flush()
        click.echo(row["body"] or b"", nl=False)
        return
    if as_json:
        print_json({**row, "body": _text(row["body"]), "edited": _text(row["edited"])})
        return
    for name in ("id", "shop", "queue", "stage", "subject", "rma_id", "type", "owner", "fingerprint", "state", "note"):
        click.echo(f"{name:12} {row[name] if row[name] is not None else '-'}")
    click.echo(f"{'money':12} {letters.money_text(letters.money_of([row]))}")
    click.echo(f"{'buried':12} {at(row['buried_at'])}, requeued {row['redrives']} times, revision {row['revision']}")
    click.echo(f"{'reason':12} {row['reason']}\n{'evidence':12} {evidence_text(row['evidence'])}")
    for title, body in (("body", row["body"]), ("edited", row["edited"])):
        if body is not None:
            click.echo(f"{title:12} {_text(body)}")


def _text(body: bytes | None) -> str | None:
    return None if body is None else body.decode("utf-8", "backslashreplace")


def _one(settings: Settings, letter: int) -> Mapping[str, Any]:
    from pipeline.ledger.letters import letters

    with opened(settings) as ledger, ledger.read() as conn:
        row = letters.one(conn, letter)
    if row is None:
        raise click.ClickException(f"there is no dead letter {letter}; `returnline dead list` shows them")
    return row


@command.command()
@settings_options
@letter_filters
@_states
@_as_json
def stats(settings: Settings, wanted: Filter, states: tuple[str, ...], as_json: bool) -> None:
    """The letters by cause: fix one cause, requeue all that died of it."""
    from pipeline.ledger.letters import letters
    from pipeline.parts import utc_now

    with opened(settings) as ledger, ledger.read() as conn:
        causes = letters.causes(letters.find(conn, _in_states(wanted, states)))
    if as_json:
        print_json([dataclasses.asdict(cause) for cause in causes])
        return
    now = utc_now()
    titles = ("letters", "queue", "stage", "type", "owner", "money", "oldest", "newest", "fingerprint", "e.g.")
    show(
        titles,
        [
            (
                *(str(c.count), c.queue, c.stage, c.type, c.owner, letters.money_text(c.money)),
                *(age(c.oldest, now), age(c.newest, now), c.fingerprint, f"{c.sample_id}: {c.sample[:160]}"),
            )
            for c in causes
        ],
    )
    if causes:
        click.echo("requeue one cause: returnline requeue --fingerprint FINGERPRINT")


@command.command()
@requeue_options
def requeue(settings: Settings, wanted: Filter, who: str, **how: Any) -> None:
    """Bring letters back to work. Shows what it would do; --yes does it."""
    run_requeue(settings, wanted, who, **how)


@command.command()
@settings_options
@who_option
@click.argument("letter", type=RowNumber)
@click.option("--file", "source", type=click.File("rb"), required=True, help="The new body; - reads standard input.")
@click.option("--reason", required=True, help="Why, for the audit row.")
@click.option("--force", is_flag=True, help="Keep it although it cannot be read either.")
def edit(settings: Settings, who: str, letter: int, source: Any, reason: str, force: bool) -> None:
    """Give an unreadable delivery a new revision; the original is kept."""
    from pipeline.ledger.letters import letters
    from pipeline.parts import utc_now

    row = _one(settings, letter)
    body: bytes = source.read()
    if not force:
        _insist_readable(row, body)
    with opened(settings) as ledger, ledger.write() as conn:
        try:
            done = letters.edit(conn, row, body, who, reason, utc_now())
        except ValueError as error:
            raise click.ClickException(str(error)) from None
    if not done:
        raise click.ClickException(f"dead letter {letter} is not open any more, or somebody edited it meanwhile")
    click.echo(f"letter {letter} has revision {row['revision'] + 1}; requeue it: returnline requeue {letter} --yes")


def _insist_readable(row: Mapping[str, Any], body: bytes) -> None:
    from schemas.hooks import read_hook
    from schemas.json.fields import SchemaInvalidError

    if row["stage"] != "admit":
        return
    try:
        read_hook(row["evidence"]["source"], row["evidence"]["topic"], body)
    except SchemaInvalidError as invalid:
        raise click.ClickException(f"the new body cannot be read either: {invalid}; mend it, or add --force") from None


@command.command()
@settings_options
@letter_filters
@who_option
@click.option("--reason", required=True, help="Why; it becomes the reason of the refused entry.")
@click.option("--yes", is_flag=True, help="Do it. Without it nothing changes.")
@_as_json
def discard(settings: Settings, wanted: Filter, who: str, reason: str, yes: bool, as_json: bool) -> None:
    """Give letters up. What they were about is never sent again silently."""
    from pipeline.ledger.letters import letters, requeueing
    from pipeline.parts import utc_now

    if not reason.strip():
        raise click.UsageError("--reason is empty; say why these letters are given up")
    with opened(settings) as ledger:
        with ledger.read() as conn:
            rows = letters.find(conn, wanted)
        done = 0
        for row in rows if yes else ():
            with ledger.write() as conn:
                done += requeueing.discard(conn, row, who, reason, utc_now())
    money = letters.money_of(rows)
    if as_json:
        print_json({"dry_run": not yes, "matched": len(rows), "discarded": done, "money": money})
    elif yes:
        click.echo(f"discarded {done} of {len(rows)} letters: {letters.money_text(money)}")
    else:
        click.echo(f"would discard {len(rows)} letters: {letters.money_text(money)}; add --yes to do it")


@command.command()
@settings_options
@letter_filters
@_states
@click.option("--to", "target", type=click.Path(dir_okay=False, path_type=Path), help="File (else standard output).")
@click.option("--bodies", is_flag=True, help="With bodies and headers (base64): they may name shoppers.")
def export(settings: Settings, wanted: Filter, states: tuple[str, ...], target: Path | None, bodies: bool) -> None:
    """Write letters as JSON lines."""
    from pipeline.ledger.letters import letters

    with opened(settings) as ledger, ledger.read() as conn:
        rows = letters.find(conn, _in_states(wanted, states), whole=bodies)
    lines = "".join(json.dumps(_exported(row), default=str, ensure_ascii=False) + "\n" for row in rows)
    if target is None:
        click.echo(lines, nl=False)
        return
    target.write_text(lines, encoding="utf-8")
    click.echo(f"wrote {len(rows)} letters to {target}", err=True)


def _exported(row: Mapping[str, Any]) -> dict[str, Any]:
    return {n: base64.b64encode(v).decode() if isinstance(v, bytes) else v for n, v in row.items()}
