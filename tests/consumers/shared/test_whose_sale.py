"""Whose sale is it: ids decide where both are known, names where they are not, and a word in a text never."""

from __future__ import annotations

import pytest

from consumers.shared.whose_sale import Candidate, Order, Proof, bare_id, choose, proof
from schemas.concerns import Concern, ConcernType

OURS = Order("#7001", "5550007001")


def proved(reference: str = "#7001", external: str = "", number: str = "SO-9", order: Order = OURS) -> Proof:
    return proof(order, number, reference, external)


def a_candidate(number: str, reference: str = "#7001", external: str = "", **more: object) -> Candidate:
    return Candidate(f"id-{number}", number, reference, external, **more)  # type: ignore[arg-type]


def chosen(*candidates: Candidate, order: Order = OURS) -> str:
    found = choose(order, candidates)
    assert not isinstance(found, Concern), found
    return found[0].order_number


def asked(*candidates: Candidate, order: Order = OURS) -> Concern:
    found = choose(order, candidates)
    assert isinstance(found, Concern), found
    return found


# -- one sale ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "external",
    [
        "5550007001",
        " 5550007001 ",
        "gid://shopify/Order/5550007001",
        "GID://Shopify/order/5550007001?key=1",
        "https://admin.shopify.com/store/alder/orders/5550007001",
        "5550007001.0",
        "'5550007001",
    ],
)
def test_ids_that_agree_prove_the_sale_however_they_are_written(external: str) -> None:
    assert proved("PO 12 urgent", external) is Proof.ID
    assert proved("", external, order=Order("#7001", "gid://shopify/Order/5550007001")) is Proof.ID


def test_ids_are_compared_without_case() -> None:
    assert proved(external="AB-12", order=Order("#7001", "ab-12")) is Proof.ID


@pytest.mark.parametrize(
    "external",
    ["9999999999", "gid://shopify/Order/9999999999", "#8001", "gid://shopify/DraftOrder/5550007001", "55500070010"],
)
def test_where_both_ids_are_filled_and_differ_it_is_another_order(external: str) -> None:
    assert proved(external=external) is Proof.STRANGER
    assert proved("#7000, #7001", external) is Proof.STRANGER


@pytest.mark.parametrize("external", ["", " ", "0", "null", "00000000-0000-0000-0000-000000000000"])
def test_an_empty_id_proves_nothing(external: str) -> None:
    assert proved(external=external) is Proof.NAME


def test_an_id_that_the_portal_does_not_tell_proves_nothing() -> None:
    assert proved(external="9999999999", order=Order("#7001")) is Proof.NAME


@pytest.mark.parametrize("external", ["#7001", "7001", " #7001 ", "\uff037001"])
def test_the_orders_name_in_external_id_is_ours_too(external: str) -> None:
    assert proved(external=external) is Proof.NAME
    assert proved("", external) is Proof.NAME


@pytest.mark.parametrize("reference", ["#7001", "7001", " #7001 ", "# 7001"])
def test_an_order_name_counts_with_or_without_its_sign_and_spaces(reference: str) -> None:
    assert proved(reference) is Proof.NAME
    assert proved("", number=reference) is Proof.NAME


def test_names_are_compared_without_case() -> None:
    assert proved("en7001-gb", order=Order("#EN7001-GB")) is Proof.NAME


@pytest.mark.parametrize("reference", ["#70011", "17001", "#7001A", "EN7001", ""])
def test_a_longer_name_is_another_name(reference: str) -> None:
    assert proved(reference) is Proof.NONE


@pytest.mark.parametrize(
    "reference", ["PO 7001 urgent", "Jane 12/7001", "re #7001!", "Jane, 7001", "7001-B", "7001 Main St", "12, 7001"]
)
def test_a_word_inside_a_free_text_is_no_order_name(reference: str) -> None:
    assert proved(reference) is Proof.MENTION


@pytest.mark.parametrize("reference", ["#7000, #7001", "7001;7002", "#7001 #7002", "#999/#7001/#7002", "7001 | 7002"])
def test_a_list_of_order_names_is_a_sale_of_several_orders(reference: str) -> None:
    assert proved(reference) is Proof.SHARED


