from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.concerns import ConcernType, Owner, owner_of
from schemas.returns import CANCELED, VALIDATED, Transaction
from schemas.sales import PAID, TaxRule
from schemas.terms import ConsolidatedSales, EffectOwner, GiftPolicy
from tests.consumers.builders import (
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
    some_terms,
)
from tests.consumers.credit_notes.money_stories import a_refund, money_terms, posted, taken
from tests.consumers.decide import decided, kinds, the_note

THREE = an_invoice(a_line(quantity=3, tax="18"))
GIFT = a_line("MUG", price="0")
DAY = "#1001, #1002, #1003"
UNIQUE = some_terms(consolidated_sales=ConsolidatedSales.UNIQUE)


# -- a returned exchange --------------------------------------------------------------------------------------------


def test_an_exchange_order_that_was_paid_is_credited_from_its_own_invoice() -> None:
    sale = a_sale(an_invoice(a_line(tax="6"), status=PAID))
    assert the_note(decided(a_return(original_order="#0999"), sale)).gross == gbp(36)


@pytest.mark.parametrize("unit", [a_unit(tax="0"), a_unit(paid="60", tax="10")])
def test_a_carried_over_price_is_reviewed_even_on_a_paid_order(unit: object) -> None:
    sale = a_sale(an_invoice(a_line(tax="6"), status=PAID))
    plan = decided(a_return(unit, original_order="#0999"), sale)  # type: ignore[arg-type]
    assert (plan.actions, kinds(plan)) == ((), {ConcernType.RETURN_OF_EXCHANGE})


def test_a_price_whose_tax_nobody_told_did_not_come_by_an_exchange() -> None:
    sale = a_sale(an_invoice(a_line(tax="6")))
    assert the_note(decided(a_return(a_unit(tax="0", tax_told=False)), sale)).gross == gbp(36)
    plan = decided(a_return(a_unit(tax="0")), sale)
    assert kinds(plan) == {ConcernType.RETURN_OF_EXCHANGE}


# -- parts of a piece, and units without SKU ---------------------------------------------------------------------------


@pytest.mark.parametrize(("sold", "units"), [("0.5", 1), ("1.5", 2), ("2.25", 3)])
def test_goods_sold_by_the_metre_are_credited_by_hand(sold: str, units: int) -> None:
    each = d(36)
    line = a_line(quantity=sold, tax=str(6 * d(sold)))
    ret = a_return(*(a_unit(f"u{n}", paid=str(each)) for n in range(units)))
    concerns = decided(ret, a_sale(an_invoice(line))).all_concerns()
    [concern] = [one for one in concerns if one.kind is ConcernType.OVER_RETURN]
    assert f"{sold} was sold" in concern.cause
    assert "credited by hand" in concern.next_step
    assert "correct the quantity" not in concern.next_step


def test_a_price_that_is_not_that_of_a_whole_piece_is_credited_by_hand_too() -> None:
    plan = decided(a_return(a_unit(paid="54", tax="9")), a_sale(an_invoice(a_line(quantity="1.5", tax="9"))))
    [concern] = plan.all_concerns()
    assert (plan.actions, concern.kind) == ((), ConcernType.AMOUNT_MISMATCH)
    assert "credited by hand" in concern.next_step


def test_a_whole_number_of_pieces_returned_too_often_is_still_a_quantity_to_correct() -> None:
    [concern] = decided(a_return(a_unit("u1"), a_unit("u2")), a_sale(an_invoice(a_line(tax="6")))).all_concerns()
    assert "correct the quantity" in concern.next_step


@pytest.mark.parametrize("blank", ["", "  ", "\u00a0"])
def test_a_unit_without_sku_is_named_by_item_and_variant(blank: str) -> None:
    unit = a_unit(sku=blank, name="Silk Ribbon, 1 m", variant_id="447")
    [concern] = decided(a_return(unit)).all_concerns()
    assert concern.kind is ConcernType.SKU_UNMATCHED
    for word in ("Silk Ribbon, 1 m", "item u1", "variant 447"):
        assert word in concern.cause
    assert "tie the SKU" not in concern.next_step


# -- a day's orders on one sale -------------------------------------------------------------------------------------


def test_a_sale_of_several_orders_is_divided_by_a_person() -> None:
    sale = a_sale(an_invoice(a_line(quantity=6, tax="36")), customer_reference=DAY)
    [concern] = decided(sale=sale).all_concerns()
    assert concern.kind == ConcernType.CONSOLIDATED_SALE_AMBIGUOUS
    accepted = a_case(accepted=frozenset({ConcernType.CONSOLIDATED_SALE_AMBIGUOUS}))
    assert the_note(decided(accepted, sale)).gross == gbp(36)


