"""The sale index as the exchange watch asks it: who may be an exchange's sale, which drafts are known, who waits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from pipeline.ledger import returns
from pipeline.ledger import tables as t
from pipeline.ledger.entries import OPEN, PARKED
from schemas.returns import Return
from schemas.sales import DRAFT

_S = t.sales.c


def candidates(conn: sa.Connection, shop: str, names: Iterable[str], marker: str) -> list[Mapping[str, Any]]:
    """Indexed sales that carry one of the names, or whose customer reference contains the marker."""
    wanted = tuple(names)
    hit = _S.customer_reference.in_(wanted) | _S.order_number.in_(wanted) | _S.external_id.in_(wanted)
    if marker:
        hit = hit | _S.customer_reference.icontains(marker, autoescape=True)
    return [dict(r) for r in conn.execute(sa.select(t.sales).where((_S.shop == shop) & hit)).mappings()]


def known_drafts(conn: sa.Connection, shop: str) -> list[Mapping[str, Any]]:
    """Every sale that was in Draft when it was last seen."""
    query = sa.select(t.sales).where((_S.shop == shop) & (_S.order_status == DRAFT))
    return [dict(r) for r in conn.execute(query).mappings()]


def left_draft(conn: sa.Connection, shop: str, sale_id: str) -> None:
    """A sale is no longer listed as a draft: what became of it is not known until it is read."""
    mine = (_S.shop == shop) & (_S.sale_id == sale_id)
    conn.execute(t.sales.update().where(mine).values(order_status="", digest=""))


def watched(conn: sa.Connection, shop: str, consumer: str) -> list[tuple[int, Return]]:
    """The consumer's entries that still wait for something, each with its return as last read."""
    e = t.entries.c
    query = (
        sa.select(e.id, t.returns.c.told)
        .join(t.returns, t.returns.c.id == e.return_id)
        .where((e.shop == shop) & (e.consumer == consumer) & e.state.in_((OPEN, PARKED)))
    )
    found = ((int(row[0]), returns.told({"told": row[1]})) for row in conn.execute(query))
    return [(entry_id, told) for entry_id, told in found if told is not None]


def all_known(conn: sa.Connection, shops: Iterable[str], names: Iterable[str]) -> bool:
    """Whether each of these words is the name of an order, or "rma" and the number, of some return of these shops.
    False where there is none."""
    wanted, r = tuple(names), t.returns.c
    for name in wanted:
        rma = re.sub(r"^rma", "", name)
        hit = r.rma_id.in_((rma, name)) if rma != name else sa.func.lower(r.order_name).in_((name, f"#{name}"))
        if conn.execute(sa.select(r.id).where(r.shop.in_(tuple(shops)) & hit).limit(1)).first() is None:
            return False
    return bool(wanted)
