"""How each kind of fault is played on the wire."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import struct
import uuid
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NoReturn

from starlette.types import Send

from sandbox.faults import Rule
from sandbox.quota import throttle_answer
from sandbox.world import World

if TYPE_CHECKING:
    from sandbox.front.answer import Answer

HTML_PAGE = (
    b"<!DOCTYPE html><html><head><title>Cin7 Core</title></head><body><h1>We will be back soon</h1></body></html>"
)
ECHOED = re.compile(r'("(?:TaskID|SaleID|ID|rmaId|id)"\s*:\s*")([^"]{8,})(")', re.IGNORECASE)


class Hungup(Exception):  # noqa: N818  (an event on the line, not a mistake)
    """The connection was cut; there is nobody to answer."""


def _blank() -> Answer:
    from sandbox.front.answer import Answer

    return Answer()


def cut(send: Send, *, reset: bool) -> NoReturn:
    """Close the caller's connection without an answer; `reset` sends a TCP reset instead of a clean end.

    Without a real connection (an in-process client) the cut shows as ConnectionResetError.
    """
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:
        raise ConnectionResetError("the practice world cut the connection")
    sock = transport.get_extra_info("socket")
    if reset and sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    else:
        transport.close()
    raise Hungup


def body_of(rule: Rule) -> tuple[bytes, str]:
    """Return body and content type of an ordered error answer."""
    one = {"ErrorCode": rule.status, "Exception": rule.text}
    bodies: dict[str, tuple[bytes, str]] = {
        "object": (json.dumps(one).encode(), "application/json"),
        "array": (json.dumps([one]).encode(), "application/json"),
        "string": (json.dumps(rule.text).encode(), "application/json"),
        "text": (rule.text.encode(), "text/plain"),
        "html": (HTML_PAGE, "text/html"),
        "empty": (b"", "application/json"),
    }
    return bodies.get(rule.form, bodies["object"])


async def timeout_before(rule: Rule, world: World, send: Send) -> Answer:
    """Do nothing, hang, close."""
    await asyncio.sleep(rule.seconds)
    cut(send, reset=False)


async def status_before(rule: Rule, world: World, send: Send) -> Answer:
    """Answer an error without doing the work."""
    answer = _blank()
    answer.replace(rule.status, *body_of(rule))
    return answer


async def reset_before(rule: Rule, world: World, send: Send) -> Answer:
    """Reset the connection without doing the work."""
    cut(send, reset=True)


async def html_200_before(rule: Rule, world: World, send: Send) -> Answer:
    """Answer 200 with a page, without doing the work."""
    answer = _blank()
    answer.replace(200, HTML_PAGE, "text/html")
    return answer


async def throttle(rule: Rule, world: World, send: Send) -> Answer:
    """Refuse as over quota although the caller kept it: someone else used the key."""
    answer = _blank()
    form = rule.form if rule.form in ("429", "503", "400") else "429"
    status, body, headers = throttle_answer(form, 60, rule.retry_after)
    answer.replace(status, body, headers.pop("content-type"))
    answer.headers += [(name.encode(), value.encode()) for name, value in headers.items()]
    return answer


async def redirect(rule: Rule, world: World, send: Send) -> Answer:
    """Send the caller elsewhere."""
    answer = _blank()
    answer.replace(302, b"", "text/html")
    answer.headers.append((b"location", b"/cin7/ExternalApi/v2/me"))
    return answer


async def auth_403(rule: Rule, world: World, send: Send) -> Answer:
    """Refuse good credentials."""
    answer = _blank()
    answer.replace(403, b'"Incorrect credentials!"', "application/json")
    return answer


async def late_commit(rule: Rule, world: World, send: Send) -> Answer:
    """Answer an error now (`form` timeout: hang a second and close); the gate does the work later."""
    if rule.form == "timeout":
        return _blank()
    return await status_before(rule, world, send)


async def hang_after_late(rule: Rule, world: World, answer: Answer, send: Send) -> None:
    """Close without an answer when a late commit was ordered as a timeout; otherwise send the error."""
    if rule.form == "timeout":
        await asyncio.sleep(min(rule.seconds, 1.0))
        cut(send, reset=False)
    await answer.release(send)


async def timeout_after(rule: Rule, world: World, answer: Answer, send: Send) -> None:
    """The work is done; hang, then close."""
    await asyncio.sleep(rule.seconds)
    cut(send, reset=False)


async def status_after(rule: Rule, world: World, answer: Answer, send: Send) -> None:
    """The work is done; answer an error."""
    answer.replace(rule.status, *body_of(rule))


async def reset_after(rule: Rule, world: World, answer: Answer, send: Send) -> None:
    """The work is done; reset the connection."""
    cut(send, reset=True)


async def truncated_after(rule: Rule, world: World, answer: Answer, send: Send) -> None:
    """The work is done; send half of the answer and close."""
    half = answer.body[: max(1, len(answer.body) // 2)]
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": half, "more_body": True})
    cut(send, reset=False)


async def html_200_after(rule: Rule, world: World, answer: Answer, send: Send) -> None:
    """The work is done; answer 200 with a page."""
    answer.replace(200, HTML_PAGE, "text/html")


async def empty_200_after(rule: Rule, world: World, answer: Answer, send: Send) -> None:
    """The work is done; answer 200 with nothing."""
    answer.replace(200, b"", "application/json")


async def wrong_echo(rule: Rule, world: World, answer: Answer, send: Send) -> None:
    """The work is done; the ids in the answer are someone else's."""
    stranger = str(uuid.UUID(int=world.rng.getrandbits(128), version=4))
    body = ECHOED.sub(rf"\g<1>{stranger}\g<3>", answer.body.decode("utf-8", "replace"))
    answer.replace(answer.status, body.encode(), "application/json")


