"""A simple sale holds one credit note: post it when the return is complete, and say so where one is there already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from consumers.drafting import Draft
from consumers.holds import HOUR, Held
from consumers.matter import Matter, Placed, hold
from consumers.remaining import note_name
from schemas.concerns import ConcernType

#: This long the note waits for the rest of the return; then it goes without it.
REST_OF_RETURN = timedelta(days=14)


def one_note_only(matter: Matter, planned: Draft, later: Sequence[Held]) -> Draft:
    """The draft as it may be posted: unchanged on an advanced sale, whole or not at all on a simple one."""
    if not matter.sale.simple or not planned.notes:
        return planned
    markers = [action.marker for action in planned.notes]
    others = [n for n in matter.sale.notes() if not any(marker in n.memo for marker in markers)]
    if others:
        names = ", ".join(note_name(note) for note in others)
        return _held(planned, [_already(one, matter, names) for one in planned.placed])
    rest = len(planned.held) + len(later)
    if rest and not _overdue(matter, planned.placed):
        reason = "simple sale holds one credit note; waiting for the rest of this return"
        return _held(planned, [Held(one.unit, reason, HOUR) for one in planned.placed])
    if rest:
        remark = f"posted without {rest} units that were not ready after {REST_OF_RETURN.days} days"
        return replace(planned, remarks=[*planned.remarks, remark])
    return planned


def _held(planned: Draft, held: list[Held]) -> Draft:
    return Draft(held=[*planned.held, *held])


def _already(one: Placed, matter: Matter, names: str) -> Held:
    cause = f"simple sale {matter.sale.order_number} already has its one credit note ({names})"
    step = (
        "convert the sale to Advanced in Cin7 (open the sale, then Convert to Advanced Sale); this continues by itself"
    )
    return hold(one, matter, ConcernType.SIMPLE_SALE_ALREADY_CREDITED, cause, step, notes=names)


def _overdue(matter: Matter, placed: Sequence[Placed]) -> bool:
    return matter.now - min(_ready_since(one, matter) for one in placed) > REST_OF_RETURN


def _ready_since(one: Placed, matter: Matter) -> datetime:
    return one.standing.since or matter.case.first_seen or matter.now
