"""Exchange drafts: opened on approval, named after the draft, and real orders only after release."""

from datetime import datetime
from decimal import Decimal

from sandbox.returngo.portal import Portal
from sandbox.returngo.records import ExchangeOrder, Rma
from sandbox.returngo.refunds import request_transaction
from sandbox.returngo.words import INVOICE_PAYMENT


def open_draft(portal: Portal, rma: Rma, now: datetime) -> None:
    """Create the draft order when any unit, or the RMA, is to be exchanged. Drafts hold no stock."""
    wanted = [unit for unit in rma.units if unit.wants_exchange]
    if not (wanted or rma.exchange_items) or rma.exchange_orders:
        return
    number = portal.number("draft")
    rma.exchange_orders.append(ExchangeOrder(str(portal.number("order")), f"#D{number}"))
    owed = price_difference(rma)
    if owed > 0:
        text = f"Exchange invoice sent for draft order #D{number} with {owed} {rma.rate.currency} left to pay"
        rma.say(now, text)


def price_difference(rma: Rma) -> Decimal:
    """What the shopper still owes for dearer goods (positive) or gets back (negative), in presentment currency."""
    wanted = [unit for unit in rma.units if unit.wants_exchange]
    items = [item for unit in wanted for item in unit.exchange_items] + rma.exchange_items
    price = sum((item.effective_price.amount * item.quantity for item in items), Decimal(0))
    return price - sum((unit.gross for unit in wanted), Decimal(0))


def release(portal: Portal, rma: Rma, order_name: str, now: datetime) -> ExchangeOrder | None:
    """Turn the draft into a real order named `order_name`; a dearer one is paid first. No webhook tells."""
    draft = next((each for each in rma.exchange_orders if not each.order_id), None)
    if draft is None:
        return None
    draft.order_id, draft.order_name = str(portal.number("order")), order_name
    owed = price_difference(rma)
    if owed > 0:
        request_transaction(portal, rma, INVOICE_PAYMENT, owed, [], now, settles_after=0, outcome="Success")
    return draft
