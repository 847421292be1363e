"""Batches in the ledger: finance lets go exactly what it saw, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from pipeline.ledger import Ledger, effects, entries, returns
from pipeline.ledger.batches import batches, releasing, reporting
from pipeline.ledger.batches.batches import Item, Place
from pipeline.ledger.batches.releasing import BatchRefusedError
from pipeline.ledger.schema.migrating import migrate
from schemas.actions import PostCreditNote, UnitGoods, business_key
from schemas.effects import EffectState
from schemas.money import Money
from schemas.sales import DocumentLine, StockLine
from tests.postgres_server import running_postgres
from tests.waiting import BOUND

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PLACE = Place("alder", date(2026, 11, 23), NOW.replace(hour=18), "UTC", "GBP", 9)


def pounds(amount: str) -> Money:
    return Money(Decimal(amount), "GBP")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("batches")
    if request.param == "sqlite":
        yield f"sqlite:///{folder / 'ledger.sqlite'}"
        return
    with running_postgres() as made:
        yield made


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    migrate(url)
    made = Ledger(url)
    yield made
    made.close()


def line(product: str, quantity: str, total: str, tax: str) -> DocumentLine:
    return DocumentLine(
        product,
        product.upper(),
        product,
        Decimal(quantity),
        pounds("10"),
        Decimal(0),
        pounds(tax),
        pounds(total),
        "20%",
        "200",
    )


def goods(unit: str, product: str, gross: str) -> UnitGoods:
    part = StockLine(product, product.upper(), product, Decimal(1), "loc")
    return UnitGoods(unit, pounds(gross), "restock", "Main", parts=(part,), cost=Decimal(4))


class Shop:
    """A shop of one test only, because a closed batch cannot be swept away: plans notes and puts them into batches."""

    def __init__(self, ledger: Ledger, name: str) -> None:
        self.ledger = ledger
        self.place = replace(PLACE, shop=name)

    def note(self, rma: str, *, gross: str = "30.00", lines: tuple[DocumentLine, ...] = (), **more: object) -> Item:
        units = ("u1",)
        action = PostCreditNote(
            key=business_key(self.place.shop, rma, "credit", units),
            sale_id="s1",
            units=units,
            task_id="t1",
            simple=True,
            invoice_number="INV-1",
            memo="m",
            noted_on=NOW.date(),
            rate=Decimal(1),
            lines=lines or (line("tee", "1", "25.00", "5.00"),),
            charges=(),
            restock=(),
            net=pounds("25"),
            tax=pounds("5"),
            gross=pounds(gross),
            goods=(goods("u1", "tee", gross),),
        )
        action = replace(action, **more)  # type: ignore[arg-type]
        with self.ledger.write() as conn:
            return_id = returns.nudge(conn, self.place.shop, rma, NOW)
            entry_id = entries.wake(conn, self.place.shop, "credit-notes", rma, return_id, NOW)
            effect_id = effects.plan(conn, entry_id, self.place.shop, return_id, action, NOW)
            assert effect_id is not None
            item = Item(effect_id, entry_id, return_id, rma, f"{action.gross}", action, action.gross)
            batches.hold(conn, item, self.place, NOW)
        return item

    def states(self, number: int) -> list[str]:
        with self.ledger.read() as conn:
            return [row["state"] for row in batches.items(conn, number)]

    def prepared(self) -> tuple[int, str]:
        """The shop's first batch, prepared, and its code."""
        with self.ledger.write() as conn:
            number = int(batches.rows(conn, self.place.shop)[0]["id"])
            batches.step(conn, number, (batches.OPEN,), state=batches.PREPARED)
            return number, batches.code(conn, number)


@pytest.fixture
def shop(ledger: Ledger, request: pytest.FixtureRequest) -> Shop:
    return Shop(ledger, str(abs(hash(request.node.name)))[:20])


def test_a_held_note_has_no_time_at_which_it_would_be_sent(shop: Shop) -> None:
    item = shop.note("7")
    with shop.ledger.read() as conn:
        row = effects.get(conn, item.effect_id)
    assert (row.state, row.due_at) == (EffectState.PLANNED, None)
    assert "finance releases" in row.why


def test_a_new_amount_makes_the_old_code_worthless(shop: Shop) -> None:
    shop.note("7")
    number, code = shop.prepared()
    shop.note("7", gross="29.00")
    with shop.ledger.write() as conn, pytest.raises(BatchRefusedError, match="not what you saw"):
        releasing.release(conn, number, code, "fay", NOW)
    assert shop.states(number) == ["held"]