async def missing_field(rule: Rule, world: World, answer: Answer, send: Send) -> None:
    """The work is done; a field is gone from the answer, as after a change of the interface that nobody announced."""
    field, _, where = rule.text.partition(" where ")
    name, _, wanted = where.partition("=")
    body = json.loads(answer.body, parse_float=Decimal)
    for each in _objects(body):
        if not name or str(each.get(name)) == wanted:
            each.pop(field, None)
    answer.replace(answer.status, json.dumps(body, default=float).encode(), "application/json")


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a JSON value, the outermost first."""
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    if isinstance(value, dict):
        yield value
    for each in inner:
        yield from _objects(each)


async def slow_drip(rule: Rule, world: World, answer: Answer, send: Send) -> None:
    """The work is done; the answer comes a byte at a time over `seconds`, then stops unfinished."""
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    steps = max(1, min(len(answer.body) - 1, int(rule.seconds * 10)))
    for position in range(steps):
        await send({"type": "http.response.body", "body": answer.body[position : position + 1], "more_body": True})
        await asyncio.sleep(rule.seconds / steps)
    cut(send, reset=False)


BEFORE: dict[str, Callable[[Rule, World, Send], Awaitable[Answer]]] = {
    "timeout_before": timeout_before,
    "status_before": status_before,
    "reset_before": reset_before,
    "html_200_before": html_200_before,
    "throttle": throttle,
    "redirect": redirect,
    "auth_403": auth_403,
    "late_commit": late_commit,
}
AFTER: dict[str, Callable[[Rule, World, Answer, Send], Awaitable[None]]] = {
    "timeout_after": timeout_after,
    "status_after": status_after,
    "reset_after": reset_after,
    "truncated_after": truncated_after,
    "html_200_after": html_200_after,
    "empty_200_after": empty_200_after,
    "wrong_echo": wrong_echo,
    "missing_field": missing_field,
    "slow_drip": slow_drip,
    "late_commit": hang_after_late,
}
SENDS_ITSELF = frozenset({"slow_drip", "truncated_after", "late_commit"})
