"""The doctor compares the terms with what returns have shown, before the first credit note goes wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from console.doctor.row import Light, Row
from console.doctor.shop import tenant_rows
from console.doctor.terms import exception_rows, folded, native_rows, setup_rows, sku_rows, word_rows
from pipeline.ledger.seen_words import Seen, seen
from schemas.cin7.reference import Product
from schemas.concerns import ConcernType
from schemas.sales import Tenant
from schemas.terms import ChargeRule, Disposition, DispositionRule, EffectOwner, Terms
from tasks.polls import polls
from tests.consumers.builders import a_unit, found_good
from tests.consumers.credit_notes.money_stories import a_refund
from tests.flow.inprocess import SHOP, Line, Served, line, servers
from tests.pipeline.ledger.gap_desk import DAY0, GapDesk, here

ANY = DispositionRule("*", None, Disposition.RESTOCK)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[GapDesk]:
    made = GapDesk(tmp_path)
    yield made
    made.ledger.close()


def words(desk: GapDesk) -> Seen:
    with desk.ledger.read() as conn:
        return seen(conn, "alder", DAY0)


def lights(rows: Iterable[Row]) -> dict[str, Light]:
    return {row.check.removeprefix("alder "): row.light for row in rows}


def a_product(sku: str, status: str = "Active") -> Product:
    return Product(sku, sku, sku, "Stock", status, "FIFO", "No Drop Ship", Decimal(1), False, "")


def test_a_reason_that_no_disposition_names_is_amber_with_its_count(desk: GapDesk) -> None:
    desk.told(here(units=(a_unit(reason="Moths"), a_unit("u2", reason="Too small"))))
    terms = Terms(dispositions=(DispositionRule("too small", None, Disposition.RESTOCK),))
    row = next(row for row in word_rows("alder", terms, words(desk)) if row.check == "alder reasons")
    assert (row.light, row.found) == (Light.AMBER, "not mapped: 'Moths' (1)")


def test_a_rule_for_any_reason_maps_them_all(desk: GapDesk) -> None:
    desk.told(here(units=(a_unit(reason="Moths"),)))
    assert lights(word_rows("alder", Terms(dispositions=(ANY,)), words(desk)))["reasons"] is Light.GREEN


def test_a_portal_location_without_a_cin7_location_is_amber_until_it_is_named(desk: GapDesk) -> None:
    desk.told(here(units=(a_unit(inspection=found_good("Leeds")),)))
    assert lights(word_rows("alder", Terms(), words(desk)))["portal locations"] is Light.AMBER
    mapped = Terms(portal_locations={"Leeds": "Main Warehouse"})
    assert lights(word_rows("alder", mapped, words(desk)))["portal locations"] is Light.GREEN


def test_a_fee_without_an_account_is_amber_until_it_is_named(desk: GapDesk) -> None:
    desk.told(here(units=(a_unit(restocking_fee=Decimal(5)),)))
    assert lights(word_rows("alder", Terms(), words(desk)))["fees"] is Light.AMBER
    mapped = Terms(fees={"restocking": ChargeRule("Fee", "260", "VAT")})
    assert lights(word_rows("alder", mapped, words(desk)))["fees"] is Light.GREEN


def test_words_of_returngo_that_nobody_knows_are_amber_before_a_return_stops_at_one(desk: GapDesk) -> None:
    desk.told(here(transactions=(a_refund("36", "u1", status="Settled"),)))
    row = next(row for row in word_rows("alder", Terms(), words(desk)) if row.check == "alder words of ReturnGO")
    assert (row.light, row.found) == (Light.AMBER, "not known: 'transaction RefundToPaymentMethod Settled' (1)")
    desk.told(here(transactions=(a_refund("36", "u1"),)))
    assert "words of ReturnGO" not in lights(word_rows("alder", Terms(), words(desk)))


def test_a_portal_location_is_named_in_any_case(desk: GapDesk) -> None:
    desk.told(here(units=(a_unit(inspection=found_good("LEEDS ")),)))
    mapped = Terms(portal_locations={"Leeds": "Main Warehouse"})
    assert lights(word_rows("alder", mapped, words(desk)))["portal locations"] is Light.GREEN


def test_exceptions_that_a_setting_would_close_name_the_setting(desk: GapDesk) -> None:
    desk.raised(ConcernType.TAX_RULE_UNKNOWN)
    (row,) = exception_rows("alder", words(desk).exceptions)
    assert row.light is Light.AMBER
    assert "tax_successors" in row.fix


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("TEE-BLK-M", "tee-blk-m"),
        ("TEE-BLK-M ", "TEE-BLK-M"),
        ("TEE\u2013BLK", "TEE-BLK"),
        ("00123", "123"),
        ("A/B", "AB"),
    ],
)
def test_skus_that_differ_in_case_spaces_dashes_slashes_or_zeros_are_pointed_out(ours: str, theirs: str) -> None:
    assert folded(ours) == folded(theirs)
    (row,) = sku_rows("alder", {}, [ours], [a_product(theirs)])
    assert (row.light, row.check) == (Light.AMBER, "alder SKUs spelled differently")
    assert repr(theirs) in row.found


def test_an_alias_settles_a_sku_that_is_spelled_differently() -> None:
    assert lights(sku_rows("alder", {"tee": "TEE-1"}, ["tee"], [a_product("TEE-1")])) == {"SKUs": Light.GREEN}


def test_a_sku_on_one_side_only_with_several_or_a_retired_match_each_has_its_row() -> None:
    products = [a_product("A-1"), a_product("a1"), a_product("OLD", "Deprecated")]
    found = lights(sku_rows("alder", {}, ["A 1", "GHOST", "OLD"], products))
    assert set(found) == {"SKUs with several matches", "SKUs not in Cin7", "SKUs deprecated"}


def test_notes_that_are_not_ours_on_shopify_sales_are_a_sign_of_the_native_channel() -> None:
    signs = Seen(foreign_notes=("SO-1",), adopted=2)
    (row,) = native_rows("alder", Terms(), signs, ["TR-1"])
    assert row.light is Light.AMBER
    assert all(word in row.found for word in ("SO-1", "2 notes adopted", "TR-1"))
    (row,) = native_rows("alder", Terms(credit_note_owner=EffectOwner.NATIVE), signs, [])
    assert row.light is Light.GREEN


def test_skus_that_the_shop_cannot_show_are_amber() -> None:
    found = lights(native_rows("alder", Terms(), Seen(not_in_shop=("X-1",)), []))
    assert found == {"native channel": Light.GREEN, "shop SKUs": Light.AMBER}


def test_automatic_discounts_are_amber() -> None:
    tenant = Tenant("Alder", "GBP", "UTC", date(2026, 1, 1), "Row", automatic_discounts=True)
    assert lights(tenant_rows("alder", tenant, DAY0))["automatic discounts"] is Light.AMBER
    assert "automatic discounts" not in lights(tenant_rows("alder", replace(tenant, automatic_discounts=False), DAY0))


def test_a_ledger_without_returns_costs_no_call(desk: GapDesk) -> None:
    assert list(setup_rows(desk.ledger, _Unasked(), DAY0)) == []  # type: ignore[arg-type]


class _Unasked:
    """A shop that must not be asked."""

    name = "alder"

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was asked for")


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Line]:
    with servers(tmp_path) as served, _one(tmp_path / "one", served) as made:
        yield made


def _one(folder: Path, served: Served) -> Any:
    folder.mkdir()
    return line(folder, served, terms="check_restock_value = false")


def test_with_a_real_company_a_native_restock_elsewhere_is_seen_by_note_and_transfer(it: Line) -> None:
    unit = {"sku": "tee-blk-m", "paid_price": "30.00", "paid_tax": "5.00", "resolution": "RefundToPaymentMethod"}
    it.sell("#1", [{"sku": "TEE-BLK-M", "quantity": "2", "price": "30"}])
    other = it.sell("#2", [{"sku": "TEE-BLK-M", "quantity": "1", "price": "30"}])
    it.control(f"/sales/{other['sale_id']}/foreign-credit-note", {"restock_location": "Quarantine"})
    rma, _ = it.open_rma("#1", [unit])
    it.nudge_and_settle(rma)
    polls.sales(it.parts, SHOP)
    rows = list(setup_rows(it.parts.ledger, it.parts.shop(SHOP), it.clock()))
    found = lights(rows)
    assert found["native channel"] is Light.AMBER
    assert "transfers after a restock" in next(row.found for row in rows if row.check.endswith("native channel"))
    assert found["SKUs spelled differently"] is Light.AMBER


def test_counts_are_kept_by_word(desk: GapDesk) -> None:
    desk.told(here(units=(a_unit(), a_unit("u2"))))
    assert words(desk).skus == Counter({"TEE-BLK-M": 2})
