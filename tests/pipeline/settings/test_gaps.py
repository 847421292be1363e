"""The merchant's patience with gaps is read with every problem named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.settings.values import SettingsInvalidError
from tests.pipeline.settings.values import alder, some_settings


def _shop(**terms: Any) -> dict[str, Any]:
    return {"alder": alder() | {"terms": terms}}


def test_hours_and_owners_of_gaps_are_read(tmp_path: Path) -> None:
    shops = _shop(gap_hours={"note-drift": 4}, gap_owners={"note-drift": "operations"})
    terms = some_settings(tmp_path, shops=shops).shops["alder"].terms
    assert terms.gap_hours == {"note-drift": 4}
    assert terms.gap_owners["note-drift"] == "operations"


def test_a_gap_that_does_not_exist_is_named_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalidError) as refused:
        some_settings(tmp_path, shops=_shop(gap_hours={"note-drft": 4}))
    assert any("gap_hours.note-drft" in line and "'note-drift'" in line for line in refused.value.problems)
