from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.sandbox.cin7.desk import VAT, Desk


def order(sale_id: str, quantity: int = 1, **changes: Any) -> dict[str, Any]:
    line = {"SKU": "JEANS-32", "Name": "Jeans", "Quantity": quantity, "Price": 89, "Tax": 17.8, "TaxRule": VAT}
    return {"SaleID": sale_id, "Status": "AUTHORISED", "Memo": "", "Lines": [line], "AdditionalCharges": [], **changes}


def test_an_unknown_query_parameter_is_silently_ignored(desk: Desk) -> None:
    desk.sale()
    desk.sale(order_name="#5502")
    assert desk.get("saleList", ModifiedSince="2999-01-01", CustomerRef="#5502")["Total"] == 2


def test_a_status_filter_takes_one_value_and_a_list_finds_nothing(desk: Desk) -> None:
    desk.sale(order_status="DRAFT")
    desk.sale()
    assert desk.get("saleList", OrderStatus="DRAFT")["Total"] == 1
    assert desk.get("saleList", OrderStatus="DRAFT,FULFILLED")["Total"] == 0
    assert desk.get("saleList", OrderStatus="DRAFT|FULFILLED")["Total"] == 0


def test_the_newest_sale_is_on_the_last_page(desk: Desk) -> None:
    for number in range(3):
        desk.sale(order_name=f"#{number}")
    assert desk.get("saleList", Page=3, Limit=1)["SaleList"][0]["CustomerReference"] == "#2"
    assert desk.get("saleList", page=4, limit=1)["SaleList"] == []


def test_a_page_holds_100_rows_by_default_and_never_more_than_1000(desk: Desk) -> None:
    for _ in range(101):
        desk.sale(order_status="DRAFT")
    assert len(desk.get("saleList")["SaleList"]) == 100
    assert len(desk.get("saleList", Limit=5000)["SaleList"]) == 101


def test_search_finds_a_part_of_the_customers_reference(desk: Desk) -> None:
    desk.sale(order_name="#5501")
    desk.sale(order_name="#55012")
    assert desk.get("saleList", Search="#5501")["Total"] == 2


@pytest.mark.parametrize("suffix", ["", "Z", "+00:00"])
def test_updated_since_takes_a_moment_with_or_without_its_suffix(desk: Desk, suffix: str) -> None:
    desk.sale()
    moment = datetime.now(UTC)
    desk.control("POST", "/clock", {"advance_seconds": 60})
    desk.sale(order_name="#later")
    rows = desk.get("saleList", UpdatedSince=f"{moment:%Y-%m-%dT%H:%M:%S}{suffix}".replace("+", " "))["SaleList"]
    assert "#later" in [row["CustomerReference"] for row in rows]
    desk.control("POST", "/clock", {"advance_seconds": 3600})
    later = desk.world.clock.now()
    assert desk.get("saleList", UpdatedSince=f"{later:%Y-%m-%dT%H:%M:%S}{suffix}")["Total"] == 0


def test_the_credit_note_list_has_one_row_per_sale_under_sale_list(desk: Desk) -> None:
    body = desk.note(desk.sale(kind="Advanced Sale"))
    for _ in range(3):
        desk.post("sale/creditnote", body | {"Restock": []})
    desk.sale()
    answer = desk.get("saleCreditNoteList")
    assert (answer["Total"], len(answer["SaleList"])) == (1, 1)
    assert answer["SaleList"][0]["CreditNoteNumber"] == "CR-00733"


def test_a_credit_note_moves_updated_and_changes_the_amount(desk: Desk) -> None:
    sale = desk.sale(invoice_status="PAID")
    assert desk.get("saleList")["SaleList"][0]["Status"] == "COMPLETED"
    desk.post("sale/creditnote", desk.note(sale))
    (row,) = desk.get("saleList")["SaleList"]
    assert (row["Status"], row["InvoiceAmount"], row["SaleInvoicesTotalAmount"]) == ("CREDITED", 36, 72)


