"""Stock documents as actions: transfers, write-offs, adjustments and the check of the restock value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby

from consumers.case import Case, Done
from consumers.shared.picks import tied
from consumers.shared.posting_day import posting_day, signature
from consumers.shared.waits import HOUR, QUARTER, Held
from consumers.stock_adjustments.arrivals import Arrival
from consumers.stock_adjustments.facts import GoodsFacts
from consumers.stock_adjustments.moves import Move, worth
from consumers.stock_adjustments.whereabouts import restock_posted, step_name
from schemas.actions import (
    Action,
    AdjustStock,
    PostCreditNote,
    TransferStock,
    UnitGoods,
    VerifyRestock,
    WriteOffStock,
    business_key,
)
from schemas.concerns import ConcernType
from schemas.money import Money
from schemas.sales import Location, StockLine, Tenant, restock_open
from schemas.terms import EffectOwner, Terms


@dataclass(frozen=True, slots=True)
class Desk:
    """What every document needs."""

    case: Case
    facts: GoodsFacts
    terms: Terms
    now: datetime
    tenant: Tenant

    @property
    def day(self) -> date:
        """Today in the company's calendar, or the first open day after its lock date."""
        return posting_day(self.tenant, self.now).noted_on

    def key(self, kind: str, units: Iterable[str]) -> str:
        """The business key of an effect of this return."""
        return business_key(self.case.shop, self.case.ret.rma_id, kind, units)


@dataclass(slots=True)
class Made:
    """Documents to post, and the units that wait for something first."""

    actions: list[Action] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)


def documents_of(desk: Desk, moves: Sequence[Move], arrived: Sequence[Arrival]) -> Made:
    """Every document that the moves and the late arrivals call for."""
    made = [transfers(desk, moves), write_offs(desk, moves), adjustments(desk, arrived)]
    return Made([a for some in made for a in some.actions], [h for some in made for h in some.held])


def transfers(desk: Desk, moves: Sequence[Move]) -> Made:
    """One transfer for each pair of locations."""
    made = Made()
    moving = sorted((m for m in moves if m.target), key=lambda m: (m.now.location_id, m.goods.location, _name(m)))
    for (origin, _), group in groupby(moving, key=lambda m: (m.now.location_id, m.goods.location)):
        some = list(group)
        held = _short(desk, some, origin)
        made.held += held
        if not held and some[0].target:
            made.actions.append(_transfer(desk, some, origin, some[0].target))
    return made


def _transfer(desk: Desk, moves: Sequence[Move], origin: str, target: Location) -> TransferStock:
    units = tuple(sorted(step_name(move.now) for move in moves))
    return TransferStock(
        key=desk.key(TransferStock.kind, units),
        sale_id=moves[0].now.sale_id,
        units=units,
        from_location_id=origin,
        to_location_id=target.location_id,
        completed_on=desk.day,
        reference=f"Returnline {signature(desk.case.ret)}",
        lines=tied(move.goods.parts for move in moves),
        goods=tuple(move.goods for move in moves),
    )


def write_offs(desk: Desk, moves: Sequence[Move]) -> Made:
    """One write-off for each location and account, each only with a known account, goods on hand, and approved where
    it must be."""
    made = Made()
    going = sorted((m for m in moves if not m.target), key=lambda m: (m.now.location_id, m.account, _name(m)))
    for (origin, account), group in groupby(going, key=lambda m: (m.now.location_id, m.account)):
        some = list(group)
        held = _unmapped(desk, some, account) or _unapproved(desk, some) or _short(desk, some, origin)
        made.held += held
        if not held:
            made.actions.append(_write_off(desk, some, origin, account))
    return made


def _write_off(desk: Desk, moves: Sequence[Move], origin: str, account: str) -> WriteOffStock:
    units = tuple(sorted(_name(move) for move in moves))
    return WriteOffStock(
        key=desk.key(WriteOffStock.kind, units),
        sale_id=moves[0].now.sale_id,
        units=units,
        location_id=origin,
        account=account,
        effective_on=desk.day,
        notes=f"Returnline {signature(desk.case.ret)}",
        lines=tied(move.goods.parts for move in moves),
        goods=tuple(move.goods for move in moves),
    )


def _unmapped(desk: Desk, moves: Sequence[Move], account: str) -> list[Held]:
    known = desk.facts.accounts.get(account)
    if known is not None and known.active:
        return []
    cause = f"account {account} does not exist or is not active" if account else "no account is set for write-offs"
    step = "set write_off_account, or the account of the disposition, in the shop's settings"
    return [_hold(desk, move, ConcernType.STOCK_ACCOUNT_UNMAPPED, cause, step) for move in moves]


def _unapproved(desk: Desk, moves: Sequence[Move]) -> list[Held]:
    """Above the limit finance decides; what was written off for this return before counts, so that nothing is split
    past it."""
    limit = desk.terms.write_off_approval_above
    if limit is None or ConcernType.WRITEOFF_APPROVAL in desk.case.accepted:
        return []
    before = [
        g for e in desk.case.effects if e.confirmed and isinstance(e.action, WriteOffStock) for g in e.action.goods
    ]
    cost = worth([*before, *(move.goods for move in moves)], desk.tenant.currency)
    if cost is not None and cost.amount <= limit:
        return []
    told = f"at original cost {cost}" if cost else "at a cost that the sale does not tell"
    cause = f"goods {told} are to be written off; above {limit} {desk.tenant.currency} finance decides"
    step = "accept this to approve the write-off, or change the disposition of the goods in ReturnGO"
    return [_hold(desk, move, ConcernType.WRITEOFF_APPROVAL, cause, step) for move in moves]


