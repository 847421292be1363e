"""Believing Cin7 Core: HTTP 200 proves nothing, and an error may come in any shape (measured by integrators)."""

from __future__ import annotations

import re
from typing import Any

from pipeline.calls.call import EXCERPT, Answer, Outgoing, unreadable
from pipeline.calls.failures import (
    CredentialsRejected,
    MadeWithErrors,
    NotFound,
    Rejected,
    Throttled,
    Unavailable,
    Uncertain,
    WireError,
)
from schemas.json.fields import SchemaInvalidError, parse

#: The refusal for the quota; its status may be 429, 503, 400 or 500 (measured by integrators).
LIMIT_TEXT = re.compile(r"\d+ calls per \d+ seconds", re.IGNORECASE)
LONGEST_HOLD = 120.0
_TEXT_KEYS = ("Exception", "ExceptionMessage", "Message", "Error", "ErrorMessage", "message", "error")
#: Statuses that say nothing about whether a write happened.
_OPEN_STATUSES = frozenset({408, 425})


def judge(outgoing: Outgoing, answer: Answer) -> Any:
    """The parsed body of a believable answer. Raises one of the failures, the milder ones only for reads."""
    try:
        value = None if _is_html(answer) else parse(answer.body, unique_keys=False)
        problem = "an HTML page" if _is_html(answer) else ""
    except SchemaInvalidError as error:
        value, problem = None, str(error)
    if 200 <= answer.status < 300:
        return _believe(outgoing, answer, value, problem)
    raise _refusal(outgoing, answer, value, problem)


def problems(value: Any) -> tuple[str, ...]:
    """The provider's complaints in a parsed error body: a list, an object, a bare text."""
    if isinstance(value, list):
        return tuple(text for entry in value for text in problems(entry))
    if isinstance(value, dict):
        found = next((value[key] for key in _TEXT_KEYS if isinstance(value.get(key), str) and value[key].strip()), None)
        return (" ".join(str(found).split()),) if found else ()
    if isinstance(value, str) and value.strip():
        return (" ".join(value.split()),)
    return ()


def retry_after(answer: Answer) -> float:
    """The seconds a refusal asks for: the first whole number of Retry-After ("60 Seconds"), 0 where there is none."""
    found = re.search(r"\d+", answer.headers.get("retry-after", ""))
    return min(float(found.group()), LONGEST_HOLD) if found else 0.0


def _believe(outgoing: Outgoing, answer: Answer, value: Any, problem: str) -> Any:
    if problem:
        if not answer.text.lstrip().startswith(("{", "[", "<")) and LIMIT_TEXT.search(answer.text):
            raise Throttled(retry_after(answer))
        raise unreadable(outgoing, answer, problem)
    if _is_error(value):
        told = problems(value)
        if LIMIT_TEXT.search(" ".join(told)):
            raise Throttled(retry_after(answer))
        raise Rejected(answer.status, told or ("an error without text",), answer.text[:EXCERPT])
    if isinstance(value, dict) and value.get("Errors"):
        raise _made_with_errors(outgoing, answer, value)
    return value


def _is_error(value: Any) -> bool:
    first = value[0] if isinstance(value, list) and value else value
    if not isinstance(first, dict) or not first:
        return False
    return "ErrorCode" in first or set(first) <= {"Exception", "Message"}


def _made_with_errors(outgoing: Outgoing, answer: Answer, value: dict[str, Any]) -> WireError:
    told = problems(value["Errors"]) or ("an error without text",)
    task_id = value.get("TaskID")
    if outgoing.writes and isinstance(task_id, str) and task_id.strip("0-"):
        return MadeWithErrors(task_id.lower(), told, answer.text[:EXCERPT])
    return Rejected(answer.status, told, answer.text[:EXCERPT])


def _refusal(outgoing: Outgoing, answer: Answer, value: Any, problem: str) -> WireError:
    status, excerpt = answer.status, answer.text[:EXCERPT]
    if status == 429 or LIMIT_TEXT.search(answer.text):
        return Throttled(retry_after(answer))
    if status in {401, 403}:
        return CredentialsRejected(f"status {status}: the account id or application key is not accepted", excerpt)
    if status < 400 or status >= 500 or status in _OPEN_STATUSES:
        return _no_verdict(outgoing, f"status {status}", excerpt)
    told = _told(answer, value, problem)
    # A page with 404 is a gateway's: Cin7 says in JSON which document it does not know.
    if status == 404 and not outgoing.writes and not _is_html(answer):
        return NotFound("; ".join(told)[:500] or "no such document", excerpt)
    if not outgoing.writes and _codes(value) == {"404"}:
        return NotFound("; ".join(told)[:500], excerpt)
    if not told:
        return _no_verdict(outgoing, f"status {status} without a readable reason", excerpt)
    return Rejected(status, told, excerpt)


def _codes(value: Any) -> set[str]:
    """The ErrorCodes of a body; they need not equal the HTTP status (measured by integrators)."""
    entries = value if isinstance(value, list) else [value]
    return {str(entry.get("ErrorCode")) for entry in entries if isinstance(entry, dict)}


def _told(answer: Answer, value: Any, problem: str) -> tuple[str, ...]:
    if problem and not _is_html(answer):
        text = " ".join(answer.text.split())
        return () if text[:1] in {"{", "["} else problems(text[:500])
    return problems(value)


def _no_verdict(outgoing: Outgoing, why: str, excerpt: str) -> WireError:
    return Uncertain(why, excerpt) if outgoing.writes else Unavailable(why, excerpt)


def _is_html(answer: Answer) -> bool:
    return answer.body.lstrip()[:1] == b"<"