def test_a_paid_sale_is_completed_and_not_invoiced(desk: Desk) -> None:
    desk.sale(order_name="a", invoice_status="AUTHORISED")
    desk.sale(order_name="b", invoice_status="PAID")
    desk.sale(order_name="c", invoice_status="DRAFT")
    desk.sale(order_name="d", order_status="DRAFT")
    statuses = [row["Status"] for row in desk.get("saleList")["SaleList"]]
    assert statuses == ["INVOICED", "COMPLETED", "INVOICING", "ORDERING"]


def test_documents_of_an_advanced_sale_have_tasks_of_their_own(desk: Desk) -> None:
    split = [{"lines": [{"sku": "TEE-BLK-M", "quantity": "1"}]}] * 2
    sale = desk.sale(kind="Advanced Sale", invoices=split)
    shown = desk.get("sale", ID=sale["sale_id"])
    tasks = [row["TaskID"] for row in [*shown["Invoices"], *shown["Fulfilments"]]]
    assert len({*tasks, sale["sale_id"]}) == 5
    assert [row["LinkedInvoiceNumber"] for row in shown["Fulfilments"]] == [row["number"] for row in sale["invoices"]]


def test_documents_of_a_simple_sale_share_the_sale_id(desk: Desk) -> None:
    sale = desk.sale()
    shown = desk.get("sale", ID=sale["sale_id"])
    tasks = {row["TaskID"] for row in [*shown["Invoices"], *shown["Fulfilments"], *shown["CreditNotes"]]}
    assert tasks == {sale["sale_id"]}


def test_goods_out_have_negative_cost_in_movements_and_positive_in_the_header(desk: Desk) -> None:
    sale = desk.sale()
    shown = desk.get("sale", ID=sale["sale_id"].upper())
    assert shown["COGSAmount"] == Decimal("18.8")
    assert [row["COGS"] for row in shown["InventoryMovements"]] == [Decimal("-18.8")]
    assert desk.get("sale", ID=sale["sale_id"], HideInventoryMovements="true")["InventoryMovements"] == []


def test_short_stock_is_silently_back_ordered(desk: Desk) -> None:
    sale = desk.sale(order_status="DRAFT", lines=[{"sku": "JEANS-32", "quantity": "1"}])
    (line,) = desk.post("sale/order", order(sale["sale_id"], 15))["Lines"]
    assert line["BackorderQuantity"] == 3
    assert desk.get("saleList")["SaleList"][0]["Status"] == "BACKORDERED"


def test_posting_an_order_replaces_all_of_it(desk: Desk) -> None:
    sale = desk.sale(order_status="DRAFT", charges=[{"description": "Shipping - Standard", "price": "4.95"}])
    answer = desk.post("sale/order", order(sale["sale_id"], Status="DRAFT"))
    assert [line["SKU"] for line in answer["Lines"]] == ["JEANS-32"]
    assert answer["AdditionalCharges"] == []


def test_an_authorised_order_is_closed_to_the_api(desk: Desk) -> None:
    sale = desk.sale(order_status="DRAFT")
    desk.post("sale/order", order(sale["sale_id"]))
    assert "Status is AUTHORISED" in desk.refusal("POST", "sale/order", order(sale["sale_id"]))


def test_a_tenant_may_discount_on_authorising(desk: Desk) -> None:
    desk.control("POST", "/tenant", {"company": {"AutomaticallyApplyDiscounts": True}})
    desk.set(auto_discount_percent="10")
    sale = desk.sale(order_status="DRAFT")
    (line,) = desk.post("sale/order", order(sale["sale_id"]))["Lines"]
    assert (line["Discount"], line["Total"]) == (10, Decimal("80.1"))
    assert desk.get("me")["AutomaticallyApplyDiscounts"] is True


def test_adding_a_fulfilment_turns_a_simple_sale_advanced_and_its_old_task_stale(desk: Desk) -> None:
    sale = desk.sale()
    desk.post("sale/fulfilment", {"SaleID": sale["sale_id"]})
    assert desk.get("sale", ID=sale["sale_id"])["Type"] == "Advanced Sale"
    assert "not found" in desk.refusal("POST", "sale/creditnote", desk.note(sale))


