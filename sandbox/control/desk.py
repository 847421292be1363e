"""The control desk: builds the practice world's state, turns its dials and shows its books (the tests' oracle).

Money and quantities are JSON strings here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from sandbox.books import building, crediting, selling, tenant
from sandbox.books.ledger import Books, Refused
from sandbox.books.sales import CreditNote, Sale
from sandbox.cin7 import webhooks
from sandbox.control import views
from sandbox.world import World

Action = Callable[[World, Request, dict[str, Any]], Any]


def routes(world: World) -> list[BaseRoute]:
    """Return the routes under /control."""
    table: list[tuple[str, str, Action]] = [
        ("POST", "/tenant", set_up_tenant),
        ("POST", "/reset", reset),
        ("POST", "/sales", build_sale),
        ("POST", "/sales/{id}/authorise-invoice", authorise_invoice),
        ("POST", "/sales/{id}/authorise-order", authorise_order),
        ("POST", "/sales/{id}/pay", pay),
        ("POST", "/sales/{id}/convert-to-advanced", convert),
        ("POST", "/sales/{id}/void", void_sale),
        ("POST", "/sales/{id}/delete", delete_sale),
        ("POST", "/sales/{id}/import-again", import_again),
        ("POST", "/sales/{id}/rename", rename_sale),
        ("POST", "/sales/{id}/touch", touch_sale),
        ("POST", "/sales/{id}/foreign-credit-note", foreign_note),
        ("POST", "/credit-notes/{task}/edit", edit_note),
        ("POST", "/credit-notes/stand-alone", stand_alone_note),
        ("POST", "/credit-notes/{task}/authorise", authorise_note),
        ("POST", "/credit-notes/{task}/void", void_note),
        ("POST", "/credit-notes/{task}/undo", undo_note),
        ("POST", "/credit-notes/{task}/delete", delete_note),
        ("POST", "/credit-notes/{task}/authorise-restock", authorise_restock),
        ("POST", "/stock", add_stock),
        ("GET", "/clock", read_clock),
        ("POST", "/clock", move_clock),
        ("GET", "/faults", read_faults),
        ("POST", "/faults", add_fault),
        ("DELETE", "/faults", remove_faults),
        ("GET", "/settings", read_settings),
        ("PATCH", "/settings", change_settings),
        ("GET", "/calls", read_calls),
        ("DELETE", "/calls", clear_calls),
        ("GET", "/books", read_books),
        ("GET", "/stock", read_stock),
        ("GET", "/trial-balance", read_trial_balance),
        ("GET", "/deliveries", read_deliveries),
    ]
    return [Route(path, _endpoint(world, action), methods=[method]) for method, path, action in table]


def _endpoint(world: World, action: Action) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> JSONResponse:
        raw = await request.body()
        try:
            answer = action(world, request, json.loads(raw) if raw else {})
        except (Refused, ValueError, TypeError, KeyError, LookupError) as wrong:
            return JSONResponse({"error": f"{type(wrong).__name__}: {wrong}"}, 400)
        webhooks.send_out(world)
        return JSONResponse(views.plain(answer))

    return endpoint


def _sale(world: World, request: Request) -> Sale:
    sale = world.books.sale(request.path_params["id"])
    if sale is None:
        raise Refused(f"no sale {request.path_params['id']}; use the sale_id that POST /control/sales gave")
    return sale


def _note(world: World, request: Request) -> tuple[Sale, CreditNote]:
    task = request.path_params["task"]
    sale = world.books.sale_of_task(task)
    note = sale.note_of(task) if sale else None
    if sale is None or note is None:
        raise Refused(f"no credit note with task {task}; GET /control/books lists them")
    return sale, note


def set_up_tenant(world: World, request: Request, body: dict[str, Any]) -> Any:
    """POST /control/tenant: {"default": true} starts new books; anything else adds to the present ones."""
    if body.pop("default", False):
        world.books = Books(world.seed, world.settings)
        tenant.set_up(world.books, tenant.default_tenant())
    tenant.set_up(world.books, body)
    return views.tenant(world.books)


def reset(world: World, request: Request, body: dict[str, Any]) -> Any:
    """POST /control/reset: everything back to the start, with the default tenant unless {"default": false}."""
    world.reset()
    return set_up_tenant(world, request, {"default": body.get("default", True)})


def build_sale(world: World, request: Request, body: dict[str, Any]) -> Any:
    """POST /control/sales: a finished sale through the books."""
    return views.sale(world.books, building.build_sale(world.books, body, world.clock.now()))


def authorise_invoice(world: World, request: Request, body: dict[str, Any]) -> Any:
    """POST /control/sales/{id}/authorise-invoice: every draft invoice of the sale."""
    sale = _sale(world, request)
    for invoice in sale.invoices:
        if invoice.status == "DRAFT":
            selling.authorise_invoice(world.books, sale, invoice, world.clock.now())
    return views.sale(world.books, sale)


def authorise_order(world: World, request: Request, body: dict[str, Any]) -> Any:
    """POST /control/sales/{id}/authorise-order: by hand in the tenant's UI."""
    sale = _sale(world, request)
    if sale.order_status != "DRAFT":
        raise Refused(f"order is {sale.order_status}; only a DRAFT order can be authorised")
    selling.authorise_order(world.books, sale, world.clock.now())
    return views.sale(world.books, sale)


