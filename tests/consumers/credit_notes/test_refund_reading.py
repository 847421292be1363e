from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.concerns import ConcernType
from schemas.returns import ExchangeItem, Return, Shipment, Transaction
from schemas.sales import TaxRule
from schemas.terms import ChargeRule, ShippingRefund
from tests.consumers.builders import VAT, a_case, a_line, a_return, a_sale, a_unit, an_invoice, d, gbp
from tests.consumers.credit_notes.money_stories import a_credit, a_refund, money_terms, posted, shipping, with_shipping
from tests.consumers.decide import decided, kinds, the_note

TWO = an_invoice(a_line(quantity=2, tax="12"))
ACCEPTED = frozenset({ConcernType.AMOUNT_MISMATCH})


def refunded(*rows: Transaction, units: int = 1) -> Return:
    return a_return(*(a_unit(f"u{n}") for n in range(1, units + 1)), transactions=rows)


def test_without_a_refund_the_entitlement_is_credited() -> None:
    assert the_note(decided(terms=money_terms())).gross == gbp(36)


def test_a_refund_of_the_entitlement_adds_nothing() -> None:
    assert the_note(decided(refunded(a_refund("36", "u1")), terms=money_terms())).charges == ()


@pytest.mark.parametrize("status", ["Requested", "Failed"])
def test_a_refund_that_is_not_money_out_says_nothing(status: str) -> None:
    ret = refunded(a_refund("50", "u1", status=status))
    assert the_note(decided(ret, terms=money_terms())).gross == gbp(36)


def test_two_legs_of_a_refund_count_together() -> None:
    ret = refunded(a_refund("20", "u1"), a_credit("16", "u1", number="t2"))
    assert the_note(decided(ret, terms=money_terms())).charges == ()


def test_a_leg_still_on_its_way_postpones_the_comparison() -> None:
    ret = refunded(a_refund("20", "u1"), a_refund("16", "u1", number="t2", status="Requested"))
    assert the_note(decided(ret, terms=money_terms())).gross == gbp(36)


@pytest.mark.parametrize("amount", ["40", "30"])
def test_an_overridden_refund_stops_and_quotes_both_figures(amount: str) -> None:
    plan = decided(refunded(a_refund(amount, "u1")), terms=money_terms())
    [concern] = plan.all_concerns()
    assert (plan.actions, concern.kind) == ((), ConcernType.AMOUNT_MISMATCH)
    assert f"{amount}.00 GBP" in concern.cause
    assert "36.00 GBP" in concern.cause
    assert concern.units == ("u1",)


@pytest.mark.parametrize(("amount", "name", "gross"), [("40", "goodwill", "4"), ("30", "short_refund", "-6")])
def test_an_accepted_override_becomes_one_adjustment_line(amount: str, name: str, gross: str) -> None:
    case = a_case(refunded(a_refund(amount, "u1")), accepted=ACCEPTED)
    note = the_note(decided(case, terms=money_terms()))
    [extra] = note.extras
    assert (extra.kind, extra.gross, note.gross) == (name, gbp(gross), gbp(amount))
    assert note.lines[0].total == gbp(30)


def test_goodwill_within_the_merchants_limit_is_posted_with_a_remark() -> None:
    plan = decided(refunded(a_refund("40", "u1")), terms=money_terms(goodwill_tolerance=d(5)))
    assert the_note(plan).gross == gbp(40)
    assert any("goodwill of 4.00 GBP" in remark for remark in plan.remarks)


def test_a_short_refund_is_withheld_where_cin7_takes_no_negative_charge() -> None:
    case = a_case(refunded(a_refund("30", "u1")), accepted=ACCEPTED)
    note = the_note(decided(case, terms=money_terms(negative_charges=False)))
    assert (note.gross, note.fees_withheld) == (gbp(36), gbp(6))


def test_goodwill_without_a_mapped_charge_waits_for_the_setting() -> None:
    case = a_case(refunded(a_refund("40", "u1")), accepted=ACCEPTED)
    [concern] = decided(case, terms=money_terms(adjustments={})).all_concerns()
    assert concern.kind is ConcernType.FEE_UNMAPPED
    assert "terms.adjustments.goodwill" in concern.next_step


def test_store_credit_of_the_same_amount_is_an_ordinary_credit() -> None:
    assert the_note(decided(refunded(a_credit("36", "u1")), terms=money_terms())).charges == ()


def test_a_bonus_on_store_credit_is_posted_to_its_own_account() -> None:
    note = the_note(decided(refunded(a_credit("39.60", "u1")), terms=money_terms()))
    [extra] = note.extras
    assert (extra.kind, extra.gross, note.gross) == ("bonus", gbp("3.60"), gbp("39.60"))