def test_a_persons_word_comes_before_a_channels_note_on_a_sale_of_several_orders_is_adopted() -> None:
    note = a_note(a_line(tax="6"), number="CR-9")
    sale = a_sale(an_invoice(a_line(quantity=6, tax="36")), notes=[note], customer_reference=DAY)
    plan = decided(sale=sale, terms=some_terms(credit_note_owner=EffectOwner.NATIVE))
    assert (plan.actions, kinds(plan)) == ((), {ConcernType.CONSOLIDATED_SALE_AMBIGUOUS})


def test_where_the_merchant_allows_it_a_line_that_can_be_nobody_elses_is_credited() -> None:
    lines = (a_line(price="25", quantity=4, tax="20"), a_line(tax="6"))
    note = the_note(decided(sale=a_sale(an_invoice(*lines), customer_reference=DAY), terms=UNIQUE))
    assert (note.lines[0].price, note.lines[0].quantity, note.gross) == (gbp(30), d(1), gbp(36))


@pytest.mark.parametrize(
    "lines",
    [
        (a_line(price="25", tax="5"),),  # no line at the price paid
        (a_line(quantity=6, tax="36"),),  # more pieces than the return names: another order's may be among them
        (a_line(tax="6"), a_line(tax="6")),  # two lines of this SKU at this price
    ],
)
def test_a_line_that_another_order_may_share_is_a_persons_call_whatever_the_merchant_allows(lines: object) -> None:
    plan = decided(sale=a_sale(an_invoice(*lines), customer_reference=DAY), terms=UNIQUE)  # type: ignore[misc]
    assert (plan.actions, kinds(plan)) == ((), {ConcernType.CONSOLIDATED_SALE_AMBIGUOUS})


def test_all_pieces_of_a_line_in_one_return_are_this_orders() -> None:
    sale = a_sale(an_invoice(a_line(quantity=2, tax="12")), customer_reference=DAY)
    assert the_note(decided(a_return(a_unit("u1"), a_unit("u2")), sale, UNIQUE)).gross == gbp(72)


def test_a_sale_with_the_ids_of_several_orders_is_one_of_several_orders() -> None:
    plan = decided(sale=a_sale(an_invoice(a_line(quantity=6, tax="36")), external_id="55001, 55002"))
    assert kinds(plan) == {ConcernType.CONSOLIDATED_SALE_AMBIGUOUS}


def test_money_without_items_on_a_sale_of_several_orders_is_nobodys_for_sure() -> None:
    first = the_note(decided(sale=a_sale(THREE), terms=money_terms()))
    ret = a_return(transactions=(a_refund("36", "u1"), a_refund("5", number="t2")))
    shared = a_sale(THREE, notes=[posted(first)], customer_reference=DAY)
    plan = decided(a_case(ret, taken(first)), shared, money_terms(consolidated_sales=ConsolidatedSales.UNIQUE))
    assert (plan.actions, kinds(plan)) == ((), {ConcernType.CONSOLIDATED_SALE_AMBIGUOUS})


def test_a_sale_of_one_order_is_not_shared() -> None:
    plan = decided(sale=a_sale(an_invoice(a_line(price="25", tax="5"))))
    assert kinds(plan) == {ConcernType.AMOUNT_MISMATCH}


# -- gifts ----------------------------------------------------------------------------------------------------------


def test_a_gift_that_stays_behind_needs_the_merchants_word() -> None:
    gift = a_line("MUG", price="12", discount="100")
    plan = decided(sale=a_sale(an_invoice(a_line(tax="6"), gift)))
    [concern] = plan.all_concerns()
    assert (plan.actions, concern.kind) == ((), ConcernType.GIFT_UNEARNED)
    assert "12.00 GBP" in concern.cause


def test_a_gift_that_comes_back_too_is_credited_at_nothing_and_restocked() -> None:
    ret = a_return(a_unit(), a_unit("u2", "MUG", "0", tax="0"))
    note = the_note(decided(ret, a_sale(an_invoice(a_line(tax="6"), GIFT))))
    assert [line.total for line in note.lines] == [gbp(30), gbp(0)]
    assert {line.sku for line in note.restock} == {"TEE-BLK-M", "MUG"}


def test_a_merchant_may_let_gifts_go() -> None:
    sale = a_sale(an_invoice(a_line(tax="6"), GIFT))
    assert the_note(decided(sale=sale, terms=some_terms(gift_policy=GiftPolicy.IGNORE))).gross == gbp(36)
    accepted = a_case(accepted=frozenset({ConcernType.GIFT_UNEARNED}))
    assert the_note(decided(accepted, sale)).gross == gbp(36)


