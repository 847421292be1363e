from __future__ import annotations

from datetime import timedelta

from schemas.concerns import ConcernType
from schemas.sales import NOT_AVAILABLE
from tests.consumers.builders import (
    CREATED,
    NOW,
    SALE_ID,
    a_case,
    a_line,
    a_note,
    a_return,
    a_sale,
    a_simple_sale,
    a_unit,
    an_invoice,
    done,
    found_good,
    not_found,
)
from tests.consumers.decide import decided, kinds, the_note

TWO = an_invoice(a_line(quantity=2, tax="12"))
OURS = a_note(a_line(tax="6"), memo="Returnline RL-000000000000 RMA RMA0900 order #1001", task_id=SALE_ID)


def test_a_simple_sales_note_carries_the_sales_own_id() -> None:
    note = the_note(decided(sale=a_simple_sale()))
    assert (note.task_id, note.simple) == (SALE_ID, True)


def test_the_placeholder_of_an_uncredited_simple_sale_is_no_note() -> None:
    placeholder = a_note(number="", status=NOT_AVAILABLE, invoice_number="", task_id=SALE_ID)
    assert the_note(decided(sale=a_simple_sale(notes=[placeholder])))


def test_a_second_return_on_a_simple_sale_asks_for_conversion_and_goes_on_once_converted() -> None:
    plan = decided(sale=a_simple_sale(TWO, notes=[OURS]))
    [concern] = plan.all_concerns()
    assert (plan.actions, concern.kind) == ((), ConcernType.SIMPLE_SALE_ALREADY_CREDITED)
    assert "Advanced" in concern.next_step
    assert the_note(decided(sale=a_sale(TWO, notes=[OURS]))).units == ("u1",)


def test_the_one_note_waits_for_the_rest_of_the_return() -> None:
    ret = a_return(a_unit("u1", inspection=found_good()), a_unit("u2"), status="Approved", parcel="Shipped")
    plan = decided(ret, a_simple_sale(TWO))
    assert plan.actions == ()
    assert any("one credit note" in wait.reason for wait in plan.waits)


def test_after_a_fortnight_the_note_goes_without_the_rest() -> None:
    ret = a_return(a_unit("u1", inspection=found_good()), a_unit("u2"), status="Approved", parcel="Shipped")
    plan = decided(ret, a_simple_sale(TWO), now=CREATED + timedelta(days=14, seconds=1))
    assert the_note(plan).units == ("u1",)


def test_a_unit_with_an_unknown_sku_holds_the_one_note_too() -> None:
    plan = decided(a_return(a_unit("u1"), a_unit("u2", sku="HAT")), a_simple_sale(TWO), now=NOW)
    assert (plan.actions, kinds(plan)) == ((), {ConcernType.SKU_UNMATCHED})


def test_a_missing_unit_does_not_hold_the_one_note() -> None:
    ret = a_return(a_unit("u1", inspection=found_good()), a_unit("u2", inspection=not_found()))
    assert the_note(decided(ret, a_simple_sale(TWO))).units == ("u1",)


def test_the_late_rest_of_a_return_on_a_simple_sale_asks_for_conversion() -> None:
    own = a_note(a_line(tax="6"), memo="Returnline RL-3eec1ce98a23 RMA RMA1001 order #1001", task_id=SALE_ID)
    case = a_case(a_return(a_unit("u1"), a_unit("u2")), done("u1"))
    assert kinds(decided(case, a_simple_sale(TWO, notes=[own]))) == {ConcernType.SIMPLE_SALE_ALREADY_CREDITED}
