"""What a person must know about a return's goods, whatever moves: other goods, missing goods, claims, values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation

from consumers.case import Case, Done
from consumers.shared.findings import serial_differs, unidentified
from consumers.shared.goods_value import Range
from consumers.shared.waits import HOUR, Held, concern_of
from consumers.stock_adjustments.whereabouts import State, Whereabouts
from schemas.actions import VerifyRestock
from schemas.concerns import Concern, ConcernType
from schemas.money import Money
from schemas.terms import Terms

_T = ConcernType


def goods_concerns(case: Case, log: Sequence[Whereabouts], terms: Terms, currency: str) -> tuple[Concern, ...]:
    """Every such exception that no person accepted, one per type and cause."""
    groups: dict[tuple[str, str], list[Held]] = {}
    for held in (held for one in log for held in _of_unit(one)):
        if held.kind is not None and held.kind not in case.accepted:
            groups.setdefault((held.kind, held.reason), []).append(held)
    found = [concern_of(held[0].kind, held) for held in groups.values() if held[0].kind]
    seen = (c for effect in case.effects for c in _of_effect(effect, case, terms, currency))
    found += [concern for concern in seen if concern.kind not in case.accepted]
    return tuple(found)


def _of_unit(one: Whereabouts) -> Iterator[Held]:
    unit, lying = one.unit, one.state is State.THERE
    where = one.goods.location if one.goods else ""
    if unidentified(unit):
        cause = f"something else came instead of {unit.sku}: {unit.inspection and unit.inspection.not_returned_reason}"
        step = "put what came aside at zero value, and settle with the shopper; nothing is credited or restocked for it"
        yield Held(unit, cause, HOUR, _T.UNIDENTIFIED_ITEM, step)
    elif lying and unit.inspection is not None and not unit.inspection.returned:
        cause = f"restocked at {where} when the parcel came, but the inspection did not find it"
        step = f"count {where} in Cin7 and correct its stock, then accept this; or correct the inspection in ReturnGO"
        yield Held(unit, cause, HOUR, _T.QTY_MISMATCH, step)
    if serial_differs(unit) and one.state is not State.UNCREDITED:
        cause = f"{unit.sku} was credited, but the inspection says that its serial is not the one that was sold"
        step = "compare the serial with the shipment in Cin7, correct credit and stock by hand, then accept this"
        yield Held(unit, cause, HOUR, _T.SERIAL_MISMATCH, step)
    if one.state is State.CLAIMABLE:
        cause = "credited goods that a supplier sent: nothing comes into our stock, the cost is still ours"
        step = "claim the credit from the supplier, then accept this"
        yield Held(unit, cause, HOUR, _T.DROPSHIP_CLAIM, step)


def _of_taken_back(look: Done, case: Case) -> bool:
    """Whether the note whose restock value this is does not stand any more, so that its restock does not either."""
    task = look.action.task_id if isinstance(look.action, VerifyRestock) else look.reference
    return any(e.kind == "credit" and e.taken_back and e.reference == task for e in case.effects)


def _of_effect(effect: Done, case: Case, terms: Terms, currency: str) -> Iterator[Concern]:
    if not effect.confirmed:
        return
    if effect.kind == "value" and not _of_taken_back(effect, case):
        yield from _variance(effect, terms, currency)
    if effect.kind == "adjust" and effect.details.get("moved"):
        cause = f"{effect.number or effect.reference}: {effect.details['moved']}"
        step = "count the location in Cin7 and correct its stock, then accept this"
        yield Concern(_T.STOCK_MOVED_MEANWHILE, cause, step, units=effect.units)


def _variance(effect: Done, terms: Terms, currency: str) -> Iterator[Concern]:
    figures = [_number(effect.details.get(name, "")) for name in ("value", "low", "high")]
    value, low, high = figures
    if value is None or low is None or high is None:
        return
    off = Range(low, high).off(value)
    if off <= terms.restock_value_tolerance:
        return
    span = f"{low}" if low == high else f"{low} to {high}"
    note = effect.details.get("note", "") or effect.reference
    yield Concern(
        _T.RESTOCK_VALUE_VARIANCE,
        cause=f"credit note {note} put goods back at {value} {currency}, but they had left at {span}",
        next_step="correct the stock value in Cin7 (revaluation or journal to cost of sales), then accept this",
        money=Money(off, currency),
        units=effect.units,
        details={"value": str(value), "left_at": span},
    )


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None
