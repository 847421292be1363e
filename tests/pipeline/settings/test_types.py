"""A value of the wrong type, for every key there is: named with its key and the fix, never a crash, never a guess."""

from __future__ import annotations

import codecs
import dataclasses
import re
from datetime import UTC, date, datetime, time
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from marshmallow import Schema, fields

from pipeline.settings.fields import Many, Named
from pipeline.settings.forms import SettingsForm
from pipeline.settings.load import load, read
from pipeline.settings.values import (
    Cin7Settings,
    FlowerSettings,
    HookSettings,
    IngressSettings,
    Intervals,
    ReturnGoSettings,
    SettingsInvalidError,
    ShopifySettings,
)
from schemas.terms import BatchTerms, Terms
from tests.pipeline.settings.values import TOKEN, alder

ROOT = Path(__file__).parents[3]
SECRETS = {
    "RETURNLINE_ALDER_RETURNGO_API_KEY": "rg-key",
    "RETURNLINE_ALDER_CIN7_ACCOUNT_ID": "account",
    "RETURNLINE_ALDER_CIN7_APPLICATION_KEY": "application",
    "RETURNLINE_ALDER_HOOK_TOKEN": TOKEN,
}
Key = tuple[str | int, ...]
WRONG: tuple[Any, ...] = (
    True, 1, -1, 10**400, 1.5, Decimal("1.5"), Decimal("1e99999"), float("inf"), float("nan"), "", "x", "1e30", [], {},
    [1], [{}], [[]], [None], {"a": 1}, {"a": {}}, date(2026, 1, 1), time(18, 0), datetime(2026, 1, 1, tzinfo=UTC), None,
)  # fmt: skip
#: How a fix begins; every message must hold one.
FIX = re.compile(
    r"\b(write|must be|use( one of)?|set|did you mean|known are|such as|needs|rename|lower|raise|named?|missing;)\b"
)


def keys_of(schema: Schema) -> list[Key]:
    return [
        place for name, field in schema.fields.items() for place in ((name,), *((name, *p) for p in _inside(field)))
    ]


def _inside(field: fields.Field[Any]) -> list[Key]:
    if isinstance(field, fields.Nested):
        return keys_of(field.schema)
    if isinstance(field, Many):
        return [(0,), *((0, *place) for place in _inside(field.inner))]
    if isinstance(field, Named):
        inner = field.inner
        below = keys_of(inner) if isinstance(inner, Schema) else _inside(inner)
        return [("alder",), *(("alder", *place) for place in below)]
    return []


EVERY_KEY = keys_of(SettingsForm())


def with_value(key: Key, value: object) -> dict[str, Any]:
    raw: dict[str, Any] = {"shops": {"alder": alder()}}
    here: Any = raw
    for part, following in pairwise(key):
        empty: Any = [] if following == 0 else {}
        if part == 0:
            here[:] = here or [empty]
            here = here[0]
        else:
            here = here.setdefault(part, empty)
    if key[-1] == 0:
        here[:] = [value]
    else:
        here[key[-1]] = value
    return raw


def written(key: Key) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key).lstrip(".")


def test_the_table_below_knows_every_key() -> None:
    tables = (IngressSettings, Intervals, FlowerSettings, ReturnGoSettings, Cin7Settings, ShopifySettings, HookSettings)
    read_by = {field.name for table in (*tables, Terms, BatchTerms) for field in dataclasses.fields(table)}
    assert read_by <= {str(part) for key in EVERY_KEY for part in key}


@pytest.mark.parametrize("key", EVERY_KEY, ids=written)
def test_a_value_of_the_wrong_type_is_named_with_its_key_and_the_fix(key: Key) -> None:
    for value in WRONG:
        try:
            read(with_value(key, value))
        except SettingsInvalidError as refused:
            for problem in refused.problems:
                path, _, words = problem.partition(": ")
                near = path.startswith((written(key), written(key[:-1]))) or "basic_user" in path or "flower" in path
                assert near or key[-1] in {"limit", "margin"} or key[0] == "intervals", problem
                assert FIX.search(words), f"no fix: {problem}"
                assert not re.search(r"Not a valid|Field may not|Invalid (input|value)", words), problem


@pytest.mark.parametrize("key", [("intervals", "sweep"), ("ingress", "port"), ("shops", "alder", "cin7", "limit")])
@pytest.mark.parametrize("value", [True, False, "x", [], {}, float("inf"), 10**400])
def test_a_number_is_no_truth_and_no_text(key: Key, value: object) -> None:
    with pytest.raises(SettingsInvalidError) as refused:
        read(with_value(key, value))
    assert [problem for problem in refused.value.problems if problem.startswith(f"{written(key)}: must be a")]


