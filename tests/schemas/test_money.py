"""Money is exact, keeps to one currency, and knows the smallest coin of each."""

from __future__ import annotations

import operator
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from schemas.money import CurrencyMismatchError, Money, coin_of, minor_exponent, total, zero

d = Decimal


@pytest.mark.parametrize(
    ("currency", "places", "coin"),
    [
        ("GBP", 2, "0.01"),
        ("EUR", 2, "0.01"),
        ("JPY", 0, "1"),
        ("KRW", 0, "1"),
        ("KWD", 3, "0.001"),
        ("CLF", 4, "0.0001"),
    ],
)
def test_every_currency_has_its_smallest_coin(currency: str, places: int, coin: str) -> None:
    assert (minor_exponent(currency), coin_of(currency)) == (places, d(coin))


@pytest.mark.parametrize(
    ("amount", "currency", "payable"),
    [
        ("1.004", "GBP", "1.00"), ("1.005", "GBP", "1.01"), ("-1.005", "GBP", "-1.01"),
        ("100.4", "JPY", "100"), ("100.5", "JPY", "101"), ("-100.5", "JPY", "-101"), ("0.49", "JPY", "0"),
        ("1.2344", "KWD", "1.234"), ("1.2345", "KWD", "1.235"), ("-1.2345", "KWD", "-1.235"),
    ],
)  # fmt: skip
def test_what_can_be_paid_is_rounded_half_up_to_the_coin(amount: str, currency: str, payable: str) -> None:
    paid = Money(d(amount), currency).to_minor()
    assert str(paid.amount) == payable
    assert paid.currency == currency


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [("1234.5", "GBP", "1,234.50 GBP"), ("1234.5", "JPY", "1,235 JPY"), ("1234.5", "KWD", "1,234.500 KWD")],
)
def test_it_is_written_with_the_places_of_its_currency(amount: str, currency: str, text: str) -> None:
    assert str(Money(d(amount), currency)) == text


def test_lines_keep_four_places_rounded_half_up_or_cut() -> None:
    assert Money(d("0.00005"), "GBP").quantized() == Money(d("0.0001"), "GBP")
    assert Money(d("0.00009"), "GBP").truncated() == Money(d(0), "GBP")


@pytest.mark.parametrize("do", [operator.add, operator.sub, operator.lt, operator.le, operator.gt, operator.ge])
def test_two_currencies_never_meet(do: Callable[[Any, Any], Any]) -> None:
    with pytest.raises(CurrencyMismatchError, match="GBP and JPY"):
        do(Money(d(1), "GBP"), Money(d(1), "JPY"))


def test_a_sum_is_exact_and_of_one_currency() -> None:
    assert total([Money(d("0.1"), "KWD")] * 3, "KWD") == Money(d("0.3"), "KWD")
    assert total([], "JPY") == zero("JPY")
    with pytest.raises(CurrencyMismatchError):
        total([Money(d(1), "GBP")], "JPY")


def test_it_orders_negates_and_multiplies() -> None:
    one, two = Money(d(1), "GBP"), Money(d(2), "GBP")
    assert one < two <= one * 2
    assert two > one >= -two
    assert abs(-two) == two
    assert (bool(one), bool(one * 0)) == (True, False)
    assert two - one == one
    assert one + one == two


@pytest.mark.parametrize("amount", [1, 1.5, "1"])
def test_only_decimals_are_money(amount: Any) -> None:
    with pytest.raises(TypeError, match=r"Money\.amount must be a Decimal"):
        Money(amount, "GBP")


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity"])
def test_only_finite_amounts_are_money(amount: str) -> None:
    with pytest.raises(ValueError, match="finite"):
        Money(d(amount), "GBP")


@pytest.mark.parametrize("currency", ["", "gbp", "GB", "GBPX", "G1P"])
def test_a_currency_is_three_capitals(currency: str) -> None:
    with pytest.raises(ValueError, match=r"Money\.currency"):
        Money(d(1), currency)
