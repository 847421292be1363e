"""PUT and DELETE /shipment/{id}: the proven way to move an RMA to Received from outside."""

from sandbox.returngo import lifecycle, render
from sandbox.returngo.front_door import Answer, Visit
from sandbox.returngo.records import Rma, Shipment
from sandbox.returngo.refusals import ApiRefusal
from sandbox.returngo.words import SHIPMENT_MOVES

_FIELDS = {
    "carrierName": "carrier",
    "trackingNumber": "tracking_number",
    "trackingURL": "tracking_url",
    "labelURL": "label_url",
}


def write_shipment(visit: Visit) -> Answer:
    """Save fields and move the status by the published table; every write leaves a comment, even an idle one."""
    rma, parcel = _find(visit)
    status = visit.body.get("status", parcel.status)
    if status not in SHIPMENT_MOVES:
        raise ApiRefusal(400, f"Invalid shipment status {status}")
    if status != parcel.status and status not in SHIPMENT_MOVES[parcel.status]:
        raise ApiRefusal(400, f"Invalid status transition from {parcel.status} to {status}")
    for name, attribute in _FIELDS.items():
        if isinstance(visit.body.get(name), str):
            setattr(parcel, attribute, visit.body[name])
    rma.say(visit.now, f"Shipment with ID: {parcel.shipment_id} was updated", by="API")
    if status != parcel.status:
        lifecycle.move_shipment(visit.portal, rma, parcel, str(status), visit.now)
    return Answer(render.shipment(parcel, rma))


def delete_shipment(visit: Visit) -> Answer:
    """Remove a parcel; its units then point at none."""
    rma, parcel = _find(visit)
    rma.shipments.remove(parcel)
    for unit in rma.units:
        if unit.shipment_id == parcel.shipment_id:
            unit.shipment_id = ""
    return Answer({})


def _find(visit: Visit) -> tuple[Rma, Shipment]:
    found = visit.portal.find_shipment(visit.shop, visit.path["shipment_id"])
    if found is None:
        raise ApiRefusal(404, "Shipment not found")
    return found
