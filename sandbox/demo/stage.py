"""The stage of a demo: the practice world and a whole Returnline installation as processes of their own."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from pipeline.running.die_with_parent import die_with_parent
from sandbox.demo.day.words import ALDER, SHOPS
from sandbox.demo.desk import Desk
from sandbox.demo.settings import PORTAL_KEY, domain, key_of, settings_text

START_SECONDS = 60.0
#: Long enough for a worker to end the write it is in.
STOP_SECONDS = 45.0
ROOT = Path(__file__).resolve().parent.parent
CIN7_EVENTS = ("Sale/InvoiceAuthorised", "Sale/CreditNoteAuthorised")
PORTAL_EVENTS = (
    "RMA_CREATED", "RMA_STATUS_UPDATED", "SHIPMENT_CREATED", "SHIPMENT_STATUS_UPDATED", "TRANSACTION_CREATED",
)  # fmt: skip


class StageError(RuntimeError):
    """Something did not start; the text says where its log is."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A running practice world and Returnline beside it. `hook` is where the portal posts to."""

    folder: Path
    desk: Desk
    ingress_url: str
    token: str
    metrics_token: str
    quota: int

    @property
    def data(self) -> Path:
        """Returnline's own folder: ledger, embedded server, logs."""
        return self.folder / "data"

    @property
    def config(self) -> Path:
        """Returnline's settings."""
        return self.folder / "returnline.toml"

    def hook(self, shop: str = ALDER) -> str:
        """Where the portal's webhooks of this shop go."""
        return f"{self.ingress_url}/hooks/returngo/{shop}/{self.token}"


@contextlib.contextmanager
def running_world(folder: Path, *, seed: int, quota: int) -> Iterator[dict[str, str]]:
    """The practice world on a free port of 127.0.0.1; gives its addresses. Raises StageError."""
    port_file, log = folder / "world.json", folder / "world.log"
    command = [sys.executable, "-m", "sandbox", "--port-file", str(port_file), "--parent-pid", str(os.getpid())]
    with _running([*command, "--seed", str(seed), "--quota", str(quota)], log, stop_seconds=10.0) as process:
        _wait(port_file.exists, process, log)
        yield json.loads(port_file.read_text())


@contextlib.contextmanager
def running_returnline(
    folder: Path,
    urls: dict[str, str],
    *,
    quota: int,
    portal_calls: int,
    shops: tuple[str, ...] = (ALDER,),
    env: Mapping[str, str] | None = None,
) -> Iterator[Stage]:
    """`returnline up` beside a running world, ready and known to both senders as their webhooks' address.

    `quota` is Cin7 calls a minute, `portal_calls` ReturnGO calls a day, both for each of the `shops`; `env` is what its
    processes are told besides. Raises StageError.
    """
    desk = Desk(urls["base_url"])
    token, bearer, metrics = (secrets.token_urlsafe(24) for _ in range(3))
    account = desk.patch("/settings", {"cin7_keys": [key_of(shop) for shop in SHOPS]})
    config, data, log = folder / "returnline.toml", folder / "data", folder / "returnline.log"
    config.touch(mode=0o600)
    values = {"quota": quota, "portal_calls": portal_calls, "token": token, "bearer": bearer}
    account_id = str(account["cin7_account_id"])
    config.write_text(settings_text(urls, account_id, shops, metrics, values))
    for shop in shops:
        desk.post("/returngo/shops", {"shop_name": domain(shop), "api_key": PORTAL_KEY})
    desk.patch("/returngo/settings", {"daily_quota": portal_calls})
    command = [sys.executable, "-m", "console.cli", "up", "--config", str(config), "--data", str(data), "--ephemeral"]
    with contextlib.closing(desk), _running(command, log, stop_seconds=STOP_SECONDS, env=env) as process:
        roles = data / "run" / "roles.json"
        _wait(lambda: _ready(roles), process, log)
        address = next(row["url"] for row in json.loads(roles.read_text())["roles"] if row["role"] == "ingress")
        stage = Stage(folder, desk, address, token, metrics, quota)
        for shop in shops:
            _register(stage, urls, account_id, shop, bearer)
        _wait(lambda: _at_work(desk, data), process, log)
        yield stage


def _register(stage: Stage, urls: dict[str, str], account_id: str, shop: str, bearer: str) -> None:
    with httpx.Client(timeout=10.0, trust_env=False) as client:
        portal = {"x-api-key": PORTAL_KEY, "x-shop-name": domain(shop)}
        for event in PORTAL_EVENTS:
            body = {"eventName": event, "url": stage.hook(shop)}
            client.post(f"{urls['returngo_url']}/webhook", json=body, headers=portal).raise_for_status()
        keys = {"api-auth-accountid": account_id, "api-auth-applicationkey": key_of(shop)}
        for event in CIN7_EVENTS:
            address = f"{stage.ingress_url}/hooks/cin7/{shop}/{stage.token}/{event}"
            hook = {"Type": event, "IsActive": True, "ExternalURL": address}
            hook |= {"ExternalAuthorizationType": "bearerauth", "ExternalBearerToken": bearer}
            client.post(f"{urls['cin7_url']}webhooks", json=hook, headers=keys).raise_for_status()


def _ready(roles: Path) -> bool:
    return roles.exists() and bool(json.loads(roles.read_text())["ready"])


def _at_work(desk: Desk, data: Path) -> bool:
    """Every worker takes tasks, and the sweep has read the company's books."""
    roles = json.loads((data / "run" / "roles.json").read_text())["roles"]
    logs = [data / "log" / f"{row['role'].replace(' ', '-')}.log" for row in roles if row["role"].startswith("worker")]
    if not all(log.exists() and " ready." in log.read_text(errors="replace") for log in logs):
        return False
    return any(call["status"] == 200 for call in desk.calls(system="cin7", path="salelist"))


def _wait(done: Any, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not done():
        if process.poll() is not None or time.monotonic() > deadline:
            words = log.read_text(errors="replace")[-2000:] if log.exists() else ""
            what = "did not start" if process.poll() is None else "ended while starting"
            raise StageError(f"{what} within {START_SECONDS:.0f} s, see {log}\n{words}")
        time.sleep(0.05)


@contextlib.contextmanager
def _running(
    command: list[str], log: Path, *, stop_seconds: float, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """One process in a group of its own: a Ctrl-C on the terminal reaches only the demo, which stops it in order."""
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own commands
            command,
            cwd=ROOT,
            env={**outside_environment(), **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=0,
            preexec_fn=die_with_parent(),  # noqa: PLW1509 - two system calls, no Python locks
        )
        try:
            yield process
        finally:
            _stop(process, stop_seconds)


def outside_environment() -> dict[str, str]:
    """What our processes run with: nothing of a real installation; an external Redis and a server may be named."""
    ours = {"DATABASE_URL", "SENTRY_DSN"}
    named = "RETURNLINE_REDIS_SERVER"
    return {k: v for k, v in os.environ.items() if k == named or not (k in ours or k.startswith("RETURNLINE_"))}


def _stop(process: subprocess.Popen[bytes], seconds: float) -> None:
    with undisturbed():
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """A second Ctrl-C must not leave processes behind: it waits until the block is done."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