def pay(world: World, request: Request, body: dict[str, Any]) -> Any:
    """POST /control/sales/{id}/pay: every authorised invoice in full."""
    sale = _sale(world, request)
    for invoice in sale.invoices:
        if invoice.status == "AUTHORISED":
            building.pay_in_full(world.books, sale, invoice, body.get("account", "712"), world.clock.now())
    return views.sale(world.books, sale)


def convert(world: World, request: Request, body: dict[str, Any]) -> Any:
    """POST /control/sales/{id}/convert-to-advanced."""
    sale = _sale(world, request)
    building.convert_to_advanced(world.books, sale, world.clock.now())
    return views.sale(world.books, sale)


def void_sale(world: World, request: Request, body: dict[str, Any]) -> Any:
    """POST /control/sales/{id}/void."""
    sale = _sale(world, request)
    selling.void_sale(world.books, sale, world.clock.now())
    return views.sale(world.books, sale)


def delete_sale(world: World, request: Request, body: dict[str, Any]) -> Any:
    """POST /control/sales/{id}/delete: voided first, then gone from every list."""
    sale = _sale(world, request)
    if not sale.voided:
        selling.void_sale(world.books, sale, world.clock.now())
    del world.books.sales[sale.id]
    return {"deleted": sale.id}


def import_again(world: World, request: Request, body: dict[str, Any]) -> Any:
    """POST /control/sales/{id}/import-again: the shop's channel makes the order of a voided sale anew, under the same
    names; `body` as for POST /control/sales where it differs (e.g. invoice_status)."""
    sale = _sale(world, request)
    if not sale.voided:
        raise Refused(f"sale {sale.number} is not voided; a channel imports an order again only then")
    again = building.build_sale(world.books, building.order_of(world.books, sale) | body, world.clock.now())
    return views.sale(world.books, again)


def rename_sale(world: World, request: Request, body: dict[str, Any]) -> Any:
    """POST /control/sales/{id}/rename: a person changes customer_reference or external_id."""
    sale = _sale(world, request)
    sale.reference = str(body.get("customer_reference", sale.reference))
    sale.external_id = body.get("external_id", sale.external_id)
    world.books.touch(sale, world.clock.now())
    return views.sale(world.books, sale)


def touch_sale(world: World, request: Request, body: dict[str, Any]) -> Any:
    """POST /control/sales/{id}/touch: Updated moves without any change ({"all": true}: every sale, one millisecond)."""
    now = world.clock.now()
    for sale in world.books.sales.values() if body.get("all") else [_sale(world, request)]:
        world.books.touch(sale, now)
    return {"touched": now.isoformat()}


def foreign_note(world: World, request: Request, body: dict[str, Any]) -> Any:
    """POST /control/sales/{id}/foreign-credit-note: as the tenant's own Shopify channel makes it."""
    sale = _sale(world, request)
    note = building.foreign_credit_note(world.books, sale, body, world.clock.now())
    return views.note(world.books, sale, note)


def edit_note(world: World, request: Request, body: dict[str, Any]) -> Any:
    """POST /control/credit-notes/{task}/edit: a person changes memo, date or a line's quantity, price or tax rule."""
    sale, note = _note(world, request)
    views.edit(world.books, sale, note, body, world.clock.now())
    return views.note(world.books, sale, note)


def authorise_note(world: World, request: Request, body: dict[str, Any]) -> Any:
    """POST /control/credit-notes/{task}/authorise: a person authorises a draft in the tenant's UI."""
    sale, note = _note(world, request)
    if note.status != "DRAFT":
        raise Refused(f"note is {note.status}; only a DRAFT can be authorised")
    crediting.authorise_note(world.books, sale, note, world.clock.now())
    return views.note(world.books, sale, note)


def stand_alone_note(world: World, request: Request, body: dict[str, Any]) -> Any:
    """POST /control/credit-notes/stand-alone: a note without a sale, made in the UI; shows in the note list only."""
    books, now = world.books, world.clock.now()
    sale_id, number = books.guid(), books.number("CR")
    books.stand_alone[sale_id] = (number, str(body.get("status", "AUTHORISED")), now)
    return {"sale_id": sale_id, "number": number}


