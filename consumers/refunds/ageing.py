"""What ages: money without a note, a note without its money, money without its goods, goods without a decision."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from consumers.case import Case, Wait
from consumers.refunds.facts import credit_of, credited, moved_at, paid_back, refunds
from consumers.shared.gate import goods_received
from consumers.shared.refunds_told import in_currency, reached, succeeded
from consumers.shared.waits import LONG, summed
from schemas.concerns import Concern, ConcernType
from schemas.money import Money
from schemas.returns import DONE, ENDED_STATUSES, FAILED, REQUESTED, SUCCESS, Transaction, Unit, refund_wanted
from schemas.terms import EffectOwner, Gate, Terms

_K = ConcernType
#: Hours until a gap is worth a person's time, where the merchant sets no threshold.
DEFAULT_HOURS = {
    _K.CREDITED_NOT_REFUNDED: 72,
    _K.REFUNDED_NOT_CREDITED: 24,
    _K.REFUNDED_NOT_RECEIVED: 14 * 24,
}
_STEPS = {
    _K.CREDITED_NOT_REFUNDED: "refund the shopper in ReturnGO, or see with the payment provider why the refund hangs",
    _K.REFUNDED_NOT_CREDITED: "see what holds up the credit note (its own exception says), or make it by hand",
    _K.REFUNDED_NOT_RECEIVED: "chase the parcel or the shopper; claim the goods or write the refund off",
    _K.REFUND_FAILED: "repeat the refund in ReturnGO, or pay the shopper another way; this closes with its success",
    _K.REFUND_REFUSED_HOLD: (
        "put the goods on hold and agree with the shopper: send them back, or reopen the return in ReturnGO"
    ),
}


@dataclass(frozen=True, slots=True)
class Gap:
    """One gap of one unit or transaction, and since when it is open."""

    kind: ConcernType
    cause: str
    units: tuple[str, ...]
    money: Money | None
    since: datetime


def gaps(case: Case, terms: Terms, now: datetime) -> list[Gap]:
    """Every open gap of the return, however young."""
    found = [*_units(case, terms, now), *_failed(case, now), *_loose(case, terms, now)]
    found += _hanging(case, found, terms, now)
    return [gap for gap in found if gap.kind not in case.accepted]


def waits_of_gaps(found: Iterable[Gap], terms: Terms, now: datetime) -> list[Wait]:
    """One wait per kind of gap: quiet until its threshold, then an exception with all its units and money."""
    waits = []
    for kind in sorted({gap.kind for gap in found}):
        mine = [gap for gap in found if gap.kind == kind]
        hours = timedelta(hours=terms.thresholds.get(kind.value, DEFAULT_HOURS.get(kind, 0)))
        old = [gap for gap in mine if now - gap.since >= hours]
        young = [gap for gap in mine if gap not in old]
        if old:
            waits.append(Wait(old[0].cause, LONG, _concern(kind, old)))
        if young:
            due = min(gap.since for gap in young) + hours - now
            waits.append(Wait(young[0].cause, due))
    return waits


def _concern(kind: ConcernType, old: list[Gap]) -> Concern:
    causes = list(dict.fromkeys(gap.cause for gap in old))
    return Concern(
        kind,
        cause="; ".join(causes[:3]) + (f"; and {len(causes) - 3} more" if len(causes) > 3 else ""),
        next_step=_STEPS[kind],
        money=summed(gap.money for gap in old if gap.money is not None),
        units=tuple(sorted({unit for gap in old for unit in gap.units})),
        details={"since": min(gap.since for gap in old).isoformat()},
    )


def _units(case: Case, terms: Terms, now: datetime) -> list[Gap]:
    found: list[Gap] = []
    for unit in sorted(case.ret.units, key=lambda u: u.returned_item_id):
        money = paid_back(case.ret, unit, SUCCESS)
        one = [
            _not_refunded(unit, case, now) if not money else None,
            _not_received(unit, money[-1], case, terms, now) if money else None,
            _not_credited(unit, money, case, terms, now) if money else None,
            _refused(unit, case, now) if not money else None,
        ]
        found += [gap for gap in one if gap is not None]
    return found


def _gap(kind: ConcernType, cause: str, unit: Unit, money: Money | None, since: datetime | None, now: datetime) -> Gap:
    return Gap(kind, cause, (unit.returned_item_id,), money, since or now)


def _not_refunded(unit: Unit, case: Case, now: datetime) -> Gap | None:
    credit = credit_of(case, unit.returned_item_id)
    asked = paid_back(case.ret, unit, REQUESTED)
    if credit is None or not (refund_wanted(unit.resolution) or asked):
        return None
    worth = credited(credit, (unit.returned_item_id,))
    if worth is not None and not worth:
        return None
    state = "the refund is asked for, but not confirmed" if asked else "no refund went out"
    cause = f"credited by {credit.number or credit.reference}, and {state}"
    return _gap(_K.CREDITED_NOT_REFUNDED, cause, unit, worth, credit.confirmed_at or case.first_seen, now)


def _not_received(unit: Unit, last: Transaction, case: Case, terms: Terms, now: datetime) -> Gap | None:
    if not unit.needs_shipment or goods_received(case.ret, unit):
        return None
    # The credit decision says so itself, and at once, where ReturnGO has closed a return that it still waits for.
    credited_already = credit_of(case, unit.returned_item_id) is not None
    if case.ret.status == DONE and terms.gate is not Gate.APPROVED and not credited_already:
        return None
    cause = "the shopper has the money, and the goods are not received"
    return _gap(_K.REFUNDED_NOT_RECEIVED, cause, unit, unit.gross, moved_at(last, case), now)


def _not_credited(unit: Unit, money: list[Transaction], case: Case, terms: Terms, now: datetime) -> Gap | None:
    if terms.credit_note_owner is EffectOwner.NOBODY or credit_of(case, unit.returned_item_id) is not None:
        return None
    named = [t for t in money if t.unit_ids]
    if not named:
        return None
    first = min(moved_at(t, case) or now for t in named)
    cause = f"{named[0].amount} went out by refund {named[0].transaction_id}, and no credit note covers it"
    worth = named[0].amount if len(named[0].unit_ids) == 1 else unit.gross
    return _gap(_K.REFUNDED_NOT_CREDITED, cause, unit, worth, first, now)


def _refused(unit: Unit, case: Case, now: datetime) -> Gap | None:
    """The goods lie here and nobody owes money for them: they are the shopper's (canonical posting: none)."""
    ret = case.ret
    open_credit = unit.returned_item_id in case.covered("credit")
    if ret.status not in ENDED_STATUSES or open_credit or not ret.received(unit):
        return None
    cause = f"the goods are here, but the return is {ret.status} without credit or refund"
    return _gap(_K.REFUND_REFUSED_HOLD, cause, unit, unit.gross, ret.received_at, now)


