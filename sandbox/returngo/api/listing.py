"""Lists as the API pages them: required page size, opaque cursors, `op:value` filters, comma lists."""

import base64
import binascii
import operator
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from starlette.datastructures import QueryParams

from sandbox.returngo.refusals import ApiRefusal

_OPERATORS: dict[str, Callable[[datetime, datetime], bool]] = {
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
    "eq": operator.eq,
    "neq": operator.ne,
}
_LARGEST_PAGE = 500


def page_size(params: QueryParams) -> int:
    """The required `pagesize`, 1 to 500. Raises `ApiRefusal` 400."""
    text = params.get("pagesize")
    if text is None:
        raise ApiRefusal(400, "pagesize is required")
    if not text.isdigit() or not 1 <= int(text) <= _LARGEST_PAGE:
        raise ApiRefusal(400, f"pagesize must be between 1 and {_LARGEST_PAGE}")
    return int(text)


def comma_list(params: QueryParams, name: str) -> frozenset[str] | None:
    """A comma list, or None when the filter is not given."""
    text = params.get(name)
    return None if not text else frozenset(each.strip() for each in text.split(","))


def time_tests(params: QueryParams, name: str, repeated: str) -> list[Callable[[datetime], bool]]:
    """The `op:value` filters of one column. An unescaped plus sign has become a space by now and is refused."""
    texts = params.getlist(name)
    if len(texts) > 1 and repeated == "refuse":
        raise ApiRefusal(400, f"{name} may be given once")
    if repeated == "last":
        texts = texts[-1:]
    return [_time_test(name, text) for text in texts]


def _time_test(name: str, text: str) -> Callable[[datetime], bool]:
    word, colon, value = text.partition(":")
    if not colon or word not in _OPERATORS:
        raise ApiRefusal(400, f"{name} must look like gte:YYYY-MM-DDTHH:mm:ss")
    try:
        wanted = datetime.fromisoformat(value)
    except ValueError:
        raise ApiRefusal(400, f"{name} has an invalid date") from None
    bound = wanted if wanted.tzinfo else wanted.replace(tzinfo=UTC)
    compare = _OPERATORS[word]
    return lambda moment: compare(moment, bound)


def passes(moment: datetime, tests: Iterable[Callable[[datetime], bool]]) -> bool:
    """Whether a time satisfies every filter on its column."""
    return all(test(moment) for test in tests)


def sort_columns(params: QueryParams, known: Iterable[str]) -> list[tuple[str, bool]]:
    """`sort_by` as (column, descending) pairs; a plus sign must have been sent as %2B. Raises `ApiRefusal` 400."""
    text = params.get("sort_by")
    if not text:
        return []
    columns = []
    for part in text.split(","):
        sign, column = part[:1], part[1:]
        if sign not in ("+", "-") or column not in known:
            raise ApiRefusal(400, f"Invalid sort_by {part}")
        columns.append((column, sign == "-"))
    return columns


def write_cursor(text: str) -> str:
    """An opaque cursor."""
    return base64.b64encode(text.encode()).decode()


def read_cursor(params: QueryParams, prefix: str) -> str | None:
    """The id in a cursor this API gave out, or None on the first page. Raises `ApiRefusal` 400."""
    text = params.get("cursor")
    if not text:
        return None
    try:
        plain = base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise ApiRefusal(400, "Invalid cursor") from None
    if not plain.startswith(prefix):
        raise ApiRefusal(400, "Invalid cursor")
    return plain.removeprefix(prefix)


def closing(payload: dict[str, object], cursor: str | None, manner: str, end_cursor: str) -> dict[str, object]:
    """Add `next_cursor`; on the last page it may be missing, empty, or lead to one page without rows."""
    if cursor is not None:
        payload["next_cursor"] = cursor
    elif manner == "empty_string":
        payload["next_cursor"] = ""
    elif manner == "empty_page":
        payload["next_cursor"] = end_cursor
    return payload
