"""Gaps that no decision raises become exceptions here, so that somebody owns them; they close when the gap does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import sqlalchemy as sa

from pipeline.ledger import concerns, note_checks, returns
from pipeline.ledger.gaps import board
from pipeline.ledger.gaps.board import RAISED_BY, GapItem
from pipeline.ledger.schema import all as t
from pipeline.parts import Parts
from schemas.concerns import Concern, ConcernType
from schemas.gaps import RULES, Gap
from schemas.money import Money, total

POLL = "ledger:gaps"
#: The subject of what belongs to no return.
STRANGERS = "payouts"
_K = ConcernType
_TYPES = {
    Gap.PAYOUT_UNMATCHED: _K.PAYOUT_UNMATCHED,
    Gap.TAX_VARIANCE: _K.TAX_VARIANCE,
    Gap.RECEIVED_NOT_STOCKED: _K.NOT_STOCKED_AGED,
    Gap.CREDIT_CONFLICT: _K.OVER_CREDIT,
}
_STEPS = {
    _K.PAYOUT_UNMATCHED: "Compare the payout with ReturnGO and Cin7; credit by hand what was refunded by hand.",
    _K.TAX_VARIANCE: "Compare the note's tax with the invoice's; correct the note, or accept the difference.",
    _K.NOT_STOCKED_AGED: "Find the goods and see what the return waits for: `returnline explain RMA`.",
    _K.OVER_CREDIT: "Compare the sale's notes and write-offs with its invoices; correct what is too much.",
}


def look(parts: Parts, shop: str) -> None:
    """Raise and close the exceptions of this shop's gaps. Costs no call."""
    now, terms = parts.clock(), parts.shop(shop).terms
    with parts.ledger.read() as conn:
        found = [item for item in board.find(conn, {shop: terms}, now, shop=shop) if item.gap in _TYPES]
    groups: defaultdict[str, list[GapItem]] = defaultdict(list)
    for item in found:
        groups[item.rma or STRANGERS].append(item)
    with parts.ledger.write() as conn:
        for subject in {*groups, *_raised(conn, shop)}:
            row = next(iter(returns.find(conn, subject, shop)), None)
            return_id = int(row["id"]) if row else None
            silent = note_checks.told_elsewhere(conn, return_id, RAISED_BY) if return_id else frozenset()
            mine = [concern for concern in _concerns(groups[subject]) if concern.kind not in silent]
            concerns.sync(conn, shop, RAISED_BY, subject, mine, now, return_id=return_id, owners=terms.owners)


def _raised(conn: sa.Connection, shop: str) -> set[str]:
    x = t.exceptions.c
    mine = (x.shop == shop) & (x.raised_by == RAISED_BY) & (x.state == concerns.OPEN)
    return {str(subject) for subject in conn.execute(sa.select(x.subject).where(mine)).scalars()}


def _concerns(items: Sequence[GapItem]) -> list[Concern]:
    """One exception for each type, whatever number of units it is about."""
    return [_concern(gap, some) for gap in _TYPES if (some := [item for item in items if item.gap is gap])]


def _concern(gap: Gap, some: Sequence[GapItem]) -> Concern:
    kind = _TYPES[gap]
    causes = list(dict.fromkeys(item.cause for item in some))
    more = f" (and {len(causes) - 3} more)" if len(causes) > 3 else ""
    cause = f"{RULES[gap].meaning}: {'; '.join(causes[:3])}{more}."
    units = tuple(item.unit for item in some if item.unit)
    return Concern(kind, cause[0].upper() + cause[1:], _STEPS[kind], _worth(some), units)


def _worth(some: Sequence[GapItem]) -> Money | None:
    money = [item.money for item in some if item.money is not None]
    return total(money, money[0].currency) if len({one.currency for one in money}) == 1 else None
