"""Rows that do not fit their schema, beside rows that do: one odd row must not hide a whole list from a poll.

A list is strict where nobody listens, so that no decision is made on a list with a hole in it. A poll listens
(`leaving_out`), goes on with the rest, and tells what it left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

from marshmallow import Schema

from schemas.json.fields import SchemaInvalidError, load

T = TypeVar("T")

#: A page of so many rows of which none fits is no list with an odd row in it: its schema has changed.
WHOLE_PAGE = 10


@dataclass(frozen=True, slots=True)
class Misfit:
    """A row that was left out: of which list, as it came (it may hold a shopper's data: keep none of it), and the
    complaint about each field."""

    what: str
    row: Any
    errors: Mapping[str, str]

    def text(self, *names: str) -> str:
        """The first of these fields that is readable as text or a whole number; "" where none is."""
        row = self.row if isinstance(self.row, dict) else {}
        told = (row.get(name) for name in names)
        usable = (str(one).strip() for one in told if isinstance(one, str | int) and not isinstance(one, bool))
        return next((text for text in usable if text), "")


_LISTENER: ContextVar[list[Misfit] | None] = ContextVar("misfits", default=None)


@contextmanager
def leaving_out() -> Iterator[list[Misfit]]:
    """Inside, rows that do not fit are left out of lists and gathered here, instead of stopping the list."""
    gathered: list[Misfit] = []
    token = _LISTENER.set(gathered)
    try:
        yield gathered
    finally:
        _LISTENER.reset(token)


def left_out(what: str) -> list[Misfit]:
    """What was left out of this list so far; nothing where nobody listens."""
    return [misfit for misfit in _LISTENER.get() or () if misfit.what == what]


def load_list(schema: Schema, data: Any, what: str, key: str) -> Any:
    """Load a list document whose rows stand under `key`, without the rows that do not fit if somebody listens.

    Raises SchemaInvalidError: nobody listens, the document itself does not fit, or nothing of a whole page does.
    """
    try:
        return load(schema, data, what)
    except SchemaInvalidError as problem:
        gathered, odd = _LISTENER.get(), _rows_named(problem, key)
        if gathered is None or not odd:
            raise
        rows = data[key]
        if len(odd) == len(rows) >= WHOLE_PAGE:
            raise
        rest = load(schema, {**data, key: [row for n, row in enumerate(rows) if n not in odd]}, what)
        gathered.extend(Misfit(what, rows[n], errors) for n, errors in odd.items())
        return rest


def fitting(nodes: Iterable[Any], read: Callable[[Any], T], what: str, unfit: type[Exception]) -> Iterator[T]:
    """Each node as a value, without those whose reading raises `unfit` if somebody listens; else that is raised."""
    for node in nodes:
        try:
            value = read(node)
        except unfit as problem:
            gathered = _LISTENER.get()
            if gathered is None:
                raise
            gathered.append(Misfit(what, node, {"": str(problem)}))
        else:
            yield value


def _rows_named(problem: SchemaInvalidError, key: str) -> dict[int, dict[str, str]]:
    """The complaints by row; nothing where one of them is not about a row."""
    found: dict[int, dict[str, str]] = {}
    for path, complaint in problem.errors.items():
        place = re.match(rf"{re.escape(key)}\[(\d+)\]\.?", path)
        if place is None:
            return {}
        found.setdefault(int(place.group(1)), {})[path[place.end() :]] = complaint
    return found
