"""Words of the practice APIs in another case, with spaces around them, or other words altogether: real ones change."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

SPELLINGS = ("own", "lower", "upper", "title", "spaced")
#: The keys that hold a word of the provider's own vocabulary.
_WORD_KEY = re.compile(r"(^|[a-z])(status|type)$|^(eventname|taxcalculation)$", re.IGNORECASE)


def respelled(content: Any, spelling: str, others: Mapping[str, str]) -> Any:
    """The same answer with every word exchanged as `others` says, then written as `spelling` says."""
    if spelling == "own" and not others:
        return content
    if isinstance(content, dict):
        return {key: _value(key, value, spelling, others) for key, value in content.items()}
    if isinstance(content, list):
        return [respelled(value, spelling, others) for value in content]
    return content


def _value(key: str, value: Any, spelling: str, others: Mapping[str, str]) -> Any:
    if isinstance(value, str) and value.strip() and _WORD_KEY.search(key):
        return _written(others.get(value, value), spelling)
    return respelled(value, spelling, others)


def _written(word: str, spelling: str) -> str:
    forms = {"lower": word.lower(), "upper": word.upper(), "title": word.title(), "spaced": f" {word}  "}
    return forms.get(spelling, word)
