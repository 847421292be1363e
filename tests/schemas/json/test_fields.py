from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.json.fields import (
    Currency,
    Day,
    Guid,
    Identifier,
    Identifiers,
    Loose,
    Moment,
    Number,
    Part,
    Rows,
    SchemaInvalidError,
    Shape,
    Text,
    Truth,
    load,
)

GUID = "0a1b2c3d-1111-4222-8333-444455556666"


def read(field: Loose, value: Any) -> Any:
    return load(Shape.from_dict({"x": field})(), {"x": value}, "the test")["x"]


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        (Number("x"), 199, Decimal(199)),
        (Number("x"), Decimal("25.960"), Decimal("25.960")),
        (Number("x"), " 10.0000000000 ", Decimal("10.0000000000")),
        (Number("x"), None, Decimal(0)),
        (Number("x", None), " ", None),
        (Text("x"), "CR-00731 ", "CR-00731"),
        (Text("x"), 5, "5"),
        (Text("x"), None, ""),
        (Identifier("x"), 4400001, "4400001"),
        (Identifier("x"), Decimal("5.0"), "5"),
        (Guid("x"), GUID.upper() + " ", GUID),
        (Guid("x"), None, ""),
        (Currency("x"), "gbp", "GBP"),
        (Truth("x"), 1, True),
        (Truth("x"), "False", False),
        (Truth("x", None), None, None),
        (Day("x"), "2017-01-27T00:00:00Z", date(2017, 1, 27)),
        (Day("x"), "2026-03-20T23:59:59.9999999+13:00", date(2026, 3, 20)),
        (Day("x"), "20/03/2026", date(2026, 3, 20)),
        (Day("x"), "0001-01-01T00:00:00", None),
        (Day("x"), "", None),
        (Moment("x"), "2026-03-05T08:11:42.65Z", datetime(2026, 3, 5, 8, 11, 42, 650000, UTC)),
        (Moment("x"), "2026-03-05T08:11:16.2425576Z", datetime(2026, 3, 5, 8, 11, 16, 242557, UTC)),
        (Moment("x"), "2026-03-05T08:11:42", datetime(2026, 3, 5, 8, 11, 42, tzinfo=UTC)),
        (Moment("x"), "2026-03-05T10:11:42+02:00", datetime(2026, 3, 5, 8, 11, 42, tzinfo=UTC)),
        (Identifiers("x"), [1, "2"], ["1", "2"]),
        (Identifiers("x"), None, []),
        (Rows("x", Shape()), None, []),
        (Part("x", Shape()), None, None),
    ],
)
def test_careless_values_are_read_for_what_they_mean(field: Loose, value: Any, expected: Any) -> None:
    assert read(field, value) == expected


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        (Number("x"), "twelve", "a number such as 12.50"),
        (Number("x"), True, "a number such as 12.50"),
        (Number("x"), [], "a number such as 12.50"),
        (Number("x"), "NaN", "a number such as 12.50"),
        (Number("x"), "1e400", "a number such as 12.50"),
        (Number("x", required=True), None, "missing; send a number"),
        (Text("x"), {"a": 1}, "send text"),
        (Text("x"), True, "send text"),
        (Identifier("x"), Decimal("5.5"), "send an id"),
        (Identifier("x", required=True), " ", "missing; send an id"),
        (Currency("x"), "POUND", "three-letter"),
        (Truth("x"), "maybe", "true or false"),
        (Truth("x"), 2, "true or false"),
        (Day("x"), "tomorrow", "a date such as"),
        (Day("x"), 20260320, "a date such as"),
        (Moment("x"), "2026-13-05T00:00:00Z", "a time such as"),
        (Moment("x"), "9999-12-31T23:59:59-23:00", "a time such as"),
        (Part("x", Shape()), [], "an object"),
        (Rows("x", Shape()), {}, "a list of objects"),
        (Rows("x", Shape()), [1], "Invalid input type"),
        (Identifiers("x"), "1,2", "a list of ids"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_with_what_to_send(field: Loose, value: Any, complaint: str) -> None:
    with pytest.raises(SchemaInvalidError, match=complaint) as caught:
        read(field, value)
    assert all(path.startswith("x") for path in caught.value.errors)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value="-1e12", max_value="1e12", places=10))
def test_any_amount_survives_as_a_number_or_as_text(amount: Decimal) -> None:
    assert read(Number("x"), amount) == read(Number("x"), str(amount)) == amount


@given(st.integers(10**5, 4 * 10**9), st.integers(-14, 14))
def test_a_moment_is_the_same_in_every_zone(seconds: int, hours: int) -> None:
    moment = datetime.fromtimestamp(seconds, UTC)
    assert read(Moment("x"), moment.astimezone(timezone(timedelta(hours=hours))).isoformat()) == moment


@given(
    st.dates(min_value=date(1970, 1, 1)), st.sampled_from(["", "T00:00:00", "T00:00:00Z", "T23:59:59.9999999+14:00"])
)
def test_a_business_date_is_never_shifted_by_its_zone(day: date, rest: str) -> None:
    assert read(Day("x"), day.isoformat() + rest) == day
