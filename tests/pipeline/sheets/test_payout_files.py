"""Files of payouts: what is read however it is written, and what is named instead of guessed."""

from __future__ import annotations

import codecs
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from pipeline.sheets.payout_files import PayoutFile, read_payouts
from pipeline.sheets.sheet import SheetError
from schemas.payouts import PayoutLine

NOW = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
HEAD = "payout_id,refund_id,amount,currency,settled"
TRANSACTIONS = (
    "Transaction Date,Type,Order,Card Brand,Card Source,Payout Status,Payout Date,Payout ID,Available On,Amount,"
    "Fee,Net,Checkout,Payment Method Name,Presentment Amount,Presentment Currency,Currency,VAT"
)
PAYOUTS = (
    "Payout Date,Status,Charges,Refunds,Adjustments,Reserved Funds,Fees,Retried Amount,Total,Currency,Bank Reference"
)


def read(text: str | bytes) -> PayoutFile:
    return read_payouts(text if isinstance(text, bytes) else text.encode(), NOW)


def problems(text: str | bytes) -> list[str]:
    with pytest.raises(SheetError) as refused:
        read(text)
    return refused.value.problems


def one(amount: str = "20.00", refund: str = "r-1", currency: str = "GBP", settled: str = "2026-03-02") -> str:
    cells = ("po-1", refund, amount, currency, settled)
    return HEAD + "\n" + ",".join('"' + cell.replace('"', '""') + '"' for cell in cells) + "\n"


def the_line(text: str | bytes) -> PayoutLine:
    (line,) = read(text).lines
    return line


# -- encodings, separators, headers -----------------------------------------------------------------------------------

PLAIN = HEAD + "\npo-1,r-1,-20.00,GBP,2026-03-02\n"


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.encode(),
        codecs.BOM_UTF8 + PLAIN.encode(),
        PLAIN.encode("utf-16"),
        codecs.BOM_UTF16_BE + PLAIN.encode("utf-16-be"),
        PLAIN.encode("utf-16-le"),
        PLAIN.encode("utf-16-be"),
        PLAIN.replace(",", ";").encode(),
        PLAIN.replace(",", "\t").encode(),
        PLAIN.replace(",", "|").encode(),
        PLAIN.replace("\n", "\r\n").encode(),
        PLAIN.replace("\n", "\r").encode(),
        b"sep=;\r\n" + PLAIN.replace(",", ";").encode(),
        b"\n\n" + PLAIN.encode() + b"\n,,,,\n",
        b"Payouts of March\n\n" + PLAIN.encode(),
        PLAIN.replace(HEAD, "Payout ID, Refund ID ,AMOUNT,Currency,Settled").encode(),
        PLAIN.replace(HEAD, "settled,currency,amount,refund_id,payout_id")
        .replace("po-1,r-1,-20.00,GBP,2026-03-02", "2026-03-02,GBP,-20.00,r-1,po-1")
        .encode(),
        (HEAD + ",note\npo-1,r-1,-20.00,GBP,2026-03-02,x\n").encode(),
        (HEAD + ",note,note\npo-1,r-1,-20.00,GBP,2026-03-02,x,y\n").encode(),
    ],
)
def test_a_table_is_read_in_any_encoding_and_with_any_separator(content: bytes) -> None:
    line = the_line(content)
    assert (line.payout_id, line.refund_id, str(line.amount)) == ("po-1", "r-1", "-20.00 GBP")
    assert line.settled_at == datetime(2026, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"PK\x03\x04rest", "Excel workbook"),
        (b"\xd0\xcf\x11\xe0rest", "Excel workbook"),
        (b"%PDF-1.7", "PDF"),
        (b"\x1f\x8brest", "compressed"),
        (b"<!doctype html>", "web page"),
        (b"", "empty"),
        (b" \n\n", "empty"),
        (PLAIN.replace("r-1", "r-é").encode("latin-1"), "not UTF-8"),
        (PLAIN.encode() + b"\0\0", "no text"),
        (b"a,b\n1,2\n", "columns missing"),
        (b"just words", "columns missing"),
    ],
)
def test_a_file_that_is_no_table_of_payouts_says_what_it_is_and_the_way_out(content: bytes, word: str) -> None:
    (problem,) = problems(content)
    assert word in problem


def test_a_column_that_is_needed_and_stands_twice_is_named() -> None:
    (problem,) = problems(f"{HEAD},Amount\npo-1,r-1,1,GBP,2026-03-02,2\n")
    assert "'amount' stands twice (columns 3 and 6)" in problem


def test_a_column_that_is_only_read_where_it_stands_may_not_stand_twice_either() -> None:
    (problem,) = problems(f"{TRANSACTIONS},Payout ID\n{transaction()},7\n")
    assert "'payout_id' stands twice" in problem


def test_a_cell_too_many_is_an_unquoted_separator_and_is_named_by_line() -> None:
    (problem,) = problems(f"{HEAD}\npo-1,r-1,20.00,GBP,2026-03-02\npo-1,r-2,1,234.50,GBP,2026-03-02\n")
    assert problem.startswith("line 3: 6 cells under 5 columns")


