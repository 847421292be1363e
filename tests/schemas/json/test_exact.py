from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.json.exact import SchemaInvalidError, dumps, parse

exact = st.decimals(allow_nan=False, allow_infinity=False, min_value="-1e12", max_value="1e12", places=4)
scalars = st.none() | st.booleans() | st.integers(-(10**15), 10**15) | exact | st.text()
documents = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@given(documents)
def test_what_is_written_is_read_back_exactly(document: Any) -> None:
    assert parse(dumps(document)) == document


def test_money_is_written_digit_for_digit() -> None:
    assert dumps({"Tax": Decimal("1826.0870"), "Rate": Decimal("1E+2")}) == b'{"Tax":1826.0870,"Rate":100}'


def test_a_number_never_passes_through_binary_floating_point() -> None:
    assert parse(b'{"a": 0.1000000000000000055}') == {"a": Decimal("0.1000000000000000055")}


@pytest.mark.parametrize("value", [0.5, object(), b"x"])
def test_what_cannot_be_written_exactly_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        dumps({"a": value})


def test_an_infinite_amount_is_never_sent() -> None:
    with pytest.raises(ValueError, match="finite"):
        dumps(Decimal("Infinity"))


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b'{"a": NaN}', "NaN is not a JSON number"),
        (b'{"a": -Infinity}', "-Infinity is not a JSON number"),
        (b'{"a": ' + b"9" * 5000 + b"}", "more than 40 digits"),
        (b'{"a": 1e999999}', "more than 40 digits"),
        (b"[" * 101 + b"]" * 101, "nested deeper"),
        (b"[" * 200_000, "nested deeper"),
        (b'{"id": 1, "id": 2}', "appears twice"),
        (b'{"a": "\\ud800"}', "surrogate"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b"", "not JSON"),
        (b"<html>Page not found</html>", "not JSON"),
        (b'{"a": 1', "not JSON"),
    ],
)
def test_a_body_that_is_not_plain_json_is_refused_with_the_reason(body: bytes, complaint: str) -> None:
    with pytest.raises(SchemaInvalidError, match=complaint):
        parse(body)


def test_a_hundred_levels_are_still_read() -> None:
    assert json.dumps(parse(b"[" * 100 + b"]" * 100)) == "[" * 100 + "]" * 100


def test_a_byte_order_mark_and_paired_surrogates_are_read() -> None:
    assert parse(b'\xef\xbb\xbf{"a": "\\ud83d\\ude00"}') == {"a": "\U0001f600"}


def test_a_repeated_key_may_be_let_through_where_only_an_id_is_wanted() -> None:
    assert parse(b'{"id": 1, "id": 2}', unique_keys=False) == {"id": 2}
