"""Refund payments: for money that went out, one payment on the credit note that owes it, at most once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal

from consumers.case import Case, Done, Wait
from consumers.refunds.accounts import Stopped, account_of, checked_account
from consumers.refunds.facts import (
    RefundFacts,
    credit_of,
    credited,
    credits_of,
    moved_at,
    refunds,
    sale_id_of,
)
from consumers.shared.posting_day import posting_day
from consumers.shared.unknown_words import SALE_STEP, of_sale
from consumers.shared.waits import HOUR
from schemas.actions import PostCreditNote, RecordRefund, business_key, marker
from schemas.concerns import Concern, ConcernType
from schemas.effects import EffectState
from schemas.money import Money, total, zero
from schemas.returns import SUCCESS, Transaction
from schemas.sales import AUTHORISED, CreditNote, Sale, Tenant
from schemas.terms import EffectOwner, Terms

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
    if not effect.state.live:
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


#: Documented as four places; integrators send five and warn not to cut them.
RATE_PLACES = Decimal("0.00001")


def payable(case: Case, terms: Terms) -> list[Transaction]:
    """The successful refunds of which something is still to be recorded, and whose units all have their credit note."""
    if terms.refund_owner is not EffectOwner.RETURNLINE:
        return []
    out = (t for t in refunds(case.ret, SUCCESS) if t.amount.amount > 0 and not _recorded_whole(case, t))
    return [t for t in out if any(not _recorded_on(case, t, credit) for credit in notes_of(case, t))]


def accounts_asked(case: Case, terms: Terms) -> set[str]:
    """The account codes that the payments would use."""
    return {code for t in payable(case, terms) if (code := account_of(t, terms))}


def notes_of(case: Case, transaction: Transaction) -> list[Done]:
    """The notes that this money pays out, one made for the transaction itself first; none while a unit of it is not
    credited. Where it names no units: all notes of the return."""
    every, own = credits_of(case), _name(transaction)
    found = [credit_of(case, unit) for unit in transaction.unit_ids]
    if not all(found):
        return []
    mine = [credit for credit in every if not found or credit in found or own in credit.units]
    return sorted(mine, key=lambda credit: own not in credit.units)


def _parts(case: Case, transaction: Transaction) -> list[RecordRefund]:
    """What is recorded of the transaction, or on its way, or refused and with a person."""
    name = _name(transaction)
    mine = [e.action for e in case.effects if e.kind == "refund" and e.state != EffectState.WITHDRAWN]
    parts = [action for action in mine if isinstance(action, RecordRefund)]
    return [a for a in parts if any(unit == name or unit.startswith(f"{name}@") for unit in a.units)]


def _recorded_whole(case: Case, transaction: Transaction) -> bool:
    parts = [part.amount for part in _parts(case, transaction)]
    whole = [
        m for m in (transaction.amount, transaction.shop_amount) if m and parts and m.currency == parts[0].currency
    ]
    return bool(whole) and total(parts, whole[0].currency) >= whole[0]


def _recorded_on(case: Case, transaction: Transaction, credit: Done) -> bool:
    """Whether the note has its part. The task alone does not tell: a converted sale may give the note another one."""
    name = _unit(case, transaction, credit)
    return any(part.task_id == credit.reference or name in part.units for part in _parts(case, transaction))


def _unit(case: Case, transaction: Transaction, credit: Done) -> str:
    name = _name(transaction)
    return f"{name}@{credit.number or credit.reference[:12]}" if len(notes_of(case, transaction)) > 1 else name


def _name(transaction: Transaction) -> str:
    """What the database keeps unique: the transaction, for one unit may be paid back by several."""
    return f"tx:{transaction.transaction_id}"


@dataclass(slots=True)
class Recording:
    """The payments of one return in the making."""

    case: Case
    facts: RefundFacts
    terms: Terms
    tenant: Tenant
    now: datetime
    actions: list[RecordRefund] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def all(self) -> Recording:
        """Plan a payment for each note of each payable transaction, or say why it waits."""
        for transaction in payable(self.case, self.terms):
            result = self._of(transaction)
            if not isinstance(result, Stopped):
                self.actions += result
            elif result.kind in self.case.accepted:
                name = transaction.transaction_id
                self.remarks.append(f"refund {name} is not recorded: {result.cause}; a person accepted that")
            else:
                self.waits.append(_wait(transaction, result))
        return self

    def _of(self, transaction: Transaction) -> list[RecordRefund] | Stopped:
        notes = [n for n in notes_of(self.case, transaction) if not _recorded_on(self.case, transaction, n)]
        sale = self.facts.sales.get(sale_id_of(notes[0]))
        if sale is None:
            return _taken_back(notes[0], None)
        unclear = of_sale(sale, self.case)
        if unclear:
            return Stopped(ConcernType.UNKNOWN_STATUS, unclear, SALE_STEP)
        amount = self._left(transaction, sale)
        account = checked_account(transaction, self.facts, self.terms)
        if isinstance(amount, Stopped):
            return amount
        if isinstance(account, Stopped):
            return account
        if any(_by_others(transaction, amount, self.facts.note_of(credit)) for credit in notes):
            self.remarks.append(f"refund {transaction.transaction_id} was recorded in Cin7 by somebody else")
            return []
        shares = self._shares(transaction, amount, notes)
        if isinstance(shares, Stopped):
            return shares
        return [self._payment(transaction, share, sale, account) for share in shares if share.amount]

    def _left(self, transaction: Transaction, sale: Sale) -> Money | Stopped:
        """What is still to be recorded, in the sale's currency."""
        pair = (transaction.amount, transaction.shop_amount)
        whole = next((money for money in pair if money and money.currency == sale.currency), None)
        step = "record this refund by hand in Cin7, then accept this"
        if whole is None:
            cause = f"{transaction.amount} went out, but the sale is in {sale.currency}"
            return Stopped(ConcernType.CURRENCY_MISMATCH, cause, step)
        if whole.amount != whole.amount.quantize(CENT):
            return Stopped(ConcernType.AMOUNT_MISMATCH, f"{whole} has more than the two places Cin7 takes", step)
        return whole - total((part.amount for part in _parts(self.case, transaction)), whole.currency)

    def _shares(self, transaction: Transaction, amount: Money, notes: Sequence[Done]) -> list[Share] | Stopped:
        shares: list[Share] = []
        for credit in notes:
            note = self.facts.note_of(credit)
            if note is None or note.status != AUTHORISED:
                return _taken_back(credit, note)
            room = open_on(credit, note, self.case, self.actions, marker(self._key(transaction, credit)))
            weight = credited(credit, (*transaction.unit_ids, _name(transaction))) if transaction.unit_ids else None
            shares.append(Share(credit, note, room, weight.amount if weight else Decimal(0), zero(amount.currency)))
        found, left = filled(amount, shares)
        if not left:
            return found
        if ConcernType.AMOUNT_MISMATCH not in self.case.accepted:
            return _too_much(amount, shares)
        self.remarks.append(f"{left} of refund {transaction.transaction_id} stays unrecorded; a person accepted that")
        return found

    def _payment(self, transaction: Transaction, share: Share, sale: Sale, account: str) -> RecordRefund:
        key = self._key(transaction, share.credit)
        parts = (marker(key), "refund", transaction.transaction_id, transaction.reference)
        about = transaction.unit_ids or share.credit.units
        return RecordRefund(
            key=key,
            sale_id=sale.sale_id,
            units=(_unit(self.case, transaction, share.credit),),
            task_id=share.note.task_id,
            reference=" ".join(part for part in parts if part),
            amount=share.amount,
            paid_on=self._day(transaction),
            account=account,
            rate=self._rate(transaction, sale, share.note),
            settles=tuple(sorted(unit for unit in about if unit in share.credit.units)),
        )

    def _key(self, transaction: Transaction, credit: Done) -> str:
        case = self.case
        return business_key(case.shop, case.ret.rma_id, "refund", (_unit(case, transaction, credit),))

    def _day(self, transaction: Transaction) -> date:
        """The local day on which the money went out, or the first open one."""
        day = posting_day(self.tenant, moved_at(transaction, self.case) or self.now)
        if day.true_day is not None:
            locked = f"the books are locked until {self.tenant.lock_date}"
            self.remarks.append(f"refund of {day.true_day} dated {day.noted_on}: {locked}")
        return day.noted_on

    def _rate(self, transaction: Transaction, sale: Sale, note: CreditNote) -> Decimal:
        """Base units for one unit of the sale's currency as the refund was exchanged: the difference to the note is
        realised then."""
        amount, shop = transaction.amount, transaction.shop_amount
        if sale.currency == sale.base_currency:
            return Decimal(1)
        if amount.currency == sale.currency and shop and shop.currency == sale.base_currency:
            return (shop.amount / amount.amount).quantize(RATE_PLACES)
        name = transaction.transaction_id
        self.remarks.append(f"refund {name} names no rate to {sale.base_currency}: the note's is used")
        return note.rate


