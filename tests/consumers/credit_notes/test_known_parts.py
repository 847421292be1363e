"""A refund as a sum of known parts: exact before near, one meaning before several, and pennies that are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from consumers.case import Plan
from schemas.actions import PostCreditNote
from schemas.concerns import ConcernType
from schemas.money import Money
from schemas.returns import DONE, Return, Transaction
from schemas.sales import Charge, Invoice, Sale
from schemas.terms import ChargeRule, ShippingRefund, Terms
from tests.consumers.builders import VAT, a_case, a_line, a_return, a_sale, a_unit, an_invoice, d, gbp
from tests.consumers.credit_notes.money_stories import a_credit, a_refund, money_terms, posted, taken
from tests.consumers.decide import decided, kinds, the_note

MISMATCH = {ConcernType.AMOUNT_MISMATCH}
ACCEPTED = frozenset(MISMATCH)
NAMED = {**money_terms().adjustments, "shipping": ChargeRule("Shipping", "210", VAT)}


def a_charge(name: str, net: str, tax: str = "0", currency: str = "GBP", *, inclusive: bool = False) -> Charge:
    price = Money(d(net) + (d(tax) if inclusive else 0), currency)
    zero = Money(d(0), currency)
    return Charge(name, d(1), price, zero.amount, Money(d(tax), currency), price, VAT, account="210")


def with_charges(invoice: Invoice, *charges: Charge, inclusive: bool = False) -> Invoice:
    """The invoice with these charges on top."""
    currency = invoice.total.currency
    tax = Money(sum((c.tax.amount for c in charges), d(0)), currency)
    amount = Money(sum((c.total.amount for c in charges), d(0)), currency)
    net = amount - tax if inclusive else amount
    return replace(
        invoice,
        charges=charges,
        total_before_tax=invoice.total_before_tax + net,
        tax=invoice.tax + tax,
        total=invoice.total + net + tax,
    )


def socks(count: int, *charges: Charge, **line: Any) -> Sale:
    """So many pairs at 6.00, tax inside, and the charges of their invoice."""
    sold = a_line("SOCK", count, **{"price": "6", "tax": str(count), **line})
    invoice = with_charges(an_invoice(sold, inclusive=True), *charges, inclusive=True)
    return a_sale(invoice, tax_inclusive=True)


def pairs(count: int, *rows: Transaction, paid: str = "6", status: str = "Validated", **unit: Any) -> Return:
    units = [a_unit(f"u{n}", "SOCK", paid, tax="1", **unit) for n in range(count)]
    return a_return(*units, transactions=rows, status=status)


def post_of(net: str, tax: str = "0") -> Charge:
    return a_charge("Shipping", net, tax, inclusive=True)


def told(plan: Plan, *words: str) -> bool:
    return any(all(word in remark for word in words) for remark in plan.remarks)


# -- an exact sum before anything near --------------------------------------------------------------------------------


def test_shipping_hidden_in_the_tolerance_of_many_pieces_is_credited() -> None:
    note = the_note(decided(pairs(100, a_refund("604.80")), socks(100, post_of("4", "0.8")), money_terms()))
    assert (note.gross, [extra.kind for extra in note.extras]) == (gbp("604.80"), ["shipping"])
    assert note.charges[0].description == "Shipping"


@pytest.mark.parametrize("amount", ["0.02", "0.30", "4.80"])
def test_a_charge_is_credited_however_small_it_is_beside_the_tolerance(amount: str) -> None:
    refund = str(d(600) + d(amount))
    note = the_note(decided(pairs(100, a_refund(refund)), socks(100, post_of(amount)), money_terms()))
    assert (note.gross, len(note.charges)) == (gbp(refund), 1)


def test_a_fee_smaller_than_the_tolerance_of_many_pieces_is_kept_or_let_go_as_the_refund_says() -> None:
    units = [a_unit(f"u{n}", "SOCK", "6", tax="1") for n in range(100)]
    units[0] = replace(units[0], restocking_fee=d("0.45"))
    for refund, kept in (("599.55", 1), ("600", 0)):
        ret = a_return(*units, transactions=(a_refund(refund),))
        note = the_note(decided(ret, socks(100), money_terms()))
        assert (note.gross, len(note.charges)) == (gbp(refund), kept)


def test_one_fee_may_be_kept_and_another_let_go() -> None:
    unit = a_unit(restocking_fee=d(5), return_fee=d(4))
    plan = decided(a_return(unit, transactions=(a_refund("31", "u1"),)), terms=money_terms())
    assert [extra.kind for extra in the_note(plan).extras if extra.gross] == ["fee:restocking"]
    assert told(plan, "no return fee")


def test_several_charges_and_a_fee_let_go_add_up() -> None:
    sale = socks(10, post_of("4.80"), a_charge("Gift wrapping", "3.10", inclusive=True))
    ret = pairs(10, a_refund("67.90"))
    ret = replace(ret, cancellation_fee=d(7))
    note = the_note(decided(ret, sale, money_terms()))
    assert (note.gross, len(note.charges)) == (gbp("67.90"), 2)


def test_a_discount_of_the_invoice_comes_off_the_credit_as_it_came_off_the_refund() -> None:
    discount = a_charge("Discount", "-4", "-0.8", inclusive=True)
    plan = decided(pairs(100, a_refund("595.20"), paid="5.95"), socks(100, discount), money_terms())
    note = the_note(plan)
    assert (note.gross, note.charges[0].total, note.extras[0].kind) == (gbp("595.20"), gbp("-4.80"), "discount")
    assert told(plan, "less 4.80 GBP of 'Discount'")


def test_half_of_the_goods_take_half_of_the_discount_and_the_rest_the_rest() -> None:
    sale = socks(100, a_charge("Discount", "-4", "-0.8", inclusive=True))
    first = the_note(decided(pairs(50, a_refund("297.60"), paid="5.95"), sale, money_terms()))
    later = replace(pairs(50, a_refund("297.60"), paid="5.95"), rma_id="RMA1002")
    second = the_note(decided(later, replace(sale, credit_notes=(posted(first),)), money_terms()))
    assert (first.gross, second.gross) == (gbp("297.60"), gbp("297.60"))


def test_goods_in_full_beside_a_discount_are_more_than_the_invoice() -> None:
    plan = decided(pairs(100), socks(100, a_charge("Discount", "-40", inclusive=True)), money_terms())
    assert (plan.actions, kinds(plan)) == ((), {ConcernType.OVER_CREDIT})


def test_one_of_two_charges_of_a_name_may_be_given_back_alone() -> None:
    sale = socks(10, post_of("4.80"), post_of("4.80"))
    assert the_note(decided(pairs(10, a_refund("64.80")), sale, money_terms())).gross == gbp("64.80")
    assert the_note(decided(pairs(10, a_refund("69.60")), sale, money_terms())).gross == gbp("69.60")


def test_each_invoice_gives_back_its_own_shipping_on_its_own_note() -> None:
    one = with_charges(an_invoice(a_line(tax="6")), a_charge("Shipping", "5", "1"))
    other = with_charges(an_invoice(a_line("CAP", tax="6"), number="INV-2"), a_charge("Shipping", "2", "0.4"))
    ret = a_return(a_unit(), a_unit("u2", "CAP"), transactions=(a_refund("80.40"),))
    plan = decided(ret, a_sale(one, other), money_terms())
    given = {n.invoice_number: n.gross for n in plan.actions if isinstance(n, PostCreditNote)}
    assert given == {"INV-1": gbp(42), "INV-2": gbp("38.40")}


@pytest.mark.parametrize(("currency", "price", "post"), [("JPY", "600", "48"), ("KWD", "6", "4.875")])
def test_the_coin_of_the_currency_decides_what_is_exact(currency: str, price: str, post: str) -> None:
    line = a_line("SOCK", 100, price, currency=currency)
    charge = a_charge("Shipping", post, currency=currency)
    sale = a_sale(with_charges(an_invoice(line), charge), currency=currency)
    units = [a_unit(f"u{n}", "SOCK", price, tax="0", currency=currency) for n in range(100)]
    refund = d(price) * 100 + d(post)
    ret = a_return(*units, transactions=(a_refund(str(refund), currency=currency),))
    note = the_note(decided(ret, sale, money_terms()))
    assert (note.gross, len(note.charges)) == (Money(refund, currency), 1)


def test_prices_without_tax_find_the_shipping_too() -> None:
    units = [a_unit(f"u{n}", "SOCK", "5", tax="1", tax_included=False) for n in range(100)]
    invoice = with_charges(an_invoice(a_line("SOCK", 100, "5", tax="100")), a_charge("Shipping", "4", "0.8"))
    ret = a_return(*units, transactions=(a_refund("604.80"),))
    assert the_note(decided(ret, a_sale(invoice), money_terms())).gross == gbp("604.80")


def test_shipping_refunded_in_the_shoppers_currency_is_the_invoices_charge() -> None:
    units = [a_unit(f"u{n}", "SOCK", "7.56", tax="1", currency="USD", shop_paid=gbp(6)) for n in range(100)]
    ret = a_return(*units, transactions=(a_refund("762.05", currency="USD"),))
    note = the_note(decided(ret, socks(100, post_of("4.80")), money_terms()))
    assert (note.gross, note.extras[0].kind) == (gbp("604.80"), "shipping")


# -- what may pass is bounded, and told -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pieces", "beyond", "passes"),
    [
        (1, "0.05", True), (1, "0.06", False), (1, "-0.05", True), (1, "-0.06", False),
        (4, "0.20", True), (4, "0.21", False),
        (100, "0.50", True), (100, "0.51", False), (100, "-0.50", True), (100, "-0.51", False), (500, "0.51", False),
    ],
)  # fmt: skip
def test_what_may_pass_is_so_much_a_piece_and_never_more_than_so_much_a_return(
    pieces: int, beyond: str, passes: bool
) -> None:
    plan = decided(pairs(pieces, a_refund(str(6 * pieces + d(beyond)))), socks(pieces), money_terms())
    assert kinds(plan) == (set() if passes else MISMATCH)
    assert not passes or told(plan, f"{d(beyond):.2f} GBP of rounding")


def test_the_bound_of_a_return_is_the_merchants() -> None:
    ret, sale = pairs(100, a_refund("602")), socks(100)
    assert kinds(decided(ret, sale, money_terms())) == MISMATCH
    assert the_note(decided(ret, sale, money_terms(return_tolerance=d(2)))).gross == gbp(600)
    strict = money_terms(amount_tolerance=d(0), return_tolerance=d(0))
    assert kinds(decided(pairs(100, a_refund("600.02")), sale, strict)) == MISMATCH


def test_a_bound_below_one_piece_never_forbids_what_one_piece_may() -> None:
    terms = money_terms(amount_tolerance=d(1), return_tolerance=d("0.10"))
    assert the_note(decided(pairs(1, a_refund("7")), socks(1), terms)).gross == gbp(6)


@pytest.mark.parametrize(("currency", "one", "more"), [("JPY", "1", "2"), ("KWD", "0.050", "0.051")])
def test_no_bound_is_below_the_coin_of_the_currency(currency: str, one: str, more: str) -> None:
    sale = a_sale(an_invoice(a_line("SOCK", 1, "600", currency=currency)), currency=currency)
    for beyond, expected in ((one, set()), (more, MISMATCH)):
        row = a_refund(str(600 + d(beyond)), currency=currency)
        ret = a_return(a_unit("u1", "SOCK", "600", tax="0", currency=currency), transactions=(row,))
        assert kinds(decided(ret, sale, money_terms())) == expected


def test_pennies_let_be_go_to_the_rounding_account_where_there_is_one() -> None:
    terms = money_terms(adjustments={"rounding": ChargeRule("Rounding", "404", VAT)})
    note = the_note(decided(pairs(100, a_refund("600.30")), socks(100), terms))
    assert (note.gross, note.extras[0].kind) == (gbp("600.30"), "rounding")


def test_prices_that_the_portal_rounds_are_no_difference_to_ask_about_but_are_told() -> None:
    line = a_line("SOCK", 300, "3.3333", tax="0", total_="1000")
    ret = pairs(300, a_refund("999"), paid="3.33")
    plan = decided(ret, a_sale(an_invoice(line)), money_terms())
    assert (the_note(plan).gross, kinds(plan)) == (gbp(1000), set())
    assert told(plan, "-1.00 GBP of rounding")


def test_rounded_prices_and_the_shipping_are_told_apart() -> None:
    invoice = with_charges(
        an_invoice(a_line("SOCK", 300, "3.3333", tax="0", total_="1000")), a_charge("Shipping", "4.80")
    )
    plan = decided(pairs(300, a_refund("1003.80"), paid="3.33"), a_sale(invoice), money_terms())
    assert (the_note(plan).gross, len(the_note(plan).charges)) == (gbp("1004.80"), 1)


@pytest.mark.parametrize("refund", [(), (a_refund("605"),)])
def test_prices_each_within_the_tolerance_that_add_up_to_real_money_are_asked_about(
    refund: Sequence[Transaction],
) -> None:
    plan = decided(pairs(100, *refund, paid="6.05"), socks(100), money_terms())
    assert (plan.actions, kinds(plan)) == ((), MISMATCH)


def test_prices_a_little_apart_are_told_before_any_refund() -> None:
    plan = decided(pairs(10, paid="6.04"), socks(10), money_terms())
    assert told(plan, "0.40 GBP beside the invoice")
    assert the_note(plan).gross == gbp(60)


def test_the_bound_holds_over_all_notes_of_a_return() -> None:
    sale, terms = socks(20), money_terms()
    first = the_note(decided(pairs(10, paid="6.04"), sale, terms))
    case = a_case(pairs(20, paid="6.04"), taken(first))
    plan = decided(case, replace(sale, credit_notes=(posted(first),)), terms)
    assert (plan.actions, kinds(plan)) == ((), MISMATCH)


def test_an_exact_refund_is_credited_whatever_the_single_prices_say() -> None:
    note = the_note(decided(pairs(100, a_refund("600"), paid="6.05"), socks(100), money_terms()))
    assert (note.gross, note.charges) == (gbp(600), ())


# -- one amount, several meanings -------------------------------------------------------------------------------------

WRAPPING, SHIPPING = a_charge("Gift wrapping", "5", "1"), a_charge("Shipping", "5", "1")
TEE = an_invoice(a_line(tax="6"))


def refunded(amount: str, **unit: Any) -> Return:
    return a_return(a_unit(**unit), transactions=(a_refund(amount, "u1"),))


@pytest.mark.parametrize("charges", [(WRAPPING, SHIPPING), (SHIPPING, WRAPPING)])
def test_an_amount_that_fits_two_charges_is_a_persons_call(charges: tuple[Charge, ...]) -> None:
    plan = decided(refunded("42"), a_sale(with_charges(TEE, *charges)), money_terms())
    [concern] = plan.all_concerns()
    assert (plan.actions, concern.kind) == ((), ConcernType.AMOUNT_MISMATCH)
    assert "Gift wrapping" in concern.cause
    assert "Shipping" in concern.cause
    assert "terms.adjustments.shipping" in concern.next_step


@pytest.mark.parametrize("charges", [(WRAPPING, SHIPPING), (SHIPPING, WRAPPING)])
def test_the_charge_that_the_settings_name_as_shipping_is_the_one(charges: tuple[Charge, ...]) -> None:
    note = the_note(decided(refunded("42"), a_sale(with_charges(TEE, *charges)), money_terms(adjustments=NAMED)))
    assert (note.charges[0].description, note.gross) == ("Shipping", gbp(42))


def test_a_charge_beside_the_named_shipping_is_given_back_where_nothing_else_fits() -> None:
    sale = a_sale(with_charges(TEE, a_charge("Gift wrapping", "2", "0.4"), SHIPPING))
    note = the_note(decided(refunded("38.40"), sale, money_terms(adjustments=NAMED)))
    assert [charge.description for charge in note.charges] == ["Gift wrapping"]


def test_a_charge_and_the_sum_of_two_others_are_two_meanings() -> None:
    invoice = with_charges(TEE, SHIPPING, a_charge("Insurance", "2"), a_charge("Wrapping", "4"))
    assert kinds(decided(refunded("42"), a_sale(invoice), money_terms())) == MISMATCH
    note = the_note(decided(refunded("42"), a_sale(invoice), money_terms(adjustments=NAMED)))
    assert [charge.description for charge in note.charges] == ["Shipping"]


def test_a_fee_let_go_and_a_shipping_of_the_same_size_are_two_meanings() -> None:
    ret, sale = refunded("36", restocking_fee=d(6)), a_sale(with_charges(TEE, SHIPPING))
    assert kinds(decided(ret, sale, money_terms())) == MISMATCH
    note = the_note(decided(ret, sale, money_terms(adjustments=NAMED)))
    assert (note.gross, sorted(e.kind for e in note.extras)) == (gbp(36), ["fee:restocking", "shipping"])


def test_shipping_as_much_as_another_piece_of_goods_is_two_meanings() -> None:
    invoice = with_charges(an_invoice(a_line(tax="6"), a_line("CAP", price="5", tax="1")), SHIPPING)
    plan = decided(refunded("42"), a_sale(invoice), money_terms())
    assert (plan.actions, kinds(plan)) == ((), MISMATCH)
    assert "CAP" in plan.all_concerns()[0].cause
    named = money_terms(adjustments=NAMED)
    assert the_note(decided(refunded("42"), a_sale(invoice), named)).gross == gbp(42)


def test_goods_that_come_back_too_are_no_other_meaning() -> None:
    invoice = with_charges(an_invoice(a_line(tax="6"), a_line("CAP", price="5", tax="1")), SHIPPING)
    units = (a_unit(), a_unit("u2", "CAP", "6", tax="1"))
    note = the_note(decided(a_return(*units, transactions=(a_refund("48"),)), a_sale(invoice), money_terms()))
    assert note.gross == gbp(48)


def test_several_meanings_are_not_goodwill_within_its_limit() -> None:
    sale = a_sale(with_charges(TEE, WRAPPING, SHIPPING))
    assert kinds(decided(refunded("42"), sale, money_terms(goodwill_tolerance=d(10)))) == MISMATCH
    case = a_case(refunded("42"), accepted=ACCEPTED)
    note = the_note(decided(case, sale, money_terms()))
    assert (note.gross, note.extras[0].kind) == (gbp(42), "goodwill")


def test_part_of_one_of_several_charges_is_taken_from_the_named_one_or_from_none() -> None:
    sale = a_sale(with_charges(TEE, WRAPPING, SHIPPING))
    up_to = ShippingRefund.UP_TO
    assert kinds(decided(refunded("39"), sale, money_terms(shipping_refunds=up_to))) == MISMATCH
    note = the_note(decided(refunded("39"), sale, money_terms(shipping_refunds=up_to, adjustments=NAMED)))
    assert [charge.description for charge in note.charges] == ["Shipping"]


# -- money that comes after the note ----------------------------------------------------------------------------------


def after_the_note(sale: Sale, count: int, *rows: Transaction, terms: Terms | None = None, **more: Any) -> Plan:
    """All pieces are credited at their price; then the money goes out."""
    used = terms or money_terms()
    first = the_note(decided(pairs(count), sale, used))
    case = a_case(pairs(count, *rows, status=DONE), taken(first), **more)
    return decided(case, replace(sale, credit_notes=(posted(first),)), used)


def test_shipping_refunded_after_the_note_is_found_however_many_pieces_hide_it() -> None:
    note = the_note(after_the_note(socks(100, post_of("4.80")), 100, a_refund("604.80")))
    assert (note.gross, note.lines, note.extras[0].kind) == (gbp("4.80"), (), "shipping")


def test_real_money_after_the_note_is_asked_about_however_many_pieces_there_are() -> None:
    assert kinds(after_the_note(socks(100), 100, a_refund("604.80"))) == {ConcernType.REFUND_WITHOUT_ITEMS}
    assert kinds(after_the_note(socks(100), 100, a_refund("595.20"))) == MISMATCH


@pytest.mark.parametrize("amount", ["600.30", "599.70", "600.01"])
def test_pennies_after_the_note_are_let_be_and_told(amount: str) -> None:
    plan = after_the_note(socks(100), 100, a_refund(amount))
    assert (plan.actions, plan.all_concerns()) == ((), ())
    assert told(plan, amount, "let be")


def test_money_after_the_note_that_fits_two_charges_is_a_persons_call() -> None:
    sale = socks(10, post_of("4.80"), a_charge("Gift wrapping", "4.80", inclusive=True))
    plan = after_the_note(sale, 10, a_refund("64.80"))
    [concern] = plan.all_concerns()
    assert (plan.actions, concern.kind) == ((), ConcernType.REFUND_WITHOUT_ITEMS)
    assert "Gift wrapping" in concern.next_step
    named = money_terms(adjustments=NAMED)
    assert the_note(after_the_note(sale, 10, a_refund("64.80"), terms=named)).charges[0].description == "Shipping"


def test_a_refund_without_items_as_much_as_a_piece_of_goods_is_a_persons_call() -> None:
    sale = a_sale(with_charges(an_invoice(a_line("CAP", price="5", tax="1")), SHIPPING))
    case = a_case(replace(a_return(transactions=(a_refund("6"),)), units=()))
    assert kinds(decided(case, sale, money_terms())) == {ConcernType.REFUND_WITHOUT_ITEMS}


def test_two_charges_of_one_invoice_may_come_back_without_items() -> None:
    sale = a_sale(with_charges(TEE, a_charge("Gift wrapping", "3"), SHIPPING))
    case = a_case(replace(a_return(transactions=(a_refund("9"),)), units=()))
    assert (the_note(decided(case, sale, money_terms())).gross, len(sale.invoices)) == (gbp(9), 1)


def test_money_in_the_shoppers_currency_after_the_note_is_compared_at_the_orders_rate() -> None:
    units = [a_unit(f"u{n}", "SOCK", "7.56", tax="1", currency="USD", shop_paid=gbp(6)) for n in range(100)]
    sale = socks(100, post_of("4.80"))
    first = the_note(decided(a_return(*units), sale, money_terms()))
    for amount, more in (("756", None), ("762.05", gbp("4.80"))):
        ret = a_return(*units, transactions=(a_refund(amount, currency="USD"),), status=DONE)
        plan = decided(a_case(ret, taken(first)), replace(sale, credit_notes=(posted(first),)), money_terms())
        assert [note.gross for note in plan.actions if isinstance(note, PostCreditNote)] == ([more] if more else [])
        assert plan.all_concerns() == ()


def test_a_short_refund_in_the_shoppers_currency_after_the_note_is_told() -> None:
    unit = a_unit(paid="72", tax="12", currency="USD", shop_paid=gbp(36))
    first = the_note(decided(a_return(unit), terms=money_terms()))
    ret = a_return(unit, transactions=(a_refund("60", "u1", currency="USD"),), status=DONE)
    [concern] = decided(a_case(ret, taken(first)), a_sale(notes=[posted(first)]), money_terms()).all_concerns()
    assert (concern.kind, concern.money) == (ConcernType.AMOUNT_MISMATCH, gbp(6))


def test_store_credit_finds_the_shipping_like_any_refund() -> None:
    note = the_note(decided(pairs(100, a_credit("604.80")), socks(100, post_of("4.80")), money_terms()))
    assert note.extras[0].kind == "shipping"
