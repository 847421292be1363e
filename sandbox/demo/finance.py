"""Finance at the demo: looks at a prepared batch on the command line, and lets go what it saw."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from sandbox.demo.stage import ROOT, Stage, StageError, outside_environment

FINANCE = "Finance"


def release_batch(stage: Stage, shop: str) -> str:
    """`returnline batch list`, `show` and `release` for the prepared batch of this shop; gives what the last one said.
    "" where no batch is prepared.

    Raises StageError when a command fails.
    """
    batches = json.loads(_command(stage, "list", "--shop", shop, "--json"))["batches"]
    number = next((str(row["id"]) for row in batches if row["state"] == "prepared"), "")
    if not number:
        return ""
    shown = json.loads(_command(stage, "show", number, "--json"))
    return _command(stage, "release", number, "--code", shown["code"], "--as", FINANCE).strip()


def list_batches(stage: Stage) -> list[dict[str, Any]]:
    """Every batch of the day, closed ones too."""
    found: list[dict[str, Any]] = json.loads(_command(stage, "list", "--all", "--json"))["batches"]
    return found


def _command(stage: Stage, *words: str) -> str:
    where = ("--config", str(stage.config), "--data", str(stage.data))
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "console.cli", "batch", words[0], *where, *words[1:]],
        cwd=ROOT, env=outside_environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    if done.returncode:
        raise StageError(f"returnline batch {' '.join(words)} failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
