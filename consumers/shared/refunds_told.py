"""The money of a return as ReturnGO tells it: fees kept, refunds sent, which units they settle, what is still open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from schemas.money import Money
from schemas.returns import REQUESTED, STORE_CREDIT, SUCCESS, Return, Transaction, Unit

#: The keys of the merchant's `fees` map; all amounts are what the shopper does not get, tax included.
RESTOCKING, RETURN, SHIPMENT, CANCELLATION = "restocking", "return", "shipment", "cancellation"


@dataclass(frozen=True, slots=True)
class PaidOut:
    """Successful refunds and the units they settle between them. `order_level` where at least one names no unit."""

    transactions: tuple[Transaction, ...]
    units: frozenset[str]
    order_level: bool = False

    @property
    def store_credit(self) -> bool:
        """Whether all of it became store credit, which may exceed what was paid."""
        return all(t.kind == STORE_CREDIT for t in self.transactions)


def refunds(ret: Return) -> tuple[Transaction, ...]:
    """Money towards the shopper, whatever became of it (an invoice paid by the shopper is none)."""
    return tuple(t for t in ret.transactions if t.gives_back)


def succeeded(ret: Return) -> tuple[Transaction, ...]:
    """The refunds that are money out."""
    return tuple(t for t in refunds(ret) if t.status == SUCCESS)


def undecided(ret: Return) -> tuple[Transaction, ...]:
    """The refunds that may still succeed or fail. A word that nobody knows is none of them: it may stay for ever."""
    return tuple(t for t in refunds(ret) if t.status == REQUESTED)


def disputed(ret: Return) -> tuple[Transaction, ...]:
    """Transactions that speak of a chargeback, where ReturnGO shows one."""
    return tuple(t for t in ret.transactions if t.disputed)


def paid_out(ret: Return, ids: frozenset[str]) -> PaidOut | None:
    """The refunds that can be compared with the entitlement of exactly these units; None where none can yet.

    A refund that also pays for other units, one still undecided, or one mixed with an exchange says nothing yet.
    """
    done = succeeded(ret)
    swapped = {u.returned_item_id for u in ret.units if u.exchanged}
    if any(not t.unit_ids for t in done) and not swapped and not undecided(ret):
        everyone = frozenset(u.returned_item_id for u in ret.units)
        return PaidOut(done, everyone, order_level=True) if everyone == ids else _of_units(done, ids, swapped, ret)
    return _of_units(done, ids, swapped, ret)


def _of_units(done: Iterable[Transaction], ids: frozenset[str], swapped: set[str], ret: Return) -> PaidOut | None:
    naming = [t for t in done if t.unit_ids]
    open_ = {unit for t in undecided(ret) for unit in t.unit_ids}
    elsewhere = {unit for t in naming for unit in t.unit_ids} - ids
    tangled = reached(naming, swapped | open_ | elsewhere)
    clear = tuple(t for t in naming if not tangled & set(t.unit_ids))
    if not clear:
        return None
    return PaidOut(clear, frozenset(unit for t in clear for unit in t.unit_ids))


def reached(rows: Iterable[Transaction], start: set[str]) -> set[str]:
    """Every unit tied to one of `start` by some refund."""
    known, rows = set(start), list(rows)
    while True:
        more = {unit for t in rows if known & set(t.unit_ids) for unit in t.unit_ids} - known
        if not more:
            return known
        known |= more


def in_currency(transactions: Iterable[Transaction], currency: str) -> Decimal | None:
    """Their sum in this currency as ReturnGO states it for the shopper; None where one is in another currency."""
    rows = list(transactions)
    if any(t.amount.currency != currency for t in rows):
        return None
    return sum((t.amount.amount for t in rows), Decimal(0))


def portal_price(unit: Unit, currency: str) -> Money | None:
    """What the portal says was paid, in the sale's currency; None where it knows no such figure."""
    if unit.paid.currency == currency:
        return unit.gross
    return unit.shop_paid if unit.shop_paid.currency == currency else None


def shop_rate(units: Iterable[Unit], currency: str) -> Decimal | None:
    """How much of `currency` one unit of the shopper's money was worth when the order was paid; None if not told."""
    known = list(units)
    if all(u.paid.currency == currency for u in known):
        return Decimal(1)
    paid = sum((u.paid.amount for u in known), Decimal(0))
    if not paid or any(u.shop_paid.currency != currency for u in known):
        return None
    return sum((u.shop_paid.amount for u in known), Decimal(0)) / paid


def fees_of(unit: Unit) -> Mapping[str, Decimal]:
    """The fees of one item by kind, in the currency the shopper paid."""
    return {RESTOCKING: unit.restocking_fee, RETURN: unit.return_fee, SHIPMENT: unit.shipment_fee}


def any_fee(ret: Return) -> bool:
    """Whether the portal keeps anything back on this return."""
    return bool(ret.cancellation_fee) or any(amount for unit in ret.units for amount in fees_of(unit).values())
