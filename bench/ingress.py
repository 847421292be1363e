"""Requests per second and CPU microseconds a request: our ingress beside Starlette + redis.asyncio, in one run.

    python -m bench.ingress [--seconds 3] [--connections 1 64] [--rounds 2]

Both sides verify one HMAC, run one Lua script, and answer 202 after the fsync of one embedded Valkey. Judge by the
ratio of CPU a request; requests per second and ratios under about 1.3 move with whatever else the machine does.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvloop

from pipeline.ingress import IngressSettings, ShopHooks
from pipeline.ingress.settings_file import settings_to_json
from pipeline.running import valkey as embedded
from pipeline.signature import sign, verify

TOKEN = "bench-token-0123456789"
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
PATH = f"/hooks/returngo/alder/{TOKEN}"
BODY = b'{"eventName":"RMA_STATUS_UPDATED","rmaId":"%012d","note":"' + b"n" * 1950 + b'"}'
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Run:
    name: str
    connections: int
    per_second: float
    cpu_us: float
    p50_ms: float
    p99_ms: float


def baseline_app(redis_url: str) -> Any:
    """What one writes first: Starlette, redis.asyncio's pool, the same check and the same kind of script."""
    from redis.asyncio import Redis
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route

    redis = Redis.from_url(redis_url, max_connections=128)
    script = redis.register_script(
        "if redis.call('SET', KEYS[1], '1', 'NX', 'EX', 691200) then "
        "return redis.call('XADD', KEYS[2], '*', 'shop', ARGV[1], 'body', ARGV[2]) end return ''"
    )

    async def receive(request: Request) -> Response:
        body = await request.body()
        names = ("webhook-id", "webhook-timestamp", "webhook-signature")
        message_id, stamp, signatures = (request.headers.get(name, "") for name in names)
        now = datetime.now(UTC)
        verify((SECRET,), message_id=message_id, timestamp=stamp, signatures=signatures, body=body, now=now)
        shop = request.path_params["shop"]
        mark = hashlib.sha256(message_id.encode() + body).hexdigest()
        await script(keys=[f"base:seen:{mark}", "base:inbox"], args=[shop, body])
        return JSONResponse({"status": "accepted"}, status_code=202)

    return Starlette(routes=[Route("/hooks/returngo/{shop}/{token}", receive, methods=["POST"])])


def serve_baseline(redis_url: str, port_file: str) -> None:
    import socket

    import uvicorn

    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        Path(port_file).write_text(str(listener.getsockname()[1]))
        config = uvicorn.Config(
            baseline_app(redis_url), loop="uvloop", http="httptools", access_log=False, log_level="error"
        )
        uvicorn.Server(config).run(sockets=[listener])


@contextmanager
def server(name: str, redis_url: str, folder: Path) -> Iterator[tuple[int, int]]:
    """The port and the process id of one side."""
    port_file = folder / f"{name}.port"
    port_file.unlink(missing_ok=True)
    if name == "returnline":
        command = [sys.executable, "-m", "pipeline.ingress", "--port", "0", "--port-file", str(port_file)]
    else:
        command = [sys.executable, "-m", "bench.ingress", "--baseline", redis_url, str(port_file)]
    hooks = {"alder": ShopHooks(tokens=(TOKEN,), hmac_secrets=(SECRET,))}
    settings = IngressSettings(redis_url, hooks, prefix="bench:", max_inbox=10_000_000)
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdin is not None
    process.stdin.write(settings_to_json(settings).encode())
    process.stdin.close()
    try:
        until = time.monotonic() + 20
        while not (port_file.exists() and port_file.read_text()):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.02)
        yield int(port_file.read_text()), process.pid
    finally:
        process.terminate()
        process.wait(20)


