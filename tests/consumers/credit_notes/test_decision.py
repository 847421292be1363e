from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.case import Plan
from consumers.credit_notes import decision
from schemas.actions import PostCreditNote
from schemas.concerns import ConcernType, Owner, owner_of
from schemas.returns import DONE, Return, Transaction
from schemas.sales import DRAFT, PAID, VOIDED, ZERO_GUID, Invoice, TaxRule
from schemas.terms import GiftPolicy, NoteStyle
from tests.consumers.builders import (
    NOW,
    VAT,
    FakeBooks,
    a_case,
    a_fulfilment,
    a_line,
    a_note,
    a_pick,
    a_return,
    a_sale,
    a_unit,
    an_invoice,
    d,
    done,
    found_good,
    gbp,
    not_found,
    some_terms,
)
from tests.consumers.decide import decided, kinds, the_note

THREE = an_invoice(a_line(quantity=3, tax="18"))


def test_a_received_unit_becomes_one_credit_note_against_its_invoice() -> None:
    note = the_note(decided())
    assert (note.units, note.invoice_number, note.task_id) == (("u1",), "INV-1", ZERO_GUID)
    assert (note.net, note.tax, note.gross) == (gbp(30), gbp(6), gbp(36))
    assert note.key == "alder:RMA1001:credit:u1"
    assert note.memo == f"Returnline {note.marker} RMA RMA1001 order #1001"


def test_units_of_one_line_share_one_credit_line() -> None:
    note = the_note(decided(a_return(a_unit("u1"), a_unit("u2")), a_sale(THREE)))
    [line] = note.lines
    assert (line.quantity, line.total, line.tax) == (d(2), gbp(60), gbp(12))


def test_the_note_carries_the_invoices_rate_so_that_no_pennies_stay_in_debtors() -> None:
    invoice = an_invoice(a_line(price="100", currency="EUR"), rate=d("1.1626"))
    unit = a_unit(paid="100", tax="0", currency="EUR")
    note = the_note(decided(a_return(unit), a_sale(invoice, rate=d("1.1620"), currency="EUR")))
    assert (note.rate, note.gross.currency) == (d("1.1626"), "EUR")


def test_the_product_of_the_invoice_line_is_used_and_the_spelling_proposed_as_alias() -> None:
    plan = decided(a_return(a_unit(sku="tee–blk–m")))
    assert the_note(plan).lines[0].product_id == "p-tee-blk-m"
    assert [alias.cin7_sku for alias in plan.aliases] == ["TEE-BLK-M"]


def test_a_paid_invoice_takes_a_credit_note() -> None:
    assert the_note(decided(sale=a_sale(an_invoice(status=PAID)))).invoice_number == "INV-1"


@pytest.mark.parametrize("invoices", [(an_invoice(status=DRAFT),), (an_invoice(status=VOIDED),)])
def test_a_sale_without_an_authorised_invoice_waits_a_quarter_of_an_hour_at_most(invoices: tuple[Invoice]) -> None:
    plan = decided(sale=a_sale(*invoices))
    [wait] = plan.waits
    assert kinds(plan) == {ConcernType.INVOICE_NOT_AUTHORISED}
    assert wait.look_again <= timedelta(minutes=15)
    assert wait.concern is not None
    assert wait.concern.money == gbp(36)


def test_the_status_of_the_sale_does_not_matter() -> None:
    assert the_note(decided(sale=a_sale(status="ORDERED")))


def test_a_voided_sale_that_a_person_settled_is_refused_for_good() -> None:
    plan = decided(a_case(accepted=frozenset({ConcernType.SALE_VOIDED})), a_sale(status=VOIDED))
    assert (plan.actions, plan.waits) == ((), ())
    assert "voided" in plan.refusal


def test_a_voided_sale_needs_finance() -> None:
    assert kinds(decided(sale=a_sale(status=VOIDED))) == {ConcernType.SALE_VOIDED}


def test_each_invoice_gets_its_own_note_and_the_oldest_is_filled_first() -> None:
    newer = an_invoice(a_line(tax="6"), number="INV-A", invoiced_on=date(2026, 3, 9))
    older = an_invoice(a_line(tax="6"), number="INV-Z", invoiced_on=date(2026, 3, 2))
    plan = decided(a_return(a_unit("u1"), a_unit("u2")), a_sale(newer, older))
    notes = [action for action in plan.actions if isinstance(action, PostCreditNote)]
    assert {note.invoice_number: note.units for note in notes} == {"INV-Z": ("u1",), "INV-A": ("u2",)}


