"""Tables that people bring as files: any encoding and separator that spreadsheets write, or a refusal that says why."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_DELIMITERS = (",", ";", "\t", "|")
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_OTHER_FILES = (
    (b"PK\x03\x04", "an Excel workbook (or another packed file)"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "a compressed file"),
    (b"<", "a web page or XML"),
    (b"{\\rtf", "a text document"),
)
_SAVE_AS = "save it as CSV UTF-8 and import that"
#: Titles that some programs write above the header.
_LINES_ABOVE = 10


class SheetError(ValueError):
    """The file cannot be taken; `problems` names each line and its fix."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class SheetForm:
    """A kind of table: its name for people, the columns (folded) without which it is not that kind, and others that
    are read where they stand."""

    name: str
    columns: tuple[str, ...]
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its first line in the file, and its cells by folded column name, without space around them."""

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table read: which form it has, and its rows."""

    form: SheetForm
    rows: tuple[Row, ...]


def fold_name(name: str) -> str:
    """A column's name without case and punctuation: `Payout ID` and `payout_id` are the same."""
    return re.sub(r"[\W_]+", "_", name.casefold()).strip("_")


def read_sheet(content: bytes, forms: Sequence[SheetForm]) -> Sheet:
    """The table in the file, as the first of `forms` whose columns it has. Raises SheetError."""
    text = _decoded(content)
    told = re.match(r'"?sep=(.)"?\r?\n', text)
    delimiters = (told[1],) if told else _DELIMITERS
    if told:
        text = "\n" + text[told.end() :]
    tops = [(delimiter, number, row) for delimiter in delimiters for number, row in _top(text, delimiter)]
    for form in forms:
        for delimiter, number, row in tops:
            if set(form.columns) <= set(_names(row)):
                _refuse_doubled(_names(row), form)
                return Sheet(form, _rows(text, delimiter, number, _names(row), form))
    raise SheetError([_lacking(forms, [row for _, _, row in tops])])


def _decoded(content: bytes) -> str:
    if not content.strip():
        raise SheetError(["the file is empty"])
    for mark, what in _OTHER_FILES:
        if content.startswith(mark):
            raise SheetError([f"this is {what}, whatever its name says; {_SAVE_AS}"])
    encoding = next((name for mark, name in _BOMS if content.startswith(mark)), "") or _without_bom(content)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        raise SheetError([f"the file is not UTF-8; {_SAVE_AS}"]) from None
    if "\0" in text:
        raise SheetError([f"the file holds bytes that are no text; {_SAVE_AS}"])
    return text


def _without_bom(content: bytes) -> str:
    """UTF-16 without its mark shows by every other byte of the (English) header being zero."""
    start = content[:40]
    if len(start) >= 4 and not any(start[1::2]):
        return "utf-16-le"
    return "utf-16-be" if len(start) >= 4 and not any(start[::2]) else "utf-8"


def _parsed(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not blank, with its first line. Raises SheetError for quotes that never end."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise SheetError([f"line {line}: {error}; look for a quote that does not belong or never ends"]) from None
        if row is None:
            return
        if any(cell.strip() for cell in row):
            yield line, row
        line = reader.line_num + 1


def _top(text: str, delimiter: str) -> list[tuple[int, list[str]]]:
    rows: list[tuple[int, list[str]]] = []
    try:
        for number, row in _parsed(text, delimiter):
            rows.append((number, row))
            if len(rows) == _LINES_ABOVE:
                break
    except SheetError:
        pass  # told when the rows are read, if this is the separator
    return rows


def _names(row: list[str]) -> list[str]:
    return [fold_name(cell) for cell in row]


def _refuse_doubled(names: list[str], form: SheetForm) -> None:
    for name in (*form.columns, *form.others):
        places = [str(place) for place, other in enumerate(names, start=1) if other == name]
        if len(places) > 1:
            raise SheetError([f"column {name!r} stands twice (columns {' and '.join(places)}); keep the right one"])


def _rows(text: str, delimiter: str, header: int, names: list[str], form: SheetForm) -> tuple[Row, ...]:
    rows: list[Row] = []
    problems: list[str] = []
    for line, row in _parsed(text, delimiter):
        if line <= header:
            continue
        if any(cell.strip() for cell in row[len(names) :]):
            problems.append(
                f"line {line}: {len(row)} cells under {len(names)} columns; put a text or amount that holds "
                f"{delimiter!r} between quotes"
            )
            continue
        # Of two columns of one name that nobody needs the first counts.
        cells = dict(reversed([(name, cell.strip()) for name, cell in zip(names, row, strict=False)]))
        rows.append(Row(line, dict.fromkeys((*form.columns, *form.others), "") | cells))
    if problems:
        raise SheetError(problems)
    return tuple(rows)


def _lacking(forms: Sequence[SheetForm], rows: list[list[str]]) -> str:
    header = max(rows, key=lambda row: max(_shared(form, row) for form in forms), default=[])
    form = max(forms, key=lambda form: _shared(form, header) / len(form.columns))
    missing = [name for name in form.columns if name not in _names(header)]
    others = " or ".join(other.name for other in forms[1:])
    wanted = f"the first line must be {','.join(forms[0].columns)}, or that of {others}"
    return f"columns missing for {form.name}: {', '.join(missing)}; {wanted}"


def _shared(form: SheetForm, row: list[str]) -> int:
    return len(set(form.columns) & set(_names(row)))
