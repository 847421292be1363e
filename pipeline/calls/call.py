"""One HTTP call, and what its outcome means. A write that may have happened is Uncertain, a read is merely tried again.

A write gets a fresh connection, no transport retry, no redirect and one deadline for all of it, slow drips included.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import httpx

from pipeline.calls.carrier import Answer, Carrier, Http, Outgoing
from pipeline.calls.failures import (
    BadAnswer,
    CredentialsRejected,
    MadeWithErrors,
    NoAnswer,
    NotFound,
    NotSent,
    Rejected,
    Throttled,
    Unavailable,
    Uncertain,
    UnfitAnswer,
    WireError,
)
from pipeline.calls.quota import Gate
from pipeline.calls.scrub import scrubbed
from schemas.json.fields import SchemaInvalidError

__all__ = [
    "Answer",
    "BadAnswer",
    "Call",
    "Caller",
    "CredentialsRejected",
    "Http",
    "NotFound",
    "NotSent",
    "Observer",
    "Outgoing",
    "Rejected",
    "Throttled",
    "Unavailable",
    "Uncertain",
    "UnfitAnswer",
    "WireError",
    "unreadable",
]

T = TypeVar("T")

EXCERPT = 2048


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP attempt as the ledger may keep it: no secrets, no shoppers' data. `excerpt` is at most 2 kB."""

    system: str
    method: str
    path: str
    query: str
    priority: str
    at: datetime
    request: str
    status: int | None
    excerpt: str
    seconds: float
    outcome: str


def unreadable(outgoing: Outgoing, answer: Answer, problem: str) -> WireError:
    """What a success means whose body is not JSON. Of a write nothing is known. A read has no answer where the body is
    blank, some proxy's page or cut short; one that arrived whole is the provider's own, and does not fit."""
    why, excerpt = f"status {answer.status} with a body that is not JSON: {problem}"[:300], answer.text[:EXCERPT]
    if outgoing.writes:
        return Uncertain(why, excerpt)
    whole = answer.body.strip()[:1] in {b"{", b"["} and answer.body.strip()[-1:] in {b"}", b"]"}
    return UnfitAnswer(why, excerpt, {"": why}) if whole else NoAnswer(why, excerpt)


#: Whoever records calls: told once for every HTTP attempt, after it.
Observer = Callable[[Call], None]

#: Reads an answer: the parsed value, or one of the failures.
Judge = Callable[[Outgoing, Answer], Any]


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Caller:
    """The line to one system. Deadlines are in seconds for a whole call; `secrets` are blotted out of every record."""

    system: str
    base_url: str
    headers: Mapping[str, str] = field(repr=False)
    http: Http
    gate: Gate
    judge: Judge
    observe: Observer | None = None
    clock: Callable[[], datetime] = _now
    read_deadline: float = 30.0
    write_deadline: float = 30.0
    patience: float = 5.0
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        self._carrier = Carrier(self.http, self.base_url, self.headers)

    def send(self, outgoing: Outgoing, read: Callable[[Any], T]) -> T:
        """Make one call, judge its answer and turn it into a value with `read` (which may raise SchemaInvalidError).

        Raises QuotaWait or QuotaUnavailable before anything is sent, else one of the failures of this module.
        """
        deadline = self.write_deadline if outgoing.writes else self.read_deadline
        # Before slot and deadline: neither may run out while the first client of a process is made.
        self.http.client(writes=outgoing.writes)
        slot = self.gate.acquire(outgoing.priority, self.patience, deadline)
        at, started = self.clock(), time.monotonic()
        answer: Answer | None = None
        outcome = "interrupted"
        try:
            answer = self._carrier.carry(outgoing, deadline)
            value = self._read(outgoing, answer, read)
            outcome = "ok"
            return value
        except WireError as failure:
            self._scrub(failure)
            outcome = failure.outcome
            if isinstance(failure, Throttled):
                failure.retry_after = self.gate.hold(failure.retry_after or None)
            raise
        finally:
            # A call without an answer may still be on its way: its slot keeps the later stamp.
            if answer is not None or outcome == "not_sent":
                slot.arrived(answered=outcome != "throttled")
            self._tell(outgoing, answer, outcome, at, time.monotonic() - started)

    def _read(self, outgoing: Outgoing, answer: Answer, read: Callable[[Any], T]) -> T:
        try:
            return read(self.judge(outgoing, answer))
        except SchemaInvalidError as problem:
            why = f"the answer is not what {outgoing.path} gives: {problem}"[:500]
            if outgoing.writes:
                raise Uncertain(why, answer.text[:EXCERPT]) from None
            raise UnfitAnswer(why, answer.text[:EXCERPT], problem.errors) from None

    def _scrub(self, failure: WireError) -> None:
        failure.body_excerpt = scrubbed(failure.body_excerpt, self.secrets)[:EXCERPT]
        failure.why = scrubbed(failure.why, self.secrets)
        failure.args = (failure.why,)
        if isinstance(failure, Rejected | MadeWithErrors):
            failure.problems = tuple(scrubbed(problem, self.secrets) for problem in failure.problems)

    def _tell(self, outgoing: Outgoing, answer: Answer | None, outcome: str, at: datetime, seconds: float) -> None:
        if self.observe is None:
            return
        request = "" if outgoing.secret_body else (outgoing.body or b"").decode()
        # A read that worked is full of shoppers' data and explains nothing; its excerpt is left out.
        telling = answer is not None and (outgoing.writes or outcome != "ok") and not outgoing.secret_body
        self.observe(
            Call(
                system=self.system,
                method=outgoing.method,
                path=outgoing.path,
                query=scrubbed(str(httpx.QueryParams(list(outgoing.params))), self.secrets),
                priority=outgoing.priority.value,
                at=at,
                request=scrubbed(request, self.secrets),
                status=answer.status if answer else None,
                excerpt=scrubbed(answer.text[: 2 * EXCERPT], self.secrets)[:EXCERPT] if answer and telling else "",
                seconds=round(seconds, 4),
                outcome=outcome,
            )
        )
