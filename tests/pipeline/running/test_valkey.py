"""The embedded server: durable, alone on its folder, adopted when it runs, gone when stopped."""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from pipeline.running import valkey as embedded
from pipeline.running.valkey_conf import ServerBinaryMissingError, server_binary
from tests.valkey_server import running_valkey


def test_an_answered_write_survives_a_power_cut() -> None:
    with running_valkey() as valkey:
        with redis.Redis.from_url(valkey.url) as client:
            for number in range(200):
                client.xadd("inbox", {"n": number})

        valkey.kill()
        valkey.restart()

        with redis.Redis.from_url(valkey.url) as client:
            assert client.xlen("inbox") == 200


def test_a_folder_may_have_spaces_and_quotes_in_its_name(tmp_path: Path) -> None:
    with running_valkey(tmp_path / 'a "data" folder') as valkey, redis.Redis.from_url(valkey.url) as client:
        assert client.ping()


def test_a_log_cut_short_by_a_power_cut_loses_only_the_write_under_way() -> None:
    with running_valkey() as valkey:
        with redis.Redis.from_url(valkey.url) as client:
            for number in range(10):
                client.xadd("inbox", {"n": number})
        valkey.kill()
        log = next((valkey.folder / "appendonlydir").glob("*.incr.aof"))
        log.write_bytes(log.read_bytes()[:-7])

        valkey.restart()

        with redis.Redis.from_url(valkey.url) as client:
            assert client.xlen("inbox") == 9


def test_the_server_keeps_its_address_over_a_restart() -> None:
    with running_valkey() as valkey:
        before = valkey.url

        valkey.restart()

        assert valkey.url == before


def test_the_server_runs_with_the_durable_settings() -> None:
    with running_valkey() as valkey, redis.Redis.from_url(valkey.url, decode_responses=True) as client:
        wanted = {
            "appendonly": "yes",
            "appendfsync": "always",
            "aof-use-rdb-preamble": "no",
            "maxmemory-policy": "noeviction",
            "save": "",
            "no-appendfsync-on-rewrite": "no",
        }

        assert {name: client.config_get(name)[name] for name in wanted} == wanted


def test_nobody_may_wipe_a_hardened_server() -> None:
    with running_valkey(hardened=True) as valkey, redis.Redis.from_url(valkey.url) as client:
        for command in ("FLUSHALL", "FLUSHDB", "KEYS *", "CONFIG SET appendonly no"):
            with pytest.raises(redis.exceptions.NoPermissionError):
                client.execute_command(*command.split())

        assert client.config_get("appendfsync")


def test_a_second_start_adopts_the_running_server(tmp_path: Path) -> None:
    first = embedded.start(tmp_path, follow=True)
    try:
        second = embedded.start(tmp_path, follow=True)

        assert (second.pid, second.url, second.adopted) == (first.pid, first.url, True)
    finally:
        first.stop()


def test_a_server_adopted_by_another_run_can_be_stopped_by_it(tmp_path: Path) -> None:
    first = embedded.start(tmp_path, follow=True)
    second = embedded.adopt(tmp_path)
    assert second is not None

    second.process = first.process  # this test is the parent, so only it can reap
    second.stop()

    assert not first.alive()
    assert embedded.adopt(tmp_path) is None


def test_the_password_is_asked_for_and_kept_from_other_users(tmp_path: Path) -> None:
    server = embedded.start(tmp_path, follow=True)
    try:
        with (
            redis.Redis(port=server.port, retry=Retry(NoBackoff(), 0)) as stranger,
            pytest.raises(redis.exceptions.AuthenticationError),
        ):
            stranger.ping()

        secret = tmp_path / "valkey.password"
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
        assert server.password not in (tmp_path / "valkey.conf").read_text()
        assert server.password not in repr(server)
    finally:
        server.stop()


def test_a_folder_whose_server_does_not_answer_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "START_SECONDS", 0.2)
    lock = os.open(tmp_path / "valkey.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)

        with pytest.raises(embedded.EmbeddedServerError, match="another server holds this folder"):
            embedded.start(tmp_path)
    finally:
        os.close(lock)


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "appendonlydir").write_text("in the way")

    with pytest.raises(embedded.EmbeddedServerError, match="ended at once"):
        embedded.start(tmp_path)


def test_the_chosen_server_binary_must_exist() -> None:
    with pytest.raises(ServerBinaryMissingError, match="RETURNLINE_REDIS_SERVER=/nowhere/valkey"):
        server_binary({"RETURNLINE_REDIS_SERVER": "/nowhere/valkey"})


def test_without_a_choice_the_wheel_brings_the_server() -> None:
    assert server_binary({"PATH": ""}).name == "valkey-server"
