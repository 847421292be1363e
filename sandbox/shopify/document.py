"""Reading GraphQL documents: as much of the language as inventory clients use, and refusing the rest aloud."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r'[\s,]+|#[^\n]*|(?P<block>"""(?:.|\n)*?""")|(?P<string>"(?:[^"\\\n]|\\.)*")'
    r"|(?P<number>-?\d+(?:\.\d+)?)|(?P<name>[A-Za-z_]\w*)|(?P<sign>\.\.\.|[{}()\[\]:!=$@|])"
)


class GraphqlError(Exception):
    """The document or a call in it is wrong; `code` goes to `extensions.code`, `path` names the field."""

    def __init__(self, message: str, code: str, path: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.path = path

    def wire(self) -> dict[str, object]:
        """An entry of the top-level `errors`."""
        entry: dict[str, object] = {"message": str(self), "extensions": {"code": self.code}}
        if self.path is not None:
            entry["path"] = [self.path]
        return entry


@dataclass(frozen=True)
class Variable:
    """A `$name` still to be filled in."""

    name: str


@dataclass
class Selection:
    """A field with its arguments, directives and sub-selections, or a fragment (then `name` is empty)."""

    name: str
    alias: str
    arguments: dict[str, object] = field(default_factory=dict)
    directives: dict[str, dict[str, object]] = field(default_factory=dict)
    selections: list["Selection"] = field(default_factory=list)
    spread: str | None = None


@dataclass
class Operation:
    """A query or mutation with the defaults of its variables."""

    kind: str
    name: str
    defaults: dict[str, object]
    selections: list[Selection]


@dataclass
class Document:
    """All operations and named fragments of a request."""

    operations: list[Operation]
    fragments: dict[str, list[Selection]]

    def pick(self, name: object) -> Operation:
        """The operation to run. Raises `GraphqlError` when the choice is not clear."""
        found = [each for each in self.operations if name in (None, "", each.name)]
        if len(found) != 1:
            raise GraphqlError("An operation name is required", "missingOperation")
        return found[0]


def read_document(text: str) -> Document:
    """Parse a request's `query`. Raises `GraphqlError`."""
    return _Reader(text).document()


def fill_in(value: object, variables: Mapping[str, object]) -> object:
    """Replace variables in an argument; one that was not given is left out of its object."""
    if isinstance(value, Variable):
        return variables.get(value.name)
    if isinstance(value, list):
        return [fill_in(each, variables) for each in value]
    if isinstance(value, dict):
        return fill_in_all(value, variables)
    return value


def fill_in_all(arguments: Mapping[str, object], variables: Mapping[str, object]) -> dict[str, object]:
    """Replace the variables of a whole argument list; arguments whose variable was not given are left out."""
    return {name: fill_in(value, variables) for name, value in arguments.items() if not _is_absent(value, variables)}


def _is_absent(value: object, variables: Mapping[str, object]) -> bool:
    return isinstance(value, Variable) and value.name not in variables


class _Reader:
    """A recursive-descent reader over the tokens."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._at = 0

    def document(self) -> Document:
        document = Document([], {})
        while self._peek() is not None:
            if self._peek() == "fragment":
                self._skip(1)
                name = self._next()
                self._skip(2)  # `on Type`
                document.fragments[name] = self._selections()
            else:
                document.operations.append(self._operation())
        return document

    def _operation(self) -> Operation:
        if self._peek() == "{":
            return Operation("query", "", {}, self._selections())
        kind = self._next()
        if kind not in ("query", "mutation"):
            raise GraphqlError(f"Parse error on {kind!r}", "parseError")
        name = self._next() if self._peek() not in ("(", "{", "@") else ""
        defaults = self._variables() if self._peek() == "(" else {}
        return Operation(kind, name, defaults, self._selections())

    def _variables(self) -> dict[str, object]:
        defaults: dict[str, object] = {}
        self._take("(")
        while self._peek() != ")":
            self._take("$")
            name = self._next()
            self._take(":")
            while self._peek() not in ("$", ")", "=", None):
                self._skip(1)
            if self._peek() == "=":
                self._skip(1)
                defaults[name] = self._value()
        self._take(")")
        return defaults

    def _selections(self) -> list[Selection]:
        found = []
        self._take("{")
        while self._peek() != "}":
            found.append(self._selection())
        self._take("}")
        return found

    def _selection(self) -> Selection:
        if self._peek() == "...":
            return self._fragment()
        name = alias = self._next()
        if self._peek() == ":":
            self._skip(1)
            name = self._next()
        selection = Selection(name, alias)
        if self._peek() == "(":
            selection.arguments = self._arguments()
        selection.directives = self._directives()
        if self._peek() == "{":
            selection.selections = self._selections()
        return selection

    def _fragment(self) -> Selection:
        self._skip(1)
        if self._peek() == "on":
            self._skip(2)
        elif self._peek() != "{":
            return Selection("", "", spread=self._next())
        return Selection("", "", selections=self._selections())

    def _directives(self) -> dict[str, dict[str, object]]:
        found = {}
        while self._peek() == "@":
            self._skip(1)
            name = self._next()
            found[name] = self._arguments() if self._peek() == "(" else {}
        return found

    def _arguments(self) -> dict[str, object]:
        return self._pairs("(", ")")

    def _pairs(self, opening: str, closing: str) -> dict[str, object]:
        pairs = {}
        self._take(opening)
        while self._peek() != closing:
            name = self._next()
            self._take(":")
            pairs[name] = self._value()
        self._take(closing)
        return pairs

    def _value(self) -> object:
        word = self._peek()
        if word == "{":
            return self._pairs("{", "}")
        if word == "[":
            return self._list()
        self._skip(1)
        if word == "$":
            return Variable(self._next())
        return _scalar(str(word))

    def _list(self) -> list[object]:
        values = []
        self._take("[")
        while self._peek() != "]":
            values.append(self._value())
        self._take("]")
        return values

    def _peek(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _next(self) -> str:
        token = self._peek()
        if token is None:
            raise GraphqlError("Parse error: unexpected end of document", "parseError")
        self._at += 1
        return token

    def _skip(self, count: int) -> None:
        for _ in range(count):
            self._next()

    def _take(self, expected: str) -> None:
        token = self._next()
        if token != expected:
            raise GraphqlError(f"Parse error on {token!r}: expected {expected!r}", "parseError")


def _tokens(text: str) -> list[str]:
    found, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise GraphqlError(f"Parse error on {text[at]!r}", "parseError")
        if match.lastgroup is not None:
            found.append(match.group())
        at = match.end()
    return found


def _scalar(token: str) -> object:
    words: dict[str, object] = {"true": True, "false": False, "null": None}
    if token in words:
        return words[token]
    if token.startswith('"""'):
        return token[3:-3].strip()
    if token.startswith('"') or token.lstrip("-")[:1].isdigit():
        return json.loads(token)
    return token
