"""What goods cost when they left and at which value they came back, by the movements inside a sale."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.shared.goods_value import Range, came_back, cost_of, issued_range
from schemas.sales import Movement, Sale
from tests.consumers.builders import a_fulfilment, a_line, a_pick, a_sale, an_invoice, d

TEE = "p-tee-blk-m"


def shipped(*layers: str, quantity: int = 3, back: str = "", product: str = TEE) -> Sale:
    """A sale of tees that left in these cost layers; `back` is what a note put back."""
    rows = [Movement("task-ship-INV-1", product, -Decimal(cost)) for cost in layers]
    rows += [Movement("task-CR-1", product, Decimal(back))] if back else []
    return a_sale(an_invoice(a_line(quantity=quantity)), movements=tuple(rows))


def test_a_piece_costs_its_share_of_what_all_pieces_cost() -> None:
    assert cost_of(shipped("28.20"), [a_pick()]) == d("9.4")


def test_without_movements_or_goods_the_cost_is_unknown() -> None:
    assert cost_of(shipped(), [a_pick()]) is None
    assert cost_of(shipped("28.20"), []) is None
    assert cost_of(shipped("28.20"), [a_pick("OTHER")]) is None


RANGES = [
    (("28.20",), 1, "9.4", "9.4"),
    (("6.10", "7.45", "7.45"), 1, "6.10", "7.45"),
    (("6.10", "7.45", "7.45"), 2, "13.55", "14.90"),
    (("6.10", "14.90"), 3, "21.00", "21.00"),
    (("6.10", "14.90"), 1, "3.05", "14.90"),
]


@pytest.mark.parametrize(("layers", "count", "low", "high"), RANGES)
def test_pieces_left_between_the_cheapest_and_the_dearest_they_can_have_been(
    layers: tuple[str, ...], count: int, low: str, high: str
) -> None:
    assert issued_range(shipped(*layers), [a_pick(quantity=count)]) == Range(d(low), d(high))


def test_what_came_back_counts_only_for_its_own_note() -> None:
    sale = shipped("28.20", back="9.4")
    assert came_back(sale, "task-CR-1", [a_pick()]) == d("9.4")
    assert came_back(sale, "task-CR-2", [a_pick()]) is None


def test_on_a_simple_sale_the_sign_tells_goods_back_from_goods_sold() -> None:
    rows = (Movement("sale", TEE, d("-28.20")), Movement("sale", TEE, d("9.40")))
    sale = a_sale(an_invoice(a_line(quantity=3)), movements=rows)
    assert came_back(sale, "sale", [a_pick()]) == d("9.40")


def test_a_movement_without_a_product_counts_where_only_one_product_was_shipped() -> None:
    assert cost_of(shipped("28.20", product=""), [a_pick()]) == d("9.4")
    two = a_fulfilment(a_pick(quantity=3), a_pick("CAP"))
    mixed = a_sale(fulfilments=(two,), movements=(Movement("task-ship-INV-1", "", d("-30")),))
    assert cost_of(mixed, [a_pick()]) is None


@given(
    costs=st.lists(st.decimals(min_value="0.0001", max_value="500", places=4), min_size=1, max_size=6),
    count=st.integers(min_value=1, max_value=6),
)
def test_any_choice_of_single_pieces_lies_inside_the_range(costs: list[Decimal], count: int) -> None:
    chosen = costs[: min(count, len(costs))]
    sale = shipped(*(str(cost) for cost in costs), quantity=len(costs))
    span = issued_range(sale, [a_pick(quantity=len(chosen))])
    assert span is not None
    assert span.off(sum(chosen, Decimal(0))) == 0


@pytest.mark.parametrize(("value", "off"), [("1", "1"), ("2", "0"), ("3", "0"), ("5", "2")])
def test_a_value_is_off_by_its_distance_from_the_range(value: str, off: str) -> None:
    assert Range(d(2), d(3)).off(d(value)) == d(off)
