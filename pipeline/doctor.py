"""Is this installation fit to run? One row per check, green, amber or red, and what to do about it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import embedded
from pipeline.settings import Settings

if TYPE_CHECKING:
    from pipeline.parts import Parts, ShopParts
    from pipeline.wire import Http


class Light(StrEnum):
    """Red stops the line or endangers money; amber is worth knowing; green is as it should be."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"


@dataclass(frozen=True, slots=True)
class Row:
    """One check: what was looked at, what was found, and the fix when it is not green."""

    light: Light
    check: str
    found: str
    fix: str = ""


def green(check: str, found: str) -> Row:
    """As it should be."""
    return Row(Light.GREEN, check, found)


def amber(check: str, found: str, fix: str) -> Row:
    """Worth knowing; the line runs."""
    return Row(Light.AMBER, check, found, fix)


def red(check: str, found: str, fix: str) -> Row:
    """The line must not run like this."""
    return Row(Light.RED, check, found, fix)


def examine(settings: Settings, now: datetime) -> list[Row]:
    """Looks at everything this installation stands on; reads only, but for one key written to Redis and deleted again.

    The calls to Cin7 Core and ReturnGO take their quota slots like all others. Never raises for what it looks at.
    """
    from pipeline.doctor_ground import broker_rows, import_rows, ledger_rows
    from pipeline.doctor_shop import shop_rows

    rows = [green("settings", str(settings.config_path or "given")), *import_rows(), *ledger_rows(settings)]
    try:
        with reachable_broker(settings) as (whole, note):
            rows += [*note, *broker_rows(whole.redis_url)]
            if not any(row.light is Light.RED and row.check == "broker" for row in rows):
                rows += _each_shop(whole, now, shop_rows)
    except (embedded.EmbeddedServerError, RuntimeError) as error:
        rows.append(red("broker", str(error), "read the server's log, or set REDIS_URL"))
    return rows


@contextlib.contextmanager
def reachable_broker(settings: Settings) -> Iterator[tuple[Settings, list[Row]]]:
    """Gives settings whose `redis_url` can be called: an embedded server that is down is started for the time being."""
    if settings.redis_url:
        yield settings, []
        return
    server = embedded.start(embedded.folder_of(settings.data_dir), follow=True)
    note = [] if server.adopted else [amber("roles", "not running", "start them with `returnline up`")]
    try:
        yield replace(settings, redis_url=server.url), note
    finally:
        if not server.adopted:
            server.stop()


def _each_shop(settings: Settings, now: datetime, shop_rows: Callable[..., Iterator[Row]]) -> list[Row]:
    from pipeline.parts import Parts
    from pipeline.wire import Http

    parts, http = Parts(settings, clock=lambda: now), Http()
    try:
        rows: list[Row] = []
        for name in settings.shops:
            shop = _unwritten(parts.shop(name), http)
            mine = list(shop_rows(settings, shop, now))
            rows += [*mine, *_setup(parts, shop, now, mine)]
        return rows
    finally:
        http.close()
        parts.close()


def _setup(parts: Parts, shop: ShopParts, now: datetime, so_far: list[Row]) -> list[Row]:
    """The terms against the returns so far; nothing where there is no ledger to read or Cin7 does not answer."""
    from sqlalchemy.exc import SQLAlchemyError

    from pipeline.doctor_terms import setup_rows

    url = parts.settings.database_url
    absent = url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists()
    if absent or any(row.check == f"{shop.name} cin7" and row.light is Light.RED for row in so_far):
        return []
    try:
        return list(setup_rows(parts.ledger, shop, now))
    except SQLAlchemyError:
        # Said by the ledger's own row.
        return []


def _unwritten(shop: ShopParts, http: Http) -> ShopParts:
    """The same clients without an observer: these calls are no part of any return, and the ledger may not exist yet."""
    from pipeline.cin7 import Cin7
    from pipeline.returngo import ReturnGo

    cin7 = Cin7(shop.cin7.access, shop.cin7_quota, http)
    return replace(shop, cin7=cin7, returngo=ReturnGo(shop.returngo.access, shop.returngo_quota, http))
