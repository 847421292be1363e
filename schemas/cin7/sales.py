"""Cin7 Core's sale documents as values: sales, list rows, orders, credit notes, payments.

Source: Cin7 blueprint and live payloads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from schemas.cin7.bodies import (
    credit_note_body,
    order_body,
    payment_body,
)
from schemas.cin7.reference import (
    read_accounts,
    read_locations,
    read_products,
    read_tax_rules,
    read_tenant,
    read_webhooks,
)
from schemas.cin7.shapes import TAX_CALCULATIONS, CreditNotesShape, OrderShape, PaymentShape, SaleListShape, SaleShape
from schemas.cin7.stock import read_availability, read_journal, read_stock_document, read_stock_documents
from schemas.json.fields import SchemaInvalidError, dumps, load, load_rows
from schemas.misfits import load_list
from schemas.money import Money, total, zero
from schemas.sales import (
    AUTHORISED,
    Charge,
    CreditNote,
    DocumentLine,
    Fulfilment,
    Invoice,
    Movement,
    Payment,
    Sale,
    SaleRow,
    StockLine,
)

__all__ = [
    "Order",
    "SchemaInvalidError",
    "credit_note_body",
    "dumps",
    "order_body",
    "payment_body",
    "read_accounts",
    "read_availability",
    "read_credit_notes",
    "read_journal",
    "read_locations",
    "read_order",
    "read_payment",
    "read_payments",
    "read_products",
    "read_sale",
    "read_sale_rows",
    "read_stock_document",
    "read_stock_documents",
    "read_tax_rules",
    "read_tenant",
    "read_webhooks",
]

_HUNDRED = Decimal(100)


_SALE, _SALE_LIST, _NOTES = SaleShape(), SaleListShape(), CreditNotesShape()
_PAYMENT, _ORDER = PaymentShape(), OrderShape()


@dataclass(frozen=True, slots=True)
class Order:
    """The order document of a sale, complete enough to be sent back whole."""

    sale_id: str
    number: str
    status: str
    memo: str
    lines: tuple[DocumentLine, ...]
    charges: tuple[Charge, ...]
    total: Money


@dataclass(frozen=True, slots=True)
class _Terms:
    """How the amounts of one sale are to be read."""

    currency: str
    tax_inclusive: bool


def read_sale(data: Mapping[str, Any]) -> Sale:
    """One sale with all its documents. Unknown statuses and types are kept as text. Raises SchemaInvalidError."""
    raw = load(_SALE, data, "the sale")
    terms = _Terms(_currency(raw), _tax_inclusive(raw["tax_calculation"]))
    order = raw["order"] or {"lines": [], "charges": [], "total_before_tax": None, "tax": None, "total": None}
    return Sale(
        sale_id=raw["sale_id"],
        kind=raw["kind"],
        order_number=order.get("number", ""),
        customer_reference=raw["customer_reference"],
        external_id=raw["external_id"],
        status=raw["status"],
        order_status=order.get("status", ""),
        currency=terms.currency,
        base_currency=raw["base_currency"] or terms.currency,
        rate=raw["rate"],
        tax_inclusive=terms.tax_inclusive,
        tax_rule=raw["tax_rule"],
        location=raw["location"],
        source_channel=raw["source_channel"],
        order_lines=_lines(order, terms),
        order_charges=_charges(order, terms),
        order_total=_totals(order, terms)[2],
        fulfilments=tuple(map(_fulfilment, raw["fulfilments"])),
        invoices=tuple(_invoice(row, terms) for row in raw["invoices"]),
        credit_notes=tuple(_credit_note(row, terms) for row in raw["notes"]),
        movements=tuple(Movement(**row) for row in raw["movements"]),
        ordered_on=raw["ordered_on"],
        modified_at=raw["modified_at"],
        order_memo=order.get("memo", ""),
    )


def _tax_inclusive(word: str) -> bool:
    if word not in TAX_CALCULATIONS:
        raise SchemaInvalidError({"TaxCalculation": f"{word[:40]!r} is not known; send Inclusive or Exclusive"})
    return word == "Inclusive"


def _currency(raw: dict[str, Any]) -> str:
    found = raw["currency"] or raw["base_currency"]
    if not found:
        raise SchemaInvalidError({"CustomerCurrency": "missing; send a three-letter currency code such as GBP"})
    return str(found)


#: What both lists of sales are called where a row of them is told of.
SALE_LIST = "the sale list"


def read_sale_rows(data: Mapping[str, Any], *, whole: bool = False) -> list[SaleRow]:
    """The rows of one page of the sale list or the credit-note list (both SaleList). Raises SchemaInvalidError.

    A poll goes on without the rows that do not fit; with `whole` nobody does.
    """
    if whole:
        return [SaleRow(**row) for row in load(_SALE_LIST, data, SALE_LIST)["rows"]]
    return [SaleRow(**row) for row in load_list(_SALE_LIST, data, SALE_LIST, "SaleList")["rows"]]


def read_credit_notes(data: Mapping[str, Any], currency: str, *, tax_inclusive: bool = False) -> tuple[CreditNote, ...]:
    """The credit notes of one sale, placeholders included.

    This answer carries no document totals (Cin7 blueprint): they are added up from the lines, which needs to know
    whether the sale's prices include tax. Raises SchemaInvalidError.
    """
    terms = _Terms(currency, tax_inclusive)
    return tuple(_credit_note(row, terms) for row in load(_NOTES, data, "the credit notes")["notes"])


def read_payments(data: Any, currency: str) -> tuple[Payment, ...]:
    """The payments and refunds of one sale: a bare list (Cin7 blueprint). Raises SchemaInvalidError."""
    return tuple(_payment(row, currency) for row in load_rows(_PAYMENT, data, "the payments"))


def read_payment(data: Any, currency: str) -> Payment:
    """One payment as its POST answers it. Raises SchemaInvalidError."""
    return _payment(load(_PAYMENT, data, "the payment"), currency)


def read_order(data: Mapping[str, Any], currency: str, *, tax_inclusive: bool = False) -> Order:
    """The order document of one sale. Raises SchemaInvalidError."""
    raw = load(_ORDER, data, "the order")
    terms = _Terms(currency, tax_inclusive)
    return Order(
        sale_id=raw["sale_id"],
        number=raw["number"],
        status=raw["status"],
        memo=raw["memo"],
        lines=_lines(raw, terms),
        charges=_charges(raw, terms),
        total=_totals(raw, terms)[2],
    )


def _plain(row: dict[str, Any]) -> Decimal:
    """Quantity x price less discount: what a line's Total means where Cin7 leaves it out."""
    amount: Decimal = row["quantity"] * row["price"] * (_HUNDRED - row["discount"]) / _HUNDRED
    return amount


