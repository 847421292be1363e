"""From a failure to its consequence, one row per kind; and how waits grow."""

from __future__ import annotations

import pytest

from pipeline.calls import failures as f
from pipeline.calls.quota import QuotaUnavailable, QuotaWait
from pipeline.settings.values import Intervals
from schemas.concerns import ConcernType
from schemas.json.fields import SchemaInvalidError
from tasks.failures import (
    CREDENTIALS_PAUSE,
    MOST_FAILURES,
    Reaction,
    SaleBusyError,
    SystemStoppedError,
    backoff,
    consequence,
)

INTERVALS = Intervals()
TABLE = [
    # failure, failures before it, exit, counts as a failure of the work
    (QuotaWait(7.0), 99, Reaction.LATER, False),
    (QuotaUnavailable("redis is away"), 99, Reaction.LATER, False),
    (SystemStoppedError("cin7", 9.0, "down"), 99, Reaction.LATER, False),
    (SaleBusyError("busy"), 99, Reaction.LATER, False),
    (f.Throttled(12.0), 99, Reaction.LATER, False),
    (f.CredentialsRejected("403"), 99, Reaction.STOP_SYSTEM, False),
    (f.Unavailable("502"), 99, Reaction.LATER, False),
    (f.NotSent("refused"), 99, Reaction.LATER, False),
    (f.NoAnswer("html"), 99, Reaction.LATER, False),
    (f.Uncertain("timeout"), 99, Reaction.LATER, False),
    (f.TimeUp(), 99, Reaction.LATER, False),
    (f.BadAnswer("filter ignored"), 99, Reaction.LATER, True),
    (f.NotShown("still a draft"), 99, Reaction.LATER, True),
    (f.NotFound("404"), 0, Reaction.LATER, True),
    (f.Rejected(400, ("no",)), 0, Reaction.LATER, True),
    (SchemaInvalidError({"Total": "missing"}), 0, Reaction.LATER, True),
    (SchemaInvalidError({"Total": "missing"}), MOST_FAILURES - 1, Reaction.BURY, True),
    (ZeroDivisionError("a bug"), 0, Reaction.LATER, True),
    (ZeroDivisionError("a bug"), MOST_FAILURES - 1, Reaction.BURY, True),
]


@pytest.mark.parametrize(("error", "before", "exit_", "counts"), TABLE, ids=lambda value: str(value)[:40])
def test_each_failure_has_its_consequence(error: Exception, before: int, exit_: Reaction, counts: bool) -> None:
    what = consequence(error, before, INTERVALS, "rma")
    assert (what.reaction, what.counts) == (exit_, counts)


@pytest.mark.parametrize("error", [QuotaWait(7.0), SystemStoppedError("cin7", 7.0, ""), f.Throttled(7.0)])
def test_who_says_when_is_believed(error: Exception) -> None:
    assert consequence(error, 3, INTERVALS, "rma").seconds == pytest.approx(7.0)


def test_refused_credentials_pause_the_lane() -> None:
    what = consequence(f.CredentialsRejected("403"), 0, INTERVALS, "rma")
    assert (what.seconds, what.concern) == (CREDENTIALS_PAUSE, ConcernType.CREDENTIALS_REJECTED)


def test_waits_in_an_outage_grow_with_the_calls_that_nobody_answered() -> None:
    waits = [consequence(f.Unavailable("502"), 0, INTERVALS, "rma", calls).seconds for calls in (0, 3, 12)]
    assert waits == sorted(waits)
    assert waits[0] < 3
    assert waits[2] > 200


def test_a_schema_that_cannot_be_read_is_buried_under_its_own_name() -> None:
    invalid = consequence(SchemaInvalidError({"Total": "x"}), 4, INTERVALS, "rma")
    bug = consequence(ZeroDivisionError(), 4, INTERVALS, "rma")
    assert (invalid.concern, bug.concern) == (ConcernType.SCHEMA_INVALID, ConcernType.POISON_TASK)


@pytest.mark.parametrize("failures", range(8))
def test_waits_double_and_spread_by_a_tenth_either_way(failures: int) -> None:
    plain = 10.0 * 2**failures
    assert 0.9 * plain <= backoff(failures, 10.0, 1e9, "rma") <= 1.1 * plain


def test_waits_never_grow_beyond_the_cap() -> None:
    assert backoff(1000, 10.0, 600.0, "rma") <= 660.0


def test_two_returns_do_not_march_in_step() -> None:
    assert backoff(3, 10.0, 600.0, "first") != backoff(3, 10.0, 600.0, "second")
