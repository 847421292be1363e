"""What was let be is added up per return, and is no gap that somebody would have to close."""

from __future__ import annotations

import pytest

from pipeline.ledger.gaps import passed
from pipeline.ledger.gaps.passed import LetBe
from schemas.concerns import ConcernType
from schemas.returns import DONE
from tests.console.cli.test_gaps import Office, office  # noqa: F401 - a fixture
from tests.consumers.builders import a_unit, gbp
from tests.pipeline.ledger.gap_desk import DAY0, SHOP, GapDesk, here, refund_of, the_unit


def let_be(desk: GapDesk) -> list[LetBe]:
    with desk.ledger.read() as conn:
        return passed.find(conn, {SHOP: desk.terms}, DAY0)


def pennies(desk: GapDesk, refunded: str, status: str = DONE) -> int:
    """Unit u1 is credited with 36.00 and refunded with this."""
    return_id = desk.told(here(status=status, transactions=(refund_of("u1", amount=refunded),)))
    desk.credited()
    return return_id


@pytest.mark.parametrize(
    ("refunded", "shown"),
    [("36", []), ("36.01", ["0.01"]), ("36.05", ["0.05"]), ("35.95", ["-0.05"]), ("36.06", []), ("35.94", [])],
)
def test_what_may_pass_unasked_is_added_up_and_what_may_not_is_left_to_its_exception(
    desk: GapDesk, refunded: str, shown: list[str]
) -> None:
    pennies(desk, refunded)
    assert [str(one.money.amount) for one in let_be(desk)] == shown


def test_less_refunded_counts_once_the_return_is_done(desk: GapDesk) -> None:
    pennies(desk, "35.96", status="Validated")
    assert let_be(desk) == []


def test_what_a_person_is_asked_about_or_accepted_is_not_let_be(desk: GapDesk) -> None:
    return_id = pennies(desk, "36.04")
    desk.raised(ConcernType.AMOUNT_MISMATCH, return_id=return_id)
    assert let_be(desk) == []
    desk.closed(DAY0)
    assert len(let_be(desk)) == 1
    desk.accepted(return_id, ConcernType.AMOUNT_MISMATCH)
    assert let_be(desk) == []


def test_a_unit_refunded_and_not_credited_is_a_gap_and_no_penny(desk: GapDesk) -> None:
    both = (the_unit(), a_unit("u2", "PIN", "0.04", tax="0"))
    desk.told(here(units=both, transactions=(refund_of("u1", "u2", amount="36.04"),), status=DONE))
    desk.credited()
    assert let_be(desk) == []


def test_a_fee_kept_from_the_refund_is_no_penny(desk: GapDesk) -> None:
    desk.told(here(status=DONE, transactions=(refund_of("u1", amount="35.96"),)))
    desk.credited(fees_withheld=gbp("0.04"))
    assert let_be(desk) == []


def test_before_any_refund_the_portals_price_is_what_is_compared(desk: GapDesk) -> None:
    desk.told(here(units=(the_unit(paid="36.03"),)))
    desk.credited()
    (one,) = let_be(desk)
    assert (one.money, one.rma) == (gbp("0.03"), "RMA1001")
    assert "36.03 GBP paid" in one.cause


def test_the_command_shows_the_sum_and_the_returns_behind_it(office: Office) -> None:  # noqa: F811
    pennies(office.desk, "36.04")
    asked = ("--as-of", DAY0.isoformat())
    assert office.data("gaps", *asked)["let_be"]["money"] == {"GBP": "0.04"}
    assert [row["rma"] for row in office.data("gaps", *asked)["let_be"]["items"]] == ["RMA1001"]
    assert "let be within the tolerances: 0.04 GBP over 1 return" in office.run("gaps", *asked).output
    assert "RMA1001: 0.04 GBP (36.04 GBP refunded" in office.run("gaps", "--rma", "RMA1001", *asked).output
    assert "let be" not in office.run("gaps", "--owner", "operations", *asked).output
