"""What of a readable webhook body is kept as evidence: its shape, and the values that can only be ids, events or times.

Nobody publishes what ReturnGO's webhooks hold, so what names a shopper cannot be listed; what may stay can.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from schemas.json.fields import SchemaInvalidError, dumps, parse

#: Keys whose values are one of a few words.
_WORD_KEY = re.compile(r"^(event|eventname|eventtype|topic|status|type|kind)$|status$", re.IGNORECASE)
#: Keys whose values say which thing, when or how many: they stay when there is a digit in them.
_ID_KEY = re.compile(
    r"^(rma|return|shipment|transaction|available|onhand|allocated|onorder)$|(id|ids|number|sku|date|time|at|quantity)$",
    re.IGNORECASE,
)
#: Keys that end like those and still hold a person.
_NEVER = re.compile(
    r"phone|mobile|tel|mail|customer|user|contact|shopper|buyer|name|street|house|address|birth|dob|passport|licen"
    r"|account|card|bank|iban|tax|vat|ssn|device|^ip",
    re.IGNORECASE,
)
_WORDS = re.compile(r"[A-Za-z][A-Za-z0-9_./-]{0,63}")
_IDS = re.compile(r"(?=[^0-9]*[0-9])[A-Za-z0-9#][A-Za-z0-9_.:/#+-]{0,63}")
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,39}")
_MOST_ROWS, _MOST_KEYS = 20, 50


def outline(body: bytes) -> bytes:
    """The body itself where nothing in it could name anybody; else its outline as JSON.

    In the outline every other value is replaced by its kind and size, and lists are cut at 20 entries. A body that is
    no JSON gives `b""`: it belongs to the dead letters, whole.
    """
    try:
        whole = parse(body, unique_keys=False)
    except SchemaInvalidError:
        return b""
    told = _outlined(whole, "", personal=False)
    # Of a key that came twice only the last was looked at.
    return body if told == whole and body.count(b":") == dumps(whole).count(b":") else dumps(told)


def _outlined(value: Any, key: str, *, personal: bool) -> Any:
    """`personal` is whether an object around it is about a person: then not even an id stays."""
    if isinstance(value, dict):
        items = list(value.items())
        shown = {_shown(k): _outlined(v, k, personal=personal or _person(k)) for k, v in items[:_MOST_KEYS]}
        return shown | ({"...": len(items) - _MOST_KEYS} if len(items) > _MOST_KEYS else {})
    if isinstance(value, list):
        rows = [_outlined(entry, key, personal=personal) for entry in value[:_MOST_ROWS]]
        return [*rows, f"{len(value) - _MOST_ROWS} more"] if len(value) > _MOST_ROWS else rows
    if value is None or isinstance(value, bool) or (not personal and _may_stay(key, value)):
        return value
    return f"text of {len(value)}" if isinstance(value, str) else "number"


def _may_stay(key: str, value: str | int | Decimal) -> bool:
    plain, text = _plain(key), str(value)
    if _WORD_KEY.search(plain):
        return bool(_WORDS.fullmatch(text))
    return bool(_ID_KEY.search(plain)) and bool(_IDS.fullmatch(text))


def _person(key: str) -> bool:
    """Whether what stands under this key may be about a person; an event's name and type are not."""
    plain = _plain(key)
    return bool(_NEVER.search(plain)) and not _WORD_KEY.search(plain)


def _plain(key: str) -> str:
    return key.replace("_", "").replace("-", "")


def _shown(key: str) -> str:
    """A key may be data itself, an e-mail address for one."""
    return key if _KEY.fullmatch(key) else f"key of {len(key)}"
