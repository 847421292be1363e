"""Asking a provider before and after a write: what could not be asked is asked later."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.calls.failures import (
    BadAnswer,
    CredentialsRejected,
    NotFound,
    NotSent,
    Rejected,
    Throttled,
    Unavailable,
    Uncertain,
)
from pipeline.calls.quota import QuotaUnavailable, QuotaWait
from tasks.effects.protocol import LaterError
from tasks.failures import CREDENTIALS_PAUSE

#: What cannot be asked now can be asked later; none of it says anything about our document.
CANNOT_ASK = (Throttled, NotSent, Unavailable, BadAnswer, NotFound, Rejected, Uncertain)


def later(error: Exception) -> LaterError:
    """The provider cannot be asked now; a throttle says itself when."""
    return LaterError(float(getattr(error, "retry_after", 0) or 2.0), f"cannot be asked now: {error}")


@contextmanager
def before_any_byte() -> Iterator[None]:
    """What stops a write before it left becomes LaterError: no slot, no Redis to ask, or keys that are refused."""
    try:
        yield
    except QuotaWait as wait:
        raise LaterError(wait.seconds, str(wait)) from wait
    except QuotaUnavailable as gone:
        raise LaterError(2.0, str(gone)) from gone
    except CredentialsRejected as refused:
        raise LaterError(CREDENTIALS_PAUSE, str(refused)) from refused


@contextmanager
def asking() -> Iterator[None]:
    """A look-up that fails says nothing about our document: LaterError, never Missing."""
    try:
        with before_any_byte():
            yield
    except CANNOT_ASK as error:
        raise later(error) from error
