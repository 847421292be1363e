"""Runs pytest, and every process that it starts, on a clock that is ahead: `python -m tests.shifted +6h tests/flow`.

The wall clock of Python, Valkey and PostgreSQL is shifted alike; monotonic time and sleeps stay real. Only forward: a
wait on a semaphore until a moment that is already past would end at once.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

_SECONDS = {"m": 60, "h": 3600, "d": 86400}
#: How far a started process may be from the clock that it was told, in seconds: it takes a while to start.
_SLACK = 55


class ShiftError(Exception):
    """The clock cannot be shifted like this, or not on this machine."""


def seconds_of(shift: str) -> int:
    """Read `+40d`, `+6h` or `+90m`. Raises ShiftError for anything else."""
    form = re.fullmatch(r"\+(\d+)([mhd])", shift)
    if form is None:
        raise ShiftError(f"a shift is written like +6h, +40d or +90m, not {shift!r}")
    return int(form[1]) * _SECONDS[form[2]]


def environment(shift: str, env: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process whose clock is ahead of ours. Raises ShiftError where this machine cannot do it."""
    seconds = int(env.get("FAKETIME", 0)) + seconds_of(shift)
    return {
        **env,
        "LD_PRELOAD": f"{_library()}:{env.get('LD_PRELOAD', '')}".rstrip(":"),
        "FAKETIME": f"+{seconds}",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def _library() -> Path:
    package = importlib.util.find_spec("libfaketime")
    places = package.submodule_search_locations if package is not None else None
    for place in places or ():
        library = Path(place, "vendor", "libfaketime", "src", "libfaketime.so.1")
        if library.exists():
            return library
    raise ShiftError("the clock can only be shifted on Linux on x86_64, where `make setup` installs libfaketime")


def prove(shift: str, env: Mapping[str, str]) -> None:
    """Look at the clock of a child's child. Raises ShiftError when it is not ahead: the run would prove nothing."""
    command = ["sh", "-c", f"{sys.executable} -c 'import time; print(time.time())'"]
    told = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout
    off = float(told) - time.time() - seconds_of(shift)
    if abs(off) > _SLACK:
        raise ShiftError(f"the clock of a child process is {off:.0f} s away from {shift}")


def main(words: Sequence[str]) -> int:
    """Run pytest on the shifted clock and give its exit code, or 2 when the clock cannot be shifted."""
    try:
        env = environment(words[0] if words else "", os.environ)
        prove(words[0], env)
    except ShiftError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return subprocess.call([sys.executable, "-m", "pytest", *words[1:]], env=env)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
