"""The practice world's ReturnGO: an RMA portal over HTTP with the quirks integrators have measured."""

from typing import TYPE_CHECKING

from starlette.routing import Route

from sandbox.returngo.api.rmas import add_comment, list_rmas, read_rma, write_status
from sandbox.returngo.api.shipments import delete_shipment, write_shipment
from sandbox.returngo.api.transactions import list_transactions, write_transaction
from sandbox.returngo.api.webhooks import create_webhook, delete_webhook, list_webhooks, update_webhook
from sandbox.returngo.control import control_routes
from sandbox.returngo.front_door import Work, guarded, nowhere

if TYPE_CHECKING:
    from sandbox.world import World

__all__ = ["control_routes", "routes"]

_OPERATIONS: tuple[tuple[str, str, Work], ...] = (
    ("GET", "/rmas", list_rmas),
    ("GET", "/rma/{rma_id}", read_rma),
    ("POST", "/rma/{rma_id}/comment", add_comment),
    ("PUT", "/rma/{rma_id}/status", write_status),
    ("PUT", "/shipment/{shipment_id}", write_shipment),
    ("DELETE", "/shipment/{shipment_id}", delete_shipment),
    ("GET", "/webhooks", list_webhooks),
    ("POST", "/webhook", create_webhook),
    ("PUT", "/webhook/{webhook_id}", update_webhook),
    ("DELETE", "/webhook/{webhook_id}", delete_webhook),
    ("GET", "/transactions", list_transactions),
    ("PUT", "/transaction/{transaction_id}", write_transaction),
)
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def routes(world: "World") -> list[Route]:
    """The API to mount under `/returngo`; anything else meets the gateway's 403."""
    known = [Route(path, guarded(world, work), methods=[method]) for method, path, work in _OPERATIONS]
    return [*known, Route("/{anything:path}", nowhere(world), methods=_METHODS)]
