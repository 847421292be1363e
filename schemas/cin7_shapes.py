"""The shapes of Cin7 Core's sale documents, field by field. Source: Cin7 blueprint."""

from __future__ import annotations

from decimal import Decimal

from schemas.fields import Currency, Day, Guid, Moment, Number, Part, Rows, Shape, Text, Truth


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
    kind = Text("Type")
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
    status = Text("Status")


class InvoiceShape(DocumentShape):
    """An invoice document."""

    task_id = Guid("TaskID", required=True)
    number = Text("InvoiceNumber")
    status = Text("Status")
    invoiced_on = Day("InvoiceDate")
    rate = Number("CurrencyConversionRate", Decimal(1))
    fulfilment = Number("LinkedFulfillmentNumber", None)


class CreditNoteShape(DocumentShape):
    """A credit note document."""

    task_id = Guid("TaskID", required=True)
    number = Text("CreditNoteNumber")
    invoice_number = Text("CreditNoteInvoiceNumber")
    memo = Text("Memo")
    status = Text("Status")
    noted_on = Day("CreditNoteDate")
    rate = Number("CreditNoteConversionRate", Decimal(1))
    restock = Rows("Restock", StockLineShape())
    restock_status = Text("RestockStatus")
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

    status = Text("Status")
    lines = Rows("Lines", ShipLineShape())


class FulfilmentShape(Shape):
    """A fulfilment of a sale."""

    task_id = Guid("TaskID")
    number = Number("FulfillmentNumber", None)
    invoice_number = Text("LinkedInvoiceNumber")
    status = Text("FulFilmentStatus")
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
    kind = Text("Type", required=True)
    customer_reference = Text("CustomerReference")
    external_id = Text("ExternalID")
    status = Text("Status", required=True)
    currency = Currency("CustomerCurrency", "")
    base_currency = Currency("BaseCurrency", "")
    rate = Number("CurrencyRate", Decimal(1))
    tax_calculation = Text("TaxCalculation", required=True)
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
    kind = Text("Type")
    status = Text("Status")
    order_status = Text("OrderStatus")
    invoice_status = Text("CombinedInvoiceStatus")
    credit_note_status = Text("CreditNoteStatus")
    restock_status = Text("RestockStatus")
    source_channel = Text("SourceChannel")
    currency = Text("CustomerCurrency")
    updated = Moment("Updated")
    invoice_amount = Number("InvoiceAmount")
    invoices_total = Number("SaleInvoicesTotalAmount")
    ordered_on = Day("OrderDate")


class SaleListShape(Shape):
    """A page of the sale list."""

    rows = Rows("SaleList", SaleRowShape(), required=True)
