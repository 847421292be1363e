"""The clients against the practice world over real HTTP, faults included."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import fakeredis
import pytest

from pipeline.calls.call import Call, Http
from pipeline.calls.failures import (
    BadAnswer,
    CredentialsRejected,
    NotFound,
    Rejected,
    Throttled,
    Unavailable,
    Uncertain,
    WireError,
)
from pipeline.calls.quota import DailyQuota, Quota
from pipeline.cin7 import Cin7, Cin7Access
from pipeline.returngo.client import ReturnGo, ReturnGoAccess
from schemas.actions import AdjustStock, PostCreditNote, RecordRefund, TransferStock, WriteOffStock
from schemas.cin7.sales import credit_note_body, payment_body
from schemas.cin7.stock import adjustment_body, transfer_body, write_off_body
from schemas.money import Money
from schemas.sales import AUTHORISED, DRAFT, CreditNote, Sale
from tests.sandbox_server import SandboxHandle, running_sandbox

pytestmark = pytest.mark.flow

ACCOUNT, KEY = "a0000000-0000-4000-8000-000000000001", "b0000000-0000-4000-8000-000000000001"
SHOP = "demo.myshopify.com"
DAY = date(2026, 11, 20)


class Practice:
    """A fresh practice world with one client for each of its halves."""

    def __init__(self, handle: SandboxHandle) -> None:
        self.control = handle.control
        self.calls: list[Call] = []
        self.http = Http()
        self.redis = fakeredis.FakeRedis()
        access = Cin7Access(handle.cin7_url, ACCOUNT, KEY, read_deadline=1.5, write_deadline=1.5)
        self.cin7 = Cin7(access, Quota(self.redis, KEY, limit=500), self.http, self.calls.append)
        shop = ReturnGoAccess(handle.returngo_url, SHOP, "the-key")
        self.returngo = ReturnGo(shop, DailyQuota(self.redis, "the-key"), self.http, self.calls.append)

    def tell(self, route: str, /, **body: Any) -> Any:
        answer = self.control.post(route, json=body)
        answer.raise_for_status()
        return answer.json()

    def sale(self, **changes: Any) -> Sale:
        line = {
            "sku": "TEE-BLK-M",
            "quantity": "2",
            "price": "30.00",
            "discount": "0",
            "tax_rule": "20% (VAT on Income)",
        }
        order = {"order_name": "#5501", "kind": "Simple Sale", "currency": "GBP", "tax_inclusive": True, "ship": True}
        order |= {"invoice_status": "PAID", "date": "2026-03-02", "location": "Main Warehouse", "lines": [line]}
        return self.cin7.sale(self.tell("/sales", **order | changes)["sale_id"])

    def post(self, action: PostCreditNote, status: str) -> CreditNote:
        body = credit_note_body(action, status, action.task_id)
        notes = self.cin7.post_credit_note(body, "GBP", tax_inclusive=True)
        return next(note for note in notes if action.marker in note.memo)


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxHandle]:
    with running_sandbox(seed=5, quota=100000) as handle:
        yield handle


@pytest.fixture
def world(server: SandboxHandle) -> Iterator[Practice]:
    practice = Practice(server)
    practice.tell("/reset")
    practice.tell("/tenant", default=True)
    practice.tell("/returngo/shops", shop_name=SHOP, api_key="the-key")
    yield practice
    server.control.delete("/faults").raise_for_status()
    practice.http.close()


def half_back(sale: Sale) -> PostCreditNote:
    """One of the two tees, tax included, back to where it was picked."""
    invoice, pick = sale.invoices[0], sale.fulfilments[0].picks[0]
    line, half = invoice.lines[0], Decimal("0.5")
    line = replace(line, quantity=Decimal(1), tax=line.tax * half, total=line.total * half)
    return PostCreditNote(
        key="demo:1:credit:1",
        sale_id=sale.sale_id,
        units=("1",),
        task_id=sale.sale_id,
        simple=True,
        invoice_number=invoice.number,
        memo="RMA 1",
        noted_on=DAY,
        rate=invoice.rate,
        lines=(line,),
        charges=(),
        restock=(replace(pick, quantity=Decimal(1)),),
        net=line.total - line.tax,
        tax=line.tax,
        gross=line.total,
    )


def test_a_note_is_drafted_authorised_and_reads_back_as_it_was_meant(world: Practice) -> None:
    action = half_back(world.sale())
    draft, final = world.post(action, DRAFT), world.post(action, AUTHORISED)
    assert (draft.status, final.status, draft.task_id) == (DRAFT, AUTHORISED, final.task_id)
    assert [line.total for line in final.lines] == [action.gross]
    assert (final.total_before_tax, final.tax, final.total) == (action.net, action.tax, action.gross)
    kept = world.cin7.sale(action.sale_id).credit_notes[0]
    assert (kept.total, kept.restock[0].quantity) == (action.gross, Decimal(1))


def test_an_authorised_note_on_a_simple_sale_cannot_be_posted_twice(world: Practice) -> None:
    action = half_back(world.sale())
    world.post(action, AUTHORISED)
    with pytest.raises(Rejected, match="AUTHORISED"):
        world.post(action, AUTHORISED)


def test_a_plain_return_costs_two_calls(world: Practice) -> None:
    sale = world.sale()
    world.calls.clear()
    action = half_back(world.cin7.sale(sale.sale_id))
    world.post(action, AUTHORISED)
    assert [call.method for call in world.calls] == ["GET", "POST"]


def test_a_refund_is_recorded_and_listed(world: Practice) -> None:
    action = half_back(world.sale())
    world.post(action, AUTHORISED)
    refund = RecordRefund(
        key="demo:1:refund:1",
        sale_id=action.sale_id,
        units=("1",),
        task_id=action.sale_id,
        reference="RMA 1",
        amount=action.gross,
        paid_on=DAY,
        account="712",
        rate=Decimal(1),
    )
    posted = world.cin7.post_payment(payment_body(refund), "GBP")
    assert posted.amount == action.gross
    assert posted.payment_id in {one.payment_id for one in world.cin7.payments(action.sale_id, "GBP")}


def test_stock_documents_are_made_found_by_their_marker_and_read(world: Practice) -> None:
    sale = world.sale()
    line = replace(sale.fulfilments[0].picks[0], quantity=Decimal(1))
    there = next(place for place in world.cin7.locations() if place.name == "Quarantine").location_id
    effect: dict[str, Any] = {"key": "demo:1:x:1", "sale_id": sale.sale_id, "units": ("1",)}
    off = WriteOffStock(
        **effect, location_id=line.location_id, account="403", effective_on=DAY, notes="RMA 1", lines=(line,)
    )
    moved = TransferStock(
        **effect,
        from_location_id=line.location_id,
        to_location_id=there,
        completed_on=DAY,
        reference="RMA 1",
        lines=(line,),
    )
    made = world.cin7.post_write_off(write_off_body(off))
    assert [one.task_id for one in world.cin7.find_write_offs(off.marker)] == [made.task_id]
    assert world.cin7.write_off(made.task_id).lines[0].quantity == Decimal(1)
    made = world.cin7.post_transfer(transfer_body(moved))
    assert [one.task_id for one in world.cin7.find_transfers(moved.marker)] == [made.task_id]


def test_an_adjustment_adds_what_was_counted_and_a_second_one_changes_nothing(world: Practice) -> None:
    sale = world.sale()
    pick = sale.fulfilments[0].picks[0]

    def on_hand() -> Decimal:
        rows = world.cin7.availability_of("TEE-BLK-M")
        return next(row.on_hand for row in rows if row.location == pick.location and not row.bin)

    before = on_hand()
    found = AdjustStock(
        key="demo:1:adjust:1",
        sale_id=sale.sale_id,
        units=("1",),
        location_id=pick.location_id,
        effective_on=DAY,
        reference="RMA 1",
        account="403",
        line=replace(pick, quantity=Decimal(1)),
        unit_cost=Decimal("9.4"),
    )
    body = adjustment_body(found, before)
    made = world.cin7.post_adjustment(body)
    assert made is not None
    assert on_hand() == before + 1
    assert world.cin7.post_adjustment(body) is None
    assert [one.task_id for one in world.cin7.find_adjustments(found.marker)] == [made.task_id]


def test_sales_are_found_by_order_name_and_in_the_lists(world: Practice) -> None:
    action = half_back(world.sale())
    world.post(action, AUTHORISED)
    since = datetime(2026, 1, 1, tzinfo=UTC)
    assert [row.sale_id for row in world.cin7.find_sales("#5501")] == [action.sale_id]
    assert [row.sale_id for page in world.cin7.sale_rows(since) for row in page] == [action.sale_id]
    rows = [row for page in world.cin7.credit_note_rows(since) for row in page]
    assert [(row.sale_id, row.credit_note_status) for row in rows] == [(action.sale_id, AUTHORISED)]


def test_the_company_and_its_books_are_read(world: Practice) -> None:
    assert world.cin7.me().time_zone == "Europe/London"
    assert "Quarantine" in {place.name for place in world.cin7.locations()}
    assert "20% (VAT on Income)" in {rule.name for rule in world.cin7.tax_rules()}
    assert "712" in {account.code for account in world.cin7.accounts() if account.for_payments}
    assert len(world.cin7.availability()) > 20
    assert [one.sku for one in world.cin7.products("TEE-BLK-M")] == ["TEE-BLK-M"]


def test_a_sale_that_does_not_exist_is_not_found(world: Practice) -> None:
    with pytest.raises((NotFound, Rejected, BadAnswer)):
        world.cin7.sale("0a1b2c3d-1111-4222-8333-444455556666")


COMMITTED = ["timeout_after", "status_after", "reset_after", "truncated_after", "html_200_after", "empty_200_after"]
UNTOUCHED = ["timeout_before", "status_before", "reset_before", "html_200_before"]


@pytest.mark.parametrize("kind", [*COMMITTED, *UNTOUCHED, "slow_drip", "redirect"])
def test_whatever_befalls_a_write_is_uncertain_and_the_note_tells_whether_it_happened(
    world: Practice, kind: str
) -> None:
    action = half_back(world.sale())
    world.tell("/faults", kind=kind, system="cin7", method="POST", path="creditnote", times=1, seconds=3.0)
    with pytest.raises(Uncertain):
        world.post(action, AUTHORISED)
    markers = [note for note in world.cin7.credit_notes(action.sale_id, "GBP") if action.marker in note.memo]
    assert len(markers) == (0 if kind in {*UNTOUCHED, "redirect"} else 1)
    assert [call.outcome for call in world.calls if call.method == "POST"] == ["uncertain"]


@pytest.mark.parametrize(
    ("kind", "failure"),
    [
        ("timeout_before", Unavailable),
        ("status_before", Unavailable),
        ("reset_before", Unavailable),
        ("truncated_after", (BadAnswer, Unavailable)),
        ("html_200_before", BadAnswer),
        ("empty_200_after", BadAnswer),
        ("slow_drip", Unavailable),
        ("redirect", Unavailable),
        ("auth_403", CredentialsRejected),
    ],
)
def test_whatever_befalls_a_read_it_may_be_read_again(
    world: Practice, kind: str, failure: type[WireError] | tuple[type[WireError], ...]
) -> None:
    sale = world.sale()
    world.tell("/faults", kind=kind, system="cin7", method="GET", path="sale", times=1, seconds=3.0)
    with pytest.raises(failure):
        world.cin7.sale(sale.sale_id)
    assert world.cin7.sale(sale.sale_id) == sale


@pytest.mark.parametrize("form", ["429", "503", "400"])
def test_a_throttled_write_was_not_executed_and_stops_all_lanes(world: Practice, form: str) -> None:
    action = half_back(world.sale())
    world.tell("/faults", kind="throttle", system="cin7", method="POST", path="creditnote", times=1, form=form)
    with pytest.raises(Throttled):
        world.post(action, AUTHORISED)
    world.redis.flushall()
    assert not any(note.real for note in world.cin7.credit_notes(action.sale_id, "GBP"))


@pytest.mark.parametrize("form", ["object", "array", "string", "text"])
def test_a_refusal_is_understood_in_every_form(world: Practice, form: str) -> None:
    action = half_back(world.sale())
    fault = {"kind": "status_before", "system": "cin7", "method": "POST", "path": "creditnote", "times": 1}
    world.tell("/faults", **fault, status=400, form=form, text="TaxRule is not active")
    with pytest.raises(Rejected) as caught:
        world.post(action, AUTHORISED)
    assert caught.value.problems == ("TaxRule is not active",)


def test_a_wrong_total_is_refused_and_the_expected_one_is_told(world: Practice) -> None:
    action = half_back(world.sale())
    wrong = replace(action.lines[0], total=Money(Decimal("29.99"), "GBP"))
    with pytest.raises(Rejected, match="Expected value is"):
        world.post(replace(action, lines=(wrong,)), AUTHORISED)


def rma(world: Practice, **changes: Any) -> Any:
    unit = {"sku": "TEE-BLK-M", "line_item_id": "1", "paid_price": "30.00", "paid_tax": "5.00", "quantity": 2}
    order = {"order_name": "#5501", "order_id": "77", "status": "Received", "shipment": True, "units": [unit]}
    return world.tell("/returngo/rmas", **order | changes)


def test_a_return_is_read_listed_commented_and_received(world: Practice) -> None:
    made = rma(world, status="Approved")
    found, kept = world.returngo.return_(made["rma_id"])
    assert [unit.returned_item_id for unit in found.units] == made["returned_item_ids"]
    assert "customerAddress" not in repr(kept)
    assert world.returngo.set_shipment(found.shipments[0].shipment_id, "Received").received
    world.returngo.comment(made["rma_id"], "credited")
    again, _ = world.returngo.return_(made["rma_id"])
    assert (again.status, again.received_at is not None) == ("Received", True)
    rows = [row.rma_id for page in world.returngo.summaries(["Received"], pagesize=1) for row in page]
    assert rows == [made["rma_id"]]


@pytest.mark.parametrize("field", ["htmlText", "comment"])
def test_a_comment_arrives_whatever_its_field_is_called(world: Practice, field: str) -> None:
    world.control.patch("/returngo/settings", json={"comment_field": field}).raise_for_status()
    made = rma(world)
    world.returngo.comment(made["rma_id"], "Returnline says hello")
    body = world.control.get(f"/returngo/rmas/{made['rma_id']}").text
    assert body.count("Returnline says hello") == 1


BROKEN: list[tuple[Callable[[Practice], Any], type[WireError]]] = [
    (lambda w: w.returngo.return_("99999999"), NotFound),
    (lambda w: w.returngo.set_shipment("99999999", "Received"), NotFound),
]


@pytest.mark.parametrize(("act", "failure"), BROKEN)
def test_what_returngo_does_not_have_is_not_found(
    world: Practice, act: Callable[[Practice], Any], failure: type[WireError]
) -> None:
    with pytest.raises(failure):
        act(world)
