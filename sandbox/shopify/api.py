"""The GraphQL endpoint: token, version, cost bucket, then the document."""

import json
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.shopify.allowance import MOST_PER_QUERY
from sandbox.shopify.document import GraphqlError
from sandbox.shopify.execute import Run
from sandbox.shopify.store import Store, store_of

if TYPE_CHECKING:
    from sandbox.world import World

VERSIONS = ("2026-04", "2026-07", "2026-10")


def routes(world: "World") -> list[Route]:
    """The Admin API to mount under `/shopify`."""
    return [Route("/admin/api/{version}/graphql.json", _endpoint(world), methods=["POST"])]


def _endpoint(world: "World") -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        raw, store = await request.body(), store_of(world)
        with store.lock:
            response = _serve(store, request, raw)
        response.headers["x-request-id"] = str(uuid.uuid4())
        response.headers["x-shopify-api-version"] = request.path_params["version"]
        return response

    return endpoint


def _serve(store: Store, request: Request, raw: bytes) -> Response:
    if request.headers.get("x-shopify-access-token") not in store.tokens:
        message = "[API] Invalid API key or access token (unrecognized login or wrong password)"
        return JSONResponse({"errors": message}, 401)
    if request.path_params["version"] not in VERSIONS:
        return JSONResponse({"errors": "Not Found"}, 404)
    try:
        body = json.loads(raw)
    except ValueError:
        return JSONResponse({"errors": "Bad Request"}, 400)
    if not isinstance(body, dict) or not isinstance(body.get("query"), str):
        return JSONResponse({"errors": {"query": "Required parameter missing or invalid"}}, 400)
    return _answer(store, body)


def _answer(store: Store, body: Mapping[str, object]) -> Response:
    try:
        variables = body.get("variables")
        name = body.get("operationName")
        run = Run(store, str(body["query"]), name, variables if isinstance(variables, dict) else {})
        requested = run.cost()
    except GraphqlError as error:
        return JSONResponse({"errors": [error.wire()]})
    if requested > MOST_PER_QUERY:
        message = f"Query cost is {requested}, which exceeds the single query max cost limit ({MOST_PER_QUERY})."
        return JSONResponse({"errors": [GraphqlError(message, "MAX_COST_EXCEEDED").wire()]})
    if not store.allowance.can_spend(requested):
        return _throttled(store, requested)
    return _executed(store, run, requested)


def _executed(store: Store, run: Run, requested: int) -> Response:
    payload = run.answer()
    actual = min(run.spent, requested)
    store.allowance.spend(actual)
    return JSONResponse({**payload, "extensions": store.allowance.wire(requested, actual)})


def _throttled(store: Store, requested: int) -> Response:
    error = GraphqlError("Throttled", "THROTTLED").wire()
    payload = {"errors": [error], "extensions": store.allowance.wire(requested, None)}
    return JSONResponse(payload, store.throttle_status)
