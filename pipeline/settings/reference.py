"""The reference page and the editor's JSON schema, both made from the declared keys."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from datetime import time
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

from marshmallow import Schema, fields, validate

from pipeline.settings.environment import GLOBAL_VARIABLES, SHOP_VARIABLES
from pipeline.settings.fields import Clock, Day, Form, Many, Named, OneOf, Seconds
from pipeline.settings.forms import SettingsForm

ROOT = Path(__file__).parents[2]
PAGE, SCHEMA = Path("docs/settings.md"), Path("docs/returnline.schema.json")
_HEAD = """# Settings

Every key of `returnline.toml`. This page is made from the declarations: `python -m pipeline.settings.reference`.
A variable goes over the file; NAME_FILE holds the path of a file with the value. A secret belongs in
neither the file nor a log. `NAME` is the shop's name; in a variable it stands in capitals, with `_` for all but letters
and digits.
"""
_TYPES: tuple[tuple[type[fields.Field[Any]], str, dict[str, Any]], ...] = (
    (Seconds, "seconds", {"type": "number"}),
    (fields.Integer, "whole number", {"type": "integer"}),
    (fields.Boolean, "true or false", {"type": "boolean"}),
    (fields.Decimal, "amount", {"type": ["string", "number"]}),
    (Day, "date", {}),
    (Clock, "time of day", {}),
)


def reference() -> str:
    """The reference page, Markdown: a table of keys for each table of the file."""
    return _HEAD + "".join(_tables(SettingsForm(), ""))


def json_schema() -> str:
    """The settings file as JSON Schema (draft 7, which TOML editors read). Secrets are not required: they may come from
    the environment."""
    head = {"$schema": "http://json-schema.org/draft-07/schema#", "title": "returnline.toml"}
    return json.dumps(head | _object(SettingsForm()), indent=2, ensure_ascii=False) + "\n"


def _tables(form: Schema, at: str) -> Iterator[str]:
    keys = [name for name, field in form.fields.items() if not inner_form(field)]
    if keys:
        yield f"\n## {f'`[{at}]`' if at else 'At the top'}\n\n| Key | Type | Default | Meaning |\n|---|---|---|---|\n"
        yield from (_row(form, name, at) for name in keys)
    for name, field in form.fields.items():
        inner = inner_form(field)
        if inner is not None:
            below = f"{at}.{name}".lstrip(".")
            yield from _tables(inner, below + (f".{'NAME' if name == 'shops' else 'KIND'}" * isinstance(field, Named)))


def _row(form: Schema, name: str, at: str) -> str:
    field = form.fields[name]
    default = "required" if field.required else _written(_default(form, name))
    variable = _variable(f"{at}.{name}".lstrip("."))
    more = " Secret." * field.metadata["secret"] + f" Variable `{variable}`." * bool(variable)
    return f"| `{name}` | {_type(field)} | {default} | {field.metadata['help']}{more} |\n"


def _variable(path: str) -> str:
    inside = path.removeprefix("shops.NAME.")
    if inside != path:
        return f"RETURNLINE_NAME_{SHOP_VARIABLES[inside]}" if inside in SHOP_VARIABLES else ""
    return next((name for name, key in GLOBAL_VARIABLES.items() if key == path), "")


def inner_form(field: Any) -> Schema | None:
    """The form of the table, or of each of the tables, that this key holds; None for a plain value."""
    if isinstance(field, fields.Nested):
        return field.schema
    inner = getattr(field, "inner", None)
    return inner if isinstance(inner, Schema) or inner is None else inner_form(inner)


def _type(field: Any) -> str:
    if isinstance(field, OneOf):
        return ", ".join(f"`{choice}`" for choice in field.choices if choice)
    if isinstance(field, Many):
        return f"list of {_type(field.inner)}"
    if isinstance(field, Named):
        return f"table of {_type(field.inner)}"
    said = next((said for kind, said, _ in _TYPES if isinstance(field, kind)), "text")
    bounds = _bounds(field)
    return f"{said}, {bounds[0]:,} to {bounds[1]:,}" if bounds and said == "whole number" else said


def _bounds(field: Any) -> tuple[Any, Any] | None:
    return next(((check.min, check.max) for check in field.validators if isinstance(check, validate.Range)), None)


def _default(form: Schema, name: str) -> Any:
    builds = form.builds if isinstance(form, Form) else type(form)
    own = next(field for field in dataclasses.fields(builds) if field.name == name)
    if own.default_factory is not dataclasses.MISSING:
        return own.default_factory()
    return None if own.default is dataclasses.MISSING else own.default


def _written(value: Any) -> str:
    if value is None or value in ("", (), {}):
        return ""
    if isinstance(value, tuple):
        return "`[" + ", ".join(_written(part).strip("`") for part in value) + "]`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, float):
        return f"`{int(value) if value.is_integer() else value}`"
    plain = isinstance(value, int | time)
    return f"`{value}`" if plain else f'`"{value.value if isinstance(value, Enum) else value}"`'


def _object(form: Schema) -> dict[str, Any]:
    inner = {name: _property(form, name) for name in form.fields}
    needed = [n for n, f in form.fields.items() if f.required and not isinstance(f, fields.Nested)]
    required = [name for name in needed if not form.fields[name].metadata["secret"]]
    shape: dict[str, Any] = {"type": "object", "additionalProperties": False, "properties": inner}
    return shape | ({"required": required} if required else {})


def _property(form: Schema, name: str) -> dict[str, Any]:
    field = form.fields[name]
    shape = {"description": field.metadata["help"], **_shape(field)}
    default = None if field.required or inner_form(field) else _default(form, name)
    if isinstance(default, Decimal):
        default = str(default)
    return shape | ({"default": default} if isinstance(default, str | int | float) and default != "" else {})


def _shape(field: Any) -> dict[str, Any]:
    if isinstance(field, Schema):
        return _object(field)
    if isinstance(field, fields.Nested):
        return _object(field.schema)
    if isinstance(field, Many):
        return {"type": "array", "items": _shape(field.inner)}
    if isinstance(field, Named):
        return {"type": "object", "additionalProperties": _shape(field.inner)}
    if isinstance(field, OneOf):
        return {"enum": list(field.choices)}
    shape = next((dict(shape) for kind, _, shape in _TYPES if isinstance(field, kind)), {"type": "string"})
    bounds = _bounds(field)
    return shape | ({"minimum": bounds[0], "maximum": bounds[1]} if bounds and shape["type"] == "integer" else {})


if __name__ == "__main__":
    for path, made in ((PAGE, reference()), (SCHEMA, json_schema())):
        (ROOT / path).write_text(made, encoding="utf-8")
