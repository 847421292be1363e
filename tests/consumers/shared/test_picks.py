from __future__ import annotations

from datetime import date

import pytest

from schemas.concerns import ConcernType
from schemas.returns import NO_SHIPMENT
from schemas.sales import DocumentLine, StockLine
from schemas.terms import Disposition, DispositionRule, EffectOwner, Gate
from tests.consumers.builders import (
    CAGE,
    MAIN,
    a_case,
    a_fulfilment,
    a_line,
    a_note,
    a_pick,
    a_return,
    a_sale,
    a_unit,
    an_approved_return,
    an_invoice,
    d,
    found_faulty,
    gbp,
    some_terms,
)
from tests.consumers.decide import decided, kinds, the_note

THREE = an_invoice(a_line(quantity=3, tax="18"))


def test_each_unit_is_told_its_share_and_where_its_goods_go() -> None:
    note = the_note(decided(a_return(a_unit("u1"), a_unit("u2", reason="Faulty")), a_sale(THREE)))
    assert [(g.unit, g.gross, g.disposition, g.location) for g in note.goods] == [
        ("u1", gbp(36), "restock", MAIN.name),
        ("u2", gbp(36), "quarantine", CAGE.name),
    ]


def test_goods_are_restocked_from_where_they_were_picked_with_batch_and_expiry() -> None:
    pick = a_pick(location_id="loc-bin7", location="Bin 7", batch="B1", expiry=date(2027, 1, 1))
    [line] = the_note(decided(sale=a_sale(fulfilments=(a_fulfilment(pick),)))).restock
    assert (line.location_id, line.batch, line.expiry) == ("loc-bin7", "B1", date(2027, 1, 1))
    assert (line.restock_location_id, line.quantity) == (MAIN.location_id, d(1))


def test_faulty_goods_are_restocked_into_quarantine() -> None:
    ret = a_return(a_unit(reason="Faulty", inspection=found_faulty()))
    [line] = the_note(decided(ret)).restock
    assert line.restock_location == CAGE.name


def test_goods_the_shopper_keeps_are_credited_and_not_restocked() -> None:
    note = the_note(decided(an_approved_return(a_unit(method=NO_SHIPMENT, shipment_id=""), shipments=())))
    assert (note.restock, note.goods[0].disposition) == ((), "keep")


def test_credit_on_approval_restocks_nothing_before_the_goods_are_there() -> None:
    note = the_note(decided(an_approved_return(), terms=some_terms(gate=Gate.APPROVED)))
    assert note.restock == ()


@pytest.mark.parametrize("owner", [EffectOwner.NATIVE, EffectOwner.NOBODY])
def test_restock_that_is_not_ours_is_left_alone(owner: EffectOwner) -> None:
    plan = decided(a_return(a_unit(reason="never mapped")), terms=some_terms(restock_owner=owner))
    assert the_note(plan).restock == ()


def test_unshipped_goods_are_credited_without_restock() -> None:
    plan = decided(sale=a_sale(fulfilments=(a_fulfilment(a_pick(), shipped=False),)))
    assert the_note(plan).restock == ()
    assert "no shipment" in plan.remarks[0]


@pytest.mark.parametrize(
    ("line", "pick", "fate"),
    [
        (a_line(tax="6", drop_ship=True), a_pick(), "drop_ship"),
        (a_line(tax="6"), a_pick(non_inventory=True), "not_stock"),
    ],
)
def test_goods_that_are_no_stock_of_ours_are_credited_without_restock(
    line: DocumentLine, pick: StockLine, fate: str
) -> None:
    sale = a_sale(an_invoice(line), fulfilments=(a_fulfilment(pick),))
    note = the_note(decided(a_return(a_unit(reason="never mapped")), sale))
    assert (note.restock, note.goods[0].disposition) == ((), fate)


