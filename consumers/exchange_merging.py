"""One plan for several exchanges of a return."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from consumers.case import Plan, Wait
from consumers.holds import summed
from schemas.concerns import Concern, ConcernType


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
