"""Exchanges of which nothing is released: the return is off, the sale is voided, or there never was a draft."""

from __future__ import annotations

from consumers.case import Case, Plan, Wait
from consumers.exchange_facts import Sighting, still_out
from consumers.exchange_release import record_out
from consumers.holds import LONG
from schemas.concerns import Concern, ConcernType
from schemas.returns import DONE, ENDED_STATUSES, RECEIVED, VALIDATED, ExchangeOrder, Return
from schemas.sales import Sale


def ended(case: Case, sighting: Sighting) -> Plan:
    """The return is off. A draft that stays could still be released by mistake; goods that left must come back."""
    sale, status = sighting.known, case.ret.status.lower()
    if sighting.in_draft and sale is not None:
        kind, step = ConcernType.EXCHANGE_DRAFT_STUCK, f"void order {sale.order_number} in Cin7"
        cause = f"the return is {status}, and its exchange {sighting.name} is still a draft in Cin7"
    elif still_out(case, sighting) and (sighting.shipped or (sale is None and sighting.order.released)):
        kind, step = ConcernType.ADVANCE_EXCHANGE_OVERDUE, "charge the shopper for the new goods, or get them back"
        cause = f"the return is {status}, but the goods of exchange {sighting.name} are sent"
    else:
        return Plan(remarks=(f"the return is {status}: exchange {sighting.order.name} is not to be released",))
    if kind in case.waived:
        return Plan(remarks=(f"{cause}; accepted",))
    return Plan(waits=(Wait(cause, LONG, Concern(kind, cause, step, sighting.value(), sighting.unit_ids)),))


def voided(case: Case, sighting: Sighting, sale: Sale) -> Plan:
    """The exchange stands in the portal, its sale does not: a person decides which is right."""
    kind = ConcernType.SALE_VOIDED
    cause = f"the sale of exchange {sighting.name} is voided in Cin7, but the exchange stands in ReturnGO"
    if kind in case.waived:
        return Plan(remarks=(f"{cause}; accepted",))
    step = "make the order again in Cin7 under the same Customer Reference, or cancel the exchange and accept this"
    return Plan(waits=(Wait(cause, LONG, Concern(kind, cause, step, sighting.value(), sighting.unit_ids)),))


def no_order(ret: Return) -> ExchangeOrder:
    """What stands for the order of a return that swaps without one: the original order."""
    return ExchangeOrder("", ret.order_id, ret.order_name, "native")


def native(case: Case, sighting: Sighting) -> Plan:
    """A native exchange lives on the original order: there is no draft, so it is only linked, once the goods came."""
    if case.ret.status not in {RECEIVED, VALIDATED, DONE}:
        if case.ret.status in ENDED_STATUSES:
            return Plan(remarks=(f"the return is {case.ret.status.lower()}; there is no exchange draft",))
        return Plan(waits=(Wait("no exchange draft yet", LONG),))
    remark = f"the exchange is on the original order {sighting.order.name}: linked, nothing to release"
    return Plan(actions=record_out(case, sighting), remarks=(remark,))
