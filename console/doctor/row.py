"""One finding of the doctor: a light, what it is about, and the fix."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Light(StrEnum):
    """Red stops the line or endangers money; amber is worth knowing; green is as it should be."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"


@dataclass(frozen=True, slots=True)
class Row:
    """One check: what was looked at, what was found, and the fix when it is not green."""

    light: Light
    check: str
    found: str
    fix: str = ""


def green(check: str, found: str) -> Row:
    """As it should be."""
    return Row(Light.GREEN, check, found)


def amber(check: str, found: str, fix: str) -> Row:
    """Worth knowing; the line runs."""
    return Row(Light.AMBER, check, found, fix)


def red(check: str, found: str, fix: str) -> Row:
    """The line must not run like this."""
    return Row(Light.RED, check, found, fix)