def _amounts(row: dict[str, Any], terms: _Terms) -> dict[str, Any]:
    total_ = _plain(row) if row["total"] is None else row["total"]
    money = {"price": row["price"], "tax": row["tax"], "total": total_}
    return row | {name: Money(amount, terms.currency) for name, amount in money.items()}


def _lines(raw: dict[str, Any], terms: _Terms) -> tuple[DocumentLine, ...]:
    return tuple(DocumentLine(**_amounts(row, terms)) for row in raw["lines"])


def _charges(raw: dict[str, Any], terms: _Terms) -> tuple[Charge, ...]:
    return tuple(Charge(**_amounts(row, terms)) for row in raw["charges"])


def _totals(raw: dict[str, Any], terms: _Terms) -> tuple[Money, Money, Money]:
    """Net, tax and gross of a document, as told or else added up."""
    rows = raw["lines"] + raw["charges"]
    plain = total((Money(_plain(row), terms.currency) for row in rows), terms.currency)
    tax = total((Money(row["tax"], terms.currency) for row in rows), terms.currency)
    if raw["tax"] is not None:
        tax = Money(raw["tax"], terms.currency)
    net, gross = (plain - tax, plain) if terms.tax_inclusive else (plain, plain + tax)
    if raw["total_before_tax"] is not None:
        net = Money(raw["total_before_tax"], terms.currency)
    if raw["total"] is not None:
        gross = Money(raw["total"], terms.currency)
    return net, tax, gross


def _invoice(raw: dict[str, Any], terms: _Terms) -> Invoice:
    net, tax, gross = _totals(raw, terms)
    return Invoice(
        task_id=raw["task_id"],
        number=raw["number"],
        status=raw["status"],
        invoiced_on=raw["invoiced_on"],
        rate=raw["rate"],
        lines=_lines(raw, terms),
        charges=_charges(raw, terms),
        total_before_tax=net,
        tax=tax,
        total=gross,
        fulfilment=None if raw["fulfilment"] is None else int(raw["fulfilment"]),
    )


def _credit_note(raw: dict[str, Any], terms: _Terms) -> CreditNote:
    net, tax, gross = _totals(raw, terms) if raw["lines"] or raw["charges"] else (zero(terms.currency),) * 3
    return CreditNote(
        task_id=raw["task_id"],
        number=raw["number"],
        invoice_number=raw["invoice_number"],
        memo=raw["memo"],
        status=raw["status"],
        noted_on=raw["noted_on"],
        rate=raw["rate"],
        lines=_lines(raw, terms),
        charges=_charges(raw, terms),
        restock=tuple(StockLine(**row) for row in raw["restock"]),
        total_before_tax=net,
        tax=tax,
        total=gross,
        restock_status=raw["restock_status"],
        refunds=tuple(_payment(row, terms.currency) for row in raw["refunds"] or raw["payments"]),
    )


def _payment(raw: dict[str, Any], currency: str) -> Payment:
    return Payment(**(raw | {"amount": Money(raw["amount"], currency)}))


def _fulfilment(raw: dict[str, Any]) -> Fulfilment:
    pick, ship = raw["pick"] or {"lines": []}, raw["ship"] or {"status": "", "lines": []}
    return Fulfilment(
        task_id=raw["task_id"],
        number=None if raw["number"] is None else int(raw["number"]),
        invoice_number=raw["invoice_number"],
        status=raw["status"],
        picks=tuple(StockLine(**row) for row in pick["lines"]),
        shipped=ship["status"] == AUTHORISED or (bool(ship["lines"]) and all(s["shipped"] for s in ship["lines"])),
        ship_status=ship["status"],
    )
