"""`python -m sandbox.demo` on real parts: a day that goes well, a day that somebody sabotages, and a Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from sandbox.demo.__main__ import INTERRUPTED, Options, play
from sandbox.demo.desk import Desk
from sandbox.demo.report import Report
from tests.waiting import BOUND

pytestmark = [pytest.mark.flow, pytest.mark.timeout(900)]
ROOT = Path(__file__).resolve().parent.parent.parent


def demo(*arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "sandbox.demo.__main__", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def failed(report: Report) -> set[str]:
    return {check.name for check in report.checks if not check.passed}


def test_a_day_of_returns_passes_every_check_and_prints_nothing_but_json(tmp_path: Path) -> None:
    process = demo("--returns", "21", "--seed", "3", "--json", "--keep", str(tmp_path / "day"))
    out, said = process.communicate(timeout=3 * BOUND)
    data: dict[str, Any] = json.loads(out)
    assert [one for one in data["checks"] if not one["passed"]] == [], said.decode()
    assert process.returncode == 0
    assert len(data["returns"]) == 21
    assert {"rma", "order", "credit_notes", "net", "tax", "gross", "currency", "restocked", "status", "reason"} <= set(
        data["returns"][0]
    )
    assert {(one["currency"], one["agrees"]) for one in data["totals"]} == {("GBP", True), ("EUR", True)}
    assert {"cin7", "returngo"} == set(data["calls"]["per_return"])


def test_a_note_posted_behind_our_back_makes_the_checks_fail(tmp_path: Path) -> None:
    def somebody_else_credits(desk: Desk, sale_ids: dict[str, str]) -> None:
        stranger = next(order for order in sale_ids if order.startswith("#5"))
        desk.post(f"/sales/{sale_ids[stranger]}/foreign-credit-note")

    options = Options(returns=3, seed=2)
    report = play(options, tmp_path, Console(quiet=True), somebody_else_credits)
    assert {
        "one credit note for each return, under its own mark",
        "credit totals equal the entitlement, per currency and tax rule",
        "stock on hand moved by exactly the restocked pieces",
        "the books balance, and moved by exactly this day",
        "sales without a return were left alone",
    } == failed(report)
    assert not report.passed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_no_process_behind(tmp_path: Path, number: signal.Signals) -> None:
    process = demo("--returns", "10", "--keep", str(tmp_path / "day"))
    pids = _wait_for_roles(tmp_path / "day", process)
    process.send_signal(number)
    process.communicate(timeout=BOUND)
    assert process.returncode == INTERRUPTED
    assert [pid for pid in pids if _runs(pid)] == []


def test_a_killed_demo_leaves_no_process_behind(tmp_path: Path) -> None:
    process = demo("--returns", "10", "--keep", str(tmp_path / "day"))
    pids = _wait_for_roles(tmp_path / "day", process)
    process.kill()
    process.communicate(timeout=BOUND)
    deadline = time.monotonic() + BOUND
    while any(map(_runs, pids)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert [pid for pid in pids if _runs(pid)] == []


def test_a_folder_that_holds_something_is_refused_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").touch()
    process = demo("--keep", str(tmp_path))
    _, said = process.communicate(timeout=BOUND)
    assert process.returncode == 2
    assert b"is not empty; name a new folder" in said


def test_a_day_without_returns_is_refused() -> None:
    process = demo("--returns", "0")
    _, said = process.communicate(timeout=BOUND)
    assert process.returncode == 2
    assert b"--returns: a day needs at least 1" in said


def _wait_for_roles(folder: Path, process: subprocess.Popen[bytes]) -> list[int]:
    """Every process of the demo, once all of them run."""
    roles, world = folder / "data" / "run" / "roles.json", folder / "world.json"
    deadline = time.monotonic() + BOUND
    while time.monotonic() < deadline and process.poll() is None:
        if roles.exists() and json.loads(roles.read_text())["ready"]:
            told = json.loads(roles.read_text())
            return [told["supervisor"], json.loads(world.read_text())["pid"], *(row["pid"] for row in told["roles"])]
        time.sleep(0.1)
    raise AssertionError(f"the demo did not start: {process.communicate(timeout=BOUND)}")


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
