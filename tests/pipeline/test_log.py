"""Logs that anybody may read: no secret, no shopper, one line per thing that happened."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from pipeline import log
from pipeline.log import HIDDEN, Redaction

REDACT = Redaction(["cin7-key-of-alder", "abc"])


@pytest.fixture
def _logging_put_back() -> Iterator[None]:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    yield
    root.handlers[:], level = before
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize(
    "text",
    [
        "sent with cin7-key-of-alder",
        "redis://:p4ssword@127.0.0.1:6379/0 refused",
        "POST /hooks/cin7/alder/hook-token-0001/Sale/Voided",
        "customer jane.doe+x@example.co.uk wrote",
        "POST /hooks/returngo/alder/hook-token-0001 HTTP/1.1",
    ],
)
def test_secrets_and_shoppers_are_hidden_wherever_they_stand_in_a_text(text: str) -> None:
    clean = REDACT.text(text)

    assert HIDDEN in clean
    assert not any(part in clean for part in ("cin7-key", "p4ssword", "hook-token", "jane"))


@pytest.mark.parametrize(
    "key", ["api_key", "X-API-KEY", "api-auth-applicationkey", "Authorization", "customerEmail", "phone", "hmac_secret"]
)
def test_a_value_under_a_telling_key_is_hidden_whatever_it_is(key: str) -> None:
    assert REDACT.clean({"body": [{key: "anything at all"}]}) == {"body": [{key: HIDDEN}]}


def test_what_finance_needs_is_not_hidden() -> None:
    line = {
        "rma": "RMA5550001",
        "order": "#1001",
        "sku": "TEE-BLK-M",
        "net": "41.67",
        "sale_id": "0a1b2c3d-1111-4222-8333-444455556666",
    }

    assert REDACT.clean(line) == line


def test_a_very_short_setting_does_not_blank_the_log() -> None:
    assert REDACT.text("abc of returns") == "abc of returns"


@pytest.mark.usefixtures("_logging_put_back")
def test_each_thing_is_one_json_line_with_its_role(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("info", ["the-secret"], role="sweep", console=False)

    structlog.get_logger().info("settled", rma="RMA1", note="with the-secret")

    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["rma"], line["role"], line["note"]) == ("settled", "RMA1", "sweep", f"with {HIDDEN}")


@pytest.mark.usefixtures("_logging_put_back")
def test_an_error_of_a_library_goes_through_the_same_redaction(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("info", ["the-secret"], console=False)

    logging.getLogger("some.library").error("call failed", exc_info=ValueError("refused the-secret"))

    line = capsys.readouterr().err
    assert "the-secret" not in line
    assert json.loads(line)["level"] == "error"


@pytest.mark.usefixtures("_logging_put_back")
def test_what_is_below_the_level_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("warning", console=False)

    structlog.get_logger().info("chatter")
    logging.getLogger("some.library").info("chatter")

    assert capsys.readouterr().err == ""


def test_without_a_dsn_no_error_report_leaves_the_machine() -> None:
    assert log.start_sentry("") is False


def test_an_error_report_leaves_without_secrets_and_shoppers() -> None:
    event = {
        "exception": {"values": [{"type": "ValueError", "value": "refused cin7-key-of-alder for jane@example.com"}]},
        "request": {"url": "https://h/hooks/returngo/alder/hook-token-0001", "headers": {"Authorization": "Bearer x"}},
        "tags": {"rma": "RMA1"},
    }

    sent = str(log.scrubber(["cin7-key-of-alder"])(event, {}))

    assert not any(secret in sent for secret in ("cin7-key", "jane", "hook-token", "Bearer x"))
    assert "RMA1" in sent
