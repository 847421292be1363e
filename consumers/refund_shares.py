"""How much of a refund each credit note takes: by its share of the goods, and never more than it has open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from consumers.case import Case, Done
from consumers.refund_facts import on_the_way
from schemas.actions import PostCreditNote, RecordRefund
from schemas.money import Money, total, zero
from schemas.sales import CreditNote

#: A payment's Amount has two places (Cin7 blueprint).
CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Share:
    """One note, what it has open, its weight among the notes of the refund, and what it takes of it."""

    credit: Done
    note: CreditNote
    open: Money
    weight: Decimal
    amount: Money


def open_on(credit: Done, note: CreditNote, case: Case, planned: Iterable[RecordRefund], own: str) -> Money:
    """What may still be paid out on the note: its total less what is paid, on its way, or kept back as a fee.

    `own` is the mark of the payment being planned: where Cin7 shows it already, the engine finds it and sends nothing.
    """
    currency = note.total.currency
    paid = [payment.amount for payment in note.refunds if own not in payment.reference]
    coming = [a.amount for e in case.effects if (a := _unseen(e, note)) is not None]
    mine = [action.amount for action in planned if action.task_id == note.task_id]
    withheld = credit.action.fees_withheld if isinstance(credit.action, PostCreditNote) else None
    kept = abs(withheld) if withheld else zero(currency)
    room = note.total - total([*paid, *coming, *mine, kept], currency)
    return max(room.quantized(CENT), zero(currency))


def _unseen(effect: Done, note: CreditNote) -> RecordRefund | None:
    """A payment on this note that was sent, and that Cin7 does not show yet."""
    action = effect.action
    if not isinstance(action, RecordRefund) or action.task_id != note.task_id:
        return None
    if effect.state == "REJECTED" or not on_the_way(effect):
        return None
    return None if any(action.marker in payment.reference for payment in note.refunds) else action


def filled(amount: Money, shares: Sequence[Share]) -> tuple[list[Share], Money]:
    """The shares with their amounts, and what fits nowhere; what is too much for one note goes to the next."""
    weights = sum((share.weight for share in shares), Decimal(0))
    left, found = amount, list(shares)
    for number, share in enumerate(found):
        greedy = number == len(found) - 1 or not weights
        wish = left if greedy else (amount * (share.weight / weights)).quantized(CENT)
        found[number], left = _more(share, min(wish, left), left)
    for number, share in enumerate(found):
        found[number], left = _more(share, left, left)
    return found, left


def _more(share: Share, wish: Money, left: Money) -> tuple[Share, Money]:
    part = min(wish, share.open - share.amount)
    return replace(share, amount=share.amount + part), left - part
