"""Which refund a payout line without a refund id is: by order, amount and day, and never by a guess.

Shopify's export names the order and the moment. A line and a refund of one order belong together when the amount is the
same and their times are near; where several could, the day decides; where it does not either, the whole order is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from schemas.money import Money, total
from schemas.payouts import PayoutLine

#: The portal asks for a refund and hears of its end within this time of what the payment provider writes down.
NEAR = timedelta(days=5)
_SAME_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class PortalRefund:
    """A refund as ReturnGO tells it: its key for the caller, the moments it names, its amount in each currency told."""

    key: str
    moments: tuple[datetime, ...]
    amounts: tuple[Money, ...]


@dataclass(slots=True)
class Pairing:
    """What became of an order's lines and refunds. `paid` holds each paired refund's line, with the amount in which the
    two were compared; `unsure` holds what belongs together in a way nobody can tell; `unmatched` are lines that fit no
    refund."""

    paid: dict[str, PayoutLine] = field(default_factory=dict)
    unsure: list[tuple[tuple[PayoutLine, ...], tuple[PortalRefund, ...]]] = field(default_factory=list)
    unmatched: list[PayoutLine] = field(default_factory=list)


def pair(lines: Sequence[PayoutLine], refunds: Sequence[PortalRefund]) -> Pairing:
    """The pairing of one order's lines with its refunds."""
    found = Pairing()
    open_lines = _still_out(sorted(lines, key=_moment))
    open_refunds = sorted(refunds, key=lambda refund: (refund.moments[:1], refund.key))
    for within in (_SAME_DAY, NEAR):
        _take_sole(open_lines, open_refunds, within, found)
    _take_alike(open_lines, open_refunds, found)
    _take_rest(open_lines, open_refunds, found)
    found.unmatched = open_lines
    return found


def _moment(line: PayoutLine) -> datetime:
    return line.moved_at or line.settled_at


def _still_out(lines: Sequence[PayoutLine]) -> list[PayoutLine]:
    """Without those whose money came back whole."""
    out: list[PayoutLine] = []
    for line in lines:
        undone = next((o for o in reversed(out) if line.amount.amount < 0 and o.amount == -line.amount), None)
        if undone is None:
            out.append(line)
        else:
            out.remove(undone)
    return out


def _near(line: PayoutLine, refund: PortalRefund, within: timedelta = NEAR) -> bool:
    if not refund.moments:
        return True
    return min(refund.moments) - within <= _moment(line) <= max(refund.moments) + within


def _agreed(line: PayoutLine, refund: PortalRefund) -> Money | None:
    """The amount that both name, if there is one."""
    told = {amount.to_minor() for amount in refund.amounts}
    return next((m.to_minor() for m in (line.amount, line.presented) if m is not None and m.to_minor() in told), None)


def _take_sole(lines: list[PayoutLine], refunds: list[PortalRefund], within: timedelta, found: Pairing) -> None:
    """Pairs in which each is the other's only choice."""

    def fits(line: PayoutLine, refund: PortalRefund) -> bool:
        return _agreed(line, refund) is not None and _near(line, refund, within)

    for line in list(lines):
        mine = [refund for refund in refunds if fits(line, refund)]
        if len(mine) == 1 and sum(fits(other, mine[0]) for other in lines) == 1:
            _settle(line, mine[0], found)
            lines.remove(line)
            refunds.remove(mine[0])


def _settle(line: PayoutLine, refund: PortalRefund, found: Pairing) -> None:
    amount = _agreed(line, refund) or line.amount
    found.paid[refund.key] = PayoutLine(line.payout_id, line.refund_id, amount, line.settled_at, order=line.order)


def _groups(
    lines: list[PayoutLine], refunds: list[PortalRefund], fits: Callable[[PayoutLine, PortalRefund], bool]
) -> Iterator[tuple[list[PayoutLine], list[PortalRefund]]]:
    """Lines and refunds that hang together."""
    for first in list(refunds):
        if first not in refunds:
            continue
        mine, theirs = [first], [line for line in lines if fits(line, first)]
        grown = True
        while grown:
            more = [r for r in refunds if r not in mine and any(fits(line, r) for line in theirs)]
            mine += more
            others = [line for line in lines if line not in theirs and any(fits(line, r) for r in mine)]
            theirs += others
            grown = bool(more or others)
        if theirs:
            yield theirs, mine


def _take_alike(lines: list[PayoutLine], refunds: list[PortalRefund], found: Pairing) -> None:
    """Several of one amount: enough lines pay them all, whichever is whose; too few leave open which is not paid."""

    def fits(line: PayoutLine, refund: PortalRefund) -> bool:
        return _agreed(line, refund) is not None and _near(line, refund)

    for theirs, mine in _groups(lines, refunds, fits):
        if len(theirs) >= len(mine):
            for line, refund in zip(theirs, mine, strict=False):
                if fits(line, refund):
                    _settle(line, refund, found)
                    lines.remove(line)
                    refunds.remove(refund)
            continue
        found.unsure.append((tuple(theirs), tuple(mine)))
        lines[:] = [line for line in lines if line not in theirs]
        refunds[:] = [refund for refund in refunds if refund not in mine]


def _take_rest(lines: list[PayoutLine], refunds: list[PortalRefund], found: Pairing) -> None:
    """Other amounts at the same time: parts of one refund where the sums agree, else a question."""
    for theirs, mine in _groups(lines, refunds, _near):
        if _same_sum(theirs, mine):
            for refund in mine:
                own = next(a for a in refund.amounts if a.currency == theirs[0].amount.currency)
                first = theirs[0]
                found.paid[refund.key] = PayoutLine(
                    first.payout_id, first.refund_id, own, max(line.settled_at for line in theirs), order=first.order
                )
        else:
            found.unsure.append((tuple(theirs), tuple(mine)))
        lines[:] = [line for line in lines if line not in theirs]
        refunds[:] = [refund for refund in refunds if refund not in mine]


def _same_sum(lines: Sequence[PayoutLine], refunds: Sequence[PortalRefund]) -> bool:
    currency = lines[0].amount.currency
    told = [next((a for a in refund.amounts if a.currency == currency), None) for refund in refunds]
    if any(line.amount.currency != currency for line in lines):
        return False
    amounts = [amount for amount in told if amount is not None]
    if len(amounts) < len(told):
        return False
    return total((line.amount for line in lines), currency).to_minor() == total(amounts, currency).to_minor()
