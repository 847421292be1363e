"""/sale/payment: payments and refunds, listed as a bare array."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.books import selling
from sandbox.books.numbers import TWO_PLACES
from sandbox.books.sales import CreditNote, Invoice, Payment, Sale
from sandbox.cin7.ask import Ask, date_of, decimal_of
from sandbox.cin7.errors import Problem, Refusal
from sandbox.cin7.sale_view import payment_line

KINDS = ("PREPAYMENT", "PAYMENT", "REFUND")


def read(ask: Ask) -> list[dict[str, Any]]:
    """GET /sale/payment?SaleID=: a bare array."""
    sale = ask.sale(ask.need("SaleID"))
    return [_show(sale, one) for one in sale.payments]


def _show(sale: Sale, money: Payment) -> dict[str, Any]:
    document = _document(sale, money.task_id, money.kind)
    return {
        "SaleID": sale.id, "TaskID": money.task_id, "SaleOrderNumber": sale.number,
        "InvoiceNumber": document.number if isinstance(document, Invoice) else None,
        "CreditNoteNumber": document.number if isinstance(document, CreditNote) else None, **payment_line(money),
    }  # fmt: skip


def _document(sale: Sale, task_id: str, kind: str) -> Invoice | CreditNote | None:
    """Return the paid document: on a simple sale invoice and note share a task, so the kind decides."""
    if kind == "REFUND":
        return sale.note_of(task_id)
    return next((one for one in sale.invoices if one.task_id.lower() == task_id.lower()), None)


def create(ask: Ask) -> dict[str, Any]:
    """POST /sale/payment: a refund needs an AUTHORISED note, a payment an AUTHORISED invoice."""
    task_id, kind = str(ask.body.get("TaskID", "")).lower(), str(ask.body.get("Type", "")).upper()
    if kind not in KINDS:
        raise Refusal("Type is invalid. Use PREPAYMENT, PAYMENT or REFUND")
    sale = ask.books.sale_of_task(task_id)
    document = _document(sale, task_id, kind) if sale else None
    if sale is None or document is None:
        raise Refusal(Problem(f"Task with ID '{task_id}' not found", 404))
    if document.status not in ("AUTHORISED", "PAID"):
        raise Refusal(f"Payment can't be added. Status is {document.status}")
    money = Payment(
        ask.books.guid(), document.task_id, kind, _amount(ask),
        date_of(ask.body.get("DatePaid")) or ask.books.local_day(ask.now),
        _account(ask), decimal_of(ask.body.get("CurrencyRate")) or Decimal(1), str(ask.body.get("Reference") or ""),
        ask.now,
    )  # fmt: skip
    selling.pay(ask.books, sale, money, document.rate, ask.now)
    return _show(sale, money)


def _amount(ask: Ask) -> Decimal:
    amount = decimal_of(ask.body.get("Amount"))
    if amount is None or amount <= 0:
        raise Refusal("Amount is invalid")
    return amount.quantize(TWO_PLACES)


def _account(ask: Ask) -> str:
    account = ask.books.catalogue.account(ask.body.get("Account"))
    if account is None or not account.for_payments:
        raise Refusal("Account with specified ID not found")
    return account.code


def change(ask: Ask) -> dict[str, Any]:
    """PUT /sale/payment: reference, amount, date, account and rate."""
    sale, money = _find(ask, str(ask.body.get("ID", "")))
    document = _document(sale, money.task_id, money.kind)
    if money.kind == "PREPAYMENT" or document is None:
        raise Refusal("Prepayment can't be changed")
    amount = _amount(ask) if "Amount" in ask.body else money.amount
    account = _account(ask) if "Account" in ask.body else money.account
    day = date_of(ask.body.get("DatePaid")) or money.day
    ask.books.check_unlocked(day)
    selling.unpay(ask.books, sale, money, ask.now)
    money.amount, money.account, money.day = amount, account, day
    money.reference = str(ask.body.get("Reference", money.reference))
    money.rate = decimal_of(ask.body.get("CurrencyRate")) or money.rate
    selling.pay(ask.books, sale, money, document.rate, ask.now)
    return _show(sale, money)


def delete(ask: Ask) -> dict[str, Any]:
    """DELETE /sale/payment?ID=."""
    sale, money = _find(ask, ask.need("ID"))
    selling.unpay(ask.books, sale, money, ask.now)
    return {"Success": True}


def _find(ask: Ask, payment_id: str) -> tuple[Sale, Payment]:
    for sale in ask.books.sales.values():
        for money in sale.payments:
            if money.id == payment_id.lower():
                return sale, money
    raise Refusal(Problem(f"Payment with ID '{payment_id}' not found", 404))
