"""What is told to ReturnGO: a comment on the return's timeline, or a parcel that is received; each once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from pipeline.calls.failures import CredentialsRejected, NotFound, NotShown, Rejected, WireError
from pipeline.calls.quota import Priority, QuotaUnavailable, QuotaWait
from pipeline.returngo.client import ReturnGo
from schemas.actions import CommentOnReturn, ReceiveShipment
from schemas.effects import Outcome
from schemas.json.fields import SchemaInvalidError
from schemas.returns import RECEIVED, Shipment
from tasks.effects.asking import asking, before_any_byte
from tasks.effects.protocol import Finding, Found, Missing, Unclear

#: Why a second look after a comment may fail; none of it says that the comment is not there.
_NO_LOOK = (WireError, QuotaWait, QuotaUnavailable, CredentialsRejected, SchemaInvalidError)


class CommentProvider:
    """Writes comments, which carry our mark; ReturnGO answers a comment with nothing that can be compared."""

    def __init__(self, returngo: ReturnGo) -> None:
        self._returngo = returngo

    def look_up(self, wanted: CommentOnReturn, progress: Mapping[str, str]) -> Finding:
        """Whether the timeline holds a comment with our mark."""
        with asking():
            there = self._returngo.commented(wanted.rma_id, wanted.marker, priority=Priority.MONEY)
        return Found({}, _said(wanted)) if there else Missing()

    def send(self, wanted: CommentOnReturn, progress: Mapping[str, str]) -> Found:
        """One comment, read back: the name of its field is disputed, and an unknown field may be ignored with a 200."""
        text = wanted.text if wanted.marker in wanted.text else f"{wanted.text} {wanted.marker}"
        with before_any_byte(), _refusals():
            self._returngo.comment(wanted.rma_id, text, priority=Priority.MONEY)
        try:
            there = self._returngo.commented(wanted.rma_id, wanted.marker, priority=Priority.MONEY)
        except _NO_LOOK as failed:
            raise NotShown(f"the comment was taken, but could not be read back: {failed}") from failed
        if not there:
            raise NotShown("the comment was taken, but the timeline does not show it")
        return Found({}, _said(wanted))


class ShipmentProvider:
    """Sets parcels to Received, which lets an automatic refund go (measured by integrators)."""

    def __init__(self, returngo: ReturnGo) -> None:
        self._returngo = returngo

    def look_up(self, wanted: ReceiveShipment, progress: Mapping[str, str]) -> Finding:
        """Whether the parcel is received already, by whomever: a second write would only add a comment."""
        with asking():
            told, _ = self._returngo.return_(wanted.rma_id, priority=Priority.MONEY)
        parcel = next((s for s in told.shipments if s.shipment_id == wanted.shipment_id), None)
        if parcel is None:
            return Unclear(f"RMA {wanted.rma_id} has no parcel {wanted.shipment_id} any more")
        return Found({}, _arrived(parcel)) if parcel.received else Missing()

    def send(self, wanted: ReceiveShipment, progress: Mapping[str, str]) -> Found:
        """One PUT; the parcel in the answer is the read-back."""
        with before_any_byte(), _refusals():
            parcel = self._returngo.set_shipment(wanted.shipment_id, RECEIVED, priority=Priority.MONEY)
        if parcel.shipment_id != wanted.shipment_id or not parcel.received:
            raise NotShown(f"the answer shows parcel {parcel.shipment_id} as {parcel.status or 'nothing'}")
        return Found({}, _arrived(parcel))


@contextmanager
def _refusals() -> Iterator[None]:
    """A write to what is not there was not executed: a refusal like any other."""
    try:
        yield
    except NotFound as gone:
        raise Rejected(404, (gone.why,), gone.body_excerpt) from gone


def _said(action: CommentOnReturn) -> Outcome:
    return Outcome(reference=action.marker)


def _arrived(parcel: Shipment) -> Outcome:
    return Outcome(reference=parcel.shipment_id, details={"shipment_status": parcel.status})
