"""Authorising a draft order at Cin7: only the document that was decided upon, once, and whoever did it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest

from pipeline.calls.failures import Rejected, Uncertain
from pipeline.parts import ShopParts
from schemas.actions import AuthoriseOrder, LinkExchangeOrder, business_key
from schemas.sales import Sale
from tasks.effects.order import OrderProvider
from tasks.effects.protocol import Found, LaterError, Missing, Unclear
from tasks.effects.record import RecordKeeper, linked
from tests.tasks.practice import SHOP, Bench

LINE = {"sku": "TEE-BLK-M", "quantity": "1", "price": "30", "tax_rule": "20% (VAT on Income)"}


class Story:
    """One draft in Cin7, and the release that was decided upon it."""

    def __init__(self, bench: Bench, **sale: Any) -> None:
        self.bench = bench
        self.shop: ShopParts = bench.parts.shop(SHOP)
        spec = {"order_name": "#D7", "order_status": "DRAFT", "tax_inclusive": True, "lines": [LINE], **sale}
        self.sale_id = str(bench.desk._post("/sales", spec)["sale_id"])
        self.action = self.decided(self.read())
        self.provider = OrderProvider(self.shop.cin7, None)

    def read(self) -> Sale:
        return self.shop.cin7.sale(self.sale_id)

    def decided(self, sale: Sale) -> AuthoriseOrder:
        units = ("exchange:900",)
        return AuthoriseOrder(
            key=business_key(SHOP, "77", "authorise", (self.sale_id,)),
            sale_id=sale.sale_id,
            units=units,
            memo=sale.order_memo,
            order_total=sale.order_total,
            lines=sale.order_lines,
            charges=sale.order_charges,
            order_number=sale.order_number,
            tax_inclusive=sale.tax_inclusive,
        )

    def change(self, action: str) -> None:
        self.bench.desk._post(f"/sales/{self.sale_id}/{action}")

    def posts(self) -> int:
        return len([c for c in self.bench.desk.calls("cin7", "POST", "sale/order") if c["status"] != 0])


@pytest.fixture
def make(bench: Bench) -> Callable[..., Story]:
    bench.desk.forget_calls()
    return lambda **sale: Story(bench, **sale)


def test_a_draft_is_not_found_and_is_authorised_whole(make: Callable[..., Story]) -> None:
    story = make(charges=[{"description": "Shipping - Standard", "price": "4.95"}])
    assert isinstance(story.provider.look_up(story.action, {}), Missing)
    found = story.provider.send(story.action, {})
    after = story.read()
    assert found.outcome is not None
    assert (after.order_status, len(after.order_charges)) == ("AUTHORISED", 1)
    assert found.outcome.gross == story.action.order_total


def test_an_order_authorised_by_somebody_else_is_found_as_theirs(make: Callable[..., Story]) -> None:
    story = make()
    story.change("authorise-order")
    found = story.provider.look_up(story.action, {})
    assert isinstance(found, Found)
    assert found.outcome is not None
    assert (found.outcome.ours, found.outcome.details["authorised_by"]) == (False, "somebody else")


def test_the_sale_just_read_answers_the_first_look_up_without_a_call(make: Callable[..., Story]) -> None:
    story = make()
    provider = OrderProvider(story.shop.cin7, story.read())
    story.bench.desk.forget_calls()
    assert isinstance(provider.look_up(story.action, {}), Missing)
    assert story.bench.desk.calls("cin7") == []


def test_a_draft_changed_since_the_decision_is_never_overwritten(make: Callable[..., Story]) -> None:
    story = make()
    edited = {**LINE, "quantity": "2"}
    wider = make(lines=[edited])
    stale = story.decided(story.read())
    moved = AuthoriseOrder(**{**_fields(stale), "sale_id": wider.sale_id})
    provider = OrderProvider(story.shop.cin7, None)
    with pytest.raises(LaterError, match="its lines"):
        provider.send(moved, {})
    assert isinstance(provider.look_up(moved, {}), Unclear)
    assert (wider.read().order_status, story.posts()) == ("DRAFT", 0)


def _fields(action: AuthoriseOrder) -> dict[str, Any]:
    return {field.name: getattr(action, field.name) for field in fields(action)}


def test_a_memo_written_since_the_decision_stops_the_release(make: Callable[..., Story]) -> None:
    story = make()
    before = AuthoriseOrder(**{**_fields(story.action), "memo": "an older memo"})
    with pytest.raises(LaterError, match="its memo"):
        story.provider.send(before, {})
    assert story.posts() == 0


def test_a_voided_order_needs_a_person(make: Callable[..., Story]) -> None:
    story = make()
    story.change("void")
    assert isinstance(story.provider.look_up(story.action, {}), Unclear)
    with pytest.raises(LaterError):
        story.provider.send(story.action, {})
    assert story.posts() == 0


def test_an_order_authorised_between_look_up_and_send_is_not_sent(make: Callable[..., Story]) -> None:
    story = make()
    story.provider.look_up(story.action, {})
    story.change("authorise-order")
    assert story.provider.send(story.action, {}).outcome is not None
    assert story.posts() == 0


def test_a_lost_answer_is_a_doubt_and_found_by_the_next_look(make: Callable[..., Story]) -> None:
    story = make()
    story.bench.desk.fault("timeout_after", system="cin7", method="POST", path="sale/order", seconds=9)
    with pytest.raises(Uncertain):
        story.provider.send(story.action, {})
    assert isinstance(story.provider.look_up(story.action, {}), Found)


def test_a_reading_that_fails_before_the_send_sends_nothing(make: Callable[..., Story]) -> None:
    story = make()
    story.bench.desk.fault("status_before", system="cin7", method="GET", path="sale/order", status=500)
    with pytest.raises(LaterError):
        story.provider.send(story.action, {})
    assert story.posts() == 0


def test_a_refusal_is_a_refusal(make: Callable[..., Story]) -> None:
    story = make()
    told = {"system": "cin7", "method": "POST", "path": "sale/order", "status": 400, "text": "Tax rule is not active"}
    story.bench.desk.fault("status_before", **told)
    with pytest.raises(Rejected):
        story.provider.send(story.action, {})
    assert story.read().order_status == "DRAFT"


def test_a_back_order_made_by_the_release_is_written_down(make: Callable[..., Story]) -> None:
    story = make(lines=[{**LINE, "quantity": "90000000"}])
    outcome = story.provider.send(story.action, {}).outcome
    assert outcome is not None
    assert outcome.details["back_ordered"].startswith("TEE-BLK-M: ")


def test_a_record_is_confirmed_without_any_call(bench: Bench) -> None:
    bench.desk.forget_calls()
    record = LinkExchangeOrder(key="k", sale_id="", units=("exchange:1:out",), number="#1044")
    found = RecordKeeper(linked).look_up(record, {})
    assert isinstance(found, Found)
    assert found.outcome is not None
    assert (found.outcome.number, found.outcome.ours, bench.desk.calls("cin7")) == ("#1044", False, [])


def test_an_order_in_a_word_nobody_knows_is_a_persons_and_never_counts_as_authorised(
    make: Callable[..., Story],
) -> None:
    story = make()
    control = story.bench.desk
    control.world.control.patch("/settings", json={"other_words": {"DRAFT": "SUBMITTED", "AUTHORISED": "SUBMITTED"}})
    try:
        assert isinstance(story.provider.look_up(story.action, {}), Unclear)
        with pytest.raises(LaterError):
            story.provider.send(story.action, {})
        assert story.posts() == 0
    finally:
        control.world.control.patch("/settings", json={"other_words": {}})
