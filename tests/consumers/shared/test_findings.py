"""What the warehouse's words mean."""

from __future__ import annotations

import pytest

from consumers.shared.findings import seen_of, serial_differs, unidentified
from tests.consumers.builders import a_unit, found_faulty, found_good

OTHER_SERIALS = [
    "Serial number does not match",
    "Wrong serial",
    "different IMEI",
    "Mismatched serial",
    "serial differs",
]
NO_SERIAL_TROUBLE = ["", "Scratched", "Serial label missing", "Wrong colour", "Serial killer novel"]


@pytest.mark.parametrize("words", OTHER_SERIALS)
def test_words_about_another_serial_are_heard_wherever_they_stand(words: str) -> None:
    assert serial_differs(a_unit(inspection=found_good(restockable=False, not_restockable_reason=words)))
    assert serial_differs(a_unit(inspection=found_good(returned=False, not_returned_reason=words)))


@pytest.mark.parametrize("words", NO_SERIAL_TROUBLE)
def test_other_words_are_no_serial_trouble(words: str) -> None:
    assert not serial_differs(a_unit(inspection=found_good(restockable=False, not_restockable_reason=words)))


def test_the_shoppers_own_reason_is_no_finding_of_the_warehouse() -> None:
    assert not unidentified(a_unit(reason="Wrong item"))
    assert not unidentified(a_unit(reason="Wrong item", inspection=found_good()))


def test_only_goods_that_did_not_come_can_have_been_something_else() -> None:
    assert not unidentified(a_unit(inspection=found_good(restockable=False, not_restockable_reason="Wrong item")))


def test_an_inspection_leaves_a_trace_that_changes_with_it() -> None:
    traces = {seen_of(a_unit(inspection=found)) for found in (None, found_good(), found_faulty(), found_good("Leeds"))}
    assert len(traces) == 4
    assert seen_of(a_unit()) == ""
