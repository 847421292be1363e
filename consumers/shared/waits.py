"""A unit that must wait, and how many such units become few waits a person can read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from consumers.case import Plan, Wait
from schemas.concerns import Concern, ConcernType
from schemas.money import Money, total
from schemas.returns import Unit


def merged(plans: Sequence[Plan]) -> Plan:
    """One plan of several; exceptions of one type become one, for the ledger keeps one of each type and return."""
    raised: dict[ConcernType, list[Concern]] = {}
    for concern in (concern for each in plans for concern in each.all_concerns()):
        raised.setdefault(concern.kind, []).append(concern)
    return Plan(
        actions=tuple(action for each in plans for action in each.actions),
        waits=tuple(Wait(wait.reason, wait.look_again) for each in plans for wait in each.waits),
        concerns=tuple(_together(same) for same in raised.values()),
        remarks=tuple(remark for each in plans for remark in each.remarks),
    )


def _together(same: Sequence[Concern]) -> Concern:
    if len(same) == 1:
        return same[0]
    return Concern(
        same[0].kind,
        cause="; ".join(_distinct(one.cause for one in same)),
        next_step="; ".join(_distinct(one.next_step for one in same)),
        money=summed(one.money for one in same if one.money),
        units=tuple(sorted({unit for one in same for unit in one.units})),
        details=dict(same[0].details),
    )


def _distinct(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))


SOON = timedelta(minutes=5)
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
LONG = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Held:
    """One unit, why it waits and what a person can do. `kind` None waits quietly; `money` is the gross at risk."""

    unit: Unit
    reason: str
    look_again: timedelta = HOUR
    kind: ConcernType | None = None
    next_step: str = ""
    money: Money | None = None
    details: dict[str, str] = field(default_factory=dict, hash=False)

    @property
    def at_risk(self) -> Money:
        """The known entitlement, else what the shopper paid."""
        return self.money or self.unit.gross


def summed(amounts: Iterable[Money]) -> Money | None:
    """The sum, or None where there is nothing or more than one currency."""
    known = list(amounts)
    if not known or len({money.currency for money in known}) > 1:
        return None
    return total(known, known[0].currency)


def concern_of(kind: ConcernType, held: list[Held]) -> Concern:
    """One exception for units that wait for the same reason."""
    return Concern(
        kind,
        cause=held[0].reason,
        next_step=held[0].next_step,
        money=summed(h.at_risk for h in held),
        units=tuple(sorted(h.unit.returned_item_id for h in held)),
        details=held[0].details,
    )


def waits_of(held: Iterable[Held]) -> tuple[Wait, ...]:
    """One wait per reason, its units and money together, in a stable order."""
    groups: dict[tuple[str, str], list[Held]] = {}
    for one in sorted(held, key=lambda h: h.unit.returned_item_id):
        groups.setdefault((one.kind or "", one.reason), []).append(one)
    return tuple(
        Wait(
            group[0].reason,
            min(h.look_again for h in group),
            concern_of(group[0].kind, group) if group[0].kind else None,
        )
        for group in groups.values()
    )
