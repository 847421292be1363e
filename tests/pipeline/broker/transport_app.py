"""A worker's application for the belt tests: the product's own settings and one task that leaves a mark in Redis."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import redis

from pipeline.broker.app import celery_app
from tests.pipeline.settings.values import some_settings


def _app() -> Any:
    settings = some_settings(Path(os.environ["BELT_DATA"]), redis_url=os.environ["BELT_URL"])
    built = celery_app(settings, ["credit-notes"], url=settings.redis_url)

    @built.task(name="belt.mark", ignore_result=True)
    def mark(number: int) -> None:
        with redis.Redis.from_url(settings.redis_url) as client:
            client.sadd("marks", number)

    return built


def __getattr__(name: str) -> Any:
    if name == "app":
        return globals().setdefault("app", _app())
    raise AttributeError(name)
