"""The exchange-orders consumer: no exchange stays in Draft without a reason, a timer and an owner, and none is released
before its conditions are met."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from consumers.case import Case, Plan, Wait
from consumers.exchange_orders.facts import (
    ExchangeFacts,
    Sighting,
    linked,
    our_release,
    out_units,
    real_since,
    still_out,
)
from consumers.exchange_orders.gathering import gather
from consumers.exchange_orders.obstacles import TIMERS, Obstacle, met_at, obstacles
from consumers.exchange_orders.release import (
    back_ordered,
    other_goods,
    proposal,
    record_out,
    record_real,
    release,
)
from consumers.shared.go_live import held_back
from consumers.shared.order_names import exchanged_units, exchanges_of, on_original, wants_exchange
from consumers.shared.unknown_words import sale_wait
from consumers.shared.waits import HOUR, LONG, SOON, merged
from schemas.actions import AuthoriseOrder, PostCreditNote, business_key
from schemas.concerns import Concern, ConcernType
from schemas.money import total
from schemas.returns import DONE, ENDED_STATUSES, PENDING, RECEIVED, VALIDATED, ExchangeOrder, Return
from schemas.sales import Sale
from schemas.terms import ExchangeReason as Reason
from schemas.terms import Terms


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
    if kind in case.accepted:
        return Plan(remarks=(f"{cause}; accepted",))
    return Plan(waits=(Wait(cause, LONG, Concern(kind, cause, step, sighting.value(), sighting.unit_ids)),))


def voided(case: Case, sighting: Sighting, sale: Sale) -> Plan:
    """The exchange stands in the portal, its sale does not: a person decides which is right."""
    kind = ConcernType.SALE_VOIDED
    cause = f"the sale of exchange {sighting.name} is voided in Cin7, but the exchange stands in ReturnGO"
    if kind in case.accepted:
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


__all__ = ["ExchangeFacts", "gather", "hears", "plan"]

CENT = Decimal("0.01")


def hears(ret: Return, terms: Terms) -> bool:
    """Whether any part of the return is an exchange."""
    return wants_exchange(ret)


def plan(case: Case, facts: ExchangeFacts, terms: Terms, now: datetime) -> Plan:
    """What to do for each exchange of the return, and what it waits for. Pure; `now` must be aware."""
    early = _verdict(case, facts, terms)
    if early is not None:
        return early
    if not exchanges_of(case.ret):
        return native(case, Sighting(no_order(case.ret), exchanged_units(case.ret)))
    return merged([_one(case, sighting, terms, now) for sighting in facts.sightings])


def _verdict(case: Case, facts: ExchangeFacts, terms: Terms) -> Plan | None:
    ret = case.ret
    early = held_back(case, terms, facts.tenant)
    if early is not None:
        return early
    if ret.status == PENDING:
        return Plan(waits=(Wait("the return is not approved yet", LONG),))
    return None


def _one(case: Case, sighting: Sighting, terms: Terms, now: datetime) -> Plan:
    ret, sale = case.ret, sighting.sale
    if on_original(ret, sighting.order):
        return native(case, sighting)
    if isinstance(sale, Concern):
        return Plan(waits=(Wait(sale.cause, LONG, sale),))
    unclear = sale_wait(sale, case) if sale is not None else None
    if unclear is not None:
        return Plan(waits=(unclear,))
    if ret.status in ENDED_STATUSES:
        return ended(case, sighting)
    if sale is not None and sale.voided:
        return voided(case, sighting, sale)
    if sighting.out or linked(case, out_units(sighting.handle)):
        return _released(case, sighting, terms, now)
    if sighting.order.released and sale is None:
        return _unknown_to_cin7(case, sighting, terms, now)
    return _waiting(case, sighting, terms, now)


# -- still a draft ----------------------------------------------------------------------------------------------------


def _waiting(case: Case, sighting: Sighting, terms: Terms, now: datetime) -> Plan:
    noted, found = record_real(case, sighting), obstacles(case, sighting, terms)
    if found:
        return _held(case, sighting, found, terms, now, Plan(actions=noted))
    going = release(case, sighting, terms)
    actions = noted + proposal(case, sighting, will_release=bool(going)) + going
    if going or _release_under_way(case, sighting):
        return Plan(actions=actions, waits=(Wait("released; the order is read back after it", timedelta(minutes=1)),))
    nobody = Obstacle(Reason.RELEASE, *_nobody(sighting), since=met_at(case, sighting))
    return _held(case, sighting, (nobody,), terms, now, Plan(actions=actions))


def _release_under_way(case: Case, sighting: Sighting) -> bool:
    units = (f"exchange:{sighting.handle}",)
    key = business_key(case.shop, case.ret.rma_id, AuthoriseOrder.kind, units)
    return any(e.key == key and (e.confirmed or e.state.live) for e in case.effects)


def _nobody(sighting: Sighting) -> tuple[str, str]:
    other = other_goods(sighting)
    if other and sighting.known:
        return (
            f"Cin7 order {sighting.known.order_number} does not hold {', '.join(other)}, which the shopper chose",
            f"correct order {sighting.known.order_number} in Cin7, then authorise it",
        )
    if sighting.known:
        return "nobody released it", f"authorise order {sighting.known.order_number} in Cin7"
    return "nobody released it", f"release exchange {sighting.order.name} in ReturnGO"


def _unknown_to_cin7(case: Case, sighting: Sighting, terms: Terms, now: datetime) -> Plan:
    why = f"ReturnGO released it, but no sale in Cin7 carries the name {sighting.order.name}"
    step = f"import the order into Cin7, or put {sighting.order.name} into its sale's Customer Reference"
    missing = Obstacle(Reason.CIN7, why, step, real_since(case, sighting))
    held = _held(case, sighting, (missing,), terms, now, Plan(actions=record_real(case, sighting)))
    return merged([held, _original_back(case, sighting, terms, now)])


def _held(case: Case, sighting: Sighting, found: Sequence[Obstacle], terms: Terms, now: datetime, base: Plan) -> Plan:
    """Quiet until a reason's timer runs out, then an exception with its age and the value of the order."""
    waits, concerns = [], []
    for obstacle in found:
        since = min(obstacle.since or case.first_seen or now, now)
        ends = since + timedelta(hours=terms.exchange_timers.get(obstacle.reason, TIMERS[obstacle.reason]))
        # Whether Cin7 has it by now is answered from the sale index, without a call.
        most = HOUR if obstacle.reason is Reason.CIN7 else LONG
        waits.append(Wait(f"exchange {sighting.order.name}: {obstacle.why}", _look_again(ends, now, most)))
        if (now >= ends or obstacle.at_once) and obstacle.kind not in case.accepted:
            concerns.append(_aged(sighting, obstacle, since, now))
    return Plan(actions=base.actions, waits=tuple(waits), concerns=tuple(concerns))


