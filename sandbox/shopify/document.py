"""Reading a GraphQL document against the schema, and saying what is wrong with it in the shop's words."""

import re

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    NoUnusedVariablesRule,
    parse,
    specified_rules,
    validate,
)

# A key that is declared and then forgotten must reach the mutation, which says what is missing.
_RULES = [rule for rule in specified_rules if rule is not NoUnusedVariablesRule]
#: The library's words, the shop's words, and the shop's code.
_WORDS = (
    (r"Cannot query field '(\w+)' on type '(\w+)'.*", r"Field '\1' doesn't exist on type '\2'", "undefinedField"),
    (r"Field '(\w+)' of type .* must have .*", r"Field must have selections (field '\1')", "selectionMismatch"),
    (r"Field '(\w+)' must not have .*", r"Selections can't be made on scalars (field '\1')", "selectionMismatch"),
    (r"Unknown fragment '(\w+)'.*", r"Fragment \1 was used, but not defined", "useAndDefineFragment"),
    (
        r"Unknown argument '(\w+)' on (?:field '\w+\.|directive '@)(\w+)'.*",
        r"Field '\2' doesn't accept argument '\1'",
        "argumentNotAccepted",
    ),
    (
        r"Argument '(?:\w+\.|@)(\w+)\((\w+):\)' of type .* is required.*",
        r"Field '\1' is missing required arguments: \2",
        "missingRequired",
    ),
    (r"(Variable .* used in position expecting .*)", r"\1", "variableMismatch"),
    (r"(Variable .* is not defined.*)", r"\1", "variableNotDefined"),
    (r"(.* cannot represent .*)", r"\1", "argumentLiteralsIncompatible"),
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


def read_document(schema: GraphQLSchema, text: str) -> DocumentNode:
    """Parse a request's `query` and check it against the schema. Raises `GraphqlError` for what is wrong first."""
    try:
        document = parse(text)
    except GraphQLSyntaxError as error:
        raise GraphqlError(f"Parse error: {error.message}", "parseError") from None
    for problem in validate(schema, document, _RULES):
        raise _in_the_shops_words(problem)
    return document


def _in_the_shops_words(problem: GraphQLError) -> GraphqlError:
    for pattern, words, code in _WORDS:
        match = re.fullmatch(pattern, problem.message, re.DOTALL)
        if match:
            return GraphqlError(match.expand(words), code)
    return GraphqlError(problem.message, "invalidDocument")
