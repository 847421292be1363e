"""The index of sales: which sale belongs to an order, and who writes to it now."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from pipeline.ledger import returns
from pipeline.ledger.entries import OPEN, PARKED
from pipeline.ledger.schema import all as t
from pipeline.ledger.store import insert_once
from schemas.effects import EffectState
from schemas.returns import Return
from schemas.sales import DRAFT, SaleRow

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


_S = t.sales.c


def _digest(row: SaleRow) -> str:
    told = (
        row.status,
        row.order_status,
        row.invoice_status,
        row.credit_note_status,
        row.restock_status,
        row.kind,
        row.invoice_amount,
    )
    return hashlib.blake2b(repr(told).encode(), digest_size=16).hexdigest()


def keep_sale_row(conn: sa.Connection, shop: str, row: SaleRow, now: datetime) -> frozenset[str] | None:
    """Index one row of the sale list. Where something that matters changed: the names and ids it had and has. None
    where nothing did (touches without content are common, measured by integrators)."""
    digest, names = _digest(row), (row.order_number, row.customer_reference, row.external_id)
    known = conn.execute(
        sa.select(_S.digest, _S.order_number, _S.customer_reference, _S.external_id).where(
            (_S.shop == shop) & (_S.sale_id == row.sale_id)
        )
    ).one_or_none()
    values = {
        "order_number": row.order_number,
        "customer_reference": row.customer_reference,
        "external_id": row.external_id,
        "kind": row.kind,
        "status": row.status,
        "order_status": row.order_status,
        "invoice_status": row.invoice_status,
        "credit_note_status": row.credit_note_status,
        "source_channel": row.source_channel,
        # Not InvoiceAmount, which is less what was credited (measured by integrators).
        "amount": row.invoices_total,
        # The list shows invoices less credits beside the invoices (Cin7 blueprint): the difference was credited.
        "credited": row.invoices_total - row.invoice_amount,
        "currency": row.currency,
        "updated": row.updated,
        "digest": digest,
    }
    if known is None:
        insert_once(conn, t.sales, shop=shop, sale_id=row.sale_id, first_seen=now, **values)
    else:
        conn.execute(t.sales.update().where((_S.shop == shop) & (_S.sale_id == row.sale_id)).values(**values))
    if known is not None and tuple(known) == (digest, *names):
        return None
    return frozenset({*names, *(known[1:] if known else ())} - {""})


def sales_named(conn: sa.Connection, shop: str, names: Iterable[str]) -> list[Mapping[str, Any]]:
    """Indexed sales whose reference, order number or external id is exactly one of these names."""
    wanted = tuple(names)
    hit = _S.customer_reference.in_(wanted) | _S.order_number.in_(wanted) | _S.external_id.in_(wanted)
    return [dict(r) for r in conn.execute(sa.select(t.sales).where((_S.shop == shop) & hit)).mappings()]


def sale_of_order(conn: sa.Connection, shop: str, order_name: str) -> str | None:
    """The sale that was found for this order before."""
    where = (t.sale_of_order.c.shop == shop) & (t.sale_of_order.c.order_name == order_name)
    return conn.execute(sa.select(t.sale_of_order.c.sale_id).where(where)).scalar_one_or_none()


def remember_sale(conn: sa.Connection, shop: str, order_name: str, sale_id: str, how: str, now: datetime) -> None:
    """Tie an order to its sale, until `forget_sale`."""
    insert_once(conn, t.sale_of_order, shop=shop, order_name=order_name, sale_id=sale_id, how=how, at=now)


def claim_sale(conn: sa.Connection, shop: str, sale_id: str, holder: str, now: datetime, lease: timedelta) -> bool:
    """Become the only writer of this sale until the lease ends. False while another entry holds it."""
    values = {"holder": holder, "until": now + lease}
    if insert_once(conn, t.sale_claims, shop=shop, sale_id=sale_id, **values):
        return True
    c = t.sale_claims.c
    mine = (c.shop == shop) & (c.sale_id == sale_id) & ((c.until <= now) | (c.holder == holder))
    return conn.execute(t.sale_claims.update().where(mine).values(**values)).rowcount == 1


def release_sale(conn: sa.Connection, shop: str, sale_id: str, holder: str) -> None:
    """Let the next entry write to this sale."""
    c = t.sale_claims.c
    conn.execute(t.sale_claims.delete().where((c.shop == shop) & (c.sale_id == sale_id) & (c.holder == holder)))


def adopted_notes(conn: sa.Connection, shop: str, sale_id: str) -> frozenset[str]:
    """Numbers and task ids of this sale's foreign credit notes that some return has taken for its own."""
    c = t.effects.c
    # Only the sale is asked for: with the state in the question, SQLite would walk through every confirmed effect.
    rows = conn.execute(
        sa.select(c.number, c.reference, c.kind, c.source, c.state).where((c.shop == shop) & (c.sale_id == sale_id))
    )
    adopted = [
        row for row in rows if row.kind == "credit" and row.source != "ours" and row.state == EffectState.CONFIRMED
    ]
    return frozenset(name for row in adopted for name in (row.number, row.reference) if name)
