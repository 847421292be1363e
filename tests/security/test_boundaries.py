"""Every reader of what comes from outside gives a value or a refusal, whatever it is given, and soon."""

from __future__ import annotations

import copy
import hmac
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from console.cli import main
from pipeline.calls.scrub import scrubbed
from pipeline.ingress import auth
from pipeline.ingress.answers import Refused
from pipeline.ingress.routes import route
from pipeline.ingress.settings import ShopHooks
from pipeline.ledger.codec import from_json, to_json
from pipeline.log import Redaction
from pipeline.settings.load import load
from pipeline.settings.values import SettingsInvalidError
from schemas.cin7.sales import read_sale
from schemas.hooks import SWEEP, read_hook
from schemas.json.fields import SchemaInvalidError, parse
from schemas.json.outline import outline
from schemas.json.privacy import masked_mail, without_personal_data
from schemas.returngo.rmas import read_return, read_rma_list, read_transactions, read_webhooks
from schemas.returns import Return
from tests.schemas.cin7.sale_bodies import sale
from tests.schemas.returngo.rma_bodies import rma

BOUNDED = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
FEW = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
#: Seconds that nothing may take: the largest body a sender can bring is 1 MiB.
SOON = 2.0
LARGE = 200_000

ODD: list[Any] = [
    None,
    True,
    False,
    "",
    " ",
    "\x00",
    "NaN",
    "Infinity",
    "-Infinity",
    "1e999999999",
    "1e-999999999",
    "0e-99",
]
ODD += ["9" * 50, "-0", "0x10", "१२३", "2026-13-45", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00", "x" * 5000]
ODD += ["\ud800", "\u202e", "' or 1=1 --", "../../etc/passwd", "{{7*7}}", "${jndi:x}", "\r\nset-cookie: a=b"]
ODD += [[], {}, [[]], {"": ""}, [None], 0, -1, 10**39, {"amount": "1e-999999999", "currency": "GBP"}]
HOSTILE = st.one_of(
    st.sampled_from(ODD),
    st.text(max_size=20),
    st.integers(-(10**39), 10**39),
    st.recursive(st.none() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3), max_leaves=8),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value inside."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in inside:
        yield (*path, key)
        yield from places(inner, (*path, key))


def with_(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    changed = copy.deepcopy(body)
    holder = changed
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return changed


def spoiled(body: dict[str, Any]) -> st.SearchStrategy[Any]:
    """A good body with one to three values replaced by something hostile."""
    spots = st.lists(st.tuples(st.sampled_from(sorted(places(body), key=repr)), HOSTILE), min_size=1, max_size=3)

    def spoil(changes: list[tuple[tuple[Any, ...], Any]]) -> Any:
        made = body
        for path, value in changes:
            try:
                made = with_(made, path, value)
            except (KeyError, IndexError, TypeError):
                continue
        return made

    return spots.map(spoil)


def value_or_refusal(read: Callable[[], Any]) -> Any:
    """What was read; None where it was refused. Any other error fails the test."""
    began = time.monotonic()
    try:
        return read()
    except SchemaInvalidError:
        return None
    finally:
        assert time.monotonic() - began < SOON


# -- bodies -----------------------------------------------------------------------------------------------------------


@BOUNDED
@given(spoiled(rma()))
def test_a_spoiled_return_is_read_or_refused_and_what_was_read_can_be_stored(body: Any) -> None:
    told = value_or_refusal(lambda: read_return(body))
    if told is not None:
        stored = json.dumps(to_json(told))
        assert len(stored) < 100_000
        assert from_json(Return, json.loads(stored)) == told
    json.dumps(without_personal_data(body))


@BOUNDED
@given(spoiled(json.loads(json.dumps(sale(), default=str))))
def test_a_spoiled_sale_is_read_or_refused(body: Any) -> None:
    value_or_refusal(lambda: read_sale(body))


@BOUNDED
@given(spoiled({"rmas": [{"rmaId": 1, "status": "Done", "order_name": "#1"}], "transactions": [], "webhooks": []}))
def test_spoiled_lists_are_read_or_refused(body: Any) -> None:
    for read in (read_rma_list, read_transactions, read_webhooks):
        value_or_refusal(lambda read=read: read(body))  # type: ignore[misc]


HOOK = {"eventName": "RMA_CREATED", "eventData": {"rma": {"id": 7}, "rmaId": "7", "shipmentId": 1, "list": [{"a": 1}]}}
STOCK = {"ID": "g", "SKU": "A", "Available": "1.0", "OnHand": 1, "ExpiryDate": None}
CIN7 = {"EventType": "Sale/Voided", "SaleID": "g", "TaskID": "t", "SaleOrderNumber": "SO-1", "rows": [STOCK]}


@BOUNDED
@given(spoiled(HOOK), st.sampled_from(["returngo", "cin7"]))
def test_a_spoiled_nudge_is_understood_or_refused(body: Any, source: str) -> None:
    _understood(source, json.dumps(body).encode())


@BOUNDED
@given(spoiled({**CIN7, "rows": [STOCK, STOCK]}), st.booleans())
def test_a_spoiled_event_of_cin7_is_understood_or_refused(body: Any, bare: bool) -> None:
    _understood("cin7", json.dumps(body["rows"] if bare and "rows" in body else body).encode())


@BOUNDED
@given(st.binary(max_size=300), st.sampled_from(["returngo", "cin7"]))
def test_any_bytes_are_understood_or_refused(body: bytes, source: str) -> None:
    _understood(source, body)


def _understood(source: str, body: bytes) -> None:
    """Whatever comes of it fits into the ledger's columns, in any database."""
    nudge = value_or_refusal(lambda: read_hook(source, "Sale/Voided", body))
    json.loads(outline(body) or b"{}", parse_constant=str)
    if nudge is not None:
        for text in (*nudge.ids, nudge.order_number, nudge.task_id):
            assert len(text) <= 120
            assert text.isprintable()


DEEP, WIDE = b"[" * 100_000, json.dumps({f"k{n}": n for n in range(60_000)}).encode()
BOMBS = {
    "lists": DEEP,
    "lists that end": DEEP + b"]" * 100_000,
    "objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "a hundred levels of wide lists": b"[" * 99 + b"0," * 100_000 + b"0" + b"]" * 99,
    "one number": b'{"rmaId":' + b"9" * 1_000_000 + b"}",
    "one exponent": b'{"rmaId": 1e999999999}',
    "one tiny exponent": b'{"rmaId": 1e-999999999}',
    "one key": b'{"' + b"k" * 1_000_000 + b'": 1}',
    "wide": WIDE,
    "wide, and one key twice": WIDE[:-1] + b', "k1": 1}',
    "escapes": b'{"rmaId": "' + b"\\u0041" * 150_000 + b'"}',
    "half surrogates": b'{"rmaId": "' + b"\\ud800" * 150_000 + b'"}',
    "empty objects": b"[" + b"{}," * 300_000 + b"{}]",
    "an id a thousand times": b"[" + b'{"rmaId": 1},' * 60_000 + b'{"rmaId": 1}]',
    "one long word": b'{"note": "' + b"a" * 1_000_000 + b'"}',
    "at signs": b'{"note": "' + b"a@" * 400_000 + b'"}',
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=list(BOMBS))
def test_a_bomb_of_the_largest_size_is_read_or_refused_soon(bomb: bytes) -> None:
    for source in ("returngo", "cin7"):
        _understood(source, bomb)
    value_or_refusal(lambda: parse(bomb))


def test_one_body_cannot_order_thousands_of_readings() -> None:
    many = json.dumps({"rmaIds": list(range(10_000))}).encode()
    assert read_hook("returngo", "", many).kind == SWEEP
    rows = json.dumps([{"rmaId": n} for n in range(10_000)]).encode()
    assert read_hook("returngo", "", rows).kind == SWEEP
    assert len(read_hook("returngo", "", json.dumps({"rmaIds": list(range(20))}).encode()).ids) == 20


LONG_TEXTS = {
    "a word": "a" * LARGE,
    "dots": "a." * (LARGE // 2),
    "at signs": "@" * LARGE,
    "half an address": "a@" + "b" * LARGE,
    "addresses cut short": "a@b" * (LARGE // 3),
    "tags that do not end": "<" * LARGE,
    "colons of an address": "x://" + ":" * LARGE,
    "quotes": '"name": "' * (LARGE // 9),
    "backslashes": '"name": "' + "\\" * LARGE,
    "hooks": "/hooks/" * (LARGE // 7),
}


@pytest.mark.parametrize("text", LONG_TEXTS.values(), ids=list(LONG_TEXTS))
def test_cleaning_a_long_text_takes_no_longer_than_its_length_deserves(text: str) -> None:
    body = rma(comments=[{"commentType": "system", "htmlText": text, "datetime": "2026-03-04T09:00:00+00:00"}])
    for clean in (
        lambda: masked_mail(text),
        lambda: scrubbed(text, ("secret-key",)),
        lambda: Redaction(["secret-key"]).text(text),
        lambda: without_personal_data({"anything": [text]}),
        lambda: read_return(body),
    ):
        value_or_refusal(clean)


@BOUNDED
@given(st.text(max_size=30), st.text(max_size=30))
def test_an_address_is_blotted_out_wherever_it_stands(before: str, after: str) -> None:
    text = f"{before} ada.lovelace@example.invalid {after}"
    for clean in (masked_mail(text), scrubbed(text), Redaction().text(text)):
        assert "ada.lovelace@" not in clean


# -- who knocks -------------------------------------------------------------------------------------------------------


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The length of every secret that something was compared with, in order."""
    lengths: list[int] = []
    real = hmac.compare_digest

    def count(offered: bytes, known: bytes) -> bool:
        lengths.append(len(known))
        return real(offered, known)

    monkeypatch.setattr(hmac, "compare_digest", count)
    return lengths


def test_a_guess_costs_the_same_comparisons_whether_the_shop_exists_or_not(compared: list[int]) -> None:
    shops = {"alder": ShopHooks(tokens=("t" * 43,))}

    def guess(path: str) -> list[int]:
        compared.clear()
        with pytest.raises(Refused) as refused:
            auth.check_token(shops, route(path))
        assert refused.value.answer.status == 404
        return list(compared)

    right_shop = guess(f"/hooks/returngo/alder/{'x' * 43}")
    assert right_shop == guess(f"/hooks/returngo/nobody/{'x' * 43}")
    assert right_shop == guess(f"/hooks/returngo/alder/{'t' * 42}x")
    assert right_shop == [43]


def test_every_known_token_is_compared_even_after_one_was_right(compared: list[int]) -> None:
    assert auth.same_bytes(b"one", (b"one", b"two", b"three"))
    assert len(compared) == 3


# -- settings and commands --------------------------------------------------------------------------------------------

TOML_VALUES = st.recursive(
    st.one_of(
        st.booleans(),
        st.integers(-(10**20), 10**20),
        st.floats(),
        st.text(max_size=10),
        st.sampled_from(["http://x", "redis://", "\x00", "2026-01-01", "🎁"]),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
TABLES = st.sampled_from(["ingress", "intervals", "flower", "shops", "prefix", "shops.a", "shops.a.terms", "data_dir"])
KEYS = st.sampled_from(["port", "sweep", "token", "terms", "go_live", "dispositions", "gate", "fees", "limit", "x"])


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(TABLES, KEYS, TOML_VALUES), max_size=4))
def test_settings_of_any_shape_are_read_or_refused_with_a_list_of_problems(tables: Any) -> None:
    from pipeline.settings.load import read

    raw: dict[str, Any] = {}
    for table, key, value in tables:
        holder: Any = raw
        for name in table.split("."):
            holder = holder.setdefault(name, {}) if isinstance(holder, dict) else {}
        if isinstance(holder, dict):
            holder[key] = value
    try:
        read(raw)
    except SettingsInvalidError as refused:
        told = refused.problems
    else:
        told = ("read",)
    assert told


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_a_settings_file_of_any_bytes_is_refused_with_words(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "returnline.toml"
    file.write_bytes(content)
    with pytest.raises(SettingsInvalidError) as refused:
        load(file, tmp_path / "data", {})
    assert refused.value.problems


CONFIG = """
[shops.alder.returngo]
base_url = "http://127.0.0.1:9"
shop_name = "alder.myshopify.com"
api_key = "rg-key-of-alder"
[shops.alder.cin7]
base_url = "http://127.0.0.1:9"
account_id = "cin7-account-of-alder"
application_key = "cin7-key-of-alder"
[shops.alder.hooks]
token = "hook-token-of-alder-0001"
"""
COMMANDS = st.sampled_from(
    [
        *("explain", "dead show", "dead list --since", "dead list --rma", "deliveries list --subject", "requeue"),
        *("dead stats --fingerprint", "exceptions list --owner", "gaps --as-of", "gaps --rma", "purge --older-than"),
        *("requeue --rate", "requeue --stop-at", "dead discard --reason", "exceptions snooze --until"),
    ]
).map(str.split)
ODD_WORDS = ["1e999", "NaN", "-1", "'; drop table audit; --", "%", "_", "2026-99-99", "99999999999999d", "99999999d"]
ODD_WORDS += ["0001-01-01", "9999-12-31", "9" * 400]
WORDS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from pipeline.ledger.schema.migrating import migrate

    folder = tmp_path_factory.mktemp("words")
    (folder / "returnline.toml").write_text(CONFIG)
    migrate(f"sqlite:///{folder / 'data' / 'ledger.sqlite'}")
    return folder


@FEW
@given(COMMANDS, st.sampled_from(ODD_WORDS) | WORDS)
def test_no_argument_makes_a_command_crash(installation: Path, command: list[str], word: str) -> None:
    told = ["--config", str(installation / "returnline.toml"), "--data", str(installation / "data")]
    result = CliRunner().invoke(main, [*command, word, *told], env={"REDIS_URL": ""})
    assert result.exception is None or isinstance(result.exception, SystemExit), (command, word, result.exception)
    assert result.exit_code in {0, 1, 2}
