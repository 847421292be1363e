"""Cells for spreadsheets: text from outside must not become a formula there."""

from __future__ import annotations

from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def safe(value: Any) -> str:
    """The cell's text; what a spreadsheet would compute gets an apostrophe in front. Numbers stay as they are."""
    if value is None:
        return ""
    text = str(value)
    number = text.lstrip("-").replace(".", "", 1).isdigit()
    return f"'{text}" if text.startswith(_FORMULA) and not number else text
