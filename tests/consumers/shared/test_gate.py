from __future__ import annotations

import pytest

from consumers.shared.gate import Standing, goods_received, refunded, standing_of
from schemas.returns import DONE, NO_SHIPMENT, PENDING, RECEIVED, Return, Shipment, Transaction
from schemas.terms import Gate
from tests.consumers.builders import a_return, a_unit, an_approved_return, found_good, gbp, not_found

KEPT = a_unit(method=NO_SHIPMENT, shipment_id="")
ON_ITS_WAY = an_approved_return()
ARRIVED = a_return()
INSPECTED = a_return(a_unit(inspection=found_good()))
FINISHED = a_return(status=DONE)


def a_refund(kind: str = "RefundToPaymentMethod", status: str = "Success") -> Transaction:
    return Transaction("t1", kind, status, gbp(36), ("u1",))


@pytest.mark.parametrize(
    ("ret", "gate", "standing", "goods"),
    [
        (a_return(status=PENDING), Gate.APPROVED, Standing.WAITING, False),
        (ON_ITS_WAY, Gate.APPROVED, Standing.READY, False),
        (ON_ITS_WAY, Gate.RECEIVED, Standing.WAITING, False),
        (ON_ITS_WAY, Gate.INSPECTED, Standing.WAITING, False),
        (ARRIVED, Gate.APPROVED, Standing.READY, True),
        (ARRIVED, Gate.RECEIVED, Standing.READY, True),
        (ARRIVED, Gate.INSPECTED, Standing.WAITING, True),
        (INSPECTED, Gate.INSPECTED, Standing.READY, True),
        (FINISHED, Gate.RECEIVED, Standing.READY, True),
        (a_return(status=DONE, parcel="Shipped"), Gate.RECEIVED, Standing.WAITING, False),
        (an_approved_return(KEPT), Gate.INSPECTED, Standing.READY, False),
        (a_return(KEPT, status=PENDING), Gate.APPROVED, Standing.WAITING, False),
    ],
)
def test_a_unit_is_credited_when_its_gate_says_so(ret: Return, gate: Gate, standing: Standing, goods: bool) -> None:
    found = standing_of(ret, ret.units[0], gate)
    assert (found.standing, found.goods) == (standing, goods)


@pytest.mark.parametrize("gate", list(Gate))
def test_a_unit_looked_for_and_not_found_is_not_credited(gate: Gate) -> None:
    ret = a_return(a_unit(inspection=not_found()))
    assert standing_of(ret, ret.units[0], gate).standing is Standing.DECLINED


def test_a_missing_unit_that_was_refunded_is_credited_without_goods() -> None:
    ret = a_return(a_unit(inspection=not_found()), transactions=(a_refund(),))
    found = standing_of(ret, ret.units[0], Gate.INSPECTED)
    assert (found.standing, found.goods) == (Standing.READY, False)


@pytest.mark.parametrize(
    ("transaction", "out"),
    [(a_refund(), True), (a_refund("InvoicePayment"), False), (a_refund(status="Requested"), False)],
)
def test_only_a_successful_refund_that_names_the_unit_is_money_out(transaction: Transaction, out: bool) -> None:
    ret = a_return(transactions=(transaction,))
    assert refunded(ret, ret.units[0]) is out


def test_with_two_parcels_each_unit_waits_for_its_own() -> None:
    late = a_unit("u2", shipment_id="s2")
    ret = a_return(a_unit(), late, shipments=(Shipment("s1", RECEIVED), Shipment("s2", "Shipped")), status=RECEIVED)
    assert [goods_received(ret, unit) for unit in ret.units] == [True, False]
