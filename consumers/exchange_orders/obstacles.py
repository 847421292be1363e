"""What keeps an exchange from being released: one reason at a time on the way of the goods, payment beside it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from consumers.case import Case
from consumers.exchange_orders.facts import Sighting, real_since, still_out
from schemas.concerns import ConcernType
from schemas.money import Money, total
from schemas.returns import CANCELED, INVOICE_PAYMENT, SUCCESS, Return, Transaction, Unit
from schemas.terms import EffectOwner, Gate, Terms
from schemas.terms import ExchangeReason as Reason

#: Hours until a reason becomes an exception. `original` is a card authorisation of seven days less two.
TIMERS: dict[Reason, int] = {
    Reason.ITEM: 168,
    Reason.INSPECTION: 72,
    Reason.CREDIT: 24,
    Reason.PAYMENT: 72,
    Reason.STOCK: 1,
    Reason.RELEASE: 24,
    Reason.CIN7: 24,
    Reason.ORIGINAL: 120,
}

KINDS: dict[Reason, ConcernType] = {
    Reason.PAYMENT: ConcernType.EXCHANGE_UNPAID,
    Reason.STOCK: ConcernType.EXCHANGE_OUT_OF_STOCK,
    Reason.CIN7: ConcernType.ORDER_NOT_FOUND,
    Reason.ORIGINAL: ConcernType.ADVANCE_EXCHANGE_OVERDUE,
}


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One thing in the way, since when as far as is known, and what a person can do. `at_once`: no timer."""

    reason: Reason
    why: str
    next_step: str
    since: datetime | None = None
    at_once: bool = False

    @property
    def kind(self) -> ConcernType:
        """The exception it becomes when its timer runs out."""
        return KINDS.get(self.reason, ConcernType.EXCHANGE_DRAFT_STUCK)


def before_stock(case: Case, sighting: Sighting, terms: Terms) -> tuple[Obstacle, ...]:
    """Everything in the way but stock: the goods, their inspection or credit (the first of them), and the payment."""
    way = _goods(case, sighting, terms) or _credit(case, sighting, terms)
    unpaid = _payment(case, sighting, terms)
    return tuple(one for one in (way, unpaid) if one is not None)


def obstacles(case: Case, sighting: Sighting, terms: Terms) -> tuple[Obstacle, ...]:
    """Everything in the way of a release; empty when it may go."""
    found = before_stock(case, sighting, terms)
    if found:
        return found
    short = _stock(case, sighting)
    return (short,) if short else ()


def _names(units: Iterable[Unit]) -> str:
    return ", ".join(sorted({unit.sku or unit.name for unit in units}))


def _goods(case: Case, sighting: Sighting, terms: Terms) -> Obstacle | None:
    ret, out = case.ret, still_out(case, sighting)
    missing = [unit for unit in out if unit.inspection is not None]
    if missing:
        why = f"the parcel was inspected and {_names(missing)} was not in it"
        step = "look for the item or settle it with the shopper, then correct the inspection or cancel the exchange"
        return Obstacle(Reason.ITEM, why, step, max(u.inspection.at for u in missing if u.inspection), at_once=True)
    if out:
        step = "ask the shopper for the parcel, or cancel the exchange in ReturnGO"
        why = f"the returned item {_names(out)} is not received yet"
        return Obstacle(Reason.ITEM, why, step, ret.approved_at or ret.created_at)
    open_ = [unit for unit in sighting.units if unit.needs_shipment and unit.inspection is None]
    if terms.gate is Gate.INSPECTED and open_:
        why = f"{_names(open_)} is received, but not inspected yet"
        return Obstacle(Reason.INSPECTION, why, "inspect it and record the result in ReturnGO", ret.received_at)
    return None


def _credit(case: Case, sighting: Sighting, terms: Terms) -> Obstacle | None:
    if terms.credit_note_owner is EffectOwner.NOBODY:
        return None
    credited = {u for e in case.effects if e.kind == "credit" and e.confirmed for u in e.units}
    open_ = [unit for unit in sighting.units if unit.returned_item_id not in credited]
    if not open_:
        return None
    step = "see why its credit note waits (`returnline explain` shows it); the exchange follows by itself"
    return Obstacle(Reason.CREDIT, f"the credit note for {_names(open_)} is not made yet", step, _goods_since(case))


