from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from pipeline.calls.call import Answer, Outgoing
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
from pipeline.calls.quota import Priority
from pipeline.cin7.answers import judge, problems

READ = Outgoing("GET", "sale", Priority.MONEY)
WRITE = Outgoing("POST", "sale/creditnote", Priority.MONEY)
NO_PLACE = "Location 'Quarantine' was not found in Locations reference book"
TASK = "5c5c5c5c-0000-4000-8000-000000000009"


def answer(status: int, body: Any, **headers: str) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, httpx.Headers({name.replace("_", "-"): text for name, text in headers.items()}), raw)


def failure(outgoing: Outgoing, told: Answer) -> WireError:
    with pytest.raises(WireError) as caught:
        judge(outgoing, told)
    return caught.value


@pytest.mark.parametrize(
    "body",
    [
        [{"ErrorCode": 400, "Exception": NO_PLACE}],
        {"ErrorCode": 400, "Exception": f"  {NO_PLACE}\n"},
        {"Message": NO_PLACE},
        {"ExceptionMessage": NO_PLACE},
        {"Error": NO_PLACE},
        NO_PLACE,
        NO_PLACE.encode(),
    ],
)
@pytest.mark.parametrize("outgoing", [READ, WRITE])
def test_a_refusal_is_read_from_every_shape_of_error_body(outgoing: Outgoing, body: Any) -> None:
    refusal = failure(outgoing, answer(400, body))
    assert isinstance(refusal, Rejected)
    assert refusal.problems == (NO_PLACE,)


def test_all_the_problems_of_one_answer_are_kept() -> None:
    told = [{"ErrorCode": 400, "Exception": "Tax"}, {"ErrorCode": 404, "Exception": "Category not found."}]
    assert problems(told) == ("Tax", "Category not found.")


@pytest.mark.parametrize("body", [b"", b"<html>WAF</html>", {}, [], None, b'{"Exception": "cut'])
def test_a_refusal_nobody_can_read_leaves_a_write_open(body: Any) -> None:
    assert type(failure(WRITE, answer(400, body))) is Uncertain
    assert type(failure(READ, answer(400, body))) is Unavailable


@pytest.mark.parametrize("outgoing", [READ, WRITE])
@pytest.mark.parametrize("status", [401, 403])
def test_wrong_keys_stop_everything(outgoing: Outgoing, status: int) -> None:
    assert type(failure(outgoing, answer(status, "Incorrect credentials!"))) is CredentialsRejected


@pytest.mark.parametrize("told", [answer(404, b""), answer(400, [{"ErrorCode": 404, "Exception": "Sale not found"}])])
def test_a_document_that_does_not_exist_is_not_found(told: Answer) -> None:
    assert type(failure(READ, told)) is NotFound


def test_a_reference_that_does_not_exist_refuses_a_write() -> None:
    assert type(failure(WRITE, answer(400, [{"ErrorCode": 404, "Exception": "Category not found."}]))) is Rejected


@pytest.mark.parametrize("body", [[{"ErrorCode": 400, "Exception": "no"}], {"ErrorCode": 400}, {"Message": "no"}])
def test_an_error_inside_a_200_is_a_refusal(body: Any) -> None:
    assert type(failure(WRITE, answer(200, body))) is Rejected


def test_a_task_made_with_errors_exists_and_must_be_looked_at() -> None:
    made = failure(WRITE, answer(200, {"TaskID": TASK.upper(), "Errors": ["Not enough stock"]}))
    assert isinstance(made, MadeWithErrors)
    assert isinstance(made, Uncertain)
    assert (made.task_id, made.problems) == (TASK, ("Not enough stock",))


def test_errors_without_a_task_are_a_refusal() -> None:
    zero = "00000000-0000-0000-0000-000000000000"
    assert type(failure(WRITE, answer(200, {"TaskID": zero, "Errors": [{"Exception": "no"}]}))) is Rejected


def test_an_empty_list_of_errors_is_a_success() -> None:
    assert judge(WRITE, answer(200, {"TaskID": TASK, "Errors": []})) == {"TaskID": TASK, "Errors": []}


def test_a_memo_that_quotes_the_limit_is_not_a_throttle() -> None:
    body = {"CreditNotes": [{"Memo": "You have reached 60 calls per 60 seconds API limit."}]}
    assert judge(READ, answer(200, body)) == body


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("60 Seconds", 60), ("30 sec", 30), ("31", 31), ("soon", 0), ("", 0), ("86400", 120)],
)
def test_retry_after_is_read_as_cin7_writes_it(header: str, seconds: float) -> None:
    refusal = failure(READ, answer(429, b"You have reached 60 calls per 60 seconds API limit.", Retry_After=header))
    assert isinstance(refusal, Throttled)
    assert refusal.retry_after == seconds


def test_a_plain_503_does_not_prove_that_a_write_was_not_executed() -> None:
    assert type(failure(WRITE, answer(503, b"Service Unavailable"))) is Uncertain
