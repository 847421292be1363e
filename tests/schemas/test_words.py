"""The words of providers: any case and spacing in, one spelling out; what nobody taught us keeps its own."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.front.spelling import SPELLINGS, respelled
from schemas.cin7.reference import read_accounts, read_products
from schemas.cin7.sales import read_sale, read_sale_rows
from schemas.cin7.stock import read_stock_document
from schemas.json.fields import SchemaInvalidError
from schemas.returngo.rmas import read_return, read_rma_list, read_shipment, read_transactions, without_personal_data
from schemas.returns import CANCELED, FAILED, REQUESTED, STORE_CREDIT, SUCCESS
from schemas.sales import AUTHORISED, REFUND, restock_open
from schemas.words import Words
from tests.schemas.cin7.sale_bodies import sale
from tests.schemas.returngo.rma_bodies import rma, transaction, unit

NOT_OWN = [spelling for spelling in SPELLINGS if spelling != "own"]


@pytest.mark.parametrize("spelling", NOT_OWN)
def test_a_return_reads_the_same_in_every_spelling_of_its_words(spelling: str) -> None:
    body = rma(transactions=[transaction()], items=[unit(resolutionType="InstantVariantExchange")])
    assert read_return(respelled(body, spelling, {})) == read_return(body)


@pytest.mark.parametrize("spelling", NOT_OWN)
def test_a_sale_reads_the_same_in_every_spelling_of_its_words(spelling: str) -> None:
    body = sale()
    assert read_sale(respelled(body, spelling, {})) == read_sale(body)


@pytest.mark.parametrize("spelling", NOT_OWN)
def test_a_row_of_the_sale_list_reads_the_same_in_every_spelling(spelling: str) -> None:
    words = {"Status": "INVOICED", "OrderStatus": "AUTH_NO_ALLOC", "CreditNoteStatus": "VOIDED"}
    body = {"SaleList": [{"SaleID": "s", "Type": "Simple Sale", **words, "RestockStatus": "NOT AVAILABLE"}]}
    assert read_sale_rows(respelled(body, spelling, {})) == read_sale_rows(body)


@pytest.mark.parametrize(
    ("word", "meaning"),
    [
        ("success", SUCCESS),
        (" SUCCESS ", SUCCESS),
        ("requested", REQUESTED),
        ("Pending", REQUESTED),
        ("FAILED", FAILED),
        ("Error", FAILED),
        ("failure", FAILED),
        ("Canceled", CANCELED),
        ("Cancelled", CANCELED),
        ("VOIDED", CANCELED),
    ],
)
def test_what_became_of_a_transaction_is_understood(word: str, meaning: str) -> None:
    assert read_transactions({"transactions": [transaction(status=word)]}).rows[0].status == meaning


@pytest.mark.parametrize("word", ["Settled", "Bounced", "PartialSuccess", "Unknown"])
def test_a_status_of_a_transaction_that_nobody_knows_keeps_its_spelling_and_is_not_understood(word: str) -> None:
    found = read_transactions({"transactions": [transaction(status=word)]}).rows[0]
    assert (found.status, found.understood) == (word, False)


@pytest.mark.parametrize(
    ("kind", "gives_back", "understood"),
    [
        ("RefundToPaymentMethod", True, True),
        ("refundtogiftcard", True, True),
        ("RefundToBankAccount", True, True),
        ("CompensationRefund", True, True),
        ("invoicepayment", False, True),
        ("PaymentAuthorization", False, True),
        ("Capture", False, True),
        ("Chargeback", False, True),
        ("RefundFee", False, False),
        ("Payout", False, False),
    ],
)
def test_a_transaction_gives_money_back_by_the_name_of_its_kind_or_is_not_understood(
    kind: str, gives_back: bool, understood: bool
) -> None:
    found = read_transactions({"transactions": [transaction(type=kind)]}).rows[0]
    assert (found.gives_back, found.understood) == (gives_back, understood)


def test_store_credit_by_its_short_name_is_a_refund_to_store_credit() -> None:
    assert read_transactions({"transactions": [transaction(type="StoreCredit")]}).rows[0].kind == STORE_CREDIT


@pytest.mark.parametrize("status", ["Failed", "cancelled"])
def test_a_kind_that_nobody_knows_does_not_matter_where_no_money_moved(status: str) -> None:
    assert read_transactions({"transactions": [transaction(type="Payout", status=status)]}).rows[0].understood


def test_british_and_american_spelling_are_one_word() -> None:
    assert read_rma_list({"rmas": [{"rmaId": "1", "status": "CANCELLED"}]}).rows[0].status == CANCELED
    assert read_sale(sale(Invoices=[{"TaskID": "t", "Status": "Authorized"}])).invoices[0].creditable


def test_an_unknown_status_keeps_its_spelling() -> None:
    assert read_shipment({"shipmentId": "1", "status": " Lost at Sea "}).status == "Lost at Sea"


def test_a_reference_that_can_be_spent_is_dropped_in_whatever_case_its_kind_is_written() -> None:
    kept = {"externalReferenceId": "895", "externalReferenceType": "platformrefundid"}
    code = {"externalReferenceId": "SECRET", "externalReferenceType": "STORECREDITCODE"}
    rows = read_transactions({"transactions": [transaction(**kept), transaction(id=2, **code)]}).rows
    assert [found.reference for found in rows] == ["895", ""]
    assert without_personal_data(kept) == kept
    assert "externalReferenceId" not in without_personal_data(code)


def test_what_cin7_calls_its_documents_is_compared_without_case() -> None:
    assert read_accounts({"AccountsList": [{"Code": "1", "Status": "active "}]})[0].active
    assert read_products({"Products": [{"ID": "p", "Type": "NON-INVENTORY"}]})[0].kind == "Non Inventory"
    assert read_stock_document({"TaskID": "t", "Status": "Completed"}).status == "COMPLETED"


def test_payments_of_a_note_are_told_from_those_of_its_invoice_in_any_case() -> None:
    note = {"TaskID": "t", "Status": "authorised", "Refunds": [{"Type": " refund", "Amount": 1}]}
    [found] = read_sale(sale(CreditNotes=[note])).credit_notes
    assert (found.status, found.refunds[0].kind) == (AUTHORISED, REFUND)


def test_a_third_way_to_calculate_tax_is_refused_with_its_field() -> None:
    assert read_sale(sale(TaxCalculation=" INCLUSIVE")).tax_inclusive
    with pytest.raises(SchemaInvalidError) as caught:
        read_sale(sale(TaxCalculation="Compound"))
    assert "TaxCalculation" in caught.value.errors


STRANGE: list[dict[str, Any]] = [
    {"Type": "Subscription Sale"},
    {"Status": "ARCHIVED"},
    {"Order": {"SaleOrderNumber": "SO-1", "Status": "SUBMITTED"}},
    {"Invoices": [{"TaskID": "t", "InvoiceNumber": "INV-9", "Status": "POSTED"}]},
    {"CreditNotes": [{"TaskID": "t", "CreditNoteNumber": "CR-9", "Status": "APPROVED"}]},
    {"Fulfilments": [{"TaskID": "t", "FulfillmentNumber": 1, "FulFilmentStatus": "SPLIT"}]},
    {"Fulfilments": [{"TaskID": "t", "FulfillmentNumber": 1, "Ship": {"Status": "EN ROUTE"}}]},
]


@pytest.mark.parametrize("odd", STRANGE)
def test_a_sale_names_every_word_of_its_documents_that_nobody_knows(odd: dict[str, Any]) -> None:
    [said] = read_sale(sale(**odd)).unknown_words()
    assert said.rpartition("'")[0].rpartition("'")[2] in str(odd)
    assert read_sale(sale()).unknown_words() == ()


def test_a_restock_is_posted_only_where_a_known_word_says_so() -> None:
    assert [restock_open(word) for word in ("", "AUTHORISED", "DRAFT", "PENDING REVIEW")] == [False, False, True, True]


def test_a_vocabulary_says_whether_it_knows_a_word() -> None:
    words = Words("NOT AVAILABLE", also={"NONE": "NOT AVAILABLE"})
    assert [words.spelled(word) for word in ("not_available", "none", " Gone ")] == ["NOT AVAILABLE"] * 2 + ["Gone"]
    assert [words.knows(word) for word in ("Not available", "", " ", "Gone")] == [True, True, True, False]