@pytest.mark.parametrize(("rounding", "tax"), [("truncate", "1826.0869"), ("half_up", "1826.0870")])
def test_inclusive_tax_is_rounded_the_tenants_way(desk: Desk, rounding: str, tax: str) -> None:
    rule = {"name": "15%", "percent": "15"}
    desk.control("POST", "/tenant", {"tax_rules": [rule]})
    desk.set(tax_rounding=rounding)
    lines = [{"sku": "TEE-BLK-M", "quantity": "1", "price": "14000", "tax_rule": "15%"}]
    sale = desk.sale(lines=lines, tax_inclusive=True)
    (invoice,) = desk.get("sale/invoice", SaleID=sale["sale_id"])["Invoices"]
    assert (invoice["Lines"][0]["Tax"], invoice["Lines"][0]["Total"]) == (Decimal(tax), 14000)
    assert invoice["TotalBeforeTax"] == 14000 - Decimal(tax)


def test_payments_are_a_bare_array_and_a_refund_needs_an_authorised_note(desk: Desk) -> None:
    sale = desk.sale(invoice_status="PAID")
    refund = {"TaskID": sale["sale_id"], "Type": "Refund", "Reference": "RG-1", "Amount": 36, "Account": "712"}
    assert "not found" in desk.refusal("POST", "sale/payment", refund)
    desk.post("sale/creditnote", desk.note(sale))
    desk.post("sale/payment", refund)
    paid = desk.get("sale/payment", SaleID=sale["sale_id"])
    assert [(row["Type"], row["Amount"], row["CreditNoteNumber"]) for row in paid] == [
        ("Payment", 72, None),
        ("Refund", 36, "CR-00731"),
    ]
    assert desk.balance("712") == 36


def test_the_same_refund_twice_is_two_refunds(desk: Desk) -> None:
    sale = desk.sale()
    desk.post("sale/creditnote", desk.note(sale))
    refund = {"TaskID": sale["sale_id"], "Type": "REFUND", "Reference": "RG-1", "Amount": 36, "Account": "712"}
    first, second = (desk.post("sale/payment", refund)["ID"] for _ in range(2))
    assert first != second
    assert desk.ask("DELETE", "sale/payment", ID=second).json() == {"Success": True}
    assert desk.balance("712") == -36


def test_a_refund_at_another_rate_leaves_an_exchange_difference(desk: Desk) -> None:
    sale = desk.sale(currency="EUR", rate="0.85", customer="Euro Customer")
    desk.post("sale/creditnote", desk.note(sale, CreditNoteConversionRate=0.85))
    refund = {"TaskID": sale["sale_id"], "Type": "REFUND", "Amount": 36, "Account": "712", "CurrencyRate": 0.9}
    desk.post("sale/payment", refund)
    assert desk.balance("840") == Decimal("1.8")


def test_a_changed_payment_is_posted_once(desk: Desk) -> None:
    sale = desk.sale(invoice_status="PAID")
    (money,) = desk.get("sale/payment", SaleID=sale["sale_id"])
    for amount in (50, 60):
        assert desk.ask("PUT", "sale/payment", {"ID": money["ID"], "Amount": amount}).status_code == 200
    assert desk.balance("712") == 60


def test_store_credit_pages_come_without_a_total(desk: Desk) -> None:
    desk.post("sale/creditnote", desk.note(desk.sale()))
    answer = desk.get("ref/customer/credits", Page=1, Limit=100)
    assert "Total" not in answer
    assert [row["RemainingAmount"] for row in answer["CustomerCredits"]] == [36]


