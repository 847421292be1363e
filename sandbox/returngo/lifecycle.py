"""What people and automations do to an RMA, with the traces each leaves: comments, status, webhooks."""

from datetime import datetime

from sandbox.returngo import exchanges
from sandbox.returngo.announcements import News
from sandbox.returngo.portal import Portal
from sandbox.returngo.records import Inspection, Rma, RmaEvent, Shipment
from sandbox.returngo.refunds import auto_refund
from sandbox.returngo.words import RMA_MOVES

_INSPECTABLE = ("Received", "Validated", "Done")


class NotPossible(Exception):  # noqa: N818 - the caller decides whether it is an error
    """The RMA is not in a state for this step."""


def submit(portal: Portal, rma: Rma, original_order: str | None) -> None:
    """The shopper's request arrives. `original_order` marks the return of an exchange order."""
    now = rma.created_at
    rma.events.append(RmaEvent("RMA_CREATED", now, "Return Portal"))
    tail = f", original order {original_order}" if original_order else ""
    rma.say(now, f"Request SUBMITTED{tail}", by="Customer")
    portal.rmas[rma.rma_id] = rma
    portal.tell(rma.shop, News("RMA_CREATED", rma.rma_id, rma.status))


def approve(portal: Portal, rma: Rma, now: datetime) -> None:
    """Approve: parcel, native Shopify return, exchange draft, and perhaps the refund already."""
    _expect(rma, "approve", "Pending")
    rma.status, rma.last_updated = "Approved", now
    rma.events.append(RmaEvent("RMA_APPROVED", now, "Dashboard"))
    rma.say(now, "Request <strong>APPROVED</strong>", by="Merchant")
    _open_shopify_return(portal, rma, now)
    portal.tell_status(rma)
    _send_label(portal, rma)
    exchanges.open_draft(portal, rma, now)
    auto_refund(portal, rma, "approved", now)


def close(portal: Portal, rma: Rma, status: str, reason: str, now: datetime) -> None:
    """Cancel or reject; neither is final."""
    allowed = ("Pending", "Approved") if status == "Rejected" else ("Pending", "Approved", "Received", "Validated")
    _expect(rma, status.lower(), *allowed)
    if rma.shopify_returns and status == "Canceled":
        rma.say(now, f"Canceled Shopify return {rma.order_name}-R{rma.shopify_returns}")
    rma.status_when_closed, rma.status, rma.last_updated = rma.status, status, now
    tail = f"<br>{reason}" if reason else ""
    rma.say(now, f"Request <strong>{status.upper()}</strong>{tail}", by="Merchant")
    portal.tell_status(rma)


def reopen(portal: Portal, rma: Rma, now: datetime) -> None:
    """Bring a closed request back: same ids, a new Shopify return, and what was received meanwhile counts."""
    _expect(rma, "reopen", "Canceled", "Rejected")
    arrived = any(parcel.status in ("Received", "Validated") for parcel in rma.shipments)
    rma.status = "Received" if arrived else rma.status_when_closed
    rma.last_updated = now
    rma.say(now, "Request <strong>REOPENED</strong>", by="Merchant")
    if rma.status != "Pending":
        _open_shopify_return(portal, rma, now)
    portal.tell_status(rma)


def move_shipment(portal: Portal, rma: Rma, parcel: Shipment, status: str, now: datetime) -> None:
    """Put a parcel into a new status; on Received the RMA follows unless it is closed."""
    parcel.status = status
    if status == "Shipped":
        rma.say(now, "Shipment <strong>IN TRANSIT</strong>")
    if status == "Received":
        rma.say(now, "Shipment <strong>RECEIVED</strong>")
    portal.tell(rma.shop, News("SHIPMENT_STATUS_UPDATED", rma.rma_id, status, shipment_id=parcel.shipment_id))
    if status == "Shipped" and rma.status == "Approved":
        auto_refund(portal, rma, "shipped", now)
    if status == "Received" and rma.status == "Approved":
        _arrive(portal, rma, "Received", now)
    if status == "Validated" and rma.status in ("Approved", "Received"):
        _validate_by_parcel(portal, rma, now)


