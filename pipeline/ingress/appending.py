"""The durable write: one script sets the dedup key, appends the raw bytes, and leaves a hint for the intake."""

import hashlib
from dataclasses import dataclass
from typing import Literal
from uuid import uuid4

from pipeline.broker.hint import hint_message
from pipeline.ingress.redis_wire import RedisUnwell, RedisWire
from pipeline.ingress.settings import IngressSettings

Standing = Literal["accepted", "duplicate", "coalesced", "full"]
_STANDINGS: dict[int, Standing] = {1: "accepted", 2: "duplicate", 3: "coalesced", 4: "full"}
_DAY = 86_400

# The append stands before the dedup key: should anything fail between them, the sender's retry is let in again.
# The hint is pcall-ed: a waiting entry without a hint is found by the sweep, a refused entry would be lost.
_APPEND = """
local function hint()
  if HINT_MESSAGE == '' or not redis.call('SET', KEYS[3], '1', 'NX', 'EX', ARGV[5]) then return end
  if redis.call('LLEN', KEYS[4]) < 16 then
    redis.call('LPUSH', KEYS[4], (string.gsub(HINT_MESSAGE, '@ID@', ARGV[2])))
  end
end
local seen = redis.call('GET', KEYS[2])
if seen and ARGV[1] == 'event' then return {2, ARGV[2]} end
if seen then
  local waiting = redis.call('XRANGE', KEYS[1], seen, seen)[1]
  if waiting then
    pcall(hint)
    return {3, waiting[2][2]}
  end
end
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[4]) then return {4, ''} end
local nudge = ''
if ARGV[1] == 'nudge' then nudge = KEYS[2] end
local entry = redis.call('XADD', KEYS[1], '*', 'delivery', ARGV[2], 'shop', ARGV[6], 'source', ARGV[7],
  'topic', ARGV[8], 'received_at', ARGV[9], 'content_type', ARGV[10], 'headers', ARGV[11], 'nudge', nudge,
  'body', ARGV[12])
redis.call('SET', KEYS[2], entry, 'EX', ARGV[3])
pcall(hint)
return {1, ARGV[2]}
"""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One authenticated HTTP request, as it will lie in the inbox; `headers` is allow-listed JSON."""

    shop: str
    source: str
    topic: str
    received_at: str
    content_type: str
    headers: str
    body: bytes
    event_id: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a delivery: its standing, and the delivery id that now carries it ("" when full)."""

    standing: Standing
    delivery_id: str


class InboxDoor:
    """Appends deliveries to the inbox; returns only after Redis has answered, which is after its fsync."""

    def __init__(self, wire: RedisWire, settings: IngressSettings) -> None:
        self._wire = wire
        self._prefix = settings.prefix
        self._stream = settings.stream.encode()
        self._hint = f"{settings.prefix}hint".encode()
        self._queue = settings.queue_key.encode()
        self._keep = settings.dedup_days * _DAY
        self._most = settings.max_inbox
        self._hint_seconds = settings.hint_seconds
        message = hint_message(settings.hint_task, settings.hint_queue) if settings.hint_queue else ""
        self._script = f"local HINT_MESSAGE = [==[{message}]==]\n{_APPEND}".encode()
        self._sha = hashlib.sha1(self._script, usedforsecurity=False).hexdigest().encode()

    async def append(self, delivery: Delivery) -> Receipt:
        """Put one delivery into the inbox, once; raises RedisUnwell when it is not certainly there.

        An event id of the sender is remembered for `dedup_days` together with the bytes it came with: the same
        pair is a duplicate, while an id reused for other bytes is let in. Without an id the delivery joins an
        identical one that the intake has not taken yet, and is never dropped because of one that it has.
        """
        mark = _mark(delivery)
        if delivery.event_id:
            # The id is made from the event, so that even after Redis lost its memory the ledger knows the replay.
            mode, name, delivery_id = b"event", f"{self._prefix}seen:{mark}", f"e-{mark[:32]}"
        else:
            mode, name, delivery_id = b"nudge", f"{self._prefix}nudge:{mark}", f"n-{uuid4().hex}"
        keys = (self._stream, name, self._hint, self._queue)
        limits = (mode, delivery_id, self._keep, self._most, self._hint_seconds)
        fields = (delivery.shop, delivery.source, delivery.topic, delivery.received_at, delivery.content_type)
        rest = (4, *keys, *limits, *fields, delivery.headers, delivery.body)
        try:
            answer = await self._wire.call(b"EVALSHA", self._sha, *rest)
        except RedisUnwell as unwell:
            if unwell.kind != "NOSCRIPT":
                raise
            answer = await self._wire.call(b"EVAL", self._script, *rest)
        return _receipt(answer)

    async def probe(self) -> None:
        """Write one short-lived key, to know that a delivery would be taken; raises RedisUnwell."""
        await self._wire.call(b"SET", f"{self._prefix}ready", b"1", b"EX", 60)


def _mark(delivery: Delivery) -> str:
    digest = hashlib.sha256()
    for part in (delivery.shop, delivery.source, delivery.topic, delivery.event_id):
        raw = part.encode("utf-8", "surrogateescape")
        # Length first: ("ab", "c") and ("a", "bc") must not share a mark.
        digest.update(b"%d:" % len(raw) + raw)
    digest.update(delivery.body)
    return digest.hexdigest()


def _receipt(answer: object) -> Receipt:
    match answer:
        case [int(code), bytes(delivery_id)] if code in _STANDINGS:
            return Receipt(_STANDINGS[code], delivery_id.decode())
    raise RedisUnwell("unreadable")
