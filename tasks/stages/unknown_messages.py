"""Messages that no stage can take: unknown tasks, foreign formats. Celery would delete them without a trace; here each
kind of them leaves one dead letter. Nothing is lost by them: a message is only a hint."""

from __future__ import annotations

import contextlib
from datetime import datetime
from typing import Any

import structlog
from celery import signals
from sqlalchemy.exc import SQLAlchemyError

from pipeline.ledger import Ledger
from pipeline.ledger.letters import dead
from pipeline.parts import utc_now
from pipeline.settings.values import Settings
from schemas.concerns import ConcernType

log = structlog.get_logger()
_MOST_BYTES = 16_384


def watch(settings: Settings) -> None:
    """From now on, a message that this worker cannot take becomes a dead letter."""

    def unknown(message: Any = None, name: str = "", **_: Any) -> None:
        keep(settings, message, f"task:{name}"[:120], f"no stage is called {name}", utc_now())

    def rejected(message: Any = None, exc: Any = None, **_: Any) -> None:
        why = type(exc).__name__ if exc is not None else "no task message"
        keep(settings, message, f"message:{why}"[:120], f"not readable as a task message: {why}", utc_now())

    signals.task_unknown.connect(unknown, weak=False)
    signals.task_rejected.connect(rejected, weak=False)


def keep(settings: Settings, message: Any, subject: str, why: str, now: datetime) -> None:
    """Write the dead letter; one for each queue and kind, however many come. Raises nothing: the worker must go on."""
    queue = str((getattr(message, "delivery_info", None) or {}).get("routing_key", ""))[:60]
    log.error("message refused", queue=queue, subject=subject, why=why)
    body = getattr(message, "body", b"") or b""
    raw = body.encode() if isinstance(body, str) else bytes(body)
    letter = dead.Letter(
        shop="",
        queue=queue,
        stage="message",
        kind=ConcernType.POISON_TASK,
        reason=why,
        subject=f"{queue}:{subject}"[:120],
        body=raw[:_MOST_BYTES],
        evidence={"content_type": str(getattr(message, "content_type", ""))[:80]},
    )
    # A ledger of its own: this is the parent process, whose connections no forked child may inherit.
    ledger = Ledger(settings.database_url)
    try:
        with contextlib.suppress(SQLAlchemyError), ledger.write() as conn:
            dead.bury(conn, letter, now)
    finally:
        ledger.close()
