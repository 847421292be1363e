"""Which sale in Cin7 is the new order of an exchange."""

from __future__ import annotations

import pytest

from consumers.shared.order_names import exchanged_units, names_of
from schemas.returns import ExchangeItem, ExchangeOrder
from tests.consumers.builders import a_return, a_unit
from tests.consumers.exchange_orders.exchange_stories import a_swap, an_exchange, an_order


def fits(reference: str = "", *, number: str = "SO-9", external: str = "", marker: str = "", **order: object) -> bool:
    told = an_exchange(order=an_order(**order))  # type: ignore[arg-type]
    return names_of(told, told.exchange_orders[0], marker).fit(number, reference, external)


@pytest.mark.parametrize("reference", ["#D26", "D26", " #d26 "])
def test_a_draft_is_known_by_its_name_in_the_customer_reference(reference: str) -> None:
    assert fits(reference)


def test_a_released_order_is_known_by_its_real_name_or_id() -> None:
    assert fits("#1044", released=True)
    assert fits(external="7044", released=True)


def test_a_draft_is_known_by_its_id_as_external_id() -> None:
    assert fits(external="900")


def test_the_original_order_is_never_its_own_exchange() -> None:
    assert not fits("#1001", name="#1001")
    assert not fits(external="55001")


def test_a_name_that_only_contains_the_drafts_name_is_another_order() -> None:
    assert not fits("#D260")


def test_the_merchants_marker_counts_only_beside_a_name_of_this_return() -> None:
    assert fits("Exchange for #1001", marker="exchange")
    assert fits("EXCHANGE RMA1001", marker="exchange")
    assert not fits("Exchange for #1002", marker="exchange")
    assert not fits("#1001 replacement", marker="exchange")


@pytest.mark.parametrize(
    "reference",
    [
        "Exchange PO 1001 urgent",
        "Exchange Jane 12/1001",
        "Exchange for #1001, call first",
        "Exchange 1001 Main Street",
        "EXCHANGES #1001",
        "Exchange",
    ],
)
def test_a_word_inside_a_free_text_is_no_name_whatever_marker_stands_beside_it(reference: str) -> None:
    assert not fits(reference, marker="exchange")


@pytest.mark.parametrize(
    "reference", ["RMA 1001 exchange", "Exchange: rma-1001", "Exchange #1001 RMA1001", "#1001 EXCHANGE"]
)
def test_a_name_and_the_marker_alone_are_a_name_in_any_order(reference: str) -> None:
    assert fits(reference, marker="Exchange")


def test_a_bare_number_beside_the_marker_is_an_orders_and_not_an_rmas() -> None:
    told = a_return(rma_id="7300", exchange_orders=(an_order(),))
    names = names_of(told, told.exchange_orders[0], "Exchange")
    assert not names.fit("SO-9", "Exchange 7300", "")
    assert names.fit("SO-9", "Exchange RMA7300", "")


@pytest.mark.parametrize("external", ["901", "gid://shopify/DraftOrder/901"])
def test_a_draft_of_the_same_name_with_another_id_is_another_shops(external: str) -> None:
    assert not fits("#D26", external=external)


@pytest.mark.parametrize("external", ["900", "gid://shopify/DraftOrder/900", "#D26", " "])
def test_a_draft_with_its_own_id_or_name_or_none_is_this_exchange(external: str) -> None:
    assert fits("#D26", external=external)


def test_without_a_marker_only_names_count() -> None:
    assert not fits("Exchange for #1001")


def test_an_order_without_any_name_fits_nothing() -> None:
    told = an_exchange(order=ExchangeOrder("", "", "", "Exchange"))
    assert not names_of(told, told.exchange_orders[0], "").fit("", "", "")


def test_in_a_mixed_return_only_the_swapped_units_belong_to_the_exchange() -> None:
    told = a_return(a_swap("u1"), a_unit("u2", resolution="RefundToPaymentMethod"))
    assert [unit.returned_item_id for unit in exchanged_units(told)] == ["u1"]


def test_in_a_product_exchange_the_refunded_units_are_left_out() -> None:
    mixed = (a_unit("u1", resolution="ProductSwap"), a_unit("u2", resolution="RefundToStoreCredit"))
    told = a_return(*mixed, exchange_items=(ExchangeItem("TEE-BLK-L", "v", 1),))
    assert [unit.returned_item_id for unit in exchanged_units(told)] == ["u1"]
