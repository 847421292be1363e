from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.sandbox.cin7.desk import NEW, VAT, Desk


def line(**changes: Any) -> dict[str, Any]:
    plain = {"SKU": "TEE-BLK-M", "Name": "Tee", "Quantity": 1, "Price": 30, "Tax": 6, "Total": 30, "TaxRule": VAT}
    return plain | changes


def test_an_uncredited_simple_sale_shows_a_placeholder_note_that_is_not_available(desk: Desk) -> None:
    sale = desk.sale()
    (placeholder,) = desk.get("sale/creditnote", SaleID=sale["sale_id"])["CreditNotes"]
    assert placeholder["Status"] == "NOT AVAILABLE"
    assert placeholder["TaskID"] == sale["sale_id"]
    assert placeholder["CreditNoteNumber"] is None


def test_an_uncredited_advanced_sale_has_no_note_at_all(desk: Desk) -> None:
    sale = desk.sale(kind="Advanced Sale")
    assert desk.get("sale/creditnote", SaleID=sale["sale_id"])["CreditNotes"] == []


def test_a_simple_sale_takes_its_one_note_under_its_own_id(desk: Desk) -> None:
    sale = desk.sale()
    (note,) = desk.post("sale/creditnote", desk.note(sale))["CreditNotes"]
    assert (note["TaskID"], note["Status"], note["RestockStatus"]) == (sale["sale_id"], "AUTHORISED", "AUTHORISED")


def test_an_authorised_note_cannot_be_posted_again(desk: Desk) -> None:
    body = desk.note(desk.sale())
    desk.post("sale/creditnote", body)
    assert "Status is AUTHORISED" in desk.refusal("POST", "sale/creditnote", body)


def test_a_draft_is_replaced_whole_and_then_authorised_under_the_same_task(desk: Desk) -> None:
    sale = desk.sale(kind="Advanced Sale")
    (draft,) = desk.post("sale/creditnote", desk.note(sale, Status="DRAFT"))["CreditNotes"]
    two = [line(Quantity=2, Tax=12, Total=60)]
    again = desk.note(sale, TaskID=draft["TaskID"].upper(), Lines=two, Memo="second")
    (note,) = desk.post("sale/creditnote", again)["CreditNotes"]
    assert (note["Total"], note["Memo"], note["CreditNoteNumber"]) == (72, "second", draft["CreditNoteNumber"])


def test_the_zero_guid_on_an_advanced_sale_makes_a_double_every_time(desk: Desk) -> None:
    body = desk.note(desk.sale(kind="Advanced Sale"))
    desk.post("sale/creditnote", body)
    assert len(desk.post("sale/creditnote", body)["CreditNotes"]) == 2
    assert desk.on_hand("TEE-BLK-M") == 42


def test_a_second_note_on_a_simple_sale_is_refused(desk: Desk) -> None:
    body = desk.note(desk.sale())
    desk.post("sale/creditnote", body)
    assert "only one credit note" in desk.refusal("POST", "sale/creditnote", body | {"TaskID": NEW})


def test_a_tenant_may_turn_the_sale_advanced_on_its_second_note(desk: Desk) -> None:
    desk.set(simple_second_note="convert")
    sale = desk.sale()
    body = desk.note(sale)
    desk.post("sale/creditnote", body)
    notes = desk.post("sale/creditnote", body | {"TaskID": NEW})["CreditNotes"]
    assert len({note["TaskID"] for note in notes} | {sale["sale_id"]}) == 3
    assert desk.get("sale", ID=sale["sale_id"])["Type"] == "Advanced Sale"


def test_a_refused_second_note_does_not_convert_the_sale(desk: Desk) -> None:
    desk.set(simple_second_note="convert")
    sale = desk.sale()
    desk.post("sale/creditnote", desk.note(sale))
    desk.refusal("POST", "sale/creditnote", desk.note(sale, TaskID=NEW, Lines=[line(Total=31)]))
    assert desk.get("sale", ID=sale["sale_id"])["Type"] == "Simple Sale"


