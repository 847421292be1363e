from __future__ import annotations

import pytest

from pipeline.calls.scrub import scrubbed


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ('{"Customer": "Ada \\"A\\" Lovelace", "SKU": "TEE"}', "Lovelace"),
        ('{"Email":"ada@example.invalid"}', "ada@"),
        ("write to ada.l@example.invalid, please", "ada.l@"),
        ('{"name":"Ada Lov', "Ada"),
        ('{"externalReferenceId": "SPEND-ME"}', "SPEND-ME"),
        ('{"ExternalBearerToken":"hush"}', "hush"),
        ("key B000-0001-FF was refused", "B000"),
    ],
)
def test_a_stored_excerpt_names_nobody_and_opens_nothing(text: str, gone: str) -> None:
    assert gone not in scrubbed(text, ("b000-0001-ff", ""))


def test_what_explains_money_and_stock_stays() -> None:
    text = '{"SKU":"TEE-BLK-M","Name":"Tee black M","Total":30.00,"Memo":"RMA 77 RL-0123456789ab"}'
    assert scrubbed(text, ("a", "")) == text