def test_a_short_number_that_is_the_orders_id_is_not_its_name() -> None:
    assert proved("8001", order=Order("#1001", "8001")) is Proof.NONE
    assert proved("5550007001") is Proof.NAME


def test_an_order_without_a_name_is_known_by_its_id_alone() -> None:
    assert proved("", "5550007001", order=Order("", "5550007001")) is Proof.ID
    assert proved("", "", order=Order("", "5550007001")) is Proof.NONE


# -- several sales ----------------------------------------------------------------------------------------------------


def test_a_sale_with_another_orders_id_is_passed_over_and_named() -> None:
    concern = asked(a_candidate("SO-1", external="9999999999"))
    assert concern.kind is ConcernType.ORDER_NOT_FOUND
    assert "SO-1 (9999999999)" in concern.cause
    assert "void" not in concern.next_step.casefold()


def test_of_two_sales_of_one_name_the_id_decides() -> None:
    for stranger in ("5559999", ""):
        assert chosen(a_candidate("SO-1", external=stranger), a_candidate("SO-2", external="5550007001")) == "SO-2"


def test_a_stranger_beside_a_sale_without_id_leaves_that_sale() -> None:
    assert chosen(a_candidate("SO-1", external="5559999"), a_candidate("SO-2")) == "SO-2"


def test_two_sales_of_one_name_without_ids_are_a_question_that_names_none_for_voiding() -> None:
    concern = asked(a_candidate("SO-1"), a_candidate("SO-2"))
    assert concern.kind is ConcernType.CONSOLIDATED_SALE_AMBIGUOUS
    assert ("SO-1, SO-2" in concern.cause, "5550007001" in concern.next_step) == (True, True)
    assert "void" not in concern.next_step.casefold()


def test_two_sales_with_the_orders_own_id_are_a_question() -> None:
    concern = asked(a_candidate("SO-1", external="5550007001"), a_candidate("SO-2", external="5550007001"))
    assert concern.kind is ConcernType.CONSOLIDATED_SALE_AMBIGUOUS


def test_a_voided_sale_counts_only_where_no_other_fits() -> None:
    voided = a_candidate("SO-1", external="5550007001", voided=True)
    assert chosen(voided, a_candidate("SO-2", external="5550007001")) == "SO-2"
    assert chosen(voided, a_candidate("SO-2")) == "SO-2"
    assert chosen(voided, a_candidate("SO-2", external="5559999")) == "SO-1"


def test_a_part_match_is_a_question_that_names_the_sale_but_not_its_text() -> None:
    concern = asked(a_candidate("SO-1", "Jane 12/7001"))
    assert concern.kind is ConcernType.ORDER_NOT_FOUND
    assert "SO-1" in concern.cause
    assert "Jane" not in concern.cause + concern.next_step


def test_a_text_that_mentions_the_name_beside_another_orders_id_is_not_even_a_question() -> None:
    assert "SO-1" not in asked(a_candidate("SO-1", "PO 7001 urgent", "9999999999")).cause


def test_a_sale_of_another_shops_order_is_passed_over_unless_the_id_is_ours() -> None:
    concern = asked(a_candidate("SO-1", tied_to="#7001 of shop birch"))
    assert (concern.kind, "shop birch" in concern.cause) == (ConcernType.ORDER_NOT_FOUND, True)
    assert chosen(a_candidate("SO-1", external="5550007001", tied_to="#7001 of shop birch")) == "SO-1"


def test_one_sale_alone_is_better_than_a_sale_of_several_orders() -> None:
    assert chosen(a_candidate("SO-1"), a_candidate("SO-2", "#7001, #7002")) == "SO-1"


def test_two_sales_of_several_orders_are_a_question() -> None:
    concern = asked(a_candidate("SO-1", "#7001, #7002"), a_candidate("SO-2", "#7001, #7003"))
    assert concern.kind is ConcernType.CONSOLIDATED_SALE_AMBIGUOUS


def test_a_foreign_shops_id_is_shown_no_longer_than_needed() -> None:
    assert "9" * 41 not in asked(a_candidate("SO-1", external="9" * 256)).cause


@pytest.mark.parametrize("text", ["", "0", " - ", "N/A", "None"])
def test_what_systems_write_for_no_id_is_none(text: str) -> None:
    assert bare_id(text) == ""
