"""The plain target: one JSON document in Redis, which the ingress serves as it is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from redis import RedisError

from consumers.stock_availability import shop_names
from pipeline.ledger import availability
from pipeline.ledger.entries import Claim
from pipeline.ledger.reports import oversell
from pipeline.parts import Parts, ShopParts
from schemas.concerns import Concern

TARGET = "feed"
#: Figures noted in one transaction: others write to the ledger too.
_A_WRITE = 1000
# A document from an older moment never replaces a newer one, whoever is slow.
_PUT = """
local at = tonumber(redis.call('GET', KEYS[2]) or '0')
if at > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('SET', KEYS[2], ARGV[1])
return 1
"""


@dataclass(frozen=True, slots=True)
class Published:
    """What one round did: figures `sent`, figures the target showed already, when to come `again` (seconds, None: when
    woken), and what a person must know."""

    sent: int = 0
    same: int = 0
    again: float | None = None
    told: str = ""
    failed: bool = False
    concerns: tuple[Concern, ...] = ()


def key_of(prefix: str, shop: str) -> str:
    """The Redis key of a shop's feed; the ingress reads the same one."""
    return f"{prefix}feed:{shop}"


def missing(parts: Parts, shop: str) -> bool:
    """Whether Redis has lost the document (it is only a copy of the ledger)."""
    try:
        return not parts.redis.exists(key_of(parts.settings.prefix, shop))
    except RedisError:
        return False


def publish(parts: Parts, shop: ShopParts, _claimed: Claim) -> Published:
    """Write the whole document; what differs from the last one counts as sent. Before the first complete sweep there is
    nothing to show."""
    now = parts.clock()
    with parts.ledger.read() as conn:
        swept = availability.swept_at(conn, shop.name)
        rows = [row for row in availability.rows(conn, shop.name) if row["available"] is not None]
    if swept is None:
        return Published(told="waiting for the first complete sweep")
    after = timedelta(seconds=oversell.stale_after(parts.settings.intervals.availability_max))
    text = document(shop.name, rows, shop_names(shop.terms), swept, swept + after)
    key = key_of(parts.settings.prefix, shop.name)
    stamp = int(now.timestamp() * 1_000_000)
    try:
        written = parts.redis.eval(_PUT, 2, key, f"{key}:at", str(stamp), text)
    except RedisError as problem:
        return Published(again=5.0, told=f"the feed cannot be written: {type(problem).__name__}", failed=True)
    if not written:
        return Published(again=5.0, told="a newer feed is there already")
    news = [row for row in rows if row["published"] != row["available"] or row["published_to"] != TARGET]
    for start in range(0, len(news), _A_WRITE):
        with parts.ledger.write() as conn:
            availability.published(conn, shop.name, TARGET, news[start : start + _A_WRITE], now, sent=True)
    return Published(sent=len(news), same=len(rows) - len(news), told=f"{len(news)} figures changed in the feed")


def document(
    shop: str, rows: Iterable[Mapping[str, Any]], names: Mapping[str, str], as_of: datetime, stale_after: datetime
) -> str:
    """The feed: units available by SKU, as of the last complete sweep; past `stale_after` it should not be believed."""
    items = [{"sku": names.get(row["sku"], row["sku"]), "available": row["available"]} for row in rows]
    told = {"shop": shop, "as_of": as_of.isoformat(), "stale_after": stale_after.isoformat(), "items": items}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))
