"""Whose sale an order's is, asked over HTTP: in Cin7's books, in the sale index, and in what is remembered."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from console.rehearsal import rehearse
from pipeline.ledger import returns, sales
from pipeline.ledger.schema import all as t
from pipeline.parts import Parts
from schemas.concerns import Concern
from schemas.sales import Sale
from tasks.books.books import LedgerBooks
from tasks.failures import SaleBusyError
from tasks.polls import polls
from tasks.stages import consume, reading
from tests.sandbox_server import SandboxHandle
from tests.tasks.practice import PRICE, SHOP, SKU, Bench, Desk

BIRCH, BIRCH_PORTAL, BIRCH_KEY = "birch", "birch.myshopify.com", "birch-key"
STRANGER = "9999999999"
_numbers = itertools.count(70001)


@pytest.fixture
def number() -> str:
    """A number that no other test of the session sells under; the portal's order id is the same digits."""
    return str(next(_numbers))


def sell(bench: Bench, reference: str, external: str | None = None, **more: Any) -> dict[str, Any]:
    """A paid, shipped sale of two pieces; gives its id and numbers."""
    line = {"sku": SKU, "quantity": "2", "price": PRICE, "tax_rule": "20% (VAT on Income)"}
    told = {"customer_reference": reference, "external_id": external, "kind": "Advanced Sale", "currency": "GBP"}
    made = bench.desk._post(
        "/sales",
        {**told, "tax_inclusive": True, "date": "2026-11-01", "invoice_status": "PAID", "lines": [line], **more},
    )
    rows = bench.desk.world.control.get("/books").json()["sales"]
    return next(row for row in rows if row["sale_id"] == made["sale_id"])


def notes_on(bench: Bench, sale: dict[str, Any]) -> int:
    rows = bench.desk.world.control.get("/books").json()["credit_notes"]
    return sum(row["sale_id"] == sale["sale_id"] for row in rows)


def change(bench: Bench, sale: dict[str, Any], **header: Any) -> None:
    """Somebody changes the sale's header in Cin7."""
    told = bench.desk.world.control.get("/settings").json()
    keys = {"api-auth-accountid": told["cin7_account_id"], "api-auth-applicationkey": told["cin7_keys"][0]}
    answer = bench.desk.world.control.put(
        f"{bench.desk.world.cin7_url}/sale", json={"ID": sale["sale_id"], **header}, headers=keys
    )
    assert answer.status_code == 200, answer.text


def taken(bench: Bench, order: str) -> str:
    """A received return of one piece; gives its RMA."""
    rma = bench.desk.open_return(order)
    bench.take(rma)
    return rma


def the_exception(bench: Bench) -> dict[str, Any]:
    [row] = bench.exceptions()
    return row


def books_of(parts: Parts, shop: str = SHOP) -> LedgerBooks:
    return LedgerBooks(parts, parts.shop(shop), None, f"test:{shop}")


def found(parts: Parts, name: str, order_id: str, shop: str = SHOP) -> str:
    """The number of the order's sale, or the exception's type."""
    books = books_of(parts, shop)
    try:
        answer = books.sale_of(name, order_id)
    finally:
        books.release()
    return str(answer.kind) if isinstance(answer, Concern) else answer.order_number


# -- the id decides ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("indexed", [True, False])
def test_a_sale_with_another_orders_id_is_never_credited_and_is_named(bench: Bench, number: str, indexed: bool) -> None:
    sale = sell(bench, f"#{number}", STRANGER)
    if indexed:
        polls.sales(bench.parts, SHOP)
    rma = taken(bench, f"#{number}")
    assert bench.consume(rma) == "parked"
    row = the_exception(bench)
    assert (row["type"], notes_on(bench, sale)) == ("ORDER_NOT_FOUND", 0)
    assert f"{sale['order_number']} ({STRANGER})" in row["cause"]
    assert "void" not in row["next_step"].casefold()


@pytest.mark.parametrize("indexed", [True, False])
@pytest.mark.parametrize("own", ["{}", "gid://shopify/Order/{}"])
def test_of_two_sales_of_one_name_the_one_with_the_orders_id_is_credited(
    bench: Bench, number: str, indexed: bool, own: str
) -> None:
    mine = sell(bench, f"#{number}", own.format(number))
    strangers = [sell(bench, f"#{number}", "5559999"), sell(bench, f"#{number}")]
    if indexed:
        polls.sales(bench.parts, SHOP)
    rma = taken(bench, f"#{number}")
    assert bench.consume(rma) == "settled"
    assert [notes_on(bench, sale) for sale in (mine, *strangers)] == [1, 0, 0]
    assert bench.exceptions() == []


@pytest.mark.parametrize("external", [None, "", " ", "#{}", "{}"])
def test_a_sale_without_id_or_with_the_name_as_id_is_ours(bench: Bench, number: str, external: str | None) -> None:
    sell(bench, f"#{number}", external and external.format(number))
    assert found(bench.parts, f"#{number}", "5550001111").startswith("SO-")


