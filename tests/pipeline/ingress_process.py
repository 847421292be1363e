"""A real ingress process on a free loopback port, started and stopped by the test that needs it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from pipeline.ingress import IngressSettings, ShopHooks
from pipeline.ingress.settings_file import settings_to_json

TOKEN = "current-token-0123456789"
OLD_TOKEN = "previous-token-0123456789"
BEARER = "bearer-0123456789"
SECRET = "whsec_" + "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
NEXT_SECRET = "whsec_" + "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="
RETURNGO = f"/hooks/returngo/alder/{TOKEN}"
CIN7 = f"/hooks/cin7/alder/{TOKEN}/Sale/CreditNoteAuthorised"
JSON = {"content-type": "application/json"}


def settings_for(redis_url: str, **changes: Any) -> IngressSettings:
    shops = {
        "alder": ShopHooks(tokens=(TOKEN, OLD_TOKEN)),
        "birch": ShopHooks(tokens=(TOKEN,), bearer=(BEARER, "older-bearer"), basic=(("cin7", "pass:wörd"),)),
        "cedar": ShopHooks(tokens=(TOKEN,), hmac_secrets=(SECRET, NEXT_SECRET)),
        "dogwood": ShopHooks(tokens=(TOKEN,), sources=frozenset({"cin7"})),
    }
    return replace(
        IngressSettings(redis_url=redis_url, shops=shops, prefix="t:", metrics_token="metrics-token"), **changes
    )


@dataclass
class RunningIngress:
    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=20.0)

    def log_lines(self) -> list[dict[str, Any]]:
        time.sleep(0.25)  # lines leave in batches of a tenth of a second
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(15)


@contextmanager
def running_ingress(settings: IngressSettings) -> Iterator[RunningIngress]:
    with tempfile.TemporaryDirectory(prefix="returnline-ingress-") as home:
        port_file, log = Path(home, "port"), Path(home, "log")
        with log.open("wb") as sink:
            process = subprocess.Popen(
                [sys.executable, "-m", "pipeline.ingress", "--port", "0", "--port-file", str(port_file)],
                stdin=subprocess.PIPE,
                stdout=sink,
                stderr=sink,
            )
        assert process.stdin is not None
        process.stdin.write(settings_to_json(settings).encode())
        process.stdin.close()
        try:
            yield RunningIngress(process, _port(process, port_file, log), log)
        finally:
            if process.poll() is None:
                process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _port(process: subprocess.Popen[bytes], port_file: Path, log: Path) -> int:
    until = time.monotonic() + 20
    while not port_file.exists():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < until, "the ingress did not start"
        time.sleep(0.02)
    return int(port_file.read_text())


def kept(redis: Any) -> list[dict[bytes, bytes]]:
    """The fields of every entry that lies in the inbox, oldest first."""
    return [fields for _, fields in redis.xrange("t:inbox")]


def command(redis: Any, *words: object) -> Any:
    """One raw command to the server."""
    return redis.execute_command(*words)