def test_a_unit_is_credited_at_the_line_whose_price_was_paid() -> None:
    gift = a_line(price="0", comment="free gift")
    sale = a_sale(an_invoice(gift, a_line(tax="6")), fulfilments=(a_fulfilment(a_pick(quantity=2)),))
    assert the_note(decided(sale=sale, terms=some_terms(gift_policy=GiftPolicy.IGNORE))).gross == gbp(36)


def test_a_sku_nobody_knows_goes_to_operations_with_the_nearest_products() -> None:
    plan = decided(a_return(a_unit(sku="TEE-BLACK-M")))
    [concern] = plan.all_concerns()
    assert (concern.kind, owner_of(concern.kind)) == (ConcernType.SKU_UNMATCHED, Owner.OPERATIONS)
    assert "TEE-BLK-M" in concern.next_step


def test_one_bad_unit_does_not_hold_the_others_of_an_advanced_sale() -> None:
    plan = decided(a_return(a_unit("u1"), a_unit("u2", sku="HAT")), a_sale(THREE))
    assert the_note(plan).units == ("u1",)
    assert kinds(plan) == {ConcernType.SKU_UNMATCHED}


@pytest.mark.parametrize("paid", ["36.06", "35.94", "41"])
def test_a_price_that_differs_from_the_invoice_needs_finance_until_accepted(paid: str) -> None:
    ret = a_return(a_unit(paid=paid))
    plan = decided(ret)
    [concern] = plan.all_concerns()
    assert concern.kind is ConcernType.AMOUNT_MISMATCH
    assert "36.00 GBP" in concern.cause
    assert concern.details["portal"] == paid
    assert the_note(decided(a_case(ret, accepted=frozenset({concern.kind})))).gross == gbp(36)


@pytest.mark.parametrize("paid", ["36.05", "35.95"])
def test_a_difference_within_the_tolerance_passes(paid: str) -> None:
    assert the_note(decided(a_return(a_unit(paid=paid)))).gross == gbp(36)


def test_a_shop_price_without_tax_is_compared_with_the_net_share() -> None:
    unit = replace(a_unit(paid="42", tax="8", currency="USD"), tax_included=False, shop_paid=gbp(30))
    assert the_note(decided(a_return(unit))).gross == gbp(36)


def test_a_yen_share_may_differ_by_the_smallest_coin() -> None:
    line = a_line(quantity=3, price="333.3333", total_="1000", currency="JPY")
    sale = a_sale(an_invoice(line), currency="JPY")
    assert the_note(decided(a_return(a_unit(paid="333", tax="0", currency="JPY")), sale)).gross.currency == "JPY"


def test_a_dinar_is_compared_to_three_places() -> None:
    sale = a_sale(an_invoice(a_line(price="1.005", currency="KWD")))
    ret = a_return(a_unit(paid="1.003", tax="0", currency="KWD"))
    assert kinds(decided(ret, sale, some_terms(amount_tolerance=d("0.001")))) == {ConcernType.AMOUNT_MISMATCH}


def test_a_price_in_neither_of_the_sales_currencies_needs_finance() -> None:
    plan = decided(a_return(a_unit(paid="40", currency="USD")))
    assert kinds(plan) == {ConcernType.CURRENCY_MISMATCH}


@pytest.mark.parametrize("ret", [a_return(original_order="#0999"), a_return(a_unit(tax="0"))])
def test_a_returned_exchange_item_is_never_credited_blindly(ret: Return) -> None:
    plan = decided(ret)
    assert (plan.actions, kinds(plan)) == ((), {ConcernType.RETURN_OF_EXCHANGE})


def test_an_inactive_tax_rule_is_replaced_by_its_successor() -> None:
    rules = (TaxRule(VAT, d(20), active=False, for_sale=True), TaxRule("VAT 20", d(20), active=True, for_sale=True))
    note = the_note(decided(terms=some_terms(tax_successors={VAT: "VAT 20"}), tax_rules=rules))
    assert note.lines[0].tax_rule == "VAT 20"


@pytest.mark.parametrize("rules", [(), (TaxRule(VAT, d(20), active=False, for_sale=True),)])
def test_a_tax_rule_cin7_no_longer_has_needs_finance(rules: tuple[TaxRule, ...]) -> None:
    assert kinds(decided(tax_rules=rules)) == {ConcernType.TAX_RULE_UNKNOWN}


def test_an_invoice_whose_totals_follow_no_rule_is_not_credited() -> None:
    plan = decided(sale=a_sale(an_invoice(a_line(tax="6", total_="33"))))
    [concern] = plan.all_concerns()
    assert concern.kind is ConcernType.AMOUNT_MISMATCH
    assert {"30.0000", "36.0000"} <= set(concern.details.values())


