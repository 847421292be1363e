"""The doctor: green when all is well, and red with the fix for everything that would stop or lose a return."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
from click.testing import CliRunner

from console.cli import main
from console.doctor.examine import examine
from console.doctor.ground import broker_rows, import_rows, ledger_rows
from console.doctor.row import Light, Row
from console.doctor.shop import account_rows, location_rows, tax_rows, tenant_rows
from pipeline.ledger import migrate
from pipeline.running.valkey import free_port
from pipeline.settings.values import Settings
from schemas.sales import Account, Location, TaxRule, Tenant
from schemas.terms import ChargeRule, Disposition, DispositionRule, Terms
from tests.pipeline.settings.values import TOKEN, alder, some_settings
from tests.sandbox_server import SandboxHandle, running_sandbox
from tests.valkey_server import ValkeyHandle, running_valkey

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
PUBLIC = "https://hooks.example.com"
ACCOUNT = "a0000000-0000-4000-8000-000000000001"
KEY = "b0000000-0000-4000-8000-000000000001"
HOOKS = (("Sale/InvoiceAuthorised", True), ("Sale/CreditNoteAuthorised", True), ("Sale/Voided", False))


@pytest.fixture(scope="module")
def valkey() -> Iterator[ValkeyHandle]:
    with running_valkey() as server:
        yield server


@pytest.fixture(scope="module")
def world() -> Iterator[SandboxHandle]:
    with running_sandbox(quota=10_000) as sandbox:
        sandbox.control.post("/returngo/shops", json={"shop_name": "alder.myshopify.com", "api_key": "rg-key-of-alder"})
        yield sandbox


@pytest.fixture
def shop(world: SandboxHandle) -> dict[str, Any]:
    values = alder()
    values["returngo"]["base_url"] = world.returngo_url
    values["cin7"] = {"base_url": world.cin7_url, "account_id": ACCOUNT, "application_key": KEY, "limit": 10_000}
    values["terms"] = {
        "go_live": "2026-01-01",
        "sellable_location": "Main Warehouse",
        "quarantine_location": "Quarantine",
        "write_off_account": "403",
    }
    return values


@pytest.fixture
def settings_of(tmp_path: Path, valkey: ValkeyHandle) -> Any:
    def build(shop: dict[str, Any], **changes: Any) -> Settings:
        prefix = f"{re.sub('[^a-z0-9]+', '-', tmp_path.name.lower())}:"
        settings = some_settings(tmp_path, redis_url=valkey.url, prefix=prefix, shops={"alder": shop}, **changes)
        migrate(settings)
        return settings

    return build


def cin7(world: SandboxHandle, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    headers = {"api-auth-accountid": ACCOUNT, "api-auth-applicationkey": KEY}
    return httpx.request(
        method, f"{world.cin7_url.rstrip('/')}/{path}", json=body, headers=headers, trust_env=False
    ).json()


def register(world: SandboxHandle, kind: str, url: str, active: bool) -> str:
    body = {"Type": kind, "ExternalURL": url, "IsActive": active, "ExternalAuthorizationType": "noauth"}
    answer = cin7(world, "POST", "webhooks", body)
    return str(answer.get("ID") or answer["Webhooks"][0]["ID"])


def lights(rows: list[Row]) -> dict[str, Light]:
    return {row.check: row.light for row in rows}


def row_of(rows: list[Row], check: str) -> Row:
    return next(row for row in rows if row.check == check)


def test_a_sound_installation_has_nothing_red(settings_of: Any, shop: dict[str, Any]) -> None:
    rows = examine(settings_of(shop), NOW)

    assert [row for row in rows if row.light is Light.RED] == []
    assert lights(rows)["alder cin7"] is Light.GREEN
    assert lights(rows)["alder returngo"] is Light.GREEN
    assert lights(rows)["alder location Quarantine"] is Light.GREEN
    assert lights(rows)["ledger"] is Light.GREEN


def test_wrong_keys_are_red_and_the_other_checks_still_run(settings_of: Any, shop: dict[str, Any]) -> None:
    shop["cin7"]["application_key"] = "not-the-key"

    rows = examine(settings_of(shop), NOW)

    assert row_of(rows, "alder cin7").light is Light.RED
    assert "correct the keys" in row_of(rows, "alder cin7").fix
    assert row_of(rows, "alder returngo").light is Light.GREEN


def test_a_location_that_is_nearly_right_is_red_with_the_right_one(settings_of: Any, shop: dict[str, Any]) -> None:
    shop["terms"]["quarantine_location"] = "Quarantaine"

    row = row_of(examine(settings_of(shop), NOW), "alder location Quarantaine")

    assert (row.light, row.fix) == (Light.RED, "did you mean 'Quarantine'?")


def test_a_webhook_that_cin7_switched_off_is_red(settings_of: Any, shop: dict[str, Any], world: SandboxHandle) -> None:
    address = f"{PUBLIC}/hooks/cin7/alder/{TOKEN}"
    hook_ids = [register(world, kind, f"{address}/{kind}", active) for kind, active in HOOKS]
    settings = settings_of(shop, ingress={"public_url": PUBLIC})
    try:
        rows = examine(settings, NOW)
    finally:
        for hook_id in hook_ids:
            cin7(world, "DELETE", f"webhooks?ID={hook_id}")

    row = row_of(rows, "alder cin7 webhooks")
    assert (row.light, row.found) == (Light.RED, "switched off: Sale/Voided")


def test_a_webhook_with_a_token_we_no_longer_accept_is_red_and_the_token_is_not_shown(
    settings_of: Any, shop: dict[str, Any], world: SandboxHandle
) -> None:
    kinds = [kind for kind, _ in HOOKS]
    hook_ids = [
        register(world, kind, f"{PUBLIC}/hooks/cin7/alder/an-old-forgotten-token/{kind}", True) for kind in kinds
    ]
    try:
        rows = examine(settings_of(shop, ingress={"public_url": PUBLIC}), NOW)
    finally:
        for hook_id in hook_ids:
            cin7(world, "DELETE", f"webhooks?ID={hook_id}")

    assert any(row.light is Light.RED and "token we do not accept" in row.found for row in rows)
    assert "an-old-forgotten-token" not in str(rows)


def test_the_command_ends_with_1_when_anything_is_red(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    (tmp_path / "bad.toml").write_text("[shops.alder.cin7]\nacount_id = 'x'\n")

    result = CliRunner().invoke(main, ["doctor", "--json", "--config", str(tmp_path / "bad.toml")])

    assert result.exit_code == 1
    rows = json.loads(result.output)
    assert {row["light"] for row in rows} == {"red"}
    assert any("did you mean 'account_id'?" in row["found"] for row in rows)


def test_an_installation_that_is_not_up_yet_is_examined_on_a_server_of_its_own(tmp_path: Path) -> None:
    rows = examine(some_settings(tmp_path), NOW)

    assert lights(rows)["roles"] is Light.AMBER
    assert lights(rows)["broker appendfsync"] is Light.GREEN
    assert lights(rows)["ledger"] is Light.AMBER


@pytest.mark.parametrize(
    ("setting", "value"), [("appendonly", "no"), ("appendfsync", "everysec"), ("maxmemory-policy", "allkeys-lru")]
)
def test_a_broker_that_may_forget_is_red(setting: str, value: str) -> None:
    with running_valkey() as forgetful, redis.Redis.from_url(forgetful.url) as client:
        client.config_set(setting, value)

        row = row_of(list(broker_rows(forgetful.url)), f"broker {setting}")

    assert row.light is Light.RED
    assert "could be lost" in row.fix


def test_a_broker_that_does_not_answer_is_red() -> None:
    rows = list(broker_rows(f"redis://127.0.0.1:{free_port()}/0"))

    assert [(row.check, row.light) for row in rows] == [("broker", Light.RED)]


def test_a_ledger_without_the_newest_tables_is_red(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").touch()

    (row,) = ledger_rows(some_settings(tmp_path))

    assert (row.light, row.fix) == (Light.RED, "run `returnline migrate`")


def test_our_import_names_are_ours() -> None:
    assert [row.light for row in import_rows()] == [Light.GREEN]


def test_a_name_that_another_distribution_brings_too_is_red(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.packages_distributions", lambda: {"tasks": ["returnline", "invoke"]})

    (row,) = import_rows()

    assert row.light is Light.RED
    assert "tasks" in row.found


@pytest.mark.parametrize(
    ("lock_date", "light"),
    [
        (None, Light.GREEN),
        (date(2026, 1, 31), Light.GREEN),
        (date(2026, 2, 28), Light.AMBER),
        (date(2026, 3, 2), Light.AMBER),
        (date(2026, 3, 31), Light.AMBER),
    ],
)
def test_a_lock_date_that_will_move_the_notes_is_amber(lock_date: date | None, light: Light) -> None:
    tenant = Tenant("Alder Ltd", "GBP", "Europe/London", lock_date, "")

    assert lights(list(tenant_rows("alder", tenant, NOW)))["alder lock date"] is light


@pytest.mark.parametrize("flaw", ["deprecated", "staging", "fixed_assets"])
def test_a_location_that_may_not_hold_returned_goods_is_red(flaw: str) -> None:
    place = replace(Location("0a1b2c3d-0000-4000-8000-000000000001", "Returns Cage"), **dict.fromkeys([flaw], True))  # type: ignore[arg-type]

    (row,) = location_rows("alder", Terms(sellable_location="returns cage"), [place])

    assert row.light is Light.RED


def test_a_location_may_be_named_by_its_guid_in_either_case() -> None:
    place = Location("0a1b2c3d-0000-4000-8000-000000000001", "Bin 7")
    terms = Terms(sellable_location="0A1B2C3D-0000-4000-8000-000000000001")

    (row,) = location_rows("alder", terms, [place])

    assert row.light is Light.GREEN


def test_a_successor_that_is_itself_inactive_is_red() -> None:
    rules = [TaxRule("Old 20%", Decimal(20), False, True), TaxRule("New 20%", Decimal(20), False, True)]

    rows = list(tax_rows("alder", Terms(tax_successors={"Old 20%": "New 20%"}), rules))

    assert lights(rows)["alder tax rule New 20%"] is Light.RED


def test_a_refund_account_must_be_allowed_for_payments() -> None:
    accounts = [Account("712", "Clearing", "BANK", True, False), Account("403", "Write-off", "EXPENSE", True, False)]
    terms = Terms(
        refund_accounts={"card": "712"},
        dispositions=(DispositionRule("*", None, Disposition.WRITE_OFF, account="403"),),
        fees={"restocking": ChargeRule("Restocking fee", "999", "No VAT")},
    )

    found = lights(list(account_rows("alder", terms, accounts)))

    assert found == {"alder account 403": Light.GREEN, "alder account 712": Light.RED, "alder account 999": Light.RED}
