"""The raw ASGI application: authenticate, cap, read, append; say 202 only when the bytes are on disk."""

import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TextIO

from pipeline.ingress import answers
from pipeline.ingress.answers import Answer, Refused
from pipeline.ingress.appending import Delivery, InboxDoor
from pipeline.ingress.auth import check_authorization, check_signature, check_token, same_bytes
from pipeline.ingress.body import Load, Message, Receive, SenderLeft, check_length, read_body
from pipeline.ingress.redis_wire import RedisAddress, RedisUnwell, RedisWire
from pipeline.ingress.request_head import RequestHead
from pipeline.ingress.routes import FEED, Route, route
from pipeline.ingress.settings import IngressSettings, ShopHooks
from pipeline.ingress.tally import AccessLog, Tally

Scope = dict[str, Any]
Send = Callable[[Message], Awaitable[None]]
_READY_FOR = 1.0


def utc_now() -> datetime:
    """The moment, aware."""
    return datetime.now(UTC)


class IngressApp:
    """`POST /hooks/...`, `/healthz`, `/readyz`, `/metrics`; needs one Redis and nothing else.

    Promises: never 2xx before the delivery is durable, never 5xx for what the sender did wrong, 503 with
    Retry-After when Redis is unwell or the backlog is full.
    """

    def __init__(
        self, settings: IngressSettings, *, clock: Callable[[], datetime] = utc_now, log: TextIO | None = None
    ) -> None:
        self._settings = settings
        self._clock = clock
        address = RedisAddress.parse(settings.redis_url)
        self._wire = RedisWire(address, deadline=settings.redis_deadline, require_fsync=settings.require_fsync)
        self._door = InboxDoor(self._wire, settings)
        self._load = Load(settings.max_bytes_in_flight)
        self._log = AccessLog(log or sys.stderr)
        self.tally = Tally()
        self._probed = (float("-inf"), "")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                self._wire.close()
                self._log.flush()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        where = route(scope["path"])
        notes: dict[str, object] = {}
        try:
            said = await self._answer(where, scope, receive, notes)
        except Refused as refused:
            said = refused.answer
        except RedisUnwell as unwell:
            notes["fault"] = unwell.kind
            said = answers.UNWELL
        except SenderLeft:
            self._note(where, scope, 499, "sender left", began, notes)
            return
        self._note(where, scope, said.status, said.outcome, began, notes)
        await send({"type": "http.response.start", "status": said.status, "headers": said.headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else said.body})

    async def _answer(self, where: Route, scope: Scope, receive: Receive, notes: dict[str, object]) -> Answer:
        if where.kind == "hook":
            return await self._receive(where, scope, receive, notes)
        if where.kind == "nowhere":
            return answers.NOT_FOUND
        if where.kind == FEED:
            return await self._feed(where, scope, notes)
        if where.kind == "metrics":
            return self._metrics(scope)
        if scope["method"] not in {"GET", "HEAD"}:
            return answers.GET_ONLY
        if where.kind == "ready":
            await self._probe()
            return answers.READY
        return answers.ALIVE

    async def _feed(self, where: Route, scope: Scope, notes: dict[str, object]) -> Answer:
        check_token(self._settings.shops, where)
        notes.update(shop=where.shop)
        if scope["method"] not in {"GET", "HEAD"}:
            return answers.GET_ONLY
        kept = await self._wire.call(b"GET", f"{self._settings.prefix}feed:{where.shop}")
        return answers.feed(kept) if isinstance(kept, bytes) else answers.NO_FEED

    async def _receive(self, where: Route, scope: Scope, receive: Receive, notes: dict[str, object]) -> Answer:
        hooks = check_token(self._settings.shops, where)
        # From here on the shop is known to be ours, so it may be logged.
        notes.update(shop=where.shop, source=where.source, topic=where.topic)
        if scope["method"] != "POST":
            return answers.POST_ONLY
        head = RequestHead.read(scope["headers"])
        check_authorization(hooks, where, head)
        head.check_content()
        declared = head.declared_length
        check_length(declared, self._settings.body_cap)
        with self._load.room_for(self._settings.body_cap if declared is None else declared):
            body = await read_body(receive, self._settings.body_cap, self._settings.body_timeout)
            notes["bytes"] = len(body)
            return await self._append(where, hooks, head, body, notes)

    async def _append(
        self, where: Route, hooks: ShopHooks, head: RequestHead, body: bytes, notes: dict[str, object]
    ) -> Answer:
        now = self._clock()
        check_signature(hooks, where, head, body, now)
        delivery = Delivery(
            shop=where.shop,
            source=where.source,
            topic=where.topic,
            received_at=now.isoformat(),
            content_type=head.get("content-type"),
            headers=head.kept(),
            body=body,
            event_id=head.event_id(),
        )
        receipt = await self._door.append(delivery)
        if receipt.standing == "full":
            return answers.BACKLOG_FULL
        notes["delivery"] = receipt.delivery_id
        return answers.taken(receipt.standing, receipt.delivery_id)

    async def _probe(self) -> None:
        # One write a second at most: the address is open to anyone, and each write costs an fsync.
        when, fault = self._probed
        if time.monotonic() - when >= _READY_FOR:
            fault = ""
            try:
                await self._door.probe()
            except RedisUnwell as unwell:
                fault = unwell.kind
            self._probed = (time.monotonic(), fault)
        if fault:
            raise RedisUnwell(fault)

    def _metrics(self, scope: Scope) -> Answer:
        token = self._settings.metrics_token
        offered = RequestHead.read(scope["headers"]).get("authorization").removeprefix("Bearer ")
        if not token or not same_bytes(offered.encode(), (token.encode(),)):
            return answers.NOT_FOUND
        if scope["method"] not in {"GET", "HEAD"}:
            return answers.GET_ONLY
        body = self.tally.text(self._load.held)
        kind = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")
        return Answer(200, "metrics", body, (kind, (b"content-length", b"%d" % len(body))))

    def _note(
        self, where: Route, scope: Scope, status: int, outcome: str, began: float, notes: dict[str, object]
    ) -> None:
        seconds = time.perf_counter() - began
        self.tally.count(where.template, status, outcome, seconds, str(notes.get("fault", "")))
        self._log.write(
            at=self._clock().isoformat(timespec="milliseconds"),
            method=scope["method"],
            route=where.template,
            status=status,
            outcome=outcome,
            ms=round(seconds * 1000, 2),
            **notes,
        )
