"""The filters of dead letters, shared by every command that picks some."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import click

from console.cli._ledger import Moment, hinting, opened, print_json, who_option
from console.cli._options import RowNumber, settings_options
from pipeline.settings.values import Settings

if TYPE_CHECKING:
    from console.requeue_many import Orders, Preview, Report
    from pipeline.ledger.letters.letters import Filter

STAGES = ("admit", "read", "consume", "perform", "message")
#: From so many letters on, one goes ahead of the others unless --canary says otherwise.
CANARY_FROM = 10


def letter_filters(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the filters; the command receives `wanted`."""

    @click.argument("ids", nargs=-1, type=RowNumber, metavar="[LETTER]...")
    @click.option("--consumer", default="", help="Queue, e.g. credit-notes or intake.")
    @click.option("--type", "type_", default="", help="Exception type, e.g. WRITE_REJECTED.")
    @click.option("--fingerprint", default="", help="One cause, as `dead stats` shows it.")
    @click.option("--shop", default="", help="Shop, by its name in the settings.")
    @click.option("--rma", default="", help="One return.")
    @click.option("--stage", type=click.Choice(STAGES), help="Where it died.")
    @click.option("--since", type=Moment(), help="Buried at or after: 2026-11-23, or a span like 2h, 3d.")
    @click.option("--until", type=Moment(), help="Buried before.")
    @functools.wraps(command)
    def with_filter(**options: Any) -> Any:
        from pipeline.ledger.letters.letters import Filter

        asked = {n: options.pop(n) for n in ("ids", "consumer", "fingerprint", "shop", "rma", "since", "until")}
        wanted = Filter(**asked, type=options.pop("type_"), stage=options.pop("stage") or "")
        return command(wanted=wanted, **options)

    return with_filter


class Rate(click.ParamType[Decimal]):
    """Letters a minute: 30 or 30/min; 0 means without a pause."""

    name = "rate"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        """The number. Anything else is a usage error."""
        return _number(self, str(value).removesuffix("/min"), "30 or 30/min", param, ctx)


class Share(click.ParamType[Decimal]):
    """A share: 30% or 0.3."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        """The share between 0 and 1. Anything else is a usage error."""
        text = str(value)
        number = _number(self, text.removesuffix("%"), "30% or 0.3", param, ctx)
        share = number / 100 if text.endswith("%") else number
        if share > 1:
            self.fail(f"{value!r} is more than everything; write 30% or 0.3", param, ctx)
        return share


def _number(
    kind: click.ParamType[Decimal], text: str, like: str, param: click.Parameter | None, ctx: click.Context | None
) -> Decimal:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        number = Decimal(-1)
    if not number.is_finite() or number < 0:
        kind.fail(f"{text!r} is no such number; write {like}", param, ctx)
    return number


def requeue_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Everything `returnline requeue` takes; the same for `returnline dead requeue`."""
    for option in reversed(
        (
            settings_options,
            letter_filters,
            who_option,
            click.option("--yes", is_flag=True, help="Do it. Without it nothing changes."),
            click.option(
                "--canary", type=click.IntRange(0, 2**31 - 1), help="So many first, and wait for them to end."
            ),
            click.option("--rate", type=Rate(), default="60", show_default=True, help="Letters a minute; 0: no pause."),
            click.option(
                "--stop-at", type=Share(), default="30%", show_default=True, help="Stop when more are buried again."
            ),
            click.option("--limit", type=click.IntRange(1, 2**31 - 1), help="No more than so many."),
            click.option("--wait", type=float, default=300.0, show_default=True, help="Seconds for the canary to end."),
            click.option("--force", is_flag=True, help="Also those that died of one cause three times."),
            click.option("--past-void", is_flag=True, help="Post again although our document was voided by hand."),
            click.option("--json", "as_json", is_flag=True, help="Print the outcome as data."),
        )
    ):
        command = option(command)
    return command


def run_requeue(
    settings: Settings,
    wanted: Filter,
    who: str,
    *,
    yes: bool,
    canary: int | None,
    rate: Decimal,
    stop_at: Decimal,
    limit: int | None,
    wait: float,
    force: bool,
    past_void: bool,
    as_json: bool,
) -> None:
    """Show what would be requeued, or do it. Exit code 1 when the run stopped early or letters died again at once."""
    from console.requeue_many import Orders, preview

    with opened(settings) as ledger:
        seen = preview(ledger, wanted, limit)
        if not yes:
            _show_preview(seen, wanted, as_json=as_json)
            return
        first = canary if canary is not None else (1 if seen.letters > CANARY_FROM else 0)
        orders = Orders(first, rate, stop_at, wait, limit, force, past_void)
        report = _run(settings, ledger, who, orders, wanted, as_json=as_json)
    _show_report(report, as_json=as_json)
    if report.stopped or report.moved["buried again"]:
        raise click.exceptions.Exit(1)


def _run(settings: Settings, ledger: Any, who: str, orders: Orders, wanted: Filter, *, as_json: bool) -> Report:
    from console.requeue_many import RequeueRun
    from pipeline.parts import utc_now

    def say(line: str) -> None:
        click.echo(line, err=as_json)

    return RequeueRun(ledger, hinting(settings), utc_now, who, orders, say=say).run(wanted)


def _show_preview(seen: Preview, wanted: Filter, *, as_json: bool) -> None:
    from pipeline.ledger.letters.letters import money_text

    if as_json:
        told = {"dry_run": True, "filter": wanted.as_json(), "letters": seen.letters, "money": dict(seen.money)}
        told |= {"without_amount": seen.without_amount, "needs_force": seen.needs_force}
        print_json(told | {"ids": [row["id"] for row in seen.rows]})
        return
    click.echo(f"would requeue {seen.letters} dead letter{'s' * (seen.letters != 1)}: {money_text(seen.money)}")
    if seen.money and seen.without_amount:
        click.echo(f"  {seen.without_amount} of them without a known amount")
    if seen.needs_force:
        click.echo(f"  {seen.needs_force} of them need --force: they died of the same cause three times")
    for row in seen.rows[:20]:
        click.echo(f"  {row['id']}  {row['queue']}/{row['stage']}  {row['rma_id'] or row['subject']}  {row['reason']}")
    if seen.letters > 20:
        click.echo(f"  and {seen.letters - 20} more")
    if seen.letters:
        click.echo("nothing was changed; add --yes to do it")


def _show_report(report: Report, *, as_json: bool) -> None:
    if as_json:
        told = {"run": report.run_id, "matched": report.matched, "left": report.left, "stopped": report.stopped}
        print_json(told | {"moved": report.moved, "verdicts": report.verdicts, "hints_lost": report.hints_lost})
        return
    counted = ", ".join(f"{count} {word}" for word, count in report.moved.items()) or "nothing to requeue"
    click.echo(f"run {report.run_id}: {counted}")
    if report.hints_lost:
        click.echo("the broker is away: the sweep will find them once `returnline up` runs")
    if report.stopped:
        click.echo(f"stopped: {report.stopped}; {report.left} left untouched. Run it again to go on.")


def evidence_text(evidence: Any) -> str:
    """The evidence as indented text."""
    return json.dumps(evidence, indent=1, ensure_ascii=False, default=str)
