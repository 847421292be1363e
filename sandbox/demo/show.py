"""What a demo shows on a terminal: a line of progress while it plays, tables and checks when it is over."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from sandbox.demo.ledger import View
from sandbox.demo.report import Calls, Report, Row

ROOM_FOR_A_TABLE = 120
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
    """The whole evening: a table of the returns where the terminal has room for it, else two lines for each."""
    if console.width >= ROOM_FOR_A_TABLE:
        console.print(_returns(report.rows))
    else:
        for row in report.rows:
            console.print(_in_two_lines(row), highlight=False)
    console.print(_totals(report))
    console.print(_calls(report.calls), highlight=False)
    console.print(_checks(report))


def _table(title: str, *, header: bool = True) -> Table:
    return Table(
        title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, show_header=header, pad_edge=False,
        collapse_padding=True,
    )  # fmt: skip


def _returns(rows: list[Row]) -> Table:
    table = _table("Returns of the day")
    for name in ("RMA", "Shop", "Order", "Credit note"):
        table.add_column(name, no_wrap=True)
    for name in ("Net", "Tax", "Gross"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, part in (("", 1), ("Restocked", 5), ("Status", 2), ("What it is, and why it waits", 6)):
        table.add_column(name, overflow="fold", ratio=part if part > 2 else None)
    for row in rows:
        money = (_two(row.amounts.net), _two(row.amounts.tax), _two(row.amounts.gross), row.currency)
        shown = money if row.notes else ("", "", "", "")
        texts = (Text(one) for one in (row.rma, row.shop, row.order, ", ".join(row.notes), *shown, _restocked(row)))
        table.add_row(*texts, _status(row), _why(row))
    return table


def _in_two_lines(row: Row) -> Text:
    said = Text(f"{row.shop} {row.order} RMA {row.rma}  ")
    said.append_text(_status(row))
    if row.notes:
        amounts = row.amounts
        said.append(f"  {', '.join(row.notes)}  {_two(amounts.net)} + {_two(amounts.tax)} tax = ")
        said.append(f"{_two(amounts.gross)} {row.currency}  {_restocked(row)}".replace("\n", ", "))
    return said.append("\n    ").append_text(_why(row))


def _status(row: Row) -> Text:
    return Text(row.status, _COLOURS.get(row.status, ""))


def _two(amount: Decimal) -> str:
    return f"{amount:,.2f}"


def _restocked(row: Row) -> str:
    places: dict[str, list[str]] = {}
    for sku, count, place in row.restocked:
        places.setdefault(place, []).append(f"{count} {sku}")
    return "\n".join(f"{place}: {', '.join(pieces)}" for place, pieces in places.items())


def _why(row: Row) -> Text:
    said = Text(row.story)
    if row.exception:
        said.append(f" ({row.exception})", "yellow")
    if row.reason:
        said.append(f": {row.reason}", "dim")
    return said


def _totals(report: Report) -> Table:
    table = _table("Credited, per currency and tax rule")
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
    table = _table("Checks", header=False)
    for one in report.checks:
        verdict = Text("PASS", "bold green") if one.passed else Text("FAIL", "bold red")
        table.add_row(verdict, Text(one.name), Text(one.found, "dim" if one.passed else "red"))
    return table
