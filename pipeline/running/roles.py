"""What runs: each role's command, and how it is told where things are. The Procfile says the same to others."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.broker.names import INTAKE, SWEEP
from pipeline.running.valkey import free_port
from pipeline.settings.values import CONFIG_VARIABLE, DATA_VARIABLE, Settings


@dataclass(frozen=True, slots=True)
class Role:
    """One process to keep alive. `stage` orders the stop: lower first, together within a stage.

    A role with a `port_file` is ready, and its address known, when the file holds its port; `{port}` in the
    command is the last known port, 0 at first. `grace` seconds are given between SIGTERM and SIGKILL.
    """

    name: str
    command: tuple[str, ...]
    stage: int
    grace: float = 10.0
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    port_file: Path | None = None
    port: int = 0
    address: str = ""


def run_folder(data_dir: Path) -> Path:
    """Where the supervisor keeps its lock, port files and `roles.json`."""
    return data_dir / "run"


def child_environment(settings: Settings, redis_url: str) -> dict[str, str]:
    """The environment of every role: ours, plus where the settings, the data and the broker are."""
    told = {DATA_VARIABLE: str(settings.data_dir), "REDIS_URL": redis_url, "PYTHONUNBUFFERED": "1"}
    if settings.config_path is not None:
        told[CONFIG_VARIABLE] = str(settings.config_path)
    return {**os.environ, **told}


def roles_of(settings: Settings, consumers: tuple[str, ...]) -> list[Role]:
    """Every role of an installation on one machine: ingress, one worker per queue, beat, and what else is enabled."""
    queues = (INTAKE, SWEEP, *consumers)
    roles = [_worker(settings, queue) for queue in queues]
    roles += [_beat(settings), _ingress(settings)]
    if settings.flower.enabled:
        roles.append(_flower(settings))
    if settings.metrics_port:
        roles.append(_metrics(settings))
    return roles


def _metrics(settings: Settings) -> Role:
    command = (sys.executable, "-m", "console.cli", "metrics")
    port = settings.metrics_port
    return Role("metrics", command, stage=3, port=port, address="http://127.0.0.1:{port}/metrics")


def _ingress(settings: Settings) -> Role:
    port_file = run_folder(settings.data_dir) / "ingress.port"
    command = (sys.executable, "-m", "console.cli", "ingress", "--port", "{port}", "--port-file", str(port_file))
    host = settings.ingress.host
    return Role(
        "ingress",
        command,
        stage=0,
        grace=15.0,
        port_file=port_file,
        port=settings.ingress.port,
        address=f"http://[{host}]:{{port}}" if ":" in host else f"http://{host}:{{port}}",
    )


def _worker(settings: Settings, queue: str) -> Role:
    command = (
        *(sys.executable, "-m", "celery", "-A", "tasks", "worker", "-Q", queue, "-n", f"{queue}@%h"),
        *("-P", "prefork", "-c", "1", "--without-gossip", "--without-mingle", "--loglevel", settings.log_level.upper()),
    )
    # Long enough for a write under way to be answered and recorded.
    grace = settings.intervals.write_deadline + settings.intervals.read_deadline + 10.0
    return Role(f"worker {queue}", command, stage=2, grace=grace)


def _beat(settings: Settings) -> Role:
    schedule = run_folder(settings.data_dir) / "beat-schedule"
    command = (
        *(sys.executable, "-m", "celery", "-A", "tasks", "beat", "--schedule", str(schedule), "--pidfile", ""),
        *("--loglevel", settings.log_level.upper()),
    )
    return Role("beat", command, stage=1)


def _flower(settings: Settings) -> Role:
    port = settings.flower.port or free_port()
    # The password goes by environment: arguments are shown to every user of the machine.
    env = {
        "FLOWER_BASIC_AUTH": f"{settings.flower.user}:{settings.flower.password}",
        "FLOWER_READ_ONLY": "True",
        "FLOWER_PURGE_OFFLINE_WORKERS": "300",
        "FLOWER_MAX_TASKS": "10000",
    }
    command = (sys.executable, "-m", "celery", "-A", "tasks", "flower", "--address=127.0.0.1", f"--port={port}")
    return Role("flower", command, stage=3, env=env, port=port, address="http://127.0.0.1:{port}")