def test_a_bonus_beyond_the_portals_own_cap_is_a_mismatch() -> None:
    assert kinds(decided(refunded(a_credit("60", "u1")), terms=money_terms())) == {ConcernType.AMOUNT_MISMATCH}


def test_pennies_go_to_the_rounding_account_where_there_is_one() -> None:
    terms = money_terms(adjustments={"rounding": ChargeRule("Rounding", "404", VAT)})
    note = the_note(decided(refunded(a_refund("36.02", "u1")), terms=terms))
    assert (note.extras[0].kind, note.gross) == ("rounding", gbp("36.02"))


def test_a_refund_that_also_pays_for_a_unit_still_on_its_way_is_compared_later() -> None:
    units = (a_unit("u1"), a_unit("u2", shipment_id="s2"))
    ret = a_return(*units, transactions=(a_refund("90", "u1", "u2"),), status="Approved")
    ret = replace(ret, shipments=(Shipment("s1", "Received"), Shipment("s2", "Shipped")))
    note = the_note(decided(ret, a_sale(TWO), money_terms()))
    assert (note.units, note.charges) == (("u1",), ())


def test_an_exchange_settles_a_difference_not_a_price() -> None:
    unit = a_unit(exchange_items=(ExchangeItem("TEE-BLK-L", "v", 1),))
    note = the_note(decided(a_return(unit, transactions=(a_refund("5", "u1"),)), terms=money_terms()))
    assert (note.gross, note.charges) == (gbp(36), ())


def test_an_order_level_refund_over_all_units_is_compared_with_their_sum() -> None:
    plan = decided(refunded(a_refund("80"), units=2), a_sale(TWO), money_terms(goodwill_tolerance=d(10)))
    assert the_note(plan).gross == gbp(80)


def test_a_refund_in_another_currency_is_compared_at_the_rate_the_order_was_paid() -> None:
    unit = a_unit(paid="72", tax="12", currency="USD", shop_paid=gbp(36))
    row = a_refund("72", "u1", currency="USD", shop_amount=gbp(39))
    assert the_note(decided(a_return(unit, transactions=(row,)), terms=money_terms())).gross == gbp(36)


def test_goodwill_in_the_shoppers_currency_is_posted_in_the_sales() -> None:
    unit = a_unit(paid="72", tax="12", currency="USD", shop_paid=gbp(36))
    ret = a_return(unit, transactions=(a_refund("80", "u1", currency="USD"),))
    assert the_note(decided(a_case(ret, accepted=ACCEPTED), terms=money_terms())).gross == gbp(40)


# -- shipping -------------------------------------------------------------------------------------------------------


def test_refunded_shipping_is_the_invoices_own_charge_given_back() -> None:
    note = the_note(decided(refunded(a_refund("42", "u1")), a_sale(with_shipping()), money_terms()))
    [charge] = note.charges
    assert (charge.description, charge.account, charge.tax_rule) == ("Shipping - Standard", "210", VAT)
    assert (charge.price, charge.tax, note.gross, note.extras[0].kind) == (gbp(5), gbp(1), gbp(42), "shipping")


def test_two_charges_of_one_name_are_one_shipping() -> None:
    sale = a_sale(with_shipping(shipping(), shipping()))
    assert the_note(decided(refunded(a_refund("48", "u1")), sale, money_terms())).gross == gbp(48)


def test_shipping_is_never_given_back_twice_for_two_returns_of_an_order() -> None:
    invoice = with_shipping(quantity=2, tax="12")
    first = the_note(decided(refunded(a_refund("42", "u1")), a_sale(invoice), money_terms()))
    other = replace(refunded(a_refund("42", "u1")), rma_id="RMA1002")
    plan = decided(other, a_sale(invoice, notes=[posted(first)]), money_terms())
    assert (plan.actions, kinds(plan)) == ((), {ConcernType.AMOUNT_MISMATCH})


def test_part_of_the_shipping_is_a_persons_call_unless_the_merchant_says_otherwise() -> None:
    ret, sale = refunded(a_refund("39", "u1")), a_sale(with_shipping())
    assert kinds(decided(ret, sale, money_terms())) == {ConcernType.AMOUNT_MISMATCH}
    note = the_note(decided(ret, sale, money_terms(shipping_refunds=ShippingRefund.UP_TO)))
    assert (note.charges[0].price, note.charges[0].tax, note.gross) == (gbp("2.5"), gbp("0.5"), gbp(39))


