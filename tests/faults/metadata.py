"""What a fault test proves, written beside it: `docs/faults.md` is made from these marks."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Fault:
    """Numbers of the fault catalogue, how the fault is provoked, and what the user sees."""

    numbers: tuple[str, ...]
    provoked: str
    seen: str


def tell(what: str) -> None:
    """One line of the result of a fault test: its seed, its outcome."""
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def fault(numbers: str, provoked: str, seen: str) -> Callable[[F], F]:
    """Say which faults this test proves harmless. `numbers` are separated by spaces."""

    def mark(test: F) -> F:
        test.proves = [*getattr(test, "proves", []), Fault(tuple(numbers.split()), provoked, seen)]  # type: ignore[attr-defined]
        return test

    return mark
