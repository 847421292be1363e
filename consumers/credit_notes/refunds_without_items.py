"""Refunds that no credited item explains: a refund without lines, or one that came out otherwise than its note."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from consumers.case import Plan, Wait
from consumers.credit_notes.assembling import room
from consumers.credit_notes.charges import (
    SHIPPING,
    ChargeLeft,
    Unchargeable,
    charges_gross,
    charges_left,
    given_back,
    mapped_charges,
)
from consumers.credit_notes.known_parts import Fit, Several, charge_parts, choose, fits, goods_of_price
from consumers.credit_notes.matter import Matter
from consumers.credit_notes.native import foreign
from consumers.credit_notes.refund_gap import TRANSACTION, Unexplained, both_figures, let_be, mismatch
from consumers.credit_notes.refund_reading import ACCEPTING, BONUS, GOODWILL
from consumers.credit_notes.remaining import note_name, oldest_first
from consumers.shared.line_total_rule import sum_of
from consumers.shared.posting_day import memo, posting_day
from consumers.shared.unknown_words import sale_wait
from consumers.shared.waits import LONG, QUARTER
from schemas.actions import NoteExtra, PostCreditNote, business_key
from schemas.concerns import Concern, ConcernType
from schemas.money import FOUR_PLACES
from schemas.returns import STORE_CREDIT
from schemas.sales import ZERO_GUID, Charge, Invoice
from schemas.terms import NoteStyle

ORDER_REFUND = "order_refund"


def settle_loose(matter: Matter, found: Unexplained) -> Plan:
    """A note of charges only for the money no item explains, or what it waits for."""
    plan = _settled(matter, found)
    return let_be(found) if found.small and not plan.actions else plan


def _settled(matter: Matter, found: Unexplained) -> Plan:
    if matter.sale.currency != found.gap.currency:
        return _wait(
            ConcernType.CURRENCY_MISMATCH, found, f"the sale is in {matter.sale.currency}", "settle it by hand"
        )
    if matter.sale.voided:
        step = "settle it by a credit in Cin7 that is not tied to the sale, then accept this"
        return _wait(ConcernType.SALE_VOIDED, found, f"sale {matter.sale.order_number} is voided", step)
    unclear = sale_wait(matter.sale, matter.case)
    if unclear is not None:
        return Plan(waits=(unclear,))
    if matter.conflict is not None:
        line = matter.conflict.line
        cause = f"invoice line {line.sku} follows no known rule of totals"
        return _wait(ConcernType.AMOUNT_MISMATCH, found, cause, "make this credit note by hand")
    if matter.consolidated and not matter.accepted(ConcernType.CONSOLIDATED_SALE_AMBIGUOUS):
        cause = f"sale {matter.sale.order_number} holds several orders, and whose money this is does not show"
        return _wait(ConcernType.CONSOLIDATED_SALE_AMBIGUOUS, found, cause, "credit it by hand, or accept this")
    invoices = [one for one in oldest_first(matter.sale.invoices) if one.creditable]
    if not invoices:
        step = "authorise the invoice in Cin7; the credit note follows by itself"
        return _wait(ConcernType.INVOICE_NOT_AUTHORISED, found, "no invoice of the sale is authorised", step, QUARTER)
    stopped = _stopped(matter, found)
    if stopped is not None:
        return stopped
    back = _shipping(matter, invoices, found)
    if isinstance(back, tuple):
        return _post(matter, found, *back, SHIPPING)
    return Plan() if found.small else _adjusted(matter, invoices, found, back)


def _wait(kind: ConcernType, found: Unexplained, cause: str, step: str, again: timedelta = LONG) -> Plan:
    text = f"{both_figures(found)}; {cause}"
    return Plan(waits=(Wait(text, again, Concern(kind, text, step, found.gap)),))


def _stopped(matter: Matter, found: Unexplained) -> Plan | None:
    slack = matter.terms.amount_tolerance
    others = foreign(matter.sale, matter.case, matter.facts.claimed)
    same = [n for n in others if not n.lines or abs(n.total.amount - found.gap.amount) <= slack]
    if same and not matter.accepted(ConcernType.NATIVE_DUPLICATE):
        names = ", ".join(note_name(note) for note in same)
        step = "if it is for this refund, settle the return by hand; if it is for another, accept this to post"
        return _wait(ConcernType.NATIVE_DUPLICATE, found, f"credit note {names} was made outside Returnline", step)
    if matter.sale.simple and matter.sale.notes():
        names = ", ".join(note_name(note) for note in matter.sale.notes())
        step = "convert the sale to Advanced in Cin7; this continues by itself"
        cause = f"simple sale {matter.sale.order_number} already has its one credit note ({names})"
        return _wait(ConcernType.SIMPLE_SALE_ALREADY_CREDITED, found, cause, step)
    return None


def _shipping(
    matter: Matter, invoices: Sequence[Invoice], found: Unexplained
) -> tuple[Invoice, tuple[Charge, ...]] | Several | None:
    """The charges of one invoice that the money gives back: exactly, else within the tolerance of one amount."""
    notes = matter.sale.notes()
    every = charges_left(matter, invoices, notes)
    left = [one for one in every if one.named] if SHIPPING in matter.terms.adjustments else every
    gap = found.gap.amount
    rivals = goods_of_price(matter, notes, (), gap, matter.coin)
    nears = (matter.coin, *(() if found.small else (matter.terms.amount_tolerance + FOUR_PLACES,)))
    for within in nears:
        fit = choose([fit for one in invoices for fit in _of_invoice(left, one, gap, within)], rivals)
        if isinstance(fit, Several):
            return fit
        if fit:
            return _given(matter, invoices, fit)
    return None


def _of_invoice(left: Sequence[ChargeLeft], invoice: Invoice, gap: Decimal, within: Decimal) -> list[Fit]:
    own = charge_parts([one for one in left if one.invoice_number == invoice.number])
    return [fit for fit in fits(own, gap, within) if fit]


def _given(matter: Matter, invoices: Sequence[Invoice], fit: Fit) -> tuple[Invoice, tuple[Charge, ...]] | None:
    parts = [(part.charge, part.amount) for part in fit if part.charge]
    charges = tuple(back for charge, amount in parts if (back := given_back(matter, charge, amount)) is not None)
    invoice = next(one for one in invoices if one.number == parts[0][0].invoice_number)
    return (invoice, charges) if len(charges) == len(parts) else None


def _adjusted(matter: Matter, invoices: Sequence[Invoice], found: Unexplained, several: Several | None = None) -> Plan:
    name = _name(found)
    if not _allowed(matter, found, name) or (several and not matter.accepted(_asked(name))):
        step = f"find out why; {ACCEPTING}"
        if several:
            step = f"it may be {several.words}: name the shipping charge in terms.adjustments.shipping; {ACCEPTING}"
        return Plan(waits=(Wait(both_figures(found), LONG, mismatch(found, step, _asked(name))),))
    roomy = [one for one in invoices if name != ORDER_REFUND or _left(matter, one) >= found.gap.amount - matter.coin]
    if not roomy:
        left = ", ".join(f"{one.number} has {matter.money(_left(matter, one))} left" for one in invoices)
        step = "find out which of the sale's notes is wrong, or credit it by hand"
        return _wait(ConcernType.OVER_CREDIT, found, left, step)
    charges = mapped_charges(matter, "adjustments", name, found.gap.amount, roomy[0].lines)
    if isinstance(charges, Unchargeable):
        return _wait(ConcernType.FEE_UNMAPPED, found, charges.cause, charges.next_step)
    mixed = _one_rate_for_many(matter, roomy[0], charges)
    if mixed and name == ORDER_REFUND and not matter.accepted(ConcernType.TAX_VARIANCE):
        step = 'set terms.adjustments.order_refund.tax_rule = "*" to split it by rate, or accept this'
        return _wait(ConcernType.TAX_VARIANCE, found, mixed, step)
    return _post(matter, found, roomy[0], charges, name)


def _one_rate_for_many(matter: Matter, invoice: Invoice, charges: Sequence[Charge]) -> str:
    rules = (matter.facts.tax_rules.get(line.tax_rule) for line in invoice.lines)
    percents = {rule.percent for rule in rules if rule is not None}
    if len(percents) < 2 or len(charges) > 1:
        return ""
    return f"invoice {invoice.number} has {len(percents)} tax rates, the adjustment only {charges[0].tax_rule!r}"


def _name(found: Unexplained) -> str:
    if found.order_level:
        return ORDER_REFUND
    return BONUS if all(row.kind == STORE_CREDIT for row in found.rows) else GOODWILL


def _asked(name: str) -> ConcernType:
    """What a person accepts; a refund without items is asked for by itself, whatever else was accepted before."""
    return ConcernType.REFUND_WITHOUT_ITEMS if name == ORDER_REFUND else ConcernType.AMOUNT_MISMATCH


def _allowed(matter: Matter, found: Unexplained, name: str) -> bool:
    """A refund without lines needs a person's reason whatever its size; a bonus needs none up to ReturnGO's own cap."""
    if matter.accepted(_asked(name)):
        return True
    if name == BONUS:
        return found.gap.amount * 2 <= found.credited.amount
    return name == GOODWILL and found.gap.amount <= matter.terms.goodwill_tolerance


def _left(matter: Matter, invoice: Invoice) -> Decimal:
    return room(matter, invoice, matter.sale.notes())


def _post(matter: Matter, found: Unexplained, invoice: Invoice, charges: tuple[Charge, ...], kind: str) -> Plan:
    ret, sale, money = matter.case.ret, matter.sale, matter.money
    units = tuple(sorted(TRANSACTION + row.transaction_id for row in found.rows))
    key = business_key(matter.case.shop, ret.rma_id, "credit", units)
    day = posting_day(matter.tenant, matter.now)
    gross, tax = charges_gross(charges, matter), sum_of(charge.tax.amount for charge in charges)
    note = PostCreditNote(
        key=key,
        sale_id=sale.sale_id,
        units=units,
        task_id=sale.sale_id if sale.simple else ZERO_GUID,
        simple=sale.simple,
        invoice_number=invoice.number,
        memo=memo(key, ret, day),
        noted_on=day.noted_on,
        rate=invoice.rate,
        lines=(),
        charges=charges,
        restock=(),
        net=money(gross - tax),
        tax=money(tax),
        gross=money(gross),
        tax_inclusive=sale.tax_inclusive,
        direct=matter.terms.style is NoteStyle.DIRECT,
        extras=(NoteExtra(kind, money(gross), money(tax), both_figures(found)),),
    )
    return Plan(actions=(note,), remarks=(f"{both_figures(found)}: {money(gross)} posted as {kind.replace('_', ' ')}",))
