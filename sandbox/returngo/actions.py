"""What the person at the controls can do to an RMA, one function per button."""

from collections.abc import Callable
from datetime import datetime

from sandbox.returngo import exchanges, lifecycle
from sandbox.returngo.announcements import News
from sandbox.returngo.build import build_units
from sandbox.returngo.form import Form
from sandbox.returngo.portal import Portal
from sandbox.returngo.records import Inspection, Rma, Transaction
from sandbox.returngo.refunds import refund_units, request_transaction
from sandbox.returngo.refusals import ControlRefusal
from sandbox.returngo.words import PAYMENT_REFUND

Action = Callable[[Portal, Rma, Form, datetime], dict[str, object]]


def approve(portal: Portal, rma: Rma, form: Form, now: datetime) -> dict[str, object]:
    """Approve the request."""
    lifecycle.approve(portal, rma, now)
    return {}


def ship(portal: Portal, rma: Rma, form: Form, now: datetime) -> dict[str, object]:
    """The shopper hands the parcel over."""
    moved = [parcel for parcel in rma.shipments if parcel.status in ("Pending", "LabelCreated")]
    for parcel in moved:
        lifecycle.move_shipment(portal, rma, parcel, "Shipped", now)
        tracked = News("SHIPMENT_TRACKER_STATUS_UPDATED", rma.rma_id, "InTransit", shipment_id=parcel.shipment_id)
        portal.tell(rma.shop, tracked)
    return {"moved": [parcel.shipment_id for parcel in moved]}


def receive(portal: Portal, rma: Rma, form: Form, now: datetime) -> dict[str, object]:
    """The parcel arrives, also while the request is canceled."""
    lifecycle.receive(portal, rma, now)
    return {}


def inspect(portal: Portal, rma: Rma, form: Form, now: datetime) -> dict[str, object]:
    """Record verdicts: {returned_item_id: {returned, restockable, reason}}; units left out stay unknown."""
    verdicts = {}
    for unit in rma.units:
        if not form.has(unit.returned_item_id):
            continue
        verdict = Form(form.raw(unit.returned_item_id), unit.returned_item_id)
        returned = verdict.flag("returned", default=True)
        restockable = verdict.flag("restockable", default=True) and returned
        verdicts[unit.returned_item_id] = Inspection(
            returned, restockable, verdict.text("reason", ""), now, "Warehouse"
        )
    _known(form.names(), [unit.returned_item_id for unit in rma.units])
    lifecycle.inspect(portal, rma, verdicts, now)
    return {"inspected": sorted(verdicts)}


def refund(portal: Portal, rma: Rma, form: Form, now: datetime) -> dict[str, object]:
    """Refund units (`returned_item_ids`, default all for money), or any `amount`; `order_level` names no units. `type`
    and `outcome` may be any word; one that settles in years stays Requested."""
    chosen = form.texts("returned_item_ids")
    _known(chosen, [unit.returned_item_id for unit in rma.units])
    units = [unit for unit in rma.units if unit.returned_item_id in chosen or (not chosen and not unit.wants_exchange)]
    if not (form.has("amount") or form.has("type") or form.has("outcome") or form.has("settles_after")):
        return {"transaction_ids": _numbers(refund_units(portal, rma, units, now))}
    ids = [] if form.flag("order_level", default=False) else [unit.returned_item_id for unit in units]
    full = sum(unit.gross - unit.fees for unit in units)
    row = request_transaction(
        portal,
        rma,
        form.text("type", units[0].resolution if units else PAYMENT_REFUND),
        form.decimal("amount", str(full)),
        ids,
        now,
        settles_after=float(form.decimal("settles_after")) if form.has("settles_after") else None,
        outcome=form.text("outcome") if form.has("outcome") else None,
        processor=form.text("processor", "Shopify"),
    )
    return {"transaction_ids": _numbers([row])}


def cancel(portal: Portal, rma: Rma, form: Form, now: datetime) -> dict[str, object]:
    """Cancel; the Shopify return is voided."""
    lifecycle.close(portal, rma, "Canceled", form.text("reason", ""), now)
    return {}


def reject(portal: Portal, rma: Rma, form: Form, now: datetime) -> dict[str, object]:
    """Reject."""
    lifecycle.close(portal, rma, "Rejected", form.text("reason", ""), now)
    return {}


def reopen(portal: Portal, rma: Rma, form: Form, now: datetime) -> dict[str, object]:
    """Reopen with the same ids."""
    lifecycle.reopen(portal, rma, now)
    return {}


def done(portal: Portal, rma: Rma, form: Form, now: datetime) -> dict[str, object]:
    """Mark as Done."""
    lifecycle.finish(portal, rma)
    return {}


def add_unit(portal: Portal, rma: Rma, form: Form, now: datetime) -> dict[str, object]:
    """Add a unit to an open request, in the same fields as when it was built."""
    units = build_units(portal, rma, form)
    rma.units += units
    return {"returned_item_ids": [unit.returned_item_id for unit in units]}


def release_exchange(portal: Portal, rma: Rma, form: Form, now: datetime) -> dict[str, object]:
    """Turn the draft into a real order named `order_name`."""
    order = exchanges.release(portal, rma, form.text("order_name", f"{rma.order_name}-X"), now)
    if order is None:
        raise ControlRefusal(f"rma {rma.rma_id}: has no unreleased exchange draft", 409)
    return {"order_id": order.order_id, "order_name": order.order_name, "draft_order_id": order.draft_order_id}


def comment(portal: Portal, rma: Rma, form: Form, now: datetime) -> dict[str, object]:
    """Write a line on the timeline by hand; `kind` is system, merchant or error."""
    rma.say(
        now, form.text("html"), kind=form.choice("kind", ("system", "merchant", "error"), "merchant"), by="Merchant"
    )
    return {}


ACTIONS: dict[str, Action] = {
    "approve": approve,
    "ship": ship,
    "receive": receive,
    "inspect": inspect,
    "refund": refund,
    "cancel": cancel,
    "reject": reject,
    "reopen": reopen,
    "done": done,
    "add-unit": add_unit,
    "release-exchange": release_exchange,
    "comment": comment,
}


def _known(named: list[str], units: list[str]) -> None:
    strangers = sorted(set(named) - set(units))
    if strangers:
        raise ControlRefusal(f"{strangers[0]}: no such unit; this RMA has {', '.join(units)}")


def _numbers(rows: list[Transaction]) -> list[int]:
    return [row.number for row in rows]
