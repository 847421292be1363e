from __future__ import annotations

from datetime import timedelta

from consumers.shared.waits import HOUR, QUARTER, Held, waits_of
from schemas.concerns import ConcernType
from tests.consumers.builders import a_unit, gbp


def held(unit_id: str, reason: str = "unknown", **more: object) -> Held:
    look_again = more.pop("look_again", HOUR)
    assert isinstance(look_again, timedelta)
    unit = a_unit(unit_id, currency=str(more.pop("currency", "GBP")))
    return Held(unit, reason, look_again, ConcernType.SKU_UNMATCHED, "tie it")


def test_units_that_wait_for_the_same_reason_are_one_exception_with_their_money_together() -> None:
    [wait] = waits_of([held("u2"), held("u1", look_again=QUARTER)])
    assert wait.look_again == QUARTER
    assert wait.concern is not None
    assert (wait.concern.units, wait.concern.money) == (("u1", "u2"), gbp(72))


def test_different_reasons_stay_apart() -> None:
    assert len(waits_of([held("u1", "this"), held("u2", "that")])) == 2


def test_money_of_two_currencies_is_not_added() -> None:
    [wait] = waits_of([held("u1"), held("u2", currency="EUR")])
    assert wait.concern is not None
    assert wait.concern.money is None


def test_a_quiet_wait_raises_no_exception() -> None:
    [wait] = waits_of([Held(a_unit(), "not yet")])
    assert wait.concern is None
