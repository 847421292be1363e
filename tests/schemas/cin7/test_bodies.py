from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.actions import AdjustStock, AuthoriseOrder, PostCreditNote, RecordRefund, TransferStock, WriteOffStock
from schemas.cin7.bodies import TEXT_LIMIT, marked
from schemas.cin7.sales import credit_note_body, dumps, order_body, payment_body, read_credit_notes
from schemas.cin7.stock import adjustment_body, transfer_body, write_off_body
from schemas.json.exact import parse
from schemas.money import Money
from schemas.sales import Charge, DocumentLine, StockLine
from tests.schemas.cin7.sale_bodies import LOCATION_ID, PRODUCT_ID, SALE_ID

DAY = date(2026, 3, 20)
WHO: dict[str, Any] = {"key": "alder:77:credit:1", "sale_id": SALE_ID, "units": ("1",)}


def gbp(amount: str | Decimal) -> Money:
    return Money(Decimal(amount), "GBP")


def document_line(tax: str = "5.0000", total: str = "30.00") -> DocumentLine:
    return DocumentLine(
        PRODUCT_ID, "TEE-BLK-M", "Tee", Decimal(1), gbp("30.00"), Decimal(0), gbp(tax), gbp(total), "VAT", "200"
    )


def stock_line(quantity: str = "1", **changes: Any) -> StockLine:
    return replace(StockLine(PRODUCT_ID, "TEE-BLK-M", "Tee", Decimal(quantity), LOCATION_ID), **changes)


def credit_note(**changes: Any) -> PostCreditNote:
    charge = Charge("Restocking fee", Decimal(1), gbp("-4"), Decimal(0), gbp("0"), gbp("-4"), "VAT", "260")
    action = PostCreditNote(
        **WHO,
        task_id=SALE_ID,
        simple=True,
        invoice_number="INV-19002",
        memo="RMA 77",
        noted_on=DAY,
        rate=Decimal("0.86000"),
        lines=(document_line(),),
        charges=(charge,),
        restock=(stock_line(restock_location_id=LOCATION_ID, batch="B1", expiry=DAY),),
        net=gbp("21"),
        tax=gbp("5"),
        gross=gbp("26"),
    )
    return replace(action, **changes)


def test_a_credit_note_is_sent_whole_with_every_digit() -> None:
    sent = dumps(credit_note_body(credit_note(), "DRAFT", SALE_ID)).decode()
    assert '"Tax":5.0000' in sent
    assert '"CreditNoteConversionRate":0.86000' in sent
    assert '"CreditNoteDate":"2026-03-20T00:00:00"' in sent
    assert parse(sent)["Restock"][0] == {
        "ProductID": PRODUCT_ID,
        "BatchSN": "B1",
        "ExpiryDate": "2026-03-20T00:00:00",
        "SKU": "TEE-BLK-M",
        "Name": "Tee",
        "Quantity": 1,
        "LocationID": LOCATION_ID,
        "RestockLocationID": LOCATION_ID,
        "RestockDate": "2026-03-20T00:00:00",
    }


def test_draft_and_authorise_send_the_same_document() -> None:
    draft, final = (credit_note_body(credit_note(), status, SALE_ID) for status in ("DRAFT", "AUTHORISED"))
    assert {key for key in draft if draft[key] != final[key]} == {"Status"}


def test_a_note_without_goods_sends_an_empty_restock() -> None:
    assert credit_note_body(credit_note(restock=()), "DRAFT", SALE_ID)["Restock"] == []


@given(st.decimals(min_value="0", max_value="99999", places=4), st.decimals(min_value="0", max_value="99999", places=4))
def test_what_is_sent_is_what_would_be_read_back(tax: Decimal, total: Decimal) -> None:
    line = replace(document_line(), tax=gbp(tax), total=gbp(total))
    sent = dumps(credit_note_body(credit_note(lines=(line,), charges=()), "DRAFT", SALE_ID))
    back = read_credit_notes({"CreditNotes": [parse(sent)]}, "GBP")[0]
    assert back.lines == (line,)
    assert back.restock == (stock_line(restock_location_id=LOCATION_ID, batch="B1", expiry=DAY),)


def test_the_marker_is_in_every_document_and_survives_a_long_memo() -> None:
    action = credit_note(memo="x" * 5000)
    memo = credit_note_body(action, "DRAFT", SALE_ID)["Memo"]
    assert memo.endswith(action.marker)
    assert len(memo) == TEXT_LIMIT


def test_a_marker_that_is_there_already_is_not_written_twice() -> None:
    assert marked("RMA 77 RL-1", "RL-1") == "RMA 77 RL-1"
    assert marked("", "RL-1") == "RL-1"


def refund(amount: str) -> RecordRefund:
    return RecordRefund(
        **WHO, task_id=SALE_ID, reference="RMA 77", amount=gbp(amount), paid_on=DAY, account="712", rate=Decimal(1)
    )


def test_a_refund_is_sent_with_two_places() -> None:
    assert b'"Amount":35.00' in dumps(payment_body(refund("35")))


def test_a_refund_with_a_fraction_of_a_penny_is_not_rounded_in_silence() -> None:
    with pytest.raises(ValueError, match="round it first"):
        payment_body(refund("35.005"))


def test_a_write_off_names_products_by_code_and_each_sku_once() -> None:
    lines = (stock_line("1"), stock_line("2"), stock_line("1", batch="B1"))
    action = WriteOffStock(**WHO, location_id=LOCATION_ID, account="403", effective_on=DAY, notes="RMA 77", lines=lines)
    body = write_off_body(action)
    assert [(row["ProductCode"], row["Quantity"], row.get("BatchSN")) for row in body["Lines"]] == [
        ("TEE-BLK-M", Decimal(3), None),
        ("TEE-BLK-M", Decimal(1), "B1"),
    ]
    assert body["LocationID"] == LOCATION_ID
    assert action.marker in body["Notes"]


def test_a_transfer_addresses_a_place_by_its_name_only_when_it_has_no_guid() -> None:
    action = TransferStock(
        **WHO,
        from_location_id=LOCATION_ID,
        to_location_id="Quarantine",
        completed_on=DAY,
        reference="RMA 77",
        lines=(stock_line("2"),),
    )
    body = transfer_body(action)
    assert (body["From"], body["ToLocation"]) == (LOCATION_ID, "Quarantine")
    assert body["Lines"][0]["TransferQuantity"] == Decimal(2)


def test_an_adjustment_says_the_new_figure_and_not_the_difference() -> None:
    action = AdjustStock(
        **WHO,
        location_id=LOCATION_ID,
        effective_on=DAY,
        reference="RMA 77",
        account="",
        line=stock_line("1"),
        unit_cost=Decimal("9.4"),
    )
    body = adjustment_body(action, Decimal(40))
    assert (body["UpdateOnHand"], body["Lines"][0]["Quantity"]) == (True, Decimal(41))
    assert "Account" not in body


def test_an_order_goes_back_whole_when_it_leaves_draft() -> None:
    action = AuthoriseOrder(**WHO, memo="as it was", order_total=gbp("30"), lines=(document_line(),), extra={"X": "y"})
    body = order_body(action)
    assert (body["Status"], body["Memo"], body["X"], len(body["Lines"])) == ("AUTHORISED", "as it was", "y", 1)
    assert body["Lines"][0]["DropShip"] is False
