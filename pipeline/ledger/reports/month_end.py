"""The month end of one shop: what must be closed first, and what straddles the cut-off and wants an accrual."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from pipeline.ledger import cursors, reference_books
from pipeline.ledger.batches import batches
from pipeline.ledger.gaps import facts
from pipeline.ledger.schema import all as t
from schemas.effects import EffectState
from schemas.gaps import ReturnFacts, UnitFacts
from schemas.money import Money
from schemas.returns import ENDED_STATUSES, STORE_CREDIT, SUCCESS, refund_wanted
from schemas.terms import Terms

_NO_ASSET = frozenset({"written_off", "keep", "not_stock", "drop_ship"})


@dataclass(frozen=True, slots=True)
class Accrual:
    """One proposal of one unit. Costs are in base currency; `money` None where the amount is not known."""

    name: str
    rma: str
    unit: str
    money: Money | None
    why: str


def month_end(conn: sa.Connection, shop: str, terms: Terms, cut_off: date) -> dict[str, Any]:
    """Checks and accrual proposals as of the end of that day in the company's time zone.

    Proposals are for a person to judge: Returnline posts none of them.
    """
    tenant, zone = _tenant(conn, shop)
    moment = datetime.combine(cut_off + timedelta(days=1), time(0), zone) - timedelta(microseconds=1)
    known = [one for one in facts.gather(conn, moment, shop=shop) if one.live(terms)]
    proposals = [accrual for one in known for unit in one.units for accrual in _accruals(one, unit)]
    return {
        "shop": shop,
        "cut_off": moment,
        "checks": [*_books(tenant, cut_off), *_work(conn, shop, moment)],
        "accruals": _sums(proposals),
        "items": [_row(accrual) for accrual in proposals],
        "store_credit_issued": _store_credit(known, moment.replace(day=1, hour=0, minute=0, second=0), moment),
    }


def _tenant(conn: sa.Connection, shop: str) -> tuple[Mapping[str, Any], tzinfo]:
    kept = reference_books.reference_book(conn, shop, "me")
    return (kept[0] if kept else {}), cursors.company_zone(conn, shop) or UTC


def _check(name: str, ok: bool, found: str, fix: str = "") -> dict[str, Any]:
    return {"check": name, "ok": ok, "found": found, "fix": "" if ok else fix}


def _books(tenant: Mapping[str, Any], cut_off: date) -> Iterator[dict[str, Any]]:
    if not tenant:
        yield _check("lock date", False, "Cin7 was not asked yet", "start Returnline, or look into Cin7 Core")
        return
    locked = date.fromisoformat(tenant["lock_date"]) if tenant.get("lock_date") else None
    first = locked + timedelta(days=1) if locked else None
    found = f"books are locked up to {locked}; first open day {first}" if locked else "no lock date is set"
    fix = "set it in Cin7 Core once the checks below are done"
    yield _check("lock date", locked is not None and locked >= cut_off, found, fix)


def _work(conn: sa.Connection, shop: str, moment: datetime) -> Iterator[dict[str, Any]]:
    unfinished = [row for row in batches.rows(conn, shop, unfinished=True) if row["cut_off_at"] <= moment]
    days = ", ".join(str(row["business_day"]) for row in unfinished)
    yield _check("batches", not unfinished, f"open: {days}" if unfinished else "all closed", "`returnline batch list`")
    f = t.effects.c
    mine = (f.shop == shop) & (f.planned_at <= moment)
    undone = _count(conn, f.id, mine & f.state.in_((EffectState.PLANNED, EffectState.CLAIMED, EffectState.SENDING)))
    yield _check("effects", not undone, f"{undone} planned and not done", "wait, or see `returnline status`")
    doubt = _count(conn, f.id, mine & (f.state == EffectState.UNCERTAIN))
    yield _check("uncertain writes", not doubt, f"{doubt}", "`returnline exceptions list --type WRITE_UNCERTAIN`")
    x = t.exceptions.c
    open_then = (x.shop == shop) & (x.opened_at <= moment) & (x.closed_at.is_(None) | (x.closed_at > moment))
    finance = _count(conn, x.id, open_then & (x.owner == "finance"))
    yield _check("finance exceptions", not finance, f"{finance} open", "`returnline exceptions list --owner finance`")
    d = t.dead_letters.c
    buried = _count(conn, d.id, (d.shop == shop) & (d.state == "open") & (d.buried_at <= moment))
    yield _check("dead letters", not buried, f"{buried} open", "`returnline dead list`")


def _count(conn: sa.Connection, column: sa.ColumnElement[Any], where: sa.ColumnElement[bool]) -> int:
    return int(conn.execute(sa.select(sa.func.count(column)).where(where)).scalar_one())


def _accruals(one: ReturnFacts, unit: UnitFacts) -> Iterator[Accrual]:
    def proposal(name: str, money: Money | None, why: str) -> Accrual:
        return Accrual(name, one.rma, unit.unit, money, why)

    swap = not refund_wanted(unit.resolution)
    refunded, credited, here = unit.refunded_at is not None, unit.credited_at is not None, unit.received_at is not None
    if here and not refunded and not swap and one.told.status not in ENDED_STATUSES:
        worth = unit.credited if credited and unit.credited else unit.gross
        yield proposal("refunds payable", worth, "credited, not refunded" if credited else "received, not credited")
    if refunded and not here and unit.told is not None and unit.told.needs_shipment:
        yield proposal("right to recover goods", one.cost(unit.unit), "refunded, on its way back")
    if refunded and not credited:
        yield proposal("refunds without credit note", unit.refunded, "refunded, not credited")
    faulty = unit.inspection == "not restockable" and unit.stocked_at is not None
    if faulty and unit.stocked_as not in _NO_ASSET:
        yield proposal("damaged, not written down", one.cost(unit.unit), f"in stock as {unit.stocked_as}")
    released = unit.exchange_released_at is not None
    if swap and one.told.exchange_orders and credited != released:
        worth = unit.credited if credited and unit.credited is not None else unit.gross
        why = "credited, the new order is not released" if credited else "the new order is out, nothing is credited"
        yield proposal("exchange clearing", worth if credited else -worth, why)


def _sums(proposals: Iterable[Accrual]) -> list[dict[str, Any]]:
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for one in proposals:
        currency = one.money.currency if one.money else ""
        row = found.setdefault(
            (one.name, currency), {"accrual": one.name, "currency": currency, "units": 0, "amount": Decimal(0)}
        )
        row["units"] += 1
        row["amount"] += one.money.amount if one.money else 0
    return [row if row["currency"] else row | {"amount": None} for _, row in sorted(found.items())]


def _row(one: Accrual) -> dict[str, Any]:
    money = {"amount": one.money.amount if one.money else None, "currency": one.money.currency if one.money else ""}
    return {"accrual": one.name, "rma": one.rma, "unit": one.unit, **money, "why": one.why}


def _store_credit(known: list[ReturnFacts], first: datetime, last: datetime) -> dict[str, Decimal]:
    """What was given as store credit within the month: the additions to that liability."""
    sums: dict[str, Decimal] = {}
    for one in known:
        for x in one.told.transactions:
            moved = x.updated_at or x.created_at
            if x.kind == STORE_CREDIT and x.status == SUCCESS and moved is not None and first <= moved <= last:
                sums[x.amount.currency] = sums.get(x.amount.currency, Decimal(0)) + x.amount.amount
    return dict(sorted(sums.items()))
