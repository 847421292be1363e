"""When a unit may be credited, and whether its goods are there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from schemas.returns import AGREED_STATUSES, DONE, RECEIVED, SUCCESS, VALIDATED, Return, Unit
from schemas.terms import Finding, Gate


class Standing(StrEnum):
    """READY to be credited, WAITING for the gate, or DECLINED: looked for and not found."""

    READY = "ready"
    WAITING = "waiting"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class UnitStanding:
    """Where one unit stands. `goods` says whether it is in the warehouse; `since` when it became ready, if known."""

    unit: Unit
    standing: Standing
    goods: bool
    reason: str = ""
    since: datetime | None = None

    @property
    def missing(self) -> bool:
        """Whether the warehouse looked and did not find it."""
        return self.unit.needs_shipment and self.unit.inspection is not None and not self.unit.inspection.returned


def standing_of(ret: Return, unit: Unit, gate: Gate) -> UnitStanding:
    """Where the unit stands at this merchant's gate."""
    if ret.status not in AGREED_STATUSES:
        return UnitStanding(unit, Standing.WAITING, goods=False, reason="the return is not approved yet")
    if not unit.needs_shipment:
        return UnitStanding(unit, Standing.READY, goods=False, since=ret.approved_at)
    if unit.inspection is not None and not unit.inspection.returned:
        return _not_returned(ret, unit)
    goods = goods_received(ret, unit)
    if gate is Gate.APPROVED:
        return UnitStanding(unit, Standing.READY, goods, since=ret.approved_at)
    if gate is Gate.INSPECTED and unit.inspection is None:
        return UnitStanding(unit, Standing.WAITING, goods, reason="not inspected yet")
    if not goods:
        return UnitStanding(unit, Standing.WAITING, goods=False, reason="the goods are not received yet")
    return UnitStanding(unit, Standing.READY, goods=True, since=_since(ret, unit))


def _not_returned(ret: Return, unit: Unit) -> UnitStanding:
    if not refunded(ret, unit):
        return UnitStanding(unit, Standing.DECLINED, goods=False, reason="inspected and not in the parcel")
    return UnitStanding(unit, Standing.READY, goods=False, since=_since(ret, unit))


def _since(ret: Return, unit: Unit) -> datetime | None:
    return unit.inspection.at if unit.inspection else ret.received_at or ret.approved_at


def refunded(ret: Return, unit: Unit) -> bool:
    """Whether a successful refund names exactly this unit (a payment by the shopper is none)."""
    return any(t.status == SUCCESS and t.gives_back and unit.returned_item_id in t.unit_ids for t in ret.transactions)


def goods_received(ret: Return, unit: Unit) -> bool:
    """Whether the unit's goods are in the warehouse.

    A finished return without inspection counts as received when its parcel was. With several parcels, the unit's own
    parcel decides; with one or none, the status of the whole return is as good (ReturnGO keeps no received quantity).
    """
    if ret.received(unit) or unit.inspection is not None:
        return ret.received(unit)
    parcels = [parcel for parcel in ret.shipments if not parcel.outbound]
    if ret.status == DONE:
        return not parcels
    return ret.status in {RECEIVED, VALIDATED} and len(parcels) <= 1


def finding_of(unit: Unit) -> Finding:
    """What is known about the unit's goods."""
    if unit.inspection is None:
        return Finding.UNINSPECTED
    if not unit.inspection.returned:
        return Finding.NOT_RETURNED
    return Finding.RESTOCKABLE if unit.inspection.restockable else Finding.NOT_RESTOCKABLE