# -- free items, shipments, names -----------------------------------------------------------------------------------


def test_a_free_item_alone_is_credited_at_nothing_and_restocked() -> None:
    sale = a_sale(an_invoice(GIFT))
    note = the_note(decided(a_return(a_unit(sku="MUG", paid="0", tax="0")), sale))
    assert (note.gross, note.lines[0].quantity, len(note.restock)) == (gbp(0), d(1), 1)


@pytest.mark.parametrize("fulfilments", [(), (a_fulfilment(a_pick(), shipped=False),)])
def test_what_was_never_shipped_is_credited_without_restock(fulfilments: object) -> None:
    assert the_note(decided(sale=a_sale(fulfilments=fulfilments))).restock == ()


def test_an_assembled_product_comes_back_as_itself() -> None:
    sale = a_sale(an_invoice(a_line("SET-TEA", tax="6")))
    [line] = the_note(decided(a_return(a_unit(sku="SET-TEA")), sale)).restock
    assert (line.sku, line.quantity) == ("SET-TEA", d(1))


def test_a_product_renamed_since_the_sale_is_known_by_its_product_id() -> None:
    sale = a_sale(fulfilments=(a_fulfilment(a_pick("TEE-NEW", product_id="p-tee-blk-m")),))
    note = the_note(decided(a_return(a_unit(sku="TEE-NEW")), sale))
    assert (note.lines[0].product_id, note.lines[0].sku) == ("p-tee-blk-m", "TEE-BLK-M")


def test_each_invoice_of_a_sale_gets_its_own_note() -> None:
    sale = a_sale(an_invoice(a_line(tax="6")), an_invoice(a_line("CAP", tax="6"), number="INV-2"))
    plan = decided(a_return(a_unit(), a_unit("u2", "CAP")), sale)
    assert {note.invoice_number for note in plan.actions} == {"INV-1", "INV-2"}  # type: ignore[union-attr]


# -- a return that changes ------------------------------------------------------------------------------------------


def test_a_unit_added_after_the_credit_gets_a_note_of_its_own() -> None:
    first = the_note(decided(sale=a_sale(THREE), terms=money_terms()))
    case = a_case(a_return(a_unit("u1"), a_unit("u2")), taken(first))
    second = the_note(decided(case, a_sale(THREE, notes=[posted(first)]), money_terms()))
    assert (second.units, second.gross) == (("u2",), gbp(36))
    assert second.key != first.key


def test_a_reopened_return_closes_the_exception_and_is_not_credited_again() -> None:
    first = the_note(decided(sale=a_sale(THREE), terms=money_terms()))
    sale = a_sale(THREE, notes=[posted(first)])
    cancelled = a_case(a_return(status=CANCELED), taken(first))
    assert kinds(decided(cancelled, sale)) == {ConcernType.CANCELLED_AFTER_CREDIT}
    plan = decided(replace(cancelled, ret=a_return(a_unit(inspection=found_good()), status=VALIDATED)), sale)
    assert (plan.actions, plan.all_concerns()) == ((), ())


# -- chargebacks ----------------------------------------------------------------------------------------------------


def disputed() -> Transaction:
    return Transaction("t9", "Chargeback", "Success", gbp(36), reference="CB-1", reference_kind="PlatformRefundId")


def test_a_chargeback_freezes_the_return_for_customer_experience() -> None:
    [concern] = decided(a_return(transactions=(disputed(),))).all_concerns()
    assert (concern.kind, owner_of(concern.kind)) == (ConcernType.CHARGEBACK_CONFLICT, Owner.CUSTOMER_EXPERIENCE)
    assert "CB-1" in concern.cause
    assert "RMA1001" in concern.cause


def test_an_accepted_chargeback_lets_the_return_be_credited() -> None:
    case = a_case(a_return(transactions=(disputed(),)), accepted=frozenset({ConcernType.CHARGEBACK_CONFLICT}))
    assert the_note(decided(case)).gross == gbp(36)


def test_a_unit_credited_under_a_withdrawn_effect_is_credited_again() -> None:
    case = a_case(a_return(), done("u1", state="WITHDRAWN"))
    assert the_note(decided(case)).units == ("u1",)


def test_a_line_without_tax_keeps_its_own_rule() -> None:
    rules = (TaxRule("Export", d(0), active=True, for_sale=True),)
    sale = a_sale(an_invoice(a_line(price="36", tax_rule="Export")))
    note = the_note(decided(a_return(a_unit(tax="0")), sale, tax_rules=rules))
    assert (note.lines[0].tax_rule, note.tax) == ("Export", gbp(0))
