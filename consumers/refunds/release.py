"""Letting the refund go: ReturnGO is told once, and only when the parcel's goods are credited and where they belong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from consumers.case import Case, Done, Wait
from consumers.refunds.facts import RefundFacts, credit_of, goods_of, on_the_way, paid_back, sale_id_of
from consumers.shared.gate import goods_received
from consumers.shared.unknown_words import strange_money
from consumers.shared.waits import LONG
from schemas.actions import (
    MOVING,
    AdoptCreditNote,
    CommentOnReturn,
    PostCreditNote,
    ReceiveShipment,
    business_key,
    marker,
)
from schemas.returns import AGREED_STATUSES, REQUESTED, SUCCESS, Shipment, Unit
from schemas.sales import AUTHORISED
from schemas.terms import Disposition, EffectOwner, RefundRelease, Terms

#: Fates that move no stock of ours.
_NO_STOCK = frozenset({Disposition.KEEP.value, "not_stock"})


@dataclass(frozen=True, slots=True)
class Lack:
    """Why a unit is not ready; `sale_id` where only a fresh look at that sale can tell."""

    reason: str
    sale_id: str = ""


@dataclass(frozen=True, slots=True)
class Parcel:
    """Units that are released together: those of one parcel, or all that need none."""

    shipment: Shipment | None
    units: tuple[Unit, ...]

    @property
    def name(self) -> str:
        """What the database keeps unique, so that a unit added later releases nothing twice."""
        return f"parcel:{self.shipment.shipment_id}" if self.shipment else "parcel:none"


@dataclass(slots=True)
class Release:
    """What to tell ReturnGO now, what waits, and what needs no telling any more."""

    actions: list[CommentOnReturn | ReceiveShipment] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def sales_asked(case: Case, terms: Terms) -> set[str]:
    """The sales whose restock alone is still to be seen."""
    lacks = [_lacks(parcel, case, RefundFacts(), terms) for parcel in _due(case, terms)]
    return {lack.sale_id for found in lacks if all(one.sale_id for one in found) for lack in found}


def plan_release(case: Case, facts: RefundFacts, terms: Terms) -> Release:
    """Release every parcel that is ready and not yet released."""
    found = Release()
    for parcel in _due(case, terms):
        if not any(_owed(unit, case) for unit in parcel.units):
            found.remarks.append("the refund already happened, so there is nothing to let go")
            continue
        lacks = _lacks(parcel, case, facts, terms)
        if lacks:
            reasons = "; ".join(dict.fromkeys(lack.reason for lack in lacks))
            found.waits.append(Wait(f"the refund is not let go: {reasons}", LONG))
        else:
            found.actions.append(_action(parcel, case, terms))
    return found


def _kind(terms: Terms) -> str:
    return "comment" if terms.refund_release is RefundRelease.COMMENT else "receive"


def _due(case: Case, terms: Terms) -> Iterator[Parcel]:
    """The parcels that ReturnGO has not been told about."""
    if terms.refund_release is RefundRelease.NONE or case.ret.status not in AGREED_STATUSES:
        return
    told = case.covered(_kind(terms))
    for parcel in _parcels(case):
        known = terms.refund_release is RefundRelease.SHIPMENT_RECEIVED and (
            parcel.shipment is None or parcel.shipment.received
        )
        if parcel.name not in told and not known:
            yield parcel


def _parcels(case: Case) -> Iterator[Parcel]:
    inbound = [s for s in case.ret.shipments if not s.outbound]
    units = sorted(case.ret.units, key=lambda unit: unit.returned_item_id)
    ids = {s.shipment_id for s in inbound}
    loose = [u for u in units if u.shipment_id not in ids]
    for shipment in inbound:
        mine = [u for u in units if u.shipment_id == shipment.shipment_id]
        # ReturnGO leaves the parcel of a unit empty at times; with one parcel there is no doubt.
        mine += [u for u in loose if u.needs_shipment] if len(inbound) == 1 else []
        if mine:
            yield Parcel(shipment, tuple(mine))
    rest = [u for u in loose if len(inbound) != 1 or not u.needs_shipment]
    if rest:
        yield Parcel(None, tuple(rest))


def _owed(unit: Unit, case: Case) -> bool:
    """Whether the unit's refund is neither out nor asked for. An exchange is owed until its order is released."""
    if paid_back(case.ret, unit, SUCCESS, REQUESTED):
        return False
    if unit.exchanged:
        return not (case.ret.exchange_orders and all(order.released for order in case.ret.exchange_orders))
    return True


