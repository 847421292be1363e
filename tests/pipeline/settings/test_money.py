"""The merchant's charges in the settings file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.settings.values import SettingsInvalidError
from schemas.terms import ConsolidatedSales, ExternalIds, GiftPolicy, ShippingRefund, Terms
from tests.pipeline.settings.values import alder, some_settings

CHARGE = {"description": "Return fee", "account": "260", "tax_rule": "20% (VAT on Income)"}


def terms(tmp_path: Path, **told: Any) -> Terms:
    return some_settings(tmp_path, shops={"alder": {**alder(), "terms": told}}).shop("alder").terms


def test_a_charge_may_be_taken_once_per_return(tmp_path: Path) -> None:
    found = terms(tmp_path, fees={"return": {**CHARGE, "once_per_return": True}, "restocking": CHARGE})
    assert (found.fees["return"].once_per_return, found.fees["restocking"].once_per_return) == (True, False)


def test_what_a_refund_may_mean_is_the_merchants_choice(tmp_path: Path) -> None:
    found = terms(tmp_path, shipping_refunds="up_to", gift_policy="ignore")
    assert (found.shipping_refunds, found.gift_policy) == (ShippingRefund.UP_TO, GiftPolicy.IGNORE)
    safe = terms(tmp_path)
    assert (safe.shipping_refunds, safe.gift_policy) == (ShippingRefund.EXACT, GiftPolicy.HOLD)


def test_whose_sale_it_is_may_be_asked_of_names_alone_and_shares_may_be_credited(tmp_path: Path) -> None:
    found = terms(tmp_path, external_ids="ignore", consolidated_sales="unique")
    assert (found.external_ids, found.consolidated_sales) == (ExternalIds.IGNORE, ConsolidatedSales.UNIQUE)
    safe = terms(tmp_path)
    assert (safe.external_ids, safe.consolidated_sales) == (ExternalIds.ORDER_ID, ConsolidatedSales.ASK)


@pytest.mark.parametrize(
    ("table", "wrong", "right"), [("fees", "retrun", "return"), ("adjustments", "godwill", "goodwill")]
)
def test_a_misspelt_charge_is_named_with_the_right_word(tmp_path: Path, table: str, wrong: str, right: str) -> None:
    with pytest.raises(SettingsInvalidError) as refused:
        terms(tmp_path, **{table: {wrong: CHARGE}})
    assert f"shops.alder.terms.{table}.{wrong}" in str(refused.value)
    assert right in str(refused.value)
