"""Settings of the practice world: how this particular tenant behaves where the real one is undocumented."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class Settings:
    """Named settings with a default and, where it matters, a closed list of values.

    Each system declares its own; a value outside the list or an unknown name is refused with the fix.
    """

    def __init__(self) -> None:
        self._defaults: dict[str, Any] = {}
        self._choices: dict[str, Sequence[Any]] = {}
        self._values: dict[str, Any] = {}

    def declare(self, name: str, default: Any, choices: Sequence[Any] = ()) -> None:
        """Add a setting; declaring it again changes nothing that was set."""
        self._defaults.setdefault(name, default)
        self._choices.setdefault(name, choices)

    def set_default(self, name: str, default: Any) -> None:
        """Give a declared setting another default, which `reset` then goes back to."""
        self._defaults[name] = default

    def __getitem__(self, name: str) -> Any:
        return self._values.get(name, self._defaults[name])

    def patch(self, changes: Mapping[str, Any]) -> None:
        """Change settings, all or none.

        Raises ValueError that names the setting and what it may be.
        """
        for name, value in changes.items():
            if name not in self._defaults:
                raise ValueError(f"settings.{name} is unknown; known: {', '.join(sorted(self._defaults))}")
            choices = self._choices[name]
            if choices and value not in choices:
                raise ValueError(f"settings.{name} is {value!r}; use one of {', '.join(map(repr, choices))}")
        self._values.update(changes)

    def reset(self) -> None:
        """Go back to the defaults."""
        self._values.clear()

    def as_dict(self) -> dict[str, Any]:
        """Return every setting with its present value."""
        return {name: self[name] for name in sorted(self._defaults)}