def test_another_returns_note_leaves_only_the_rest() -> None:
    other = a_note(a_line(quantity=2, tax="12"), memo="Returnline RL-000000000000 RMA RMA0900 order #1001")
    plan = decided(a_return(a_unit("u1"), a_unit("u2")), a_sale(THREE, notes=[other]))
    [concern] = plan.all_concerns()
    assert the_note(plan).units == ("u1",)
    assert concern.kind is ConcernType.OVER_CREDIT
    assert "CR-1" in concern.cause


def test_more_pieces_than_were_sold_are_stopped() -> None:
    plan = decided(a_return(a_unit("u1"), a_unit("u2")))
    assert the_note(plan).units == ("u1",)
    assert kinds(plan) == {ConcernType.OVER_RETURN}


def test_more_pieces_than_were_sold_stay_one_exception_after_the_rest_is_credited() -> None:
    ret = a_return(a_unit("u1"), a_unit("u2"), a_unit("u3"))
    two = an_invoice(a_line(quantity=2, tax="12"))
    first = decided(ret, a_sale(two))
    note = the_note(first)
    posted = a_note(a_line(quantity=2, tax="12"), memo=note.memo)
    after = decided(a_case(ret, done(*note.units, action=note)), a_sale(two, notes=[posted]))
    assert [(c.kind, c.cause) for c in first.all_concerns()] == [(c.kind, c.cause) for c in after.all_concerns()]
    assert kinds(after) == {ConcernType.OVER_RETURN}


def test_pieces_the_warehouse_did_not_find_are_not_returned_too_many() -> None:
    memo = "Returnline RL-000000000000 RMA RMA0900 order #1001"
    taken = a_note(a_line(quantity=2, tax="12"), memo=memo)
    ret = a_return(a_unit("u1"), a_unit("u2"), a_unit("u3", inspection=not_found()))
    plan = decided(ret, a_sale(an_invoice(a_line(quantity=2, tax="12")), notes=[taken]))
    assert ConcernType.OVER_RETURN not in kinds(plan)


@pytest.mark.parametrize(
    ("memo", "advised"), [("Returnline RL-000000000000 RMA RMA0900 order #1001", False), ("by hand", True)]
)
def test_only_a_note_of_somebody_else_is_ever_advised_to_be_voided(memo: str, advised: bool) -> None:
    case = a_case(a_return(a_unit("u1")), accepted=frozenset({ConcernType.NATIVE_DUPLICATE}))
    by_lines = decided(case, a_sale(notes=[a_note(a_line(tax="6"), memo=memo)]))
    by_amount = decided(case, a_sale(notes=[replace(a_note(memo=memo), total=gbp(20))]))
    for plan in (by_lines, by_amount):
        [concern] = plan.all_concerns()
        assert concern.kind is ConcernType.OVER_CREDIT
        assert ("void" in concern.next_step) is advised


def test_a_draft_note_counts_and_a_voided_one_does_not() -> None:
    memo = "Returnline RL-000000000000 RMA RMA0900 order #1001"
    draft = a_note(a_line(tax="6"), memo=memo, status=DRAFT, number="")
    assert kinds(decided(sale=a_sale(notes=[draft]))) == {ConcernType.OVER_CREDIT}
    assert the_note(decided(sale=a_sale(notes=[replace(draft, status=VOIDED)])))


def test_an_amount_credited_without_lines_is_taken_from_what_the_invoice_holds() -> None:
    lump = replace(a_note(memo="Returnline RL-000000000000 RMA RMA0900 order #1001"), total=gbp(20))
    assert kinds(decided(sale=a_sale(notes=[lump]))) == {ConcernType.OVER_CREDIT}


def test_units_already_credited_are_out() -> None:
    own = a_note(a_line(tax="6"), memo="Returnline RL-3eec1ce98a23 RMA RMA1001 order #1001")
    ret = a_return(a_unit("u1"), a_unit("u2"))
    plan = decided(a_case(ret, done("u1")), a_sale(THREE, notes=[own]))
    assert the_note(plan).units == ("u2",)


def test_a_return_fully_credited_needs_nothing_and_asks_nothing() -> None:
    case, books = a_case(a_return(), done("u1")), FakeBooks()
    facts = decision.gather(case, some_terms(), books)
    assert books.asked == 0
    assert decision.plan(case, facts, some_terms(), NOW) == Plan()


