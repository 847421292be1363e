"""Ingress settings from a JSON document, for a supervisor that starts the ingress as its own process."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pipeline.ingress.settings import IngressSettings, ShopHooks

_T = TypeVar("_T")
_SHAPES: dict[str, type[tuple[Any, ...]] | type[frozenset[Any]]] = {
    "tokens": tuple,
    "bearer": tuple,
    "basic": tuple,
    "hmac_secrets": tuple,
    "sources": frozenset,
    "authorization_sources": frozenset,
    "signature_sources": frozenset,
}


def settings_from_json(text: str) -> IngressSettings:
    """Read settings as written by `settings_to_json`; raises ValueError or TypeError naming the field and the fix."""
    try:
        raw = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"settings: not JSON ({error.msg} at line {error.lineno}); give one JSON object") from None
    if not isinstance(raw, dict) or not isinstance(raw.get("shops"), dict):
        raise TypeError("shops: missing; give an object of shop name to its tokens")
    shops = {name: _build(ShopHooks, f"shops.{name}", _hooks(value)) for name, value in raw["shops"].items()}
    return _build(IngressSettings, "settings", {**raw, "shops": shops})


def settings_to_json(settings: IngressSettings) -> str:
    """Write settings, secrets included: hand the text over a pipe, never through a log, a file or an argument."""
    plain = {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)}
    plain["shops"] = {name: dataclasses.asdict(hooks) for name, hooks in settings.shops.items()}
    return json.dumps(plain, default=sorted)


def _hooks(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("shops: each shop is an object with tokens")
    fields: dict[str, Any] = dict(value)
    for name, shape in _SHAPES.items():
        if name not in fields:
            continue
        if not isinstance(fields[name], list):
            raise TypeError(f"{name}: not a list; write it in [brackets]")
        fields[name] = shape(map(tuple, fields[name]) if name == "basic" else fields[name])
    return fields


def _build(kind: type[_T], where: str, fields: Mapping[str, Any]) -> _T:
    known = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(fields) - known)
    if unknown:
        raise ValueError(f"{where}: unknown field {unknown[0]!r}; known are {', '.join(sorted(known))}")
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        needed = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if needed and field.name not in fields:
            raise ValueError(f"{where}.{field.name}: missing; add it")
    return kind(**fields)
