"""Standard Webhooks signatures over raw bytes: several secrets, several signatures, five minutes of tolerance."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

TOLERANCE = timedelta(minutes=5)
_LONGEST_HEADER = 4096
_MOST_SIGNATURES = 16
_SECRET_BYTES = range(24, 65)


class SignatureError(ValueError):
    """The signature, its timestamp or its id is missing, malformed, too old, or made with another secret."""


@lru_cache(maxsize=1024)
def secret_bytes(secret: str) -> bytes:
    """Decode a `whsec_` secret (base64 of 24 to 64 bytes, per Standard Webhooks 1.0.0).

    Raises ValueError naming the fix when the secret is not in that form; the secret itself is never in the text.
    """
    try:
        raw = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("hmac secret: not base64; use whsec_ followed by base64 of 24 to 64 random bytes") from None
    if len(raw) not in _SECRET_BYTES:
        raise ValueError(f"hmac secret: {len(raw)} bytes; use whsec_ followed by base64 of 24 to 64 random bytes")
    return raw


def sign(secret: str, message_id: str, moment: datetime, body: bytes) -> str:
    """The `webhook-signature` value (`v1,<base64>`) of one body sent at an aware moment."""
    return "v1," + _digest(secret_bytes(secret), message_id, str(int(moment.timestamp())), body)


def verify(
    secrets: Iterable[str],
    *,
    message_id: str,
    timestamp: str,
    signatures: str,
    body: bytes,
    now: datetime,
    tolerance: timedelta = TOLERANCE,
) -> None:
    """Accept the body when any `v1` signature matches any secret and the timestamp lies within the tolerance of now.

    Every pair is compared in constant time, so the time taken does not tell which secret nearly matched.
    Raises SignatureError with the reason, never with the secret or the expected value.
    """
    if not message_id or not timestamp or not signatures:
        raise SignatureError("webhook-id, webhook-timestamp and webhook-signature are all needed")
    _check_age(timestamp, now, tolerance)
    offered = _offered(signatures)
    matched = False
    for secret in secrets:
        expected = _digest(secret_bytes(secret), message_id, timestamp, body).encode()
        for candidate in offered:
            matched |= hmac.compare_digest(candidate, expected)
    if not matched:
        raise SignatureError("no signature matches a secret of this shop")


def _check_age(timestamp: str, now: datetime, tolerance: timedelta) -> None:
    # isdecimal alone would let other scripts' digits through to int().
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 12):
        raise SignatureError("webhook-timestamp is not whole seconds since 1970")
    try:
        sent = datetime.fromtimestamp(int(timestamp), UTC)
    except (OverflowError, ValueError, OSError):
        raise SignatureError("webhook-timestamp is out of range") from None
    if abs(now - sent) > tolerance:
        raise SignatureError("webhook-timestamp is outside the tolerance")


def _offered(signatures: str) -> list[bytes]:
    if len(signatures) > _LONGEST_HEADER:
        raise SignatureError("webhook-signature is too long")
    parts = signatures.split(" ")
    if len(parts) > _MOST_SIGNATURES:
        raise SignatureError("webhook-signature holds too many signatures")
    return [part[3:].encode("utf-8", "replace") for part in parts if part.startswith("v1,")]


def _digest(secret: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    signed = f"{message_id}.{timestamp}.".encode("utf-8", "surrogateescape") + body
    return base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
