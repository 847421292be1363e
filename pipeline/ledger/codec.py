"""Values to JSON and back, exactly: decimals as digits, times as ISO text, an action with its name."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeVar

import cattrs
from cattrs.preconf.json import make_converter

from schemas.actions import Action, Effect

T = TypeVar("T")


@lru_cache(maxsize=1)
def _converter() -> cattrs.Converter:
    converter = make_converter()
    converter.register_unstructure_hook(Decimal, lambda value: format(value, "f"))
    converter.register_structure_hook(Decimal, lambda value, _: Decimal(value))
    converter.register_unstructure_hook(datetime, datetime.isoformat)
    converter.register_structure_hook(datetime, lambda value, _: datetime.fromisoformat(value))
    converter.register_unstructure_hook(date, lambda value: value.isoformat())
    converter.register_structure_hook(date, lambda value, _: date.fromisoformat(value))
    return converter


def to_json(value: Any) -> Any:
    """Plain JSON data for a value; amounts are strings of digits."""
    return _converter().unstructure(value)


def from_json(kind: type[T], data: Any) -> T:
    """The value again. Raises cattrs errors where the data is not of this kind."""
    return _converter().structure(data, kind)


def action_to_json(action: Effect) -> dict[str, Any]:
    """An action with its name under "do"."""
    return {"do": type(action).__name__, **to_json(action)}


def action_from_json(data: dict[str, Any]) -> Action:
    """The action again. Raises KeyError for a name this version does not know."""
    kinds: dict[str, Any] = {kind.__name__: kind for kind in Action.__args__}
    return from_json(kinds[data["do"]], {k: v for k, v in data.items() if k != "do"})  # type: ignore[no-any-return]
