"""Each gap as a question about one unit or one return: since when it stands, what it is worth, and why. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from schemas.actions import PostCreditNote
from schemas.gaps import DRAFT_PATIENCE, Credit, Gap, ReturnFacts, UnitFacts
from schemas.money import Money, coin_of, total
from schemas.returns import ENDED_STATUSES, SUCCESS, ExchangeOrder, refund_wanted
from schemas.terms import EffectOwner, Terms

#: Goods of these words are no asset of ours.
_NO_ASSET = frozenset({"written_off", "keep", "not_stock", "drop_ship"})
_FEE = "fee"
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Found:
    """A gap of one unit ("" for the whole return) before anybody asks how old it may be. `hours` replaces the usual
    patience."""

    gap: Gap
    since: datetime
    money: Money | None
    cause: str
    unit: str = ""
    sku: str = ""
    hours: int | None = None


UnitRule = Callable[[ReturnFacts, UnitFacts, Terms], Found | None]


def of_return(ret: ReturnFacts, terms: Terms) -> Iterator[Found]:
    """Every gap that the facts of this return show, of whatever age."""
    for unit in ret.units:
        for rule in UNIT_RULES:
            found = rule(ret, unit, terms)
            if found is not None:
                yield found
    yield from _loose_refunds(ret, terms)
    yield from _drafts(ret)
    yield from _taxes(ret, terms)


def working_hours_later(since: datetime, hours: int) -> datetime:
    """`since` plus so many hours of working days: a Saturday or Sunday (UTC) does not count."""
    moment, left = since, timedelta(hours=hours)
    while left > timedelta(0):
        midnight = (moment + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        if moment.weekday() < _SATURDAY:
            step = min(left, midnight - moment)
            moment, left = moment + step, left - step
        else:
            moment = midnight
    return moment


def _found(gap: Gap, unit: UnitFacts, since: datetime, money: Money | None, cause: str) -> Found:
    return Found(gap, since, money, cause, unit.unit, unit.sku)


def _not_received(ret: ReturnFacts, unit: UnitFacts, terms: Terms) -> Found | None:
    if unit.refunded_at is None or unit.received_at is not None or not _ships(unit):
        return None
    cause = f"{unit.refunded or unit.gross} was refunded; the goods are not received"
    return _found(Gap.REFUNDED_NOT_RECEIVED, unit, unit.refunded_at, unit.refunded or unit.gross, cause)


def _ships(unit: UnitFacts) -> bool:
    return unit.told is None or unit.told.needs_shipment


def _not_credited(ret: ReturnFacts, unit: UnitFacts, terms: Terms) -> Found | None:
    nobody = terms.credit_note_owner is EffectOwner.NOBODY
    if nobody or unit.received_at is None or unit.credited_at is not None or ret.told.status in ENDED_STATUSES:
        return None
    return _found(
        Gap.RECEIVED_NOT_CREDITED, unit, unit.received_at, unit.gross, "the goods are here; no credit note covers them"
    )


def _not_refunded(ret: ReturnFacts, unit: UnitFacts, terms: Terms) -> Found | None:
    if unit.credited_at is None or unit.refunded_at is not None or not unit.credited:
        return None
    loose = any(x.status == SUCCESS and x.gives_back and not x.unit_ids for x in ret.told.transactions)
    asked = any(unit.unit in x.unit_ids for x in ret.told.transactions)
    if loose or not (refund_wanted(unit.resolution) or asked):
        return None
    cause = f"credited by {unit.credit_note}; no refund succeeded"
    return _found(Gap.CREDITED_NOT_REFUNDED, unit, unit.credited_at, unit.credited, cause)


def _refund_not_credited(ret: ReturnFacts, unit: UnitFacts, terms: Terms) -> Found | None:
    nobody = terms.credit_note_owner is EffectOwner.NOBODY
    if nobody or unit.refunded_at is None or unit.credited_at is not None:
        return None
    cause = f"{unit.refunded or unit.gross} was refunded; no credit note covers it"
    return _found(Gap.REFUNDED_NOT_CREDITED, unit, unit.refunded_at, unit.refunded or unit.gross, cause)


def _not_stocked(ret: ReturnFacts, unit: UnitFacts, terms: Terms) -> Found | None:
    arrived = unit.received_at or (unit.inspected_at if unit.inspection in _THERE else None)
    ours = terms.restock_owner is EffectOwner.RETURNLINE and not ret.adopted(unit.unit)
    over = ret.told.status in ENDED_STATUSES and unit.credited_at is None
    if arrived is None or unit.stocked_at is not None or not ours or over or unit.inspection == "not returned":
        return None
    cause = "the goods are here; no stock movement shows them"
    return _found(Gap.RECEIVED_NOT_STOCKED, unit, arrived, ret.cost(unit.unit), cause)


_THERE = frozenset({"restockable", "not restockable"})


def _damaged(ret: ReturnFacts, unit: UnitFacts, terms: Terms) -> Found | None:
    if terms.write_off_owner is EffectOwner.NOBODY or unit.stocked_at is None or unit.stocked_as in _NO_ASSET:
        return None
    goods = ret.goods(unit.unit)
    faulty = unit.inspection == "not restockable" or (goods is not None and goods.disposition == "write_off")
    if not faulty:
        return None
    since = max(unit.stocked_at, unit.inspected_at or unit.stocked_at)
    cause = f"found damaged, and in stock as {unit.stocked_as or 'good'} at full cost"
    return _found(Gap.DAMAGED_NOT_WRITTEN_DOWN, unit, since, ret.cost(unit.unit), cause)


def _written_off_only(ret: ReturnFacts, unit: UnitFacts, terms: Terms) -> Found | None:
    if unit.stocked_as != "written_off" or unit.stocked_at is None or unit.credited_at is not None:
        return None
    cause = "the goods are written off, and no credit note covers them"
    return _found(Gap.CREDIT_CONFLICT, unit, unit.stocked_at, ret.cost(unit.unit), cause)


def _original_out(ret: ReturnFacts, unit: UnitFacts, terms: Terms) -> Found | None:
    if unit.exchange_released_at is None or unit.received_at is not None or not _ships(unit):
        return None
    cause = "the exchange is released; the original is not back"
    return _found(Gap.EXCHANGE_NOT_RETURNED, unit, unit.exchange_released_at, unit.gross, cause)


UNIT_RULES: tuple[UnitRule, ...] = (
    _not_received,
    _not_credited,
    _not_refunded,
    _refund_not_credited,
    _not_stocked,
    _damaged,
    _written_off_only,
    _original_out,
)


def _loose_refunds(ret: ReturnFacts, terms: Terms) -> Iterator[Found]:
    """Refunds that name no item, of a return without any note."""
    if ret.credits or terms.credit_note_owner is EffectOwner.NOBODY:
        return
    for x in ret.told.transactions:
        if x.status == SUCCESS and x.gives_back and not x.unit_ids:
            cause = f"{x.amount} was refunded without naming an item; nothing is credited"
            yield Found(Gap.REFUNDED_NOT_CREDITED, x.updated_at or x.created_at or ret.opened_at, x.amount, cause)


def _drafts(ret: ReturnFacts) -> Iterator[Found]:
    if ret.told.status in ENDED_STATUSES or any(unit.exchange_released_at for unit in ret.units):
        return
    for order in ret.told.exchange_orders:
        if order.released or order.kind.casefold() == _FEE:
            continue
        yield _draft(ret, order)


def _draft(ret: ReturnFacts, order: ExchangeOrder) -> Found:
    swapped = [u for u in ret.units if not refund_wanted(u.resolution)] or list(ret.units)
    name = order.name or order.draft_order_id
    money = _worth(ret)
    ready = [unit.credited_at for unit in swapped if unit.credited_at]
    if ready and len(ready) == len(swapped):
        return Found(Gap.EXCHANGE_STUCK, max(ready), money, f"{name} is still a draft; everything it waits for is done")
    since = ret.told.approved_at or ret.opened_at
    return Found(Gap.EXCHANGE_STUCK, since, money, f"{name} is still a draft", hours=DRAFT_PATIENCE)


def _worth(ret: ReturnFacts) -> Money | None:
    items = [*ret.told.exchange_items, *(i for u in ret.told.units for i in u.exchange_items)]
    prices = [item.price * item.quantity for item in items if item.price is not None]
    if prices and len({price.currency for price in prices}) == 1:
        return total(prices, prices[0].currency)
    return None


def _taxes(ret: ReturnFacts, terms: Terms) -> Iterator[Found]:
    """The tax of each note against the tax ReturnGO names for the same goods and charges."""
    told = {unit.unit: unit.told for unit in ret.units}
    for credit in ret.credits:
        expected = _expected_tax(credit, [told.get(unit) for unit in credit.action.units])
        if not credit.stands or credit.tax is None or expected is None or expected.currency != credit.tax.currency:
            continue
        delta = credit.tax - expected
        # ReturnGO rounds the tax of each piece to the coin: half a coin each is no difference.
        if abs(delta.amount) > max(terms.amount_tolerance, coin_of(delta.currency) * len(credit.action.units) / 2):
            cause = f"{credit.number} holds {credit.tax} of tax, what came back held {expected}"
            yield Found(Gap.TAX_VARIANCE, credit.at, abs(delta), cause)


def _expected_tax(credit: Credit, units: list[object]) -> Money | None:
    taxes = [tax for tax in (getattr(unit, "tax", None) for unit in units) if isinstance(tax, Money)]
    if not taxes or len(taxes) != len(units):
        return None
    extras = credit.action.extras if isinstance(credit.action, PostCreditNote) else ()
    parts = [*taxes, *(extra.tax for extra in extras if extra.on_note)]
    if len({part.currency for part in parts}) != 1:
        return None
    return total(parts, parts[0].currency)
