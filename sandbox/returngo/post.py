"""Sending any bytes anywhere, any number of times: duplicates and garbage on order."""

import base64
import binascii
from dataclasses import dataclass

import httpx

from sandbox.returngo.form import Form
from sandbox.returngo.refusals import ControlRefusal

_MOST = 10_000


@dataclass(frozen=True)
class Errand:
    """A raw body for one address. `body` and `body_base64` exclude each other."""

    url: str
    body: bytes
    headers: dict[str, str]
    times: int


def read_errand(form: Form) -> Errand:
    """Read {url, body | body_base64, content_type, headers, times}. Raises `ControlRefusal`."""
    times = form.whole("times", 1)
    if not 1 <= times <= _MOST:
        raise ControlRefusal(f"times: {times} is out of range; send 1 to {_MOST}")
    headers = {"content-type": form.text("content_type", "application/json")}
    if form.has("headers"):
        extra = Form(form.raw("headers"), "headers")
        headers.update({name: extra.text(name) for name in extra.names()})
    return Errand(form.text("url"), _body(form), headers, times)


async def run_errand(errand: Errand) -> list[dict[str, object]]:
    """Post the body as often as asked, one after the other, and tell each outcome."""
    outcomes: list[dict[str, object]] = []
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        for _ in range(errand.times):
            try:
                answer = await client.post(errand.url, content=errand.body, headers=errand.headers)
                outcomes.append({"status": answer.status_code, "error": None})
            except (httpx.HTTPError, httpx.InvalidURL, ValueError) as problem:
                outcomes.append({"status": None, "error": type(problem).__name__})
    return outcomes


def _body(form: Form) -> bytes:
    if not form.has("body_base64"):
        return form.text("body", "").encode()
    try:
        return base64.b64decode(form.text("body_base64"), validate=True)
    except binascii.Error:
        raise ControlRefusal("body_base64: is not base64; send the bytes base64-encoded") from None