def _lacks(parcel: Parcel, case: Case, facts: RefundFacts, terms: Terms) -> list[Lack]:
    if not any(_owed(unit, case) for unit in parcel.units):
        return []
    if strange_money(case):
        return [Lack("ReturnGO shows a transaction in words we do not know, and the money may be out")]
    return [lack for unit in parcel.units if (lack := _lack(unit, case, facts, terms)) is not None]


def _lack(unit: Unit, case: Case, facts: RefundFacts, terms: Terms) -> Lack | None:
    credit = credit_of(case, unit.returned_item_id)
    if credit is None:
        return Lack(f"{unit.sku} is not credited")
    if not unit.needs_shipment:
        return None
    if unit.inspection is not None and not unit.inspection.returned:
        return Lack(f"{unit.sku} was not in the parcel")
    if any(e.kind in MOVING and on_the_way(e) and unit.returned_item_id in e.units for e in case.effects):
        return Lack(f"{unit.sku} is still being moved")
    return _lack_of_goods(unit, credit, case, facts, terms)


def _lack_of_goods(unit: Unit, credit: Done, case: Case, facts: RefundFacts, terms: Terms) -> Lack | None:
    """Whether the goods are where their disposition says, as Cin7 itself shows it."""
    goods = goods_of(credit, unit.returned_item_id)
    if goods is not None and goods.disposition in _NO_STOCK:
        return None
    if not goods_received(case.ret, unit):
        return Lack(f"{unit.sku} is not received")
    if terms.restock_owner is not EffectOwner.RETURNLINE:
        return None
    if not _done(case, "adjust", unit) and not _restocked(credit, goods is not None and bool(goods.location), facts):
        what = "its restock is not authorised in Cin7" if goods is None or goods.location else "it is not in stock yet"
        seen = credit.reference and (goods is None or goods.location) and facts.note_of(credit) is None
        return Lack(f"{unit.sku}: {what}", sale_id_of(credit) if seen else "")
    ours = terms.write_off_owner is EffectOwner.RETURNLINE
    if goods is not None and goods.disposition == Disposition.WRITE_OFF and ours and not _done(case, "write-off", unit):
        return Lack(f"{unit.sku} is not written off yet")
    return None


def _done(case: Case, kind: str, unit: Unit) -> bool:
    return any(e.kind == kind and e.confirmed and unit.returned_item_id in e.units for e in case.effects)


def _restocked(credit: Done, located: bool, facts: RefundFacts) -> bool:
    """Whether the note's restock stands AUTHORISED: in the answer of the write, or in a later look at the sale."""
    note = facts.note_of(credit)
    if note is not None:
        return note.restock_status == AUTHORISED and (located or isinstance(credit.action, AdoptCreditNote))
    return located and isinstance(credit.action, PostCreditNote) and credit.details.get("restock_status") == AUTHORISED


def _action(parcel: Parcel, case: Case, terms: Terms) -> CommentOnReturn | ReceiveShipment:
    notes = [credit for unit in parcel.units if (credit := credit_of(case, unit.returned_item_id)) is not None]
    key = business_key(case.shop, case.ret.rma_id, _kind(terms), (parcel.name,))
    rma_id, sale_id = case.ret.rma_id, sale_id_of(notes[0])
    if parcel.shipment is not None and terms.refund_release is RefundRelease.SHIPMENT_RECEIVED:
        shipment_id = parcel.shipment.shipment_id
        return ReceiveShipment(key=key, sale_id=sale_id, units=(parcel.name,), rma_id=rma_id, shipment_id=shipment_id)
    text = _text(parcel, notes, case, marker(key))
    return CommentOnReturn(key=key, sale_id=sale_id, units=(parcel.name,), rma_id=rma_id, text=text)


def _text(parcel: Parcel, notes: list[Done], case: Case, mark: str) -> str:
    numbers = ", ".join(dict.fromkeys(note.number or note.reference for note in notes))
    kept = all(not unit.needs_shipment for unit in parcel.units)
    goods = "no goods are expected" if kept else "the goods are booked in"
    count = len(parcel.units)
    items = "1 item is" if count == 1 else f"{count} items are"
    return f"{items} credited by {numbers} and {goods}: the refund may go. Returnline {mark}"