def test_a_quote_that_never_ends_is_named_by_line() -> None:
    (problem,) = problems(f'{HEAD}\npo-1,r-1,1,GBP,2026-03-02\npo-1,"r-2,1,GBP,2026-03-02\n')
    assert problem.startswith("line 3: ")
    assert "quote" in problem


def test_every_bad_line_is_named_where_it_stands_in_the_file() -> None:
    text = f'{HEAD}\npo-1,"r\n1",x,GBP,2026-03-02\n\npo-1,r-2,1,GBP,soon\npo-1,r-3,1,pounds,2026-03-02\n'
    assert [problem.split(":")[0] for problem in problems(text)] == ["line 2", "line 5", "line 6"]


# -- amounts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "currency", "amount"),
    [
        ("20", "GBP", "20"),
        ("-20.00", "GBP", "-20"),
        ("\u221220.00", "GBP", "-20"),
        ("20.00-", "GBP", "-20"),
        ("(20.00)", "GBP", "-20"),
        ("($20.00)", "USD", "-20"),
        ("US$20.00", "USD", "20"),
        ("-$20.00", "CAD", "-20"),
        ("$-20.00", "AUD", "-20"),
        ("20,00 €", "EUR", "20"),
        ("€ -20,00", "EUR", "-20"),
        ("GBP 20.00", "GBP", "20"),
        ("20.00 GBP", "gbp", "20"),
        ("20,00 kr.", "SEK", "20"),
        ("1,234.50", "GBP", "1234.50"),
        ("1.234,50", "EUR", "1234.50"),
        ("1\u00a0234,50", "EUR", "1234.50"),
        ("1\u202f234,50 €", "EUR", "1234.50"),
        ("1'234.50", "CHF", "1234.50"),
        ("1\u2019234.50", "CHF", "1234.50"),
        ("12,34,567.00", "INR", "1234567"),
        ("1,234,567", "JPY", "1234567"),
        (".50", "GBP", "0.50"),
        ("+20.00", "GBP", "20"),
        ("'20.00", "GBP", "20"),
        ('="20.00"', "GBP", "20"),
        ("1234.567", "KWD", "1234.567"),
        ("20.000000", "GBP", "20"),
    ],
)
def test_an_amount_is_read_however_people_and_spreadsheets_write_it(written: str, currency: str, amount: str) -> None:
    line = the_line(one(written, currency=currency))
    assert (line.amount.amount, line.amount.currency) == (Decimal(amount), currency.upper())


@pytest.mark.parametrize(
    ("written", "currency", "word"),
    [
        ("1e30", "GBP", "power of ten"),
        ("1E+2", "GBP", "power of ten"),
        ("9" * 30, "GBP", "beyond"),
        ("10000000000.01", "GBP", "beyond"),
        ("1,234", "GBP", "thousands or decimals"),
        ("1.234", "EUR", "thousands or decimals"),
        ("1,23.45.6", "GBP", "no amount"),
        ("1,23,4.00", "GBP", "threes"),
        ("1 23", "GBP", "threes"),
        ("20.0051", "GBP", "more decimals"),
        ("20.50", "JPY", "more decimals"),
        ("£20.00", "EUR", "not in EUR"),
        ("US$20", "CAD", "not in CAD"),
        ("20.00 XX", "GBP", "'XX' is not known"),
        ("--20", "GBP", "no amount"),
        ("-(20)", "GBP", "no amount"),
        ("(20", "GBP", "no amount"),
        ("20)", "GBP", "no amount"),
        ("NaN", "GBP", "no amount"),
        ("Infinity", "GBP", "no amount"),
        ("", "GBP", "no amount"),
        ("#REF!", "GBP", "no amount"),
        ("20", "", "currency"),
        ("20", "POUND", "currency"),
    ],
)
def test_an_amount_that_is_none_or_could_mean_two_things_is_named_with_the_fix(
    written: str, currency: str, word: str
) -> None:
    (problem,) = problems(one(written, currency=currency))
    assert problem.startswith("line 2: ")
    assert word in problem


@pytest.mark.parametrize(("other", "amount"), [("12.50", "1234"), ("2,345.00", "1234")])
def test_the_other_amounts_of_the_file_say_what_its_separators_mean(other: str, amount: str) -> None:
    text = f'{HEAD}\npo-1,r-1,"1,234",GBP,2026-03-02\npo-1,r-2,"{other}",GBP,2026-03-02\n'
    assert read(text).lines[0].amount.amount == Decimal(amount)


def test_amounts_that_disagree_about_separators_leave_the_open_one_open() -> None:
    text = f'{HEAD}\npo-1,r-1,"1,234",GBP,2026-03-02\npo-1,r-2,1.50,GBP,2026-03-02\npo-1,r-3,"1,50",GBP,2026-03-02\n'
    (problem,) = problems(text)
    assert "thousands or decimals" in problem