@pytest.mark.parametrize(("setting", "status"), [("fill", 200), ("refuse", 400)])
def test_the_zero_guid_on_a_simple_sale_depends_on_the_tenant(desk: Desk, setting: str, status: int) -> None:
    desk.set(simple_zero_guid=setting)
    assert desk.ask("POST", "sale/creditnote", desk.note(desk.sale(), TaskID=NEW)).status_code == status


def test_a_sale_id_is_no_task_of_an_advanced_sale(desk: Desk) -> None:
    sale = desk.sale(kind="Advanced Sale")
    assert "not found" in desk.refusal("POST", "sale/creditnote", desk.note(sale, TaskID=sale["sale_id"]))


def test_only_an_authorised_or_paid_invoice_can_be_credited(desk: Desk) -> None:
    sale = desk.sale(invoice_status="DRAFT")
    assert "authorised invoice" in desk.refusal("POST", "sale/creditnote", desk.note(sale))
    desk.control("POST", f"/sales/{sale['sale_id']}/authorise-invoice")
    desk.post("sale/creditnote", desk.note(sale))


def test_a_line_total_must_be_exact_and_the_refusal_names_the_expected_one(desk: Desk) -> None:
    text = desk.refusal("POST", "sale/creditnote", desk.note(desk.sale(), Lines=[line(Total=30.01)]))
    assert "attribute 'Total' doesn't match" in text
    assert "Expected value is: 30.0000000000" in text


def test_some_tenants_want_the_tax_in_an_exclusive_total(desk: Desk) -> None:
    desk.set(total_rule="plus_tax")
    sale = desk.sale()
    assert "Expected value is: 36.0" in desk.refusal("POST", "sale/creditnote", desk.note(sale))
    desk.post("sale/creditnote", desk.note(sale, Lines=[line(Total=36)]))


def test_the_tax_of_a_line_is_taken_as_given(desk: Desk) -> None:
    (note,) = desk.post("sale/creditnote", desk.note(desk.sale(), Lines=[line(Tax=1.2345)]))["CreditNotes"]
    assert note["Tax"] == Decimal("1.2345")
    assert desk.balance("820") == Decimal("-10.7655")


def test_a_discount_is_part_of_the_total(desk: Desk) -> None:
    body = desk.note(desk.sale(), Lines=[line(Discount=12.5, Total=26.25, Tax=5.25)])
    assert desk.post("sale/creditnote", body)["CreditNotes"][0]["Total"] == Decimal("31.5")


def test_crediting_and_restocking_too_much_is_accepted_by_default(desk: Desk) -> None:
    many = [line(Quantity=9, Total=270, Tax=54)]
    desk.post("sale/creditnote", desk.note(desk.sale(), Lines=many, Restock=[{"SKU": "TEE-BLK-M", "Quantity": 9}]))
    assert desk.on_hand("TEE-BLK-M") == 49


def test_a_strict_tenant_refuses_to_credit_too_much_over_all_notes(desk: Desk) -> None:
    desk.set(over_credit="refuse")
    body = desk.note(desk.sale(kind="Advanced Sale"))
    desk.post("sale/creditnote", body)
    desk.post("sale/creditnote", body)
    assert "cannot credit 3" in desk.refusal("POST", "sale/creditnote", body)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"TaxRule": "20% VAT"}, "Tax rule '20% VAT' was not found in reference book"),
        ({"TaxRule": "17.5% (VAT on Income)"}, "was not found in reference book"),
        ({"SKU": "TEE-BLK-XXL"}, "Product 'TEE-BLK-XXL' was not found in reference book"),
        ({"Account": "999"}, "Account '999' was not found"),
        ({"Quantity": 0}, "Quantity is invalid"),
        ({"Name": None}, "Required attribute Name is not provided."),
        ({"Total": None}, "Required attribute Total is not provided."),
    ],
)
def test_a_wrong_line_is_refused_by_name(desk: Desk, changes: dict[str, Any], text: str) -> None:
    assert text in desk.refusal("POST", "sale/creditnote", desk.note(desk.sale(), Lines=[line(**changes)]))


