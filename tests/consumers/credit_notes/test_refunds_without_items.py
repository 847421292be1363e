from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from consumers.case import Case
from consumers.credit_notes import decision
from schemas.concerns import ConcernType
from schemas.money import Money
from schemas.returns import DONE, REFUND, Transaction
from schemas.sales import DRAFT, VOIDED, ZERO_GUID, TaxRule
from schemas.terms import ChargeRule, EffectOwner
from tests.consumers.builders import (
    VAT,
    FakeBooks,
    a_case,
    a_line,
    a_note,
    a_return,
    a_sale,
    a_simple_sale,
    an_invoice,
    d,
    gbp,
)
from tests.consumers.credit_notes.money_stories import (
    GOODWILL,
    a_credit,
    a_refund,
    money_terms,
    posted,
    taken,
    with_shipping,
)
from tests.consumers.decide import decided, kinds, the_note

TWO = an_invoice(a_line(quantity=2, tax="12"))
NO_ITEMS = frozenset({ConcernType.REFUND_WITHOUT_ITEMS})
ACCEPTED = frozenset({ConcernType.AMOUNT_MISMATCH})
FIRST = the_note(decided(sale=a_sale(TWO), terms=money_terms()))
SALE = a_sale(TWO, notes=[posted(FIRST)])


def no_items(*rows: Transaction, **more: Any) -> Case:
    return a_case(replace(a_return(transactions=rows), units=()), **more)


def credited(*rows: Transaction, **more: Any) -> Case:
    """A done return whose one item is credited with 36.00."""
    return a_case(a_return(status=DONE, transactions=rows), taken(FIRST), **more)


def test_a_refund_without_items_needs_a_persons_reason() -> None:
    plan = decided(no_items(a_refund("10")), terms=money_terms())
    [concern] = plan.all_concerns()
    assert (plan.actions, concern.kind, concern.money) == ((), ConcernType.REFUND_WITHOUT_ITEMS, gbp(10))


def test_an_accepted_refund_without_items_is_one_adjustment_line_and_no_restock() -> None:
    note = the_note(decided(no_items(a_refund("12"), accepted=NO_ITEMS), terms=money_terms()))
    [charge] = note.charges
    assert (note.lines, note.restock, note.units, note.task_id) == ((), (), ("tx:t1",), ZERO_GUID)
    assert (charge.account, charge.price, charge.tax, note.gross) == ("404", gbp(10), gbp(2), gbp(12))
    assert note.extras[0].kind == "order_refund"
    assert note.marker in note.memo


def test_the_same_money_is_never_posted_twice() -> None:
    note = the_note(decided(no_items(a_refund("12"), accepted=NO_ITEMS), terms=money_terms()))
    again = no_items(a_refund("12"), accepted=NO_ITEMS)
    plan = decided(replace(again, effects=(taken(note),)), a_sale(notes=[posted(note)]), money_terms())
    assert (plan.actions, plan.waits, plan.concerns) == ((), (), ())


def test_a_refund_without_items_over_mixed_rates_is_split_or_stopped() -> None:
    sale = a_sale(an_invoice(a_line("BOOK", price="36", tax_rule="Zero"), a_line(tax="6")))
    rules = [TaxRule(VAT, d(20), active=True, for_sale=True), TaxRule("Zero", d(0), active=True, for_sale=True)]
    case = no_items(a_refund("12"), accepted=NO_ITEMS)
    assert kinds(decided(case, sale, money_terms(), tax_rules=rules)) == {ConcernType.TAX_VARIANCE}
    split = money_terms(adjustments={"order_refund": ChargeRule("Goodwill", "404", "*")})
    note = the_note(decided(case, sale, split, tax_rules=rules))
    assert {(c.tax_rule, c.tax) for c in note.charges} == {("Zero", gbp(0)), (VAT, gbp(1))}
    assert note.gross == gbp(12)


def test_a_refund_without_items_never_exceeds_the_invoice() -> None:
    plan = decided(no_items(a_refund("40"), accepted=NO_ITEMS), terms=money_terms())
    assert (plan.actions, kinds(plan)) == ((), {ConcernType.OVER_CREDIT})


def test_refunded_shipping_without_items_needs_nobody() -> None:
    note = the_note(decided(no_items(a_refund("6")), a_sale(with_shipping()), money_terms()))
    assert (note.extras[0].kind, note.charges[0].account) == ("shipping", "210")


@pytest.mark.parametrize(
    ("sale", "kind"),
    [
        (a_sale(status=VOIDED), ConcernType.SALE_VOIDED),
        (a_sale(an_invoice(status=DRAFT)), ConcernType.INVOICE_NOT_AUTHORISED),
        (a_simple_sale(notes=[a_note(a_line(), memo="Returnline RL-0123456789ab RMA RMA9 order #1")]),
         ConcernType.SIMPLE_SALE_ALREADY_CREDITED),
        (a_sale(notes=[a_note(total=gbp(12))]), ConcernType.NATIVE_DUPLICATE),
    ],
)  # fmt: skip
def test_what_stops_a_note_for_items_stops_one_for_money(sale: object, kind: ConcernType) -> None:
    plan = decided(no_items(a_refund("12"), accepted=NO_ITEMS), sale, money_terms())  # type: ignore[arg-type]
    assert (plan.actions, kinds(plan)) == ((), {kind})


