"""Fields for JSON from systems that are careless with types.

Source of the oddities these fields take: Cin7 blueprint, live payloads and ReturnGO bodies measured by integrators.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

from marshmallow import EXCLUDE, Schema, ValidationError, fields, missing

from schemas.json.exact import MAX_DIGITS, SchemaInvalidError, dumps, parse
from schemas.words import Words

__all__ = [
    "Currency",
    "Day",
    "Guid",
    "Identifier",
    "Identifiers",
    "Loose",
    "Moment",
    "Number",
    "Part",
    "Rows",
    "SchemaInvalidError",
    "Shape",
    "Text",
    "Truth",
    "Word",
    "dumps",
    "flatten",
    "load",
    "load_rows",
    "parse",
]


class Loose(fields.Field[Any]):
    """A field that takes null, blanks and absence as its default, or complains when it is required."""

    expects: ClassVar[str] = "a value"

    def __init__(self, key: str, default: Any = None, *, required: bool = False) -> None:
        fallback = missing if required else default
        super().__init__(data_key=key, required=required, load_default=fallback, allow_none=True)

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **kwargs: Any) -> Any:
        """The value in its own type. Raises ValidationError with what to send."""
        if value is missing or value is None or (isinstance(value, str) and not value.strip()):
            if self.required:
                raise ValidationError(f"missing; send {self.expects}")
            default = self.load_default
            return default() if callable(default) else default
        return self.read(value)

    def read(self, value: Any) -> Any:
        """A present value in its own type."""
        return value

    def refuse(self, value: Any) -> ValidationError:
        """The complaint about a value of the wrong kind."""
        shown = repr(value) if isinstance(value, str | int | Decimal) else type(value).__name__
        return ValidationError(f"{shown[:40]} is not {self.expects}; send {self.expects}")


class Text(Loose):
    """Text without surrounding spaces; whole numbers become text (ids come as either)."""

    expects = "text"

    def __init__(self, key: str, default: str = "", *, required: bool = False) -> None:
        super().__init__(key, default, required=required)

    def read(self, value: Any) -> str:
        """Stripped text."""
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
            raise self.refuse(value)
        return str(value).strip()


class Word(Text):
    """A word of a provider's vocabulary in its one spelling; an unknown word keeps its own."""

    def __init__(self, key: str, words: Words, default: str = "", *, required: bool = False) -> None:
        super().__init__(key, default, required=required)
        self.words = words

    def read(self, value: Any) -> str:
        """The word as it is compared everywhere."""
        return self.words.spelled(super().read(value))


class Identifier(Text):
    """An id: text or a whole number, never an object."""

    expects = "an id (text or a whole number)"

    def read(self, value: Any) -> str:
        """The id as text."""
        if isinstance(value, Decimal):
            if value != value.to_integral_value():
                raise self.refuse(value)
            value = int(value)
        return super().read(value)


class Guid(Text):
    """A GUID in lower case (Cin7 sends both cases)."""

    expects = "a GUID"

    def read(self, value: Any) -> str:
        """The GUID in lower case."""
        return super().read(value).strip("{}").lower()


class Currency(Text):
    """An ISO 4217 code."""

    expects = "a three-letter currency code such as GBP"

    def read(self, value: Any) -> str:
        """The code in capitals."""
        code = super().read(value).upper()
        if not re.fullmatch("[A-Z]{3}", code):
            raise self.refuse(value)
        return code


class Number(Loose):
    """An exact number; text such as "10.0000000000" is taken too."""

    expects = "a number such as 12.50"

    def __init__(self, key: str, default: Decimal | None = Decimal(0), *, required: bool = False) -> None:
        super().__init__(key, default, required=required)

    def read(self, value: Any) -> Decimal:
        """The number as a Decimal."""
        if isinstance(value, bool | float) or not isinstance(value, str | int | Decimal):
            raise self.refuse(value)
        try:
            number = Decimal(value.strip() if isinstance(value, str) else value)
        except InvalidOperation:
            raise self.refuse(value) from None
        exponent = number.as_tuple().exponent
        # Written out, 1e-999999999 fills the memory.
        if not isinstance(exponent, int) or exponent < -MAX_DIGITS or number.adjusted() > MAX_DIGITS:
            raise self.refuse(value)
        return number


class Truth(Loose):
    """A yes or no: true, false, 0, 1 and their text."""

    expects = "true or false"
    _WORDS: ClassVar[dict[str, bool]] = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}

    def __init__(self, key: str, default: bool | None = False, *, required: bool = False) -> None:
        super().__init__(key, default, required=required)

    def read(self, value: Any) -> bool:
        """The answer."""
        answer = self._WORDS.get(str(value).strip().lower())
        if answer is None:
            raise self.refuse(value)
        return answer


