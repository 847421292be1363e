"""What settings are read with: fields that name the fix, forms that answer an unknown key with the nearest name."""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Iterator, Mapping
from datetime import date, time
from typing import Any, ClassVar
from urllib.parse import urlsplit

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, validate, validates_schema

MISSING = "missing"


class Form(Schema):
    """One table of the settings file. Every known key is a field; the values build the frozen class `builds`."""

    builds: ClassVar[type]

    class Meta:
        """Unknown keys are told apart below, so that each can carry a suggestion."""

        unknown = EXCLUDE

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def refuse_unknown_keys(self, _data: object, original: Mapping[str, object], **_: object) -> None:
        """Adds one problem for each key that no field reads."""
        if not isinstance(original, Mapping):
            return  # not a table: the form has said so already
        unknown = {str(key): [unknown_key(str(key), self.fields)] for key in original if key not in self.fields}
        if unknown:
            raise ValidationError(unknown)

    @post_load
    def build(self, data: dict[str, Any], **_: object) -> object:
        """Returns the value; keys that were left out take the class's own defaults."""
        return self.builds(**data)


class Named(fields.Field[dict[str, Any]]):
    """A table of tables: free names, each holding the same form or field."""

    def __init__(self, inner: Schema | fields.Field[Any], **options: Any) -> None:
        super().__init__(**options)
        self._inner = inner

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise ValidationError("not a table; write [section.name] with keys below it")
        read: dict[str, Any] = {}
        problems: dict[str, Any] = {}
        for name, raw in value.items():
            try:
                read[str(name)] = (
                    self._inner.load(raw) if isinstance(self._inner, Schema) else self._inner.deserialize(raw)
                )
            except ValidationError as error:
                problems[str(name)] = error.messages
        if problems:
            raise ValidationError(problems)
        return read


class OneOf(fields.String):
    """Text out of a closed list; a near miss is suggested."""

    def __init__(self, choices: type | tuple[str, ...], **options: Any) -> None:
        super().__init__(**options)
        self._build: Any = choices if isinstance(choices, type) else str
        self._choices = tuple(str(choice) for choice in choices)  # type: ignore[union-attr]

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> Any:
        if value not in self._choices:
            raise ValidationError(f"{value!r} is not a choice; use one of {', '.join(filter(None, self._choices))}")
        return self._build(value)


class Many(fields.List[Any]):
    """A list, kept as a tuple."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> Any:
        return tuple(super()._deserialize(value, attr, data))


class Day(fields.Field[date]):
    """A TOML date, or the same in quotes."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> date:
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            raise ValidationError(f"{value!r} is not a date; write 2026-04-01") from None


class Clock(fields.Field[time]):
    """A TOML time of day, or the same in quotes."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> time:
        try:
            return time.fromisoformat(str(value))
        except ValueError:
            raise ValidationError(f"{value!r} is not a time of day; write 18:00:00") from None


def text(*, required: bool = False, pattern: str = "", fix: str = "") -> fields.String:
    """A text; with `pattern` it must match, and `fix` says how to write it."""
    checks = [validate.Regexp(re.compile(rf"(?:{pattern})\Z"), error=f"{{input!r}}: {fix}")] if pattern else []
    if required:
        checks.insert(0, validate.Length(min=1, error=MISSING))  # type: ignore[arg-type]
    words: dict[str, Any] = {"required": MISSING, "invalid": "not text; write it between quotes", "null": MISSING}
    return fields.String(required=required, validate=checks, error_messages=words)


def whole(low: int, high: int | None = None) -> fields.Integer:
    """A whole number between the bounds."""
    bounds = f"must be a whole number of at least {low}" + (f" and at most {high}" if high is not None else "")
    words: dict[str, Any] = {"invalid": bounds, "too_large": bounds}
    return fields.Integer(strict=True, validate=validate.Range(min=low, max=high, error=bounds), error_messages=words)


def seconds(low: float = 0.0) -> fields.Float:
    """A time in seconds, parts allowed, above `low`."""
    fix = f"must be a number of seconds above {low:g}, such as 5 or 0.5"
    check = validate.Range(min=low, min_inclusive=False, error=fix)
    return fields.Float(validate=check, error_messages={"invalid": fix, "special": fix})


def amount(*, allow_none: bool = False) -> fields.Decimal:
    """An exact amount, zero or more."""
    fix = 'must be an amount of zero or more, such as "0.05"'
    check = validate.Range(min=0, error=fix)
    return fields.Decimal(allow_none=allow_none, validate=check, error_messages={"invalid": fix, "special": fix})


def address(*, optional: bool = False) -> fields.String:
    """The base URL of an outside system; plain http only on a private network. `optional` lets it be ""."""
    field = text()
    field.validators.append(_check_optional_address if optional else _check_address)
    return field


def unknown_key(name: str, known: Mapping[str, object]) -> str:
    """Says that nothing reads this key, and which one was probably meant."""
    near = difflib.get_close_matches(name, [str(key) for key in known], n=1)
    return f"unknown key; did you mean {near[0]!r}?" if near else f"unknown key; known are {', '.join(sorted(known))}"


def flatten(messages: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Yields (dotted path, message) for every problem in marshmallow's nested answer."""
    if isinstance(messages, Mapping):
        for key, inner in messages.items():
            yield from flatten(inner, _under(path, key))
    elif isinstance(messages, list):
        for message in messages:
            yield path, str(message)


def _under(path: str, key: object) -> str:
    if key == "_schema":
        return path
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else str(key)


def _check_address(value: str) -> None:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.username:
        raise ValidationError(f"{value!r} is not a base URL; write https://host/path")
    if parts.scheme == "http" and not _private(parts.hostname):
        raise ValidationError(f"{value!r} would send the key unencrypted; write https://")


def _check_optional_address(value: str) -> None:
    if value:
        _check_address(value)


def _private(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".localhost", ".internal"))