def _short(desk: Desk, moves: Sequence[Move], origin: str) -> list[Held]:
    """Fewer on hand than must leave: quiet at first (availability lags behind a restock), then an exception."""
    for line in tied(move.goods.parts for move in moves):
        there = _on_hand(desk, line, origin)
        if there >= line.quantity:
            continue
        place = moves[0].now.goods.location if moves[0].now.goods else origin
        cause = f"{there.normalize():f} of {line.quantity.normalize():f} {line.sku} on hand at {place}"
        if all(move.now.since and desk.now - move.now.since < HOUR for move in moves):
            return [Held(move.now.unit, cause, QUARTER) for move in moves]
        step = f"find out who moved {line.sku} out of {place} in Cin7 and put it back; this continues by itself"
        return [_hold(desk, move, ConcernType.STOCK_MOVED_MEANWHILE, cause, step) for move in moves]
    return []


def _on_hand(desk: Desk, line: StockLine, location_id: str) -> Decimal:
    """What may leave this very location or bin: on hand and promised to nobody."""
    place = desk.facts.locations.get(location_id)
    if place is None:
        return Decimal(0)
    rows = [row for row in desk.facts.stock.get(line.sku, ()) if not line.batch or row.batch == line.batch]
    if place.parent_id:
        rows = [row for row in rows if row.bin == place.name]
    else:
        rows = [row for row in rows if row.location == place.name and not row.bin]
    return sum((max(min(row.on_hand, row.available), Decimal(0)) for row in rows), Decimal(0))


def adjustments(desk: Desk, came: Sequence[Arrival]) -> Made:
    """One adjustment for each product, batch and location of goods that came after their credit."""
    made = Made()
    ordered = sorted(came, key=lambda one: (*_slot(one), one.goods.unit))
    for _, group in groupby(ordered, key=_slot):
        some = list(group)
        account = desk.terms.late_arrival_account
        known = desk.facts.accounts.get(account)
        if known is None or not known.active:
            made.held += [_no_account(one, account) for one in some]
        else:
            made.actions.append(_adjustment(desk, some, account))
    return made


def _slot(one: Arrival) -> tuple[str, str, str]:
    part = one.goods.parts[0]
    return part.product_id, part.batch, one.place.location_id


def _adjustment(desk: Desk, came: Sequence[Arrival], account: str) -> AdjustStock:
    units = tuple(one.goods.unit for one in came)
    [line, *_] = tied(one.goods.parts for one in came)
    pieces = sum((part.quantity for one in came for part in one.goods.parts), Decimal(0))
    return AdjustStock(
        key=desk.key(AdjustStock.kind, units),
        sale_id=desk.facts.sale.sale_id if desk.facts.sale else "",
        units=units,
        location_id=came[0].place.location_id,
        effective_on=desk.day,
        reference=f"Returnline {signature(desk.case.ret)}",
        account=account,
        line=replace(line, quantity=pieces),
        unit_cost=came[0].goods.cost or Decimal(0),
        goods=tuple(one.goods for one in came),
    )


def _no_account(one: Arrival, account: str) -> Held:
    cause = f"goods came after their credit, and account {account or '(none set)'} to book them against is not usable"
    step = "set late_arrival_account (usually cost of sales) in the shop's settings"
    unit = one.now.unit
    return Held(unit, cause, HOUR, ConcernType.STOCK_ACCOUNT_UNMAPPED, step, one.goods.gross)


def value_checks(desk: Desk) -> tuple[Action, ...]:
    """One look at the restock value of each posted note, once: also where it was posted later than its money."""
    if desk.terms.restock_owner is not EffectOwner.RETURNLINE:
        return ()
    covered = desk.case.covered("value")
    found: list[Action] = []
    for effect in desk.case.effects:
        note = effect.action
        if not effect.confirmed or effect.taken_back or not isinstance(note, PostCreditNote):
            continue
        if not restock_posted(effect, desk.facts.sale):
            continue
        late = restock_open(effect.details.get("restock_status", ""))
        goods = tuple(one for one in note.goods if one.parts and one.unit not in covered)
        if goods and (desk.terms.check_restock_value or late):
            found.append(_value_check(desk, note, effect, goods, late=late))
    return tuple(found)


def _value_check(
    desk: Desk, note: PostCreditNote, effect: Done, goods: tuple[UnitGoods, ...], *, late: bool
) -> VerifyRestock:
    """A restock posted later than its money is dated we do not know when: only the sale itself can tell."""
    units = tuple(sorted(one.unit for one in goods))
    gross = effect.gross or note.gross
    return VerifyRestock(
        key=desk.key("value", units),
        sale_id=note.sale_id,
        units=units,
        task_id=effect.reference,
        goods=goods,
        number="" if late else effect.number,
        gross_base=(gross * note.rate).quantized().amount,
        noted_on=note.noted_on,
    )


def _name(move: Move) -> str:
    return move.now.unit.returned_item_id


def _hold(desk: Desk, move: Move, kind: ConcernType, cause: str, step: str) -> Held:
    cost = move.goods.cost
    money = Money(cost, desk.tenant.currency) if cost is not None else move.goods.gross
    return Held(move.now.unit, cause, HOUR, kind, step, money)
