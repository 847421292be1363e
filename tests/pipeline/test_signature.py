"""Standard Webhooks: which signatures open the door."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.signature import SignatureError, secret_bytes, sign, verify

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
NEXT = "whsec_" + base64.b64encode(b"n" * 32).decode()
BODY = b'{"rma":"R-1"}'


def check(signatures: str, *, secrets: tuple[str, ...] = (SECRET,), at: datetime = NOW, body: bytes = BODY) -> None:
    timestamp = str(int(at.timestamp()))
    verify(secrets, message_id="msg_1", timestamp=timestamp, signatures=signatures, body=body, now=NOW)


def test_the_published_example_of_the_standard_verifies() -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    moment = datetime.fromtimestamp(1614265330, UTC)
    signature = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", moment, b'{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_body_signed_with_the_shops_secret_is_accepted() -> None:
    check(sign(SECRET, "msg_1", NOW, BODY))


def test_while_a_secret_is_rotated_both_secrets_are_good() -> None:
    for secret in (SECRET, NEXT):
        check(sign(secret, "msg_1", NOW, BODY), secrets=(NEXT, SECRET))


def test_one_good_signature_among_several_is_enough() -> None:
    check("v1a,AAAA v1,AAAA " + sign(SECRET, "msg_1", NOW, BODY))


def test_a_changed_body_is_refused() -> None:
    with pytest.raises(SignatureError, match="no signature matches"):
        check(sign(SECRET, "msg_1", NOW, BODY), body=BODY + b" ")


def test_another_secret_is_refused() -> None:
    with pytest.raises(SignatureError, match="no signature matches"):
        check(sign(NEXT, "msg_1", NOW, BODY))


@pytest.mark.parametrize("minutes", [-10, -6, 6, 10])
def test_a_signature_from_outside_five_minutes_is_refused(minutes: int) -> None:
    at = NOW + timedelta(minutes=minutes)
    with pytest.raises(SignatureError, match="outside the tolerance"):
        check(sign(SECRET, "msg_1", at, BODY), at=at)


@pytest.mark.parametrize("minutes", [-5, 5])
def test_a_clock_five_minutes_off_is_forgiven(minutes: int) -> None:
    at = NOW + timedelta(minutes=minutes)
    check(sign(SECRET, "msg_1", at, BODY), at=at)


@pytest.mark.parametrize("timestamp", ["", "soon", "1.5", "-1", "１７", "9" * 12, "1e9", " 1"])
def test_a_timestamp_that_is_not_seconds_is_refused(timestamp: str) -> None:
    with pytest.raises(SignatureError):
        verify((SECRET,), message_id="m", timestamp=timestamp, signatures="v1,AAAA", body=BODY, now=NOW)


@pytest.mark.parametrize("signatures", ["", "v1", "v1,", "v2,AAAA", "AAAA", "v1," + "A" * 5000, "v1,é", "v1,A " * 40])
def test_a_malformed_signature_header_is_refused(signatures: str) -> None:
    with pytest.raises(SignatureError):
        check(signatures)


@given(st.text(max_size=60), st.text(max_size=30), st.text(max_size=60), st.binary(max_size=60))
def test_no_header_text_breaks_the_check(message_id: str, timestamp: str, signatures: str, body: bytes) -> None:
    with pytest.raises(SignatureError):
        verify((SECRET,), message_id=message_id, timestamp=timestamp, signatures=signatures, body=body, now=NOW)


@pytest.mark.parametrize("secret", ["whsec_not base64!", "whsec_" + base64.b64encode(b"short").decode(), ""])
def test_an_unusable_secret_says_what_to_use_and_does_not_show_itself(secret: str) -> None:
    with pytest.raises(ValueError, match="use whsec_ followed by base64") as caught:
        secret_bytes(secret)
    assert not secret or secret not in str(caught.value)