def test_a_released_note_goes_as_it_was_seen_and_moves_when_it_changes(shop: Shop) -> None:
    kept, changed = shop.note("7"), shop.note("8")
    number, code = shop.prepared()
    with shop.ledger.write() as conn:
        assert releasing.release(conn, number, code, "fay", NOW) == 2
        assert batches.hold(conn, kept, shop.place, NOW) is None
    shop.note("8", gross="1.00")
    assert shop.states(number) == ["released", "moved"]
    with shop.ledger.read() as conn:
        other = batches.items(conn, int(batches.rows(conn, shop.place.shop)[1]["id"]))
        assert [(row["rma_id"], row["state"]) for row in other] == [("8", "held")]
        assert other[0]["previous_id"] == batches.items(conn, number)[1]["id"]
        assert effects.get(conn, changed.effect_id).due_at is None


def test_an_amount_that_changes_at_the_very_moment_of_release_does_not_slip_through(shop: Shop) -> None:
    item = shop.note("7")
    number, code = shop.prepared()
    other = replace(item, content="another amount")

    def change() -> None:
        with shop.ledger.write() as conn:
            batches.hold(conn, other, shop.place, NOW)

    with ThreadPoolExecutor(1) as pool:
        with shop.ledger.write() as conn:
            releasing.release(conn, number, code, "fay", NOW)
            changing = pool.submit(change)
            with pytest.raises(TimeoutError):
                changing.result(timeout=0.5)
        changing.result(timeout=BOUND)
    assert shop.states(number) == ["moved"]


def test_an_open_batch_is_not_released(shop: Shop) -> None:
    shop.note("7")
    with shop.ledger.write() as conn:
        number = int(batches.rows(conn, shop.place.shop)[0]["id"])
        with pytest.raises(BatchRefusedError, match="is open, and only a prepared one"):
            releasing.release(conn, number, batches.code(conn, number), "fay", NOW)


def test_a_batch_that_is_shut_takes_nothing_more(shop: Shop) -> None:
    shop.note("7")
    number, _ = shop.prepared()
    shop.note("8")
    assert shop.states(number) == ["held"]


def test_the_money_of_a_line_is_shared_so_that_the_rows_add_up_to_the_note(shop: Shop) -> None:
    three = tuple(goods(f"u{n}", "tee", "6.6667") for n in (1, 2, 3))
    shop.note("7", lines=(line("tee", "3", "16.67", "3.33"),), units=("u1", "u2", "u3"), goods=three)
    with shop.ledger.read() as conn:
        report = reporting.build(conn, int(batches.rows(conn, shop.place.shop)[0]["id"]))
    assert sum(Decimal(row["net"]) for row in report.rows) == Decimal("16.67")
    assert sum(Decimal(row["tax"]) for row in report.rows) == Decimal("3.33")


def test_units_whose_lines_cannot_be_told_apart_get_no_invented_share(shop: Shop) -> None:
    two = (goods("u1", "cup", "10"), goods("u2", "pot", "20"))
    lines = (line("kit-a", "1", "10.00", "2.00"), line("kit-b", "1", "15.00", "3.00"))
    shop.note("7", lines=lines, units=("u1", "u2"), goods=two)
    with shop.ledger.read() as conn:
        report = reporting.build(conn, int(batches.rows(conn, shop.place.shop)[0]["id"]))
    assert [(row["net"], row["tax_rule"]) for row in report.rows] == [("", ""), ("", "")]
    (total,) = report.totals()["tax_rule"]
    assert (total["net"], total["tax"]) == ("25.0000", "5.0000")


def test_a_note_whose_lines_hold_another_tax_than_the_note_fails_its_check(shop: Shop) -> None:
    shop.note("7", tax=pounds("4.99"))
    with shop.ledger.read() as conn:
        report = reporting.build(conn, int(batches.rows(conn, shop.place.shop)[0]["id"]))
    verdicts = {check.name: check.verdict for check in report.checks()}
    assert verdicts["tax of the notes = sum by tax rule"] == "FAIL"


@pytest.mark.parametrize(("cell", "shown"), [("=1+1", "'=1+1"), ("-5.00", "-5.00"), ("@x", "'@x"), ("TEE", "TEE")])
def test_a_text_that_a_spreadsheet_would_run_is_shown_as_text(cell: str, shown: str) -> None:
    assert reporting._harmless(cell) == shown
