"""What is known of every return at one moment, gathered once for all gaps. A fact dated later has not happened yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from pipeline.ledger import memory, returns
from pipeline.ledger import tables as t
from pipeline.ledger.codec import action_from_json
from pipeline.ledger.effects import CONFIRMED, TAKEN_BACK
from schemas.actions import Action, AdoptCreditNote, PostCreditNote, UnitGoods
from schemas.concerns import ConcernType
from schemas.go_live import GoLive, standing
from schemas.merchant import Terms
from schemas.money import Money
from schemas.returns import Return, Unit

Rows = Mapping[int, list[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Credit:
    """A confirmed credit note, ours or adopted, with its figures as Cin7 holds them. `stands` is False once it was seen
    voided, in draft again, or gone: then its figures mean nothing."""

    action: PostCreditNote | AdoptCreditNote
    number: str
    sale_id: str
    ours: bool
    gross: Money | None
    tax: Money | None
    at: datetime
    stands: bool = True


@dataclass(frozen=True, slots=True)
class UnitFacts:
    """One unit with its facts; `told` is ReturnGO's own word of it. Times after the moment asked for are None."""

    unit: str
    sku: str
    told: Unit | None
    resolution: str
    gross: Money
    inspection: str
    credit_note: str
    stocked_as: str
    refunded: Money | None
    credited: Money | None
    refunded_at: datetime | None
    received_at: datetime | None
    inspected_at: datetime | None
    credited_at: datetime | None
    stocked_at: datetime | None
    exchange_released_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReturnFacts:
    """One return with everything that the gaps are made of; `base` is the currency of costs, `zone` the company's
    time zone."""

    return_id: int
    shop: str
    rma: str
    order: str
    opened_at: datetime
    told: Return
    units: tuple[UnitFacts, ...]
    credits: tuple[Credit, ...]
    exceptions: tuple[Mapping[str, Any], ...]
    accepted: frozenset[ConcernType]
    base: str
    zone: tzinfo = UTC

    def live(self, terms: Terms | None) -> bool:
        """Whether the go-live rule lets this return count."""
        return standing(self.told.created_at, terms.go_live if terms else None, self.zone) is GoLive.LIVE

    def goods(self, unit: str) -> UnitGoods | None:
        """What the credit note decided about the goods of this unit."""
        posted = (c.action for c in self.credits if isinstance(c.action, PostCreditNote))
        return next((goods for action in posted for goods in action.goods if goods.unit == unit), None)

    def cost(self, unit: str) -> Money | None:
        """What the unit cost when it left, in base currency; None where Cin7 never said."""
        goods = self.goods(unit)
        return Money(goods.cost, self.base) if goods and goods.cost is not None and self.base else None

    def adopted(self, unit: str) -> bool:
        """Whether somebody else's note covers the unit: then its goods are theirs to place."""
        return any(unit in c.action.units for c in self.credits if not c.ours)


def gather(conn: sa.Connection, as_of: datetime, *, shop: str = "", rma: str = "") -> list[ReturnFacts]:
    """The facts of every return that was read at least once, as they stood at `as_of`."""
    r = t.returns.c
    query = sa.select(r.id, r.shop, r.rma_id, r.order_name, r.opened_at, r.told).where(r.told.is_not(None))
    query = query.where(r.opened_at <= as_of).order_by(r.id)
    for column, wanted in ((r.shop, shop), (r.rma_id, rma)):
        query = query.where(column == wanted) if wanted else query
    rows = [dict(row) for row in conn.execute(query).mappings()]
    units, notes = _grouped(conn, sa.select(t.units).order_by(t.units.c.id)), _credits(conn, as_of)
    open_then, accepted = _grouped(conn, _exceptions(as_of)), _accepted(conn, as_of)
    bases, zones = base_currencies(conn), {name: memory.company_zone(conn, name) for name in {r["shop"] for r in rows}}
    return [
        replace(
            _facts(row, units[row["id"]], notes[row["id"]], open_then[row["id"]], accepted[row["id"]], bases, as_of),
            zone=zones[row["shop"]] or UTC,
        )
        for row in rows
    ]


def open_without_return(conn: sa.Connection, as_of: datetime, shop: str = "") -> list[Mapping[str, Any]]:
    """Exceptions about a whole shop, such as drafts that belong to no known return."""
    query = _exceptions(as_of).where(t.exceptions.c.return_id.is_(None))
    query = query.where(t.exceptions.c.shop == shop) if shop else query
    return [dict(row) for row in conn.execute(query).mappings()]


