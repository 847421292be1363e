"""Refunds, fees and shipping for tests: short words for what ReturnGO and the invoice say beside the items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from consumers.case import Done
from schemas.actions import PostCreditNote
from schemas.money import Money
from schemas.returns import REFUND, STORE_CREDIT, SUCCESS, Transaction
from schemas.sales import Charge, CreditNote, Invoice
from schemas.terms import ChargeRule, Terms
from tests.consumers.builders import VAT, a_line, a_note, an_invoice, done, some_terms

FEE = ChargeRule("Return label fee", "260", VAT)
GOODWILL = ChargeRule("Goodwill", "404", VAT)
FEES: Mapping[str, ChargeRule] = {
    "restocking": ChargeRule("Restocking fee", "260", VAT),
    "return": FEE,
    "shipment": FEE,
    "cancellation": FEE,
}
ADJUSTMENTS: Mapping[str, ChargeRule] = dict.fromkeys(("goodwill", "short_refund", "bonus", "order_refund"), GOODWILL)


def a_refund(amount: str, *units: str, number: str = "t1", currency: str = "GBP", **more: Any) -> Transaction:
    """A successful refund to the payment method; without units it is one of the whole order."""
    money = Money(Decimal(amount), currency)
    row = Transaction(number, REFUND, SUCCESS, money, unit_ids=units, shop_amount=money)
    return replace(row, **more)


def a_credit(amount: str, *units: str, number: str = "t1") -> Transaction:
    """The same as store credit."""
    return a_refund(amount, *units, number=number, kind=STORE_CREDIT)


def money_terms(**more: Any) -> Terms:
    """Every fee and adjustment mapped."""
    return some_terms(**{"fees": FEES, "adjustments": ADJUSTMENTS, **more})


def shipping(gross_net: str = "5", tax: str = "1") -> Charge:
    """Standard shipping of 5.00 and 1.00 tax."""
    net = Money(Decimal(gross_net), "GBP")
    return Charge(
        "Shipping - Standard", Decimal(1), net, Decimal(0), Money(Decimal(tax), "GBP"), net, VAT, account="210"
    )


def with_shipping(*charges: Charge, **line: Any) -> Invoice:
    """INV-1 for tees with its shipping on top."""
    charges = charges or (shipping(),)
    invoice = an_invoice(a_line(**{"tax": "6", **line}))
    net = sum((c.price.amount for c in charges), Decimal(0))
    tax = sum((c.tax.amount for c in charges), Decimal(0))
    return replace(
        invoice,
        charges=charges,
        total_before_tax=invoice.total_before_tax + Money(net, "GBP"),
        tax=invoice.tax + Money(tax, "GBP"),
        total=invoice.total + Money(net + tax, "GBP"),
    )


def posted(note: PostCreditNote, number: str = "CR-1") -> CreditNote:
    """The planned note as Cin7 then shows it on the sale."""
    return replace(
        a_note(*note.lines, memo=note.memo, number=number, invoice_number=note.invoice_number),
        charges=note.charges,
        restock=note.restock,
        total_before_tax=note.net,
        tax=note.tax,
        total=note.gross,
    )


def taken(note: PostCreditNote, number: str = "CR-1", **more: Any) -> Done:
    """The planned note as a confirmed effect of the ledger."""
    return replace(done(*note.units, number=number), key=note.key, gross=note.gross, action=note, **more)
