"""`python -m sandbox.demo`: a day of returns through a whole Returnline installation, and the books checked after."""

from __future__ import annotations

import argparse
import contextlib
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import httpx
from rich.console import Console

from sandbox.demo.checks import run_checks
from sandbox.demo.day import make_day
from sandbox.demo.desk import Desk
from sandbox.demo.evening import Morning, gather, morning
from sandbox.demo.facts import Facts
from sandbox.demo.play import Player, Seller
from sandbox.demo.report import Report, make_report
from sandbox.demo.shelves import put_up
from sandbox.demo.show import Board, print_report
from sandbox.demo.stage import Stage, StageError, running_returnline, running_world

#: A real Cin7 Core company has 60 calls a minute; with these a day fits into half a minute.
QUOTA = 600
INTERRUPTED = 130
WIDTH = 160


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for. `keep` is a folder that stays, with the ledger, the settings and the logs."""

    returns: int = 40
    seed: int = 7
    quota: int = QUOTA
    as_json: bool = False
    keep: Path | None = None


def main(arguments: list[str] | None = None) -> int:
    """Play the day and print what came of it. Exit code 1 when a check fails, 130 when interrupted."""
    options = _options(arguments)
    # Off a terminal rich would fold the tables to 80 columns.
    screen = Console(stderr=options.as_json, width=None if sys.stdout.isatty() else WIDTH)
    signal.signal(signal.SIGTERM, _interrupt)
    folder = options.keep or Path(tempfile.mkdtemp(prefix="returnline-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    code = _run(options, folder, screen)
    if options.keep is None and code != 1:
        shutil.rmtree(folder, ignore_errors=True)
    elif code:
        screen.print(f"ledger, settings and logs of this day: {folder}", soft_wrap=True, highlight=False)
    return code


def _run(options: Options, folder: Path, screen: Console) -> int:
    try:
        report = play(options, folder, screen)
    except KeyboardInterrupt:
        screen.print("interrupted; everything is stopped")
        return INTERRUPTED
    except (StageError, httpx.HTTPError) as error:
        screen.print(f"the demo could not be played: {error}", markup=False)
        return 1
    _tell(report, options, screen)
    return 0 if report.passed else 1


def play(
    options: Options, folder: Path, screen: Console, meddle: Callable[[Desk, dict[str, str]], None] | None = None
) -> Report:
    """One day in `folder`. `meddle` may change the practice world behind Returnline's back before the books are read.

    Raises StageError when something does not start.
    """
    began = time.monotonic()
    day = make_day(options.returns, options.seed)
    with running_world(folder, seed=options.seed, quota=options.quota) as urls:
        with contextlib.closing(Desk(urls["base_url"])) as desk:
            seller = Seller(desk, day)
            screen.print(
                f"{len(day.sales)} sales, {len(day.returns)} returns; starting Returnline ...", highlight=False
            )
            costs = seller.stock_up()
            seller.sell()
            put_up(desk)
        line = running_returnline(folder, urls, quota=options.quota, portal_calls=day.portal_calls, shops=day.shops)
        with line as stage, Board(screen) as board:
            before = morning(stage.desk, costs)
            stage.desk.forget_calls()
            player = Player(stage, day, seller.sale_ids, board.show)
            with contextlib.closing(player.window):
                player.play()
                player.wait_until_quiet(_patience(options.returns))
                if meddle is not None:
                    meddle(stage.desk, seller.sale_ids)
                facts = _facts(stage, player, seller, before)
    return make_report(facts, run_checks(facts), time.monotonic() - began)


def _facts(stage: Stage, player: Player, seller: Seller, before: Morning) -> Facts:
    evening = gather(stage, player)
    own = (player.rma_ids, seller.sale_ids, stage.quota, len(player.stray))
    return Facts(player.day, before, evening, *own, player.exchange_ids, player.released, player.replaced_ids)


def _patience(returns: int) -> float:
    return 60.0 + returns


def _tell(report: Report, options: Options, screen: Console) -> None:
    if options.as_json:
        sys.stdout.write(report.as_json() + "\n")
        return
    print_report(screen, report)
    failed = sum(1 for check in report.checks if not check.passed)
    verdict = "every check passed" if report.passed else f"{failed} of {len(report.checks)} checks FAILED"
    said = f"{report.sentence} {verdict.capitalize()} in {report.seconds:.0f} s (seed {report.seed})."
    screen.print(said, highlight=False, soft_wrap=True)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _options(arguments: list[str] | None) -> Options:
    parser = argparse.ArgumentParser(prog="python -m sandbox.demo", description=__doc__)
    parser.add_argument("--returns", type=int, default=40, help="how many returns (the special cases come first)")
    parser.add_argument("--seed", type=int, default=7, help="the same seed gives the same day")
    parser.add_argument("--quota", type=int, default=QUOTA, help="Cin7 calls in any 60 seconds; a real company has 60")
    parser.add_argument("--json", action="store_true", help="print the result as JSON, and nothing else")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="work in DIR and leave everything there")
    told = parser.parse_args(arguments)
    if told.returns < 1:
        parser.error("--returns: a day needs at least 1")
    if told.keep is not None and told.keep.exists() and any(told.keep.iterdir()):
        parser.error(f"--keep: {told.keep} is not empty; name a new folder")
    return Options(told.returns, told.seed, told.quota, told.json, told.keep)


if __name__ == "__main__":
    sys.exit(main())
