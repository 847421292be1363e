"""Stock documents at a real practice Cin7: sent once, found again by their mark, believed only after comparing."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from pipeline.calls.failures import Rejected, Throttled, Uncertain
from pipeline.cin7 import Cin7
from schemas.actions import Action, AdjustStock, TransferStock, UnitGoods, VerifyRestock, WriteOffStock
from schemas.effects import Outcome
from schemas.money import Money
from schemas.sales import StockLine
from tasks.effects.adjustment import AdjustmentProvider
from tasks.effects.protocol import DiffersError, Finding, Found, LaterError, Missing, Unclear
from tasks.effects.restock_value import RestockValueProvider
from tasks.effects.transfer import TransferProvider
from tasks.effects.write_off import WriteOffProvider
from tests.tasks.practice import Bench

DAY = date(2026, 11, 20)
_keys = itertools.count(1)


class Store:
    """The warehouse of one test: its places, its goods and its providers."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.cin7 = bench.parts.shop("alder").cin7
        told = bench.desk._post("/tenant")
        self.places = {name: place["id"] for name, place in told["locations"].items()}
        self.products = told["products"]
        self.write_off, self.transfer = WriteOffProvider(self.cin7), TransferProvider(self.cin7)
        self.adjustment = AdjustmentProvider(self.cin7)

    def put(self, sku: str, quantity: int, location: str, cost: str = "9.40") -> None:
        self.bench.desk._post("/stock", {"sku": sku, "quantity": str(quantity), "cost": cost, "location": location})

    def on_hand(self, sku: str, location: str) -> Decimal:
        rows = self.bench.desk.world.control.get("/stock").json()
        here = (row for row in rows if (row["sku"], row["location"]) == (sku, location) and not row["bin"])
        return sum((Decimal(row["on_hand"]) for row in here), Decimal(0))

    def line(self, sku: str, quantity: int, location: str) -> StockLine:
        return StockLine(
            self.products[sku],
            sku,
            sku,
            Decimal(quantity),
            self.places[location],
            restock_location_id=self.places[location],
            restock_location=location,
        )

    def writing_off(self, sku: str = "JEANS-32", quantity: int = 1, **more: Any) -> WriteOffStock:
        return WriteOffStock(
            **{
                "key": f"alder:RMA{next(_keys)}:write-off:u1",
                "sale_id": "s1",
                "units": ("u1",),
                "location_id": self.places["Returns Cage"],
                "account": "403",
                "effective_on": DAY,
                "notes": "Returnline RMA 1",
                "lines": (self.line(sku, quantity, "Returns Cage"),),
                **more,
            }
        )

    def moving(self, quantity: int = 1, **more: Any) -> TransferStock:
        return TransferStock(
            **{
                "key": f"alder:RMA{next(_keys)}:transfer:u1",
                "sale_id": "s1",
                "units": ("u1",),
                "from_location_id": self.places["Returns Cage"],
                "to_location_id": self.places["Quarantine"],
                "completed_on": DAY,
                "reference": "Returnline RMA 1",
                "lines": (self.line("BOOT-42", quantity, "Quarantine"),),
                **more,
            }
        )

    def some(self, kind: str) -> Action:
        made: dict[str, Action] = {
            "write_off": self.writing_off(),
            "transfer": self.moving(),
            "adjustment": self.counting(),
        }
        return made[kind]

    def counting(self, sku: str = "SCARF-WOL", quantity: int = 1, location: str = "Leeds") -> AdjustStock:
        return AdjustStock(
            key=f"alder:RMA{next(_keys)}:adjust:u1",
            sale_id="s1",
            units=("u1",),
            location_id=self.places[location],
            effective_on=DAY,
            reference="Returnline RMA 1",
            account="310",
            line=self.line(sku, quantity, location),
            unit_cost=Decimal(14),
        )


@pytest.fixture
def store(bench: Bench) -> Store:
    return Store(bench)


def outcome(finding: Finding) -> Outcome:
    assert isinstance(finding, Found)
    assert finding.outcome is not None
    return finding.outcome


def void(store: Store, path: str, task_id: str) -> None:
    """Somebody voids the document in Cin7's own screens."""
    access, query = store.cin7.access, {"ID": task_id, "Void": "true"}
    answer = httpx.delete(f"{access.base_url}/{path}", params=query, headers=access.headers, trust_env=False)
    assert answer.status_code == 200, answer.text


class Lagging:
    """The same Cin7, but availability shows what was there when this was made (measured by integrators)."""

    def __init__(self, cin7: Cin7, sku: str) -> None:
        self._cin7, self._rows = cin7, cin7.availability_of(sku)

    def availability_of(self, sku: str, **_: Any) -> Any:
        return self._rows

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cin7, name)