class Day(Loose):
    """A business date: the first ten characters, never shifted by a time zone; dd/MM/yyyy is taken too."""

    expects = "a date such as 2026-03-20"

    def read(self, value: Any) -> date | None:
        """The date; the year-one date that .NET uses for "none" reads as None."""
        if not isinstance(value, str):
            raise self.refuse(value)
        text = value.strip()[:10]
        slashed = re.fullmatch(r"(\d\d)/(\d\d)/(\d{4})", text)
        try:
            day = date.fromisoformat("-".join(reversed(slashed.groups())) if slashed else text)
        except ValueError:
            raise self.refuse(value) from None
        return None if day.year == 1 else day


class Moment(Loose):
    """A point in time, always aware: no offset means UTC; fractions beyond microseconds are cut."""

    expects = "a time such as 2026-03-20T08:00:00+00:00"

    def read(self, value: Any) -> datetime | None:
        """The moment in UTC."""
        if not isinstance(value, str):
            raise self.refuse(value)
        text = re.sub(r"\.(\d{1,6})\d*", lambda found: "." + found.group(1).ljust(6, "0"), value.strip())
        try:
            moment = datetime.fromisoformat(text)
            aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):
            raise self.refuse(value) from None
        return None if aware.year == 1 else aware


class Part(Loose):
    """An object inside the object; null and absence read as None."""

    expects = "an object"

    def __init__(self, key: str, schema: Schema, *, required: bool = False) -> None:
        super().__init__(key, None, required=required)
        self.schema = schema

    def read(self, value: Any) -> Any:
        """The loaded object."""
        if not isinstance(value, dict):
            raise self.refuse(value)
        return self.schema.load(value)


class Rows(Loose):
    """A list of objects; null and absence read as an empty list."""

    expects = "a list of objects"

    def __init__(self, key: str, schema: Schema, *, required: bool = False) -> None:
        super().__init__(key, list, required=required)
        self.schema = schema

    def read(self, value: Any) -> list[Any]:
        """The loaded objects, in order."""
        if not isinstance(value, list):
            raise self.refuse(value)
        return list(self.schema.load(value, many=True))


class Identifiers(Loose):
    """A list of ids; null and absence read as an empty list."""

    expects = "a list of ids"

    def __init__(self, key: str) -> None:
        super().__init__(key, list)

    def read(self, value: Any) -> list[str]:
        """The ids as text."""
        if not isinstance(value, list):
            raise self.refuse(value)
        one = Identifier("id", required=True)
        return [one.deserialize(entry) for entry in value]


class Shape(Schema):
    """The base of every boundary schema: fields we do not know are let through and left out of the value."""

    class Meta:
        """Unknown fields do not stop a reading."""

        unknown = EXCLUDE


def load(schema: Schema, data: Any, what: str) -> Any:
    """Load `data`, or raise SchemaInvalidError with one entry per field; `what` names the document in plain words."""
    if not isinstance(data, dict):
        raise SchemaInvalidError({"": f"{what} is {type(data).__name__}, not an object; send a JSON object"})
    try:
        return schema.load(data)
    except ValidationError as problem:
        raise SchemaInvalidError(flatten(problem.messages)) from None


def load_rows(schema: Schema, data: Any, what: str) -> list[Any]:
    """Load a list of objects, or raise SchemaInvalidError with one entry per field."""
    if not isinstance(data, list):
        raise SchemaInvalidError({"": f"{what} is {type(data).__name__}, not a list; send a JSON list"})
    try:
        return list(schema.load(data, many=True))
    except ValidationError as problem:
        raise SchemaInvalidError(flatten(problem.messages)) from None


def flatten(messages: Any, path: str = "") -> dict[str, str]:
    """Nested marshmallow messages as {"items[0].paidPrice.amount": "..."}."""
    if isinstance(messages, dict):
        flat: dict[str, str] = {}
        for key, inner in messages.items():
            flat |= flatten(inner, _joined(path, key))
        return flat
    if isinstance(messages, list):
        return {path: " ".join(str(message) for message in messages)}
    return {path: str(messages)}


def _joined(path: str, key: Any) -> str:
    if isinstance(key, int):
        return f"{path}[{key}]"
    if key == "_schema":
        return path
    return f"{path}.{key}" if path else str(key)