def _wait(transaction: Transaction, stopped: Stopped) -> Wait:
    concern = Concern(
        stopped.kind,
        f"refund {transaction.transaction_id}: {stopped.cause}",
        stopped.next_step,
        transaction.amount,
        tuple(sorted(transaction.unit_ids)),
        stopped.details,
    )
    return Wait(concern.cause, HOUR, concern)


def _by_others(transaction: Transaction, amount: Money, note: CreditNote | None) -> bool:
    """Whether a payment that is not ours has this amount and names this refund."""
    known = [text for text in (transaction.transaction_id, transaction.reference) if text]
    foreign = [payment for payment in (note.refunds if note else ()) if "RL-" not in payment.reference]
    return any(p.amount.amount == amount.amount and any(text in p.reference for text in known) for p in foreign)


def _taken_back(credit: Done, note: CreditNote | None) -> Stopped:
    cause = f"credit note {credit.number or credit.reference} is {note.status if note else 'gone'} in Cin7"
    step = "find out who took the note back in Cin7; the payment follows by itself once it stands again"
    return Stopped(ConcernType.CN_DRIFT, cause, step)


def _too_much(amount: Money, shares: Sequence[Share]) -> Stopped:
    currency = amount.currency
    room = total((share.open for share in shares), currency)
    recorded = total((p.amount for share in shares for p in share.note.refunds), currency)
    numbers = ", ".join(share.credit.number or share.credit.reference for share in shares)
    cause = f"{amount} went out, but credit note {numbers} has {room} open"
    cause += f" ({recorded} is already recorded on it)" if recorded else ""
    step = (
        "find out which figure is right, and correct the note or its payments in Cin7; "
        "accept this to record only what is open and to settle the rest by hand"
    )
    return Stopped(ConcernType.AMOUNT_MISMATCH, cause, step, {"refund": str(amount.amount), "open": str(room.amount)})