def test_one_of_several_batches_needs_a_person() -> None:
    picks = (a_pick(batch="B1"), a_pick(batch="B2"), a_pick(batch="B2"))
    plan = decided(sale=a_sale(THREE, fulfilments=(a_fulfilment(*picks),)))
    assert (plan.actions, kinds(plan)) == ((), {ConcernType.BATCH_SERIAL_REQUIRED})


def test_all_of_several_batches_go_back_each_under_its_own() -> None:
    picks = (a_pick(batch="B1"), a_pick(quantity=2, batch="B2"))
    ret = a_return(a_unit("u1"), a_unit("u2"), a_unit("u3"))
    note = the_note(decided(ret, a_sale(THREE, fulfilments=(a_fulfilment(*picks),))))
    assert [(line.batch, line.quantity) for line in note.restock] == [("B1", d(1)), ("B2", d(2))]


def test_a_batch_already_put_back_is_not_offered_again() -> None:
    memo = "Returnline RL-000000000000 RMA RMA0900 order #1001"
    earlier = a_note(a_line(tax="6"), memo=memo, restock=(a_pick(batch="B1"),))
    picks = (a_pick(batch="B1"), a_pick(quantity=2, batch="B2"))
    sale = a_sale(THREE, notes=[earlier], fulfilments=(a_fulfilment(*picks),))
    [line] = the_note(decided(sale=sale)).restock
    assert line.batch == "B2"


def test_goods_past_their_date_go_to_quarantine_instead_of_back_on_sale() -> None:
    pick = a_pick(batch="B1", expiry=date(2026, 3, 20))
    note = the_note(decided(sale=a_sale(fulfilments=(a_fulfilment(pick),))))
    assert [line.restock_location for line in note.restock] == [CAGE.name]
    assert (note.goods[0].disposition, note.goods[0].location) == ("quarantine", CAGE.name)


def test_a_whole_bundle_credits_its_line_and_restocks_its_parts_as_sold() -> None:
    bundle = an_invoice(a_line("SET", quantity=2, tax="12"))
    shipped = a_fulfilment(a_pick("PART-A", 2), a_pick("PART-B", 4))
    note = the_note(decided(a_return(a_unit(sku="SET")), a_sale(bundle, fulfilments=(shipped,))))
    assert [(line.sku, line.quantity) for line in note.lines] == [("SET", d(1))]
    assert [(line.sku, line.quantity) for line in note.restock] == [("PART-A", d(1)), ("PART-B", d(2))]
    assert note.goods[0].parts == note.restock


def test_a_part_that_is_also_sold_alone_counts_only_once_for_the_bundle() -> None:
    lines = an_invoice(a_line("SET", tax="6"), a_line("PART-A", tax="6"))
    shipped = a_fulfilment(a_pick("PART-A", 2), a_pick("PART-B", 1))
    note = the_note(decided(a_return(a_unit(sku="SET")), a_sale(lines, fulfilments=(shipped,))))
    assert [(line.sku, line.quantity) for line in note.restock] == [("PART-A", d(1)), ("PART-B", d(1))]


@pytest.mark.parametrize(
    ("sold", "picks"),
    [
        (["SET", "BOX"], [a_pick("PART-A"), a_pick("PART-B")]),
        (["SET", "SET"], [a_pick("PART-A"), a_pick("PART-B", 2)]),
    ],
)
def test_a_bundle_whose_parts_cannot_be_told_apart_is_not_restocked_by_guess(
    sold: list[str], picks: list[StockLine]
) -> None:
    invoice = an_invoice(*(a_line(sku, tax="6") for sku in sold))
    plan = decided(a_return(a_unit(sku="SET")), a_sale(invoice, fulfilments=(a_fulfilment(*picks),)))
    assert kinds(plan) == {ConcernType.KIT_RULE_MISSING}


def test_a_bundle_that_is_not_wholly_shipped_waits_for_a_person() -> None:
    invoice = an_invoice(a_line("SET", quantity=2, tax="12"))
    half = (a_fulfilment(a_pick("PART-A", 2)), a_fulfilment(a_pick("PART-A", 2), shipped=False))
    plan = decided(a_return(a_unit(sku="SET")), a_sale(invoice, fulfilments=half))
    assert kinds(plan) == {ConcernType.KIT_RULE_MISSING}


