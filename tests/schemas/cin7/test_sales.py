from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from schemas.cin7 import sales
from schemas.cin7.stock import WRITE_OFFS
from schemas.money import Money
from tests.schemas.cin7.sale_bodies import LOCATION_ID, PRODUCT_ID, SALE_ID, line, note, placeholder, sale


def eur(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


def test_a_sale_is_read_in_the_currency_of_its_customer() -> None:
    found = sales.read_sale(sale())
    assert (found.sale_id, found.currency, found.base_currency, found.rate) == (SALE_ID, "EUR", "GBP", Decimal("0.86"))
    assert found.invoices[0].total == eur("66")
    assert found.invoices[0].lines[0].tax == eur("10.0")
    assert found.order_total == eur("60")
    assert found.modified_at == datetime(2026, 3, 5, 8, 11, 38, 20000, UTC)
    assert found.ordered_on == date(2017, 1, 27)


def test_the_placeholder_of_an_uncredited_sale_is_no_credit_note() -> None:
    found = sales.read_sale(sale())
    assert len(found.credit_notes) == 1
    assert found.notes() == ()


def test_picks_say_where_goods_came_from_in_lower_case_ids() -> None:
    pick = sales.read_sale(sale()).fulfilments[0].picks[0]
    assert (pick.location_id, pick.product_id, pick.batch) == (LOCATION_ID, PRODUCT_ID, "")


def test_goods_sold_carry_their_cost_as_cin7_signs_it() -> None:
    assert sales.read_sale(sale()).movements[0].cogs == Decimal(-4500)


def test_unknown_statuses_of_a_sale_are_kept_as_text() -> None:
    assert sales.read_sale(sale(Status="TELEPORTED", Type="Hyper Sale")).status == "TELEPORTED"


def test_a_sale_without_a_currency_is_refused() -> None:
    with pytest.raises(sales.SchemaInvalidError, match="CustomerCurrency"):
        sales.read_sale(sale(CustomerCurrency=None, BaseCurrency=""))


def test_an_unreadable_amount_names_the_line() -> None:
    invoices = [sale()["Invoices"][0] | {"Lines": [line(), line(Tax="some")]}]
    with pytest.raises(sales.SchemaInvalidError, match=r"Invoices\[0\].Lines\[1\].Tax: 'some' is not a number"):
        sales.read_sale(sale(Invoices=invoices))


@pytest.mark.parametrize(
    ("inclusive", "net", "gross"), [(True, "25", "30"), (False, "30", "35")], ids=["inclusive", "exclusive"]
)
def test_note_totals_are_added_up_where_cin7_leaves_them_out(inclusive: bool, net: str, gross: str) -> None:
    found = sales.read_credit_notes({"CreditNotes": [note()]}, "EUR", tax_inclusive=inclusive)[0]
    assert (found.total_before_tax, found.tax, found.total) == (eur(net), eur("5"), eur(gross))


def test_told_totals_win_over_added_ones() -> None:
    told = note(TotalBeforeTax="24.99", Tax="5.01", Total="30.00")
    found = sales.read_credit_notes({"CreditNotes": [told]}, "EUR", tax_inclusive=True)[0]
    assert (found.total_before_tax, found.tax, found.total) == (eur("24.99"), eur("5.01"), eur("30.00"))


def test_refunds_are_read_under_either_of_their_names() -> None:
    paid = [{"ID": SALE_ID, "Type": "Refund", "Reference": "RMA-77", "Amount": "35.00", "DatePaid": "2026-03-20"}]
    for key in ("Refunds", "Payments"):
        found = sales.read_credit_notes({"CreditNotes": [placeholder(), note(**{key: paid})]}, "EUR")[1]
        assert found.refunds[0].amount == eur("35.00")


def test_the_credit_note_list_comes_under_the_key_of_sales() -> None:
    row = {"SaleID": SALE_ID.upper(), "OrderNumber": None, "QuoteStatus": "", "RestockStatus": "DRAFT", "Updated": None}
    assert sales.read_sale_rows({"SaleList": [row]})[0].restock_status == "DRAFT"
    with pytest.raises(sales.SchemaInvalidError, match="SaleList"):
        sales.read_sale_rows({"CreditNoteList": [row]})


def test_payments_come_as_a_bare_list() -> None:
    with pytest.raises(sales.SchemaInvalidError, match="not a list"):
        sales.read_payments({"Payments": []}, "EUR")
    assert sales.read_payments([], "EUR") == ()


def test_stock_value_is_money_and_not_a_count() -> None:
    row = {"ID": PRODUCT_ID, "SKU": "TEE-BLK-M ", "Bin": None, "OnHand": 40, "Available": -38, "StockOnHand": "376.0"}
    found = sales.read_availability({"ProductAvailabilityList": [row]})[0]
    assert (found.sku, found.on_hand, found.available, found.stock_value) == (
        "TEE-BLK-M",
        Decimal(40),
        Decimal(-38),
        Decimal("376.0"),
    )


def test_availability_that_does_not_say_what_is_available_is_refused() -> None:
    with pytest.raises(sales.SchemaInvalidError, match=r"ProductAvailabilityList\[0\].Available: missing"):
        sales.read_availability({"ProductAvailabilityList": [{"ID": PRODUCT_ID, "SKU": "A", "OnHand": 3}]})


def test_bins_are_places_of_their_own_named_by_their_parent() -> None:
    bin_id = PRODUCT_ID.upper()
    rows = [
        {"ID": LOCATION_ID, "Name": "Main", "Bins": [{"ID": bin_id, "Name": "A-01"}]},
        {"ID": bin_id, "Name": "Main: A-01", "ParentID": LOCATION_ID, "Bins": None},
    ]
    found = {place.location_id: place for place in sales.read_locations({"LocationList": rows})}
    assert (found[PRODUCT_ID].name, found[PRODUCT_ID].parent_id) == ("A-01", LOCATION_ID)
    assert len(found) == 2


def test_reference_books_are_read() -> None:
    rule = {"Name": "20% (VAT on Income)", "TaxPercent": "20.0000", "IsActive": 1, "IsTaxForSale": True}
    assert sales.read_tax_rules({"TaxRuleList": [rule]})[0].percent == Decimal(20)
    account = {"Code": "712", "Name": "Clearing", "Type": "Bank", "Status": "ACTIVE", "ForPayments": True}
    assert sales.read_accounts({"AccountsList": [account | {"Status": "ARCHIVED"}]})[0].active is False
    company = {"Company": "Alder", "Currency": "GBP", "TimeZone": "Europe/London", "LockDate": "31/12/2025"}
    assert sales.read_tenant(company).lock_date == date(2025, 12, 31)


def test_webhook_registrations_are_read_without_their_secrets() -> None:
    row = {
        "ID": SALE_ID,
        "Type": "Sale/Created",
        "IsActive": False,
        "ExternalPassword": "hush",
        "ExternalURL": "https://x",
    }
    found = sales.read_webhooks({"Webhooks": [row]})[0]
    assert found.active is False
    assert "hush" not in repr(found)


def test_a_stock_document_list_is_read_under_its_own_key() -> None:
    row = {"TaskID": SALE_ID, "InventoryWriteOffNumber": "IWO-1", "Status": "COMPLETED", "Notes": "RMA 77"}
    assert sales.read_stock_documents({WRITE_OFFS: [row]}, WRITE_OFFS)[0].reference == "RMA 77"
    with pytest.raises(sales.SchemaInvalidError, match=WRITE_OFFS):
        sales.read_stock_documents({"Total": 0}, WRITE_OFFS)


def test_an_adjustment_line_tells_the_new_absolute_figure() -> None:
    lines = [{"SKU": "A", "QuantityOnHand": 601, "Adjustment": 600, "Quantity": 1}]
    found = sales.read_stock_document({"TaskID": SALE_ID, "ExistingStockLines": lines, "NewStockLines": None})
    assert found.lines[0].quantity == Decimal(600)
