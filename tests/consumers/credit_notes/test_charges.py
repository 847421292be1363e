from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.case import Case
from consumers.credit_notes import decision
from schemas.actions import PostCreditNote
from schemas.concerns import ConcernType, Owner, owner_of
from schemas.sales import Account, TaxRule
from schemas.terms import ChargeRule
from tests.consumers.builders import (
    NOW,
    VAT,
    FakeBooks,
    a_case,
    a_line,
    a_return,
    a_sale,
    a_unit,
    an_invoice,
    d,
    done,
    gbp,
)
from tests.consumers.credit_notes.money_stories import FEES, a_refund, money_terms, posted, taken
from tests.consumers.decide import decided, kinds, the_note

FIVE = a_unit(restocking_fee=d(5))
THREE = an_invoice(a_line(quantity=3, tax="18"))


def after(note: PostCreditNote, *units: str) -> Case:
    """The case once this note is posted."""
    return a_case(a_return(*(a_unit(u, return_fee=d(4)) for u in units)), replace(done(*note.units), action=note))


def test_a_fee_is_a_line_of_its_own_and_the_item_keeps_its_price() -> None:
    note = the_note(decided(a_return(FIVE), terms=money_terms()))
    [charge] = note.charges
    assert note.lines[0].price == gbp(30)
    assert (charge.description, charge.account, charge.tax_rule) == ("Restocking fee", "260", VAT)
    assert (charge.price, charge.tax) == (gbp("-4.1667"), gbp("-0.8333"))
    assert (note.net, note.tax, note.gross) == (gbp("25.8333"), gbp("5.1667"), gbp("31"))


def test_on_a_tax_inclusive_sale_the_fee_holds_its_tax() -> None:
    sale = a_sale(an_invoice(a_line(price="36", tax="6"), inclusive=True), tax_inclusive=True)
    note = the_note(decided(a_return(FIVE), sale, money_terms()))
    assert (note.charges[0].total, note.charges[0].tax, note.gross) == (gbp("-5"), gbp("-0.8333"), gbp("31"))


def test_where_a_total_holds_tax_the_fees_total_does_too() -> None:
    sale = a_sale(an_invoice(a_line(tax="6", total_="36")))
    note = the_note(decided(a_return(FIVE), sale, money_terms()))
    assert note.charges[0].total == gbp("-5")


def test_the_note_says_what_its_charges_are() -> None:
    [extra] = the_note(decided(a_return(FIVE), terms=money_terms())).extras
    assert (extra.kind, extra.gross, extra.tax, extra.on_note) == ("fee:restocking", gbp("-5"), gbp("-0.8333"), True)


@pytest.mark.parametrize("kind", ["restocking", "return", "shipment", "cancellation"])
def test_an_unmapped_fee_waits_for_finance_and_names_the_setting(kind: str) -> None:
    told: dict[str, Any] = {f"{kind}_fee": d(5)}
    ret = a_return(**told) if kind == "cancellation" else a_return(a_unit(**told))
    plan = decided(ret, terms=money_terms(fees={k: v for k, v in FEES.items() if k != kind}))
    [concern] = plan.all_concerns()
    assert (plan.actions, concern.kind, concern.money) == ((), ConcernType.FEE_UNMAPPED, gbp(36))
    assert f"terms.fees.{kind}" in concern.next_step


@pytest.mark.parametrize("rule", ["Gone", "*"])
def test_a_fee_without_a_usable_tax_rule_of_its_own_is_never_taxed_by_default(rule: str) -> None:
    fees = {"restocking": ChargeRule("Restocking fee", "260", rule)}
    assert kinds(decided(a_return(FIVE), terms=money_terms(fees=fees))) == {ConcernType.FEE_UNMAPPED}


def test_a_fee_on_a_closed_account_waits() -> None:
    class ClosedBooks(FakeBooks):
        def account(self, code: str) -> Account | None:
            return Account(code, "Old", "REVENUE", active=False, for_payments=False)

    case, terms = a_case(a_return(FIVE)), money_terms()
    plan = decision.plan(case, decision.gather(case, terms, ClosedBooks()), terms, NOW)
    assert kinds(plan) == {ConcernType.FEE_UNMAPPED}


def test_a_person_may_let_an_unmapped_fee_go() -> None:
    case = a_case(a_return(FIVE), accepted=frozenset({ConcernType.FEE_UNMAPPED}))
    plan = decided(case, terms=money_terms(fees={}))
    assert the_note(plan).charges == ()
    assert any("without it" in remark for remark in plan.remarks)


def test_where_cin7_takes_no_negative_charge_the_refund_keeps_the_fee() -> None:
    plan = decided(a_return(FIVE), terms=money_terms(negative_charges=False))
    note = the_note(plan)
    assert (note.charges, note.gross, note.fees_withheld) == ((), gbp(36), gbp(5))
    assert note.extras[0].on_note is False
    assert any("post it as income" in remark and "260" in remark for remark in plan.remarks)


