"""What a demo shows on a terminal: a line of progress while it plays, tables and checks when it is over."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from sandbox.demo_ledger import View
from sandbox.demo_report import Calls, Report, Row

_COLOURS = {"credited": "green", "waits": "yellow", "nothing to do": "dim", "dead letter": "red", "not seen": "red"}


class Board:
    """The live progress line. On anything but a terminal it stays silent."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(24), TextColumn("{task.fields[said]}"), TimeElapsedColumn(),
            console=console, transient=True, disable=not console.is_terminal,
        )  # fmt: skip
        self._task = self._progress.add_task("the day", said="", total=None)

    def __enter__(self) -> Board:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, view: View, made: int, steps: int) -> None:
        """The ledger as it stands now."""
        states = Counter(standing.state for standing in view.standings.values())
        said = (
            f"{view.admitted} events  {states['settled']} credited  {states['parked'] + states['open']} waiting  "
            f"{states['refused']} without need  {view.calls.get('cin7', 0)} Cin7 calls  "
            f"{view.calls.get('returngo', 0)} ReturnGO calls"
        )
        self._progress.update(self._task, completed=made, total=steps, said=said)


def print_report(console: Console, report: Report) -> None:
    """The whole evening."""
    console.print(_returns(report.rows))
    console.print(_totals(report))
    console.print(_calls(report.calls), highlight=False)
    console.print(_checks(report))


def _returns(rows: list[Row]) -> Table:
    table = Table(title="Returns of the day", title_justify="left", pad_edge=False)
    for name in ("RMA", "Order", "Credit note"):
        table.add_column(name, no_wrap=True)
    for name in ("Net", "Tax", "Gross"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("", "Restocked", "Status", "What it is, and why it waits"):
        table.add_column(name, overflow="fold")
    for row in rows:
        money = (_two(row.amounts.net), _two(row.amounts.tax), _two(row.amounts.gross), row.currency)
        shown = money if row.notes else ("", "", "", "")
        status = Text(row.status, _COLOURS.get(row.status, ""))
        notes = ", ".join(row.notes)
        table.add_row(row.rma, row.order, notes, *map(Text, shown), Text(_restocked(row)), status, _why(row))
    return table


def _two(amount: Decimal) -> str:
    return f"{amount:,.2f}"


def _restocked(row: Row) -> str:
    return "\n".join(f"{count} x {sku} to {place}" for sku, count, place in row.restocked)


def _why(row: Row) -> Text:
    said = Text(row.story)
    if row.exception:
        said.append(f"\n{row.exception}", "yellow")
    if row.reason:
        said.append(f"\n{row.reason}", "dim")
    return said


def _totals(report: Report) -> Table:
    table = Table(title="Credited, per currency and tax rule", title_justify="left", pad_edge=False)
    table.add_column("Currency")
    table.add_column("Tax rule")
    for name in ("Net", "Tax", "Gross", "Entitled"):
        table.add_column(name, justify="right")
    for one in report.totals:
        money = (one.credited.net, one.credited.tax, one.credited.gross, one.due.gross)
        table.add_row(one.currency, one.tax_rule, *map(_two, money), style="" if one.agrees else "red")
    return table


def _calls(calls: Calls) -> str:
    return (
        f"Calls for one return, counted by the practice world: {calls.each('cin7')} to Cin7 Core, "
        f"{calls.each('returngo')} to ReturnGO, with every retry after a fault. "
        f"On the clock for all of them: {calls.on_the_clock['cin7']} and {calls.on_the_clock['returngo']}."
    )


def _checks(report: Report) -> Table:
    table = Table(title="Checks", title_justify="left", pad_edge=False, show_header=False)
    for one in report.checks:
        verdict = Text("PASS", "bold green") if one.passed else Text("FAIL", "bold red")
        table.add_row(verdict, Text(one.name), Text(one.found, "dim" if one.passed else "red"))
    return table
