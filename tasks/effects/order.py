"""Sale orders at Cin7 Core: a draft is authorised by sending the whole document back, once, and only while it is still
the document that was decided upon."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from pipeline.calls.failures import NotShown
from pipeline.calls.quota import Priority
from pipeline.cin7 import Cin7
from schemas.actions import AuthoriseOrder
from schemas.cin7.sales import Order, order_body
from schemas.effects import Outcome
from schemas.sales import ORDER_DRAFTS, ORDER_STATUSES, VOIDED, Charge, DocumentLine, Sale
from tasks.effects.asking import before_any_byte
from tasks.effects.credit_note import asking_sale
from tasks.effects.protocol import Finding, Found, LaterError, Missing, Unclear

#: After a draft was found changed, the plan is made anew from what it says now.
_AGAIN_SECONDS = 5.0


class OrderProvider:
    """Authorises sale orders. `sale`, read fresh under its claim, answers the first look-up without a call."""

    def __init__(self, cin7: Cin7, sale: Sale | None) -> None:
        self._cin7 = cin7
        self._sale = sale

    def look_up(self, wanted: AuthoriseOrder, progress: Mapping[str, str]) -> Finding:
        """What is AUTHORISED, by whomever, is never authorised again; a draft that changed is Unclear."""
        return self._judge(wanted, self._known(wanted) or self._read(wanted))

    def send(self, wanted: AuthoriseOrder, progress: Mapping[str, str]) -> Found:
        """One POST of the whole order, after one more reading: what a person changed meanwhile is never overwritten."""
        now = self._read(wanted)
        if now.status not in ORDER_DRAFTS:
            return self._already(wanted, now)
        changed = changes(wanted, now)
        if changed:
            raise LaterError(_AGAIN_SECONDS, f"the draft was changed meanwhile ({'; '.join(changed)}); planned anew")
        with before_any_byte():
            answer = self._cin7.post_order(
                order_body(wanted),
                wanted.order_total.currency,
                tax_inclusive=wanted.tax_inclusive,
                priority=Priority.MONEY,
            )
        if answer.status in ORDER_DRAFTS | {VOIDED} or answer.status not in ORDER_STATUSES:
            raise NotShown(f"the answer shows the order as {answer.status or 'no status'}, not AUTHORISED")
        return Found({}, _outcome(wanted, answer))

    def _already(self, wanted: AuthoriseOrder, order: Order) -> Found:
        finding = self._judge(wanted, order)
        if isinstance(finding, Found):
            return finding
        raise LaterError(3600.0, f"order {order.number} is {order.status}: nothing to authorise")

    def _known(self, wanted: AuthoriseOrder) -> Order | None:
        sale, self._sale = self._sale, None
        if sale is None or sale.sale_id != wanted.sale_id:
            return None
        return Order(
            sale.sale_id,
            sale.order_number,
            sale.order_status,
            sale.order_memo,
            sale.order_lines,
            sale.order_charges,
            sale.order_total,
        )

    def _read(self, wanted: AuthoriseOrder) -> Order:
        with asking_sale(wanted.sale_id):
            return self._cin7.order(
                wanted.sale_id, wanted.order_total.currency, tax_inclusive=wanted.tax_inclusive, priority=Priority.MONEY
            )

    def _judge(self, wanted: AuthoriseOrder, order: Order) -> Finding:
        if order.status in ORDER_DRAFTS:
            changed = changes(wanted, order)
            # A release not sent yet is decided anew on every round; a sent one keeps the document it was sent with.
            why = f"the draft is not what was released any more: {'; '.join(changed)} changed"
            return Unclear(why) if changed else Missing()
        if order.status == VOIDED:
            return Unclear(f"order {order.number or wanted.order_number} was voided by hand")
        if order.status not in ORDER_STATUSES:
            return Unclear(f"order {order.number or wanted.order_number} is {order.status!r}, a word we do not know")
        return Found({}, _outcome(wanted, order))


def _outcome(wanted: AuthoriseOrder, order: Order) -> Outcome:
    short = "; ".join(f"{x.sku}: {_plain(x.back_ordered)}" for x in order.lines if x.back_ordered > 0)
    by = "returnline" if wanted.marker in order.memo else "somebody else"
    details = {"order_status": order.status, "authorised_by": by} | ({"back_ordered": short} if short else {})
    return Outcome(
        wanted.sale_id,
        order.number or wanted.order_number,
        gross=order.total,
        ours=by == "returnline",
        details=details,
    )


def changes(wanted: AuthoriseOrder, order: Order) -> tuple[str, ...]:
    """Where the draft is not what the release was decided upon; our own mark in the memo is no change."""
    found: list[str] = []
    if order.memo.replace(wanted.marker, "").strip() != wanted.memo.replace(wanted.marker, "").strip():
        found.append("its memo")
    if sorted(map(_line, order.lines)) != sorted(map(_line, wanted.lines)):
        found.append("its lines")
    if sorted(map(_charge, order.charges)) != sorted(map(_charge, wanted.charges)):
        found.append("its charges")
    return tuple(found)


def _line(x: DocumentLine) -> tuple[str, ...]:
    figures = (x.quantity, x.price.amount, x.discount, x.tax.amount, x.total.amount)
    return (x.product_id, x.sku, x.tax_rule, x.comment, str(x.drop_ship), *map(_plain, figures))


def _charge(x: Charge) -> tuple[str, ...]:
    return (x.description, x.tax_rule, *map(_plain, (x.quantity, x.price.amount, x.discount, x.tax.amount)))


def _plain(number: Decimal) -> str:
    return format(number.quantize(Decimal("0.0001")), "f")
