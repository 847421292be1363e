"""The portal's vocabulary, as far as it has been published or measured."""

RMA_STATUSES = ("Pending", "Approved", "Received", "Validated", "Done", "Rejected", "Canceled")

WEBHOOK_EVENTS = (
    "RMA_CREATED",
    "RMA_STATUS_UPDATED",
    "SHIPMENT_CREATED",
    "SHIPMENT_STATUS_UPDATED",
    "SHIPMENT_TRACKER_STATUS_UPDATED",
    "TRANSACTION_CREATED",
    "REFUND_CREATED",
)

SHIPMENT_MOVES: dict[str, tuple[str, ...]] = {
    "Pending": ("LabelCreated", "Shipped", "Received", "Canceled", "Validated"),
    "LabelCreated": ("Shipped", "Received", "Canceled", "Validated"),
    "Shipped": ("Received", "Canceled", "Validated"),
    "Canceled": ("Received", "Validated"),
    "Received": ("Validated",),
    "Validated": (),
}
"""From status to allowed statuses; the same status again is no move at all (public API page)."""

RMA_MOVES: dict[str, tuple[str, ...]] = {
    "Pending": ("Approved", "Rejected", "Canceled"),
    "Approved": ("Received", "Validated", "Done", "Rejected", "Canceled"),
    "Received": ("Validated", "Done", "Canceled"),
    "Validated": ("Done", "Canceled"),
    "Done": (),
    "Rejected": ("Pending", "Approved"),
    "Canceled": ("Pending", "Approved"),
}
"""A guess: the real table of `PUT /rma/{id}/status` is not published."""

TRANSACTION_STATUSES = ("Requested", "Success", "Failed")
PAYMENT_REFUND = "RefundToPaymentMethod"
STORE_CREDIT = "RefundToStoreCredit"
INVOICE_PAYMENT = "InvoicePayment"
EXCHANGE = "InstantVariantExchange"

EXTERNAL_REFERENCE_TYPES = {
    PAYMENT_REFUND: "PlatformRefundId",
    STORE_CREDIT: "StoreCreditCode",
    INVOICE_PAYMENT: "InvoicePaymentId",
}

NO_SHIPMENT = "No shipment required"
ANY_CARRIER = "Ship with any carrier"
REFUND_TRIGGERS = ("approved", "shipped", "received", "validated")
