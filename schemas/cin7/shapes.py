"""The shapes of Cin7 Core's sale documents, field by field. Source: Cin7 blueprint."""

from __future__ import annotations

from decimal import Decimal

from schemas.json.fields import Currency, Day, Guid, Moment, Number, Part, Rows, Shape, Text, Truth, Word
from schemas.sales import (
    FULFILMENT_STATUSES,
    INVOICE_STATUSES,
    NOTE_STATUSES,
    ORDER_STATUSES,
    PAYMENT_KINDS,
    RESTOCK_STATUSES,
    SALE_STATUSES,
    SALE_TYPES,
    SHIP_STATUSES,
)
from schemas.words import Words

#: Cin7 calculates tax in one of two ways; a third word would make every amount a guess.
TAX_CALCULATIONS = Words("Inclusive", "Exclusive")


class LineShape(Shape):
    """A line of an order, invoice or credit note."""

    product_id = Guid("ProductID")
    sku = Text("SKU")
    name = Text("Name")
    quantity = Number("Quantity", required=True)
    price = Number("Price", required=True)
    discount = Number("Discount")
    tax = Number("Tax")
    total = Number("Total", None)
    tax_rule = Text("TaxRule")
    account = Text("Account")
    comment = Text("Comment")
    average_cost = Number("AverageCost")
    drop_ship = Truth("DropShip")
    back_ordered = Number("BackorderQuantity")


class ChargeShape(Shape):
    """An additional charge."""

    description = Text("Description")
    quantity = Number("Quantity", Decimal(1))
    price = Number("Price", required=True)
    discount = Number("Discount")
    tax = Number("Tax")
    total = Number("Total", None)
    tax_rule = Text("TaxRule")
    account = Text("Account")
    comment = Text("Comment")


class StockLineShape(Shape):
    """A picked or restocked line."""

    product_id = Guid("ProductID")
    sku = Text("SKU")
    name = Text("Name")
    quantity = Number("Quantity", required=True)
    location_id = Guid("LocationID")
    location = Text("Location")
    batch = Text("BatchSN")
    expiry = Day("ExpiryDate")
    restock_location_id = Guid("RestockLocationID")
    restock_location = Text("RestockLocation")
    non_inventory = Truth("NonInventory")


class PaymentShape(Shape):
    """A payment or refund."""

    payment_id = Guid("ID")
    task_id = Guid("TaskID")
    kind = Word("Type", PAYMENT_KINDS)
    reference = Text("Reference")
    amount = Number("Amount", required=True)
    paid_on = Day("DatePaid")
    account = Text("Account")
    rate = Number("CurrencyRate", Decimal(1))


class DocumentShape(Shape):
    """What every sale document has."""

    lines = Rows("Lines", LineShape())
    charges = Rows("AdditionalCharges", ChargeShape())
    total_before_tax = Number("TotalBeforeTax", None)
    tax = Number("Tax", None)
    total = Number("Total", None)


class OrderShape(DocumentShape):
    """The order document."""

    sale_id = Guid("SaleID")
    number = Text("SaleOrderNumber")
    memo = Text("Memo")
    status = Word("Status", ORDER_STATUSES)


class InvoiceShape(DocumentShape):
    """An invoice document."""

    task_id = Guid("TaskID", required=True)
    number = Text("InvoiceNumber")
    status = Word("Status", INVOICE_STATUSES)
    invoiced_on = Day("InvoiceDate")
    rate = Number("CurrencyConversionRate", Decimal(1))
    fulfilment = Number("LinkedFulfillmentNumber", None)


class CreditNoteShape(DocumentShape):
    """A credit note document."""

    task_id = Guid("TaskID", required=True)
    number = Text("CreditNoteNumber")
    invoice_number = Text("CreditNoteInvoiceNumber")
    memo = Text("Memo")
    status = Word("Status", NOTE_STATUSES)
    noted_on = Day("CreditNoteDate")
    rate = Number("CreditNoteConversionRate", Decimal(1))
    restock = Rows("Restock", StockLineShape())
    restock_status = Word("RestockStatus", RESTOCK_STATUSES)
    refunds = Rows("Refunds", PaymentShape())
    payments = Rows("Payments", PaymentShape())


class CreditNotesShape(Shape):
    """The credit notes of one sale."""

    notes = Rows("CreditNotes", CreditNoteShape())


class PickShape(Shape):
    """What was picked."""

    lines = Rows("Lines", StockLineShape())


class ShipLineShape(Shape):
    """One parcel of a shipment."""

    shipped = Truth("IsShipped")


class ShipShape(Shape):
    """What was shipped."""

    status = Word("Status", SHIP_STATUSES)
    lines = Rows("Lines", ShipLineShape())


class FulfilmentShape(Shape):
    """A fulfilment of a sale."""

    task_id = Guid("TaskID")
    number = Number("FulfillmentNumber", None)
    invoice_number = Text("LinkedInvoiceNumber")
    status = Word("FulFilmentStatus", FULFILMENT_STATUSES)
    pick = Part("Pick", PickShape())
    ship = Part("Ship", ShipShape())


class MovementShape(Shape):
    """The cost one task moved."""

    task_id = Guid("TaskID")
    product_id = Guid("ProductID")
    cogs = Number("COGS")
    moved_on = Day("Date")


class SaleShape(Shape):
    """A whole sale."""

    sale_id = Guid("ID", required=True)
    kind = Word("Type", SALE_TYPES, required=True)
    customer_reference = Text("CustomerReference")
    external_id = Text("ExternalID")
    status = Word("Status", SALE_STATUSES, required=True)
    currency = Currency("CustomerCurrency", "")
    base_currency = Currency("BaseCurrency", "")
    rate = Number("CurrencyRate", Decimal(1))
    tax_calculation = Word("TaxCalculation", TAX_CALCULATIONS, required=True)
    tax_rule = Text("TaxRule")
    location = Text("Location")
    source_channel = Text("SourceChannel")
    ordered_on = Day("SaleOrderDate")
    modified_at = Moment("LastModifiedOn")
    order = Part("Order", OrderShape())
    fulfilments = Rows("Fulfilments", FulfilmentShape())
    invoices = Rows("Invoices", InvoiceShape())
    notes = Rows("CreditNotes", CreditNoteShape())
    movements = Rows("InventoryMovements", MovementShape())


class SaleRowShape(Shape):
    """A row of the sale list."""

    sale_id = Guid("SaleID", required=True)
    order_number = Text("OrderNumber")
    customer_reference = Text("CustomerReference")
    external_id = Text("ExternalID")
    invoice_number = Text("InvoiceNumber")
    credit_note_number = Text("CreditNoteNumber")
    kind = Word("Type", SALE_TYPES)
    status = Word("Status", SALE_STATUSES)
    order_status = Word("OrderStatus", ORDER_STATUSES)
    invoice_status = Text("CombinedInvoiceStatus")
    credit_note_status = Word("CreditNoteStatus", NOTE_STATUSES)
    restock_status = Word("RestockStatus", RESTOCK_STATUSES)
    source_channel = Text("SourceChannel")
    currency = Text("CustomerCurrency")
    updated = Moment("Updated")
    invoice_amount = Number("InvoiceAmount")
    invoices_total = Number("SaleInvoicesTotalAmount")
    ordered_on = Day("OrderDate")


class SaleListShape(Shape):
    """A page of the sale list."""

    rows = Rows("SaleList", SaleRowShape(), required=True)