def test_only_some_of_the_problems_are_told_at_once(desk: Desk) -> None:
    desk.set(problems_shown="some")
    wrong = [line(TaxRule="none", Account="999")]
    text = desk.refusal("POST", "sale/creditnote", desk.note(desk.sale(), Lines=wrong))
    assert "Tax rule" in text
    assert "999" not in text


def test_a_charge_must_be_a_known_service(desk: Desk) -> None:
    charge = {"Description": "Postage", "Quantity": 1, "Price": 4.95, "Tax": 0.99, "TaxRule": VAT}
    text = desk.refusal("POST", "sale/creditnote", desk.note(desk.sale(), AdditionalCharges=[charge]))
    assert "Additional charge 'Postage' was not found" in text


def test_a_fee_kept_back_is_a_negative_charge_where_the_tenant_takes_one(desk: Desk) -> None:
    fee = {"Description": "Restocking fee", "Quantity": 1, "Price": -5, "Tax": -1, "Total": -5, "TaxRule": VAT}
    (note,) = desk.post("sale/creditnote", desk.note(desk.sale(), AdditionalCharges=[fee]))["CreditNotes"]
    assert note["Total"] == 30
    assert desk.balance("260") == -5


def test_another_tenant_refuses_a_negative_charge(desk: Desk) -> None:
    desk.set(negative_charge="refuse")
    fee = {"Description": "Restocking fee", "Quantity": 1, "Price": -5, "Tax": -1, "Total": -5, "TaxRule": VAT}
    assert "Price is invalid" in desk.refusal(
        "POST", "sale/creditnote", desk.note(desk.sale(), AdditionalCharges=[fee])
    )


def test_a_draft_hides_its_restock_and_moves_nothing(desk: Desk) -> None:
    sale = desk.sale()
    (draft,) = desk.post("sale/creditnote", desk.note(sale, Status="DRAFT"))["CreditNotes"]
    assert (draft["Restock"], draft["RestockStatus"]) == ([], "DRAFT")
    assert desk.on_hand("TEE-BLK-M") == 40
    desk.set(restock_readable_in_draft=True)
    assert len(desk.get("sale/creditnote", SaleID=sale["sale_id"])["CreditNotes"][0]["Restock"]) == 1


def test_a_tenant_with_manual_restock_posts_the_money_first(desk: Desk) -> None:
    desk.set(restock_posts="manual")
    (note,) = desk.post("sale/creditnote", desk.note(desk.sale()))["CreditNotes"]
    assert (note["Status"], note["RestockStatus"], desk.on_hand("TEE-BLK-M")) == ("AUTHORISED", "DRAFT", 40)
    desk.control("POST", f"/credit-notes/{note['TaskID']}/authorise-restock")
    assert desk.on_hand("TEE-BLK-M") == 41


@pytest.mark.parametrize(("lock", "status"), [("2026-03-19", 200), ("2026-03-20", 400), ("2026-04-01", 400)])
def test_a_note_dated_on_or_before_the_lock_date_is_refused(desk: Desk, lock: str, status: int) -> None:
    sale = desk.sale()
    desk.set(lock_date=lock)
    assert desk.ask("POST", "sale/creditnote", desk.note(sale)).status_code == status


def test_a_refused_note_leaves_nothing_behind(desk: Desk) -> None:
    sale = desk.sale(kind="Advanced Sale")
    desk.set(lock_date="2026-12-31")
    desk.refusal("POST", "sale/creditnote", desk.note(sale))
    assert desk.get("sale/creditnote", SaleID=sale["sale_id"])["CreditNotes"] == []


def test_goods_go_where_restock_location_says_and_else_back_to_the_pick_place(desk: Desk) -> None:
    back = [{"SKU": "TEE-BLK-M", "Quantity": 1, "RestockLocationID": desk.location("Quarantine")}]
    desk.post("sale/creditnote", desk.note(desk.sale(), Restock=back))
    desk.post("sale/creditnote", desk.note(desk.sale()))
    assert desk.on_hand("TEE-BLK-M", "Quarantine") == 1
    assert desk.on_hand("TEE-BLK-M") == 39