def base_currencies(conn: sa.Connection) -> dict[str, str]:
    """The currency of each shop's books, as `/me` last said it."""
    c = t.references.c
    rows = conn.execute(sa.select(c.shop, c.content).where(c.book == "me"))
    return {str(shop): str(content.get("currency", "")) for shop, content in rows}


def _grouped(conn: sa.Connection, query: sa.Select[Any]) -> defaultdict[int, list[Mapping[str, Any]]]:
    groups: defaultdict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for row in conn.execute(query).mappings():
        groups[row["return_id"]].append(dict(row))
    return groups


def _exceptions(as_of: datetime) -> sa.Select[Any]:
    x = t.exceptions.c
    return sa.select(t.exceptions).where((x.opened_at <= as_of) & (x.closed_at.is_(None) | (x.closed_at > as_of)))


def _accepted(conn: sa.Connection, as_of: datetime) -> defaultdict[int, set[ConcernType]]:
    found: defaultdict[int, set[ConcernType]] = defaultdict(set)
    w = t.waivers.c
    for return_id, kind in conn.execute(sa.select(w.return_id, w.type).where(w.at <= as_of)):
        found[return_id].add(ConcernType(kind))
    return found


def _credits(conn: sa.Connection, as_of: datetime) -> defaultdict[int, list[Credit]]:
    f = t.effects.c
    query = sa.select(t.effects).where((f.kind == "credit") & (f.state == CONFIRMED) & (f.confirmed_at <= as_of))
    found: defaultdict[int, list[Credit]] = defaultdict(list)
    for row in conn.execute(query.order_by(f.id)).mappings():
        action: Action = action_from_json(row["action"])
        if row["return_id"] is not None and isinstance(action, PostCreditNote | AdoptCreditNote):
            found[row["return_id"]].append(_credit(dict(row), action))
    return found


def _credit(row: Mapping[str, Any], action: PostCreditNote | AdoptCreditNote) -> Credit:
    figure = _money_in(row["currency"])
    ours = row["source"] == "ours" and isinstance(action, PostCreditNote)
    return Credit(
        action,
        row["number"],
        row["sale_id"],
        ours,
        figure(row["gross"]),
        figure(row["tax"]),
        row["confirmed_at"],
        stands=TAKEN_BACK not in (row["progress"] or {}),
    )


def _money_in(currency: str) -> Callable[[Decimal | None], Money | None]:
    return lambda amount: Money(amount, currency) if amount is not None and currency else None


def _facts(
    row: Mapping[str, Any],
    units: Iterable[Mapping[str, Any]],
    notes: list[Credit],
    open_then: list[Mapping[str, Any]],
    accepted: set[ConcernType],
    bases: Mapping[str, str],
    as_of: datetime,
) -> ReturnFacts:
    told = returns.told(row)
    if told is None:
        raise ValueError(f"return {row['id']} was never read; gather only those that were")
    said = {unit.returned_item_id: unit for unit in told.units}
    return ReturnFacts(
        return_id=row["id"],
        shop=row["shop"],
        rma=row["rma_id"],
        order=row["order_name"],
        opened_at=row["opened_at"],
        told=told,
        # A unit that ReturnGO no longer names left the return.
        units=tuple(
            _unit(one, said[one["returned_item_id"]], as_of) for one in units if one["returned_item_id"] in said
        ),
        credits=tuple(notes),
        exceptions=tuple(open_then),
        accepted=frozenset(accepted),
        base=bases.get(row["shop"], ""),
    )


def _unit(row: Mapping[str, Any], told: Unit, as_of: datetime) -> UnitFacts:
    def past(name: str) -> datetime | None:
        moment: datetime | None = row[name]
        return moment if moment is not None and moment <= as_of else None

    money = _money_in(row["currency"])
    refunded_at, credited_at = past("refunded_at"), past("credited_at")
    inspected_at, stocked_at = past("inspected_at"), past("stocked_at")
    return UnitFacts(
        unit=row["returned_item_id"],
        sku=row["sku"],
        told=told,
        resolution=row["resolution"],
        gross=Money(row["paid"], row["currency"]),
        inspection=row["inspection"] if inspected_at else "",
        credit_note=row["credit_note"] if credited_at else "",
        stocked_as=row["stocked_as"] if stocked_at else "",
        refunded=money(row["refunded"]) if refunded_at else None,
        credited=money(row["credited"]) if credited_at else None,
        refunded_at=refunded_at,
        received_at=past("received_at"),
        inspected_at=inspected_at,
        credited_at=credited_at,
        stocked_at=stocked_at,
        exchange_released_at=past("exchange_released_at"),
    )
