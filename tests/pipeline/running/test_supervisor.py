"""`returnline up`: real processes are started, restarted when they die, and all gone when it is over."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from pipeline.running import valkey
from pipeline.running.roles import Role, roles_of
from pipeline.running.supervisor import AlreadyRunningError, Supervisor, bring_down, running_supervisor
from pipeline.settings.environment import secrets_of
from pipeline.settings.load import load
from pipeline.settings.values import Settings
from tests.pipeline.settings.values import TOKEN, alder, some_settings
from tests.waiting import BOUND

CONFIG = """
[ingress]
port = 0
[shops.alder.returngo]
base_url = "http://127.0.0.1:9"
shop_name = "alder.myshopify.com"
api_key = "rg-key-of-alder"
[shops.alder.cin7]
base_url = "http://127.0.0.1:9/ExternalApi/v2"
account_id = "cin7-account-of-alder"
application_key = "cin7-key-of-alder"
[shops.alder.hooks]
token = "hook-token-of-alder-0001"
"""
IDLER = "import time; time.sleep(600)"
STUBBORN = """
import pathlib, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path(sys.argv[1]).touch()
time.sleep(600)
"""
PARENT = """
import pathlib, subprocess, sys, time
pool = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path(sys.argv[1]).write_text(str(pool.pid))
time.sleep(600)
"""
UP = """
import sys
from pathlib import Path
from pipeline.running.roles import roles_of, Role
from pipeline.settings.load import load
from pipeline.running.supervisor import Supervisor
settings = load(Path(sys.argv[1]), Path(sys.argv[2]), {})
roles = [role for role in roles_of(settings, ()) if role.name == "ingress"]
roles.append(Role("idler", (sys.executable, "-c", "import time; time.sleep(600)"), stage=2))
Supervisor(settings, roles, ephemeral="--ephemeral" in sys.argv, migrate=lambda _: None).run()
"""


def until(met: Callable[[], Any], seconds: float = BOUND) -> Any:
    limit = time.monotonic() + seconds
    while not (found := met()):
        assert time.monotonic() < limit, "did not happen in time"
        time.sleep(0.05)
    return found


def exists(pid: int) -> bool:
    """Whether the process still runs; one that only waits to be reaped by somebody else does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def read_roles(data: Path) -> dict[str, Any]:
    try:
        told = json.loads((data / "run" / "roles.json").read_text())
    except FileNotFoundError:
        return {}
    return {row["role"]: row for row in told["roles"]} if told["ready"] else {}


def idler(name: str = "idler", code: str = IDLER, grace: float = 5.0, told: Path = Path()) -> Role:
    return Role(name, (sys.executable, "-c", code, str(told)), stage=2, grace=grace)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    config = tmp_path / "returnline.toml"
    config.write_text(CONFIG)
    return load(config, tmp_path / "data", {})


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def up(settings: Settings, lines: list[str]) -> Iterator[Callable[..., Supervisor]]:
    made: list[Supervisor] = []

    def start(*roles: Role) -> Supervisor:
        made.append(Supervisor(settings, roles, say=lines.append, ephemeral=True, migrate=lambda _: None))
        made[-1].start()
        return made[-1]

    yield start
    for supervisor in made:
        supervisor.stop()


def look_until(supervisor: Supervisor, met: Callable[[], Any]) -> Any:
    def look_and_ask() -> Any:
        supervisor.look()
        return met()

    return until(look_and_ask)


def ingress_of(settings: Settings) -> Role:
    return next(role for role in roles_of(settings, ()) if role.name == "ingress")


def test_the_ingress_accepts_a_delivery_where_the_supervisor_says_it_listens(
    up: Callable[..., Supervisor], settings: Settings
) -> None:
    supervisor = up(ingress_of(settings))
    url = look_until(supervisor, lambda: read_roles(settings.data_dir))["ingress"]["url"]

    answer = httpx.post(f"{url}/hooks/returngo/alder/{TOKEN}", json={"rmaId": "RMA1"})

    assert answer.status_code == 202
    with redis.Redis.from_url(supervisor.redis_url) as client:
        assert client.xlen("returnline:inbox") == 1


def test_a_role_that_dies_is_started_again_at_the_same_address(
    up: Callable[..., Supervisor], settings: Settings
) -> None:
    supervisor = up(ingress_of(settings))
    before = look_until(supervisor, lambda: read_roles(settings.data_dir))["ingress"]

    os.kill(before["pid"], signal.SIGKILL)
    after = look_until(
        supervisor,
        lambda: (read_roles(settings.data_dir).get("ingress") or {}).get("restarts") and read_roles(settings.data_dir),
    )["ingress"]

    assert after["pid"] != before["pid"]
    assert after["url"] == before["url"]
    assert httpx.get(f"{after['url']}/healthz").status_code == 200


def test_the_embedded_server_is_started_again_with_its_data(up: Callable[..., Supervisor], settings: Settings) -> None:
    supervisor = up()
    with redis.Redis.from_url(supervisor.redis_url) as client:
        client.set("kept", "yes")
    first = valkey.adopt(valkey.folder_of(settings.data_dir))
    assert first is not None

    os.kill(first.pid, signal.SIGKILL)

    def answers() -> bool:
        with suppress(redis.ConnectionError), redis.Redis.from_url(supervisor.redis_url) as client:
            return bool(client.get("kept") == b"yes")
        return False

    look_until(supervisor, answers)
    again = valkey.adopt(valkey.folder_of(settings.data_dir))
    assert again is not None
    assert again.pid != first.pid