def test_a_bin_is_found_by_its_guid_and_never_by_its_name(desk: Desk) -> None:
    sale = desk.sale()
    (cage,) = [row for row in desk.get("ref/location")["LocationList"] if row["Name"] == "Quarantine"]
    assert cage["Bins"][0]["ID"] == cage["Bins"][0]["ID"].upper()
    by_name = [{"SKU": "TEE-BLK-M", "Quantity": 1, "RestockLocation": "Quarantine: Q-01"}]
    text = desk.refusal("POST", "sale/creditnote", desk.note(sale, Restock=by_name))
    assert "Location 'Quarantine: Q-01' was not found in Locations reference book" in text
    by_guid = [{"SKU": "TEE-BLK-M", "Quantity": 1, "RestockLocationID": cage["Bins"][0]["ID"].lower()}]
    desk.post("sale/creditnote", desk.note(sale, Restock=by_guid))
    (row,) = [row for row in desk.control("GET", "/stock?sku=TEE-BLK-M") if row["location"] == "Quarantine"]
    assert (row["bin"], row["on_hand"]) == ("Q-01", "1")


def test_a_batch_must_be_one_that_was_shipped(desk: Desk) -> None:
    sale = desk.sale(lines=[{"sku": "SERUM-30", "quantity": "2", "price": "45", "batch": "LOT-A1"}])
    sold = [{"SKU": "SERUM-30", "Name": "S", "Quantity": 1, "Price": 45, "Tax": 9, "Total": 45, "TaxRule": VAT}]

    def body(**restock: Any) -> dict[str, Any]:
        return desk.note(sale, Lines=sold, Restock=[{"SKU": "SERUM-30", "Quantity": 1, **restock}])

    assert "BatchSN is not provided" in desk.refusal("POST", "sale/creditnote", body())
    assert "'LOT-B2'" in desk.refusal("POST", "sale/creditnote", body(BatchSN="LOT-B2"))
    assert "Expiry" in desk.refusal("POST", "sale/creditnote", body(BatchSN="LOT-A1", ExpiryDate="2030-01-01"))
    desk.post("sale/creditnote", body(BatchSN="LOT-A1"))
    (lot,) = [row for row in desk.control("GET", "/stock?sku=SERUM-30") if row["batch"] == "LOT-A1"]
    assert (lot["on_hand"], lot["expiry"]) == ("19", "2027-03-31")


def test_restocked_units_come_back_at_the_cost_they_left_with(desk: Desk) -> None:
    lines = [{"sku": "CAP-NVY", "quantity": "12", "price": "18.5"}]
    sale = desk.sale(lines=lines)
    cost = desk.balance("310")
    assert cost == Decimal("75.9")
    desk.post("sale/creditnote", desk.note(sale, Lines=[], Restock=[{"SKU": "CAP-NVY", "Quantity": 12}]))
    assert desk.balance("310") == 0


def test_a_bad_tenant_restocks_at_the_latest_cost(desk: Desk) -> None:
    desk.set(restock_cost="latest")
    sale = desk.sale(lines=[{"sku": "CAP-NVY", "quantity": "10", "price": "18.5"}])
    desk.post("sale/creditnote", desk.note(sale, Lines=[], Restock=[{"SKU": "CAP-NVY", "Quantity": 10}]))
    assert desk.balance("310") == Decimal(61) - Decimal("74.5")


