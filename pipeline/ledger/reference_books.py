"""What Cin7 and the merchant said once: locations, tax rules, accounts, SKU aliases."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from pipeline.ledger.schema import all as t
from pipeline.ledger.store import insert_once, upsert


def reference_book(conn: sa.Connection, shop: str, book: str) -> tuple[Any, datetime] | None:
    """A reference book (locations, tax rules, ...) as it was last read, and when."""
    c = t.references.c
    row = conn.execute(sa.select(c.content, c.read_at).where((c.shop == shop) & (c.book == book))).one_or_none()
    return (row[0], row[1]) if row else None


def keep_reference_book(conn: sa.Connection, shop: str, book: str, content: Any, now: datetime) -> None:
    """Remember a reference book."""
    upsert(conn, t.references, {"shop": shop, "book": book}, {"content": content, "read_at": now})


def alias(conn: sa.Connection, shop: str, portal_sku: str) -> str | None:
    """The Cin7 SKU tied to this portal SKU."""
    c = t.aliases.c
    return conn.execute(
        sa.select(c.cin7_sku).where((c.shop == shop) & (c.portal_sku == portal_sku))
    ).scalar_one_or_none()


def propose_alias(
    conn: sa.Connection, shop: str, portal_sku: str, cin7_sku: str, product_id: str, now: datetime
) -> bool:
    """Record a unique loose match for a person to see. True when it is new."""
    return insert_once(
        conn,
        t.aliases,
        shop=shop,
        portal_sku=portal_sku,
        cin7_sku=cin7_sku,
        product_id=product_id,
        state="proposed",
        at=now,
    )