def test_a_fee_kept_from_the_refund_stays_with_finance_until_its_income_is_posted() -> None:
    terms = money_terms(negative_charges=False)
    note = the_note(decided(a_return(FIVE), terms=terms))
    case = a_case(a_return(FIVE), taken(note))
    [concern] = decided(case, terms=terms).all_concerns()
    assert (concern.kind, concern.money, owner_of(concern.kind)) == (ConcernType.FEE_TO_POST, gbp(5), Owner.FINANCE)
    assert "260" in concern.cause
    assert decided(replace(case, accepted=frozenset({ConcernType.FEE_TO_POST})), terms=terms).all_concerns() == ()


def test_a_fee_above_the_credit_is_neverposted() -> None:
    plan = decided(a_return(a_unit(restocking_fee=d(40))), terms=money_terms())
    assert (plan.actions, kinds(plan)) == ((), {ConcernType.AMOUNT_MISMATCH})


def test_fees_of_items_add_up_to_one_line_a_kind() -> None:
    units = [a_unit(f"u{n}", restocking_fee=d(2), return_fee=d(4)) for n in range(2)]
    note = the_note(decided(a_return(*units), a_sale(THREE), money_terms()))
    assert sorted(extra.gross.amount for extra in note.extras) == [d(-8), d(-4)]


def test_the_cancellation_fee_is_taken_once_however_the_items_close() -> None:
    terms = money_terms()
    ret = a_return(a_unit("u1"), cancellation_fee=d(6))
    first = the_note(decided(ret, a_sale(THREE), terms))
    case = a_case(replace(ret, units=(a_unit("u1"), a_unit("u2"))), replace(done("u1"), action=first))
    sale = a_sale(THREE)
    second = the_note(decided(case, replace(sale, credit_notes=(posted(first),)), terms))
    assert (first.gross, second.gross) == (gbp(30), gbp(36))


def test_a_fee_the_portal_repeats_on_each_item_is_taken_once_per_return() -> None:
    once = {"return": ChargeRule("Return label fee", "260", VAT, once_per_return=True)}
    terms = money_terms(fees=once)
    units = [a_unit(f"u{n}", return_fee=d(4)) for n in range(2)]
    first = the_note(decided(a_return(*units), a_sale(THREE), terms))
    later = after(first, "u0", "u1", "u2")
    second = the_note(decided(later, a_sale(THREE, notes=[posted(first)]), terms))
    assert (first.gross, second.gross) == (gbp(68), gbp(36))


def test_a_fee_that_the_refund_did_not_keep_is_let_go() -> None:
    plan = decided(a_return(FIVE, transactions=(a_refund("36", "u1"),)), terms=money_terms())
    note = the_note(plan)
    assert (note.charges, note.gross) == ((), gbp(36))
    assert any("kept no fee" in remark for remark in plan.remarks)


def test_a_refund_less_the_fee_agrees() -> None:
    note = the_note(decided(a_return(FIVE, transactions=(a_refund("31", "u1"),)), terms=money_terms()))
    assert note.gross == gbp(31)


def test_a_fee_in_the_shoppers_currency_is_posted_in_the_sales() -> None:
    unit = a_unit(paid="72", tax="12", currency="USD", shop_paid=gbp(36), restocking_fee=d(10))
    note = the_note(decided(a_return(unit), terms=money_terms()))
    assert note.gross == gbp(31)


@given(
    fees=st.lists(st.decimals("0", "9.99", places=2), min_size=1, max_size=6),
    inclusive=st.booleans(),
    percent=st.sampled_from(["0", "5", "20", "7.7"]),
)
def test_the_notes_of_any_split_with_fees_add_up_to_invoice_less_fees(
    fees: list[Decimal], inclusive: bool, percent: str
) -> None:
    count = len(fees)
    price, tax = ("36", "6") if inclusive else ("30", "6")
    invoice = an_invoice(a_line(quantity=count, price=price, tax=str(int(tax) * count)), inclusive=inclusive)
    sale = a_sale(invoice, tax_inclusive=inclusive)
    rules = [TaxRule(name, Decimal(rate), active=True, for_sale=True) for name, rate in ((VAT, "20"), ("Fee", percent))]
    terms = money_terms(fees={"restocking": ChargeRule("Restocking fee", "260", "Fee")})
    case, total = a_case(a_return()), Decimal(0)
    for number in range(count):
        units = [a_unit(f"u{n}", restocking_fee=fees[n]) for n in range(number + 1)]
        note = the_note(decided(replace(case, ret=a_return(*units)), sale, terms, tax_rules=rules))
        total += note.gross.amount
        sale = replace(sale, credit_notes=(*sale.credit_notes, replace(posted(note), number=f"CR-{number}")))
        effect = replace(done(*note.units, number=f"CR-{number}"), action=note)
        case = replace(case, effects=(*case.effects, effect))
    assert total == invoice.total.amount - sum(fees)
