"""Reads an error raised while working and says what follows from it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from pipeline.calls.failures import (
    BadAnswer,
    CredentialsRejected,
    NotFound,
    Rejected,
    Throttled,
    TimeUp,
    Uncertain,
    UnfitAnswer,
    away,
)
from pipeline.calls.quota import QuotaUnavailable, QuotaWait
from pipeline.settings.values import Intervals
from schemas.concerns import ConcernType
from schemas.json.fields import SchemaInvalidError


class Reaction(StrEnum):
    """What becomes of the work at hand."""

    LATER = "later"
    STOP_SYSTEM = "stop system"
    BURY = "bury"


@dataclass(frozen=True, slots=True)
class Consequence:
    """What follows from a failure. `seconds` until the next try; `counts` says whether the try was the work's own
    fault. With `tell` a person must see it now, although the work goes on by itself."""

    reaction: Reaction
    seconds: float
    counts: bool
    concern: ConcernType | None = None
    tell: bool = False


#: A failure nobody foresaw is tried this many times before a person must look.
MOST_FAILURES = 5


#: An answer that does not fit its schema is tried this many times before a person must see it; it is tried on, slower.
MOST_UNFIT = 3


#: A piece of work that was started this often and never finished kills its worker: it is put aside.
MOST_STARTS = 4


#: A document whose sends were answered without showing it, or cut off by our own death, is sent this often.
MOST_ALONE = 2


#: One whose sends nobody answered is sent this often when others of its kind get through, and three times as often when
#: others are in doubt too: with one write in three failing, one in 240 has such luck, and then a person decides.
MOST_AMONG_OTHERS = 5


#: Seconds a lane stays stopped after refused credentials, before one call tests them again.
CREDENTIALS_PAUSE = 120.0


def backoff(failures: int, least: float, most: float, seed: str) -> float:
    """Seconds to wait after the n-th failure: doubling from `least` up to `most`, spread by up to a fifth so that
    failures do not march in step."""
    plain = min(most, least * float(2 ** min(failures, 16)))
    digest = hashlib.blake2b(f"{seed}:{failures}".encode(), digest_size=2).digest()
    spread = int.from_bytes(digest, "big") / 65535
    return plain * (0.9 + 0.2 * spread)


class SaleBusyError(Exception):
    """Another entry is writing to the same sale."""


class TakenOverError(Exception):
    """The lease ended while this worker was busy, and another one has the entry: whatever this one knows is stale."""


class NotYetError(Exception):
    """A poll whose own interval is not over: no call was made, so nothing is known about its system either."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"not due for another {seconds:.0f} s")
        self.seconds = seconds


class SystemStoppedError(Exception):
    """Calls to this system are stopped until the named moment (credentials refused, or the system is down)."""

    def __init__(self, system: str, seconds: float, why: str) -> None:
        super().__init__(why)
        self.system = system
        self.seconds = seconds


def consequence(
    error: BaseException, failures: int, intervals: Intervals, seed: str, unanswered: int = 0
) -> Consequence:
    """What follows from this error after so many failures before it, and so many calls that nobody answered. Nothing
    ever dies of an outage, a quota, a throttle or a time limit, and none of them uses up a try."""
    grown = backoff(failures, intervals.park_min, intervals.park_max, seed)
    if isinstance(error, QuotaWait | SystemStoppedError):
        return Consequence(Reaction.LATER, max(error.seconds, 0.2), counts=False)
    soon = {SaleBusyError: 1.0, QuotaUnavailable: 2.0, TimeUp: intervals.park_min}
    if type(error) in soon:
        return Consequence(Reaction.LATER, soon[type(error)], counts=False)
    if isinstance(error, Throttled):
        return Consequence(Reaction.LATER, max(error.retry_after, 0.2), counts=False)
    if isinstance(error, CredentialsRejected):
        return Consequence(
            Reaction.STOP_SYSTEM, CREDENTIALS_PAUSE, counts=False, concern=ConcernType.CREDENTIALS_REJECTED
        )
    if isinstance(error, UnfitAnswer) and failures + 1 >= MOST_UNFIT:
        return Consequence(Reaction.LATER, grown, counts=True, concern=ConcernType.SCHEMA_INVALID, tell=True)
    if away(error):
        wait = backoff(unanswered, min(2.0, intervals.park_min), intervals.park_min * 4, seed)
        return Consequence(Reaction.LATER, wait, counts=False)
    if isinstance(error, BadAnswer | Uncertain):
        wait = backoff(failures, min(2.0, intervals.park_min), intervals.park_min * 4, seed)
        return Consequence(Reaction.LATER, wait, counts=True)
    if failures + 1 >= MOST_FAILURES:
        kind = ConcernType.SCHEMA_INVALID if isinstance(error, SchemaInvalidError) else ConcernType.POISON_TASK
        return Consequence(Reaction.BURY, 0.0, counts=True, concern=kind)
    if isinstance(error, SchemaInvalidError | NotFound | Rejected):
        return Consequence(Reaction.LATER, grown, counts=True, concern=ConcernType.SCHEMA_INVALID)
    return Consequence(Reaction.LATER, min(grown, intervals.park_min), counts=True)