@pytest.mark.parametrize("value", ["18:00+02:00", "18:00Z", time(18, 0, tzinfo=UTC)])
def test_a_cut_off_names_no_time_zone(value: object) -> None:
    with pytest.raises(SettingsInvalidError, match=r"terms\.batch\.cut_off: .*time zone.*write 18:00:00"):
        read(with_value(("shops", "alder", "terms", "batch", "cut_off"), value))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (("shops", "alder", "terms", "batch", "cut_off"), 18),
        (("shops", "alder", "terms", "batch", "cut_off"), datetime(2026, 1, 1, 18, tzinfo=UTC)),
        (("shops", "alder", "terms", "go_live"), 20260401),
        (("shops", "alder", "terms", "go_live"), datetime(2026, 4, 1, tzinfo=UTC)),
    ],
)
def test_a_number_is_no_day_and_a_moment_is_no_time_of_day(key: Key, value: object) -> None:
    with pytest.raises(SettingsInvalidError, match=r"is not a .*; write "):
        read(with_value(key, value))


@pytest.mark.parametrize(
    "shop",
    [
        "https://alder.myshopify.com",
        "http://alder",
        "alder.myshopify.com/",
        "alder/admin",
        "alder shop",
        "alder:443",
        ".",
    ],
)
def test_a_shopify_shop_is_a_name_and_no_address(shop: str) -> None:
    raw = with_value(("shops", "alder", "shopify"), {"shop": shop, "access_token": "shpat_1"})
    with pytest.raises(SettingsInvalidError, match=r"shopify\.shop: .*write the name alone.*alder\.myshopify\.com"):
        read(raw)


@pytest.mark.parametrize("shop", ["alder", "Alder-UK", "alder.myshopify.com"])
def test_a_shopify_shop_may_be_its_name_or_its_host(shop: str) -> None:
    raw = with_value(("shops", "alder", "shopify"), {"shop": shop, "access_token": "shpat_1"})
    told = read(raw).shop("alder").shopify
    assert told is not None
    assert told.shop == shop


def test_a_returngo_shop_name_is_no_address_either() -> None:
    raw = with_value(("shops", "alder", "returngo", "shop_name"), "https://alder.myshopify.com")
    with pytest.raises(SettingsInvalidError, match=r"returngo\.shop_name: .*write the name alone"):
        read(raw)


@pytest.mark.parametrize(
    "url", ["https://[", "https://h:99999", "https://h:x", "https://h#x", "https://h y", "https://"]
)
def test_an_address_that_cannot_be_taken_apart_is_refused_and_never_a_crash(url: str) -> None:
    with pytest.raises(SettingsInvalidError, match=r"cin7\.base_url: .*write https://host/path"):
        read(with_value(("shops", "alder", "cin7", "base_url"), url))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (("redis_url",), "redis:/:s3cret-word@host"),
        (("database_url",), "postgres//u:s3cret-word@host"),
        (("shops", "alder", "hooks", "token"), "s3cret-word!!!!!!!!!!!!"),
        (("shops", "alder", "cin7", "base_url"), "https://me:s3cret-word@host"),
    ],
)
def test_a_refusal_never_shows_what_may_be_a_secret(key: Key, value: str) -> None:
    with pytest.raises(SettingsInvalidError) as refused:
        read(with_value(key, value))
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (b"", "utf-8"),
    ],
)
def test_a_settings_file_is_read_with_the_mark_that_editors_put_before_it(
    tmp_path: Path, mark: bytes, encoding: str
) -> None:
    text = (ROOT / "returnline.toml").read_text().replace("\n", "\r\n")
    (tmp_path / "returnline.toml").write_bytes(mark + text.encode(encoding))
    assert "alder" in load(tmp_path / "returnline.toml", tmp_path, SECRETS).shops


def test_a_secret_file_is_read_with_the_mark_too(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(codecs.BOM_UTF8 + b"from-a-file\r\n")
    env = {**SECRETS, "RETURNLINE_ALDER_HOOK_BEARER_FILE": str(tmp_path / "key")}
    assert load(ROOT / "returnline.toml", tmp_path, env).shop("alder").hooks.bearer == "from-a-file"


def test_a_secret_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\x80\xff")
    with pytest.raises(SettingsInvalidError, match=r"RETURNLINE_ALDER_HOOK_BEARER_FILE: .* is not UTF-8"):
        load(
            ROOT / "returnline.toml", tmp_path, {**SECRETS, "RETURNLINE_ALDER_HOOK_BEARER_FILE": str(tmp_path / "key")}
        )


def test_a_settings_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalidError, match="cannot read"):
        load(tmp_path, None, {})
