"""The gateway in front of the portal's API: keys, shops, the daily quota, and error bodies of many shapes."""

import json
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.front.spelling import respelled
from sandbox.returngo.opening import portal_of
from sandbox.returngo.portal import Portal
from sandbox.returngo.records import Rma
from sandbox.returngo.refusals import ApiRefusal

if TYPE_CHECKING:
    from sandbox.world import World

_ERROR_FORMS = ("message", "error", "errorMessage", "text", "empty")
_GATEWAY_ERRORS = {401: "UnauthorizedException", 403: "ForbiddenException", 429: "LimitExceededException"}


@dataclass(frozen=True)
class Visit:
    """One admitted API call: who asks, when, and for what."""

    portal: Portal
    shop: str
    now: datetime
    params: QueryParams
    path: Mapping[str, str]
    body: Mapping[str, object] = field(default_factory=dict)

    def rma(self) -> Rma:
        """The RMA of the path. Raises `ApiRefusal` 400 for a malformed id and 404 for one of another shop."""
        rma_id = self.path["rma_id"]
        if not rma_id.isdigit():
            raise ApiRefusal(400, f"Invalid rmaId {rma_id}")
        rma = self.portal.rmas.get(rma_id)
        if rma is None or rma.shop != self.shop:
            raise ApiRefusal(404, "RMA not found")
        return rma


Work = Callable[[Visit], "Answer"]
Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Answer:
    """What an API call gives back."""

    payload: object
    status: int = 200


def guarded(world: "World", work: Work) -> Endpoint:
    """Put the gateway in front of an operation: key, quota, shop, body, then the work, then the headers."""

    async def endpoint(request: Request) -> Response:
        raw = await request.body()
        portal = portal_of(world)
        with portal.lock:
            response = _serve(portal, request, raw, work)
            response.headers.update(_gateway_headers(portal))
        return response

    return endpoint


def nowhere(world: "World") -> Endpoint:
    """The gateway's answer to a path or method it does not know: a 403 that talks about tokens."""

    async def endpoint(request: Request) -> Response:
        response = JSONResponse({"message": "Missing Authentication Token"}, status_code=403)
        response.headers["x-amzn-errortype"] = "MissingAuthenticationTokenException"
        response.headers.update(_gateway_headers(portal_of(world)))
        return response

    return endpoint


def _serve(portal: Portal, request: Request, raw: bytes, work: Work) -> Response:
    portal.catch_up()
    refused = _turned_away(portal, request)
    if refused is not None:
        return refused
    try:
        visit = Visit(
            portal, request.headers["x-shop-name"], portal.now(), request.query_params, request.path_params, _json(raw)
        )
        answer = _perform(visit, work, is_read=request.method == "GET")
    except ApiRefusal as refusal:
        return _error(portal, refusal)
    payload = respelled(answer.payload, portal.settings.spelling, portal.settings.other_words)
    return JSONResponse(payload, status_code=answer.status)


def _perform(visit: Visit, work: Work, *, is_read: bool) -> Answer:
    if is_read:
        with visit.portal.as_readers_see_it():
            return work(visit)
    visit.portal.keep_copy()
    return work(visit)


def _turned_away(portal: Portal, request: Request) -> Response | None:
    key, shop = request.headers.get("x-api-key"), request.headers.get("x-shop-name")
    if key is None or key not in portal.shops.values():
        status = portal.settings.wrong_key_status
        return _gateway_error(status, "Unauthorized" if status == 401 else "Forbidden")
    if _is_over_quota(portal, key):
        return _gateway_error(429, "Limit Exceeded")
    if _is_too_fast(portal, key):
        return _gateway_error(429, "Too Many Requests")
    if shop is None or portal.shops.get(shop) != key:
        return _gateway_error(403, "User is not allowed to access this shop")
    return None


def _is_over_quota(portal: Portal, key: str) -> bool:
    """Count the call against the key's UTC day; when the real quota resets is unknown."""
    day = (key, portal.now().date().isoformat())
    portal.usage[day] += 1
    return portal.usage[day] > portal.settings.daily_quota


def _is_too_fast(portal: Portal, key: str) -> bool:
    seconds = portal.clock.elapsed()
    recent = portal.recent.setdefault(key, deque())
    while recent and recent[0] <= seconds - 1:
        recent.popleft()
    recent.append(seconds)
    return len(recent) > portal.settings.burst_per_second


def _json(raw: bytes) -> Mapping[str, object]:
    if not raw:
        return {}
    try:
        body = json.loads(raw)
    except ValueError:
        raise ApiRefusal(400, "Could not parse request body into json") from None
    if not isinstance(body, dict):
        raise ApiRefusal(400, "Invalid request body")
    return body


def _gateway_error(status: int, message: str) -> Response:
    response = JSONResponse({"message": message}, status_code=status)
    response.headers["x-amzn-errortype"] = _GATEWAY_ERRORS[status]
    return response


def _error(portal: Portal, refusal: ApiRefusal) -> Response:
    """No error schema is published, so the body may have any of several shapes."""
    form = portal.settings.error_form
    if form == "seeded":
        form = portal.luck("error").choice(_ERROR_FORMS)
    if form == "text":
        return Response(refusal.message, status_code=refusal.status, media_type="text/plain")
    if form == "empty":
        return Response(b"", status_code=refusal.status)
    body = {form: refusal.message}
    if form == "errorMessage":
        body["errorType"] = "BadRequest" if refusal.status == 400 else "NotFound"
    return JSONResponse(body, status_code=refusal.status)


def _gateway_headers(portal: Portal) -> dict[str, str]:
    token = uuid.UUID(int=portal.luck("request").getrandbits(128), version=4)
    return {
        "x-amzn-requestid": str(token),
        "x-amz-apigw-id": f"{token.hex[:15]}=",
        "x-amzn-trace-id": f"Root=1-{token.hex[:8]}-{token.hex[8:]}",
    }
