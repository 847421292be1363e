"""Where each unit's goods are, read from what was confirmed: an append-only log, never edited, only continued."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from consumers.case import Case, Done
from consumers.shared.findings import AWAITED, DROP_SHIP
from schemas.actions import MOVING, GoodsEnd, PostCreditNote, UnitGoods
from schemas.effects import EffectState
from schemas.returns import Unit
from schemas.sales import AUTHORISED, Sale, restock_open


class State(StrEnum):
    """UNCREDITED; AWAITED: credited before the goods came; OPEN: restock not posted; THERE; GONE: written off;
    CLAIMABLE: a supplier's goods; ASIDE: nothing for us to move."""

    UNCREDITED = "uncredited"
    AWAITED = "awaited"
    OPEN = "open"
    THERE = "there"
    GONE = "gone"
    CLAIMABLE = "claimable"
    ASIDE = "aside"


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """One unit's goods after everything confirmed. `busy`: a move of them is not finished, so no other is planned;
    `stuck`: because it waits for a person; `moves` counts the transfers."""

    unit: Unit
    state: State = State.UNCREDITED
    goods: UnitGoods | None = None
    since: datetime | None = None
    sale_id: str = ""
    moves: int = 0
    busy: bool = False
    stuck: bool = False

    @property
    def location_id(self) -> str:
        """The Cin7 location they lie in, "" for none."""
        return self.goods.parts[0].restock_location_id if self.goods and self.goods.parts else ""


def whereabouts(case: Case, sale: Sale | None = None) -> list[Whereabouts]:
    """Every unit's goods, in a stable order. `sale`, if it was read, tells of restocks that were posted later."""
    effects = sorted((e for e in case.effects if e.state != EffectState.WITHDRAWN), key=_when)
    units = sorted(case.ret.units, key=lambda unit: unit.returned_item_id)
    return [_of(unit, effects, sale) for unit in units]


def step_name(one: Whereabouts) -> str:
    """The unit's name in the key of its next transfer: each transfer is an effect of its own, the log goes on."""
    return one.unit.returned_item_id if not one.moves else f"{one.unit.returned_item_id}/{one.moves + 1}"


def restock_posted(effect: Done, sale: Sale | None) -> bool:
    """Whether the note's goods are on the shelf: by the answer of the write, or by the sale as read since."""
    if not restock_open(effect.details.get("restock_status", "")):
        return True
    notes = sale.credit_notes if sale else ()
    return any(note.task_id == effect.reference and note.restock_status == AUTHORISED for note in notes)


def _when(effect: Done) -> tuple[bool, float]:
    at = effect.confirmed_at
    return at is None, at.timestamp() if at else 0.0


def _of(unit: Unit, effects: list[Done], sale: Sale | None) -> Whereabouts:
    found = Whereabouts(unit)
    for effect, goods in _about(unit, effects):
        if effect.action is not None and effect.action.repeats:
            found = replace(found, moves=found.moves + 1)
        if effect.confirmed and goods is not None:
            state = _state(effect, goods, sale)
            sale_id = effect.action.sale_id if effect.action else ""
            found = replace(found, state=state, goods=goods, since=effect.confirmed_at, sale_id=sale_id)
        elif effect.confirmed and effect.kind == "credit":
            # Another system's note: where it put the goods is that system's affair.
            found = replace(found, state=State.ASIDE)
        elif effect.kind in MOVING:
            found = replace(
                found, busy=True, stuck=found.stuck or effect.state in {EffectState.REJECTED, EffectState.DISCARDED}
            )
    return found


def _about(unit: Unit, effects: list[Done]) -> Iterator[tuple[Done, UnitGoods | None]]:
    name = unit.returned_item_id
    for effect in effects:
        if not any(told.split("/")[0] == name for told in effect.units):
            continue
        goods = getattr(effect.action, "goods", ())
        if effect.kind == "credit" or effect.kind in MOVING:
            yield effect, next((one for one in goods if one.unit == name), None)


def _state(effect: Done, goods: UnitGoods, sale: Sale | None) -> State:
    if isinstance(effect.action, PostCreditNote):
        return _after_credit(effect, goods, sale)
    end = effect.action.goods_end if effect.action else None
    return {GoodsEnd.GONE: State.GONE, GoodsEnd.THERE: State.THERE, None: State.ASIDE}[end]


def _after_credit(effect: Done, goods: UnitGoods, sale: Sale | None) -> State:
    if effect.taken_back:
        # Its restock went with the note: whoever took it back says where the goods are.
        return State.ASIDE
    if goods.location and goods.parts:
        return State.THERE if restock_posted(effect, sale) else State.OPEN
    return {AWAITED: State.AWAITED, DROP_SHIP: State.CLAIMABLE}.get(goods.disposition, State.ASIDE)
