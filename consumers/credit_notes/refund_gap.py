"""Refunds beside credits: the difference over a whole return whose items are settled, before Cin7 is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from consumers.case import Case, Done, Plan
from consumers.credit_notes.prices import prices_credited
from consumers.shared.refunds_told import in_currency, shop_rate, succeeded, undecided
from schemas.actions import Action, PostCreditNote
from schemas.concerns import Concern, ConcernType
from schemas.effects import EffectState
from schemas.money import FOUR_PLACES, Money, coin_of, total
from schemas.returns import DONE, Transaction, Unit
from schemas.terms import EffectOwner, Terms

#: Stands before a transaction's id where a note settles money instead of an item.
TRANSACTION = "tx:"


@dataclass(frozen=True, slots=True)
class Unexplained:
    """Refunded less credited. `rows` are the refunds that a note of their own would settle; `small`: it may pass
    unasked where nothing explains it better."""

    gap: Money
    refunded: Money
    credited: Money
    rows: tuple[Transaction, ...]
    small: bool = False

    @property
    def order_level(self) -> bool:
        """Whether the money was refunded without naming any item."""
        return any(not row.unit_ids for row in self.rows)


def unexplained(case: Case, terms: Terms) -> Unexplained | None:
    """The difference between all refunds and all credits of a return whose items are settled; None where they agree to
    the coin or at the portal's prices, or where it is too early or not possible to tell.

    Too little refunded counts only once ReturnGO calls the return done and no refund is on its way: the rest may still
    come. Too much is too much whatever is on its way.
    """
    notes = [e for e in case.effects if e.kind == "credit" and e.state != EffectState.WITHDRAWN]
    done, ret = succeeded(case.ret), case.ret
    if not done or any(u.exchanged for u in ret.units) or not all(e.confirmed for e in notes):
        return None
    theirs = done[0].amount.currency
    refunded, credited = in_currency(done, theirs), _credited(notes, theirs)
    if refunded is None or credited is None:
        return None
    currency = credited.currency
    rate = Decimal(1) if currency == theirs else shop_rate(_units(case, notes), currency)
    gap = _gap(case, notes, refunded, theirs, credited, rate)
    if gap is None or rate is None:
        return None
    coin = max(coin_of(currency), coin_of(theirs) * rate)
    early = undecided(ret) or ret.status != DONE or not _all_named(done, notes)
    if abs(gap) < coin or (gap < 0 and early):
        return None
    prices = prices_credited(case, currency)
    if theirs == currency and abs(gap - prices.difference) < coin and prices.within(terms, currency):
        return None
    covered = case.covered("credit")
    fresh = tuple(t for t in done if TRANSACTION + t.transaction_id not in covered)
    rows = tuple(t for t in fresh if not t.unit_ids) or fresh
    if not rows and gap > 0:
        return None
    small = abs(gap) <= terms.let_be(coin_of(currency), len(ret.units))
    return Unexplained(Money(gap, currency), Money(refunded, theirs), credited, rows, small)


def _gap(
    case: Case, notes: Sequence[Done], refunded: Decimal, theirs: str, credited: Money, rate: Decimal | None
) -> Decimal | None:
    """Refunded less credited in the currency of the notes.

    A refund in the shopper's currency is compared beside the goods: what it adds to the prices paid, at the rate of the
    order, with what the notes add to their lines.
    """
    if theirs == credited.currency:
        return refunded - credited.amount
    units, posted = _units(case, notes), [e.action for e in notes if isinstance(e.action, PostCreditNote)]
    if rate is None or len(posted) < len(notes) or any(unit.paid.currency != theirs for unit in units):
        return None
    goods = sum((one.gross.amount for note in posted for one in note.goods), Decimal(0))
    paid = sum((unit.gross.amount for unit in units), Decimal(0))
    return ((refunded - paid) * rate - (credited.amount - goods)).quantize(FOUR_PLACES)


def _units(case: Case, notes: Sequence[Done]) -> list[Unit]:
    credited = {unit for note in notes for unit in note.units}
    return [unit for unit in case.ret.units if unit.returned_item_id in credited]


def _credited(notes: Sequence[Done], otherwise: str) -> Money | None:
    """What the notes of one currency give; nothing, in the currency given, where there are none."""
    amounts = [e.gross for e in notes]
    currency = next((gross.currency for gross in amounts if gross), otherwise)
    if any(gross is None or gross.currency != currency for gross in amounts):
        return None
    kept = [e.action.fees_withheld for e in notes if isinstance(e.action, PostCreditNote) and e.action.fees_withheld]
    return total((gross for gross in amounts if gross), currency) - total(kept, currency)


def _all_named(done: Sequence[Transaction], notes: Sequence[Done]) -> bool:
    named = {unit for t in done for unit in t.unit_ids}
    return any(not t.unit_ids for t in done) or all(set(e.units) <= named for e in notes)


def without_note(case: Case, terms: Terms, found: Unexplained) -> Plan | None:
    """The plan where no note can mend it: too little was refunded, or the notes are not ours to make."""
    if found.gap.amount > 0 and terms.credit_note_owner is EffectOwner.RETURNLINE:
        return None
    if ConcernType.AMOUNT_MISMATCH in case.accepted:
        return Plan(remarks=(f"{both_figures(found)}; accepted by a person",))
    if found.small:
        return let_be(found)
    step = "refund the rest in ReturnGO, or correct the credit note in Cin7, or accept this"
    return Plan(concerns=(mismatch(found, step),))


def let_be(found: Unexplained) -> Plan:
    """Nothing to do about so little, but it is told."""
    return Plan(remarks=(f"{both_figures(found)}; the {abs(found.gap)} between them is let be",))


def both_figures(found: Unexplained) -> str:
    """Refunded and credited in one sentence."""
    return f"ReturnGO refunded {found.refunded}, the credit notes give {found.credited}"


def mismatch(found: Unexplained, step: str, kind: ConcernType = ConcernType.AMOUNT_MISMATCH) -> Concern:
    """The exception that quotes both."""
    details = {"refunded": str(found.refunded.amount), "credited": str(found.credited.amount)}
    return Concern(kind, both_figures(found), step, abs(found.gap), details=details)


def income_to_post(case: Case, planned: Sequence[Action]) -> tuple[Concern, ...]:
    """What a note cannot carry and the refund keeps: income that finance posts beside the note, until accepted.

    Raised with the plan, because nobody looks at a settled return again by itself.
    """
    if ConcernType.FEE_TO_POST in case.accepted:
        return ()
    posted = [(e.action, e.number) for e in case.effects if e.kind == "credit" and e.confirmed]
    notes = [*posted, *((action, "") for action in planned)]
    return tuple(_to_post(n, number) for n, number in notes if isinstance(n, PostCreditNote) and n.fees_withheld)


def _to_post(note: PostCreditNote, number: str) -> Concern:
    kept = [extra for extra in note.extras if not extra.on_note and extra.gross]
    lines = "; ".join(f"{abs(e.gross)} of {e.kind.removeprefix('fee:').replace('_', ' ')} ({e.reason})" for e in kept)
    return Concern(
        ConcernType.FEE_TO_POST,
        f"the refund beside credit note {number or note.marker} keeps {note.fees_withheld}: {lines or 'not named'}",
        "post it as income by a manual journal on the sale in Cin7, then accept this",
        note.fees_withheld,
        note.units,
    )