def test_a_role_that_keeps_dying_is_started_less_and_less_often(
    up: Callable[..., Supervisor], lines: list[str]
) -> None:
    supervisor = up(idler("sickly", "raise SystemExit(3)"))

    look_until(supervisor, lambda: sum("exit code 3" in line for line in lines) >= 3)

    pauses = [line.splitlines()[0].rsplit("again in ", 1)[1] for line in lines if "exit code 3" in line]
    assert pauses[:3] == ["0.5 s", "1.0 s", "2.0 s"]


def test_stopping_ends_every_process(up: Callable[..., Supervisor], settings: Settings) -> None:
    supervisor = up(ingress_of(settings), idler())
    pids = [row["pid"] for row in look_until(supervisor, lambda: read_roles(settings.data_dir)).values()]

    supervisor.stop()

    assert len(pids) == 3
    assert not [pid for pid in pids if exists(pid)]
    assert not (settings.data_dir / "run" / "roles.json").exists()


def test_the_ingress_is_stopped_before_the_workers_and_the_server_last(
    up: Callable[..., Supervisor], settings: Settings, lines: list[str]
) -> None:
    supervisor = up(idler("worker credit-notes"), ingress_of(settings))
    look_until(supervisor, lambda: read_roles(settings.data_dir))

    supervisor.stop()

    stops = [line for line in lines if line.endswith("stopping")]
    assert stops == ["ingress: stopping", "worker credit-notes: stopping", "valkey: stopping"]


def test_a_role_that_will_not_stop_is_killed_after_its_grace(
    up: Callable[..., Supervisor], lines: list[str], tmp_path: Path
) -> None:
    supervisor = up(idler("stubborn", STUBBORN, grace=0.3, told=tmp_path / "told"))
    until((tmp_path / "told").exists)

    supervisor.stop()

    assert "stubborn: did not stop in time, killed" in lines


def test_the_pool_of_a_killed_worker_does_not_live_on(up: Callable[..., Supervisor], settings: Settings) -> None:
    told = settings.data_dir.parent / "told"
    supervisor = up(idler("worker credit-notes", PARENT, told=told))
    pool = int(until(lambda: told.exists() and told.read_text()))
    worker = read_roles(settings.data_dir)["worker credit-notes"]["pid"]

    os.kill(worker, signal.SIGKILL)

    look_until(supervisor, lambda: not exists(pool))


def test_only_one_supervisor_may_have_a_data_folder(up: Callable[..., Supervisor], settings: Settings) -> None:
    up()

    with pytest.raises(AlreadyRunningError, match="already up"):
        Supervisor(settings, ()).start()


@contextmanager
def up_in_a_process(settings: Settings, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", UP, str(settings.config_path), str(settings.data_dir), *options])
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        bring_down(settings.data_dir)


@pytest.fixture
def up_process(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    with up_in_a_process(settings) as process:
        yield process


def test_ctrl_c_stops_everything_and_ends_cleanly(up_process: subprocess.Popen[bytes], settings: Settings) -> None:
    pids = [row["pid"] for row in until(lambda: read_roles(settings.data_dir)).values()]

    up_process.send_signal(signal.SIGINT)

    assert up_process.wait(BOUND) == 0
    assert not [pid for pid in pids if exists(pid)]


def test_down_stops_a_supervisor_that_runs_elsewhere(up_process: subprocess.Popen[bytes], settings: Settings) -> None:
    until(lambda: read_roles(settings.data_dir))
    assert running_supervisor(settings.data_dir) == up_process.pid

    assert bring_down(settings.data_dir) is True

    assert up_process.wait(BOUND) == 0
    assert bring_down(settings.data_dir) is False


def test_a_killed_supervisor_leaves_only_the_server_and_the_next_one_adopts_it(
    up_process: subprocess.Popen[bytes], settings: Settings
) -> None:
    rows = until(lambda: read_roles(settings.data_dir))

    up_process.kill()
    up_process.wait()

    until(lambda: not any(exists(rows[name]["pid"]) for name in ("ingress", "idler")))
    left = valkey.adopt(valkey.folder_of(settings.data_dir))
    assert left is not None
    assert left.pid == rows["valkey"]["pid"]


def test_a_killed_ephemeral_supervisor_leaves_nothing(settings: Settings) -> None:
    with up_in_a_process(settings, "--ephemeral") as process:
        rows = until(lambda: read_roles(settings.data_dir))

        process.kill()
        process.wait()

        until(lambda: not any(exists(row["pid"]) for row in rows.values()))


def test_every_queue_has_a_worker_of_its_own(tmp_path: Path) -> None:
    names = [role.name for role in roles_of(some_settings(tmp_path), ("credit-notes", "exchange-orders"))]

    assert names == [
        "worker intake", "worker sweep", "worker credit-notes", "worker exchange-orders", "beat", "ingress",
    ]  # fmt: skip


def test_no_secret_stands_in_a_command_line(tmp_path: Path) -> None:
    settings = some_settings(
        tmp_path, flower={"enabled": True, "password": "flower-password"}, shops={"alder": alder()}
    )

    words = [word for role in roles_of(settings, ()) for word in role.command]

    assert not [word for word in words for secret in secrets_of(settings) if secret in word]
    assert "flower-password" in secrets_of(settings)
