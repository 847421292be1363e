"""What must happen to goods that are in stock: stay, move to another location, or be written off.

A unit's goods move only because the warehouse said something new about it since they were placed, never because the
settings changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from consumers.case import Case
from consumers.shared.dispositions import Unplaced, checked_location, rule_for, unmapped, wanted_location
from consumers.shared.findings import seen_of, serial_differs
from consumers.shared.waits import HOUR, Held
from consumers.stock_adjustments.whereabouts import State, Whereabouts
from schemas.actions import UnitGoods
from schemas.concerns import ConcernType
from schemas.money import Money
from schemas.sales import Location
from schemas.terms import Disposition, EffectOwner, Terms


@dataclass(frozen=True, slots=True)
class Move:
    """One unit's goods from where they are to `target`, or, without one, off the books. `goods` is the log's next
    word."""

    now: Whereabouts
    goods: UnitGoods
    target: Location | None = None
    account: str = ""


@dataclass(slots=True)
class Moves:
    """What moves, what waits, and what a person should know."""

    moves: list[Move] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def moves_of(case: Case, log: Sequence[Whereabouts], terms: Terms, locations: Mapping[str, Location | None]) -> Moves:
    """The next step of every unit whose goods lie in stock or were written off."""
    result = Moves()
    for one in log:
        if one.busy or one.goods is None or one.state not in {State.THERE, State.GONE}:
            continue
        found = _step(case, one, one.goods, terms, locations)
        if isinstance(found, Move):
            result.moves.append(found)
        elif isinstance(found, Held):
            result.held.append(found)
        elif found:
            result.remarks.append(found)
    return result


def _step(
    case: Case, one: Whereabouts, goods: UnitGoods, terms: Terms, locations: Mapping[str, Location | None]
) -> Move | Held | str | None:
    if _not_there(one) or serial_differs(one.unit):
        return None  # said by goods_concerns; nothing moves meanwhile
    if one.state is State.GONE:
        return _after_write_off(case, one, goods, terms)
    if seen_of(one.unit) == goods.seen:
        return _as_decided(one, goods, terms)
    return _decided_anew(case, one, goods, terms, locations)


def _not_there(one: Whereabouts) -> bool:
    return one.unit.inspection is not None and not one.unit.inspection.returned


def _as_decided(one: Whereabouts, goods: UnitGoods, terms: Terms) -> Move | str | None:
    """Nothing new was said: only a write-off may still be owed."""
    if goods.disposition != Disposition.WRITE_OFF:
        return None
    if terms.write_off_owner is not EffectOwner.RETURNLINE:
        return f"goods at {goods.location} await a write-off that is not ours (write_off_owner)"
    rule = rule_for(one.unit, terms)
    mapped = rule.account if rule and rule.disposition is Disposition.WRITE_OFF else ""
    return Move(one, replace(goods, location=""), account=mapped or terms.write_off_account)


def _decided_anew(
    case: Case, one: Whereabouts, goods: UnitGoods, terms: Terms, locations: Mapping[str, Location | None]
) -> Move | Held | str | None:
    if terms.restock_owner is not EffectOwner.RETURNLINE:
        return f"the inspection changed after the restock at {goods.location}; moving the goods is not ours"
    rule = rule_for(one.unit, terms)
    wanted = unmapped(one.unit) if rule is None else wanted_location(one.unit, rule, terms)
    if wanted is None:
        wanted = Unplaced(
            ConcernType.ON_HOLD,
            f"the goods lie at {goods.location}, but the disposition is now to leave them with the shopper",
            "correct the inspection in ReturnGO, or move the goods by hand and accept this",
        )
    target = checked_location(wanted, locations) if isinstance(wanted, str) else wanted
    if isinstance(target, Unplaced) or rule is None:
        return None if not isinstance(target, Unplaced) or target.kind in case.accepted else _held(one, goods, target)
    changed = replace(goods, disposition=rule.disposition.value, seen=seen_of(one.unit))
    if target.location_id == one.location_id:
        return _as_decided(one, changed, terms)
    return Move(one, _moved(changed, target), target=target)


def _moved(goods: UnitGoods, target: Location) -> UnitGoods:
    parts = tuple(
        replace(
            part,
            location_id=part.restock_location_id,
            location=part.restock_location,
            restock_location_id=target.location_id,
            restock_location=target.name,
        )
        for part in goods.parts
    )
    return replace(goods, location=target.name, parts=parts)


def _after_write_off(case: Case, one: Whereabouts, goods: UnitGoods, terms: Terms) -> Held | None:
    rule = rule_for(one.unit, terms)
    same = seen_of(one.unit) == goods.seen or (rule is not None and rule.disposition is Disposition.WRITE_OFF)
    if same or ConcernType.ON_HOLD in case.accepted:
        return None
    cause = "the goods are written off, but a later inspection says otherwise"
    step = "void the write-off in Cin7 and move the goods by hand, then accept this; or correct the inspection"
    return _held(one, goods, Unplaced(ConcernType.ON_HOLD, cause, step))


def _held(one: Whereabouts, goods: UnitGoods, why: Unplaced) -> Held:
    return Held(one.unit, why.cause, HOUR, why.kind, why.next_step, money=goods.gross)


def worth(goods: Sequence[UnitGoods], currency: str) -> Money | None:
    """What goods cost when they left, in base currency; None where that is not known of all."""
    costs = [one.cost for one in goods]
    known = [cost for cost in costs if cost is not None]
    return Money(sum(known[1:], known[0]), currency) if known and len(known) == len(costs) else None