def test_a_part_of_a_bundle_returned_alone_has_no_price_rule() -> None:
    sale = a_sale(an_invoice(a_line("SET", tax="6")), fulfilments=(a_fulfilment(a_pick("PART-A"), a_pick("PART-B")),))
    plan = decided(a_return(a_unit(sku="PART-A")), sale)
    assert kinds(plan) == {ConcernType.KIT_RULE_MISSING}
    assert "part of bundle SET" in plan.waits[0].reason


HELD: list[tuple[Disposition | None, dict[str, object], ConcernType]] = [
    (None, {}, ConcernType.REASON_UNMAPPED),
    (Disposition.HOLD, {}, ConcernType.ON_HOLD),
    (Disposition.RESTOCK, {"sellable_location": "Nowhere"}, ConcernType.LOCATION_INVALID),
    (Disposition.RESTOCK, {"sellable_location": ""}, ConcernType.LOCATION_UNMAPPED),
]


@pytest.mark.parametrize(("disposition", "settings", "kind"), HELD)
def test_goods_without_a_decided_place_hold_the_note_until_a_person_accepts_it(
    disposition: Disposition | None, settings: dict[str, object], kind: ConcernType
) -> None:
    rules = (DispositionRule("*", None, disposition),) if disposition else ()
    terms = some_terms(dispositions=rules, **settings)
    assert kinds(decided(terms=terms)) == {kind}
    accepted = decided(a_case(accepted=frozenset({kind})), terms=terms)
    assert (the_note(accepted).restock, kinds(accepted)) == ((), set())


def test_a_free_item_is_credited_at_nothing_and_still_restocked() -> None:
    note = the_note(decided(a_return(a_unit(paid="0", tax="0")), a_sale(an_invoice(a_line(price="0")))))
    assert (note.gross, len(note.restock)) == (gbp(0), 1)


def test_pieces_picked_in_halves_go_back_whole() -> None:
    picks = (a_pick(quantity="0.5"), a_pick(quantity="1.5", location_id="loc-north"))
    sale = a_sale(an_invoice(a_line(quantity=2, tax="12")), fulfilments=(a_fulfilment(*picks),))
    note = the_note(decided(a_return(a_unit("u1"), a_unit("u2")), sale))
    assert sum(line.quantity for line in note.restock) == 2


def test_a_batch_already_put_back_is_known_by_its_name_not_its_place() -> None:
    memo = "Returnline RL-000000000000 RMA RMA0900 order #1001"
    earlier = a_note(a_line(quantity=2, tax="12"), memo=memo, restock=(a_pick(quantity=2, batch="B2"),))
    picks = (a_pick(batch="B1"), a_pick(quantity=2, batch="B2"))
    sale = a_sale(THREE, notes=[earlier], fulfilments=(a_fulfilment(*picks),))
    [line] = the_note(decided(sale=sale)).restock
    assert line.batch == "B1"


def test_goods_are_restocked_from_the_shipment_of_their_own_invoice() -> None:
    first = an_invoice(a_line(tax="6", price="30"), number="INV-1")
    second = an_invoice(a_line(tax="8", price="40"), number="INV-2")
    ships = (
        a_fulfilment(a_pick(location_id="loc-north"), invoice_number="INV-1"),
        a_fulfilment(a_pick(location_id="loc-south"), invoice_number="INV-2"),
    )
    note = the_note(decided(a_return(a_unit(paid="48", tax="8")), a_sale(first, second, fulfilments=ships)))
    assert [line.location_id for line in note.restock] == ["loc-south"]


def test_a_line_dropshipped_by_its_order_is_not_restocked() -> None:
    note = the_note(decided(sale=a_sale(order_lines=(a_line(drop_ship=True),))))
    assert note.restock == ()
