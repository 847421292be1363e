"""Refund payments at Cin7 Core: found by our mark in the references of the note's refunds, posted once, compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pipeline.calls.failures import NotShown
from pipeline.calls.quota import Priority
from pipeline.cin7 import Cin7
from schemas.actions import RecordRefund
from schemas.cin7.sales import payment_body
from schemas.effects import Outcome
from schemas.sales import REFUND, Payment, Sale
from tasks.effects.asking import before_any_byte
from tasks.effects.credit_note import asking_sale
from tasks.effects.protocol import Finding, Found, Missing, Unclear


class RefundPaymentProvider:
    """Records refunds. `sale`, read fresh under the sale's claim, answers the first look-up without a call."""

    def __init__(self, cin7: Cin7, sale: Sale | None) -> None:
        self._cin7 = cin7
        self._sale = sale

    def look_up(self, wanted: RecordRefund, progress: Mapping[str, str]) -> Finding:
        """Our refund on the credit note. `Reference` is no key for Cin7, so more than one may be there."""
        # On a simple sale invoice and note share a TaskID, so only the type tells them apart (seen in live data).
        refunds = [p for p in self._payments(wanted) if p.kind == REFUND]
        ours = [p for p in refunds if wanted.marker in p.reference]
        if len(ours) > 1:
            ids = ", ".join(p.payment_id for p in ours)
            return Unclear(f"{len(ours)} refunds carry our mark {wanted.marker}: {ids}; delete all but one in Cin7")
        if ours:
            return _judged(wanted, ours[0])
        if any(_twin(p, wanted) for p in refunds):
            return Unclear(f"a refund of {wanted.amount} on {wanted.paid_on} has no reference: it may be ours")
        return Missing()

    def _payments(self, action: RecordRefund) -> Sequence[Payment]:
        if self._sale is not None and self._sale.sale_id == action.sale_id:
            notes, self._sale = self._sale.credit_notes, None
            return [replace(p, task_id=note.task_id) for note in notes for p in note.refunds]
        with asking_sale(action.sale_id):
            return self._cin7.payments(action.sale_id, action.amount.currency, priority=Priority.MONEY)

    def send(self, wanted: RecordRefund, progress: Mapping[str, str]) -> Found:
        """One POST; Cin7 answers the payment it made, and may ignore a field silently."""
        with before_any_byte():
            payment = self._cin7.post_payment(payment_body(wanted), wanted.amount.currency, priority=Priority.MONEY)
        if not payment.payment_id or (payment.task_id and payment.task_id != wanted.task_id.lower()):
            raise NotShown("the answer does not show the refund that was just posted")
        return Found({}, _outcome(payment, _differences(wanted, payment)))


def _twin(payment: Payment, wanted: RecordRefund) -> bool:
    """The same money without a reference: Cin7 may have ignored ours."""
    theirs = (payment.task_id, payment.amount.amount, payment.account, payment.paid_on)
    ours = (wanted.task_id.lower(), wanted.amount.amount, wanted.account, wanted.paid_on)
    return not payment.reference.strip() and theirs == ours


def _judged(wanted: RecordRefund, payment: Payment) -> Finding:
    if payment.amount.amount != wanted.amount.amount:
        return Unclear(f"the refund with our mark is {payment.amount}, not {wanted.amount}; correct it in Cin7")
    return Found({"adopted": "yes"}, _outcome(payment, _differences(wanted, payment)))


def _differences(wanted: RecordRefund, payment: Payment) -> tuple[str, ...]:
    pairs = (
        ("type", payment.kind, REFUND),
        ("amount", payment.amount.amount, wanted.amount.amount),
        ("account", payment.account, wanted.account),
        ("rate", payment.rate, wanted.rate),
        ("day", payment.paid_on, wanted.paid_on),
    )
    found = [f"its {name} is {theirs}, not {ours}" for name, theirs, ours in pairs if theirs != ours]
    if wanted.marker not in payment.reference:
        found.append(f"its reference does not hold {wanted.marker}")
    return tuple(found)


def _outcome(payment: Payment, differences: tuple[str, ...]) -> Outcome:
    details = {"payment_id": payment.payment_id}
    if differences:
        details["differences"] = "; ".join(differences)
    return Outcome(reference=payment.payment_id, gross=payment.amount, details=details)
