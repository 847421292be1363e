"""The control desk of the practice portal, for demo days and as the tests' oracle."""

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.returngo import render
from sandbox.returngo.actions import ACTIONS
from sandbox.returngo.build import build_rma
from sandbox.returngo.form import Form
from sandbox.returngo.lifecycle import NotPossible
from sandbox.returngo.opening import portal_of
from sandbox.returngo.portal import Portal
from sandbox.returngo.post import read_errand, run_errand
from sandbox.returngo.records import Rma
from sandbox.returngo.refusals import ControlRefusal

if TYPE_CHECKING:
    from sandbox.world import World

Desk = Callable[[Portal, Form, Request], object]
Endpoint = Callable[[Request], Awaitable[Response]]


def control_routes(world: "World") -> list[Route]:
    """The routes to mount under `/control/returngo`."""
    desks: list[tuple[str, str, Desk]] = [
        ("POST", "/shops", _add_shop),
        ("GET", "/shops", _list_shops),
        ("POST", "/rmas", _add_rma),
        ("GET", "/rmas/{rma_id}", _show_rma),
        ("POST", "/rmas/{rma_id}/{action}", _act),
        ("GET", "/settings", _show_settings),
        ("PATCH", "/settings", _change_settings),
        ("GET", "/state", _state),
        ("GET", "/deliveries", _deliveries),
    ]
    routes = [Route(path, _at_desk(world, desk), methods=[method]) for method, path, desk in desks]
    return [*routes, Route("/deliver", _deliver, methods=["POST"])]


def _at_desk(world: "World", desk: Desk) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        raw, portal = await request.body(), portal_of(world)
        try:
            with portal.lock:
                portal.catch_up()
                if request.method == "POST":
                    portal.keep_copy()
                return JSONResponse(desk(portal, _form(raw), request))
        except ControlRefusal as refusal:
            return JSONResponse({"error": refusal.message}, refusal.status)
        except NotPossible as problem:
            return JSONResponse({"error": str(problem)}, 409)

    return endpoint


def _form(raw: bytes) -> Form:
    try:
        return Form(json.loads(raw) if raw else {})
    except ValueError:
        raise ControlRefusal("body: is not JSON; send a JSON object") from None


def _add_shop(portal: Portal, form: Form, request: Request) -> object:
    shop, key = form.text("shop_name", "demo-shop.myshopify.com"), form.text("api_key", "practice-key")
    portal.shops[shop] = key
    return {"shop_name": shop, "api_key": key}


def _list_shops(portal: Portal, form: Form, request: Request) -> object:
    return [{"shop_name": shop, "api_key": key} for shop, key in portal.shops.items()]


def _add_rma(portal: Portal, form: Form, request: Request) -> object:
    return _ids(portal, build_rma(portal, form, portal.now()))


def _show_rma(portal: Portal, form: Form, request: Request) -> object:
    rma = _rma(portal, request)
    return render.detail(rma, portal.transactions_of(rma), include_media=True)


def _act(portal: Portal, form: Form, request: Request) -> object:
    rma, name = _rma(portal, request), request.path_params["action"]
    if name not in ACTIONS:
        raise ControlRefusal(f"{name}: no such action; use one of {', '.join(ACTIONS)}", 404)
    outcome = ACTIONS[name](portal, rma, form, portal.now())
    portal.catch_up()
    return {**_ids(portal, rma), **outcome}


def _show_settings(portal: Portal, form: Form, request: Request) -> object:
    return portal.settings.wire()


def _change_settings(portal: Portal, form: Form, request: Request) -> object:
    portal.change_settings({name: form.raw(name) for name in form.names()})
    return portal.settings.wire()


def _deliveries(portal: Portal, form: Form, request: Request) -> object:
    attempts = [attempt.wire() for attempt in portal.outbox.attempts]
    return {"attempts": attempts, "waiting": portal.outbox.is_waiting()}


def _state(portal: Portal, form: Form, request: Request) -> object:
    return {
        "shops": _list_shops(portal, form, request),
        "rmas": [_full(portal, rma) for rma in portal.rmas.values()],
        "webhooks": [{"shop_name": each.shop, **each.wire()} for each in portal.webhooks.values()],
        "usage": [{"api_key": key, "day": day, "calls": calls} for (key, day), calls in portal.usage.items()],
        "settings": portal.settings.wire(),
    }


async def _deliver(request: Request) -> Response:
    try:
        errand = read_errand(_form(await request.body()))
    except ControlRefusal as refusal:
        return JSONResponse({"error": refusal.message}, refusal.status)
    return JSONResponse({"outcomes": await run_errand(errand)})


def _rma(portal: Portal, request: Request) -> Rma:
    rma_id = request.path_params["rma_id"]
    if rma_id not in portal.rmas:
        raise ControlRefusal(f"rma {rma_id}: is not known; GET /control/returngo/state lists them", 404)
    return portal.rmas[rma_id]


def _full(portal: Portal, rma: Rma) -> dict[str, object]:
    body = render.detail(rma, portal.transactions_of(rma), include_media=True)
    return {"shop_name": rma.shop, "auto_refund": rma.auto_refund, **body}


def _ids(portal: Portal, rma: Rma) -> dict[str, object]:
    return {
        "rma_id": rma.rma_id,
        "shop_name": rma.shop,
        "status": rma.status,
        "order_id": rma.order_id,
        "returned_item_ids": [unit.returned_item_id for unit in rma.units],
        "shipment_ids": [parcel.shipment_id for parcel in rma.shipments],
        "transaction_ids": [row.number for row in portal.transactions_of(rma)],
        "draft_order_ids": [order.draft_order_id for order in rma.exchange_orders],
    }
