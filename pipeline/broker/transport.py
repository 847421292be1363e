"""The Redis transport of the belts, with one difference: what is no message at all does not end the worker.

The plain transport raises while reading it, and the worker dies of it ("kombu" 5.7).
"""

from __future__ import annotations

from typing import Any

import structlog
from kombu.transport import TRANSPORT_ALIASES
from kombu.transport import redis as plain

_NAME = "pipeline.broker.transport:Transport"


class Channel(plain.Channel):
    """Reads one message at a time; one that cannot be read is already off the queue, and is logged."""

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[misc]
        except (ValueError, KeyError, TypeError) as bad:
            # Only a hint, and perhaps not even that: the sweep sends another one for whatever is due.
            structlog.get_logger().exception("message dropped: it cannot be read", why=type(bad).__name__)
            return True


class Transport(plain.Transport):
    """Redis and Valkey, plain or over TLS."""

    Channel = Channel


def install() -> None:
    """Have every Redis address in this process use this transport."""
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = _NAME
