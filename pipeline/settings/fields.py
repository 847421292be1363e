"""What settings are read with: fields that name the fix, forms that answer an unknown key with the nearest name."""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Iterator, Mapping
from datetime import date, time
from typing import Any, ClassVar, TypeVar
from urllib.parse import urlsplit

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, validate, validates_schema

MISSING = "missing"
NO_TABLE = "not a table; write [section.name] with keys below it"
#: More than anybody can mean: a year of seconds, an amount and a count that every database can hold.
MOST_SECONDS, MOST_AMOUNT, MOST_COUNT = 366 * 86_400, 10**12, 10**9


def words(**said: str) -> dict[str, Any]:
    """What a field or form says, by marshmallow's name of the error; TOML has no null, so that is a missing value."""
    return {"null": MISSING, **said}


def shown(value: object) -> str:
    """The value as the file has it, cut."""
    return repr(value) if isinstance(value, str) else f"{value!s:.40}"


class Form(Schema):
    """One table of the settings file. Every known key is a field; the values build the frozen class `builds`."""

    builds: ClassVar[type]
    error_messages = words(type=NO_TABLE)

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

    default_error_messages = words()

    def __init__(self, inner: Schema | fields.Field[Any], **options: Any) -> None:
        super().__init__(**options)
        self.inner = inner

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise ValidationError(NO_TABLE)
        read: dict[str, Any] = {}
        problems: dict[str, Any] = {}
        for name, raw in value.items():
            try:
                read[str(name)] = (
                    self.inner.load(raw) if isinstance(self.inner, Schema) else self.inner.deserialize(raw)
                )
            except ValidationError as error:
                problems[str(name)] = error.messages
        if problems:
            raise ValidationError(problems)
        return read


class OneOf(fields.String):
    """Text out of a closed list; a near miss is suggested."""

    default_error_messages = words(required=MISSING)

    def __init__(self, choices: type | tuple[str, ...], **options: Any) -> None:
        super().__init__(**options)
        self._build: Any = choices if isinstance(choices, type) else str
        self.choices = tuple(str(choice) for choice in choices)  # type: ignore[union-attr]

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> Any:
        if value not in self.choices:
            raise ValidationError(f"{shown(value)} is not a choice; use one of {', '.join(filter(None, self.choices))}")
        return self._build(value)


class Many(fields.List[Any]):
    """A list, kept as a tuple."""

    default_error_messages = words(invalid="not a list; write it between square brackets, separated by commas")

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> Any:
        return tuple(super()._deserialize(value, attr, data))


class Day(fields.Field[date]):
    """A TOML date, or the same in quotes."""

    default_error_messages = words()

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> date:
        try:
            return date.fromisoformat(str(value) if isinstance(value, str | date) else "")
        except ValueError:
            raise ValidationError(f"{shown(value)} is not a date; write 2026-04-01") from None


class Clock(fields.Field[time]):
    """A TOML time of day, or the same in quotes; it is meant in the company's time zone, so it names none."""

    default_error_messages = words()

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> time:
        try:
            moment = time.fromisoformat(str(value) if isinstance(value, str | time) else "")
        except ValueError:
            raise ValidationError(f"{shown(value)} is not a time of day; write 18:00:00") from None
        if moment.tzinfo is not None:
            raise ValidationError(f"{shown(value)} names a time zone; the company's own counts, so write 18:00:00")
        return moment


class Whole(fields.Integer):
    """A whole number; true and false are none."""

    def _validated(self, value: Any) -> int:
        if isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return super()._validated(value)


class Seconds(fields.Float):
    """A number of seconds; true and false are none."""

    def _validated(self, value: Any) -> float:
        if isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return super()._validated(value)


_Kind = TypeVar("_Kind", bound=fields.Field[Any])


def key(says: str, field: _Kind, *, is_secret: bool = False) -> _Kind:
    """Declares a key: its field, one sentence of help, and whether its value is never to be shown."""
    field.metadata = {**field.metadata, "help": says, "secret": is_secret}
    return field


def text(*, required: bool = False, pattern: str = "", fix: str = "", secret: bool = False) -> fields.String:
    """A text; with `pattern` it must match, and `fix` says how to write it. One that is or may hold a secret is not
    shown."""
    error = fix if secret else f"{{input!r}}: {fix}"
    checks = [validate.Regexp(re.compile(rf"(?:{pattern})\Z"), error=error)] if pattern else []
    if required:
        checks.insert(0, validate.Length(min=1, error=MISSING))  # type: ignore[arg-type]
    said = words(required=MISSING, invalid="not text; write it between quotes")
    return fields.String(required=required, validate=checks, error_messages=said)


def whole(low: int, high: int = MOST_COUNT) -> fields.Integer:
    """A whole number between the bounds."""
    bounds = f"must be a whole number of at least {low} and at most {high}"
    said = words(invalid=bounds, too_large=bounds)
    return Whole(strict=True, validate=validate.Range(min=low, max=high, error=bounds), error_messages=said)


def seconds(low: float = 0.0) -> fields.Float:
    """A time in seconds, parts allowed, above `low`."""
    fix = f"must be a number of seconds above {low:g} and at most {MOST_SECONDS}, such as 5 or 0.5"
    check = validate.Range(min=low, max=MOST_SECONDS, min_inclusive=False, error=fix)
    said = words(invalid=fix, special=fix, too_large=fix)
    return Seconds(validate=check, error_messages=said)


def switch() -> fields.Boolean:
    """Yes or no."""
    return fields.Boolean(error_messages=words(invalid="must be true or false, without quotes"))


def table(form: type[Form], *, required: bool = False) -> fields.Nested:
    """A table inside the table."""
    return fields.Nested(form, required=required, error_messages=words(required=MISSING))


def amount(*, allow_none: bool = False) -> fields.Decimal:
    """An exact amount, zero or more."""
    fix = f'must be an amount of zero or more and at most {MOST_AMOUNT}, such as "0.05"'
    check = validate.Range(min=0, max=MOST_AMOUNT, error=fix)
    said = words(invalid=fix, special=fix, too_large=fix)
    return fields.Decimal(allow_none=allow_none, validate=check, error_messages=said)


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
    try:
        parts = urlsplit(value)
        fits = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        parts, fits = urlsplit(""), False
    # The address itself is not shown where it may hold a password.
    if parts.username or parts.password:
        raise ValidationError("holds a name or password; write https://host/path, and keys under their own names")
    if not fits or parts.query or parts.fragment or re.search(r"\s", value) or not parts.hostname:
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