def test_a_note_still_on_its_way_holds_the_next_one() -> None:
    ret = a_return(a_unit("u1"), a_unit("u2"))
    plan = decided(a_case(ret, done("u1", state="UNCERTAIN", number="")), a_sale(THREE))
    assert (plan.actions, kinds(plan), len(plan.waits)) == ((), set(), 1)


def test_a_note_that_vanished_from_the_sale_holds_the_next_one() -> None:
    ret = a_return(a_unit("u1"), a_unit("u2"))
    assert kinds(decided(a_case(ret, done("u1")), a_sale(THREE))) == {ConcernType.CN_DRIFT}


def test_a_vanished_note_that_a_person_explained_holds_nothing() -> None:
    ret = a_return(a_unit("u1"), a_unit("u2"))
    case = a_case(ret, done("u1"), accepted=frozenset({ConcernType.CN_DRIFT}))
    assert the_note(decided(case, a_sale(THREE))).units == ("u2",)


def test_our_own_note_that_the_ledger_forgot_gives_the_same_key_again() -> None:
    first = the_note(decided())
    lost = a_note(a_line(tax="6"), memo=first.memo)
    assert the_note(decided(sale=a_sale(notes=[lost]))).key == first.key


def test_a_missing_unit_is_told_to_operations_and_not_credited() -> None:
    plan = decided(a_return(a_unit("u1", inspection=found_good()), a_unit("u2", inspection=not_found())), a_sale(THREE))
    [concern] = plan.all_concerns()
    assert the_note(plan).units == ("u1",)
    assert (concern.kind, concern.units) == (ConcernType.QTY_MISMATCH, ("u2",))


def test_a_finished_and_refunded_return_without_its_goods_is_told_to_customer_experience() -> None:
    money_out = Transaction("t1", "RefundToPaymentMethod", "Success", gbp(36), ("u1",))
    plan = decided(a_return(status=DONE, parcel="Shipped", transactions=(money_out,)))
    assert (plan.actions, kinds(plan)) == ((), {ConcernType.REFUNDED_NOT_RECEIVED})


def test_a_note_counts_against_the_invoice_it_names() -> None:
    memo = "Returnline RL-000000000000 RMA RMA0900 order #1001"
    first, second = an_invoice(a_line(tax="6"), number="INV-1"), an_invoice(a_line(tax="6"), number="INV-2")
    other = a_note(a_line(tax="6"), memo=memo, invoice_number="INV-2")
    assert the_note(decided(sale=a_sale(first, second, notes=[other]))).invoice_number == "INV-1"


def test_the_totals_of_a_draft_invoice_are_no_evidence() -> None:
    draft = an_invoice(a_line("HAT", tax="6", total_="33"), number="INV-2", status=DRAFT)
    assert the_note(decided(sale=a_sale(an_invoice(), draft))).invoice_number == "INV-1"


def test_direct_style_is_passed_on() -> None:
    assert the_note(decided(terms=some_terms(style=NoteStyle.DIRECT))).direct


@given(order=st.permutations(["u1", "u2", "u3", "u4"]))
def test_the_order_of_the_units_does_not_matter(order: list[str]) -> None:
    units = {unit_id: a_unit(unit_id) for unit_id in order}
    units["u3"] = a_unit("u3", reason="Faulty")
    sale = a_sale(THREE)
    plan = decided(a_return(*(units[unit_id] for unit_id in order)), sale)
    assert plan == decided(a_return(*(units[unit_id] for unit_id in sorted(order))), sale)


@given(
    batches=st.lists(st.sets(st.sampled_from("abcdefg"), min_size=1), min_size=1, max_size=6),
    total=st.integers(1, 10**6),
)
def test_partial_returns_never_credit_more_than_the_invoice_and_all_of_them_credit_exactly_it(
    batches: list[set[str]], total: int
) -> None:
    amount = d(total).scaleb(-4)
    line = a_line(quantity=7, price=str(amount / 7), total_=str(amount))
    sale, case = a_sale(an_invoice(line)), a_case()
    accepted = frozenset({ConcernType.AMOUNT_MISMATCH})
    for number, batch in enumerate([*batches, set("abcdefg")]):
        fresh = sorted(batch - case.covered("credit"))
        if not fresh:
            continue
        case = a_case(a_return(*(a_unit(unit, tax="0") for unit in fresh)), *case.effects, accepted=accepted)
        note = the_note(decided(case, sale))
        made = a_note(*note.lines, number=f"CR-{number}", memo=note.memo)
        sale = replace(sale, credit_notes=(*sale.credit_notes, made))
        case = replace(case, effects=(*case.effects, replace(done(*fresh, number=made.number), key=note.key)))
    assert sum(note.total.amount for note in sale.credit_notes) == amount
