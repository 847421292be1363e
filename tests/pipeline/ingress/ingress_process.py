"""A real ingress process on a free loopback port, started and stopped by the test that needs it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from pipeline.ingress import IngressSettings, ShopHooks
from pipeline.ingress.settings_file import settings_to_json
from tests.waiting import BOUND, until

TOKEN = "current-token-0123456789"
OLD_TOKEN = "previous-token-0123456789"
BEARER = "bearer-0123456789"
SECRET = "whsec_" + "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
NEXT_SECRET = "whsec_" + "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="
RETURNGO = f"/hooks/returngo/alder/{TOKEN}"
CIN7 = f"/hooks/cin7/alder/{TOKEN}/Sale/CreditNoteAuthorised"
JSON = {"content-type": "application/json"}
_MARK = "PURGE"


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
    _marks: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=BOUND)

    def log_lines(self) -> list[dict[str, Any]]:
        """The access log up to this moment: lines leave in batches, so a request is sent behind them."""
        self._marks += 1
        with self.client() as door:
            door.request(_MARK, "/healthz")
        until("the access log is written", lambda: self.log.read_text().count(f'"{_MARK}"') == self._marks)
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [line for line in lines if line["method"] != _MARK]

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(BOUND)


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
                process.wait(BOUND)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _port(process: subprocess.Popen[bytes], port_file: Path, log: Path) -> int:
    def started() -> bool:
        assert process.poll() is None, log.read_text()
        return port_file.exists()

    until("the ingress has started", started)
    return int(port_file.read_text())


def kept(redis: Any) -> list[dict[bytes, bytes]]:
    """The fields of every entry that lies in the inbox, oldest first."""
    return [fields for _, fields in redis.xrange("t:inbox")]


def command(redis: Any, *words: object) -> Any:
    """One raw command to the server."""
    return redis.execute_command(*words)