def test_nothing_refunded_and_no_items_is_refused() -> None:
    assert decided(no_items(), terms=money_terms()).refusal


def test_a_refund_equal_to_its_notes_is_settled_without_asking_cin7() -> None:
    books = FakeBooks(sale=SALE)
    case = credited(a_refund("36", "u1"))
    assert decision.gather(case, money_terms(), books).sale is None
    assert decided(case, SALE, money_terms()).all_concerns() == ()


def test_more_refunded_after_the_credit_becomes_a_note_of_its_own_once_accepted() -> None:
    rows = (a_refund("36", "u1"), a_refund("10", number="t2"))
    asked = {ConcernType.REFUND_WITHOUT_ITEMS}
    assert kinds(decided(credited(*rows), SALE, money_terms())) == asked
    assert kinds(decided(credited(*rows, accepted=ACCEPTED), SALE, money_terms())) == asked
    note = the_note(decided(credited(*rows, accepted=NO_ITEMS), SALE, money_terms()))
    assert (note.units, note.gross) == (("tx:t2",), gbp(10))


def test_a_bonus_paid_after_the_credit_is_posted_by_itself() -> None:
    note = the_note(decided(credited(a_credit("39.60", "u1")), SALE, money_terms()))
    assert (note.extras[0].kind, note.gross) == ("bonus", gbp("3.60"))


def test_goodwill_after_the_credit_is_posted_within_the_limit() -> None:
    note = the_note(decided(credited(a_refund("40", "u1")), SALE, money_terms(goodwill_tolerance=d(5))))
    assert (note.extras[0].kind, note.gross) == ("goodwill", gbp(4))


def test_less_refunded_than_credited_is_shown_once_the_return_is_done() -> None:
    short = credited(a_refund("30", "u1"))
    [concern] = decided(short, SALE, money_terms()).all_concerns()
    assert (concern.kind, concern.money) == (ConcernType.AMOUNT_MISMATCH, gbp(6))
    running = replace(short, ret=replace(short.ret, status="Received"))
    assert decided(running, SALE, money_terms()).all_concerns() == ()


def test_an_accepted_shortfall_is_a_remark() -> None:
    plan = decided(credited(a_refund("30", "u1"), accepted=ACCEPTED), SALE, money_terms())
    assert (plan.actions, plan.all_concerns(), bool(plan.remarks)) == ((), (), True)


def test_a_fee_kept_from_the_refund_is_no_shortfall() -> None:
    note = replace(FIRST, fees_withheld=gbp(6))
    case = replace(credited(a_refund("30", "u1")), effects=(taken(note),))
    assert kinds(decided(case, SALE, money_terms())) == {ConcernType.FEE_TO_POST}


@pytest.mark.parametrize(
    "rows",
    [
        (a_refund("90", "u1", status="Requested"),),
        (a_refund("36", "u1"), a_refund("10", number="t2", status="Requested")),
        (a_refund("50", "u1", currency="USD"),),
        (Transaction("t1", "InvoicePayment", "Success", gbp(90)),),
    ],
)
def test_what_cannot_be_told_yet_is_not_guessed(rows: tuple[Transaction, ...]) -> None:
    plan = decided(credited(*rows), SALE, money_terms())
    assert (plan.actions, plan.all_concerns()) == ((), ())


def test_a_note_still_on_its_way_is_waited_for_before_money_is_compared() -> None:
    case = credited(a_refund("90", "u1"))
    case = replace(case, effects=(taken(FIRST, state="SENDING"),))
    assert decided(case, SALE, money_terms()).actions == ()


def test_where_the_channel_credits_only_the_difference_is_shown() -> None:
    terms = money_terms(credit_note_owner=EffectOwner.NATIVE, goodwill_tolerance=d(100))
    plan = decided(credited(a_refund("40", "u1")), SALE, terms)
    assert (plan.actions, kinds(plan)) == ((), {ConcernType.AMOUNT_MISMATCH})


def test_loose_money_in_another_currency_than_the_sale_is_settled_by_hand() -> None:
    euros = Transaction("t1", REFUND, "Success", Money(d(10), "EUR"))
    assert kinds(decided(no_items(euros, accepted=NO_ITEMS), terms=money_terms())) == {ConcernType.CURRENCY_MISMATCH}


def test_an_unmapped_order_refund_names_its_setting() -> None:
    case = no_items(a_refund("12"), accepted=NO_ITEMS)
    [concern] = decided(case, terms=money_terms(adjustments={"goodwill": GOODWILL})).all_concerns()
    assert concern.kind is ConcernType.FEE_UNMAPPED
    assert "terms.adjustments.order_refund" in concern.next_step
