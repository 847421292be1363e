"""Writing JSON the way the real API does: odd number forms, dates with and without Z, three kinds of empty."""

from __future__ import annotations

import json
import re
import zlib
from datetime import date, datetime
from decimal import Decimal
from typing import Any

NUMBER = re.compile(rb'"\\u0001(-?[0-9.]+)"')
EMPTIES = (None, "", " ")


def mark(text: str) -> int:
    """Return a small number that is always the same for the same text: the seed of a field's oddity."""
    return zlib.crc32(text.encode())


def dumps(content: Any) -> bytes:
    """Serialise; each Decimal becomes a JSON number in one of the forms 30, 30.0, 30.0000, by its field's name."""
    return NUMBER.sub(rb"\1", json.dumps(_numbers(content, "")).encode())


def _numbers(content: Any, key: str) -> Any:
    if isinstance(content, dict):
        return {name: _numbers(value, name) for name, value in content.items()}
    if isinstance(content, list):
        return [_numbers(value, key) for value in content]
    return "\u0001" + number_form(content, key) if isinstance(content, Decimal) else content


def number_form(amount: Decimal, key: str) -> str:
    """Return the digits of a number: whole ones as 30, 30.0 or 30.0000, others without trailing zeros."""
    if amount == amount.to_integral_value():
        return f"{amount.to_integral_value():f}" + ("", ".0", ".0000")[mark(key) % 3]
    return f"{amount.normalize():f}"


def empty(owner: str, field: str) -> str | None:
    """Return null, "" or " ": the same field is empty in different ways on different records."""
    return EMPTIES[mark(owner + field) % 3]


def business_date(day: date | None, owner: str = "") -> str | None:
    """Return a company-local date as midnight, with a Z on some records and without on others."""
    if day is None:
        return None
    return f"{day:%Y-%m-%d}T00:00:00" + ("Z" if mark(owner) % 3 == 0 else "")


def stamp(moment: datetime) -> str:
    """Return a system timestamp: UTC with Z, two or three fraction digits, trailing zeros dropped."""
    digits = f"{moment.microsecond // 1000:03d}".rstrip("0")
    return f"{moment:%Y-%m-%dT%H:%M:%S}" + (f".{digits}" if digits else "") + "Z"


def long_stamp(moment: datetime) -> str:
    """Return a record timestamp with seven fraction digits."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06d}6Z"
