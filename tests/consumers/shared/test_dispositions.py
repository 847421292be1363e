from __future__ import annotations

import pytest

from consumers.shared.dispositions import Unplaced, checked_location, rule_for, wanted_location
from schemas.concerns import ConcernType
from schemas.returns import Inspection
from schemas.sales import Location
from schemas.terms import Disposition, DispositionRule, Finding
from tests.consumers.builders import CAGE, MAIN, a_unit, found_faulty, found_good, some_terms

RULES = (
    DispositionRule("Faulty", Finding.RESTOCKABLE, Disposition.RESTOCK),
    DispositionRule("Faulty", None, Disposition.WRITE_OFF, account="510"),
    DispositionRule("*", Finding.NOT_RESTOCKABLE, Disposition.QUARANTINE),
    DispositionRule("Too small", None, Disposition.RESTOCK, location="Front Shelf"),
)


@pytest.mark.parametrize(
    ("reason", "inspection", "disposition"),
    [
        ("Faulty", found_good(), Disposition.RESTOCK),
        ("faulty ", found_faulty(), Disposition.WRITE_OFF),
        ("Faulty", None, Disposition.WRITE_OFF),
        ("Too small", found_faulty(), Disposition.QUARANTINE),
        ("Too small", None, Disposition.RESTOCK),
        ("Bored", found_good(), None),
    ],
)
def test_the_first_rule_that_fits_reason_and_finding_wins(
    reason: str, inspection: Inspection | None, disposition: Disposition | None
) -> None:
    rule = rule_for(a_unit(reason=reason, inspection=inspection), some_terms(dispositions=RULES))
    assert (rule.disposition if rule else None) is disposition


@pytest.mark.parametrize(
    ("disposition", "place"),
    [
        (Disposition.RESTOCK, MAIN.name),
        (Disposition.QUARANTINE, CAGE.name),
        (Disposition.WRITE_OFF, CAGE.name),
        (Disposition.KEEP, None),
    ],
)
def test_goods_go_where_their_disposition_says(disposition: Disposition, place: str | None) -> None:
    assert wanted_location(a_unit(), DispositionRule("*", None, disposition), some_terms()) == place


def test_the_location_scanned_in_the_portal_decides_where_good_items_go() -> None:
    terms = some_terms(portal_locations={"77": CAGE.name})
    unit = a_unit(inspection=found_good(location="77"))
    assert wanted_location(unit, RULES[3], terms) == CAGE.name


@pytest.mark.parametrize(
    ("location", "disposition", "kind"),
    [
        ("99", Disposition.RESTOCK, ConcernType.LOCATION_UNMAPPED),
        ("", Disposition.HOLD, ConcernType.ON_HOLD),
    ],
)
def test_what_is_not_mapped_is_held_and_never_guessed(
    location: str, disposition: Disposition, kind: ConcernType
) -> None:
    unit = a_unit(inspection=found_good(location=location))
    found = wanted_location(unit, DispositionRule("*", None, disposition), some_terms())
    assert isinstance(found, Unplaced)
    assert found.kind is kind


def test_without_a_quarantine_location_faulty_goods_are_held() -> None:
    rule = DispositionRule("*", None, Disposition.QUARANTINE)
    assert isinstance(wanted_location(a_unit(), rule, some_terms(quarantine_location="")), Unplaced)


@pytest.mark.parametrize(
    "location",
    [
        None,
        Location("x", "X", deprecated=True),
        Location("x", "X", staging=True),
        Location("x", "X", fixed_assets=True),
    ],
)
def test_goods_never_go_to_a_location_that_cannot_take_them(location: Location | None) -> None:
    found = checked_location("X", {"X": location})
    assert isinstance(found, Unplaced)
    assert found.kind is ConcernType.LOCATION_INVALID
