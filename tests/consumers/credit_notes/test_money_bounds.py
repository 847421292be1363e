"""Every bound on money: exactly the bound passes, one coin more does not; and what earlier notes took is gone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.concerns import ConcernType
from schemas.money import Money
from schemas.returns import DONE, ExchangeItem
from schemas.sales import TaxRule
from tests.consumers.builders import (
    a_case,
    a_line,
    a_note,
    a_return,
    a_sale,
    a_tenant,
    a_unit,
    an_invoice,
    d,
    gbp,
)
from tests.consumers.credit_notes.money_stories import (
    a_credit,
    a_refund,
    money_terms,
    posted,
    shipping,
    taken,
    with_shipping,
)
from tests.consumers.credit_notes.test_known_parts import a_charge, with_charges
from tests.consumers.decide import decided, kinds, the_note

MISMATCH = {ConcernType.AMOUNT_MISMATCH}
OTHERS = "Returnline RL-000000000000 RMA RMA0900 order #1001"
TWO = an_invoice(a_line(quantity=2, tax="12"))


# -- the boundary table -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("paid", "passes"), [("36.05", True), ("36.06", False), ("35.95", True), ("35.94", False)])
def test_the_portals_price_of_a_piece(paid: str, passes: bool) -> None:
    assert kinds(decided(a_return(a_unit(paid=paid)), terms=money_terms())) == (set() if passes else MISMATCH)


@pytest.mark.parametrize(("refund", "passes"), [("41", True), ("41.01", False), ("31", True), ("30.99", False)])
def test_goodwill_and_short_refunds(refund: str, passes: bool) -> None:
    ret = a_return(transactions=(a_refund(refund, "u1"),))
    plan = decided(ret, terms=money_terms(goodwill_tolerance=d(5)))
    assert kinds(plan) == (set() if passes else MISMATCH)
    assert not passes or the_note(plan).gross == gbp(refund)


@pytest.mark.parametrize(("refund", "passes"), [("54", True), ("54.01", False)])
def test_a_bonus_on_store_credit_is_at_most_half_of_the_price(refund: str, passes: bool) -> None:
    ret = a_return(transactions=(a_credit(refund, "u1"),))
    assert kinds(decided(ret, terms=money_terms())) == (set() if passes else MISMATCH)


@pytest.mark.parametrize(("refund", "passes"), [("54", True), ("54.01", False)])
def test_a_bonus_after_the_note_is_at_most_half_of_it(refund: str, passes: bool) -> None:
    first = the_note(decided(sale=a_sale(TWO), terms=money_terms()))
    case = a_case(a_return(status=DONE, transactions=(a_credit(refund, "u1"),)), taken(first))
    assert kinds(decided(case, a_sale(TWO, notes=[posted(first)]), money_terms())) == (set() if passes else MISMATCH)


@pytest.mark.parametrize(("refund", "passes"), [("36.05", True), ("36.06", False)])
def test_pennies_after_the_note(refund: str, passes: bool) -> None:
    first = the_note(decided(sale=a_sale(TWO), terms=money_terms()))
    case = a_case(a_return(status=DONE, transactions=(a_refund(refund, "u1"),)), taken(first))
    assert kinds(decided(case, a_sale(TWO, notes=[posted(first)]), money_terms())) == (set() if passes else MISMATCH)


@pytest.mark.parametrize(("price", "tax", "passes"), [("35.95", "5.95", True), ("35.94", "5.94", False)])
def test_the_tax_of_a_returned_exchange(price: str, tax: str, passes: bool) -> None:
    unit = a_unit(paid=price, tax=tax)
    sale = a_sale(an_invoice(a_line(tax="6"), status="PAID"))
    plan = decided(a_return(unit, original_order="#0999"), sale, money_terms())
    assert (kinds(plan) == set()) is passes


@pytest.mark.parametrize(("others", "held"), [("36.05", True), ("36.06", False), ("35.95", True), ("35.94", False)])
def test_a_lump_sum_of_somebody_else_that_is_just_this_return(others: str, held: bool) -> None:
    sale = a_sale(an_invoice(a_line(quantity=3, tax="18")), notes=[a_note(total=gbp(others))])
    plan = decided(sale=sale, terms=money_terms())
    assert (kinds(plan) == {ConcernType.NATIVE_DUPLICATE}) is held


@pytest.mark.parametrize(("rows", "passes"), [(12, True), (14, False)])
def test_tax_worked_out_over_the_whole_document(rows: int, passes: bool) -> None:
    """Row by row 0.03 has 0.01 of tax; over 12 rows 0.12 instead of 0.07, over 14 rows 0.14 instead of 0.08."""
    lines = [a_line(f"PIN-{n}", price="0.03", tax="0.01") for n in range(rows)]
    net = d(30) + d("0.03") * rows
    tax = (net / 5).quantize(d("0.01"))
    invoice = an_invoice(a_line(tax="6"), *lines, tax=gbp(str(tax)), total=gbp(str(net + tax)))
    ret = a_return(*(a_unit(f"u{n}", f"PIN-{n}", "0.04", tax="0.01") for n in range(rows)))
    plan = decided(ret, a_sale(invoice), money_terms(), company=a_tenant(tax_calculation="Total"))
    assert kinds(plan) == (set() if passes else {ConcernType.TAX_VARIANCE})
    assert not passes or the_note(plan).tax == gbp("0.07")


# -- what earlier notes took ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("given", "room"), [("36", True), ("36.03", False), ("72", False)])
def test_a_note_of_charges_alone_uses_up_the_invoice_whatever_its_charge_is_called(given: str, room: bool) -> None:
    lump = a_note(charges=(a_charge("Something else", given),), total=gbp(given), memo=OTHERS)
    plan = decided(sale=a_sale(TWO, notes=[lump]), terms=money_terms())
    assert kinds(plan) == (set() if room else {ConcernType.OVER_CREDIT})


@pytest.mark.parametrize("number", ["INV-1", ""])
def test_shipping_given_back_counts_with_or_without_an_invoice_number(number: str) -> None:
    invoice = with_shipping(quantity=2, tax="12")
    note = a_note(a_line(tax="6"), memo=OTHERS, invoice_number=number)
    note = replace(note, charges=(shipping(),), total=gbp(42))
    ret = a_return(transactions=(a_refund("42", "u1"),))
    plan = decided(ret, a_sale(invoice, notes=[note]), money_terms())
    assert (plan.actions, kinds(plan)) == ((), MISMATCH)


def test_a_note_without_invoice_number_takes_no_shipping_where_there_are_two_invoices() -> None:
    one, other = with_shipping(quantity=2, tax="12"), an_invoice(a_line("CAP", tax="6"), number="INV-2")
    note = replace(a_note(a_line("CAP", tax="6"), memo=OTHERS, invoice_number=""), charges=(shipping(),))
    ret = a_return(transactions=(a_refund("42", "u1"),))
    assert the_note(decided(ret, a_sale(one, other, notes=[note]), money_terms())).gross == gbp(42)


@pytest.mark.parametrize("parts", [("2", "2", "2"), ("1.2001", "3.5999", "1.2"), ("0.01", "5.98", "0.01")])
def test_parts_of_a_charge_add_up_to_the_charge(parts: tuple[str, ...]) -> None:
    """Three earlier parts of 6.00 leave nothing; without the last one, just that is left."""
    invoice = with_shipping(quantity=9, tax="54")
    notes = [
        replace(a_note(a_line(tax="6"), memo=OTHERS, number=f"CR-{n}"), charges=(shipping(part, "0"),), total=gbp(part))
        for n, part in enumerate(parts)
    ]
    ret = a_return(transactions=(a_refund(str(36 + d(parts[-1]).quantize(d("0.01"))), "u1"),))
    strict = money_terms(amount_tolerance=d(0), return_tolerance=d(0))
    left = a_sale(invoice, notes=notes[:-1])
    note = the_note(decided(ret, left, strict))
    assert abs(note.gross.amount - 36 - d(parts[-1])) < d("0.01")
    if d(parts[-1]) > d("0.01"):
        assert kinds(decided(ret, a_sale(invoice, notes=notes), strict)) == MISMATCH


@pytest.mark.parametrize("split", [(1, 1, 1), (2, 1), (1, 2), (3,)])
@pytest.mark.parametrize(("total_", "tax"), [("10", "2"), ("0.02", "0.01"), ("99.9999", "19.9999")])
def test_parts_of_a_line_add_up_to_the_line(split: tuple[int, ...], total_: str, tax: str) -> None:
    line = a_line(quantity=3, price=str((d(total_) / 3).quantize(d("0.0001"))), tax=tax, total_=total_)
    sale, case = a_sale(an_invoice(line)), a_case(accepted=frozenset({*MISMATCH, ConcernType.RETURN_OF_EXCHANGE}))
    gross, units = d(0), 0
    for number, count in enumerate(split):
        units += count
        each = str(((d(total_) + d(tax)) / 3).quantize(d("0.01")))
        ret = a_return(*(a_unit(f"u{n}", paid=each, tax=tax) for n in range(units)))
        note = the_note(decided(replace(case, ret=ret), sale, money_terms()))
        gross += note.gross.amount
        name = f"CR-{number}"
        sale = replace(sale, credit_notes=(*sale.credit_notes, posted(note, name)))
        case = replace(case, effects=(*case.effects, taken(note, name)))
    assert gross == d(total_) + d(tax)


@pytest.mark.parametrize(
    ("others", "mine"),
    [("29.99", "30.01"), ("30.01", "29.99"), ("29.98", "30"), ("30.02", None)],
)
def test_others_may_be_off_by_a_coin_a_piece_and_the_last_piece_takes_the_rest(others: str, mine: str | None) -> None:
    """Further off below, the sold line decides instead; further off above, too little is left."""
    note = replace(a_note(a_line(price=others, tax="6")), memo=OTHERS)
    plan = decided(sale=a_sale(TWO, notes=[note]), terms=money_terms())
    if mine is None:
        assert (plan.actions, kinds(plan)) == ((), {ConcernType.OVER_CREDIT})
    else:
        assert the_note(plan).net == gbp(mine)


# -- prices in another currency ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("included", "shop_paid", "passes"),
    [(False, "30", True), (False, "36", False), (True, "36", True), (True, "30", False), (False, "30.05", True)],
)
def test_a_price_of_the_shop_without_tax_is_compared_with_the_net(included: bool, shop_paid: str, passes: bool) -> None:
    unit = a_unit(paid="60", tax="12", currency="USD", tax_included=included, shop_paid=gbp(shop_paid))
    plan = decided(a_return(unit), terms=money_terms())
    assert kinds(plan) == (set() if passes else MISMATCH)


def test_a_price_in_neither_currency_is_a_persons_call() -> None:
    unit = a_unit(paid="60", currency="USD", shop_paid=Money(d(50), "EUR"))
    assert kinds(decided(a_return(unit), terms=money_terms())) == {ConcernType.CURRENCY_MISMATCH}


def test_an_exchange_difference_is_never_read_as_shipping() -> None:
    unit = a_unit(exchange_items=(ExchangeItem("TEE-BLK-L", "v", 1),))
    sale = a_sale(with_charges(an_invoice(a_line(tax="6")), a_charge("Shipping", "5", "1")))
    rules = [TaxRule("20% (VAT on Income)", d(20), active=True, for_sale=True)]
    ret = a_return(unit, transactions=(a_refund("6", "u1"),))
    assert the_note(decided(ret, sale, money_terms(), tax_rules=rules)).charges == ()
