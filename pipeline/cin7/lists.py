"""Asking Cin7 Core: one document, one list page, or a whole list with proof that it is whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from pipeline.calls.call import Caller, Outgoing
from pipeline.calls.failures import BadAnswer, IncompleteSweep
from pipeline.calls.quota import Priority
from schemas.json.fields import SchemaInvalidError, dumps

T = TypeVar("T")
Rows = Sequence[T]

PAGE_SIZE = 1000
MOST_PAGES = 500
FEW = 20
#: How far `Updated` may lie before the filter before we say that the filter was ignored: a time zone's worth.
FILTER_SLACK = timedelta(hours=26)


@dataclass(frozen=True, slots=True)
class PageQuery:
    """A list to be read: where, under which key, with which filters, and what one row's identity is."""

    path: str
    key: str
    params: tuple[tuple[str, str], ...] = ()


class Lists:
    """The line to one Cin7 company."""

    def __init__(self, wire: Caller) -> None:
        self.wire = wire

    def get(
        self,
        path: str,
        params: tuple[tuple[str, str], ...],
        priority: Priority,
        read: Callable[[Any], T],
        key: str = "",
    ) -> T:
        """Read one document; `key` must be in it. Raises the failures of a read."""
        return self.wire.send(Outgoing("GET", path, priority, params), _expecting(key, read))

    def write(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any],
        priority: Priority,
        read: Callable[[Any], T],
        key: str = "",
        *,
        secret: bool = False,
    ) -> T:
        """Send one document, once. Raises the failures of a write; a missing `key` in the answer is Uncertain."""
        outgoing = Outgoing(method, path, priority, body=dumps(body), secret_body=secret)
        return self.wire.send(outgoing, _expecting(key, read))

    def pages(
        self,
        query: PageQuery,
        priority: Priority,
        read: Callable[[Any], Rows[T]],
        identity: Callable[[T], Any] | None,
        first: int = 1,
    ) -> Iterator[list[T]]:
        """Every page of a list from the `first` on; a row that moved between two pages comes once (where rows have an
        `identity`).

        Raises IncompleteSweep after the last page when fewer rows came than the list says it has.
        """
        seen: set[Any] = set()
        earlier, page = (first - 1) * PAGE_SIZE, first - 1
        arrived = odd = 0
        while True:
            page += 1
            total, count, rows = self._page(query, page, priority, read)
            fresh = rows if identity is None else _unseen(rows, seen, identity)
            # A row that a poll leaves out, because it does not fit, did arrive.
            odd += max(count - len(rows), 0)
            arrived = arrived + count if identity is None else len(seen) + odd
            if fresh:
                yield list(fresh)
            if not count or page * PAGE_SIZE >= total or page >= MOST_PAGES:
                break
        if earlier + arrived < total:
            raise IncompleteSweep(query.path, earlier + arrived, total)

    def _page(
        self, query: PageQuery, page: int, priority: Priority, read: Callable[[Any], Rows[T]]
    ) -> tuple[int, int, Rows[T]]:
        params = (*query.params, ("Page", str(page)), ("Limit", str(PAGE_SIZE)))

        def whole(data: Any) -> tuple[int, int, Rows[T]]:
            return _total(data), len(data[query.key] or ()), read(data)

        return self.get(query.path, params, priority, whole, query.key)


def _unseen(rows: Rows[T], seen: set[Any], identity: Callable[[T], Any]) -> list[T]:
    fresh = []
    for row in rows:
        if identity(row) not in seen:
            seen.add(identity(row))
            fresh.append(row)
    return fresh


def _expecting(key: str, read: Callable[[Any], T]) -> Callable[[Any], T]:
    def checked(data: Any) -> T:
        if key and not (isinstance(data, dict) and key in data):
            raise SchemaInvalidError({key: "missing from the answer"})
        return read(data)

    return checked


def _total(data: Mapping[str, Any]) -> int:
    total = data.get("Total")
    if isinstance(total, bool) or not isinstance(total, int | str) or not str(total).isdigit():
        raise SchemaInvalidError({"Total": "missing or not a count"})
    return int(total)


def utc_filter(moment: datetime) -> str:
    """A time as Cin7's filters take it everywhere: UTC without a suffix (measured by integrators)."""
    if moment.tzinfo is None:
        raise ValueError("a filter time must be aware; give it a time zone")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def insist_updated(rows: Sequence[T], since: datetime | None, updated: Callable[[T], datetime | None]) -> None:
    """Raise BadAnswer when rows are far older than the filter: a misspelt filter gives the whole list with 200."""
    if since is None:
        return
    floor = since - FILTER_SLACK
    if any((moment := updated(row)) is not None and moment < floor for row in rows):
        raise BadAnswer("filter ignored: UpdatedSince let older rows through")


def insist_same(rows: Sequence[T], name: str, wanted: str, told: Callable[[T], str]) -> None:
    """Raise BadAnswer when a row does not have the value that was filtered for."""
    odd = next((told(row) for row in rows if told(row).lower() != wanted.lower()), None) if wanted else None
    if odd is not None:
        raise BadAnswer(f"filter ignored: {name}={wanted} gave a row with {odd!r}")


def insist_found(rows: Sequence[T], name: str, text: str, told: Callable[[T], Sequence[str]]) -> None:
    """Raise BadAnswer when many rows came and none of them holds the text that was searched for.

    A few odd rows may be the provider's idea of a match; a whole page without one is the unfiltered list.
    """
    needle = text.strip().lower()
    if len(rows) > FEW and not any(needle in value.lower() for row in rows for value in told(row)):
        raise BadAnswer(f"filter ignored: {name} gave {len(rows)} rows without {text[:40]!r}")