def test_a_sale_that_no_name_finds_is_found_by_its_id(bench: Bench, number: str) -> None:
    sale = sell(bench, "PO 12 urgent", number)
    rma = taken(bench, f"#{number}")
    assert (bench.consume(rma), notes_on(bench, sale)) == ("settled", 1)


def test_where_external_id_holds_something_else_the_merchant_says_so(
    make_bench: Callable[..., Bench], number: str
) -> None:
    bench = make_bench(terms='external_ids = "ignore"')
    sale = sell(bench, f"#{number}", "CHANNEL-77")
    rma = taken(bench, f"#{number}")
    assert (bench.consume(rma), notes_on(bench, sale)) == ("settled", 1)


# -- a word in a text -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reference", ["PO {} urgent", "Jane 12/{}", "re #{}!"])
def test_a_word_inside_a_free_text_is_a_question_and_never_a_credit(bench: Bench, number: str, reference: str) -> None:
    sale = sell(bench, reference.format(number))
    rma = taken(bench, f"#{number}")
    assert bench.consume(rma) == "parked"
    row = the_exception(bench)
    assert (row["type"], notes_on(bench, sale)) == ("ORDER_NOT_FOUND", 0)
    assert sale["order_number"] in row["cause"]
    change(bench, sale, CustomerReference=f"#{number}")
    assert bench.later(rma, 7200) == "settled"
    assert (notes_on(bench, sale), bench.exceptions()) == (1, [])


# -- what is remembered -----------------------------------------------------------------------------------------------


def test_a_remembered_sale_that_turns_out_to_be_another_orders_is_forgotten(bench: Bench, number: str) -> None:
    sale = sell(bench, f"#{number}")
    assert found(bench.parts, f"#{number}", number) == sale["order_number"]
    change(bench, sale, ExternalID=STRANGER)
    rma = taken(bench, f"#{number}")
    assert (bench.consume(rma), notes_on(bench, sale)) == ("parked", 0)
    assert sale["order_number"] in the_exception(bench)["cause"]
    assert bench.the_return(rma)["sale_id"] == ""
    mine = sell(bench, f"#{number}", number)
    polls.sales(bench.parts, SHOP)
    assert bench.consume(rma) == "settled"
    assert (notes_on(bench, mine), notes_on(bench, sale)) == (1, 0)


def test_the_orders_own_id_takes_the_order_from_a_sale_that_only_had_its_name(bench: Bench, number: str) -> None:
    nameless = sell(bench, f"#{number}")
    assert found(bench.parts, f"#{number}", number) == nameless["order_number"]
    mine = sell(bench, f"#{number}", number)
    polls.sales(bench.parts, SHOP)
    assert found(bench.parts, f"#{number}", number) == mine["order_number"]


def test_an_id_that_the_index_has_not_seen_yet_counts_all_the_same(bench: Bench, number: str) -> None:
    sale = sell(bench, f"#{number}")
    polls.sales(bench.parts, SHOP)
    change(bench, sale, ExternalID=STRANGER)
    assert found(bench.parts, f"#{number}", number) == "ORDER_NOT_FOUND"


def test_two_orders_of_one_name_in_one_shop_keep_apart(bench: Bench, number: str) -> None:
    old, new = sell(bench, f"#{number}", "5550000001"), sell(bench, f"#{number}", "5550000002")
    for _ in range(2):
        assert found(bench.parts, f"#{number}", "5550000001") == old["order_number"]
        assert found(bench.parts, f"#{number}", "5550000002") == new["order_number"]


def test_a_rehearsal_says_who_is_passed_over_and_leaves_the_return_as_it_is(bench: Bench, number: str) -> None:
    sale = sell(bench, f"#{number}", invoice_status="DRAFT")
    rma = taken(bench, f"#{number}")
    bench.consume(rma)
    before = bench.the_return(rma)["sale_id"]
    change(bench, sale, ExternalID=STRANGER)
    told = rehearse(bench.parts, rma, SHOP)
    [notes] = [one for one in told["consumers"] if one["consumer"] == "credit-notes"]
    assert STRANGER in str(notes["plan"])
    assert (before, bench.the_return(rma)["sale_id"]) == (sale["sale_id"], sale["sale_id"])


# -- waking -----------------------------------------------------------------------------------------------------------


def waits(bench: Bench, rma: str) -> bool:
    return bool(bench.entry(rma)["due_at"] > bench.clock())


@pytest.mark.parametrize("header", [{"ExternalID": "{}"}, {"ExternalID": "gid://shopify/Order/{}"}, {"ExternalID": ""}])
def test_a_corrected_external_id_wakes_whoever_was_passed_over(
    bench: Bench, number: str, header: dict[str, str]
) -> None:
    sale = sell(bench, f"#{number}", STRANGER)
    polls.sales(bench.parts, SHOP)
    rma = taken(bench, f"#{number}")
    bench.consume(rma)
    assert waits(bench, rma)
    change(bench, sale, **{name: text.format(number) for name, text in header.items()})
    polls.sales(bench.parts, SHOP)
    assert not waits(bench, rma)
    assert (bench.consume(rma), bench.exceptions()) == ("settled", [])


