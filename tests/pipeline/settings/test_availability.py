"""Stock that is shown: settings that cannot mean what they say are refused with the fix."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.settings.load import read
from pipeline.settings.values import Settings, SettingsInvalidError
from tests.pipeline.settings.values import alder


def shown(**terms: Any) -> Settings:
    return read({"shops": {"alder": {**alder(), "terms": {"availability_target": "feed", **terms}}}})


def problems(**terms: Any) -> tuple[str, ...]:
    with pytest.raises(SettingsInvalidError) as refused:
        shown(**terms)
    return refused.value.problems


def test_stock_that_is_shown_needs_a_place_it_is_sold_from() -> None:
    [problem] = problems()

    assert problem.startswith("shops.alder.terms.sellable_locations: empty")


def test_the_place_for_returns_will_do() -> None:
    assert shown(sellable_location="Main").shop("alder").terms.availability_target == "feed"


def test_quarantined_goods_are_never_for_sale() -> None:
    [problem] = problems(sellable_locations=["Main", "Cage"], quarantine_location="Cage")

    assert "'Cage' is the quarantine" in problem


def test_a_shop_that_shows_nothing_needs_no_place() -> None:
    assert shown(availability_target="none").shop("alder").terms.sellable_locations == ()


def test_shopify_needs_its_own_table() -> None:
    [problem] = problems(availability_target="shopify", sellable_location="Main")

    assert "[shops.alder.shopify]" in problem