def test_the_rest_of_the_shipping_after_a_part_is_exact() -> None:
    invoice = with_shipping(shipping("4.1667", "0.8333"), quantity=2, tax="12")
    terms = money_terms(shipping_refunds=ShippingRefund.UP_TO)
    first = the_note(decided(refunded(a_refund("37.99", "u1")), a_sale(invoice), terms))
    other = replace(refunded(a_refund("39.01", "u1")), rma_id="RMA1002")
    second = the_note(decided(other, a_sale(invoice, notes=[posted(first)]), terms))
    assert first.charges[0].price + second.charges[0].price == gbp("4.1667")
    assert first.charges[0].tax + second.charges[0].tax == gbp("0.8333")


def test_a_merchant_may_forbid_reading_shipping_out_of_a_refund() -> None:
    terms = money_terms(shipping_refunds=ShippingRefund.NEVER)
    plan = decided(refunded(a_refund("42", "u1")), a_sale(with_shipping()), terms)
    assert kinds(plan) == {ConcernType.AMOUNT_MISMATCH}


def test_shipping_under_an_inactive_tax_rule_waits_for_its_successor() -> None:
    invoice = with_shipping(replace(shipping(), tax_rule="Old"))
    plan = decided(refunded(a_refund("42", "u1")), a_sale(invoice), money_terms())
    assert kinds(plan) == {ConcernType.TAX_RULE_UNKNOWN}
    rules = tuple(TaxRule(n, d(20), active=n == VAT, for_sale=True) for n in (VAT, "Old"))
    terms = money_terms(tax_successors={"Old": VAT})
    assert the_note(decided(refunded(a_refund("42", "u1")), a_sale(invoice), terms, tax_rules=rules)).gross == gbp(42)


def test_a_bonus_does_not_use_up_what_the_invoice_has_left_to_credit() -> None:
    first = the_note(decided(refunded(a_credit("50", "u1")), a_sale(TWO), money_terms()))
    other = replace(refunded(), rma_id="RMA1002")
    assert the_note(decided(other, a_sale(TWO, notes=[posted(first)]), money_terms())).gross == gbp(36)


def test_goodwill_over_mixed_rates_is_split_by_what_is_credited() -> None:
    lines = (a_line("BOOK", price="36", tax_rule="Zero"), a_line(tax="6"))
    rules = [TaxRule(VAT, d(20), active=True, for_sale=True), TaxRule("Zero", d(0), active=True, for_sale=True)]
    units = (a_unit("u1", "BOOK", tax="0"), a_unit("u2"))
    ret = a_return(*units, transactions=(a_refund("80", "u1", "u2"),))
    terms = money_terms(goodwill_tolerance=d(10), adjustments={"goodwill": ChargeRule("Goodwill", "404", "*")})
    note = the_note(decided(ret, a_sale(an_invoice(*lines)), terms, tax_rules=rules))
    assert sorted((c.tax_rule, c.price, c.tax) for c in note.charges) == [
        (VAT, gbp("3.3333"), gbp("0.6667")),
        ("Zero", gbp(4), gbp(0)),
    ]


EVERY = money_terms(
    shipping_refunds=ShippingRefund.UP_TO,
    adjustments={**money_terms().adjustments, "rounding": ChargeRule("Rounding", "404", VAT)},
)


@given(
    refunds=st.lists(st.decimals("0", "80", places=2), min_size=1, max_size=4),
    fees=st.lists(st.sampled_from(["0", "1.99", "5"]), min_size=4, max_size=4),
    credit=st.booleans(),
    negative=st.booleans(),
    order_level=st.booleans(),
)
def test_whatever_was_refunded_and_accepted_is_what_the_note_and_the_withheld_fees_give(
    refunds: list[Decimal], fees: list[str], credit: bool, negative: bool, order_level: bool
) -> None:
    make = a_credit if credit else a_refund
    units = [a_unit(f"u{n}", restocking_fee=Decimal(fees[n])) for n in range(len(refunds))]
    rows = [make(str(amount), *(() if order_level else (f"u{n}",)), number=f"t{n}") for n, amount in enumerate(refunds)]
    sale = a_sale(with_shipping(quantity=len(units), tax=str(6 * len(units))))
    case = a_case(a_return(*units, transactions=tuple(rows)), accepted=ACCEPTED)
    note = the_note(decided(case, sale, replace(EVERY, negative_charges=negative)))
    kept = note.fees_withheld or gbp(0)
    assert (note.gross - kept).to_minor() == gbp(str(sum(refunds))).to_minor()
    assert note.net + note.tax == note.gross
    assert negative or all(charge.price.amount >= 0 for charge in note.charges)
