"""The settings: read whole or refused whole, every problem named with its key and its fix."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipeline.settings.environment import GLOBAL_VARIABLES, SHOP_VARIABLES, secrets_of, variable
from pipeline.settings.load import load, read
from pipeline.settings.values import Settings, SettingsInvalidError
from schemas.concerns import Owner
from schemas.terms import Disposition, Gate, NoteStyle
from tests.pipeline.settings.values import TOKEN, alder

ROOT = Path(__file__).parents[3]
SECRETS = {
    "RETURNLINE_ALDER_RETURNGO_API_KEY": "rg-key",
    "RETURNLINE_ALDER_CIN7_ACCOUNT_ID": "account",
    "RETURNLINE_ALDER_CIN7_APPLICATION_KEY": "application",
    "RETURNLINE_ALDER_HOOK_TOKEN": TOKEN,
}


def problems_of(**changes: Any) -> list[str]:
    with pytest.raises(SettingsInvalidError) as caught:
        read({"shops": {"alder": alder()}, **changes})
    return list(caught.value.problems)


def shop_problems(table: str, **changes: Any) -> list[str]:
    shop = alder()
    shop[table] = {**shop.get(table, {}), **changes}
    return problems_of(shops={"alder": shop})


def with_terms(**terms: Any) -> Settings:
    return read({"shops": {"alder": {**alder(), "terms": terms}}})


def test_the_example_file_and_four_secrets_are_enough(tmp_path: Path) -> None:
    settings = load(ROOT / "returnline.toml", tmp_path, SECRETS)

    assert settings.shop("alder").cin7.application_key == "application"
    assert settings.shop("alder").terms.gate is Gate.RECEIVED
    assert settings.database_url == f"sqlite:///{tmp_path}/ledger.sqlite"
    assert settings.redis_url == ""


def test_the_example_file_shows_the_defaults_of_every_interval(tmp_path: Path) -> None:
    shown = load(ROOT / "returnline.toml", tmp_path, SECRETS)

    assert shown.intervals == read({"shops": {"alder": alder()}}).intervals
    text = (ROOT / "returnline.toml").read_text()
    assert [name for name in shown.intervals.__slots__ if f"\n{name} = " not in text] == []


def test_the_example_environment_names_exactly_the_variables_that_are_read() -> None:
    shown = set(re.findall(r"^([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    read_names = set(GLOBAL_VARIABLES) | {variable("alder", key) for key in SHOP_VARIABLES}

    assert shown == read_names | {"RETURNLINE_CONFIG", "RETURNLINE_REDIS_SERVER"}


def test_every_problem_is_reported_at_once() -> None:
    shop = alder()
    shop["cin7"]["base_url"] = "cin7"
    del shop["cin7"]["application_key"]
    shop["terms"] = {"gate": "recieved", "dispositions": [{"reason": "*", "disposition": "restok"}]}

    problems = problems_of(shops={"alder": shop}, intervals={"lease": "long"}, ingress={"port": 70_000})

    assert [problem.split(":")[0] for problem in problems] == [
        "ingress.port",
        "intervals.lease",
        "shops.alder.cin7.base_url",
        "shops.alder.cin7.application_key",
        "shops.alder.terms.gate",
        "shops.alder.terms.dispositions[0].disposition",
    ]


def test_a_missing_secret_names_the_variable_that_would_bring_it() -> None:
    shop = alder()
    del shop["cin7"]["application_key"]

    (problem,) = problems_of(shops={"alder": shop})

    assert "RETURNLINE_ALDER_CIN7_APPLICATION_KEY or RETURNLINE_ALDER_CIN7_APPLICATION_KEY_FILE" in problem


@pytest.mark.parametrize(
    ("table", "key", "meant"),
    [("cin7", "acount_id", "account_id"), ("terms", "gates", "gate"), ("hooks", "tokn", "token")],
)
def test_an_unknown_key_is_refused_with_the_one_that_was_meant(table: str, key: str, meant: str) -> None:
    assert shop_problems(table, **{key: "x"}) == [f"shops.alder.{table}.{key}: unknown key; did you mean {meant!r}?"]


@pytest.mark.parametrize(
    ("intervals", "key"),
    [
        ({"quiet_period": 60, "write_deadline": 30}, "intervals.quiet_period"),
        ({"lease": 50}, "intervals.lease"),
        ({"visibility": 100}, "intervals.visibility"),
        ({"task_limit": 150}, "intervals.task_limit"),
        ({"task_soft_limit": 50}, "intervals.task_soft_limit"),
        ({"park_min": 30_000}, "intervals.park_min"),
        ({"availability_min": 901}, "intervals.availability_min"),
        ({"lookup_waits": [15, 5]}, "intervals.lookup_waits"),
        ({"lookup_waits": [5]}, "intervals.lookup_waits"),
        ({"sweep": 0}, "intervals.sweep"),
        ({"sweep": float("nan")}, "intervals.sweep"),
    ],
)
def test_intervals_that_would_double_a_write_or_lose_time_are_refused(intervals: dict[str, Any], key: str) -> None:
    (problem,) = problems_of(intervals=intervals)

    assert problem.startswith(f"{key}: ")


def test_intervals_may_be_parts_of_a_second() -> None:
    short = {"write_deadline": 0.4, "read_deadline": 0.3, "quiet_period": 0.9, "lease": 1, "sweep": 0.1}

    assert read({"shops": {"alder": alder()}, "intervals": short}).intervals.quiet_period == 0.9


@pytest.mark.parametrize(
    "url", ["http://api.example.com", "ftp://x", "api.example.com", "https://user@host", "https://h?x=1"]
)
def test_an_address_that_would_leak_or_cannot_be_called_is_refused(url: str) -> None:
    (problem,) = shop_problems("returngo", base_url=url)

    assert problem.startswith("shops.alder.returngo.base_url: ")


@pytest.mark.parametrize(
    "url", ["https://api.example.com/v2", "http://127.0.0.1:8123/cin7", "http://sandbox:8000", "http://10.0.0.7"]
)
def test_plain_http_is_accepted_on_a_private_network_only(url: str) -> None:
    shop = alder()
    shop["cin7"]["base_url"] = url

    assert read({"shops": {"alder": shop}}).shop("alder").cin7.base_url == url


@pytest.mark.parametrize("token", ["short", "has a space in the middle", "sla/sh/sla/sh/sla/sh"])
def test_a_hook_token_must_be_long_and_fit_in_an_address(token: str) -> None:
    (problem,) = shop_problems("hooks", token=token)

    assert "16 to 256 letters" in problem


def test_a_quota_reserve_that_leaves_nothing_is_refused() -> None:
    (problem,) = shop_problems("cin7", limit=10, reserve=9, margin=1)

    assert problem.startswith("shops.alder.cin7.reserve: ")


def test_a_hmac_secret_that_cannot_be_read_is_refused() -> None:
    (problem,) = shop_problems("hooks", hmac_secrets=["whsec_***"])

    assert problem.startswith("shops.alder.hooks.hmac_secrets[0]: ")
    assert "***" not in problem


def test_a_restock_without_a_place_is_refused() -> None:
    shop = {**alder(), "terms": {"dispositions": [{"reason": "*", "disposition": "restock"}]}}

    (problem,) = problems_of(shops={"alder": shop})

    assert problem.startswith("shops.alder.terms.dispositions[0].location: ")


def test_a_timer_of_a_reason_nobody_knows_is_refused_with_the_one_that_was_meant() -> None:
    (problem,) = problems_of(shops={"alder": {**alder(), "terms": {"exchange_timers": {"releas": 4}}}})

    assert problem == "shops.alder.terms.exchange_timers.releas: unknown key; did you mean 'release'?"


def test_an_exception_type_nobody_knows_is_refused() -> None:
    (problem,) = problems_of(shops={"alder": {**alder(), "terms": {"owners": {"AMOUNT_MISSMATCH": "finance"}}}})

    assert problem.startswith("shops.alder.terms.owners.AMOUNT_MISSMATCH: ")
    assert "'AMOUNT_MISMATCH'" in problem


def test_terms_come_out_as_exact_values() -> None:
    terms = with_terms(
        go_live=date(2026, 4, 1),
        style="direct",
        amount_tolerance="0.10",
        return_tolerance="0.75",
        batch={"cut_off": "17:30", "auto_release_below": 250},
        owners={"AMOUNT_MISMATCH": "customer experience"},
        fees={"restocking": {"description": "Restocking fee", "account": "260", "tax_rule": "20% (VAT on Income)"}},
        sellable_location="Main",
        dispositions=[{"reason": "Faulty", "finding": "uninspected", "disposition": "hold"}],
    )
    found = terms.shop("alder").terms

    assert found.go_live == date(2026, 4, 1)
    assert found.style is NoteStyle.DIRECT
    assert found.amount_tolerance == Decimal("0.10")
    assert found.return_tolerance == Decimal("0.75")
    assert found.batch.auto_release_below == Decimal(250)
    assert found.owners == {"AMOUNT_MISMATCH": Owner.CUSTOMER_EXPERIENCE}
    assert found.fees["restocking"].account == "260"
    assert found.dispositions[0].disposition is Disposition.HOLD


def test_amounts_in_the_file_stay_exact(tmp_path: Path) -> None:
    config = tmp_path / "returnline.toml"
    config.write_text((ROOT / "returnline.toml").read_text().replace('"0.05"', "0.1"))

    assert load(config, tmp_path, SECRETS).shop("alder").terms.amount_tolerance == Decimal("0.1")


def test_the_environment_goes_over_the_file(tmp_path: Path) -> None:
    env = {
        **SECRETS,
        "REDIS_URL": "redis://elsewhere:6379/1",
        "RETURNLINE_INGRESS_PORT": "9999",
        "RETURNLINE_ALDER_CIN7_BASE_URL": "http://127.0.0.1:5/cin7",
    }
    settings = load(ROOT / "returnline.toml", tmp_path, env)

    assert settings.redis_url == "redis://elsewhere:6379/1"
    assert settings.ingress.port == 9999
    assert settings.shop("alder").cin7.base_url == "http://127.0.0.1:5/cin7"


def test_a_port_in_the_environment_that_is_no_number_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalidError, match=r"ingress\.port: must be a whole number"):
        load(ROOT / "returnline.toml", tmp_path, {**SECRETS, "RETURNLINE_INGRESS_PORT": "many"})


def test_a_secret_may_come_from_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-a-file\n")
    env = {
        **SECRETS,
        "RETURNLINE_ALDER_CIN7_APPLICATION_KEY": "",
        "RETURNLINE_ALDER_CIN7_APPLICATION_KEY_FILE": str(tmp_path / "key"),
    }

    assert load(ROOT / "returnline.toml", tmp_path, env).shop("alder").cin7.application_key == "from-a-file"


def test_a_secret_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    env = {**SECRETS, "RETURNLINE_ALDER_HOOK_BEARER_FILE": str(tmp_path / "none")}

    with pytest.raises(SettingsInvalidError, match="RETURNLINE_ALDER_HOOK_BEARER_FILE: cannot read"):
        load(ROOT / "returnline.toml", tmp_path, env)


def test_a_secret_given_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("x")
    env = {**SECRETS, "RETURNLINE_ALDER_HOOK_TOKEN_FILE": str(tmp_path / "key")}

    with pytest.raises(SettingsInvalidError, match="RETURNLINE_ALDER_HOOK_TOKEN: set both plainly and as"):
        load(ROOT / "returnline.toml", tmp_path, env)


def test_a_secret_for_a_shop_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalidError, match="RETURNLINE_ALDR_HOOK_BEARER: no such shop"):
        load(ROOT / "returnline.toml", tmp_path, {**SECRETS, "RETURNLINE_ALDR_HOOK_BEARER": "x"})


def test_two_shops_whose_variables_would_be_the_same_are_refused() -> None:
    problems = problems_of(shops={"alder-uk": alder(), "alder_uk": alder()})

    assert problems == [
        "shops.alder_uk: its variables would have the same names as those of shops.alder-uk; rename one"
    ]


def test_a_shop_name_must_fit_in_an_address() -> None:
    (problem,) = problems_of(shops={"Alder UK": alder()})

    assert problem.startswith("shops.Alder UK: ")


def test_no_secret_is_shown_by_printing_the_settings() -> None:
    shop = alder()
    shop["hooks"] |= {
        "previous_token": "previous-token-0001",
        "bearer": "the-bearer",
        "hmac_secrets": ["whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="],
    }
    settings = read({"shops": {"alder": shop}, "redis_url": "redis://:redis-password@host:6379/0"})

    assert not [secret for secret in secrets_of(settings) if secret in repr(settings)]
    assert {"the-bearer", "redis-password", TOKEN, "cin7-key-of-alder"} <= set(secrets_of(settings))


def test_a_missing_file_is_named_with_the_way_to_name_another(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalidError, match=r"nowhere\.toml: no such file; name one with --config"):
        load(tmp_path / "nowhere.toml", None, {})


def test_a_file_that_is_not_toml_says_where(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("[shops\n")

    with pytest.raises(SettingsInvalidError, match="line 1"):
        load(tmp_path / "bad.toml", None, {})


@pytest.mark.parametrize("value", [[], "x", 5, {"alder": 1}, {}])
def test_a_table_that_is_something_else_is_refused_and_never_a_crash(value: object) -> None:
    assert problems_of(shops=value)[0].startswith("shops")


def test_an_unknown_shop_is_answered_with_the_known_ones() -> None:
    with pytest.raises(KeyError, match="the settings have alder"):
        read({"shops": {"alder": alder()}}).shop("birch")
