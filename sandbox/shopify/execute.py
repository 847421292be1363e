"""Running a document against the store, and reckoning what it costs."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLResolveInfo,
    InlineFragmentNode,
    MiddlewareManager,
    OperationType,
    SelectionNode,
    execute_sync,
    get_named_type,
    get_operation_ast,
    is_object_type,
    value_from_ast_untyped,
)

from sandbox.shopify.document import GraphqlError, read_document
from sandbox.shopify.schema import SCHEMA, attribute
from sandbox.shopify.store import Store

_MUTATION_COST = 10
_CONNECTION_COST = 2


class Run:
    """One operation of a document with its variables; `spent` counts the objects that were really read.

    Raises `GraphqlError` when the document is wrong, or the choice of the operation is not clear.
    """

    def __init__(self, store: Store, text: str, name: object, variables: Mapping[str, object]) -> None:
        self.store = store
        self._document = read_document(SCHEMA, text)
        self._variables = dict(variables)
        operation = get_operation_ast(self._document, name or None)  # type: ignore[arg-type]
        root = operation and SCHEMA.get_root_type(operation.operation)
        if operation is None or root is None:
            raise GraphqlError("An operation name is required", "missingOperation")
        self._operation, self._root = operation, root
        self._base = _MUTATION_COST if operation.operation is OperationType.MUTATION else 0
        self.spent = self._base

    def cost(self) -> int:
        """The requested cost: the most the document could read."""
        fragments = {
            part.name.value: part for part in self._document.definitions if isinstance(part, FragmentDefinitionNode)
        }
        defaults = {
            each.variable.name.value: value_from_ast_untyped(each.default_value)
            for each in self._operation.variable_definitions or ()
            if each.default_value is not None
        }
        reckoning = _Reckoning(fragments, {**defaults, **self._variables})
        return self._base + reckoning.cost(self._root, self._operation)

    def answer(self) -> dict[str, object]:
        """The answer's `data`, and its `errors` if there are any."""
        name = self._operation.name.value if self._operation.name else None
        result = execute_sync(
            SCHEMA, self._document, None, self, self._variables, name, attribute, middleware=MiddlewareManager(_count)
        )
        if not result.errors:
            return {"data": result.data}
        errors = [_ours(error) for error in result.errors]
        data = result.data if all(error.path for error in errors) else None
        return {"errors": [error.wire() for error in errors], "data": data}


class _Reckoning:
    """What selections could cost, with the values of the variables filled in."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode], variables: dict[str, Any]) -> None:
        self._fragments = fragments
        self._variables = variables

    def cost(self, kind: Any, node: Any) -> int:
        """The cost of everything selected below a node of this type."""
        return sum(self._selected(kind, each) for each in node.selection_set.selections)

    def _selected(self, kind: Any, node: SelectionNode) -> int:
        if isinstance(node, FragmentSpreadNode):
            return self.cost(kind, self._fragments[node.name.value])
        if isinstance(node, InlineFragmentNode):
            return self.cost(kind, node)
        node = cast("FieldNode", node)
        field = kind.fields.get(node.name.value)  # none for `__typename` and the schema's own description
        inner = get_named_type(field.type) if field else None
        return self._read(kind.name, inner, node) if is_object_type(inner) else 0

    def _read(self, parent: str, inner: Any, node: FieldNode) -> int:
        below = self.cost(inner, node)
        given = {each.name.value: value_from_ast_untyped(each.value, self._variables) for each in node.arguments or ()}
        first = given.get("first")
        if inner.name.endswith("Connection") and isinstance(first, int):
            return _CONNECTION_COST + first * max(1, below)
        return below + (0 if inner.name.endswith("Edge") or parent.endswith("Connection") else 1)


def _count(read: Callable[..., Any], thing: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
    value = read(thing, info, **arguments)
    if value is not None and is_object_type(get_named_type(info.return_type)):
        info.context.spent += len(value) if isinstance(value, list) else 1
    return value


def _ours(error: GraphQLError) -> GraphqlError:
    """The error as the practice shop raised it; the library's own is about a variable that does not fit its type."""
    origin = error.original_error
    if isinstance(origin, GraphqlError):
        return origin
    if origin is None or isinstance(origin, GraphQLError):
        return GraphqlError(error.message, "INVALID_VARIABLE")
    raise origin
