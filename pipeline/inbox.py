"""The inbox as the intake sees it: take a batch, forget its nudges, acknowledge it once it is in the ledger."""

import contextlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from redis import Redis

_GROUP = "intake"
_BYTES_A_BATCH = 16 * 1024 * 1024

# Taking and forgetting the nudge keys is one step: a nudge that comes later is always a new entry, and one that
# came before is always read after it came. A key is dropped only while it still points at the entry taken.
_TAKE = """
local stream, group, consumer = KEYS[1], ARGV[1], ARGV[2]
local count, idle, most = tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
redis.pcall('XGROUP', 'CREATE', stream, group, '0', 'MKSTREAM')
local taken, held = {}, 0
local function field(entry, name)
  for i = 1, #entry[2], 2 do if entry[2][i] == name then return entry[2][i + 1] end end
  return ''
end
local function add(entry, deliveries)
  if not entry or not entry[2] then return end
  local nudge = field(entry, 'nudge')
  if nudge ~= '' and redis.call('GET', nudge) == entry[1] then redis.call('DEL', nudge) end
  held = held + #field(entry, 'body')
  taken[#taken + 1] = {entry[1], deliveries, entry[2]}
end
local cursor = '0-0'
repeat
  local claim = redis.call('XAUTOCLAIM', stream, group, consumer, idle, cursor, 'COUNT', math.min(8, count - #taken))
  cursor = claim[1]
  for _, entry in ipairs(claim[2]) do
    local counted = entry and redis.call('XPENDING', stream, group, entry[1], entry[1], 1)[1]
    add(entry, counted and counted[4] or 1)
  end
until cursor == '0-0' or #taken >= count or held >= most
while #taken < count and held < most do
  local read = redis.call('XREADGROUP', 'GROUP', group, consumer, 'COUNT', math.min(8, count - #taken),
    'STREAMS', stream, '>')
  if not read then break end
  for _, entry in ipairs(read[1][2]) do add(entry, 1) end
end
return taken
"""
_DONE = """
local ids = {}
for i = 2, #ARGV do ids[#ids + 1] = ARGV[i] end
redis.pcall('XACK', KEYS[1], ARGV[1], unpack(ids))
return redis.call('XDEL', KEYS[1], unpack(ids))
"""
_DEPTH = """
local total = redis.call('XLEN', KEYS[1])
local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1])
local held = (pending.err and 0) or pending[1]
local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
local now = redis.call('TIME')
return {total, held, oldest and oldest[1] or '', now[1], now[2]}
"""
_MOST_DONE_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class InboxEntry:
    """One delivery as it was received; `body` is the sender's bytes, unread.

    `delivery_id` is the same for every replay of one sender event. `deliveries_count` is how often the entry was
    handed to an intake, this time included: it grows when an intake dies before `done`.
    """

    stream_id: str
    delivery_id: str
    shop: str
    source: str
    topic: str
    received_at: datetime
    content_type: str
    headers: Mapping[str, str]
    body: bytes
    deliveries_count: int


@dataclass(frozen=True, slots=True)
class InboxDepth:
    """How full the inbox is: entries nobody has taken, entries taken and not done, and the age of the oldest."""

    waiting: int
    oldest_age_seconds: float
    pending: int


class Inbox:
    """The consumer side of the inbox stream. Every method may raise redis.exceptions.RedisError."""

    def __init__(self, redis: "Redis", prefix: str, *, idle_ms: int = 60_000) -> None:
        if redis.connection_pool.connection_kwargs.get("decode_responses"):
            raise ValueError("redis: decode_responses is on; bodies are raw bytes, give a client without it")
        self._redis = redis
        self._stream = f"{prefix}inbox"
        self._hint = f"{prefix}hint"
        self._idle_ms = idle_ms
        self._take: Callable[..., Any] = redis.register_script(_TAKE)
        self._done: Callable[..., Any] = redis.register_script(_DONE)
        self._depth: Callable[..., Any] = redis.register_script(_DEPTH)

    def take(self, count: int, consumer: str) -> list[InboxEntry]:
        """Up to `count` entries, oldest first: those left by a dead intake for `idle_ms`, then new ones.

        From this moment an identical nudge becomes a new entry. A batch stops early at 16 MiB of bodies. The
        consumer group is made when it is missing, so a flushed Redis needs no care.
        """
        if count < 1:
            raise ValueError("count: less than 1; ask for at least one entry")
        raw = self._take(keys=[self._stream], args=[_GROUP, consumer, count, self._idle_ms, _BYTES_A_BATCH])
        return [_entry(stream_id, deliveries, flat) for stream_id, deliveries, flat in raw]

    def done(self, entries: Iterable[InboxEntry]) -> int:
        """Acknowledge and remove entries in one step; returns how many were still there. Safe to repeat."""
        ids = [entry.stream_id for entry in entries]
        removed = 0
        for start in range(0, len(ids), _MOST_DONE_AT_ONCE):
            removed += int(self._done(keys=[self._stream], args=[_GROUP, *ids[start : start + _MOST_DONE_AT_ONCE]]))
        return removed

    def depth(self) -> InboxDepth:
        """Counts and the age of the oldest entry in seconds, by the server's own clock."""
        total, pending, oldest, seconds, micros = self._depth(keys=[self._stream], args=[_GROUP])
        age = 0.0
        if oldest:
            age = max(0.0, int(seconds) + int(micros) / 1e6 - int(oldest.split(b"-")[0]) / 1e3)
        return InboxDepth(waiting=max(0, total - pending), oldest_age_seconds=age, pending=pending)

    def clear_hint(self) -> None:
        """Let the next delivery wake the intake again; call before taking, so that no wake-up falls between."""
        self._redis.delete(self._hint)


def _entry(stream_id: bytes, deliveries: int, flat: list[bytes]) -> InboxEntry:
    fields = {name.decode(): value for name, value in zip(flat[::2], flat[1::2], strict=True)}
    text = {name: value.decode("utf-8", "replace") for name, value in fields.items() if name != "body"}
    name = stream_id.decode()
    return InboxEntry(
        stream_id=name,
        # An entry that the ingress did not write must not stop the batch: it goes on, to be buried as unreadable.
        delivery_id=text.get("delivery", f"x-{name}"),
        shop=text.get("shop", ""),
        source=text.get("source", ""),
        topic=text.get("topic", ""),
        received_at=_received_at(text.get("received_at", ""), name),
        content_type=text.get("content_type", ""),
        headers=_headers(text.get("headers", "{}")),
        body=fields.get("body", b""),
        deliveries_count=int(deliveries),
    )


def _headers(text: str) -> dict[str, str]:
    try:
        return {str(name): str(value) for name, value in json.loads(text).items()}
    except (ValueError, AttributeError):
        return {}


def _received_at(text: str, stream_id: str) -> datetime:
    with contextlib.suppress(ValueError):
        told = datetime.fromisoformat(text)
        if told.tzinfo is not None:
            return told
    return datetime.fromtimestamp(int(stream_id.partition("-")[0]) / 1000, UTC)
