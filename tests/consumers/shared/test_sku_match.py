from __future__ import annotations

import pytest

from consumers.case import AliasProposal
from consumers.shared.sku_match import SkuMatch, SkuMiss, climb
from schemas.concerns import ConcernType
from tests.consumers.builders import a_line

LINES = [a_line("TEE-BLK-M"), a_line("TEE-BLK-L"), a_line("00417")]


def test_an_exact_sku_needs_no_alias() -> None:
    assert climb("TEE-BLK-M", LINES, {}) == SkuMatch("p-tee-blk-m", "TEE-BLK-M")


@pytest.mark.parametrize(
    "spelled",
    ["tee-blk-m", " TEE-BLK-M ", "TEE–BLK—M", "TEE‑BLK−M", "TEE/BLK/M", "TEE_BLK.M", "TEE BLK M", "ＴＥＥ-BLK-M"],
)
def test_case_spaces_dashes_and_slashes_do_not_hide_a_product(spelled: str) -> None:
    found = climb(spelled, LINES, {})
    assert isinstance(found, SkuMatch)
    assert found.proposal == AliasProposal(spelled, "TEE-BLK-M", "p-tee-blk-m")


def test_leading_zeros_eaten_by_a_spreadsheet_are_given_back() -> None:
    found = climb("417", LINES, {})
    assert isinstance(found, SkuMatch)
    assert found.sku == "00417"


def test_a_known_alias_wins_over_spelling() -> None:
    assert climb("OLD-TEE", LINES, {"OLD-TEE": "TEE-BLK-L"}) == SkuMatch("p-tee-blk-l", "TEE-BLK-L")


def test_an_alias_that_is_not_on_the_sale_does_not_help() -> None:
    assert isinstance(climb("OLD-TEE", LINES, {"OLD-TEE": "HAT"}), SkuMiss)


def test_two_products_that_differ_only_in_spelling_are_never_guessed() -> None:
    found = climb("ab1", [a_line("AB-1", product_id="p1"), a_line("A/B1", product_id="p2")], {})
    assert isinstance(found, SkuMiss)
    assert found.kind is ConcernType.SKU_AMBIGUOUS


def test_one_sku_on_two_products_is_never_guessed() -> None:
    found = climb("AB-1", [a_line("AB-1", product_id="p1"), a_line("AB-1", product_id="p2")], {})
    assert isinstance(found, SkuMiss)


def test_the_same_product_on_two_lines_is_not_ambiguous() -> None:
    assert isinstance(climb("TEE-BLK-M", [LINES[0], LINES[0]], {}), SkuMatch)


def test_a_miss_names_the_nearest_products() -> None:
    found = climb("TEE-BLK-XM", LINES, {})
    assert isinstance(found, SkuMiss)
    assert found.kind is ConcernType.SKU_UNMATCHED
    assert found.candidates[0] == "TEE-BLK-M"


@pytest.mark.parametrize("empty", ["", "  ", "-"])
def test_an_empty_sku_matches_nothing(empty: str) -> None:
    assert isinstance(climb(empty, [*LINES, a_line("--")], {}), SkuMiss)