def test_a_write_off_is_missing_until_it_is_sent_and_found_by_its_mark_afterwards(store: Store) -> None:
    store.put("JEANS-32", 2, "Returns Cage", "38.75")
    before = store.on_hand("JEANS-32", "Returns Cage")
    action = store.writing_off(quantity=2)
    assert isinstance(store.write_off.look_up(action, {}), Missing)
    sent = outcome(store.write_off.send(action, {}))
    assert outcome(store.write_off.look_up(action, {})) == sent
    assert (sent.number[:3], sent.details) == ("IWO", {"cost": "77.5"})
    assert store.on_hand("JEANS-32", "Returns Cage") == before - 2


def test_a_write_off_that_cin7_made_with_errors_is_a_failure_until_a_person_voids_its_draft(store: Store) -> None:
    action = store.writing_off("CAP-NVY")
    with pytest.raises(DiffersError, match="void it there") as failed:
        store.write_off.send(action, {})
    left = failed.value.progress
    assert isinstance(store.write_off.look_up(action, left), Unclear)
    void(store, "inventoryWriteOff", left["bad_draft"])
    assert isinstance(store.write_off.look_up(action, left), Missing)
    store.put("CAP-NVY", 1, "Returns Cage", "6.10")
    store.write_off.send(action, left)
    assert store.on_hand("CAP-NVY", "Returns Cage") == 0


def test_a_write_off_that_somebody_voided_is_not_made_again_by_itself(store: Store) -> None:
    store.put("JEANS-32", 1, "Returns Cage", "38.75")
    action = store.writing_off()
    void(store, "inventoryWriteOff", outcome(store.write_off.send(action, {})).reference)
    finding = store.write_off.look_up(action, {})
    assert isinstance(finding, Unclear)
    assert "voided by hand" in finding.why


def test_two_documents_with_our_mark_need_a_person(store: Store) -> None:
    store.put("JEANS-32", 2, "Returns Cage", "38.75")
    action = store.writing_off()
    store.write_off.send(action, {})
    store.write_off.send(action, {})
    assert isinstance(store.write_off.look_up(action, {}), Unclear)


def test_a_write_off_to_an_unknown_account_is_refused(store: Store) -> None:
    with pytest.raises(Rejected, match="Account"):
        store.write_off.send(store.writing_off(account="999"), {})


def test_a_write_off_that_took_something_else_says_where_it_differs(store: Store) -> None:
    store.put("JEANS-32", 2, "Returns Cage", "38.75")
    action = store.writing_off(quantity=2)
    store.write_off.send(action, {})
    asked = replace(action, lines=(store.line("JEANS-32", 1, "Returns Cage"),), account="404")
    told = outcome(store.write_off.look_up(asked, {})).details["differences"]
    assert "its lines are" in told
    assert "account 403, not 404" in told


LOST: list[Mapping[str, Any]] = [{"kind": "reset_after"}, {"kind": "html_200_after"}, {"kind": "status_after"}]


@pytest.mark.parametrize("fault", LOST, ids=lambda fault: fault["kind"])
@pytest.mark.parametrize("kind", ["write_off", "transfer", "adjustment"])
def test_a_document_whose_answer_is_lost_is_uncertain_and_then_found(
    store: Store, kind: str, fault: Mapping[str, Any]
) -> None:
    action = store.some(kind)
    store.put("JEANS-32", 1, "Returns Cage", "38.75")
    store.put("BOOT-42", 1, "Returns Cage", "66.6667")
    provider = getattr(store, kind)
    store.bench.desk.fault(fault["kind"], system="cin7", method="POST")
    with pytest.raises(Uncertain):
        provider.send(action, {})
    assert outcome(provider.look_up(action, {})).reference


@pytest.mark.parametrize("kind", ["write_off", "transfer", "adjustment"])
def test_a_look_up_that_cannot_be_made_says_nothing_about_the_document(store: Store, kind: str) -> None:
    action = store.some(kind)
    store.bench.desk.fault("status_before", system="cin7", method="GET", status=500)
    with pytest.raises(LaterError):
        getattr(store, kind).look_up(action, {})


def test_a_throttled_write_off_was_not_made(store: Store) -> None:
    store.put("JEANS-32", 1, "Returns Cage", "38.75")
    action = store.writing_off()
    store.bench.desk.fault("throttle", system="cin7", method="POST", status=503)
    with pytest.raises(Throttled):
        store.write_off.send(action, {})
    store.bench.redis.flushall()
    assert isinstance(store.write_off.look_up(action, {}), Missing)


def test_a_transfer_moves_goods_once_and_is_found_by_its_mark(store: Store) -> None:
    store.put("BOOT-42", 1, "Returns Cage", "66.6667")
    before = store.on_hand("BOOT-42", "Quarantine")
    action = store.moving()
    assert isinstance(store.transfer.look_up(action, {}), Missing)
    sent = outcome(store.transfer.send(action, {}))
    assert outcome(store.transfer.look_up(action, {})) == sent
    assert store.on_hand("BOOT-42", "Quarantine") == before + 1
    assert sent.details == {}


