"""A person lets a batch go, or one return alone: who, when, and exactly what they saw."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from pipeline.ledger import audit, concerns
from pipeline.ledger.batches import batches
from pipeline.ledger.batches.batches import ALONE, GOES, HELD, LIVE, MOVED, OPEN, PREPARED, RAISED_BY, RELEASED, Place
from pipeline.ledger.schema import all as t

_B, _I = t.batches.c, t.batch_items.c


class BatchRefusedError(Exception):
    """A batch cannot take this step; the message says why and what to do."""


def release(conn: sa.Connection, batch_id: int, seen: str, who: str, now: datetime) -> int:
    """Finance lets go what it saw (`seen` is the code shown). Gives how many notes. Raises BatchRefusedError."""
    batch = conn.execute(sa.select(t.batches).where(_B.id == batch_id).with_for_update()).mappings().one_or_none()
    if batch is None:
        raise BatchRefusedError(f"there is no batch {batch_id}; `returnline batch list` shows them")
    if batch["state"] != PREPARED:
        raise BatchRefusedError(f"batch {batch_id} is {batch['state']}, and only a prepared one is released")
    current = batches.code(conn, batch_id)
    if seen != current:
        raise BatchRefusedError(
            f"batch {batch_id} is not what you saw any more: look again with `batch show {batch_id}`"
        )
    rows = batches.items(conn, batch_id, LIVE)
    batches.step(conn, batch_id, (PREPARED,), state=RELEASED, released_at=now, released_by=who[:80], code=current)
    for row in rows:
        batches.change_item(conn, row["id"], now, state=GOES)
        concerns.close(conn, batch["shop"], RAISED_BY, row["rma_id"], now, by=who)
    details = {"batch": batch_id, "code": current, "notes": len(rows), "gross": batches.gross_by_currency(rows)}
    audit.write(conn, who, "batch.release", details, now)
    return len(rows)


def post_now(conn: sa.Connection, shop: str, rma_id: str, who: str, now: datetime) -> int:
    """Take one return out of its batch and release it alone. Gives its own batch. Raises BatchRefusedError."""
    for number in sorted({row["batch_id"] for row in _of_rma(conn, shop, rma_id) if row["state"] == HELD}):
        batches.lock(conn, number)
    held = [row for row in _of_rma(conn, shop, rma_id) if row["state"] == HELD]
    if not held:
        raise BatchRefusedError(f"RMA {rma_id} has no credit note in a batch; `returnline explain {rma_id}` says why")
    if len({row["shop"] for row in held}) > 1:
        raise BatchRefusedError(f"several shops know RMA {rma_id}; name one with --shop")
    batch = batches.one(conn, held[0]["batch_id"])
    alone = _alone(conn, batch, now)
    for row in held:
        batches.leave(conn, row["id"], MOVED, f"posted alone by {who} in batch {alone}", now)
        kept = {name: value for name, value in row.items() if name not in {"id", "shop"}}
        fresh = {"batch_id": alone, "previous_id": row["id"], "added_at": now, "changed_at": now, "reason": ""}
        conn.execute(t.batch_items.insert().values(**{**kept, **fresh, "state": GOES}))
        concerns.close(conn, batch["shop"], RAISED_BY, rma_id, now, by=who)
    batches.step(
        conn, alone, (OPEN,), state=RELEASED, released_at=now, released_by=who[:80], code=batches.code(conn, alone)
    )
    details = {"batch": alone, "rma": rma_id, "notes": len(held), "gross": batches.gross_by_currency(held)}
    audit.write(conn, who, "batch.post-now", details, now)
    return alone


def _of_rma(conn: sa.Connection, shop: str, rma_id: str) -> list[dict[str, Any]]:
    query = sa.select(t.batch_items, _B.shop).join(t.batches, _B.id == _I.batch_id).where(_I.rma_id == rma_id)
    rows = [dict(row) for row in conn.execute(query.order_by(_I.id)).mappings()]
    return [row for row in rows if not shop or row["shop"] == shop]


def _alone(conn: sa.Connection, batch: Mapping[str, Any], now: datetime) -> int:
    mine = (_B.shop == batch["shop"]) & (_B.business_day == batch["business_day"]) & (_B.kind == ALONE)
    last = conn.execute(sa.select(sa.func.max(_B.part)).where(mine)).scalar_one() or 0
    place = Place(batch["shop"], batch["business_day"], now, batch["zone"], batch["base_currency"], 1)
    return batches.make(conn, place, ALONE, last + 1, now)
