"""Running a document against the store, and reckoning what it costs."""

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.shopify.document import Document, GraphqlError, Operation, Selection, fill_in, fill_in_all
from sandbox.shopify.inventory import KEY_ARGUMENT
from sandbox.shopify.schema import SCHEMA
from sandbox.shopify.store import Store

_MUTATION_COST = 10
_CONNECTION_COST = 2


class Run:
    """One operation with its variables; `spent` counts the objects that were really read."""

    def __init__(self, store: Store, document: Document, operation: Operation, variables: Mapping[str, object]) -> None:
        self.spent = _MUTATION_COST if operation.kind == "mutation" else 0
        self._store = store
        self._fragments = document.fragments
        self._operation = operation
        self._variables = {**operation.defaults, **variables}

    def cost(self) -> int:
        """The requested cost: the most the document could read; also checks every field against the schema."""
        base = _MUTATION_COST if self._operation.kind == "mutation" else 0
        return base + self._cost(self._operation.kind, self._operation.selections)

    def data(self) -> dict[str, object]:
        """The answer's `data`. Raises `GraphqlError`."""
        return self._object(self._operation.kind, None, self._operation.selections)

    def _flat(self, selections: Sequence[Selection]) -> list[Selection]:
        flat: list[Selection] = []
        for each in selections:
            if each.name:
                flat.append(each)
            elif each.spread is None:
                flat += self._flat(each.selections)
            elif each.spread in self._fragments:
                flat += self._flat(self._fragments[each.spread])
            else:
                raise GraphqlError(f"Fragment {each.spread} was used, but not defined", "useAndDefineFragment")
        return flat

    def _cost(self, kind: str, selections: Sequence[Selection]) -> int:
        total = 0
        for each in self._flat(selections):
            if each.name == "__typename":
                continue
            inner = self._inner_type(kind, each)
            if inner is None:
                continue
            below = self._cost(inner, each.selections)
            first = fill_in_all(each.arguments, self._variables).get("first")
            if inner.endswith("Connection") and isinstance(first, int):
                total += _CONNECTION_COST + first * max(1, below)
            else:
                total += below + (0 if inner.endswith("Edge") or kind.endswith("Connection") else 1)
        return total

    def _inner_type(self, kind: str, selection: Selection) -> str | None:
        rule = SCHEMA[kind].get(selection.name)
        if rule is None:
            raise GraphqlError(f"Field '{selection.name}' doesn't exist on type '{kind}'", "undefinedField")
        if rule.of is not None and not selection.selections:
            raise GraphqlError(f"Field must have selections (field '{selection.name}')", "selectionMismatch")
        return rule.of

    def _object(self, kind: str, thing: Any, selections: Sequence[Selection]) -> dict[str, object]:
        found: dict[str, object] = {}
        for each in self._flat(selections):
            found[each.alias] = kind if each.name == "__typename" else self._field(kind, thing, each)
        return found

    def _field(self, kind: str, thing: Any, selection: Selection) -> object:
        rule = SCHEMA[kind][selection.name]
        value = rule.resolve(thing, self._arguments(selection), self._store)
        if rule.of is None or value is None:
            return value
        if isinstance(value, list | tuple):
            self.spent += len(value)
            return [self._object(rule.of, each, selection.selections) for each in value]
        self.spent += 1
        return self._object(rule.of, value, selection.selections)

    def _arguments(self, selection: Selection) -> dict[str, object]:
        arguments = fill_in_all(selection.arguments, self._variables)
        if "idempotent" in selection.directives:
            given = fill_in(selection.directives["idempotent"].get("key"), self._variables)
            arguments[KEY_ARGUMENT] = given
        return arguments