def cpu_seconds(pid: int) -> float:
    """User and system time of one process so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def request(number: int, now: datetime) -> bytes:
    body = BODY % number
    name = f"msg_{number}"
    head = f"POST {PATH} HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    signature = sign(SECRET, name, now, body)
    head += f"webhook-id: {name}\r\nwebhook-timestamp: {int(now.timestamp())}\r\nwebhook-signature: {signature}\r\n\r\n"
    return head.encode() + body


class Knocker(asyncio.Protocol):
    """Keeps one connection busy: the next request leaves when the answer to the last has come."""

    def __init__(self, requests: Iterator[bytes], until: float, waits: list[float]) -> None:
        self._requests, self._until, self._waits = requests, until, waits
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._heard = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._next()

    def _next(self) -> None:
        self._sent = time.perf_counter()
        if self._sent > self._until:
            self._transport.close()
        else:
            self._transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        # Head and body may come apart; the brace ends both sides' answers.
        self._heard += data
        if not self._heard.endswith(b"}"):
            return
        if not self._heard.startswith(b"HTTP/1.1 202"):
            self.done.set_exception(RuntimeError(f"not taken: {self._heard[:200]!r}"))
            self._transport.close()
            return
        self._heard = b""
        self._waits.append(time.perf_counter() - self._sent)
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


def requests(start: int) -> Iterator[bytes]:
    now = datetime.now(UTC)
    while True:
        yield request(start, now)
        start += 1


async def load(port: int, connections: int, seconds: float) -> list[float]:
    loop = asyncio.get_running_loop()
    waits: list[float] = []
    source = requests(time.time_ns() // 1000)
    until = time.perf_counter() + seconds
    knockers = []
    for _ in range(connections):
        _, knocker = await loop.create_connection(lambda: Knocker(source, until, waits), "127.0.0.1", port)
        knockers.append(knocker.done)
    await asyncio.gather(*knockers)
    return waits


def measure(name: str, redis_url: str, folder: Path, connections: int, seconds: float) -> Run:
    with server(name, redis_url, folder) as (port, pid):
        uvloop.run(load(port, connections, 0.5))
        before = cpu_seconds(pid)
        waits = sorted(uvloop.run(load(port, connections, seconds)))
        used = cpu_seconds(pid) - before
    count = len(waits)
    p50, p99 = (1000 * waits[int(count * share)] for share in (0.5, 0.99))
    return Run(name, connections, count / seconds, 1e6 * used / count, p50, p99)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 64])
    parser.add_argument("--baseline", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.baseline:
        serve_baseline(*chosen.baseline)
        return
    print(f"{'stack':<22}{'conn':>5}{'req/s':>9}{'CPU µs':>9}{'p50 ms':>9}{'p99 ms':>9}")
    with tempfile.TemporaryDirectory(prefix="returnline-bench-") as home:
        valkey = embedded.start(Path(home), port=0, password="", hardened=False, follow=True)
        try:
            for connections in chosen.connections:
                compare(valkey.url, Path(home), connections, chosen.seconds, chosen.rounds)
        finally:
            valkey.stop()


def compare(redis_url: str, folder: Path, connections: int, seconds: float, rounds: int) -> None:
    """Rounds alternate, so that a slow minute of the machine hits both sides."""
    names = ("returnline", "starlette+redis")
    runs: dict[str, list[Run]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            runs[name].append(measure(name, redis_url, folder, connections, seconds))
    for name in names:
        columns = [
            statistics.median(getattr(run, field) for run in runs[name])
            for field in ("per_second", "cpu_us", "p50_ms", "p99_ms")
        ]
        print(f"{name:<22}{connections:>5}{columns[0]:>9.0f}{columns[1]:>9.0f}{columns[2]:>9.2f}{columns[3]:>9.2f}")
    cpu = [statistics.median(run.cpu_us for run in runs[name]) for name in names]
    rate = [statistics.median(run.per_second for run in runs[name]) for name in names]
    print(f"  ratio: CPU a request {cpu[1] / cpu[0]:.1f} x less, requests/s {rate[0] / rate[1]:.1f} x more")


if __name__ == "__main__":
    main()
