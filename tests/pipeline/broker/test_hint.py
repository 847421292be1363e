"""The hand-written Celery message wakes a real Celery worker."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from redis import Redis

from pipeline.broker.hint import PLACE_OF_ID, hint_message
from tests.pipeline.ingress.ingress_process import RETURNGO, running_ingress, settings_for
from tests.valkey_server import running_valkey
from tests.waiting import BOUND, until

WORKER = """
from celery import Celery
app = Celery("w", broker={url!r})
app.conf.update(broker_transport_options={{"global_keyprefix": "t:"}}, worker_enable_remote_control=False,
    task_default_queue="intake", task_acks_late=True, accept_content=["json"], worker_prefetch_multiplier=1)

@app.task(name="tasks.intake.admit", bind=True)
def admit(self, **unknown):
    app.connection_for_write().default_channel.client.rpush("woken", self.request.id)
"""


def test_the_message_has_one_place_for_each_id_and_is_json() -> None:
    message = json.loads(hint_message("tasks.intake.admit", "intake").replace(PLACE_OF_ID, "h-1"))
    assert message["headers"]["id"] == message["properties"]["delivery_tag"] == "h-1"
    assert message["headers"]["task"] == "tasks.intake.admit"


def test_without_a_hint_queue_the_delivery_waits_for_the_sweep() -> None:
    with running_valkey() as valkey, Redis.from_url(valkey.url) as redis:
        with running_ingress(settings_for(valkey.url, hint_queue="")) as ingress, ingress.client() as door:
            assert door.post(RETURNGO, json={}).status_code == 202
        assert (redis.xlen("t:inbox"), redis.exists("t:intake", "t:hint")) == (1, 0)


@pytest.mark.flow
def test_a_delivery_wakes_a_real_worker_and_the_message_is_acknowledged(tmp_path: Path) -> None:
    with running_valkey() as valkey, Redis.from_url(valkey.url, decode_responses=True) as redis:
        (tmp_path / "worker_app.py").write_text(WORKER.format(url=valkey.url))
        with running_ingress(settings_for(valkey.url)) as ingress, ingress.client() as door:
            delivery = door.post(RETURNGO, json={}).json()["delivery"]
        command = [sys.executable, "-m", "celery", "-A", "worker_app", "worker", "-P", "solo", "-Q", "intake"]
        with (tmp_path / "log").open("wb") as log:
            worker = subprocess.Popen(
                [*command, "--without-gossip", "--without-mingle"], cwd=tmp_path, stdout=log, stderr=log
            )
        try:
            until("the worker is woken", lambda: redis.llen("t:woken"))
            until("the message is acknowledged", lambda: not redis.hlen("t:unacked"))
            assert redis.lrange("t:woken", 0, -1) == [delivery]
            assert redis.llen("t:intake") == 0
        finally:
            worker.terminate()
            worker.wait(BOUND)
