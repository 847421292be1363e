"""The words that this shop's returns have used so far: what the terms must map. No shopper's data."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa

from pipeline.ledger import returns
from pipeline.ledger.concerns import OPEN
from pipeline.ledger.schema import all as t
from schemas.effects import EffectState

#: How far back a sign of somebody else's writing is looked for.
RECENT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Seen:
    """How often each word came up. `fees` are the kinds of fee as the terms call them, `unknown` the words that nobody
    taught us."""

    reasons: Counter[str] = field(default_factory=Counter)
    places: Counter[str] = field(default_factory=Counter)
    fees: Counter[str] = field(default_factory=Counter)
    skus: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    exceptions: Counter[str] = field(default_factory=Counter)
    not_in_shop: tuple[str, ...] = ()
    foreign_notes: tuple[str, ...] = ()
    channel_orders: frozenset[str] = frozenset()
    adopted: int = 0


def seen(conn: sa.Connection, shop: str, now: datetime) -> Seen:
    """Everything the shop's returns, exceptions and sales have shown."""
    found = Seen(
        exceptions=_exceptions(conn, shop),
        not_in_shop=_not_in_shop(conn, shop),
        foreign_notes=_foreign_notes(conn, shop, now),
        channel_orders=_channel_orders(conn, shop, now),
        adopted=_adopted(conn, shop, now),
    )
    r = t.returns.c
    rows = conn.execute(sa.select(r.told).where((r.shop == shop) & r.told.is_not(None))).mappings()
    for row in rows:
        told = returns.told(dict(row))
        if told is None:
            continue
        found.fees["cancellation"] += bool(told.cancellation_fee)
        found.unknown.update(told.unknown_words())
        for unit in told.units:
            found.reasons[unit.reason] += 1
            found.skus[unit.sku] += 1
            found.places[unit.inspection.location if unit.inspection else ""] += 1
            for name in ("restocking", "return", "shipment"):
                found.fees[name] += bool(getattr(unit, f"{name}_fee"))
    return found


def _exceptions(conn: sa.Connection, shop: str) -> Counter[str]:
    x = t.exceptions.c
    query = sa.select(x.type, sa.func.count()).where((x.shop == shop) & (x.state == OPEN)).group_by(x.type)
    return Counter({str(kind): int(count) for kind, count in conn.execute(query)})


def _not_in_shop(conn: sa.Connection, shop: str) -> tuple[str, ...]:
    a = t.availability.c
    query = sa.select(a.sku).where((a.shop == shop) & (a.trouble != "")).order_by(a.sku)
    return tuple(str(sku) for sku in conn.execute(query).scalars())


def _foreign_notes(conn: sa.Connection, shop: str, now: datetime) -> tuple[str, ...]:
    """Orders of a Shopify channel that hold an authorised note none of ours: what Cin7's own channel leaves."""
    s, f = t.sales.c, t.effects.c
    ours = sa.select(f.sale_id).where((f.shop == shop) & (f.kind == "credit") & (f.source == "ours"))
    theirs = s.credit_note_status.in_(("AUTHORISED", "PAID")) & s.source_channel.icontains("shopify")
    query = sa.select(s.order_number).where(
        (s.shop == shop) & theirs & (s.updated >= now - RECENT) & s.sale_id.not_in(ours)
    )
    return tuple(str(name) for name in conn.execute(query.order_by(s.order_number)).scalars())


def _channel_orders(conn: sa.Connection, shop: str, now: datetime) -> frozenset[str]:
    """Numbers of the sales that came through a Shopify channel and were touched lately."""
    s = t.sales.c
    mine = (s.shop == shop) & s.source_channel.icontains("shopify") & (s.updated >= now - RECENT)
    return frozenset(str(name) for name in conn.execute(sa.select(s.order_number).where(mine)).scalars() if name)


def _adopted(conn: sa.Connection, shop: str, now: datetime) -> int:
    f = t.effects.c
    mine = (f.shop == shop) & (f.kind == "credit") & (f.state == EffectState.CONFIRMED) & (f.source != "ours")
    query = sa.select(sa.func.count()).where(mine & (f.confirmed_at >= now - RECENT))
    return int(conn.execute(query).scalar_one())
