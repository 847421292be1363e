"""The ingress as a process: how it starts, what it says when it cannot, and how it ends."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time

import pytest
from redis import Redis

from pipeline.ingress.redis_wire import RedisAddress
from tests.pipeline.ingress.ingress_process import RETURNGO, running_ingress, settings_for
from tests.valkey_server import running_valkey
from tests.waiting import BOUND

HEAD = f"POST {RETURNGO} HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n".encode()


def test_it_starts_without_redis_and_says_so(unused_port: int) -> None:
    with running_ingress(settings_for(f"redis://127.0.0.1:{unused_port}/0")) as ingress, ingress.client() as door:
        assert door.get("/healthz").status_code == 200
        assert door.get("/readyz").status_code == 503
        assert door.post(RETURNGO, json={}).status_code == 503


@pytest.fixture
def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_sigterm_finishes_the_request_under_way_and_ends_with_zero() -> None:
    with running_valkey() as valkey, Redis.from_url(valkey.url) as redis:
        with running_ingress(settings_for(valkey.url)) as ingress:
            with socket.create_connection(("127.0.0.1", ingress.port), timeout=BOUND) as client:
                client.sendall(HEAD + b"{")
                time.sleep(0.2)
                ended = threading.Thread(target=ingress.stop)
                ended.start()
                time.sleep(0.3)
                client.sendall(b"}")
                assert client.recv(4096).startswith(b"HTTP/1.1 202")
            ended.join(BOUND)
            assert ingress.stop() == 0
        assert redis.xlen("t:inbox") == 1


def test_a_slow_client_does_not_hold_the_end_up_for_long() -> None:
    with (
        running_valkey() as valkey,
        running_ingress(settings_for(valkey.url, shutdown_grace=1, body_timeout=2 * BOUND)) as ingress,
        socket.create_connection(("127.0.0.1", ingress.port), timeout=BOUND) as client,
    ):
        client.sendall(HEAD + b"{")
        time.sleep(0.2)
        assert ingress.stop() == 0


def test_wrong_settings_end_it_with_the_reason() -> None:
    command = [sys.executable, "-m", "pipeline.ingress", "--port", "0"]
    ended = subprocess.run(
        command, input='{"shops": {"a": {}}}', capture_output=True, text=True, timeout=BOUND, check=False
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("ingress: ")
    assert "Traceback" not in ended.stderr


def test_it_imports_no_worker_code_and_no_database() -> None:
    probe = "import sys, pipeline.ingress.server; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    names = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, timeout=BOUND, check=True
    ).stdout
    assert not {"celery", "kombu", "sqlalchemy", "tasks", "consumers", "marshmallow"} & set(names.split())


@pytest.mark.parametrize("url", ["http://h", "localhost:6379", "redis://h/one", ""])
def test_a_wrong_redis_address_names_the_fix(url: str) -> None:
    with pytest.raises(ValueError, match="redis_url: "):
        RedisAddress.parse(url)


def test_a_unix_socket_address_is_understood() -> None:
    address = RedisAddress.parse("unix:///run/valkey.sock?db=2")
    assert (address.path, address.database) == ("/run/valkey.sock", 2)
