"""The words of providers: whatever case and spacing they come in, they leave here in one spelling.

A word nobody taught us keeps its own spelling, so that a decision can stop at it and name it.
"""

from __future__ import annotations

from collections.abc import Mapping


def plain(word: str) -> str:
    """What is compared of a word: its letters and digits, without case ("NOT_AVAILABLE" is "Not available")."""
    return "".join(letter for letter in word.casefold() if letter.isalnum())


class Words:
    """The words of one field in the provider's own spelling; `also` gives other words for them, by the word meant."""

    def __init__(self, *known: str, also: Mapping[str, str] | None = None) -> None:
        others = {plain(other): meant for other, meant in (also or {}).items()}
        self._spelling = others | {plain(word): word for word in known}

    def spelled(self, word: str) -> str:
        """The word as it is compared everywhere; an unknown one as it came, without surrounding space."""
        return self._spelling.get(plain(word), word.strip())

    def __contains__(self, word: str) -> bool:
        return plain(word) in self._spelling

    def knows(self, word: str) -> bool:
        """Whether the word says something we understand; saying nothing is no word."""
        return not word.strip() or word in self
