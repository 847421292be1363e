"""JSON with exact numbers, read with suspicion and written digit for digit."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

MAX_DEPTH = 100
MAX_DIGITS = 40


class SchemaInvalidError(ValueError):
    """A body that cannot be read. `errors`: field path (`items[0].paidPrice.amount`) to what is wrong and the fix."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        self.errors = dict(errors)
        super().__init__("; ".join(f"{path}: {problem}" if path else problem for path, problem in self.errors.items()))


def parse(body: bytes | str, *, unique_keys: bool = True) -> Any:
    """JSON with exact numbers (Decimal).

    Raises SchemaInvalidError for anything that is not plain JSON: NaN, numbers over 40 digits, nesting over 100,
    half surrogates, and (by default) one key twice in an object.
    """
    try:
        text = body.decode("utf-8-sig") if isinstance(body, bytes) else body
        hook = _unique_pairs if unique_keys else None
        value = json.loads(
            text, parse_float=_decimal, parse_int=_integer, parse_constant=_constant, object_pairs_hook=hook
        )
    except UnicodeDecodeError as problem:
        raise SchemaInvalidError({"": f"not UTF-8 at byte {problem.start}; send JSON in UTF-8"}) from None
    except RecursionError:
        raise SchemaInvalidError({"": f"nested deeper than {MAX_DEPTH}; send a flatter body"}) from None
    except json.JSONDecodeError as problem:
        raise SchemaInvalidError({"": f"not JSON ({problem.msg} at character {problem.pos}); send JSON"}) from None
    _check_depth(value)
    if "\\ud" in text or "\\uD" in text:
        _check_surrogates(value)
    return value


def _unique_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        raise SchemaInvalidError({twice[:80]: "appears twice in one object; send it once"})
    return found


def _decimal(text: str) -> Decimal:
    value = Decimal(text)
    digits, exponent = value.as_tuple().digits, value.as_tuple().exponent
    if len(digits) > MAX_DIGITS or not isinstance(exponent, int) or abs(exponent) > MAX_DIGITS:
        raise SchemaInvalidError({"": f"a number with more than {MAX_DIGITS} digits; send a plausible number"})
    return value


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise SchemaInvalidError({"": f"a number with more than {MAX_DIGITS} digits; send a plausible number"})
    return int(text)


def _constant(name: str) -> Any:
    raise SchemaInvalidError({"": f"{name} is not a JSON number; send digits"})


def _check_depth(value: Any) -> None:
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        level = [part for whole in level for part in _parts(whole) if isinstance(part, dict | list)]
        if not level:
            return
    raise SchemaInvalidError({"": f"nested deeper than {MAX_DEPTH}; send a flatter body"})


def _parts(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _check_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        raise SchemaInvalidError({"": "half a surrogate pair; send whole characters"}) from None


def dumps(value: Any) -> bytes:
    """JSON in UTF-8 with every Decimal written digit for digit. Raises TypeError for a float, ValueError for NaN."""
    return _written(value).encode()


def _written(value: Any) -> str:
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError("a number to be sent must be finite")
        return format(value, "f")
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(str(k))}:{_written(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_written, value)) + "]"
    if value is None or isinstance(value, str | bool | int):
        return json.dumps(value, ensure_ascii=False)
    raise TypeError(f"{type(value).__name__} cannot be written exactly; use Decimal, text or a whole number")
