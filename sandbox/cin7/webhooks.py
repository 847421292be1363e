"""/webhooks and the deliveries behind it."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from sandbox.books.ledger import Event, Webhook
from sandbox.cin7.ask import Ask
from sandbox.cin7.errors import Problem, Refusal
from sandbox.cin7.products import availability_rows
from sandbox.cin7.render import dumps
from sandbox.world import World

MOST_PER_TYPE = 5
STOCK_EVENT = "Stock/AvailableStockLevelChanged"
TYPES = (
    "Sale/Created", "Sale/QuoteAuthorised", "Sale/OrderAuthorised", "Sale/Voided", "Sale/Backordered",
    "Sale/ShipmentAuthorised", "Sale/InvoiceAuthorised", "Sale/PickAuthorised", "Sale/PackAuthorised",
    "Sale/CreditNoteAuthorised", "Sale/Undo", "Sale/PartialPaymentReceived", "Sale/FullPaymentReceived",
    "Sale/AttachmentAdded", "Sale/AdditionalAttributesChanged", "Sale/ShipmentTrackingNumberChanged",
    "Purchase/Updated",
    "Customer/Updated", "Supplier/Updated", "Product/Updated", STOCK_EVENT,
)  # fmt: skip


def read(ask: Ask) -> dict[str, Any]:
    """GET /webhooks: the bearer token comes back EMPTY, the password in clear."""
    return {"Webhooks": [_show(one) for one in ask.books.webhooks.values()]}


def _show(one: Webhook) -> dict[str, Any]:
    return {
        "ID": one.id, "Type": one.kind, "Name": one.kind, "IsActive": one.active, "ExternalURL": one.url,
        "ExternalAuthorizationType": one.auth, "ExternalUserName": one.user, "ExternalPassword": one.password,
        "ExternalBearerToken": "", "ExternalHeaders": one.headers,
    }  # fmt: skip


def create(ask: Ask) -> dict[str, Any]:
    """POST /webhooks: at most five of a type."""
    kind = str(ask.body.get("Type", ""))
    if kind not in TYPES:
        raise Refusal(f"Webhook type '{kind}' is invalid")
    if sum(1 for one in ask.books.webhooks.values() if one.kind == kind) >= MOST_PER_TYPE:
        raise Refusal(f"You can't have more than {MOST_PER_TYPE} webhooks of the same type")
    return _replace(ask, Webhook(ask.books.guid(), kind, ""))


def change(ask: Ask) -> dict[str, Any]:
    """PUT /webhooks: replaces everything, so a token that is not sent again is wiped."""
    return _replace(ask, _find(ask, str(ask.body.get("ID", ""))))


def _replace(ask: Ask, hook: Webhook) -> dict[str, Any]:
    body = ask.body
    if not body.get("ExternalURL"):
        raise Refusal("Required attribute ExternalURL is not provided.")
    hook.kind = str(body.get("Type", hook.kind))
    hook.url, hook.active = str(body["ExternalURL"]), bool(body.get("IsActive", True))
    hook.auth = str(body.get("ExternalAuthorizationType") or "noauth")
    hook.user, hook.password = str(body.get("ExternalUserName") or ""), str(body.get("ExternalPassword") or "")
    hook.bearer = str(body.get("ExternalBearerToken") or "")
    hook.headers = list(body.get("ExternalHeaders") or [])
    ask.books.webhooks[hook.id] = hook
    return {"Webhooks": [_show(hook)]}


def delete(ask: Ask) -> dict[str, Any]:
    """DELETE /webhooks?ID=."""
    hook = _find(ask, ask.need("ID"))
    del ask.books.webhooks[hook.id]
    return {"Webhooks": []}


def _find(ask: Ask, hook_id: str) -> Webhook:
    hook = ask.books.webhooks.get(hook_id.lower())
    if hook is None:
        raise Refusal(Problem(f"Webhook with ID '{hook_id}' not found", 404))
    return hook


def send_out(world: World) -> None:
    """Start the delivery of everything the last request caused; needs a running loop."""
    books = world.books
    events, books.outbox = books.outbox, []
    changed, books.stock_changed = list(books.stock_changed), {}
    hooks = [one for one in books.webhooks.values() if one.active]
    if changed and any(one.kind == STOCK_EVENT for one in hooks):
        events = [*events, Event(STOCK_EVENT, _stock_body(world, changed))]
    for event in events:
        for hook in hooks:
            if hook.kind == event.kind:
                world.background(_deliver(world, hook, dumps(event.body)))


def _stock_body(world: World, skus: list[str]) -> list[dict[str, Any]]:
    """Return the bare array of the stock event: no wrapper, no EventType."""
    rows = availability_rows(world.books, skus)
    for row in rows:
        row["Category"] = row.pop("_category")
        row["MaxRows"] = len(rows)
    return rows


async def _deliver(world: World, hook: Webhook, body: bytes) -> None:
    """Try once after the delay and again after each wait of the schedule; then deactivate the webhook."""
    waits = [world.settings["webhook_delay"], *world.settings["webhook_retry_seconds"]]
    async with httpx.AsyncClient(timeout=10.0, trust_env=False) as client:
        for wait in waits:
            await asyncio.sleep(float(wait))
            if await _attempt(world, client, hook, body):
                return
    hook.active = False


async def _attempt(world: World, client: httpx.AsyncClient, hook: Webhook, body: bytes) -> bool:
    headers = {"Content-Type": "application/json", **{one["Key"]: one["Value"] for one in hook.headers}}
    if hook.auth == "bearerauth":
        headers["Authorization"] = f"Bearer {hook.bearer}".strip()
    auth = httpx.BasicAuth(hook.user, hook.password) if hook.auth == "basicauth" else httpx.Auth()
    status = 0
    try:
        status = (await client.post(hook.url, content=body, headers=headers, auth=auth)).status_code
    except httpx.HTTPError:
        status = 0
    log = world.extras.setdefault("cin7_deliveries", [])
    log.append({"webhook": hook.id, "type": hook.kind, "url": hook.url, "status": status, "body": body.decode()})
    return 200 <= status < 300
