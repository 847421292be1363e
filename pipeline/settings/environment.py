"""The environment goes over the file: addresses under fixed names, secrets by shop, each plain or as a `_FILE`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.settings.values import Settings
import codecs

GLOBAL_VARIABLES = {
    "REDIS_URL": "redis_url",
    "DATABASE_URL": "database_url",
    "SENTRY_DSN": "sentry_dsn",
    "RETURNLINE_DATA": "data_dir",
    "RETURNLINE_PREFIX": "prefix",
    "RETURNLINE_LOG_LEVEL": "log_level",
    "RETURNLINE_METRICS_PORT": "metrics_port",
    "RETURNLINE_INGRESS_HOST": "ingress.host",
    "RETURNLINE_INGRESS_PORT": "ingress.port",
    "RETURNLINE_INGRESS_PUBLIC_URL": "ingress.public_url",
    "RETURNLINE_INGRESS_METRICS_TOKEN": "ingress.metrics_token",
    "RETURNLINE_FLOWER_PASSWORD": "flower.password",
}
WHOLE_NUMBERS = frozenset({"metrics_port", "ingress.port"})
# The last part of the variable's name, and the key under shops.NAME.
SHOP_SECRETS = {
    "returngo.api_key": "RETURNGO_API_KEY",
    "cin7.account_id": "CIN7_ACCOUNT_ID",
    "cin7.application_key": "CIN7_APPLICATION_KEY",
    "shopify.access_token": "SHOPIFY_ACCESS_TOKEN",
    "hooks.token": "HOOK_TOKEN",
    "hooks.previous_token": "HOOK_PREVIOUS_TOKEN",
    "hooks.bearer": "HOOK_BEARER",
    "hooks.basic_user": "HOOK_BASIC_USER",
    "hooks.basic_password": "HOOK_BASIC_PASSWORD",
    "hooks.hmac_secrets": "HOOK_HMAC_SECRETS",
}
SHOP_ADDRESSES = {
    "returngo.base_url": "RETURNGO_BASE_URL",
    "cin7.base_url": "CIN7_BASE_URL",
    "shopify.base_url": "SHOPIFY_BASE_URL",
}
SHOP_VARIABLES = {**SHOP_SECRETS, **SHOP_ADDRESSES}
LISTS = frozenset({"hooks.hmac_secrets"})


def variable(shop: str, key: str) -> str:
    """The environment variable of one shop's key, e.g. `RETURNLINE_ALDER_CIN7_APPLICATION_KEY`."""
    return f"RETURNLINE_{_capitals(shop)}_{SHOP_VARIABLES[key]}"


def apply_environment(raw: MutableMapping[str, Any], env: Mapping[str, str]) -> list[str]:
    """Writes what the environment says into `raw`; returns the problems (unreadable file, set twice, no such shop)."""
    problems: list[str] = []
    for name, path in GLOBAL_VARIABLES.items():
        value = _value(name, env, problems)
        if value:
            _put(raw, path, int(value) if path in WHOLE_NUMBERS and value.isdigit() else value)
    shops = raw.get("shops")
    names = [str(name) for name in shops] if isinstance(shops, Mapping) else []
    for shop in names:
        for key in SHOP_VARIABLES:
            value = _value(variable(shop, key), env, problems)
            if value:
                _put(raw, f"shops.{shop}.{key}", re.split(r"[,\s]+", value) if key in LISTS else value)
    return problems + list(_for_nobody(names, env))


def secrets_of(settings: Settings) -> tuple[str, ...]:
    """Every secret text in the settings, longest first."""
    found = {
        settings.flower.password,
        settings.ingress.metrics_token,
        settings.sentry_dsn,
        _password(settings.redis_url),
    }
    found.add(_password(settings.database_url))
    for shop in settings.shops.values():
        for path in SHOP_SECRETS:
            table, key = path.split(".")
            value = getattr(getattr(shop, table), key, "")
            found.update(value if isinstance(value, tuple) else (value,))
    return tuple(sorted((text for text in found if text and len(text) >= 4), key=lambda text: (-len(text), text)))


def _value(name: str, env: Mapping[str, str], problems: list[str]) -> str:

    plain, path = env.get(name, ""), env.get(f"{name}_FILE", "")
    if plain and path:
        problems.append(f"{name}: set both plainly and as {name}_FILE; keep one")
    if plain or not path:
        return plain
    try:
        return text_of(Path(path)).strip()
    except UnicodeDecodeError:
        problems.append(f"{name}_FILE: {path} is not UTF-8 text; write the secret alone into it")
        return ""
    except OSError as error:
        problems.append(f"{name}_FILE: cannot read {path} ({error.strerror}); check the path and its rights")
        return ""


def _put(raw: MutableMapping[str, Any], path: str, value: object) -> None:
    *tables, key = path.split(".")
    for name in tables:
        inner = raw.setdefault(name, {})
        if not isinstance(inner, MutableMapping):
            return  # the form will say that this is not a table
        raw = inner
    raw[key] = value


def clashes(shops: Iterable[str]) -> Iterator[str]:
    """Yields a problem for each shop whose variables another shop has already taken."""
    seen: dict[str, str] = {}
    for shop in shops:
        other = seen.setdefault(_capitals(shop), shop)
        if other != shop:
            yield f"shops.{shop}: its variables would have the same names as those of shops.{other}; rename one"


def _for_nobody(shops: list[str], env: Mapping[str, str]) -> Iterator[str]:
    """A secret set for a shop that does not exist is a typing error, and otherwise a silent one."""
    known = {variable(shop, key) for shop in shops for key in SHOP_VARIABLES} | set(GLOBAL_VARIABLES)
    endings = tuple(f"_{ending}" for ending in SHOP_VARIABLES.values())
    for name in sorted(env):
        base = name.removesuffix("_FILE")
        if name.startswith("RETURNLINE_") and base.endswith(endings) and base not in known:
            yield f"{name}: no such shop; the settings have {', '.join(shops) or 'none'}"


def _capitals(shop: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "_", shop).upper()


def _password(url: str) -> str:
    match = re.match(r"[a-z+]+://[^/@]*:([^@/]+)@", url)
    return match[1] if match else ""


def text_of(path: Path) -> str:
    """A text file, with or without the mark (BOM) that editors put before it. Raises OSError and UnicodeDecodeError."""
    content = path.read_bytes()
    marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16" if marked else "utf-8-sig").replace("\r\n", "\n")
