"""What is known of every return at one moment, gathered once for all gaps. A fact dated later has not happened yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from pipeline.ledger import cursors, returns
from pipeline.ledger.codec import action_from_json
from pipeline.ledger.effects import TAKEN_BACK
from pipeline.ledger.gaps.rules import Found
from pipeline.ledger.schema import all as t
from schemas.actions import Action, AdoptCreditNote, PostCreditNote
from schemas.concerns import ConcernType
from schemas.effects import EffectState
from schemas.gaps import Credit, Gap, ReturnFacts, UnitFacts
from schemas.money import Money, total
from schemas.returns import Unit
from schemas.terms import Terms

#: A bonus or goodwill is meant to go beyond the price.
_MEANT = frozenset({"bonus", "goodwill", "order_refund"})


def over_credited(
    conn: sa.Connection, known: list[ReturnFacts], terms: Mapping[str, Terms]
) -> Iterator[tuple[ReturnFacts, Found]]:
    """Each sale whose confirmed notes add up to more than its invoices, told on the return credited last."""
    by_sale: defaultdict[tuple[str, str], list[tuple[ReturnFacts, Credit]]] = defaultdict(list)
    for one in known:
        for credit in one.credits:
            if credit.sale_id and credit.stands:
                by_sale[one.shop, credit.sale_id].append((one, credit))
    for (shop, sale_id), notes in by_sale.items():
        invoiced = _invoiced(conn, shop, sale_id)
        amounts = [worth for _, credit in notes if (worth := _for_goods(credit)) is not None]
        if invoiced is None or not amounts or {a.currency for a in amounts} != {invoiced.currency}:
            continue
        excess = total(amounts, invoiced.currency) - invoiced
        if excess.amount > terms[shop].amount_tolerance:
            last, credit = max(notes, key=lambda pair: pair[1].at)
            cause = f"the notes of this sale credit {excess} more than its {invoiced} of invoices"
            yield last, Found(Gap.CREDIT_CONFLICT, credit.at, excess, cause)


def _for_goods(credit: Credit) -> Money | None:
    if credit.gross is None or not isinstance(credit.action, PostCreditNote):
        return credit.gross
    meant = [extra.gross for extra in credit.action.extras if extra.on_note and extra.kind in _MEANT]
    return credit.gross - total(meant, credit.gross.currency) if meant else credit.gross


def _invoiced(conn: sa.Connection, shop: str, sale_id: str) -> Money | None:
    s = t.sales.c
    row = conn.execute(sa.select(s.amount, s.currency).where((s.shop == shop) & (s.sale_id == sale_id))).one_or_none()
    if row is None or not row[0] or not row[1]:
        return None
    return Money(row[0], row[1])


Rows = Mapping[int, list[Mapping[str, Any]]]


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
    bases, zones = base_currencies(conn), {name: cursors.company_zone(conn, name) for name in {r["shop"] for r in rows}}
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
    query = sa.select(t.effects).where(
        (f.kind == "credit") & (f.state == EffectState.CONFIRMED) & (f.confirmed_at <= as_of)
    )
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