# -- ids and days -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    [
        "895464123456",
        "895464123456.0",
        "895464123456,00",
        "'895464123456",
        "\u2019895464123456",
        '="895464123456"',
        "gid://shopify/Refund/895464123456",
        " 895464123456\u00a0",
    ],
)
def test_an_id_is_read_however_a_spreadsheet_keeps_it(written: str) -> None:
    assert the_line(one(refund=written)).refund_id == "895464123456"


@pytest.mark.parametrize(
    ("written", "word"),
    [
        ("8.95464E+11", "rounded"),
        ("8,95464e+11", "rounded"),
        ("9E+11", "rounded"),
        ("8954641234567890000", "rounded"),
        ("895,464,123,456", "separators"),
        ("gid://shopify/Order/895", "something else"),
        ("x" * 81, "80"),
        ("'", "empty"),
    ],
)
def test_an_id_that_a_spreadsheet_spoilt_is_refused_with_the_fix(written: str, word: str) -> None:
    (problem,) = problems(one(refund=written))
    assert problem.startswith("line 2: ")
    assert word in problem


@pytest.mark.parametrize("written", ["2026-03-02", "2026/3/2", "02.03.2026", "20260302", "2026-03-02 02:00:00 +0200"])
def test_a_day_is_read_where_it_can_mean_only_one(written: str) -> None:
    assert the_line(one(settled=written)).settled_at == datetime(2026, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    "written", ["03/02/2026", "2-3-26", "soon", "", "46083", "2026-02-30", "0001-01-01", "9999-12-31", "2028-01-01"]
)
def test_a_day_that_is_none_or_beyond_all_payouts_is_refused(written: str) -> None:
    (problem,) = problems(one(settled=written))
    assert problem.startswith("line 2: settled")


# -- Shopify's own exports --------------------------------------------------------------------------------------------


def transaction(
    kind: str = "refund",
    order: str = "#1001",
    amount: str = "-36.00",
    status: str = "paid",
    payout: str = "148156579998",
) -> str:
    shown = amount.lstrip("-")
    return (
        f"2026-03-02 16:59:53 +0400,{kind},{order},visa,online,{status},2026-03-04,{payout},2026-03-04,{amount},0.00,"
        f"{amount},#43685329797278,card,{shown},GBP,GBP,0.00"
    )


def test_a_refund_in_the_transactions_export_is_known_by_its_order_and_moment() -> None:
    file = read("\n".join([TRANSACTIONS, transaction("charge", amount="72.00"), transaction()]))
    (line,) = file.lines
    assert (line.payout_id, line.order, str(line.amount)) == ("148156579998", "#1001", "36.00 GBP")
    assert line.moved_at == datetime(2026, 3, 2, 12, 59, 53, tzinfo=UTC)
    assert line.settled_at == datetime(2026, 3, 4, tzinfo=UTC)
    assert file.left_out == {"rows of type charge": 1}


def test_money_that_came_back_is_negative_and_every_row_left_out_is_counted() -> None:
    rows = [
        transaction("refund_failure", amount="36.00"),
        transaction(status="pending", payout=""),
        transaction("chargeback", amount="-20.00"),
        transaction(order=""),
    ]
    file = read("\n".join([TRANSACTIONS, *rows]))
    assert [str(line.amount) for line in file.lines] == ["-36.00 GBP"]
    assert file.left_out == {
        "refunds of a payout that is pending": 1,
        "refunds that name no order": 1,
        "rows of type chargeback": 1,
    }


def test_rows_of_one_order_at_one_moment_are_told_apart_in_whatever_order_they_stand() -> None:
    rows = [transaction(amount="-20.00"), transaction(amount="-16.00")]
    there = {line.refund_id: line.amount for line in read("\n".join([TRANSACTIONS, *rows])).lines}
    back = {line.refund_id: line.amount for line in read("\n".join([TRANSACTIONS, *reversed(rows)])).lines}
    assert (len(there), there) == (2, back)


def test_an_older_transactions_export_without_payout_ids_goes_by_the_payouts_day() -> None:
    head = "Transaction Date,Type,Order,Payout Status,Payout Date,Available On,Amount,Fee,Net,Currency"
    text = f"{head}\n2026-03-02 10:00:00 -0400,refund,#1001,paid,2026-03-04,2026-03-04,-10.00,0.00,-10.00,USD\n"
    assert the_line(text).payout_id == "payout of 2026-03-04"


def test_the_payouts_export_gives_the_sum_of_refunds_of_each_day_and_currency() -> None:
    rows = [
        "2026-03-04,paid,1650.00,-20.00,0.00,0.00,-67.65,0.00,1562.35,GBP,REF1",
        "2026-03-04,paid,650.00,-16.00,0.00,0.00,-7.65,0.00,626.35,GBP,REF2",
        "2026-03-04,paid,650.00,-5.00,0.00,0.00,-7.65,0.00,637.35,EUR,",
        "2026-03-05,in_transit,650.00,-5.00,0.00,0.00,-7.65,0.00,637.35,GBP,",
    ]
    file = read("\n".join([PAYOUTS, *rows]))
    assert [str(line.amount) for line in file.lines if line.is_sum] == ["36.00 GBP", "5.00 EUR"]
    assert file.left_out == {"payouts that are in transit": 1}