def _look_again(ends: datetime, now: datetime, most: timedelta) -> timedelta:
    return max(SOON, min(ends - now, most)) if ends > now else most


def _aged(sighting: Sighting, obstacle: Obstacle, since: datetime, now: datetime) -> Concern:
    hours = int((now - since) / HOUR)
    age = f"{hours // 24} days" if hours >= 48 else f"{hours} hours"
    return Concern(
        obstacle.kind,
        cause=f"exchange {sighting.name} has waited {age}: {obstacle.why}",
        next_step=obstacle.next_step,
        money=sighting.value(),
        units=sighting.unit_ids,
        details={"reason": str(obstacle.reason), "since": since.isoformat(), "age_hours": str(hours)},
    )


# -- out of Draft -----------------------------------------------------------------------------------------------------


def _released(case: Case, sighting: Sighting, terms: Terms, now: datetime) -> Plan:
    """Read back what the release made of the order; then only goods that must still come back are watched."""
    sale, noted = sighting.known, record_real(case, sighting)
    changed = _changed(case, sighting, sale) if sale else None
    if changed is not None:
        return merged(
            [
                Plan(actions=noted, waits=(Wait(changed.cause, LONG, changed),)),
                _original_back(case, sighting, terms, now),
            ]
        )
    remark = f"exchange {sighting.name} is released{_clearing(case, sighting)}"
    done = Plan(actions=noted + record_out(case, sighting), remarks=(remark,))
    return merged([done, _original_back(case, sighting, terms, now)])


def _changed(case: Case, sighting: Sighting, sale: Sale) -> Concern | None:
    ours, short = our_release(case, sale), back_ordered(sale)
    told = ours.action.order_total if ours and isinstance(ours.action, AuthoriseOrder) else sale.order_total
    parts = [f"on back-order: {', '.join(short)}"] if short and not sighting.shipped else []
    if abs((sale.order_total - told).amount) > CENT:
        parts.append(f"its total is {sale.order_total}, and was {told} before")
    kind = ConcernType.EXCHANGE_CHANGED_ON_RELEASE if ours else ConcernType.EXCHANGE_OUT_OF_STOCK
    if not parts or kind in case.accepted:
        return None
    return Concern(
        kind,
        cause=f"exchange {sighting.name} changed when it was authorised: {'; '.join(parts)}",
        next_step=f"correct order {sale.order_number} in Cin7, or tell the shopper and accept this",
        money=sale.order_total,
        units=sighting.unit_ids,
    )


def _original_back(case: Case, sighting: Sighting, terms: Terms, now: datetime) -> Plan:
    """The new goods left before the old ones came: they must come before the card authorisation ends."""
    out, kind = still_out(case, sighting), ConcernType.ADVANCE_EXCHANGE_OVERDUE
    if not out or kind in case.accepted:
        return Plan()
    skus = ", ".join(sorted({unit.sku or unit.name for unit in out}))
    if sighting.known is not None and not sighting.shipped:
        return Plan(waits=(Wait(f"exchange {sighting.order.name} is released, {skus} is not back yet", LONG),))
    why = f"its goods are sent, and {skus} of the original order is not back"
    step = "charge the card authorisation before it ends, or chase the parcel"
    late = Obstacle(Reason.ORIGINAL, why, step, real_since(case, sighting) or now)
    return _held(case, sighting, (late,), terms, now, Plan())


def _clearing(case: Case, sighting: Sighting) -> str:
    """Report only: what was credited for the swapped units beside the new order; an even exchange ends at nothing."""
    units = set(sighting.unit_ids)
    notes = [e.action for e in case.effects if isinstance(e.action, PostCreditNote) and e.confirmed]
    credited = [goods.gross for note in notes for goods in note.goods if goods.unit in units]
    value = sighting.value()
    if not credited or value is None or {money.currency for money in credited} != {value.currency}:
        return ""
    given = total(credited, value.currency)
    return f"; exchange clearing: credited {given}, new order {value}, difference {value - given}"
