"""What the settings must say before refunds are recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.settings.values import Settings
from tests.pipeline.settings.values import alder, some_settings


def with_terms(folder: Path, **terms: object) -> Settings:
    return some_settings(folder, shops={"alder": alder() | {"terms": terms}})


def test_recording_refunds_needs_an_account_for_them(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"refund_accounts: refund_owner is returnline, .*; set card") as problem:
        with_terms(tmp_path, refund_owner="returnline")
    assert "shops.alder.terms.refund_accounts" in str(problem.value)


@pytest.mark.parametrize("owner", ["native", "nobody"])
def test_refunds_of_somebody_else_need_no_account(tmp_path: Path, owner: str) -> None:
    assert with_terms(tmp_path, refund_owner=owner).shops["alder"].terms.refund_accounts == {}


def test_accounts_are_read_by_the_kind_of_refund(tmp_path: Path) -> None:
    terms = with_terms(tmp_path, refund_owner="returnline", refund_accounts={"card": "712"}).shops["alder"].terms
    assert terms.refund_accounts == {"card": "712"}