def receive(portal: Portal, rma: Rma, now: datetime) -> None:
    """The warehouse scans the parcel in; without a parcel only the status moves."""
    _expect(rma, "receive", "Approved", "Canceled")
    inbound = [parcel for parcel in rma.shipments if not parcel.outbound]
    if not inbound:
        _expect(rma, "receive without a parcel", "Approved")
        _arrive(portal, rma, "Received", now)
    for parcel in inbound:
        if parcel.status not in ("Received", "Validated"):
            move_shipment(portal, rma, parcel, "Received", now)


def inspect(portal: Portal, rma: Rma, verdicts: dict[str, Inspection], now: datetime) -> None:
    """Record verdicts per unit; only when every unit has one does anything else happen, and no webhook says so."""
    if not rma.needs_parcel:
        raise NotPossible(f"rma {rma.rma_id}: returns without a shipment are never inspected")
    _expect(rma, "inspect", *_INSPECTABLE)
    for unit in rma.units:
        unit.inspection = verdicts.get(unit.returned_item_id, unit.inspection)
    if any(unit.inspection is None for unit in rma.units):
        return
    if portal.settings.inspection_moves_status and rma.status == "Received":
        rma.status = "Validated"
        portal.tell_status(rma)
    auto_refund(portal, rma, "validated", now)


def finish(portal: Portal, rma: Rma) -> None:
    """Mark as Done; `lastUpdated` does not follow."""
    _expect(rma, "done", "Approved", "Received", "Validated")
    rma.status = "Done"
    portal.tell_status(rma)


def move_status(portal: Portal, rma: Rma, status: str, now: datetime) -> None:
    """The API's status write, by the guessed table. Raises `NotPossible` for a move outside it."""
    if status == rma.status:
        return
    if status not in RMA_MOVES[rma.status]:
        raise NotPossible(f"Invalid status transition from {rma.status} to {status}")
    if status in ("Canceled", "Rejected"):
        close(portal, rma, status, "", now)
    elif rma.status in ("Canceled", "Rejected"):
        reopen(portal, rma, now)
    elif status == "Approved":
        approve(portal, rma, now)
    elif status == "Done":
        finish(portal, rma)
    else:
        _arrive(portal, rma, status, now)


def _arrive(portal: Portal, rma: Rma, status: str, now: datetime) -> None:
    rma.status = status
    portal.tell_status(rma)
    auto_refund(portal, rma, "received" if status == "Received" else "validated", now)


def _validate_by_parcel(portal: Portal, rma: Rma, now: datetime) -> None:
    """Whether this fills in the units' verdicts is unknown, so a setting says."""
    if not portal.settings.shipment_validates_items:
        rma.status = "Validated"
        portal.tell_status(rma)
        return
    if rma.status == "Approved":
        _arrive(portal, rma, "Received", now)
    verdict = Inspection(returned=True, restockable=True, reason="", at=now, by="API")
    inspect(portal, rma, {unit.returned_item_id: verdict for unit in rma.units}, now)


def _send_label(portal: Portal, rma: Rma) -> None:
    if not rma.needs_parcel:
        return
    number = portal.number("shipment")
    parcel = Shipment(str(number), rma.rma_id, "LabelCreated", "DemoPost", f"DP{number}GB")
    parcel.tracking_url = f"https://track.demopost.example/{parcel.tracking_number}"
    parcel.label_url = f"https://labels.portal.example/{number}.pdf"
    rma.shipments.append(parcel)
    for unit in rma.units:
        unit.shipment_id = parcel.shipment_id
    portal.tell(rma.shop, News("SHIPMENT_CREATED", rma.rma_id, parcel.status, shipment_id=parcel.shipment_id))


def _open_shopify_return(portal: Portal, rma: Rma, now: datetime) -> None:
    if portal.settings.shopify_return_fails:
        rma.say(now, f"Failed to create & approve a Shopify Return for order {rma.order_name}", kind="error")
        return
    rma.shopify_returns += 1
    name = f"{rma.order_name}-R{rma.shopify_returns}"
    rma.say(now, f"Created & approved Shopify return {name} for order {rma.order_name}")


def _expect(rma: Rma, step: str, *statuses: str) -> None:
    if rma.status not in statuses:
        raise NotPossible(f"rma {rma.rma_id}: cannot {step} while {rma.status}; it must be {' or '.join(statuses)}")
