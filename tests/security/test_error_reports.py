"""What leaves for Sentry when something breaks in the middle of a shopper's data."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import sentry_sdk

from pipeline.log import start_sentry
from tests.security.salting import SHOPPER, sentry_mailbox

KEY = "cin7-key-of-alder-0001"


@pytest.fixture
def letters() -> Iterator[list[bytes]]:
    with sentry_mailbox() as (dsn, kept):
        assert start_sentry(dsn, [KEY], role="worker")
        yield kept
        sentry_sdk.get_client().close(timeout=5)
        sentry_sdk.get_global_scope().set_client(None)


def sent(letters: list[bytes]) -> bytes:
    sentry_sdk.flush(timeout=10)
    assert letters, "nothing was reported"
    return b"".join(letters)


def break_down(customer: str, key: str) -> None:
    """Locals that hold everything."""
    body = {"customer": customer, "iban": SHOPPER["iban"], "key": key}
    raise ValueError(f"{len(body)} fields of {SHOPPER['mail']} were refused with {key}")


def test_a_crash_is_reported_without_locals_addresses_or_keys(letters: list[bytes]) -> None:
    try:
        break_down(SHOPPER["name"], KEY)
    except ValueError as error:
        sentry_sdk.capture_exception(error)
    report = sent(letters)
    assert b"break_down" in report
    for canary in (SHOPPER["name"], SHOPPER["mail"], SHOPPER["iban"], KEY):
        assert canary.encode() not in report


def test_a_logged_error_and_the_trail_before_it_are_scrubbed(letters: list[bytes]) -> None:
    logging.getLogger("some.library").warning("asking for %s with %s", SHOPPER["mail"], KEY)
    sentry_sdk.add_breadcrumb(message="POST /hooks/returngo/alder/hook-token-0001", data={"Authorization": KEY})
    logging.getLogger("some.library").error("refused", extra={"email": SHOPPER["mail"], "api_key": KEY})
    report = sent(letters)
    assert b"refused" in report
    for canary in (SHOPPER["mail"], KEY, "hook-token-0001"):
        assert canary.encode() not in report


def test_a_message_of_the_database_is_reported_without_what_it_quotes(letters: list[bytes]) -> None:
    logging.getLogger("sqlalchemy").error("(%s) [parameters: %r]", "IntegrityError", (SHOPPER["mail"], KEY))
    report = sent(letters)
    assert b"IntegrityError" in report
    assert SHOPPER["mail"].encode() not in report
    assert KEY.encode() not in report