def void_note(world: World, request: Request, body: dict[str, Any]) -> Any:
    """POST /control/credit-notes/{task}/void."""
    sale, note = _note(world, request)
    crediting.unwind_note(world.books, sale, note, world.clock.now(), void=True)
    return views.note(world.books, sale, note)


def undo_note(world: World, request: Request, body: dict[str, Any]) -> Any:
    """POST /control/credit-notes/{task}/undo: back to DRAFT."""
    sale, note = _note(world, request)
    crediting.unwind_note(world.books, sale, note, world.clock.now(), void=False)
    return views.note(world.books, sale, note)


def delete_note(world: World, request: Request, body: dict[str, Any]) -> Any:
    """POST /control/credit-notes/{task}/delete: a draft goes, and its task with it."""
    sale, note = _note(world, request)
    if note.status != "DRAFT":
        raise Refused(f"note is {note.status}; only a DRAFT can be deleted")
    sale.notes.remove(note)
    world.books.touch(sale, world.clock.now())
    return {"deleted": note.task_id}


def authorise_restock(world: World, request: Request, body: dict[str, Any]) -> Any:
    """POST /control/credit-notes/{task}/authorise-restock: the extra step when restock_posts is manual."""
    sale, note = _note(world, request)
    if note.status != "AUTHORISED" or note.restock_status == "AUTHORISED":
        raise Refused(f"note is {note.status}, restock {note.restock_status}; only an open restock can be authorised")
    crediting.post_restock(world.books, sale, note)
    world.books.touch(sale, world.clock.now())
    return views.note(world.books, sale, note)


def add_stock(world: World, request: Request, body: dict[str, Any]) -> Any:
    """POST /control/stock: a receipt {sku, quantity, cost, location, bin, batch, expiry, day}."""
    product = world.books.catalogue.product(sku=body["sku"])
    if product is None:
        raise Refused(f"no product {body['sku']}; add it with POST /control/tenant first")
    tenant.open_stock(world.books, product, body)
    return views.stock(world.books)


def read_clock(world: World, request: Request, body: dict[str, Any]) -> Any:
    """GET /control/clock."""
    return {"now": world.clock.now()}


def move_clock(world: World, request: Request, body: dict[str, Any]) -> Any:
    """POST /control/clock: {"advance_seconds": n} or {"now": iso}."""
    if "now" in body:
        world.clock.set_now(datetime.fromisoformat(body["now"]))
    else:
        world.clock.advance(str(body["advance_seconds"]))
    return read_clock(world, request, body)


def read_faults(world: World, request: Request, body: dict[str, Any]) -> Any:
    """GET /control/faults: the rules with their counters."""
    return [rule.row() for rule in world.faults.rules]


def add_fault(world: World, request: Request, body: dict[str, Any]) -> Any:
    """POST /control/faults: one rule."""
    return world.faults.add(**body).row()


def remove_faults(world: World, request: Request, body: dict[str, Any]) -> Any:
    """DELETE /control/faults: all, or ?id=n."""
    chosen = request.query_params.get("id")
    world.faults.remove(int(chosen) if chosen else None)
    return read_faults(world, request, body)


def read_settings(world: World, request: Request, body: dict[str, Any]) -> Any:
    """GET /control/settings."""
    return world.settings.as_dict()


def change_settings(world: World, request: Request, body: dict[str, Any]) -> Any:
    """PATCH /control/settings; lock_date (ISO or null) belongs to the tenant and is taken here too."""
    if "lock_date" in body:
        raw = body.pop("lock_date")
        world.books.tenant.lock_date = views.day(raw) if raw else None
    world.settings.patch(body)
    return world.settings.as_dict()


def read_calls(world: World, request: Request, body: dict[str, Any]) -> Any:
    """GET /control/calls?system=&method=&path=&after=seq."""
    query = request.query_params
    rows = world.calls.rows(system=query.get("system"), method=query.get("method"), path=query.get("path"))
    return [row for row in rows if row["seq"] > int(query.get("after", "0"))]


def clear_calls(world: World, request: Request, body: dict[str, Any]) -> Any:
    """DELETE /control/calls."""
    world.calls.clear()
    return []


def read_books(world: World, request: Request, body: dict[str, Any]) -> Any:
    """GET /control/books: every document, totals per tax rule and currency, and the invariants checked."""
    world.books.check()
    return views.books(world.books)


def read_stock(world: World, request: Request, body: dict[str, Any]) -> Any:
    """GET /control/stock?sku=."""
    return views.stock(world.books, request.query_params.get("sku"))


def read_trial_balance(world: World, request: Request, body: dict[str, Any]) -> Any:
    """GET /control/trial-balance: per account in base currency; they add up to zero."""
    return world.books.journal.trial_balance()


def read_deliveries(world: World, request: Request, body: dict[str, Any]) -> Any:
    """GET /control/deliveries: each webhook attempt of the practice Cin7."""
    return world.extras.get("cin7_deliveries", [])
