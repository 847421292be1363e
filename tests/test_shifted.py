"""A run on a shifted clock shifts every clock there is, or refuses to start."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import shifted

ROOT = Path(__file__).resolve().parent.parent
PROBE = """
import time
import redis
from tests.valkey_server import running_valkey

def test_probe():
    with running_valkey() as valkey, redis.Redis.from_url(valkey.url) as client:
        print("CLOCKS", time.time(), client.time()[0], time.monotonic())
"""
#: The one kind of machine for which the library that shifts clocks is packaged.
SHIFTABLE = sys.platform == "linux" and platform.machine() == "x86_64"


@pytest.mark.skipif(not SHIFTABLE, reason="libfaketime is packaged for Linux on x86_64 only")
def test_the_wall_clocks_of_python_and_valkey_are_ahead_and_monotonic_time_is_not(tmp_path: Path) -> None:
    (tmp_path / "test_probe.py").write_text(PROBE)
    command = [sys.executable, "-m", "tests.shifted", "+40d", "-q", "-s", "-p", "no:cacheprovider", str(tmp_path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    told = next(line.split() for line in run.stdout.splitlines() if "CLOCKS" in line)
    python, valkey, monotonic = (float(word) for word in told[-3:])
    ahead = 40 * 86400
    assert ahead - 900 < python - time.time() <= ahead
    assert abs(valkey - python) < 900
    assert monotonic == pytest.approx(time.monotonic(), abs=900)


@pytest.mark.parametrize("shift", ["", "6h", "-6h", "+6", "+6 weeks", "+h"])
def test_a_shift_that_cannot_be_read_is_refused_with_its_form(shift: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert shifted.main([shift, "tests"]) == 2
    assert "is written like +6h" in capsys.readouterr().err


def test_a_machine_that_ignores_the_shift_is_refused() -> None:
    with pytest.raises(shifted.ShiftError, match="away from"):
        shifted.prove("+6h", os.environ)
