"""The motion: the stages as Celery tasks. Nothing imports this; messages name its tasks. `celery -A tasks worker` runs
it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any


@lru_cache(maxsize=1)
def _app() -> Any:
    from tasks.app import make_app

    return make_app()


def __getattr__(name: str) -> Any:
    """`tasks.celery` is built when Celery first asks for it, so that importing `tasks` reads no settings."""
    if name == "celery":
        return _app()
    raise AttributeError(f"module 'tasks' has no attribute {name!r}")