def _failed(case: Case, now: datetime) -> list[Gap]:
    return [
        Gap(
            _K.REFUND_FAILED,
            f"refund {t.transaction_id} of {t.amount} failed",
            tuple(sorted(t.unit_ids)),
            t.amount,
            moved_at(t, case) or now,
        )
        for t in refunds(case.ret, FAILED)
        if not _made_good(t, case)
    ]


def _hanging(case: Case, found: list[Gap], terms: Terms, now: datetime) -> list[Gap]:
    """Refunds asked for that never move, beside what is told already: the shopper waits for the rest."""
    told = {unit for gap in found if gap.kind is _K.CREDITED_NOT_REFUNDED for unit in gap.units}
    everyone = {unit.returned_item_id for unit in case.ret.units}
    hours = terms.thresholds.get(_K.CREDITED_NOT_REFUNDED.value, DEFAULT_HOURS[_K.CREDITED_NOT_REFUNDED])
    gaps = []
    for t in refunds(case.ret, REQUESTED):
        units = set(t.unit_ids) or everyone
        if (units and units <= told) or _paid_whole(units, case):
            continue
        credited_ = any(credit_of(case, unit) is not None for unit in units)
        since = moved_at(t, case) or now
        cause = f"refund {t.transaction_id} of {t.amount} is asked for since {since.date()}, and neither out nor failed"
        kind = _K.CREDITED_NOT_REFUNDED if credited_ else _K.REFUND_FAILED
        # A refund that failed is told at once; one that hangs only once it is late.
        late = since if credited_ else since + timedelta(hours=hours)
        gaps.append(Gap(kind, cause, tuple(sorted(t.unit_ids)), t.amount, late))
    return gaps


def _paid_whole(units: set[str], case: Case) -> bool:
    """Whether what went out pays these units, and all that the same refunds pay for, without the one that hangs."""
    done = succeeded(case.ret)
    everyone = {unit.returned_item_id for unit in case.ret.units}
    among = reached(done, units) if all(t.unit_ids for t in done) else everyone
    worth = [_worth(unit, case) for unit in case.ret.units if unit.returned_item_id in among]
    money = summed(worth)
    paid = (
        in_currency((t for t in done if not t.unit_ids or among & set(t.unit_ids)), money.currency) if money else None
    )
    return money is not None and paid is not None and paid >= money.amount


def _worth(unit: Unit, case: Case) -> Money:
    credit = credit_of(case, unit.returned_item_id)
    return (credited(credit, (unit.returned_item_id,)) if credit else None) or unit.gross


def _made_good(failed: Transaction, case: Case) -> bool:
    """Whether another refund for the same items went out or is under way. One that names none needs a later one."""
    others = refunds(case.ret, SUCCESS, REQUESTED)
    if failed.unit_ids:
        return any(set(failed.unit_ids) & set(t.unit_ids) or not t.unit_ids for t in others)
    return any(_later(t, failed) for t in others)


def _later(one: Transaction, other: Transaction) -> bool:
    return one.created_at is not None and other.created_at is not None and one.created_at > other.created_at


def _loose(case: Case, terms: Terms, now: datetime) -> list[Gap]:
    """Refunds that name no item, of a return that has no note at all."""
    if terms.credit_note_owner is EffectOwner.NOBODY or case.covered("credit"):
        return []
    return [
        Gap(
            _K.REFUNDED_NOT_CREDITED,
            f"{t.amount} went out by refund {t.transaction_id} without naming an item, and nothing is credited",
            (),
            t.amount,
            moved_at(t, case) or now,
        )
        for t in refunds(case.ret, SUCCESS)
        if not t.unit_ids
    ]