def _goods_since(case: Case) -> datetime | None:
    found = [unit.inspection.at for unit in case.ret.units if unit.inspection]
    found += [case.ret.received_at] if case.ret.received_at else []
    return max(found, default=case.ret.approved_at)


# -- money ------------------------------------------------------------------------------------------------------------


def invoices(ret: Return) -> tuple[Transaction, ...]:
    """What the shopper was asked to pay for a dearer exchange; an invoice that was taken back asks for nothing."""
    return tuple(t for t in ret.transactions if t.kind == INVOICE_PAYMENT and t.status != CANCELED)


def price_difference(sighting: Sighting) -> Money | None:
    """What the new goods cost more than the swapped ones (negative: less); None where a price is not told."""
    prices = [item.price * item.quantity for item in sighting.items if item.price is not None]
    swapped = [unit.gross for unit in sighting.units]
    if not prices or len(prices) < len(sighting.items) or len({m.currency for m in prices + swapped}) > 1:
        return None
    currency = prices[0].currency
    return total(prices, currency) - total(swapped, currency)


def _payment(case: Case, sighting: Sighting, terms: Terms) -> Obstacle | None:
    if ConcernType.EXCHANGE_UNPAID in case.accepted:
        return None
    ret, asked = case.ret, invoices(case.ret)
    step = "remind the shopper of the invoice, or let the exchange expire in ReturnGO"
    open_ = [t for t in asked if t.status != SUCCESS]
    if open_:
        since = min((t.created_at for t in open_ if t.created_at), default=ret.approved_at)
        why = f"the shopper has not paid {total((t.amount for t in open_), open_[0].amount.currency)} for it yet"
        return Obstacle(Reason.PAYMENT, why, step, since)
    owed = price_difference(sighting)
    # A released order was paid or let go by the portal itself; its free price range is not told to us.
    if owed is None or sighting.order.released or any(t.amount.currency != owed.currency for t in asked):
        return None
    rest = owed - total((t.amount for t in asked), owed.currency)
    if rest.amount <= terms.amount_tolerance:
        return None
    why = f"the new goods cost {rest} more, and ReturnGO shows no payment of it"
    return Obstacle(Reason.PAYMENT, why, step, ret.approved_at or ret.created_at)


# -- stock ------------------------------------------------------------------------------------------------------------


def _stock(case: Case, sighting: Sighting) -> Obstacle | None:
    if ConcernType.EXCHANGE_OUT_OF_STOCK in case.accepted:
        return None
    wanted = sighting.wanted()
    short = {s: q for s, q in wanted.items() if sighting.available.get(s, Decimal(0)) < q}
    if not short:
        return None
    parts = [f"{sku}: {_plain(sighting.available.get(sku, Decimal(0)))} of {_plain(q)}" for sku, q in short.items()]
    step = "offer another variant or a refund, or bring stock in; accept this exception to release with a back-order"
    why = f"Cin7 has too little Available for it ({'; '.join(sorted(parts))})"
    return Obstacle(Reason.STOCK, why, step, met_at(case, sighting))


def _plain(quantity: Decimal) -> str:
    return format(quantity.normalize() if quantity else Decimal(0), "f")


def met_at(case: Case, sighting: Sighting) -> datetime | None:
    """When the last condition of the release came true: receipt, inspection, credit note or payment."""
    units = {unit.returned_item_id for unit in sighting.units}
    moments = [_goods_since(case), *(t.updated_at or t.created_at for t in invoices(case.ret) if t.status == SUCCESS)]
    moments += [e.confirmed_at for e in case.effects if e.kind == "credit" and e.confirmed and units & set(e.units)]
    moments += [real_since(case, sighting)] if sighting.order.released else []
    return max((moment for moment in moments if moment), default=None)