def test_a_voided_note_is_bare_and_its_money_and_goods_are_taken_back(desk: Desk) -> None:
    sale = desk.sale()
    before = desk.control("GET", "/trial-balance")
    (note,) = desk.post("sale/creditnote", desk.note(sale))["CreditNotes"]
    desk.ask("DELETE", "sale/creditnote", TaskID=note["TaskID"], Void="true")
    (voided,) = desk.get("sale/creditnote", SaleID=sale["sale_id"])["CreditNotes"]
    assert (voided["Status"], voided["Lines"], voided["Restock"]) == ("VOIDED", [], [])
    assert {code: Decimal(amount) for code, amount in desk.control("GET", "/trial-balance").items()} == {
        code: Decimal(amount) for code, amount in before.items()
    }
    assert desk.on_hand("TEE-BLK-M") == 40


def test_an_undone_note_is_a_draft_again_and_can_be_authorised_again(desk: Desk) -> None:
    body = desk.note(desk.sale())
    desk.post("sale/creditnote", body)
    desk.ask("DELETE", "sale/creditnote", TaskID=body["TaskID"])
    (note,) = desk.post("sale/creditnote", body)["CreditNotes"]
    assert note["Status"] == "AUTHORISED"
    assert desk.on_hand("TEE-BLK-M") == 41


def test_a_foreign_note_looks_like_the_channels_own(desk: Desk) -> None:
    sale = desk.sale()
    made = desk.control("POST", f"/sales/{sale['sale_id']}/foreign-credit-note", {"refund": True})
    (note,) = desk.get("sale/creditnote", SaleID=sale["sale_id"], IncludePaymentInfo="true")["CreditNotes"]
    assert (note["Memo"], note["Status"], note["CreditNoteBalance"]) == ("", "AUTHORISED", 0)
    assert (made["origin"], made["total"]) == ("channel", "72.0000")


def test_a_foreign_currency_note_posts_at_its_own_rate(desk: Desk) -> None:
    sale = desk.sale(currency="EUR", rate="0.85", customer="Euro Customer", ship=False)
    desk.post("sale/creditnote", desk.note(sale, CreditNoteConversionRate=0.85, Restock=[]))
    assert desk.balance("610") == Decimal("30.6")


def test_a_service_sale_drops_restock_without_a_word(desk: Desk) -> None:
    sale = desk.sale(kind="Service Sale")
    (note,) = desk.post("sale/creditnote", desk.note(sale, TaskID=sale["sale_id"]))["CreditNotes"]
    assert (note["Restock"], desk.on_hand("TEE-BLK-M")) == ([], 40)


def test_what_is_finer_than_four_decimals_is_rounded_off_without_a_word(desk: Desk) -> None:
    fine = [line(Price=29.99995, Total=30, Tax=6.00004, Discount=0.001)]
    (note,) = desk.post("sale/creditnote", desk.note(desk.sale(), Lines=fine))["CreditNotes"]
    kept = note["Lines"][0]
    assert (kept["Price"], kept["Tax"], kept["Discount"]) == (30, 6, 0)


def test_a_field_may_be_ignored_with_a_200(desk: Desk) -> None:
    desk.set(ignored_fields=["Restock"])
    (note,) = desk.post("sale/creditnote", desk.note(desk.sale()))["CreditNotes"]
    assert (note["Status"], note["Restock"], desk.on_hand("TEE-BLK-M")) == ("AUTHORISED", [], 40)


def test_a_person_may_authorise_our_draft_by_hand(desk: Desk) -> None:
    body = desk.note(desk.sale(), Status="DRAFT")
    desk.post("sale/creditnote", body)
    desk.control("POST", f"/credit-notes/{body['TaskID']}/authorise")
    assert "Status is AUTHORISED" in desk.refusal("POST", "sale/creditnote", body | {"Status": "AUTHORISED"})


def test_a_person_may_change_an_authorised_note(desk: Desk) -> None:
    body = desk.note(desk.sale())
    desk.post("sale/creditnote", body)
    change = {"memo": "by hand", "lines": [{"sku": "TEE-BLK-M", "price": "25", "tax": "5"}]}
    edited = desk.control("POST", f"/credit-notes/{body['TaskID']}/edit", change)
    assert (edited["memo"], edited["total"]) == ("by hand", "30.0000")
    assert desk.balance("610") == 42
