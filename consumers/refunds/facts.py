"""What the refunds decision needs to know: who was paid, what is credited by which note, and what Cin7 shows now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from consumers.case import Case, Done
from schemas.actions import AdoptCreditNote, PostCreditNote, UnitGoods
from schemas.money import Money
from schemas.returns import Return, Transaction, Unit
from schemas.sales import Account, CreditNote, Sale, Tenant


@dataclass(frozen=True, slots=True)
class RefundFacts:
    """Everything asked of the books: the sales whose balance or restock a decision hangs on, and the accounts."""

    tenant: Tenant | None = None
    sales: Mapping[str, Sale] = field(default_factory=dict)
    accounts: Mapping[str, Account | None] = field(default_factory=dict)

    def note_of(self, credit: Done) -> CreditNote | None:
        """The credit note of this effect as Cin7 shows it now; None where it was not read or is gone."""
        sale = self.sales.get(sale_id_of(credit))
        real = [note for note in sale.credit_notes if note.real] if sale else []
        same = [note for note in real if note.task_id == credit.reference]
        # Converting a simple sale to an advanced one may give the note another task; its number stays.
        return next(iter(same or [note for note in real if note.number and note.number == credit.number]), None)


def refunds(ret: Return, *statuses: str) -> list[Transaction]:
    """The transactions of these statuses that give money back; a payment by the shopper is none."""
    return [t for t in ret.transactions if t.gives_back and t.status in statuses]


def moved_at(transaction: Transaction, case: Case) -> datetime | None:
    """When the transaction took its present status, as far as anybody said."""
    return transaction.updated_at or transaction.created_at or case.first_seen


def paid_back(ret: Return, unit: Unit, *statuses: str) -> list[Transaction]:
    """The refunds of these statuses that pay this unit back. Refunds that name no unit do so once they are enough for
    every unit that no other names."""
    asked = refunds(ret, *statuses)
    own = [t for t in asked if unit.returned_item_id in t.unit_ids]
    return own or _loose(ret, asked)


def _loose(ret: Return, asked: list[Transaction]) -> list[Transaction]:
    loose = [t for t in asked if not t.unit_ids]
    named = {unit for t in asked for unit in t.unit_ids}
    left = [u for u in ret.units if u.returned_item_id not in named and not u.exchanged]
    if len({*(t.amount.currency for t in loose), *(u.gross.currency for u in left)}) > 1:
        return loose
    fees = sum((u.restocking_fee + u.return_fee + u.shipment_fee for u in left), ret.cancellation_fee)
    owed = sum((u.gross.amount for u in left), -fees)
    return loose if sum((t.amount.amount for t in loose), Decimal(0)) >= owed else []


def credits_of(case: Case) -> list[Done]:
    """The credit notes of this return that are known to exist, ours or adopted, in a stable order."""
    return sorted((e for e in case.effects if e.kind == "credit" and e.confirmed), key=lambda e: (e.number, e.key))


def credit_of(case: Case, unit_id: str) -> Done | None:
    """The existing credit note that covers the unit."""
    return next((credit for credit in credits_of(case) if unit_id in credit.units), None)


def goods_of(credit: Done, unit_id: str) -> UnitGoods | None:
    """What the unit got out of our own note; None for an adopted one."""
    goods = credit.action.goods if isinstance(credit.action, PostCreditNote) else ()
    return next((one for one in goods if one.unit == unit_id), None)


def credited(credit: Done, unit_ids: Iterable[str]) -> Money | None:
    """The note's money for these of its units; an adopted note is shared evenly. None where nobody knows it."""
    mine = [unit for unit in unit_ids if unit in credit.units]
    goods = [one.gross for unit in mine if (one := goods_of(credit, unit)) is not None]
    if goods:
        return sum(goods[1:], start=goods[0])
    action = credit.action
    gross = action.gross if isinstance(action, AdoptCreditNote | PostCreditNote) else credit.gross
    return Money(gross.amount * len(mine) / max(len(credit.units), 1), gross.currency) if gross else None


def sale_id_of(effect: Done) -> str:
    """The sale this effect belongs to; "" where its action is not known."""
    return effect.action.sale_id if effect.action is not None else ""


def on_the_way(effect: Done) -> bool:
    """Whether the effect may still happen, or wait for a person, so that nobody may count on it or against it."""
    return not effect.confirmed and not effect.state.over
