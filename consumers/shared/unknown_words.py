"""What stops, or is told, where a provider says a word that nobody taught us: it is neither "fine" nor "not yet"."""

from __future__ import annotations

from consumers.case import Case, Wait
from consumers.shared.waits import HOUR, LONG, Held, summed
from schemas.concerns import Concern, ConcernType
from schemas.returns import SHIPMENT_STATUSES, Return, Transaction, Unit
from schemas.sales import RESTOCK_STATUSES, Sale

_KIND = ConcernType.UNKNOWN_STATUS
SALE_STEP = "look at the sale in Cin7; accept this to go on as if that word said nothing, or teach Returnline the word"
_MONEY_STEP = (
    "see in ReturnGO and in the shop whether this money went out, and settle it by hand; then accept this, or teach "
    "Returnline the word"
)
_RESTOCK_STEP = "see in Cin7 whether the goods are in stock; this continues once the note shows its restock AUTHORISED"
_PARCEL_STEP = "see in ReturnGO where the parcel is; this continues once it is received, or once the word is known"


def of_sale(sale: Sale, case: Case) -> str:
    """Why nothing may be decided about this sale; "" where every word is known or a person accepted it."""
    found = () if _KIND in case.accepted else sale.unknown_words()
    return f"sale {sale.order_number} speaks in words we do not know: {'; '.join(found)}" if found else ""


def sale_held(sale: Sale, case: Case, unit: Unit) -> Held | None:
    """The unit while such a sale stops it."""
    cause = of_sale(sale, case)
    return Held(unit, cause, HOUR, _KIND, SALE_STEP) if cause else None


def sale_wait(sale: Sale, case: Case) -> Wait | None:
    """The same for a decision that is not about single units."""
    cause = of_sale(sale, case)
    return Wait(cause, HOUR, Concern(_KIND, cause, SALE_STEP)) if cause else None


def strange_money(case: Case) -> tuple[Transaction, ...]:
    """The transactions of which nobody can tell whether they are money out."""
    return () if _KIND in case.accepted else tuple(t for t in case.ret.transactions if not t.understood)


def money_wait(case: Case) -> Wait | None:
    """Tells of them, whatever else is right about the return."""
    rows = strange_money(case)
    if not rows:
        return None
    said = "; ".join(f"transaction {t.transaction_id} of {t.amount} is {t.kind!r}, {t.status!r}" for t in rows)
    cause = f"ReturnGO speaks in words we do not know: {said}. It counts neither as paid nor as on its way."
    units = tuple(sorted({unit for t in rows for unit in t.unit_ids}))
    return Wait(cause, LONG, Concern(_KIND, cause, _MONEY_STEP, summed(t.amount for t in rows), units))


def strange_restock(unit: Unit, case: Case) -> Held | None:
    """The unit where Cin7 answered our note with a restock status we do not know: its goods may not be in stock."""
    notes = (e for e in case.effects if e.kind == "credit" and e.confirmed and unit.returned_item_id in e.units)
    odd = [(e.number, e.details["restock_status"]) for e in notes if _strange(e.details.get("restock_status", ""))]
    if not odd or _KIND in case.accepted:
        return None
    cause = f"credit note {odd[0][0]} shows its restock as {odd[0][1]!r}, a word we do not know"
    return Held(unit, cause, HOUR, _KIND, _RESTOCK_STEP)


def _strange(restock: str) -> bool:
    return not RESTOCK_STATUSES.knows(restock)


def strange_parcel(ret: Return, unit: Unit, case: Case) -> Held | None:
    """The unit while its parcel, or one that may be its parcel, has a status we do not know."""
    own = ret.shipment_of(unit)
    parcels = [own] if own is not None else [parcel for parcel in ret.shipments if not parcel.outbound]
    odd = [parcel for parcel in parcels if not SHIPMENT_STATUSES.knows(parcel.status)]
    if not odd or _KIND in case.accepted:
        return None
    said = ", ".join(f"parcel {parcel.shipment_id} is {parcel.status!r}" for parcel in odd)
    return Held(unit, f"ReturnGO speaks in words we do not know: {said}", LONG, _KIND, _PARCEL_STEP)
