"""The embedded Valkey: one durable server per data folder, started, adopted when already running, and stopped."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import redis

from pipeline.running.die_with_parent import die_with_parent
from pipeline.running.valkey_conf import configuration, server_binary

START_SECONDS = 30.0
STOP_SECONDS = 20.0
POLL_SECONDS = 0.02


class EmbeddedServerError(RuntimeError):
    """The embedded server did not start or the folder is in use; the message carries the end of its log."""


@dataclass(slots=True)
class Embedded:
    """A running embedded server. `url` holds the password: never log it."""

    folder: Path
    port: int
    pid: int
    password: str = field(repr=False, default="")
    adopted: bool = False
    process: subprocess.Popen[bytes] | None = field(repr=False, default=None)

    @property
    def url(self) -> str:
        """The Redis URL of database 0."""
        return server_url(self.port, self.password)

    def alive(self) -> bool:
        """Whether the server process still exists."""
        return _exists(self.pid, self.process)

    def stop(self, grace: float = STOP_SECONDS) -> None:
        """Shuts the server down, its log flushed; kills it after `grace` seconds. Stopping twice is harmless."""
        with contextlib.suppress(redis.RedisError, OSError), _client(self.url) as client:
            client.shutdown(nosave=True)
        if not self._gone_within(grace):
            self.kill()

    def kill(self) -> None:
        """Ends the server at once, as a power cut would (SIGKILL)."""
        if self.alive():
            os.kill(self.pid, signal.SIGKILL)
        self._gone_within(STOP_SECONDS)

    def _gone_within(self, seconds: float) -> bool:
        limit = time.monotonic() + seconds
        while self.alive() and time.monotonic() < limit:
            time.sleep(POLL_SECONDS)
        return not self.alive()


def start(
    folder: Path,
    *,
    port: int = 0,
    password: str | None = None,
    hardened: bool = True,
    follow: bool = False,
    env: Mapping[str, str] | None = None,
) -> Embedded:
    """Returns the server of `folder`, started now or adopted if one already runs there.

    `port` 0 keeps the last port where it is free, so that clients find the server again after a restart.
    `password` None makes (and remembers, mode 0600) a random one; "" means none, for tests.
    `follow` has the server die with this process. Raises EmbeddedServerError, ServerBinaryMissingError.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    secret = _remembered_password(folder) if password is None else password
    lock = os.open(folder / "valkey.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if server := _adopted_unless_locked(folder, lock, secret):
            return server
        return _started(folder, lock, port, secret, hardened=hardened, follow=follow, env=env or os.environ)
    finally:
        os.close(lock)


def adopt(folder: Path, password: str | None = None) -> Embedded | None:
    """Returns the server already running on `folder`, or None. Its process id comes from the server itself."""
    secret = _read(folder / "valkey.password") if password is None else password
    port = _last_port(folder)
    if not port:
        return None
    try:
        with _client(server_url(port, secret)) as client:
            client.ping()
            info = client.info("server")
            where = client.config_get("dir")["dir"]
    except (redis.RedisError, OSError):
        return None
    if Path(str(where)).resolve() != folder.resolve():
        return None
    return Embedded(folder, port, int(info["process_id"]), secret, adopted=True)


def folder_of(data: Path) -> Path:
    """The embedded server's folder under the data folder."""
    return data / "valkey"


def server_url(port: int, password: str) -> str:
    """Returns the URL of a server on this machine."""
    return f"redis://:{password}@127.0.0.1:{port}/0" if password else f"redis://127.0.0.1:{port}/0"


def free_port() -> int:
    """Returns a loopback port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _started(
    folder: Path, lock: int, port: int, password: str, *, hardened: bool, follow: bool, env: Mapping[str, str]
) -> Embedded:
    binary = server_binary(env)
    chosen = port or _free_again(_last_port(folder)) or free_port()
    conf = folder / "valkey.conf"
    conf.write_text(configuration(folder, chosen, password, hardened=hardened))
    conf.chmod(0o600)
    process = subprocess.Popen(  # noqa: S603 - our own binary
        [str(binary), str(conf)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        # The lock travels with the server: it is freed when the server dies, whoever started it.
        pass_fds=(lock,),
        start_new_session=True,
        preexec_fn=die_with_parent() if follow else None,  # noqa: PLW1509 - two system calls, no Python locks
    )
    server = Embedded(folder, chosen, process.pid, password, process=process)
    _wait_until_ready(server)
    (folder / "valkey.json").write_text(json.dumps({"pid": process.pid, "port": chosen}))
    return server


def _wait_until_ready(server: Embedded) -> None:
    limit = time.monotonic() + START_SECONDS
    while time.monotonic() < limit:
        if not server.alive():
            raise EmbeddedServerError(
                f"the embedded server ended at once; the end of its log:\n{_log_end(server.folder)}"
            )
        # Loading a long AOF answers LOADING: still starting, not failed.
        with contextlib.suppress(redis.RedisError, OSError), _client(server.url) as client:
            if int(client.info("server")["process_id"]) == server.pid:
                return
        time.sleep(POLL_SECONDS)
    server.kill()
    raise EmbeddedServerError(f"the embedded server was not ready in {START_SECONDS:.0f} s:\n{_log_end(server.folder)}")


def _adopted_unless_locked(folder: Path, lock: int, password: str) -> Embedded | None:
    """Returns None once the folder is ours; a dying server's rewrite child may hold it for a moment longer."""
    limit = time.monotonic() + START_SECONDS
    while not _locked(lock):
        if server := adopt(folder, password):
            return server
        if time.monotonic() > limit:
            raise EmbeddedServerError(
                f"{folder}: another server holds this folder and does not answer; stop it, or use another --data"
            )
        time.sleep(POLL_SECONDS * 5)
    return None


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _remembered_password(folder: Path) -> str:
    path = folder / "valkey.password"
    with contextlib.suppress(FileExistsError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(24))
    return _read(path)


def _client(url: str) -> redis.Redis:
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return redis.Redis.from_url(
        url, socket_timeout=5, socket_connect_timeout=2, decode_responses=True, retry=Retry(NoBackoff(), 0)
    )


def _free_again(port: int) -> int:
    if not port:
        return 0
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return 0
    return port


def _last_port(folder: Path) -> int:
    try:
        return int(json.loads(_read(folder / "valkey.json"))["port"])
    except (ValueError, KeyError, TypeError):
        return 0


def _exists(pid: int, process: subprocess.Popen[bytes] | None) -> bool:
    if process is not None:
        return process.poll() is None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # Dead but not yet reaped by whoever started it: gone, as far as we are concerned.
    return ") Z " not in _read(Path(f"/proc/{pid}/stat"))


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return ""


def _log_end(folder: Path) -> str:
    return "\n".join(_read(folder / "valkey.log").splitlines()[-8:])