def test_a_transfer_of_more_than_there_is_is_refused_whole(store: Store) -> None:
    with pytest.raises(Rejected, match="cannot transfer"):
        store.transfer.send(store.moving(quantity=99), {})


def test_a_transfer_that_went_elsewhere_says_so(store: Store) -> None:
    store.put("BOOT-42", 1, "Returns Cage", "66.6667")
    action = store.moving()
    store.transfer.send(action, {})
    asked = replace(action, to_location_id=store.places["Leeds"])
    assert "it moves from" in outcome(store.transfer.look_up(asked, {})).details["differences"]


def test_an_adjustment_adds_to_what_is_on_hand_now(store: Store) -> None:
    before = store.on_hand("SCARF-WOL", "Leeds")
    action = store.counting(quantity=2)
    sent = outcome(store.adjustment.send(action, {}))
    assert store.on_hand("SCARF-WOL", "Leeds") == before + 2
    assert outcome(store.adjustment.look_up(action, {})) == sent
    assert sent.details == {}


def test_an_adjustment_into_an_empty_place_takes_the_original_cost(store: Store) -> None:
    sent = outcome(store.adjustment.send(store.counting("SCARF-WOL", location="Returns Cage"), {}))
    rows = store.bench.desk.world.control.get("/stock").json()
    [row] = [r for r in rows if (r["sku"], r["location"]) == ("SCARF-WOL", "Returns Cage")]
    assert (sent.number[:2], row["value"].split(".")[0]) == ("ST", "14")


def test_an_adjustment_that_reserved_stock_does_not_disturb(store: Store) -> None:
    line = {"sku": "SCARF-WOL", "quantity": "1", "price": "35"}
    store.bench.desk._post("/sales", {"order_name": "#R", "location": "Leeds", "ship": False, "lines": [line]})
    before = store.on_hand("SCARF-WOL", "Leeds")
    store.adjustment.send(store.counting(), {})
    assert store.on_hand("SCARF-WOL", "Leeds") == before + 1


def lagging(store: Store) -> AdjustmentProvider:
    return AdjustmentProvider(Lagging(store.cin7, "SCARF-WOL"))  # type: ignore[arg-type]


def test_an_adjustment_that_found_the_goods_already_there_needs_a_person(store: Store) -> None:
    late = lagging(store)
    store.adjustment.send(store.counting(), {})
    with pytest.raises(DiffersError, match="somebody put the goods there"):
        late.send(store.counting(), {})


def test_an_adjustment_tells_what_it_really_changed_when_stock_moved_meanwhile(store: Store) -> None:
    late, action = lagging(store), store.counting()
    store.adjustment.send(store.counting(quantity=3), {})
    late.send(action, {})
    assert "-2" in outcome(store.adjustment.look_up(action, {})).details["moved"]


def restock_value(store: Store, debits: str = "", waited: timedelta = timedelta()) -> RestockValueProvider:
    told = Decimal(debits) if debits else None
    return RestockValueProvider(store.cin7, lambda _number: told, waited, timedelta(minutes=20))


def a_value_check(sale_id: str) -> VerifyRestock:
    goods = UnitGoods(
        unit="u1", gross=Money(Decimal(30), "GBP"), disposition="restock", location="Main", cost=Decimal("9.40")
    )
    return VerifyRestock(
        key="alder:R:value:u1",
        sale_id=sale_id,
        units=("u1",),
        task_id=sale_id,
        goods=(goods,),
        number="CR-1",
        gross_base=Decimal(30),
        noted_on=DAY,
    )


def test_a_restock_value_that_the_journal_shows_as_expected_costs_no_call(store: Store) -> None:
    before = len(store.bench.desk.world.control.get("/calls").json())
    details = outcome(restock_value(store, "39.40").look_up(a_value_check("no-such-sale"), {})).details
    assert (details["value"], details["low"], details["high"]) == ("9.40", "9.40", "9.40")
    assert len(store.bench.desk.world.control.get("/calls").json()) == before


def test_a_restock_value_waits_for_the_journal_and_asks_the_sale_only_when_it_stays_silent(store: Store) -> None:
    sale_id = store.bench.desk.sale_of(store.bench.desk.sell())["sale_id"]
    with pytest.raises(LaterError, match="in bulk"):
        restock_value(store).look_up(a_value_check(sale_id), {})
    late = restock_value(store, waited=timedelta(minutes=21))
    assert outcome(late.look_up(a_value_check(sale_id), {})).details["value"] == ""


def test_a_restock_value_is_read_from_the_sale_and_never_sent(store: Store) -> None:
    order = store.bench.desk.sell()
    sale_id = store.bench.desk.sale_of(order)["sale_id"]
    action = VerifyRestock(key="alder:R:value:u1", sale_id=sale_id, units=("u1",), task_id=sale_id)
    provider = restock_value(store)
    assert outcome(provider.look_up(action, {})).details["value"] == ""
    with pytest.raises(TypeError, match="only read"):
        provider.send(action, {})
