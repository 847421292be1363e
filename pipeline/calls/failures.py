"""How a call can fail, by consequence: what may be repeated, what must be looked up, what needs a person."""
# ruff: noqa: N818 - these are the words of the design, and each says what happened

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class WireError(Exception):
    """Any failed call. `outcome` is the ledger's word for it; `body_excerpt` is scrubbed and at most 2 kB."""

    outcome: ClassVar[str] = "failed"

    def __init__(self, why: str, body_excerpt: str = "") -> None:
        self.why = why
        self.body_excerpt = body_excerpt
        super().__init__(why)


class NotSent(WireError):
    """No byte of the request left (refused, unreachable, no name, no TLS): it may be sent again."""

    outcome = "not_sent"


class Throttled(WireError):
    """Refused for the quota and not executed. `retry_after` is in seconds; 0 until known."""

    outcome = "throttled"

    def __init__(self, retry_after: float, why: str = "the provider refused the call for its quota") -> None:
        self.retry_after = retry_after
        super().__init__(why)


class Rejected(WireError):
    """A readable no: not executed, and no repetition will help. `problems` are the provider's own words."""

    outcome = "rejected"

    def __init__(self, status: int, problems: tuple[str, ...], body_excerpt: str = "") -> None:
        self.status = status
        self.problems = problems
        super().__init__(f"refused with status {status}: {'; '.join(problems)}"[:500], body_excerpt)


class NotFound(WireError):
    """There is no such document."""

    outcome = "not_found"


class CredentialsRejected(WireError):
    """The keys do not open this account (or, rarely, the provider is tired of us): stop and tell engineering."""

    outcome = "credentials_rejected"


class Uncertain(WireError):
    """A write that may or may not have happened: look it up, never send it again first."""

    outcome = "uncertain"


class NotShown(Uncertain):
    """The provider answered a write, and its answer does not show the work as done: its own doubt, no outage."""


class MadeWithErrors(Uncertain):
    """A task that exists although the answer lists errors (Cin7 blueprint: write-offs). Look at it under `task_id`."""

    outcome = "made_with_errors"

    def __init__(self, task_id: str, problems: tuple[str, ...], body_excerpt: str = "") -> None:
        self.task_id = task_id
        self.problems = problems
        super().__init__(f"task {task_id} was made with errors: {'; '.join(problems)}"[:500], body_excerpt)


class BadAnswer(WireError):
    """A read whose answer cannot be believed: HTML, cut short, a missing key, a filter that was ignored."""

    outcome = "bad_answer"


class UnfitAnswer(BadAnswer):
    """A read whose answer arrived whole and does not fit its schema. `fields`: path to what is wrong. Tried again a few
    times, for a provider in trouble gives odd answers too; after that a person must see it."""

    def __init__(self, why: str, body_excerpt: str = "", fields: Mapping[str, str] | None = None) -> None:
        self.fields = dict(fields or {})
        super().__init__(why, body_excerpt)


class AnotherDocument(UnfitAnswer):
    """The answer is about another document than the one asked for."""


class NoAnswer(BadAnswer):
    """Status 200 with no answer in it: a gateway's page, nothing, or half of something."""

    outcome = "no_answer"


class IncompleteSweep(BadAnswer):
    """A list that did not arrive whole: rows `got` of `total`. Nothing may be concluded from what is missing."""

    def __init__(self, what: str, got: int, total: int) -> None:
        self.got = got
        self.total = total
        super().__init__(f"{what}: {got} of {total} rows arrived")


class Unavailable(WireError):
    """A read that failed on the provider's side or on the way: try again later."""

    outcome = "unavailable"


def away(error: BaseException) -> bool:
    """Whether the provider was not there to answer. Nothing that happens in an outage is the fault of the work."""
    answered = isinstance(error, NotShown | MadeWithErrors)
    return isinstance(error, Unavailable | NotSent | NoAnswer | Uncertain) and not answered


class TimeUp(BaseException):
    """The soft time limit of a task. Not an Exception: whoever forgives failures on the way (a broker, a transport, a
    library) must not forgive this one and work on until the hard limit kills the process."""