def test_an_open_order_is_voided_by_the_control_desk_and_frees_its_stock(desk: Desk) -> None:
    sale = desk.sale(lines=[{"sku": "JEANS-32", "quantity": "5"}], ship=False, invoice_status=None)
    desk.control("POST", f"/sales/{sale['sale_id']}/void")
    (row,) = desk.get("ref/productavailability", Sku="JEANS-32")["ProductAvailabilityList"]
    assert row["Allocated"] == 0
    desk.control("POST", f"/sales/{sale['sale_id']}/delete")
    assert "not found" in desk.refusal("GET", "sale", ID=sale["sale_id"])


def test_a_voided_sale_is_imported_again_under_the_same_names_and_lines(desk: Desk) -> None:
    rows = [{"sku": "JEANS-32", "quantity": "2", "price": "89", "discount": "10"}]
    old = desk.sale(order_name="#71", external_id="71", lines=rows, invoice_status="DRAFT")
    assert desk.send("POST", f"/control/sales/{old['sale_id']}/import-again", json={}).status_code == 400
    desk.control("POST", f"/sales/{old['sale_id']}/void")
    new = desk.control("POST", f"/sales/{old['sale_id']}/import-again", {"invoice_status": "PAID"})
    shown = [desk.get("sale", ID=one["sale_id"]) for one in (old, new)]
    assert shown[0]["Status"] == "VOIDED"
    assert shown[0]["ID"] != shown[1]["ID"]
    assert {(one["CustomerReference"], one["ExternalID"]) for one in shown} == {("#71", "71")}
    wanted = ("SKU", "Quantity", "Price", "Discount", "Total", "TaxRule")
    lines = [[[line[name] for name in wanted] for line in one["Order"]["Lines"]] for one in shown]
    assert lines[0] == lines[1]
    assert shown[1]["Invoices"][0]["Status"] == "PAID"


def test_a_deleted_draft_takes_its_task_with_it(desk: Desk) -> None:
    sale = desk.sale(kind="Advanced Sale")
    body = desk.note(sale, Status="DRAFT")
    (made,) = desk.post("sale/creditnote", body)["CreditNotes"]
    desk.control("POST", f"/credit-notes/{made['TaskID']}/delete")
    assert desk.get("sale/creditnote", SaleID=sale["sale_id"])["CreditNotes"] == []
    assert "not found" in desk.refusal("POST", "sale/creditnote", {**body, "TaskID": made["TaskID"]})


def test_a_credited_sale_cannot_be_voided(desk: Desk) -> None:
    sale = desk.sale()
    desk.post("sale/creditnote", desk.note(sale))
    assert "credit notes" in desk.refusal("DELETE", "sale", ID=sale["sale_id"], Void="true")


def test_a_stand_alone_note_shows_in_the_note_list_with_empty_order_fields(desk: Desk) -> None:
    desk.control("POST", "/credit-notes/stand-alone", {})
    (row,) = desk.get("saleCreditNoteList")["SaleList"]
    assert (row["Type"], row["OrderNumber"], row["QuoteStatus"]) == ("Credit Note", None, "")
    assert desk.get("saleList")["Total"] == 0


def test_an_exchange_order_is_known_by_its_attributes_on_the_sale_only(desk: Desk) -> None:
    sale = desk.sale(order_status="DRAFT", attributes={"AdditionalAttribute1": "exchange"})
    assert desk.get("sale", ID=sale["sale_id"])["AdditionalAttributes"]["AdditionalAttribute1"] == "exchange"
    assert "AdditionalAttributes" not in desk.get("saleList", OrderStatus="DRAFT")["SaleList"][0]


def test_charges_may_be_folded_into_the_lines(desk: Desk) -> None:
    sale = desk.sale(charges=[{"description": "Shipping - Standard", "price": "4.95"}])
    apart = desk.get("sale", ID=sale["sale_id"])["Invoices"][0]
    together = desk.get("sale", ID=sale["sale_id"], CombineAdditionalCharges="true")["Invoices"][0]
    assert (len(apart["Lines"]), len(apart["AdditionalCharges"])) == (1, 1)
    assert [row["Name"] for row in together["Lines"]] == ["Tee black M", "Shipping - Standard"]
