"""Starts the practice world as a process of its own, for any test that needs real servers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.waiting import BOUND

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class SandboxHandle:
    """A running practice world and a client for its control desk (base URL: /control)."""

    base_url: str
    cin7_url: str
    returngo_url: str
    shopify_url: str
    pid: int
    control: httpx.Client


@contextmanager
def running_sandbox(**options: object) -> Iterator[SandboxHandle]:
    """Run `python -m sandbox` on a free port of 127.0.0.1 and stop it by its pid.

    `options` become command-line options: seed=3, quota=1000, empty=True.
    """
    with tempfile.TemporaryDirectory() as folder:
        port_file = Path(folder, "urls.json")
        command = [sys.executable, "-m", "sandbox", "--port-file", str(port_file), "--parent-pid", str(os.getpid())]
        for name, value in options.items():
            command += [f"--{name}"] if value is True else [f"--{name}", str(value)]
        with Path(folder, "output").open("wb") as output:
            process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
            try:
                urls = _wait_for(port_file, process, Path(folder, "output"))
                with httpx.Client(base_url=f"{urls['base_url']}/control", timeout=BOUND, trust_env=False) as control:
                    _wait_healthy(urls["base_url"])
                    yield SandboxHandle(
                        urls["base_url"],
                        urls["cin7_url"],
                        urls["returngo_url"],
                        urls["shopify_url"],
                        process.pid,
                        control,
                    )
            finally:
                _stop(process)


def _wait_for(port_file: Path, process: subprocess.Popen[bytes], output: Path) -> dict[str, str]:
    deadline = time.monotonic() + BOUND
    while time.monotonic() < deadline:
        if port_file.exists():
            urls: dict[str, str] = json.loads(port_file.read_text())
            return urls
        if process.poll() is not None:
            break
        time.sleep(0.02)
    raise RuntimeError(f"the practice world did not start:\n{output.read_text()}")


def _wait_healthy(base_url: str) -> None:
    deadline = time.monotonic() + BOUND
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{base_url}/healthz", trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.02)
    raise RuntimeError(f"the practice world at {base_url} did not become healthy")


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.kill(process.pid, signal.SIGTERM)
    try:
        process.wait(timeout=BOUND)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
