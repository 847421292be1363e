"""The gate in front of every system: it logs each call and plays the fault that was ordered for it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.calls import Call
from sandbox.faults import SYSTEMS, Rule
from sandbox.front import playing_faults
from sandbox.front.answer import Answer
from sandbox.front.snapshots import Snapshots
from sandbox.world import World

CALLER_HEADERS = (b"api-auth-applicationkey", b"x-shop-name", b"x-shopify-access-token")
WRITES = ("POST", "PUT", "PATCH", "DELETE")


class Gate:
    """ASGI middleware; a path's first part names the system, anything else passes untouched."""

    def __init__(self, app: ASGIApp, world: World) -> None:
        self.app = app
        self.world = world
        self.snapshots = Snapshots(world)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request through, or trip it up."""
        system = scope["path"].strip("/").split("/", 1)[0].lower() if scope["type"] == "http" else ""
        if system not in SYSTEMS:
            await self.app(scope, receive, send)
            return
        body = await _whole_body(receive)
        call = self._log(scope, system, body)
        rule = self.world.faults.match(system, scope["method"], scope["path"], body.decode("utf-8", "replace"))
        if rule is not None:
            call.fault, call.rule = rule.kind, rule.id
        with contextlib.suppress(playing_faults.Hungup):
            await self._play(rule, scope, body, call, send)

    def _log(self, scope: Scope, system: str, body: bytes) -> Call:
        headers = dict(scope["headers"])
        caller = next((headers[name].decode("latin-1") for name in CALLER_HEADERS if name in headers), "")
        query = scope["query_string"].decode("latin-1")
        call = self.world.calls.open(self.world.clock.now(), system, caller, scope["method"], scope["path"], query)
        if scope["method"] in WRITES:
            call.body = body.decode("utf-8", "replace")
        return call

    async def _play(self, rule: Rule | None, scope: Scope, body: bytes, call: Call, send: Send) -> None:
        early = playing_faults.BEFORE.get(rule.kind) if rule else None
        if rule is not None and early is not None:
            answer = await early(rule, self.world, send)
        else:
            answer = Answer()
            await self._answer(rule, scope, body, answer)
        if rule is not None and rule.kind == "late_commit":
            self.world.background(self._commit_later(rule, scope, body))
        late = playing_faults.AFTER.get(rule.kind) if rule else None
        if rule is not None and late is not None:
            await late(rule, self.world, answer, send)
        call.status = answer.status
        call.throttled = is_throttle(answer)
        if not (rule is not None and rule.kind in playing_faults.SENDS_ITSELF):
            await answer.release(send)

    async def _answer(self, rule: Rule | None, scope: Scope, body: bytes, answer: Answer) -> None:
        lag = rule.seconds if rule is not None and rule.kind == "stale_reads" else 0.0
        older = self.snapshots.before(scope, lag)
        with self.world.viewing(older):
            await self.app(dict(scope), _replay(body), answer.catch)

    async def _commit_later(self, rule: Rule, scope: Scope, body: bytes) -> None:
        await asyncio.sleep(rule.seconds)
        self.snapshots.before(scope, 0.0)
        await self.app(dict(scope), _replay(body), Answer().catch)


def is_throttle(answer: Any) -> bool:
    """Say whether an answer is a quota refusal, whatever its status."""
    return answer.status == 429 or b"calls per 60 seconds" in answer.body


async def _whole_body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return body
        body += bytes(message.get("body", b""))
        if not message.get("more_body", False):
            return body


def _replay(body: bytes) -> Receive:
    sent = False

    async def receive() -> Message:
        nonlocal sent
        if sent:
            await asyncio.sleep(3600)
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