def test_a_name_taken_off_a_sale_wakes_whoever_could_not_choose(bench: Bench, number: str) -> None:
    sell(bench, f"#{number}")
    twin = sell(bench, f"#{number}")
    polls.sales(bench.parts, SHOP)
    rma = taken(bench, f"#{number}")
    bench.consume(rma)
    assert the_exception(bench)["type"] == "CONSOLIDATED_SALE_AMBIGUOUS"
    change(bench, twin, CustomerReference="B-side")
    polls.sales(bench.parts, SHOP)
    assert not waits(bench, rma)
    assert (bench.consume(rma), bench.exceptions()) == ("settled", [])


def test_a_name_in_another_case_wakes_its_return(bench: Bench, number: str) -> None:
    rma = taken(bench, f"#EN{number}")
    bench.consume(rma)
    assert waits(bench, rma)
    sell(bench, f"en{number}")
    polls.sales(bench.parts, SHOP)
    assert not waits(bench, rma)
    assert bench.consume(rma) == "settled"


def test_a_touch_without_content_wakes_nobody(bench: Bench, number: str) -> None:
    sale = sell(bench, f"#{number}", STRANGER)
    polls.sales(bench.parts, SHOP)
    rma = taken(bench, f"#{number}")
    bench.consume(rma)
    change(bench, sale, Note="looked at")
    polls.sales(bench.parts, SHOP)
    assert waits(bench, rma)


# -- two shops, one Cin7 company ---------------------------------------------------------------------------------------


@pytest.fixture
def pair(make_bench: Callable[..., Bench], world: SandboxHandle) -> Bench:
    """Shops alder and birch with one Cin7 account."""
    told = world.control.get("/settings").json()
    world.control.post("/returngo/shops", json={"shop_name": BIRCH_PORTAL, "api_key": BIRCH_KEY})
    return make_bench(
        terms=f"""
[shops.birch.returngo]
base_url = "{world.returngo_url}"
shop_name = "{BIRCH_PORTAL}"
api_key = "{BIRCH_KEY}"
daily_limit = 1000000
[shops.birch.cin7]
base_url = "{world.cin7_url}"
account_id = "{told["cin7_account_id"].upper()}"
application_key = "{told["cin7_keys"][0]}"
limit = 5000
[shops.birch.hooks]
token = "birch-token-0123456789"
[shops.birch.terms]
go_live = 2020-01-01
sellable_location = "Main Warehouse"
[[shops.birch.terms.dispositions]]
reason = "*"
disposition = "restock"
"""
    )


def birch_return(bench: Bench, order: str) -> dict[str, Any]:
    """The credit-notes entry of a received return of shop birch."""
    rma = Desk(bench.desk.world, BIRCH_PORTAL).open_return(order)
    with bench.parts.ledger.write() as conn:
        returns.nudge(conn, BIRCH, rma, bench.clock())
    assert reading.read_due(bench.parts) == 1
    c = t.entries.c
    return bench.rows(t.entries, c.shop == BIRCH, c.subject == rma, c.consumer == "credit-notes")[0]


def test_two_shops_of_one_company_each_credit_their_own_sale_of_the_same_number(pair: Bench, number: str) -> None:
    alders, birchs = sell(pair, f"#{number}", "7770001"), sell(pair, f"#{number}", number)
    entry = birch_return(pair, f"#{number}")
    assert consume.run(pair.parts, entry["id"]) == "settled"
    rma = taken(pair, f"#{number}")
    pair.change(t.returns, t.returns.c.rma_id == rma, order_id="7770001")
    assert found(pair.parts, f"#{number}", "7770001") == alders["order_number"]
    assert (notes_on(pair, alders), notes_on(pair, birchs)) == (0, 1)


def test_a_sale_without_id_belongs_to_the_shop_that_came_first_and_the_other_is_told(pair: Bench, number: str) -> None:
    sale = sell(pair, f"#{number}")
    rma = taken(pair, f"#{number}")
    assert pair.consume(rma) == "settled"
    entry = birch_return(pair, f"#{number}")
    assert consume.run(pair.parts, entry["id"]) == "parked"
    row = the_exception(pair)
    assert (row["shop"], row["type"], notes_on(pair, sale)) == (BIRCH, "ORDER_NOT_FOUND", 1)
    assert f"{sale['order_number']} (order #{number} of shop alder)" in row["cause"]


def test_a_sale_that_one_shop_writes_to_is_busy_for_the_other(pair: Bench, number: str) -> None:
    sale = sell(pair, f"#{number}")
    writing = books_of(pair.parts)
    assert isinstance(writing.sale_of(f"#{number}", ""), Sale)
    with pytest.raises(SaleBusyError):
        books_of(pair.parts, BIRCH).sale_of(f"#{number}", "")
    writing.release()
    with pair.parts.ledger.write() as conn:
        assert sales.claim_sale(conn, SHOP, sale["sale_id"], "next", pair.clock(), timedelta(seconds=1))
