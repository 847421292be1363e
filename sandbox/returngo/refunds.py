"""Money out: who triggers a refund, what rows it makes, and how it settles hours later."""

from datetime import datetime, timedelta
from decimal import Decimal

from sandbox.returngo.announcements import News
from sandbox.returngo.portal import Portal
from sandbox.returngo.records import Rma, Transaction, Unit
from sandbox.returngo.words import EXTERNAL_REFERENCE_TYPES, PAYMENT_REFUND, STORE_CREDIT


def request_transaction(
    portal: Portal,
    rma: Rma,
    kind: str,
    amount: Decimal,
    unit_ids: list[str],
    now: datetime,
    *,
    settles_after: float | None = None,
    outcome: str | None = None,
    bank: dict[str, str] | None = None,
    processor: str = "Shopify",
) -> Transaction:
    """Open a money movement in state Requested; it settles by itself after `settles_after` seconds of world time."""
    wait = portal.settings.refund_settles if settles_after is None else settles_after
    row = Transaction(
        number=portal.number("transaction"),
        rma_id=rma.rma_id,
        order_id=rma.order_id,
        shop=rma.shop,
        kind=kind,
        amount=rma.rate.money(amount),
        unit_ids=unit_ids,
        created_at=now,
        last_updated=now,
        external_type=EXTERNAL_REFERENCE_TYPES.get(kind, "PlatformRefundId"),
        settles_at=now + timedelta(seconds=wait),
        outcome=outcome or portal.settings.refund_outcome,
        bank=bank,
        processor=processor,
    )
    portal.transactions[row.number] = row
    portal.unsettled.add(row.number)
    portal.tell(rma.shop, News("TRANSACTION_CREATED", rma.rma_id, row.status, transaction_id=row.number))
    if portal.settings.refund_created_when == "requested":
        _tell_refund(portal, rma, row)
    portal.outbox.wake()
    return row


def auto_refund(portal: Portal, rma: Rma, trigger: str, now: datetime) -> list[Transaction]:
    """Refund by policy when `trigger` is the RMA's own; nothing if a refund already went out or was asked for."""
    already = [row for row in portal.transactions_of(rma) if row.status != "Failed"]
    if rma.auto_refund != trigger or already:
        return []
    missing = {unit.returned_item_id for unit in rma.units if unit.inspection and not unit.inspection.returned}
    units = [unit for unit in rma.units if unit.returned_item_id not in missing and not unit.wants_exchange]
    return refund_units(portal, rma, units, now)


def refund_units(portal: Portal, rma: Rma, units: list[Unit], now: datetime) -> list[Transaction]:
    """Ask for the money of these units: one row for the payment method, one row per unit for store credit."""
    paid_back = [unit for unit in units if unit.resolution != STORE_CREDIT]
    rows = []
    if paid_back:
        amount = sum((unit.gross - unit.fees for unit in paid_back), Decimal(0))
        kind = paid_back[0].resolution if paid_back[0].resolution != "" else PAYMENT_REFUND
        ids = [unit.returned_item_id for unit in paid_back]
        rows.append(request_transaction(portal, rma, kind, max(amount, Decimal(0)), ids, now))
    for unit in units:
        if unit.resolution == STORE_CREDIT:
            amount = max(unit.gross - unit.fees, Decimal(0))
            rows.append(request_transaction(portal, rma, STORE_CREDIT, amount, [unit.returned_item_id], now))
    return rows


def settle_due(portal: Portal, now: datetime) -> None:
    """Give every refund whose time has come its outcome. There is no webhook for a transaction's update."""
    waiting = [portal.transactions[number] for number in sorted(portal.unsettled)]
    for row in waiting:
        if row.settles_at is not None and row.settles_at <= now:
            settle(portal, row, row.outcome, now)


def settle(portal: Portal, row: Transaction, status: str, now: datetime, external_id: str = "") -> None:
    """Set a transaction's final status and leave the matching line on the timeline, but not on `lastUpdated`."""
    rma = portal.rmas[row.rma_id]
    row.settles_at, row.status, row.last_updated = None, status, now
    portal.unsettled.discard(row.number)
    if status == "Failed":
        rma.say(now, f"Refund Failed. Platform returned status: FAILURE. RMA: {rma.rma_id}", kind="error")
        return
    if status != "Success":
        return
    row.external_id = external_id or _external_id(portal, row)
    word = "Credited" if row.kind == STORE_CREDIT else "Total refund amount:"
    rma.say(now, f"{word} {row.amount.amount} {row.amount.currency}<br>Transaction ID: {row.number}")
    if portal.settings.refund_created_when == "success":
        _tell_refund(portal, rma, row)
    _close_when_paid(portal, rma)


def _close_when_paid(portal: Portal, rma: Rma) -> None:
    if not portal.settings.auto_done or rma.status not in ("Received", "Validated"):
        return
    balance = sum((unit.gross - unit.fees for unit in rma.units if not unit.wants_exchange), Decimal(0))
    paid = sum((row.amount.amount for row in portal.transactions_of(rma) if row.status == "Success"), Decimal(0))
    if paid >= balance:
        rma.status = "Done"
        portal.tell_status(rma)


def _tell_refund(portal: Portal, rma: Rma, row: Transaction) -> None:
    if row.kind.startswith("RefundTo"):
        portal.tell(rma.shop, News("REFUND_CREATED", rma.rma_id, row.status, transaction_id=row.number))


def _external_id(portal: Portal, row: Transaction) -> str:
    if row.kind == STORE_CREDIT:
        return "".join(portal.luck("code").choices("ABCDEFGHJKLMNPQRSTUVWXYZ23456789", k=16))
    return str(portal.number("refund"))
